"""Where a maximum stands, as mathematics has it: a pair (r*, t*). The program records it as one number, T r* + t*."""

from collections.abc import Iterable, Mapping, Sequence

import sympy
from sympy import Add, Expr, Mul, Symbol

from gradscribe.derive.ir.index import mod
from gradscribe.derive.ir.term import Program, Range, position

Places = Mapping[str, tuple[Range, ...]]
"""Tensors of recorded positions, and the indices whose values these are."""


def places(programs: Iterable[Program]) -> dict[str, tuple[Range, ...]]:
    """The recorded positions of some programs."""
    return {s.argument.name: s.term.bound for p in programs for s in p.statements if s.argument is not None}


def coordinate(name: str, axis: int) -> str:
    """What one coordinate of a place is called; no equation has such a name."""
    return f"{name}.{axis}"


def coordinates(
    value: Expr, ranges: Sequence[Range], within: Mapping[Expr, Expr] | None = None
) -> tuple[Expr, ...] | None:
    """The place whose number is `value`; None where it is not certain that each coordinate is within its range.

    Equal numbers are equal places only then: an index, or a remainder of a division by the extent, is.

    Args:
        value: the number.
        ranges: the indices whose values a place has.
        within: what brackets beside it keep from 0 up to an extent.
    """
    if len(ranges) == 1:
        return (value,)
    sizes = set().union(*(r.extent.free_symbols for r in ranges))
    known = within or {}
    found: list[Expr] = []
    rest = sympy.expand(value)
    for range_, weight in zip(ranges, weights(ranges), strict=True):
        shares = [part / weight for part in Add.make_args(rest)]
        digit = Add(*(share for share in shares if sympy.fraction(share)[1] == 1))
        plain = digit == 0 or (isinstance(digit, Symbol | mod) and digit not in sizes)
        if not plain and known.get(digit) != range_.extent:
            return None
        found.append(digit)
        rest = sympy.expand(rest - digit * weight)
    return tuple(found) if rest == 0 else None


def weights(ranges: Sequence[Range]) -> tuple[Expr, ...]:
    """By how much the number of a place grows with each coordinate."""
    return tuple(Mul(*(r.extent for r in ranges[k + 1 :])) for k in range(len(ranges)))


def number(name: str, indices: Sequence[Expr], ranges: Sequence[Range], element: type) -> Expr:
    """The number of a recorded place in its coordinates, each an `element` of a tensor of its own."""
    own = {r.index: element(coordinate(name, k), *indices) for k, r in enumerate(ranges)}
    return position(tuple(ranges)).xreplace(own)
