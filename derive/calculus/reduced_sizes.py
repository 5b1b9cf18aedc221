"""Sizes as they are read: ⌊H/2⌋ for ⌊(H-2)/2⌋ + 1, and by the names that they have; which are the same."""

from collections.abc import Iterable
from functools import lru_cache

import sympy
from sympy import Add, Expr, Symbol, fraction

from gradscribe.derive.ir.index import floordiv


@lru_cache(4096)  # a page asks for the name of every size wherever it is met
def reduced(size: Expr) -> Expr:
    """The same size with fewer summands, where there is one: ``floor(a/b) + k = floor((a + k b)/b)`` for a whole k."""
    if not size.args:
        return size
    made = size.func(*map(reduced, size.args))
    quotients = [part for part in Add.make_args(made) if isinstance(part, floordiv)]
    if len(quotients) != 1:
        return made
    above, below = quotients[0].args
    whole, others = (made - quotients[0]).as_coeff_Add()
    return min((made, others + _quotient(above + whole * below, below)), key=_summands)


def same_size(a: Expr, b: Expr) -> bool:
    """Whether two sizes are seen to be equal whatever their symbols are: ⌊(H-1)/2⌋ + 1 and ⌊(H+1)/2⌋ are."""
    return bool(sympy.expand(_within(a) - _within(b)) == 0)


def _within(size: Expr) -> Expr:
    """The same size with what a quotient exceeds a proper fraction by in front of it: ``1 + floor((a + 1)/2)``."""
    if not size.args:
        return size
    made = sympy.expand(size.func(*map(_within, size.args)))
    if not isinstance(made, floordiv) or not made.args[1].is_Integer:
        return made
    above, below = sympy.expand(made.args[0]), made.args[1]
    whole = Add(*(c // below * rest for rest, c in above.as_coefficients_dict().items() if c.is_Integer))
    return whole + floordiv(sympy.expand(above - whole * below), below)


def named(size: Expr, sizes: Iterable[tuple[Symbol, Expr]]) -> Expr:
    """A size by its name, if it is one of `sizes` written otherwise; else reduced."""
    found = reduced(size)
    return next((name for name, value in sizes if reduced(value) == found), found)


def _quotient(above: Expr, below: Expr) -> Expr:
    """The floor of a quotient; without one where all that is above is a multiple of what is below."""
    counts = [fraction(part / below) for part in Add.make_args(above)]
    if all(divisor == 1 for _, divisor in counts):
        return Add(*(count for count, _ in counts))
    return floordiv(above, below)


def _summands(size: Expr) -> int:
    """How many summands are read, those of quotients among them."""
    parts = Add.make_args(size)
    return len(parts) + sum(_summands(quotient.args[0]) for part in parts for quotient in part.atoms(floordiv))
