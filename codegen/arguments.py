"""The first lines of a generated function: check the arguments, name the sizes. Nothing is computed before they pass.

Sizes are bound from what is known: options, axes of arrays and shapes, then derived extents. An axis whose extent is
known already is compared; an axis such as ``G*C`` with one unknown symbol is divided.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

from codegen.kernel import Kernel, role
from codegen.scalar import size_text
from derive.functions import equal
from derive.index import choose, floordiv
from derive.interface import Kind, Layer, Option
from derive.term import Access, Program, Tensor


@dataclass(frozen=True)
class Source:
    """Something with a shape: the Python text of the shape, and how errors call it."""

    text: str
    called: str
    tensor: Tensor


def argument_lines(kernel: Kernel) -> list[str]:
    """The lines that check and bind everything `kernel` is given."""
    layer = kernel.layer
    arrays = [line for t in kernel.arguments for line in _array_lines(t, layer)]
    shapes = [_shape_line(t, layer) for t in kernel.shaped]
    inputs = {t.name for t in layer.program.inputs}
    sources = [Source(shape_argument(t), shape_argument(t), t) for t in kernel.shaped if not t.ravel]
    ordered = sorted(kernel.arguments, key=lambda t: t.name not in inputs)
    sources += [Source(f"{t.name}.shape", t.name, t) for t in ordered if t.shape and not t.ravel]
    sources.sort(key=lambda s: s.called not in layer.weights)  # the weights are the layer's own: they set what fits
    binder = Binder(layer, kernel.program)
    binding = binder.lines(kernel.options, [s for s in sources if s.tensor.name in inputs], sources)
    dtype = _dtype_line(kernel)
    checked = [dtype, *arrays] if "scalar_type" in dtype else [*arrays, dtype]
    return [*checked, *_ravel_lines(kernel), *shapes, *binding, *_label_lines(kernel)]


def shape_argument(tensor: Tensor) -> str:
    """The argument that gives the shape of `tensor`."""
    return f"{role(tensor.name)}_shape"


def _q(text: str) -> str:
    return f'"{text}"'


def _array_lines(tensor: Tensor, layer: Layer) -> list[str]:
    name = tensor.name
    if not tensor.shape and not tensor.integer:
        return [f"{name} = rt.number({_q(layer.name)}, {_q(name)}, {name})"]
    rank = "None" if tensor.ravel else str(len(tensor.shape))
    kind = ", integer=True" if tensor.integer else ""
    line = f"{name} = rt.array({_q(layer.name)}, {_q(name)}, {name}, {rank}{kind})"
    return [f"if {name} is not None:", f"    {line}"] if tensor.optional else [line]


def _shape_line(tensor: Tensor, layer: Layer) -> str:
    name = shape_argument(tensor)
    return f"{name} = rt.shape({_q(layer.name)}, {_q(name)}, {name}, {len(tensor.shape)})"


def _dtype_line(kernel: Kernel) -> str:
    real = [t.name for t in kernel.arguments if t.shape and not t.integer]
    if not real:
        scalars = ", ".join(t.name for t in kernel.arguments if not t.integer)
        return f"dtype = rt.scalar_type({scalars})"
    given = ", ".join(f"{n}={n}" for n in real)
    return f"dtype = rt.float_type({_q(kernel.layer.name)}, {given})"


def _ravel_lines(kernel: Kernel) -> Iterator[str]:
    raveled = [t for t in kernel.arguments if t.ravel]
    for k, t in enumerate(raveled):
        if k == 0:
            yield f"full_shape = {t.name}.shape"
            yield f"{t.shape[0]} = {t.name}.size"
        else:
            yield f"rt.same_shape({_q(kernel.layer.name)}, {_q(t.name)}, {t.name}.shape, full_shape)"
        yield f"{t.name} = {t.name}.reshape(-1)"


def _label_lines(kernel: Kernel) -> Iterator[str]:
    """Integer inputs that are compared with an index must lie within its extent."""
    given = {t.name for t in kernel.arguments if t in kernel.layer.program.inputs and t.integer}
    seen: set[str] = set()
    for statement in kernel.layer.program.statements:
        for bracket in sorted(statement.term.body.atoms(equal), key=sympy.default_sort_key):
            pairs = (bracket.args, bracket.args[::-1])
            for index, access in pairs:
                if not (
                    isinstance(access, Access) and index in statement.term.indices and access.tensor in given - seen
                ):
                    continue
                seen.add(access.tensor)
                classes = size_text(statement.term.extent(index))
                yield f"rt.labels({_q(kernel.layer.name)}, {_q(access.tensor)}, {access.tensor}, {classes})"


class Binder:
    """Binds size symbols one after the other; `known` grows."""

    def __init__(self, layer: Layer, program: Program) -> None:
        self.layer, self.program = layer, program
        self.known: set[Symbol] = {t.shape[0] for t in program.inputs if t.ravel}
        self.words = {s.name: word for s, word in layer.axes}

    def lines(self, options: Sequence[Option], inputs: Sequence[Source], sources: Sequence[Source]) -> list[str]:
        """Everything in an order in which each line needs only what is known."""
        late = [o for o in options if o.kind is Kind.PADDING]
        result = [line for o in options if o not in late for line in self.option(o)]
        result += self.axes([s for s in inputs if not s.tensor.optional])
        result += [line for o in late for line in self.option(o)]
        result += self.derived(inputs or sources)
        result += self.requirements(options)
        result += self.axes([s for s in sources if s not in inputs and not s.tensor.optional])
        result += self.derived(inputs or sources)
        return result + [line for s in sources if s.tensor.optional for line in _guarded(s, self.axes([s]))]

    def option(self, option: Option) -> list[str]:
        """Normalise one option into its symbols."""
        names = ", ".join(s.name for s in option.symbols)
        if len(option.symbols) == 1 and option.kind in (Kind.SIZE, Kind.PADDING):
            names += ","
        lines = []
        if isinstance(option.default, str):
            lines.append(f"{option.name} = {option.default} if {option.name} is None else {option.name}")
        head = f"{_q(self.layer.name)}, {_q(option.name)}, {option.name}"
        match option.kind:
            case Kind.SIZE:
                call = f"rt.sizes({head}, {len(option.symbols)}, {option.minimum})"
            case Kind.PADDING:
                reach, step = (", ".join(size_text(e) for e in part) for part in (option.reach, option.step))
                comma = "," if len(option.reach) == 1 else ""
                call = f"rt.paddings({_q(self.layer.name)}, {option.name}, ({reach}{comma}), ({step}{comma}))"
            case Kind.COUNT:
                call = f"rt.count({head}, {option.minimum})"
            case Kind.FLAG:
                call = f"rt.flag({head})"
            case Kind.NUMBER:
                call = f"rt.number({head})"
        self.known |= set(option.symbols)
        return [*lines, f"{names} = {call}"]

    def axes(self, sources: Sequence[Source]) -> list[str]:
        """Bind or check every axis; an axis that cannot be solved yet waits for the others."""
        lines: list[str] = []
        waiting: list[tuple[Source, int]] = []
        for source in sources:
            shape = source.tensor.shape
            unknown = [e for e in shape if isinstance(e, Symbol) and e not in self.known]
            if len(unknown) == len(shape) == len(set(shape)):
                names = ", ".join(e.name for e in shape)
                lines.append(f"{names if len(shape) > 1 else f'({names},)'} = {source.text}")
                self.known |= set(unknown)
                continue
            if not any(self._unknown(e) for e in shape):
                lines.append(self._compared(source))
                continue
            waiting += [(source, axis) for axis in range(len(shape))]
        while waiting:
            ready = [(s, a) for s, a in waiting if len(self._unknown(s.tensor.shape[a])) <= 1]
            ready = [(s, a) for s, a in ready if self._solvable(s.tensor.shape[a])]
            if not ready:
                stuck = {s.name for source, axis in waiting for s in self._unknown(source.tensor.shape[axis])}
                raise ValueError(f"{self.layer.name}: sizes {', '.join(sorted(stuck))} do not follow from any argument")
            # what can be bound comes first, so that the checks can name every size
            source, axis = min(ready, key=lambda sa: not self._unknown(sa[0].tensor.shape[sa[1]]))
            lines += self._axis(source, axis)
            waiting.remove((source, axis))
        return lines

    def _compared(self, source: Source) -> str:
        """All axes at once, when every extent is known."""
        expected = ", ".join(size_text(e) for e in source.tensor.shape)
        comma = "," if len(source.tensor.shape) == 1 else ""
        words = _q(", ".join(self._word(e) for e in source.tensor.shape))
        head = f"{_q(self.layer.name)}, {_q(source.called)}, {source.text}"
        return f"rt.extents({head}, ({expected}{comma}), {words})"

    def _unknown(self, extent: Expr) -> list[Symbol]:
        return sorted(extent.free_symbols - self.known, key=lambda s: s.name)

    def _solvable(self, extent: Expr) -> bool:
        unknown = self._unknown(extent)
        return not unknown or extent == unknown[0] or (extent.is_Mul and extent.coeff(unknown[0], 1) != 0)

    def _axis(self, source: Source, axis: int) -> list[str]:
        extent = source.tensor.shape[axis]
        unknown = self._unknown(extent)
        where = f"argument {source.called}, axis {axis} ({self._word(extent)})"
        received = f"{source.text}[{axis}]"
        if not unknown:
            # groups that do not divide the channels are a mistake of their own, named before the number expected
            counts = [s for o in self.layer.options if o.kind is Kind.COUNT for s in o.symbols if s in extent.args]
            head = f"{_q(self.layer.name)}, {_q(where)}, {received}"
            return [*(f"rt.divided({head}, {s})" for s in counts), f"rt.extent({head}, {size_text(extent)})"]
        self.known.add(unknown[0])
        if extent == unknown[0]:
            return [f"{extent} = {received}"]
        divisor = size_text(extent.coeff(unknown[0], 1))
        return [f"{unknown[0]} = rt.divided({_q(self.layer.name)}, {_q(where)}, {received}, {divisor})"]

    def _word(self, extent: Expr) -> str:
        words = [self.words[s.name] for s in sorted(extent.free_symbols, key=lambda s: s.name) if s.name in self.words]
        return words[0] if words else size_text(extent)

    def derived(self, sources: Sequence[Source]) -> list[str]:
        """Compute the derived extents whose parts are known, and check that a window fits at least once."""
        lines = []
        for symbol, definition in self.program.sizes:
            if symbol not in self.known and definition.free_symbols <= self.known:
                lines += _defined(symbol, definition)
                self.known.add(symbol)
                lines.append(self._fits(symbol, definition, sources))
        return lines

    def _fits(self, symbol: Symbol, definition: Expr, sources: Sequence[Source]) -> str:
        window = definition.args[2] if isinstance(definition, choose) else definition
        quotient = next((f for f in window.args if isinstance(f, floordiv)), None)
        if quotient is None:
            head = f"{_q(self.layer.name)}, {_q(symbol.name)}"
            return f"rt.require({head}, {symbol}, {_q('a size of at least 0')}, {symbol})"
        terms = sympy.Add.make_args(quotient.args[0])
        needed = sympy.Add(*(-t for t in terms if t.as_coeff_Mul()[0].is_negative))
        available = sympy.Add(*(t for t in terms if not t.as_coeff_Mul()[0].is_negative))
        source, axis = next(
            ((s, k) for s in sources for k, e in enumerate(s.tensor.shape) if e in available.free_symbols),
            (None, 0),
        )
        where = (
            f"argument {source.called}, axis {axis} ({self._word(source.tensor.shape[axis])})"
            if source
            else symbol.name
        )
        return f"rt.fits({_q(self.layer.name)}, {_q(where)}, {symbol}, {size_text(available)}, {size_text(needed)})"

    def requirements(self, options: Sequence[Option]) -> list[str]:
        """The layer's own requirements whose symbols are known."""
        names = {o.name for o in options}
        return [
            f"rt.require({_q(self.layer.name)}, {_q(r.option)}, {_smallest(r.expressions)}, "
            f"{_q(r.expected)}, {r.option})"
            for r in self.layer.requirements
            if all(e.free_symbols <= self.known for e in r.expressions) and r.option in names
        ]


def _defined(symbol: Symbol, definition: Expr) -> list[str]:
    """``symbol = definition``; a choice becomes an if statement."""
    if isinstance(definition, choose):
        flag, then, otherwise = definition.args
        test = size_text(flag)
        return [
            f"if {test}:",
            f"    {symbol} = {size_text(then)}",
            "else:",
            f"    {symbol} = {size_text(otherwise)}",
        ]
    return [f"{symbol} = {size_text(definition)}"]


def _smallest(expressions: Sequence[Expr]) -> str:
    texts = list(dict.fromkeys(size_text(e) for e in expressions))
    return f"min({', '.join(texts)})" if len(texts) > 1 else size_text(expressions[0])


def _guarded(source: Source, lines: Sequence[str]) -> list[str]:
    return [f"if {source.called} is not None:", *(f"    {line}" for line in lines)]


def used(lines: Sequence[str], later: Sequence[str]) -> list[str]:
    """`lines` without assignments to names that no later line reads; a call that checks something stays."""
    kept: list[str] = []
    text = "\n".join(later)
    for line in reversed(lines):
        name, _, value = line.partition(" = ")
        if value and name.isidentifier() and not re.search(rf"\b{name}\b", text):
            if not value.startswith("rt."):
                continue
            line = value
        kept.append(line)
        text += "\n" + line
    return kept[::-1]
