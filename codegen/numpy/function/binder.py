"""Sizes of a generated function or constructor, bound one after the other from what is known.

An axis whose extent is known already is compared; an axis such as ``G*C`` with one unknown symbol is divided.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite

import sympy
from sympy import Expr, Symbol

from gradscribe.codegen.python.expression import (
    All,
    Attribute,
    Call,
    Choice,
    Comparison,
    Expression,
    Items,
    Literal,
    Name,
    Part,
    absent,
    call,
    method,
    negated,
    unpacked,
)
from gradscribe.codegen.python.scalars.scalar import ZERO, shape, size, size_text, variable
from gradscribe.codegen.python.statement import Assign, Do, If, Statement, let
from gradscribe.codegen.python.text.literal import finite
from gradscribe.derive.ir.index import choose, floordiv, is_total, mod
from gradscribe.derive.ir.term import EquationError, Program, Tensor
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.interval import FINITE, Interval


@dataclass(frozen=True)
class Source:
    """Something with a shape.

    Attributes:
        code: the code of the shape.
        called: how errors call it.
        tensor: what has the shape.
        named: whether the shape knows itself how errors call it.
        left_out: whether it may be None although its tensor is not optional.
    """

    code: Expression
    called: str
    tensor: Tensor
    named: bool = False
    left_out: bool = False

    @property
    def is_array(self) -> bool:
        """Whether it is an array, not a shape."""
        return self.called == self.tensor.name

    @property
    def optional(self) -> bool:
        """Whether it may be None; a shape is always given."""
        return self.left_out or (self.tensor.optional and self.is_array)

    @property
    def title(self) -> Expression:
        """How errors call it, as code."""
        return Attribute(self.code, "name") if self.named else Literal(self.called)

    def where(self, axis: int, word: str) -> Expression:
        """How errors call an axis of it, as code."""
        number = axis_number(self.tensor, axis)
        if self.named:
            return method(self.code, "axis", Literal(number), Literal(word))
        return Literal(f"argument {self.called}, axis {number} ({word})")


def axis_number(tensor: Tensor, axis: int) -> int:
    """The number of an axis of `tensor` in the array given: counted from the end behind raveled axes."""
    behind = tensor.ravel is not None and axis > tensor.ravel
    return axis - len(tensor.shape) if behind else axis


def shape_of(name: str) -> Expression:
    """``name.shape``."""
    return Attribute(Name(name), "shape")


def guarded(name: str, statements: Iterable[Statement]) -> list[Statement]:
    """`statements` that run only when array `name` is there; a check of its extents alone asks that itself."""
    match [*statements]:
        case [Do(Call(Name("rt.extents"), (layer, Literal() as called, _, *told)))]:
            return [Do(call("rt.extents", layer, called, Name(name), *told))]
        case found:
            return [If(Comparison((Name(name), Literal(None)), ("is not",)), tuple(found))]


class Binder:
    """Binds size symbols one after the other; `known` grows."""

    def __init__(self, layer: Layer, program: Program) -> None:
        self.layer, self.sizes = layer, program.sizes
        self.known: set[Symbol] = set()
        self.left: list[tuple[Source, int]] = []
        self.words = {**_joined(layer.program), **{s.name: word for s, word in layer.axes}}

    def statements(
        self, options: Sequence[Option], inputs: Sequence[Source], sources: Sequence[Source]
    ) -> list[Statement]:
        """Everything in an order in which each statement needs only what is known."""
        late = [o for o in options if o.kind is Kind.PADDING]
        if any(is_total(e) for s in inputs for e in s.tensor.shape):  # R of R + C may be an axis of what is no input
            inputs = [*inputs, *(s for s in sources if s not in inputs)]
        result = [made for o in options if o not in late for made in self.option(o)]
        given = [s for s in inputs if not s.optional]
        result += self.axes(given, later=frozenset(s for s, _ in self.sizes))
        result += self.wanted({v for o in late for e in (*o.reach, *o.step) for v in e.free_symbols}, sources)
        result += [made for o in late for made in self.option(o)]
        result += self.requirements(options, divisors=True)
        result += self.derived(inputs or sources)
        result += self.requirements(options)
        result += self._solved(self.left)
        result += self.axes([s for s in sources if s not in inputs and not s.optional])
        result += self.derived(inputs or sources)
        return result + [made for s in sources if s.optional for made in guarded(s.called, self.axes([s]))]

    def _check(self, function: str, where: str | Expression, *given: Expression) -> Call:
        """A function of the runtime that refuses what does not fit, in the layer's name."""
        return call(function, Literal(self.layer.name), Literal(where) if isinstance(where, str) else where, *given)

    def wanted(self, symbols: Collection[Symbol], sources: Sequence[Source]) -> list[Statement]:
        """Bind the symbols that an option needs and only an array which is no input has, as an axis of its own."""
        found: list[Statement] = []
        for source in sources:
            for axis, extent in enumerate(source.tensor.shape):
                if extent in symbols and extent not in self.known and not source.optional:
                    found.append(let(extent.name, _extent(source, axis)))
                    self.known.add(extent)
        return found

    def option(self, option: Option) -> list[Statement]:
        """Normalise one option into its symbols."""
        name = Name(option.name)
        symbols = tuple(variable(s) for s in option.symbols)
        several = option.kind in (Kind.SIZE, Kind.PADDING)
        target = unpacked([s.name for s in option.symbols]) if several else symbols[0]
        found: list[Statement] = []
        if isinstance(option.default, str):
            found.append(Assign(name, Choice(Name(option.default), absent(option.name), name)))
        match option.kind:
            case Kind.SIZE:
                value = self._check("rt.sizes", option.name, name, Literal(len(symbols)), *_integers(option))
            case Kind.PADDING:
                value = call("rt.paddings", Literal(self.layer.name), name, shape(option.reach), shape(option.step))
            case Kind.COUNT:
                value = self._check("rt.count", option.name, name, *_integers(option))
            case Kind.FLAG:
                value = self._check("rt.flag", option.name, name)
            case Kind.NUMBER:
                value = self._check("rt.number", option.name, name)
        self.known |= set(option.symbols)
        found.append(Assign(target, value))
        if option.kind is Kind.NUMBER and option.values is not None:
            holds, words = _holds(option.values, symbols[0]), Literal(option.values.words)
            found.append(Do(self._check("rt.require", option.name, holds, words, name)))
        return found

    def axes(self, sources: Sequence[Source], later: Collection[Symbol] = ()) -> list[Statement]:
        """Bind or check every axis; an axis that cannot be solved yet waits for the others.

        Args:
            sources: what has the axes.
            later: sizes that have a formula: axes of these are `left` until it is known whether it can be computed.
        """
        found: list[Statement] = []
        waiting: list[tuple[Source, int]] = []
        for source in sources:
            extents = source.tensor.shape
            unknown = [e for e in extents if isinstance(e, Symbol) and e not in self.known and e not in later]
            if len(unknown) == len(extents) == len(set(extents)):
                found.append(Assign(unpacked([e.name for e in unknown]), source.code))
                self.known |= set(unknown)
                continue
            if source.tensor.ravel is None and not any(self._unknown(e) for e in extents):
                found.append(self._compared(source))
                continue
            own = self._own(source, unknown)
            if own:
                found.append(Assign(Items(tuple(Name(e.name if e in own else "_") for e in extents)), source.code))
                self.known |= own
            left = [axis for axis, e in enumerate(extents) if axis != source.tensor.ravel and e not in own]
            apart = [axis for axis in left if set(self._unknown(extents[axis])) & set(later)]
            self.left += [(source, axis) for axis in apart]
            waiting += [(source, axis) for axis in left if axis not in apart]
        return found + self._solved(waiting)

    def _solved(self, axes: Sequence[tuple[Source, int]]) -> list[Statement]:
        """Bind or check these axes."""
        found: list[Statement] = []
        waiting = list(axes)
        while waiting:
            ready = [(s, a) for s, a in waiting if len(self._unknown(s.tensor.shape[a])) <= 1]
            ready = [(s, a) for s, a in ready if self._solvable(s.tensor.shape[a])]
            if not ready:
                stuck = {s.name for source, axis in waiting for s in self._unknown(source.tensor.shape[axis])}
                names = ", ".join(sorted(stuck))
                raise EquationError(f"{self.layer.name}: sizes {names} do not follow from any argument")
            # what can be bound comes first, so that the checks can name every size
            source, axis = min(ready, key=lambda sa: not self._unknown(sa[0].tensor.shape[sa[1]]))
            found += self._axis(source, axis)
            waiting.remove((source, axis))
        return found

    def _own(self, source: Source, unknown: Sequence[Symbol]) -> set[Symbol]:
        """What one statement takes the shape apart into: extents of several axes that are nowhere else in it."""
        extents = source.tensor.shape
        own = {e for e in unknown if extents.count(e) == 1}
        return own if len(own) > 1 and source.tensor.ravel is None else set()

    def _compared(self, source: Source) -> Statement:
        """All axes at once, when every extent is known."""
        words = Literal(", ".join(self._word(e) for e in source.tensor.shape))
        return Do(self._check("rt.extents", source.title, source.code, shape(source.tensor.shape), words))

    def _unknown(self, extent: Expr) -> list[Symbol]:
        return sorted(extent.free_symbols - self.known, key=lambda s: s.name)

    def _solvable(self, extent: Expr) -> bool:
        unknown = self._unknown(extent)
        return not unknown or extent == unknown[0] or (extent.is_Mul and extent.coeff(unknown[0], 1) != 0)

    def _axis(self, source: Source, axis: int) -> list[Statement]:
        extent = source.tensor.shape[axis]
        unknown = self._unknown(extent)
        where = source.where(axis, self._word(extent))
        received = _extent(source, axis)
        if not unknown:
            # groups that do not divide the channels are a mistake of their own, named before the number expected
            options = (o for o in self.layer.options if o.kind is Kind.COUNT and extent.is_Mul)
            counts = [s for o in options for s in o.symbols if s in extent.args]
            divided = (Do(self._check("rt.divided", where, received, variable(s))) for s in counts)
            return [*divided, Do(self._check("rt.extent", where, received, size(extent)))]
        self.known.add(unknown[0])
        if extent == unknown[0]:
            return [let(extent.name, received)]
        divisor = size(extent.coeff(unknown[0], 1))
        return [let(unknown[0].name, self._check("rt.divided", where, received, divisor))]

    def _word(self, extent: Expr) -> str:
        words = [self.words[s.name] for s in sorted(extent.free_symbols, key=lambda s: s.name) if s.name in self.words]
        return words[0] if words else size_text(extent)

    def derived(self, sources: Sequence[Source]) -> list[Statement]:
        """Compute the derived extents whose parts are known, and check that a window fits at least once."""
        found: list[Statement] = []
        for symbol, definition in self.sizes:
            if symbol not in self.known and definition.free_symbols <= self.known:
                found.append(_defined(symbol, definition))
                self.known.add(symbol)
                found.append(Do(self._fits(symbol, definition, sources)))
        return found

    def _fits(self, symbol: Symbol, definition: Expr, sources: Sequence[Source]) -> Expression:
        window = definition.args[2] if isinstance(definition, choose) else definition
        quotient = next((f for f in window.args if isinstance(f, floordiv)), None)
        if quotient is None:
            positive = Comparison((variable(symbol), ZERO), (">=",))
            return self._check("rt.require", symbol.name, positive, Literal("a size of at least 0"), variable(symbol))
        terms = sympy.Add.make_args(quotient.args[0])
        needed = sympy.Add(*(-t for t in terms if t.as_coeff_Mul()[0].is_negative))
        available = sympy.Add(*(t for t in terms if not t.as_coeff_Mul()[0].is_negative))
        source, axis = next(
            ((s, k) for s in sources for k, e in enumerate(s.tensor.shape) if e in available.free_symbols),
            (None, 0),
        )
        where = source.where(axis, self._word(source.tensor.shape[axis])) if source else symbol.name
        return self._check("rt.fits", where, variable(symbol), size(available), size(needed))

    def requirements(self, options: Sequence[Option], divisors: bool = False) -> list[Statement]:
        """The layer's own requirements whose symbols are known; `divisors`: on those that derived sizes divide by."""
        names = {o.name for o in options}
        below = {f.args[1] for _, definition in self.sizes for f in definition.atoms(floordiv, mod)}
        return [
            Do(self._check("rt.require", r.option, _positive(r.expressions), Literal(r.expected), received))
            for r in self.layer.requirements
            for received in (
                [Name(r.option)] if r.option in names else [size(r.received)] if r.received is not None else []
            )
            if all(e.free_symbols <= self.known for e in r.expressions)
            and any(e + 1 in below for e in r.expressions) is divisors
        ]


def _extent(source: Source, axis: int) -> Expression:
    """The extent of an axis."""
    return Part(source.code, (Literal(axis_number(source.tensor, axis)),))


def _integers(option: Option) -> list[Expression]:
    """The least and, where there is one, the greatest value of an integer option as arguments."""
    values = option.values or FINITE
    return [
        Literal(finite(option.minimum, f"option {option.name}: minimum")),
        *([Literal(int(values.high))] if isfinite(values.high) else []),
    ]


def _holds(values: Interval, name: Expression) -> Expression:
    """Whether a number is within an interval: ``0 <= p < 1``; infinities and NaN are not."""
    low = negated(Name("np.inf")) if values.low == -inf else Literal(values.low)
    high = Name("np.inf") if values.high == inf else Literal(values.high)
    first = "<" if values.above or values.low == -inf else "<="
    second = "<" if values.below or values.high == inf else "<="
    within = Comparison((low, name, high), (first, second))
    return within if values.without is None else All((within, Comparison((name, Literal(values.without)), ("!=",))))


def _joined(program: Program) -> dict[str, str]:
    """Words for extents that are not called like the index which runs over them: it may have joined two axes."""
    found: dict[str, set[str]] = {}
    for r in (r for s in program.statements for r in s.term.ranges if isinstance(r.extent, Symbol)):
        found.setdefault(r.extent.name, set()).add(r.index.name)
    derived = {symbol.name for symbol, _ in program.sizes}
    joined = {name: indices for name, indices in found.items() if name.lower() not in indices and name not in derived}
    return {name: f"{name} of index {min(indices)}" for name, indices in joined.items()}


def _defined(symbol: Symbol, definition: Expr) -> Statement:
    """``symbol = definition``; a choice becomes an if statement."""
    if isinstance(definition, choose):
        flag, then, otherwise = definition.args
        return If(size(flag), (let(symbol.name, size(then)),), (let(symbol.name, size(otherwise)),))
    return let(symbol.name, size(definition))


def _positive(expressions: Sequence[Expr]) -> Expression:
    """That all expressions are at least 0: the smallest is."""
    found = list(dict.fromkeys(size(e) for e in expressions))
    return Comparison((found[0] if len(found) == 1 else call("min", *found), ZERO), (">=",))
