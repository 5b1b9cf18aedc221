"""What of a contraction lies inside its arrays."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import prod
from typing import NamedTuple

from ..arguments.arrays import Array
from ..arithmetic.ranges import BLOCK, box_blocks, reaching
from ..machine.memory import empty
from .contraction import Contraction, Side, classified, is_plain, packed_side, without_ones, without_single
from .operands import Bound
from .views import MOST_PADDED, View, view


class Piece(NamedTuple):
    """A contraction for ranges of its indices, and the parts of the factors that are read.

    Attributes:
        contraction: its result is a new array where `at` is not None.
        left: the part of the first factor.
        right: that of the second one.
        out: that of the result.
        at: the ranges, where the result is added to others.
    """

    contraction: Contraction
    left: tuple[slice, ...]
    right: tuple[slice, ...]
    out: tuple[slice, ...]
    at: Mapping[str, tuple[int, int]] | None


@lru_cache(maxsize=1024)
def _pieces(c: Contraction) -> tuple[Piece, ...] | None:
    """What there is to compute of a contraction whose windows leave its arrays, the result being 0 elsewhere.

    Ranges of indices are clipped to what is read and written somewhere. Where taps are so far apart that the box around
    a window would be mostly padding, every tap is a piece of its own, which needs none. None for all of it at once.
    """
    box = _box_inside(c, c.box)
    boxes = _split(c, box)
    if boxes == (c.box,):
        return None
    plain = not c.gathers or all(is_plain(c.out, axis, c.extents) for axis in range(len(c.out.sizes)))
    if len(boxes) == 1 and plain:
        return (_piece(c, boxes[0], False),)
    if not c.gathers:
        return tuple(_piece(c, b, False) for b in boxes)
    cut = (box_blocks(c.out.names, {v: high - low for v, (low, high) in b.items()}, 4 * BLOCK) for b in boxes)
    parts = (b | _moved(dict(ranges), b) for b, blocks_ in zip(boxes, cut, strict=True) for ranges in blocks_)
    return tuple(_piece(c, part, True) for part in parts)


def _moved(ranges: Mapping[str, tuple[int, int]], within: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Ranges that are counted from where those of a box begin."""
    return {v: (low + within[v][0], high + within[v][0]) for v, (low, high) in ranges.items()}


def _box_inside(c: Contraction, box: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The ranges of the indices without those that lead outside of an array whatever the others are."""
    found = dict(box)
    for side in (c.left, c.right, c.out):
        for axis, moves in enumerate(side.steps):
            for v, step in moves:
                if step == 0:
                    continue
                low, high = side.reach(axis, found)
                first, last = found[v]
                ends = sorted((step * first, step * (last - 1)))
                inner = reaching(step, low - ends[0], high - ends[1], side.sizes[axis])
                found[v] = max(first, inner[0]), max(first, inner[0], min(last, inner[1]))
                if found[v][0] == found[v][1]:
                    return dict.fromkeys(found, (0, 0))
            if not moves and not 0 <= side.offsets[axis] < side.sizes[axis]:
                return dict.fromkeys(found, (0, 0))
    return found


def _split(c: Contraction, box: Mapping[str, tuple[int, int]]) -> tuple[dict[str, tuple[int, int]], ...]:
    """Boxes that a box consists of, so that reading each needs little padding."""
    if any(low >= high for low, high in box.values()):
        return ()
    for side in (c.left, c.right):
        reaches = [side.reach(axis, box) for axis in range(len(side.sizes))]
        out = [(axis, n) for axis, n in enumerate(side.sizes) if reaches[axis][0] < 0 or reaches[axis][1] >= n]
        taken = prod(high - low + 1 for low, high in reaches)
        if out and taken > MOST_PADDED * max(BLOCK, prod(side.sizes) + prod(c.out.sizes)):
            axis, _ = max(out, key=lambda entry: (reaches[entry[0]][1] - reaches[entry[0]][0]) / max(1, entry[1]))
            index = min((v for v, _ in side.steps[axis]), key=lambda v: box[v][1] - box[v][0])
            values = range(*box[index])
            parts = (_box_inside(c, dict(box) | {index: (value, value + 1)}) for value in values)
            return tuple(found for part in parts for found in _split(c, part))
    return (dict(box),)


def _piece(c: Contraction, box: Mapping[str, tuple[int, int]], added: bool) -> Piece:
    """The contraction within a box; its result is a new array if it is `added` to others."""
    extents = {v: high - low for v, (low, high) in box.items()}
    (left, at_left), (right, at_right), (out, at_out) = (_part(side, c, box) for side in (c.left, c.right, c.out))
    if added:
        out = packed_side(c.out.names, extents, c.dtype.itemsize)
    left, right, out = (without_ones(side, extents) for side in (left, right, out))
    made = classified(left, right, out, without_single(extents), c.dtype, c.gathers)
    return Piece(made, at_left, at_right, at_out, box if added else None)


def _part(side: Side, c: Contraction, box: Mapping[str, tuple[int, int]]) -> tuple[Side, tuple[slice, ...]]:
    """An array's positions within a box, and its part that they are positions of."""
    sizes, offsets, at = list(side.sizes), list(side.offsets), [slice(None)] * len(side.sizes)
    for axis, moves in enumerate(side.steps):
        if moves and is_plain(side, axis, c.extents):
            low, high = box[moves[0][0]]
            if high - low < sizes[axis]:
                at[axis], sizes[axis] = slice(low, high), high - low
        else:
            offsets[axis] += sum(step * box[v][0] for v, step in moves)
    return side._replace(sizes=tuple(sizes), offsets=tuple(offsets)), tuple(at)


class _Part(NamedTuple):
    """A piece as it is computed: parts that are None are whole arrays.

    Attributes:
        compute: its contraction.
        left: the part of the first factor.
        right: that of the second one.
        out: that of the result.
        sums: the extents of the new array that is computed, where it is added to the result.
        at: where that is added.
    """

    compute: Bound
    left: tuple[slice, ...] | None
    right: tuple[slice, ...] | None
    out: tuple[slice, ...] | None
    sums: tuple[int, ...]
    at: View | None


def _partial(part: tuple[slice, ...]) -> tuple[slice, ...] | None:
    return None if all(at == slice(None) for at in part) else part


def _part_of(c: Contraction, piece: Piece, compute: Bound) -> _Part:
    at = None if piece.at is None else view(c.out, c.out.names, piece.at, c.dtype.itemsize)
    left, right, out = (_partial(part) for part in (piece.left, piece.right, piece.out))
    return _Part(compute, left, right, out, piece.contraction.out.sizes, at)


def bound_pieces(c: Contraction, add: bool, bind: Callable[[Contraction, bool], Bound]) -> Bound:
    """What computes a contraction, piece by piece where it consists of several; `bind` is asked for each."""
    pieces = _pieces(c)
    if pieces is None:
        return bind(c, add)
    alone = len(pieces) == 1 and pieces[0].at is None and _partial(pieces[0].out) is None
    adds = not c.gathers and (add or not alone)
    parts = [_part_of(c, piece, bind(piece.contraction, adds and piece.at is None)) for piece in pieces]
    whole = view(c.out, c.out.names, c.box, c.dtype.itemsize) if c.gathers else None

    def run(left: Array, right: Array, out: Array) -> None:
        if not add and not alone:
            (out if whole is None else whole.of(out))[...] = 0
        for compute, at_left, at_right, at_out, sizes, place in parts:
            a = left if at_left is None else left[at_left]
            b = right if at_right is None else right[at_right]
            if place is None:
                compute(a, b, out if at_out is None else out[at_out])
                continue
            sums = empty(sizes, c.dtype)
            compute(a, b, sums)
            target = place.of(out)
            target += sums

    return run
