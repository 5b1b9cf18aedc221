"""Subscripts by name, as kernels write them: ``"n 2i+r-1 c, r c k -> n i k"``.

Each operand has a subscript per axis, between blanks: a sum of indices, perhaps with steps, and of an offset. An array
is seen whole where every subscript is an index alone, each of which is as long as its axis; else it is seen through a
window, and is 0 outside. Indices that only windows have are as long as `sizes` says.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

TERM = re.compile(r"([+-]*)(\d*)((?:[^\d+-][^+-]*)?)")


class Subscript(NamedTuple):
    """The position along one axis, ``offset + sum(step * index)``; whether it was written as an index `alone`."""

    offset: int
    steps: tuple[tuple[str, int], ...]
    alone: bool


Operand = tuple[Subscript, ...]
Seen = tuple[tuple[int, ...], tuple[tuple[Any, ...], ...]]
"""A view with an axis per index: their extents, and per axis of the array its offset and (index number, step) pairs."""


@lru_cache(maxsize=1024)
def operands(spec: str) -> tuple[Operand, ...]:
    """The subscripts of all operands, those of the result as the last.

    Raises:
        ValueError: when the text is none.
    """
    return tuple(tuple(map(_subscript, part.split())) for part in spec.replace("->", ",").split(","))


def _subscript(text: str) -> Subscript:
    terms = [found.groups() for found in TERM.finditer(text) if found.group()]
    named = all(name.isidentifier() if name else digits for _, digits, name in terms)
    if "".join(map("".join, terms)) != text or not named:
        raise ValueError(f'subscript "{text}": expected indices with steps, and an offset, such as "2i+r-1"')
    factors = [((-1) ** signs.count("-") * int(digits or 1), name) for signs, digits, name in terms]
    steps = tuple((name, factor) for factor, name in factors if name)
    return Subscript(sum(factor for factor, name in factors if not name), steps, text.isidentifier())


def is_whole(operand: Operand) -> bool:
    """Whether an array is seen as it is, with an axis per index."""
    return all(s.alone for s in operand) and len(set(operand)) == len(operand)


def indices(operand: Operand) -> tuple[str, ...]:
    """The indices of an operand, in the order in which they are read."""
    return tuple(dict.fromkeys(v for s in operand for v, _ in s.steps))


def moved(operand: Operand) -> Operand:
    """The same without indices whose steps are 0."""
    return tuple(s._replace(steps=tuple((v, step) for v, step in s.steps if step)) for s in operand)


def lengths(operand: Operand, shape: Sequence[int]) -> dict[str, int]:
    """The extents of the indices of an array that is seen whole; of a window they say nothing."""
    return dict(zip(indices(operand), shape, strict=True)) if is_whole(operand) else {}


def seen(subscripts: Operand, order: Sequence[str], extents: Mapping[str, int]) -> Seen:
    """What a window with an axis per index of `order` sees.

    Raises:
        ValueError: when the extent of an index is not known.
    """
    unknown = [v for v in order if v not in extents]
    if unknown:
        raise ValueError(f"index {unknown[0]}: its extent is not known; expected it among `sizes`")
    places = {v: k for k, v in enumerate(order)}
    positions = tuple((s.offset, *((places[v], step) for v, step in s.steps)) for s in subscripts)
    return tuple(extents[v] for v in order), positions


@lru_cache(maxsize=1024)
def windowed(spec: str, number: int, kept: tuple[int, ...], taps: tuple[tuple[str, int], ...]) -> Seen:
    """What the windows of the operand of that `number` see: the indices of the other one, then those within a window.

    Args:
        spec: of a reduction of windows, or of its adjoint.
        number: 0 or 1.
        kept: the shape of the other operand.
        taps: the indices within a window, with their extents.
    """
    found = operands(spec)
    order = indices(found[1 - number])
    extents = dict(zip(order, kept, strict=True)) | dict(taps)
    return seen(found[number], (*order, *(v for v, _ in taps)), extents)
