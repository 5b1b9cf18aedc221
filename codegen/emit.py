"""Plan -> lines of Python. One function per kind of record; no decision is taken here."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import singledispatchmethod
from math import inf

import sympy
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.literal import number
from gradscribe.codegen.names import Names
from gradscribe.codegen.nest import nest_function
from gradscribe.codegen.plan import (
    Allocate,
    Block,
    Branch,
    Clip,
    Compiled,
    Contract,
    Count,
    Define,
    Gather,
    Known,
    Labels,
    Loop,
    Nest,
    Plan,
    Positions,
    Present,
    Record,
    Reduce,
    Release,
    Scale,
    ScatterAdd,
    Slice,
    Split,
    Spread,
    Update,
    Wanted,
    When,
    Window,
    mentioned,
)
from gradscribe.codegen.pointwise import into
from gradscribe.codegen.render import NestContext
from gradscribe.codegen.scalar import ATOM, POWER, ArrayPrinter, size_text
from gradscribe.derive.functions import admission, is_indicator
from gradscribe.derive.index import Affine
from gradscribe.derive.term import EXTREMA, Access, Guard, accesses

INDENT = "    "
LONG = 90
# An extremum of two arrays, of one array, of two with the position recorded, and of nothing.
_PAIRWISE = {"max": "np.maximum", "min": "np.minimum"}
_REDUCED = {"max": "np.max", "min": "np.min"}
_RECORDED = {"max": "rt.maximise", "min": "rt.minimise"}
_EMPTY = {"max": "-np.inf", "min": "np.inf"}


class Emitter:
    """Emits one function's records.

    Args:
        taken: names of arrays, sizes and options; what else has a name is called otherwise.
        arrays: the Python variable of a tensor whose own name is taken otherwise.
        buffers: the Python variable of the buffers that buffered arrays come from.
    """

    def __init__(self, taken: Iterable[str], arrays: Mapping[str, str] | None = None, buffers: str = "") -> None:
        self.given = set(taken)
        self.names = Names(self.given)
        self.arrays = dict(arrays or {})
        self.buffers = buffers
        self.loops: dict[Symbol, str] = {}
        self.spans: dict[str, tuple[Symbol, str]] = {}
        self.function = ""
        self.nests: list[NestContext] = []

    def lines(self, plan: Plan) -> list[str]:
        """The statements of a plan, indentation relative to the function's body; `nests` are the loops they call."""
        self.function = plan.name
        self.names.take(mentioned(plan.records))
        return self._all(plan.records)

    def _all(self, records: Iterable[Record]) -> list[str]:
        return [line for record in records for line in self.emit(record)]

    def _indented(self, records: Iterable[Record]) -> list[str]:
        return [INDENT + line for line in self._all(records)]

    def index(self, symbol: Symbol) -> str:
        """The Python name of an index."""
        return self.names.own(symbol.name, "index")

    def limits(self, symbol: Symbol) -> tuple[str, str]:
        """The Python names of the limits of an index."""
        return self.names.own(f"{symbol.name}_low", "low"), self.names.own(f"{symbol.name}_high", "high")

    def array(self, name: str) -> str:
        """The Python name of an array."""
        return self.arrays.get(name, name)

    def size(self, expression: Expr, level: int = 0, indices: Iterable[Symbol] = ()) -> str:
        """A size expression; `indices` are printed under their Python names."""
        known = set(indices)
        return size_text(expression, level, lambda s: self.index(s) if s in known else s.name)

    def shape(self, extents: tuple[Expr, ...]) -> str:
        """A tuple of size expressions."""
        inner = ", ".join(self.size(e) for e in extents)
        return f"({inner},)" if len(extents) == 1 else f"({inner})"

    @singledispatchmethod
    def emit(self, record: Record) -> list[str]:
        """The lines of one record."""
        raise TypeError(f"no such record: {record}")

    @emit.register
    def _(self, record: Allocate) -> list[str]:
        kind = "np.int32" if record.integer else "dtype"
        shape = self.shape(record.shape)
        if record.buffered:
            filled = [f"{record.name}.fill({_constant(record.fill)})"] if record.fill is not None else []
            return [f"{record.name} = {self.buffers}.take({shape}, {kind})", *filled]
        if record.fill is None:
            return [f"{record.name} = np.empty({shape}, {kind})"]
        if record.fill == 0:
            return [f"{record.name} = np.zeros({shape}, {kind})"]
        return [f"{record.name} = np.full({shape}, {_constant(record.fill)}, {kind})"]

    @emit.register
    def _(self, record: Split) -> list[str]:
        return [f"{record.name} = {self.array(record.source)}.reshape({', '.join(self.size(e) for e in record.shape)})"]

    @emit.register
    def _(self, record: Window) -> list[str]:
        places = {r.index: k for k, r in enumerate(record.axes)}
        positions = []
        for form in record.positions:
            steps = [f"({places[v]}, {self.size(c)})" for v, c in form.terms]
            positions.append(f"({', '.join([self.size(form.offset), *steps])}{'' if steps else ','})")
        names = " ".join(r.index.name for r in record.axes)
        shape = self.shape(tuple(r.extent for r in record.axes))
        lines = [
            f"{record.name} = rt.{'Window' if record.described else 'window'}(  # {names}",
            f"{INDENT}{self.array(record.source)},",
            f"{INDENT}{shape},",
        ]
        return [*lines, f"{INDENT}({', '.join(positions)}{',' if len(positions) == 1 else ''}),", ")"]

    @emit.register
    def _(self, record: Contract) -> list[str]:
        out = " ".join(r.index.name for r in record.axes)
        spec = f"{_names(record.left_axes)}, {_names(record.right_axes)} -> {out}"
        call = f'rt.contract("{spec}", {self.array(record.left)}, {self.array(record.right)}'
        if record.into:
            add = ", add=True" if record.accumulate else ""
            scale = f", scale={self._printer(None).text(record.scale)}" if record.scale != 1 else ""
            return [f"{call}, out={record.out}{add}{scale})"]
        if record.accumulate:
            scaled = self._scaled(f"{call})", record.scale)
            return [f"{record.out} += {scaled}"]
        lines = [f"{call}, out={record.out})"]
        if record.scale != 1:
            lines.append(f"{record.out} *= {self._printer(None).text(record.scale, POWER)}")
        return lines

    @emit.register
    def _(self, record: Reduce) -> list[str]:
        given = self._given(record.scale, record.argument)
        return [f'rt.reduce("{record.op}", {record.window}, {self.array(record.out)}{given})']

    @emit.register
    def _(self, record: Spread) -> list[str]:
        add = ", add=True" if record.accumulate else ""
        given = self._given(record.scale, record.argument)
        return [f"rt.spread({self.array(record.values)}, {record.out}{given}{add})"]

    def _given(self, scale: Update | None, argument: str | None) -> str:
        scaled = f", scale={self._value(scale)}" if scale is not None else ""
        return scaled + (f", argument={self.array(argument)}" if argument is not None else "")

    def _scaled(self, text: str, scale: Expr) -> str:
        if scale in (1, -1):
            return text if scale == 1 else f"-{text}"
        return f"{self._printer(None).text(scale, POWER)} * {text}"

    @emit.register
    def _(self, record: Clip) -> list[str]:
        low, high = self.limits(record.index)
        brackets = ", ".join(
            f"({self.size(a)}, {self.position(b)}, {self.position(e)})" for a, b, e in record.constraints
        )
        return [f"{low}, {high} = rt.clip({self.size(record.extent)}, {brackets})"]

    def position(self, expression: Expr, level: int = 0) -> str:
        """A position expression: its symbols may be loop indices or sizes."""
        return size_text(expression, level, lambda s: self.loops.get(s, s.name))

    @emit.register
    def _(self, record: Loop) -> list[str]:
        self.loops = {**self.loops, record.index: self.index(record.index)}
        limits = self.size(record.extent) if record.clip is None else ", ".join(self.limits(record.index))
        head = f"for {self.index(record.index)} in range({limits}):"
        return [*(self.emit(record.clip) if record.clip else []), head, *self._indented(record.body)]

    @emit.register
    def _(self, record: When) -> list[str]:
        tests = [" < ".join(self.limits(v)) for v in record.clips]
        tests += [f"0 <= {self.position(g.value)} < {self.position(g.extent)}" for g in record.guards]
        return [f"if {' and '.join(tests)}:", *self._indented(record.body)]

    @emit.register
    def _(self, record: Block) -> list[str]:
        start, stop = (self.names.own(f"{record.block.name}_{end}", end) for end in ("start", "stop"))
        sizes = f"{self.size(record.extent)}, {self.size(record.elements)}{', rt.OPERAND' if record.operand else ''}"
        lines = [f"for {start}, {stop} in rt.blocks({sizes}):"]
        body = self._indented(record.body)
        if any(re.search(rf"\b{record.block.name}\b", line) for line in body):
            lines.append(f"{INDENT}{record.block.name} = {stop} - {start}")
        for name, source, axis in record.slices:
            lines.append(f"{INDENT}{name} = {self.array(source)}[{':, ' * axis}{start}:{stop}]")
        return [*lines, *body]

    @emit.register
    def _(self, record: Branch) -> list[str]:
        test = " and ".join(f"{s.name} == 1" for s in record.ones)
        return [f"if {test}:", *self._indented(record.then), "else:", *self._indented(record.otherwise)]

    @emit.register
    def _(self, record: Compiled) -> list[str]:
        tests = [f"rt.compiles({', '.join(self.size(e) for e in (record.steps, *record.options))})"]
        tests += [self._bracket(g) for g in record.within]
        return [f"if {' and '.join(tests)}:", *self._indented(record.then), "else:", *self._indented(record.otherwise)]

    def _bracket(self, guard: Guard) -> str:
        """A condition on sizes; ``G == 1`` for that on G - 1 to be 0."""
        if guard.extent == 1:
            return f"{self.size(guard.value + 1)} == 1"
        return f"0 <= {self.size(guard.value)} < {self.size(guard.extent)}"

    @emit.register
    def _(self, record: Nest) -> list[str]:
        name = f"_{self.function}_{len(self.nests) + 1}"
        made = nest_function(record, name, self.given)
        self.nests.append(made.function)
        steps = sympy.prod([r.extent for r in record.ranges], start=Integer(1))
        arguments = [
            *(f"rt.flat({self.array(a)})" for a in made.arrays),
            *(f"dtype({self._number(n)})" for n in made.numbers),
            *(s.name for s in made.sizes),
            *(f"rt.fixed({s.name})" for s in made.fixed),
        ]
        return [f"rt.run({name}, {self.size(made.extent)}, {self.size(steps)}, {', '.join(arguments)})"]

    def _number(self, value: Expr) -> str:
        """The text of a number that loops are given."""
        if value.is_infinite:
            return "np.inf" if value.is_positive else "-np.inf"
        return self._printer(None).text(value)

    @emit.register
    def _(self, record: Present) -> list[str]:
        return [f"if {self.array(record.array)} is not None:", *self._indented(record.body)]

    @emit.register
    def _(self, record: Positions) -> list[str]:
        printer = self._printer(record.update, record.update.axes)
        # small and unsigned types would overflow
        wide = ArrayPrinter(lambda a: f"rt.wide({printer.access(a)})", printer.index, printer.vectors)
        return [f"{record.name} = {wide.text(record.update.body, whole=True)}"]

    @emit.register
    def _(self, record: Gather) -> list[str]:
        spec = f"{self._looked_up(record.source_axes, record.labels)} -> {_names(r.index for r in record.axes)}"
        labels = "".join(f", {self.array(k.array)}" for k in record.labels)
        return [f'{record.name} = rt.gather("{spec}", {self.array(record.source)}{labels})']

    @emit.register
    def _(self, record: Count) -> list[str]:
        sizes = self.size(record.along.extent), self.size(record.counted.extent)
        brackets = (f"({', '.join(self.size(e) for e in bracket)})" for bracket in record.brackets)
        return [f"{record.name} = rt.counts({', '.join([*sizes, *brackets])}).astype(dtype)"]

    @emit.register
    def _(self, record: Known) -> list[str]:
        return [f"{record.name} = rt.known({self.array(record.labels)}, {self.size(record.extent)})"]

    @emit.register
    def _(self, record: ScatterAdd) -> list[str]:
        spec = f"{self._looked_up(record.values_axes, record.labels)} -> {_names(record.target_axes)}"
        labels = "".join(f", {self.array(k.array)}" for k in record.labels)
        return [f'rt.scatter("{spec}", {self.array(record.target)}, {self.array(record.values)}{labels})']

    def _looked_up(self, axes: Iterable[Expr], labels: Iterable[Labels]) -> str:
        """Axes by name, then per label array the axis that it stands for and its own axes."""
        return ", ".join([_names(axes), *(f"{k.index.name}: {_names(k.axes)}" for k in labels)])

    @emit.register
    def _(self, record: Release) -> list[str]:
        return [f"{self.buffers}.give({', '.join(record.buffered)})"]

    @emit.register
    def _(self, record: Wanted) -> list[str]:
        return [f"if {record.flag}:", *self._indented(record.body)]

    @emit.register
    def _(self, record: Define) -> list[str]:
        if record.buffered:
            shape = self.shape(tuple(r.extent for r in record.update.ranges))
            lines = into(record.name, record.update.body, self._printer(record.update, record.update.axes))
            return self._with_spans([f"{record.name} = {self.buffers}.take({shape}, dtype)", *lines])
        return self._with_spans([f"{record.name} = {self._value(record.update)}"])

    @emit.register
    def _(self, record: Scale) -> list[str]:
        return self._with_spans([f"{self.slice(record.update.target, record.update)} *= {self._value(record.update)}"])

    @emit.register
    def _(self, record: Update) -> list[str]:
        return self._with_spans(self._updated(record))

    def _with_spans(self, lines: list[str]) -> list[str]:
        """The slices that `lines` use, by name, and then the lines."""
        named = [f"{name} = {text}" for text, (_, name) in self.spans.items()]
        self.spans = {}
        return [*named, *lines]

    def _updated(self, record: Update) -> list[str]:
        target = self.slice(record.target, record)
        if record.op == "+=":
            row = self._row(record, target)
            if row:
                return [f"rt.add_row({target}, {self._printer(record, row).text(record.body)})"]
            value = self._value(record)
            is_view = any(v is not None for v in record.target.vectors)
            if is_view and "[" in target and len(target) + len(value) > LONG:
                part = self.names.own("part")
                return [f"{part} = {target}", f"{part} += {value}"]
            return [f"{target} += {value}"]
        brackets, value = admission(record.body)
        where = self._where(brackets, record)
        if record.argument is None:
            writable = target if target.endswith("]") else f"{target}[...]"
            return [f"{writable} = {_PAIRWISE[record.op]}({target}, {self._value(record)})"]
        found, position = record.argument
        if record.summed:
            values = self._printer(record, record.axes).text(value)
            return [
                f"rt.first_{record.op}({self._view(target)}, {self._view(self.slice(found, record))}, {values}, "
                f"{len(record.summed)}{where})"
            ]
        arrays = f"{self._view(target)}, {self._view(self.slice(found, record))}"
        values = self._value(replace(record, body=value))
        return [f"{_RECORDED[record.op]}({arrays}, {values}, {self.position(position)}{where})"]

    def _where(self, brackets: Sequence[Expr], update: Update) -> str:
        """The argument that says which elements an extremum has."""
        return f", {self._printer(update, update.axes).condition(brackets)}" if brackets else ""

    def _elements(self, update: Update) -> str:
        """What an extremum is taken of, that of no element where a bracket excludes one."""
        brackets, value = admission(update.body)
        printer = self._printer(update, update.axes)
        if not brackets:
            return printer.text(value, ATOM if update.summed else 0)
        text = f"dtype({printer.text(value)})" if printer.is_scalar(value) else printer.text(value)
        return f"np.where({printer.condition(brackets)}, {text}, {_EMPTY[update.op]})"

    def _row(self, update: Update, target: str) -> tuple[Symbol, ...]:
        """The last axes, if what is added to a whole array sees them and not the two axes before; () otherwise."""
        read = {tuple(v for v in part.vectors if v is not None) for _, part in update.slices}
        own = next(iter(read)) if len(read) == 1 else ()
        rest = update.axes[: len(update.axes) - len(own)]
        if update.summed or "[" in target or len(rest) < 2 or update.axes != rest + own:
            return ()
        return () if set(rest) & update.body.free_symbols else own

    def _view(self, text: str) -> str:
        """A subscript by integers alone yields a scalar; an ellipsis keeps it a view."""
        return f"{text[:-1]}, ...]" if text.endswith("]") else text

    def slice(self, part: Slice, update: Update) -> str:
        """An array with its subscripts."""
        texts = [self._axis(f, v, update) for f, v in zip(part.positions, part.vectors, strict=True)]
        while texts and texts[-1] == ":":
            texts.pop()
        name = self.array(part.array)
        return f"{name}[{', '.join(texts)}]" if texts else name

    def _axis(self, form: Affine, vector: Symbol | None, update: Update) -> str:
        if vector is None:
            return self.position(form.expression())
        low, high = self._range(vector, update)
        if form.plain() is not None:
            return f"{low}:{high}" if vector in update.clipped else ":"
        slope = form.coefficient(vector)
        rest = form.expression() - slope * vector
        text = f"rt.span({self.size(slope)}, {self.position(rest)}, {low}, {high})"
        number = sum(known == vector for known, _ in self.spans.values())
        name = self.names.own(f"{vector.name}_at{number or ''}", "at")
        return self.spans.setdefault(text, (vector, name))[1]

    def _range(self, vector: Symbol, update: Update) -> tuple[str, str]:
        if vector in update.clipped:
            return self.limits(vector)
        return "0", self.size(next(r.extent for r in update.ranges if r.index == vector))

    def _value(self, update: Update) -> str:
        """The right side: a pointwise expression, a sum over axes, a contraction, or an extremum over axes."""
        if update.op in EXTREMA:
            elements = self._elements(update)
            if not update.summed:
                return elements
            axes = _last(len(update.summed))
            return f"{_REDUCED[update.op]}({elements}, axis={axes}, initial={_EMPTY[update.op]})"
        body, missing = update.body, [v for v in update.summed if v not in update.body.free_symbols]
        scale = ""
        for v in missing:  # a sum of what does not depend on the index: times the number of its values
            low, high = self._range(v, update)
            scale += f" * ({high} - {low})" if v in update.clipped else f" * {self.size_atom(v, update)}"
        summed = tuple(v for v in update.summed if v not in missing)
        axes_left = tuple(v for v in update.axes if v not in missing)
        if not summed:
            level = ATOM if scale else 0
            return self._printer(update, axes_left).text(body, level) + scale
        kept = tuple(v for v in update.axes if v not in update.summed)
        outer, inner = _outer(body, kept, summed)
        if outer != 1:  # what the sum does not see multiplies it once
            factor = self._printer(update, kept).text(outer, POWER)
            return f"{factor} * {self._value(replace(update, body=inner))}"
        contracted = self._contraction(update, summed)
        if contracted is not None:
            return contracted + scale
        outside, body = _common(body, axes_left)
        total = f"rt.total({self._printer(update, axes_left).text(body)}, {_last(len(summed))})"
        return self._scaled(total, outside) + scale

    def size_atom(self, vector: Symbol, update: Update) -> str:
        """The extent of a vector index, as a factor."""
        return self.size(next(r.extent for r in update.ranges if r.index == vector), POWER)

    def _contraction(self, update: Update, summed: tuple[Symbol, ...]) -> str | None:
        """``contract(...)`` for a product of exactly two arrays that share the summed indices."""
        factors = Mul.make_args(update.body)
        arrays = [f for f in factors if isinstance(f, Access)]
        scale = Mul(*(f for f in factors if not isinstance(f, Access)))
        vectors = set(update.axes)
        if len(arrays) != 2 or scale.free_symbols & vectors or accesses(scale):
            return None
        lookup = dict(update.slices)
        axes = [tuple(v for v in lookup[a].vectors if v is not None) for a in arrays]
        kept = tuple(v for v in update.axes if v not in summed)
        if not all(v in axes[0] and v in axes[1] for v in summed) or set(kept) - set(axes[0] + axes[1]):
            return None
        left, right = (self.slice(lookup[a], update) for a in arrays)
        call = f'rt.contract("{_names(axes[0])}, {_names(axes[1])} -> {_names(kept)}", {left}, {right})'
        return self._scaled(call, scale)

    def _printer(self, update: Update | None, axes: tuple[Symbol, ...] = ()) -> ArrayPrinter:
        lookup = dict(update.slices) if update else {}

        def access(a: Access) -> str:
            if a not in lookup:  # in a scale: a number
                return self.array(a.tensor)
            assert update is not None  # or the lookup were empty
            part = lookup[a]
            own = tuple(v for v in part.vectors if v is not None)
            return _aligned(self.slice(part, update), own, axes)

        def index(symbol: Symbol, integer: bool) -> str:
            if update is None or symbol not in update.axes:
                return self.loops.get(symbol, symbol.name)
            low, high = self._range(symbol, update)
            kind = "" if integer else ", dtype=dtype"
            return _aligned(f"np.arange({low}, {high}{kind})", (symbol,), axes)

        return ArrayPrinter(access, index, update.axes if update else ())


def _outer(body: Expr, kept: tuple[Symbol, ...], summed: tuple[Symbol, ...]) -> tuple[Expr, Expr]:
    """The factors of `body` that vary along `kept` axes only, and the others; brackets keep what they multiply."""
    factors = Mul.make_args(body)
    outside = [f for f in factors if f.free_symbols & set(kept) and not f.free_symbols & set(summed)]
    if any(is_indicator(f) for f in factors) or len(outside) == len(factors):
        return Integer(1), body
    return Mul(*outside), Mul(*(f for f in factors if f not in outside))


def _common(body: Expr, axes: tuple[Symbol, ...]) -> tuple[Expr, Expr]:
    """The factors of `body` that are one number for all `axes`, and the others; brackets keep what they multiply."""
    factors = Mul.make_args(body)
    outside = [f for f in factors if not accesses(f) and not f.free_symbols & set(axes)]
    if any(is_indicator(f) for f in factors) or len(outside) == len(factors):
        return Integer(1), body
    return Mul(*outside), Mul(*(f for f in factors if f not in outside))


def _aligned(text: str, own: tuple[Symbol, ...], axes: tuple[Symbol, ...]) -> str:
    """Transpose an array with axes `own` and insert axes of length 1, so that it broadcasts along `axes`."""
    order = tuple(v for v in axes if v in own)
    if order != own:
        text += f".transpose({', '.join(str(own.index(v)) for v in order)})"
    if not own:
        return text
    wanted = [":" if v in own else "None" for v in axes[axes.index(order[0]) :]]
    return text if all(w == ":" for w in wanted) else f"{text}[{', '.join(wanted)}]"


def _names(symbols: Iterable[Expr]) -> str:
    return " ".join(str(s.name) for s in symbols)


def _last(count: int) -> str:
    return "-1" if count == 1 else "(" + ", ".join(str(-k) for k in range(count, 0, -1)) + ")"


def _constant(value: float) -> str:
    """A number as NumPy has it, an infinite one too."""
    return {inf: "np.inf", -inf: "-np.inf"}.get(value) or number(value)
