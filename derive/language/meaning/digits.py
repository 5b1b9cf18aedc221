"""Quotients and remainders of indices: ``i // s`` and ``i % s`` are the digits of i, ``i = s*q + v`` with v < s.

A subscript with such digits is affine in them, so that an axis is split or joined by the same records as any other sum
of indices: the digits are indices of their own, and a Kronecker delta says what they are digits of.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import sympy
from sympy import Dummy, Expr, Integer, Symbol

from gradscribe.derive.ir.index import IntegerFunction, bounds, floordiv, mod
from gradscribe.derive.language.meaning.integers import direction_of, interval
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import Node

Range = tuple[Expr, Expr]
"""The least and the greatest value."""


@dataclass(frozen=True)
class Digits:
    """``whole = base * (high - shift) + low``: an expression of indices and its two digits.

    Attributes:
        whole: the expression.
        base: of the digits, a size.
        high: the index of the quotient.
        low: the index of the remainder.
        shift: what the quotient is moved up by, so that its index is never negative.
        extent: that of the quotient's index.
    """

    whole: Expr
    base: Expr
    high: Symbol
    low: Symbol
    shift: Expr
    extent: Expr

    def are(self, others: "Digits") -> bool:
        """Whether these are digits of the same."""
        return (self.whole, self.base, self.shift) == (others.whole, others.base, others.shift)

    @property
    def written(self) -> Expr:
        """The expression by its digits."""
        return self.base * (self.high - self.shift) + self.low


def is_split(expression: Expr, indices: Mapping[Symbol, Expr]) -> bool:
    """Whether quotients or remainders of indices occur in an expression."""
    return any(f.free_symbols & set(indices) for f in expression.atoms(IntegerFunction))


def split(
    expression: Expr, ranges: Mapping[Symbol, Expr], fresh: Callable[[], Symbol], node: Node
) -> tuple[Expr, tuple[Digits, ...]]:
    """An expression without quotients and remainders of indices, and the digits that stand for them.

    Args:
        expression: an integer expression.
        ranges: the extents of its indices.
        fresh: makes an index.
        node: where it stands.

    Raises:
        Located: where a quotient is none of an affine expression of the indices by a size.
    """
    known, found = dict(ranges), []
    while innermost := next(_innermost(expression, known), None):
        whole, base = _parts(innermost, known, node)
        reach = bounds(whole, known, direction_of)
        if reach is None:
            raise Located("the sign of a coefficient is unknown; expected an index times a size", node.at)
        least = reach[0]
        if direction_of(least) == 0:  # it may be negative or not: what it surely is not less than
            least = sympy.Add(*(t for t in sympy.Add.make_args(least) if direction_of(t) < 0))
        shift = -least if direction_of(least) < 0 else Integer(0)
        extent = quotient(reach[1] + base * shift, base) + 1
        digits = Digits(whole, base, fresh(), fresh(), shift, sympy.expand(extent))
        found.append(digits)
        known |= {digits.high: digits.extent, digits.low: base}
        expression = expression.xreplace({floordiv(whole, base): digits.high - shift, mod(whole, base): digits.low})
    return sympy.expand(expression), tuple(found)


def reach_of(expression: Expr, ranges: Mapping[Symbol, Expr], node: Node) -> Range | None:
    """The least and the greatest value of an expression with quotients and remainders; None where that is unknown."""
    known, mapping = dict(ranges), {}
    for row in triangles(expression, ranges):
        (index,) = row.free_symbols & set(ranges)
        mapping[row] = _index()
        known[mapping[row]] = row.xreplace({index: ranges[index] - 1}) + 1
    whole, digits = split(expression.xreplace(mapping), known, _index, node)
    known = {**known, **{d.high: d.extent for d in digits}, **{d.low: d.base for d in digits}}
    return bounds(whole, known, direction_of)


def triangles(expression: Expr, indices: Mapping[Symbol, Expr]) -> tuple[Expr, ...]:
    """The quotients ``i*(i + 1)//2`` and the like in an expression: where the rows of a triangle begin."""
    found = []
    for part in expression.atoms(floordiv):
        own = part.free_symbols & set(indices)
        single = part.args[1] == 2 and len(own) == 1 and not part.args[0].has(IntegerFunction)
        if single and sympy.Poly(sympy.expand(part.args[0]), *own).degree() == 2:
            found.append(part)
    return tuple(sorted(found, key=sympy.default_sort_key))


def _index() -> Symbol:
    return Dummy(integer=True, nonnegative=True)


def check_divisors(expression: Expr, indices: Mapping[Symbol, Expr], node: Node) -> None:
    """Raise where something is divided by an index, which may be 0."""
    for function in expression.atoms(floordiv, mod):
        for symbol in sorted(function.args[1].free_symbols & set(indices), key=lambda s: s.name):
            raise _by_index(symbol, node)


def _by_index(symbol: Symbol, node: Node) -> Located:
    hint = "expected a size, such as s with a line s = 2"
    return Located(f"// and % divide by {symbol.name}, an index, which may be 0; {hint}", node.at)


def undivided(
    expression: Expr, symbol: Symbol, extent: Expr, known: Mapping[Symbol, Expr], indices: Mapping[Symbol, Expr]
) -> tuple[Expr, Expr]:
    """For a position ``e // s + rest`` on an axis of that extent: e, and the extent within which e moves.

    Args:
        expression: the position; what is no such quotient stays as it is.
        symbol: the index that moves.
        extent: that of the axis.
        known: the extents of indices that are known.
        indices: all of them.
    """
    for part in sorted(expression.atoms(floordiv), key=sympy.default_sort_key):
        rest = sympy.expand(expression - part)
        affine = not is_split(rest, indices) and rest.free_symbols & set(indices) <= set(known)
        reach = interval(rest, known) if affine else None
        if symbol in part.free_symbols and symbol not in rest.free_symbols and reach is not None:
            margin = -reach[0] if direction_of(reach[0]) < 0 else Integer(0)
            return part.args[0], sympy.expand(part.args[1] * (extent - reach[1] + margin))
    return expression, extent


def remainder_base(expression: Expr, indices: Mapping[Symbol, Expr]) -> Expr | None:
    """What an expression is the remainder by, if it is nothing else."""
    if not isinstance(expression, mod) or expression.args[1].free_symbols & set(indices):
        return None
    return expression.args[1]


def quotient(value: Expr, base: Expr) -> Expr:
    """A quotient rounded down, without rounding where it is seen that `value` + 1 is a multiple."""
    multiple = sympy.cancel((value + 1) / base)
    exactly = sympy.denom(sympy.together(multiple)) == 1
    return sympy.expand(multiple - 1) if exactly else floordiv(sympy.expand(value), base)


def _innermost(expression: Expr, indices: Mapping[Symbol, Expr]) -> Iterator[Expr]:
    """The quotients and remainders of indices that have none within, in a fixed order."""
    found = [f for f in expression.atoms(IntegerFunction) if f.free_symbols & set(indices)]
    inner = (f for f in found if not any(g is not f and f.has(g) for g in found))
    yield from sorted(inner, key=sympy.default_sort_key)


def _parts(function: Expr, indices: Mapping[Symbol, Expr], node: Node) -> tuple[Expr, Expr]:
    """What is divided and by what."""
    own = set(indices)
    name = min(v.name for v in function.free_symbols & own)
    if not isinstance(function, floordiv | mod):
        raise Located(f"index {name} stands inside min, max or choose; expected sizes there", node.at)
    whole, base = function.args
    check_divisors(function, indices, node)
    polynomial = sympy.Poly(sympy.expand(whole), *sorted(whole.free_symbols & own, key=lambda s: s.name))
    if polynomial.total_degree() > 1:
        hint = f"expected a sum of indices times sizes, or the rows of a triangle: {name}*({name} + 1)//2 + j"
        raise Located(f"index {name} stands inside // or % other than in a sum; {hint}", node.at)
    return whole, base


def positions(symbol: Symbol, expression: Expr, extent: Expr, known: Mapping[Symbol, Expr], node: Node) -> Expr | None:
    """How many values an index has that moves a window along an axis of that extent; None where that is unknown."""
    step = sympy.expand(expression).coeff(symbol, 1)
    rest = sympy.expand(expression - step * symbol)
    reach = reach_of(rest, known, node) if symbol not in rest.free_symbols else None
    if reach is None or direction_of(step) <= 0:
        return None
    low, high = reach
    direction = direction_of(low)
    if low != 0 and direction == 0:
        return None
    margin = -low if direction < 0 else sympy.S.Zero
    space = sympy.expand(extent - 1 - high + margin)
    return sympy.expand(_floor(space, step) + 1)


def _floor(space: Expr, step: Expr) -> Expr:
    """``space // step``; of multiples of a step that is a number, and a number, none: (4 G - 1) // 4 is G - 1."""
    rest, sizes = space.as_coeff_Add()
    if step.is_Integer and all(c % step == 0 for c in sizes.as_coefficients_dict().values()):
        return sizes / step + floordiv(rest, step)
    return floordiv(space, step)
