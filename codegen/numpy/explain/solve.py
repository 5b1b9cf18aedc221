"""The sizes of a layer from what is known of them: settings, shapes, features, defaults."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Integer, Symbol

from gradscribe.derive.derivation.forward.displayed_settings import displayed
from gradscribe.derive.ir.interpret import number
from gradscribe.derive.ir.quote import shown
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.interface import REQUIRED, Kind, Layer, Option

Sizes = dict[Symbol, Any]
PADDINGS = ("same", "valid")


class ExplainError(EquationError):
    """What is asked for does not fit the layer; the message says what is expected and what was received."""


@dataclass(frozen=True)
class Equation:
    """An extent that is known; `where` says of what, for messages."""

    extent: Expr
    value: int
    where: str


def solved(layer: Layer, equations: Sequence[Equation], settings: Mapping[str, str]) -> Sizes:
    """Every size that follows.

    Settings come first, then axes that are one size, then the defaults of options, then what remains: C of G*C.

    Raises:
        ExplainError: when an extent is not what it should be.
        EquationError: when a setting makes no sense.
    """
    features = dict(layer.features)
    padding = {o.name: settings[o.name] for o in layer.options if settings.get(o.name) in PADDINGS}
    plain = {k: v for k, v in settings.items() if k not in features and k not in padding}
    sizes = _set(layer, plain)
    every = [*equations, *(_feature(layer, k, features[k], v) for k, v in settings.items() if k in features)]
    _solve(layer, [e for e in every if isinstance(e.extent, Symbol)], sizes)
    pending = [o for o in layer.options if o.name not in padding]
    for _ in range(2):  # a default may be the value of another option
        for option in pending:
            sizes |= {s: v for s, v in _default(layer, option, sizes) if s not in sizes}
    _solve(layer, every, sizes)
    for option in (o for o in layer.options if o.name in padding):
        sizes |= _padding(layer, option, padding[option.name], sizes)
    _solve(layer, every, sizes)
    return _derived(layer, sizes)


def _set(layer: Layer, settings: Mapping[str, str]) -> Sizes:
    """The sizes that are set to numbers."""
    mapping = displayed(_without_display(layer), settings, 0).mapping
    options = {o.name: o for o in layer.options}
    for name, text in settings.items():
        symbols = options[name].symbols if name in options else [s for s in mapping if s.name == name]
        if any(not mapping.get(s, s).is_number for s in symbols):
            raise ExplainError(f"{layer.name}: --set {name}={shown(text)}: expected numbers")
    return {s: _number(v) for s, v in mapping.items() if v.is_number}


def _without_display(layer: Layer) -> Layer:
    from dataclasses import replace

    return replace(layer, display=())


def _number(value: Expr) -> int | float:
    return int(value) if value.is_Integer else float(value)


def _feature(layer: Layer, name: str, extent: Expr, text: str) -> Equation:
    if not (text.isascii() and text.isdigit() and len(text) < 19) or int(text) < 1:
        raise ExplainError(f"{layer.name}: --set {name}={shown(text)}: expected an integer of at least 1")
    return Equation(extent, int(text), name)


def _default(layer: Layer, option: Option, sizes: Sizes) -> Iterator[tuple[Symbol, Any]]:
    """The symbols of an option with its default."""
    value = option.default
    if value is REQUIRED:
        return
    if isinstance(value, str):
        other = next((o for o in layer.options if o.name == value), None)
        if other is None or not set(other.symbols) <= set(sizes):
            return
        yield from zip(option.symbols, (sizes[s] for s in other.symbols), strict=True)
        return
    values = list(value) if isinstance(value, Sequence) else [value] * len(option.symbols)
    if len(values) != len(option.symbols):  # per axis: start and end, or pairs of them
        values = [part for v in values for part in (v if isinstance(v, Sequence) else (v, v))]
    number_ = float if option.kind is Kind.NUMBER else int
    yield from zip(option.symbols, map(number_, values), strict=True)


def _padding(layer: Layer, option: Option, text: str, sizes: Sizes) -> Sizes:
    """What 'same' and 'valid' stand for; the odd element goes to the end."""
    found: Sizes = {}
    for axis, (start, end) in enumerate(zip(option.symbols[::2], option.symbols[1::2], strict=True)):
        missing = [s.name for s in option.reach[axis].free_symbols - set(sizes)] if option.reach else []
        if missing or not option.reach:
            raise ExplainError(f"{layer.name}: --set {option.name}={shown(text)}: expected a number for each end")
        reach = number(option.reach[axis], sizes) if text == "same" else 0
        if text == "same" and option.step and number(option.step[axis], sizes) != 1:
            raise ExplainError(f"{layer.name}: --set {option.name}=same: expected stride 1")
        found |= {start: reach // 2, end: reach - reach // 2}
    return found


def _solve(layer: Layer, equations: Sequence[Equation], sizes: Sizes) -> None:
    """Enter into `sizes` what follows from the equations, one unknown at a time."""
    left, before = list(equations), len(equations) + 1
    while left and len(left) < before:
        before, waiting = len(left), []
        for equation in left:
            extent = equation.extent.xreplace({s: Integer(v) for s, v in _derived(layer, sizes).items() if _whole(v)})
            unknown = sorted(extent.free_symbols, key=lambda s: s.name)
            if not unknown:
                if number(extent, {}) != equation.value:
                    raise _contradiction(layer, equation, number(extent, {}))
            elif len(unknown) == 1 and (found := _root(extent, unknown[0], equation.value)) is not None:
                sizes[unknown[0]] = found
            elif len(unknown) == 1 and extent.is_Mul and (factor := extent.coeff(unknown[0])).is_Integer:
                raise ExplainError(
                    f"{layer.name}: {equation.where}: expected a multiple of {factor}, received {equation.value}"
                )
            else:
                waiting.append(equation)
        left = waiting


def _root(extent: Expr, symbol: Symbol, value: int) -> int | None:
    """The integer at which an extent that grows with `symbol` has a value."""
    slope = extent.coeff(symbol)
    rest = extent - slope * symbol
    if not slope.is_Integer or not rest.expand().is_Integer:
        return None
    found, remainder = divmod(value - int(rest.expand()), int(slope))
    return None if remainder else found


def _whole(value: Any) -> bool:
    return isinstance(value, int)


def _derived(layer: Layer, sizes: Sizes) -> Sizes:
    """The sizes with all derived extents that are known then."""
    known = dict(sizes)
    for symbol, definition in layer.program.sizes:
        if definition.free_symbols <= set(known):
            known[symbol] = number(definition, known)
    return known


def _contradiction(layer: Layer, equation: Equation, expected: int) -> ExplainError:
    return ExplainError(f"{layer.name}: {equation.where}: expected {expected}, received {equation.value}")
