"""The settings of a node as values of its layer's symbols.

Strides, dilations, paddings, groups and flags become numbers at once: they decide what a formula looks like. A kernel's
extents stay symbols unless it is padded (then the output is as large as the input only for that number), and so do
channels and real numbers; what the user gave for them is the network's to know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any

from sympy import Expr, Float, Integer, Rational, Symbol

from gradscribe.derive.composition.network import NetworkError, Node
from gradscribe.derive.ir.index import floordiv, integer
from gradscribe.derive.ir.quote import listed, quoted
from gradscribe.derive.layer.interface import REQUIRED, Kind, Layer, Option
from gradscribe.derive.layer.interval import FINITE, LARGEST


@dataclass
class Values:
    """What the symbols of one layer are in the network.

    Attributes:
        where: network and node, for messages.
        label: what distinguishes the node's own symbols: ``K_1``.
        symbols: symbol of the layer -> expression of the network.
        numbers: symbol of the network -> its number.
        taken: real parameters of the network so far; one of the same value may share its name.
    """

    where: str
    label: str
    symbols: dict[Symbol, Expr] = field(default_factory=dict)
    numbers: dict[Symbol, Expr] = field(default_factory=dict)
    taken: Mapping[Symbol, Expr] = field(default_factory=dict)

    def own(self, symbol: Symbol) -> Symbol:
        """The node's own name for a symbol of its layer."""
        name = f"{symbol.name}_{self.label}" if self.label else symbol.name
        return integer(name) if symbol.is_integer else Symbol(name, real=True)

    def fix(self, symbol: Symbol, value: Expr) -> None:
        """Give a symbol of the layer a number by way of a symbol of the network."""
        shared = Symbol(symbol.name, real=True)
        plain = not symbol.is_integer and self.taken.get(shared, value) == value
        own = shared if plain else self.own(symbol)
        self.symbols[symbol], self.numbers[own] = own, value


def set_options(layer: Layer, settings: Mapping[str, Any], values: Values) -> None:
    """Bind the symbols of all options of `layer`; those without default that `settings` lacks stay symbols.

    Raises:
        NetworkError: when a value makes no sense for its option.
    """
    padded = any(_given(o, settings) not in (0, "valid") for o in layer.options if o.kind is Kind.PADDING)
    ordered = sorted(layer.options, key=lambda o: (o.kind is Kind.PADDING, isinstance(o.default, str)))
    for option in ordered:
        given = _given(option, settings)
        if isinstance(option.default, str) and option.name not in settings:
            source = layer.option(option.default)
            values.symbols |= {s: values.symbols[t] for s, t in zip(option.symbols, source.symbols, strict=True)}
        elif given is REQUIRED:
            values.symbols |= {s: values.own(s) for s in option.symbols}
        elif option.kind is Kind.NUMBER:
            values.fix(option.symbols[0], _real(given, option, values.where))
        else:
            numbers = _integers(given, option, values)
            kernel = option.name == "kernel_size" and not padded
            for symbol, number in zip(option.symbols, numbers, strict=True):
                if kernel and number.is_Integer and number > 1:
                    values.fix(symbol, number)
                else:
                    values.symbols[symbol] = number


def open_features(layer: Layer) -> tuple[tuple[str, Expr], ...]:
    """What settings may say of the shapes of weights: the layer's features, and sizes of weights by their names.

    A size that an input or an option gives is none of them; one's own equations have nothing else.
    """
    given = {s for t in layer.program.inputs if t.name not in layer.weights for e in t.shape for s in e.free_symbols}
    given |= {s for o in layer.options for s in o.symbols} | {s for _, e in layer.features for s in e.free_symbols}
    own = (layer.program.tensors[w] for w in layer.weights)
    loose = dict.fromkeys(e for t in own for e in t.shape if e.is_Symbol and e not in given)
    return (*layer.features, *((s.name, s) for s in loose))


def check_settings(node: Node, settings: Mapping[str, Any], where: str) -> None:
    """Raise unless the layer of a node has all that its settings, data and starts name."""
    layer = node.layer
    optional = [t.name for t in layer.program.inputs if t.optional]
    flags = ["bias" if name == "b" else name for name in optional]
    known = [*(o.name for o in layer.options), *(name for name, _ in open_features(layer)), *flags]
    for name in settings:
        if name not in known:
            raise NetworkError(f"{where}: unknown setting {quoted(name)}; expected one of {listed(known) or 'none'}")
    inputs = {t.name for t in layer.program.inputs}
    for name in (*dict(node.data), *dict(node.start)):
        if name not in inputs:
            raise NetworkError(f"{where}: has no input {name}; expected one of {listed(sorted(inputs))}")


def settled(layer: Layer, settings: Mapping[str, Any], where: str) -> Layer:
    """A layer whose options have the numbers that `settings` say, and are options no more.

    Raises:
        NetworkError: for an option that it has not, and for a value that makes no sense.
    """
    known = [o.name for o in layer.options]
    wrong = next((name for name in settings if name not in known), None)
    if wrong is not None:
        expected = listed(known) or "none"
        raise NetworkError(f"{where}: unknown setting {quoted(wrong)}; expected one of {expected}")
    values = Values(where, "")
    options = tuple(o for o in layer.options if o.name in settings)
    set_options(replace(layer, options=options), settings, values)
    numbers = {s: e.xreplace(values.numbers) for s, e in values.symbols.items()}
    rest = tuple(o for o in layer.options if o.name not in settings)
    return replace(layer.specialise(numbers), options=rest) if settings else layer


def _given(option: Option, settings: Mapping[str, Any]) -> Any:
    return settings.get(option.name, option.default)


def _real(value: Any, option: Option, where: str) -> Expr:
    values = option.values or FINITE
    if isinstance(value, bool) or not isinstance(value, Real) or value not in values:
        raise NetworkError(f"{where}: {option.name}: expected {values.words}, received {quoted(value)}")
    if isinstance(value, Integral):
        return Integer(int(value))
    near = Rational(value).limit_denominator(1000)
    return near if float(near) == value else Float(value)


def _integers(value: Any, option: Option, values: Values) -> tuple[Expr, ...]:
    """One expression per symbol of the option."""
    count = len(option.symbols)
    if option.kind is Kind.FLAG:
        if not isinstance(value, bool):
            raise NetworkError(f"{values.where}: {option.name}: expected true or false, received {quoted(value)}")
        return (Integer(int(value)),)
    if option.kind is Kind.PADDING:
        return _padding(value, option, values)
    parts = _per_axis(value, count)
    if len(parts) != count:
        expected = "one value" if count == 1 else f"one value or {count} of them"
        raise NetworkError(f"{values.where}: {option.name}: expected {expected}, received {quoted(value)}")
    return tuple(_size(part, option, values.where) for part in parts)


def _per_axis(value: Any, axes: int) -> Sequence[Any]:
    """One value per axis; a single one, in a tuple or not, stands for all."""
    if not isinstance(value, tuple | list):
        return (value,) * axes
    return tuple(value) * axes if len(value) == 1 else value


def _size(value: Any, option: Option, where: str) -> Expr:
    if isinstance(value, str) and value.isidentifier():
        return integer(value)
    values = option.values or FINITE
    if isinstance(value, bool) or not isinstance(value, Integral) or value not in values or int(value) > LARGEST:
        ends = f"at most {LARGEST}" if isinstance(value, Integral) and int(value) > LARGEST else values.ends
        expected = f"an integer of {ends} or a name"
        raise NetworkError(f"{where}: {option.name}: expected {expected}, received {quoted(value)}")
    return Integer(int(value))


def _padding(value: Any, option: Option, values: Values) -> tuple[Expr, ...]:
    axes = len(option.symbols) // 2
    if value == "valid":
        return (Integer(0),) * (2 * axes)
    if value == "same":
        if any(e.xreplace(values.symbols) != 1 for e in option.step):
            raise NetworkError(f"{values.where}: padding 'same' needs stride 1; give numbers instead")
        reach = [e.xreplace(values.symbols) for e in option.reach]
        return tuple(part for r in reach for part in (floordiv(r, 2), r - floordiv(r, 2)))
    parts = _per_axis(value, axes)
    if len(parts) != axes:
        expected = f"an integer, {axes} of them, pairs, 'same' or 'valid'"
        raise NetworkError(f"{values.where}: padding: expected {expected}, received {quoted(value)}")
    pairs = [part if isinstance(part, tuple | list) else (part, part) for part in parts]
    if any(len(pair) != 2 for pair in pairs):
        raise NetworkError(f"{values.where}: padding: expected (start, end) per axis, received {quoted(value)}")
    return tuple(_size(part, option, values.where) for pair in pairs for part in pair)
