"""Sizes of a generated function or constructor, bound one after the other from what is known.

An axis whose extent is known already is compared; an axis such as ``G*C`` with one unknown symbol is divided.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf, isfinite

import sympy
from sympy import Expr, Symbol

from gradscribe.codegen.literal import number, string
from gradscribe.codegen.scalar import size_text
from gradscribe.derive.index import choose, floordiv
from gradscribe.derive.interface import Kind, Layer, Option
from gradscribe.derive.interval import FINITE, Interval
from gradscribe.derive.term import EquationError, Program, Tensor


@dataclass(frozen=True)
class Source:
    """Something with a shape: the Python text of the shape, and how errors call it."""

    text: str
    called: str
    tensor: Tensor

    @property
    def is_array(self) -> bool:
        """Whether it is an array, not a shape."""
        return self.called == self.tensor.name

    @property
    def optional(self) -> bool:
        """Whether it may be None; a shape is always given."""
        return self.tensor.optional and self.is_array


def axis_number(tensor: Tensor, axis: int) -> int:
    """The number of an axis of `tensor` in the array given: counted from the end behind raveled axes."""
    behind = tensor.ravel is not None and axis > tensor.ravel
    return axis - len(tensor.shape) if behind else axis


def guarded(name: str, lines: Sequence[str]) -> list[str]:
    """`lines` that run only when array `name` is there."""
    return [f"if {name} is not None:", *(f"    {line}" for line in lines)]


class Binder:
    """Binds size symbols one after the other; `known` grows."""

    def __init__(self, layer: Layer, program: Program) -> None:
        self.layer, self.program = layer, program
        self.known: set[Symbol] = set()
        self.words = {**_joined(layer.program), **{s.name: word for s, word in layer.axes}}

    def lines(self, options: Sequence[Option], inputs: Sequence[Source], sources: Sequence[Source]) -> list[str]:
        """Everything in an order in which each line needs only what is known."""
        late = [o for o in options if o.kind is Kind.PADDING]
        result = [line for o in options if o not in late for line in self.option(o)]
        result += self.axes([s for s in inputs if not s.optional])
        result += self.wanted({v for o in late for e in (*o.reach, *o.step) for v in e.free_symbols}, sources)
        result += [line for o in late for line in self.option(o)]
        result += self.derived(inputs or sources)
        result += self.requirements(options)
        result += self.axes([s for s in sources if s not in inputs and not s.optional])
        result += self.derived(inputs or sources)
        return result + [line for s in sources if s.optional for line in guarded(s.called, self.axes([s]))]

    def wanted(self, symbols: Collection[Symbol], sources: Sequence[Source]) -> list[str]:
        """Bind the symbols that an option needs and only an array which is no input has, as an axis of its own."""
        lines = []
        for source in sources:
            for axis, extent in enumerate(source.tensor.shape):
                if extent in symbols and extent not in self.known and not source.optional:
                    lines.append(f"{extent} = {source.text}[{axis_number(source.tensor, axis)}]")
                    self.known.add(extent)
        return lines

    def option(self, option: Option) -> list[str]:
        """Normalise one option into its symbols."""
        names = ", ".join(s.name for s in option.symbols)
        if len(option.symbols) == 1 and option.kind in (Kind.SIZE, Kind.PADDING):
            names = f"({names},)"
        lines = []
        if isinstance(option.default, str):
            lines.append(f"{option.name} = {option.default} if {option.name} is None else {option.name}")
        head = f"{string(self.layer.name)}, {string(option.name)}, {option.name}"
        match option.kind:
            case Kind.SIZE:
                call = f"rt.sizes({head}, {len(option.symbols)}, {_integers(option)})"
            case Kind.PADDING:
                reach, step = (", ".join(size_text(e) for e in part) for part in (option.reach, option.step))
                comma = "," if len(option.reach) == 1 else ""
                call = f"rt.paddings({string(self.layer.name)}, {option.name}, ({reach}{comma}), ({step}{comma}))"
            case Kind.COUNT:
                call = f"rt.count({head}, {_integers(option)})"
            case Kind.FLAG:
                call = f"rt.flag({head})"
            case Kind.NUMBER:
                call = f"rt.number({head})"
        self.known |= set(option.symbols)
        lines.append(f"{names} = {call}")
        if option.kind is Kind.NUMBER and option.values is not None:
            holds = _holds(option.values, names)
            head = f"{string(self.layer.name)}, {string(option.name)}"
            lines.append(f"rt.require({head}, {holds}, {string(option.values.words)}, {option.name})")
        return lines

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
            if source.tensor.ravel is None and not any(self._unknown(e) for e in shape):
                lines.append(self._compared(source))
                continue
            waiting += [(source, axis) for axis in range(len(shape)) if axis != source.tensor.ravel]
        while waiting:
            ready = [(s, a) for s, a in waiting if len(self._unknown(s.tensor.shape[a])) <= 1]
            ready = [(s, a) for s, a in ready if self._solvable(s.tensor.shape[a])]
            if not ready:
                stuck = {s.name for source, axis in waiting for s in self._unknown(source.tensor.shape[axis])}
                names = ", ".join(sorted(stuck))
                raise EquationError(f"{self.layer.name}: sizes {names} do not follow from any argument")
            # what can be bound comes first, so that the checks can name every size
            source, axis = min(ready, key=lambda sa: not self._unknown(sa[0].tensor.shape[sa[1]]))
            lines += self._axis(source, axis)
            waiting.remove((source, axis))
        return lines

    def _compared(self, source: Source) -> str:
        """All axes at once, when every extent is known."""
        expected = ", ".join(size_text(e) for e in source.tensor.shape)
        comma = "," if len(source.tensor.shape) == 1 else ""
        words = string(", ".join(self._word(e) for e in source.tensor.shape))
        head = f"{string(self.layer.name)}, {string(source.called)}, {source.text}"
        return f"rt.extents({head}, ({expected}{comma}), {words})"

    def _unknown(self, extent: Expr) -> list[Symbol]:
        return sorted(extent.free_symbols - self.known, key=lambda s: s.name)

    def _solvable(self, extent: Expr) -> bool:
        unknown = self._unknown(extent)
        return not unknown or extent == unknown[0] or (extent.is_Mul and extent.coeff(unknown[0], 1) != 0)

    def _axis(self, source: Source, axis: int) -> list[str]:
        extent = source.tensor.shape[axis]
        unknown = self._unknown(extent)
        number = axis_number(source.tensor, axis)
        where = f"argument {source.called}, axis {number} ({self._word(extent)})"
        received = f"{source.text}[{number}]"
        if not unknown:
            # groups that do not divide the channels are a mistake of their own, named before the number expected
            counts = [s for o in self.layer.options if o.kind is Kind.COUNT for s in o.symbols if s in extent.args]
            head = f"{string(self.layer.name)}, {string(where)}, {received}"
            return [*(f"rt.divided({head}, {s})" for s in counts), f"rt.extent({head}, {size_text(extent)})"]
        self.known.add(unknown[0])
        if extent == unknown[0]:
            return [f"{extent} = {received}"]
        divisor = size_text(extent.coeff(unknown[0], 1))
        return [f"{unknown[0]} = rt.divided({string(self.layer.name)}, {string(where)}, {received}, {divisor})"]

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
            head = f"{string(self.layer.name)}, {string(symbol.name)}"
            return f"rt.require({head}, {symbol} >= 0, {string('a size of at least 0')}, {symbol})"
        terms = sympy.Add.make_args(quotient.args[0])
        needed = sympy.Add(*(-t for t in terms if t.as_coeff_Mul()[0].is_negative))
        available = sympy.Add(*(t for t in terms if not t.as_coeff_Mul()[0].is_negative))
        source, axis = next(
            ((s, k) for s in sources for k, e in enumerate(s.tensor.shape) if e in available.free_symbols),
            (None, 0),
        )
        where = (
            f"argument {source.called}, axis {axis_number(source.tensor, axis)} "
            f"({self._word(source.tensor.shape[axis])})"
            if source
            else symbol.name
        )
        head = f"{string(self.layer.name)}, {string(where)}"
        return f"rt.fits({head}, {symbol}, {size_text(available)}, {size_text(needed)})"

    def requirements(self, options: Sequence[Option]) -> list[str]:
        """The layer's own requirements whose symbols are known."""
        names = {o.name for o in options}
        return [
            f"rt.require({string(self.layer.name)}, {string(r.option)}, {_smallest(r.expressions)} >= 0, "
            f"{string(r.expected)}, {r.option})"
            for r in self.layer.requirements
            if all(e.free_symbols <= self.known for e in r.expressions) and r.option in names
        ]


def _integers(option: Option) -> str:
    """The least and, where there is one, the greatest value of an integer option as arguments."""
    values = option.values or FINITE
    least = number(option.minimum, f"option {option.name}: minimum")
    return f"{least}, {int(values.high)}" if isfinite(values.high) else least


def _holds(values: Interval, name: str) -> str:
    """Whether a number is within an interval: ``0 <= p < 1``; infinities and NaN are not."""
    low = "-np.inf" if values.low == -inf else number(values.low)
    high = "np.inf" if values.high == inf else number(values.high)
    first = "<" if values.above or values.low == -inf else "<="
    second = "<" if values.below or values.high == inf else "<="
    other = f" and {name} != {number(values.without)}" if values.without is not None else ""
    return f"{low} {first} {name} {second} {high}{other}"


def _joined(program: Program) -> dict[str, str]:
    """Words for extents that are not called like the index which runs over them: it may have joined two axes."""
    found: dict[str, set[str]] = {}
    for r in (r for s in program.statements for r in s.term.ranges if isinstance(r.extent, Symbol)):
        found.setdefault(r.extent.name, set()).add(r.index.name)
    derived = {symbol.name for symbol, _ in program.sizes}
    joined = {name: indices for name, indices in found.items() if name.lower() not in indices and name not in derived}
    return {name: f"{name} of index {min(indices)}" for name, indices in joined.items()}


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
