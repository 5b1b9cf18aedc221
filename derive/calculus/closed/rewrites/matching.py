"""Where an expression of a definition stands in another one: values of the definition's indices."""

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache

import sympy
from sympy import Expr, Function, Symbol

from gradscribe.derive.calculus.closed.rewrites.nested import upright
from gradscribe.derive.calculus.collapse import normal_access
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, accesses

Place = dict[Expr, Expr]
"""Index of a definition -> what stands for it."""


def places(
    pattern: Expr, expression: Expr, indices: Sequence[Symbol], inner: Collection[Symbol] = ()
) -> Iterator[Place]:
    """Every choice of the pattern's `indices` by which accesses of it are accesses of the expression.

    Args:
        pattern: an expression of `indices`.
        expression: what is searched.
        indices: those of the pattern.
        inner: indices of the expression that an index of the pattern with the same coefficient stands for.
    """
    yield from _extended({}, accesses(pattern), accesses(expression), indices, inner)


def _extended(
    place: Place,
    patterns: Sequence[Access],
    others: Sequence[Access],
    indices: Sequence[Symbol],
    inner: Collection[Symbol],
) -> Iterator[Place]:
    missing = {v for v in indices if v not in place}
    own = next((a for a in patterns if a.free_symbols & missing), None)
    if not missing:
        yield place
    elif own is not None:
        for other in (a for a in others if a.tensor == own.tensor):
            found = _placed(place, own, other, indices, inner)
            if found is not None:
                yield from _extended(found, patterns, others, indices, inner)


def _placed(
    known: Place, own: Access, other: Access, indices: Sequence[Symbol], inner: Collection[Symbol]
) -> Place | None:
    if any(e.has(Function) for e in own.indices):
        return None  # i div s
    place = dict(known)
    for pattern, value in zip(own.indices, other.indices, strict=True):
        form = affine(pattern, tuple(indices))
        rest, waiting = value - form.offset, []
        for index, coefficient in form.terms:
            found = place[index] if index in place else _with_coefficient(rest, coefficient, inner)
            if found is None:
                waiting.append((index, coefficient))
                continue
            place[index] = found
            rest = sympy.expand(rest - coefficient * found)
        if len(waiting) == 1:
            index, coefficient = waiting[0]
            place[index] = sympy.expand(rest / coefficient)
        elif waiting:
            return None
    return place if normal_access(own.xreplace(place)) == normal_access(other) else None


def _with_coefficient(value: Expr, coefficient: Expr, inner: Collection[Symbol]) -> Symbol | None:
    found = [v for v in inner if v in value.free_symbols and sympy.expand(value).coeff(v) == coefficient]
    return found[0] if len(found) == 1 else None


def same(a: Expr, b: Expr) -> bool:
    """Whether two factors are the same, index expressions in normal form."""
    return normalised(a) == normalised(b)


@lru_cache(maxsize=20_000)  # every definition is compared with every sum
def normalised(expression: Expr) -> Expr:
    """A factor with its indices and signs in normal form."""
    return upright(expression.xreplace({a: normal_access(a) for a in accesses(expression)}))
