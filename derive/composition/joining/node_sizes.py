"""The sizes of a network: what the symbols of each layer are in it, their numbers, the extents of windows."""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.calculus.reduced_sizes import same_size
from gradscribe.derive.composition.joining.node_settings import Values, open_features
from gradscribe.derive.composition.network import NetworkError
from gradscribe.derive.ir.index import IntegerFunction, integer
from gradscribe.derive.ir.quote import listed, quoted, shown
from gradscribe.derive.ir.term import Program, Tensor
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.interval import LARGEST


class Sizes:
    """Grows with every node.

    Attributes:
        numbers: symbol -> its number, of sizes and of real parameters.
        derived: extents of windows and their definitions, in order.
    """

    def __init__(self) -> None:
        self.numbers: dict[Symbol, Expr] = {}
        self.derived: list[tuple[Symbol, Expr]] = []

    def number(self, expression: Expr) -> Expr:
        """An expression with everything that has a number put in."""
        known = dict(self.numbers)
        for symbol, definition in self.derived:
            value = definition.xreplace(known)
            if value.is_Integer or not value.has(IntegerFunction):
                known[symbol] = value
        return sympy.expand(expression.xreplace(known))

    def written_out(self, expression: Expr) -> Expr:
        """An expression without extents of windows: their definitions are put in, and everything that has a number."""
        known = dict(self.numbers)
        for symbol, definition in self.derived:
            known[symbol] = definition.xreplace(known)
        return sympy.expand(expression.xreplace(known))

    def _defined(self, expression: Expr) -> Expr:
        """An expression without extents of windows: their definitions are put in."""
        known: dict[Expr, Expr] = {}
        for symbol, definition in self.derived:
            known[symbol] = definition.xreplace(known)
        return expression.xreplace(known)

    def shown(self, shape: Sequence[Expr]) -> str:
        """A shape, for messages."""
        return _shape([self.number(e) for e in shape])

    def meet(self, tensor: Tensor, value: Tensor, values: Values) -> Iterator[tuple[Expr, Expr]]:
        """The symbols of an input's shape are the extents of what it is given; yield a size and what it must be.

        An axis that the layer divides into parts has their number for its extent, so that the two are seen to be one.
        """
        if tensor.integer != value.integer:
            kinds = ("integers", "real numbers") if tensor.integer else ("real numbers", "integers")
            raise NetworkError(f"{values.where}: argument {tensor.name}: expected {kinds[0]}, received {kinds[1]}")
        if len(tensor.shape) != len(value.shape):
            raise NetworkError(
                f"{values.where}: argument {tensor.name}: expected {len(tensor.shape)} axes {_shape(tensor.shape)}, "
                f"received {len(value.shape)}, {value.name} of shape {self.shown(value.shape)}"
            )
        for axis, (extent, actual) in enumerate(zip(tensor.shape, value.shape, strict=True)):
            wanted = extent.xreplace(values.symbols)
            unknown = [s for s in sorted(extent.free_symbols, key=str) if s not in values.symbols]
            if len(unknown) == 1 and sympy.expand(extent.coeff(unknown[0], 1) * unknown[0] - extent) == 0:
                factor = extent.coeff(unknown[0], 1).xreplace(values.symbols)
                number = self.number(actual)
                if factor == 1:
                    values.symbols[unknown[0]] = actual
                    continue
                if number.is_Integer and factor.is_Integer and number % factor == 0:
                    values.symbols[unknown[0]] = number / factor
                    if actual in self.numbers:
                        yield actual, number
                    continue
                if number.is_Integer and factor.is_Integer:
                    raise NetworkError(
                        f"{values.where}: argument {tensor.name}, axis {axis}: expected a multiple of {shown(factor)}, "
                        f"received {shown(number)}, {value.name} of shape {self.shown(value.shape)}"
                    )
                if number.is_Symbol and actual == number:  # the network leaves it open: it is such a multiple
                    values.symbols[unknown[0]] = values.own(unknown[0])
                    yield actual, factor * values.symbols[unknown[0]]
                    continue
            if not same_size(self.written_out(wanted), self.written_out(actual)):
                raise NetworkError(
                    f"{values.where}: argument {tensor.name}, axis {axis}: expected {shown(self.number(wanted))}, "
                    f"received {shown(self.number(actual))}, {value.name} of shape {self.shown(value.shape)}"
                )
            if wanted != actual:
                yield from self._joined(wanted, actual)

    def _joined(self, wanted: Expr, actual: Expr) -> Iterator[tuple[Expr, Expr]]:
        """Two sizes of one number, if one of them can be written for the other: the one that goes, then the other.

        A number of channels goes; the later one of two; of sizes that are the same whatever the input is, the one
        without a name, but a name for a multiple. An extent of which only multiples let both agree becomes such a
        multiple: H is 2 H where it meets 2 floor(H/2).
        """
        known = list(self.numbers)
        for gone, stays in sorted(((wanted, actual), (actual, wanted)), key=lambda pair: -_place(pair[0], known)):
            if gone in self.numbers and gone not in self._defined(stays).free_symbols:
                yield gone, stays
                return
        for gone, stays in ((wanted, actual), (actual, wanted)):
            if stays.is_Symbol and not gone.is_Symbol and same_size(self._defined(gone), self._defined(stays)):
                yield (gone, stays) if self._defined(stays).has(IntegerFunction) else (stays, gone)
                return
        yield from self._multiplied(self._defined(wanted), self._defined(actual))

    def _multiplied(self, a: Expr, b: Expr) -> Iterator[tuple[Expr, Expr]]:
        """A size as the least multiple of itself for which `a` and `b` are the same, all else in them as its number."""
        numbers = {s: n for s, n in self.numbers.items() if s in (a - b).free_symbols}
        for size, number in sorted(numbers.items(), key=lambda item: -item[1]):
            others = {s: n for s, n in numbers.items() if s != size}
            for factor in sympy.divisors(number)[1:]:
                several = {size: factor * size, **others}
                if same_size(a.xreplace(several), b.xreplace(several)):
                    yield from others.items()
                    self.numbers[size] = number / factor
                    yield size, factor * size
                    return

    def features(self, layer: Layer, settings: Mapping[str, Any], values: Values) -> None:
        """Numbers of channels and the like: what a setting says of them."""
        for name, extent in open_features(layer):
            if name not in settings:
                continue
            given = settings[name]
            if isinstance(given, str) and given.isidentifier():
                value: Expr = integer(given)
            elif isinstance(given, bool) or not isinstance(given, Integral) or not 1 <= int(given) <= LARGEST:
                large = isinstance(given, Integral) and int(given) > LARGEST
                expected = f"an integer of at {f'most {LARGEST}' if large else 'least 1'}"
                raise NetworkError(f"{values.where}: {name}: expected {expected}, received {quoted(given)}")
            else:
                value = Integer(int(given))
            unknown = [s for s in sorted(extent.free_symbols, key=str) if s not in values.symbols]
            wanted = self.number(extent.xreplace(values.symbols))
            if not unknown:
                if wanted != self.number(value):
                    raise NetworkError(
                        f"{values.where}: {name}: expected {shown(wanted)}, as its input has, received {shown(given)}"
                    )
                continue
            factor = extent.coeff(unknown[0], 1).xreplace(values.symbols)
            if len(unknown) > 1 or not factor.is_Integer or (value.is_Integer and value % factor != 0):
                raise NetworkError(
                    f"{values.where}: {name}: expected a multiple of {shown(factor)}, received {shown(given)}"
                )
            if value.is_Integer:
                values.fix(unknown[0], value / factor)
            else:
                values.symbols[unknown[0]] = value / factor

    def leftover(self, source: Program, values: Values) -> None:
        """Symbols that nothing determines are the node's own."""
        derived = {symbol for symbol, _ in source.sizes}
        for symbol in sorted(source.symbols() - derived - set(values.symbols), key=lambda s: s.name):
            own = values.own(symbol)
            values.symbols[symbol] = own
            if own in self.numbers or own in {s for s, _ in self.derived}:
                raise NetworkError(f"{values.where}: the size {own.name} has two meanings; give the node another name")

    def windows(self, source: Program, values: Values) -> None:
        """Extents of windows: a number, a known extent, or a size of the network's own."""
        for symbol, definition in source.sizes:
            value = _simplified(definition.xreplace(values.symbols))
            number = self.number(value)
            if number.is_Integer and number < 1:
                raise NetworkError(
                    f"{values.where}: {symbol.name} would be {shown(number)}; the kernel is larger than its input. "
                    f"Use a smaller kernel, more padding or a larger input"
                )
            if value.is_Integer or isinstance(value, Symbol) or value in values.symbols.values():
                values.symbols[symbol] = value
                continue
            known = next((s for s, e in self.derived if e == value), None)
            if known is not None:  # a window like that of another branch
                values.symbols[symbol] = known
                continue
            own = integer(f"{symbol.name.removesuffix('_out')}_{values.label}")
            values.symbols[symbol] = own
            self.derived.append((own, value))

    def requirements(self, layer: Layer, settings: Mapping[str, Any], values: Values) -> None:
        """What the layer demands of its options must hold of the numbers."""
        for requirement in layer.requirements:
            numbers = [self.number(e.xreplace(values.symbols)) for e in requirement.expressions]
            if any(n.is_number and n < 0 for n in numbers):
                default = next((o.default for o in layer.options if o.name == requirement.option), None)
                received = settings.get(requirement.option, default)
                raise NetworkError(
                    f"{values.where}: argument {requirement.option}: expected {requirement.expected}, "
                    f"received {received!r}"
                )


def _place(size: Expr, known: Sequence[Expr]) -> int:
    return known.index(size) if size in known else -1


def _simplified(definition: Expr) -> Expr:
    return definition if definition.has(IntegerFunction) else sympy.expand(definition)


def _shape(shape: Sequence[Expr]) -> str:
    return f"({listed(shape)})"
