"""Contractions into a window, one residue of its positions after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from ...arguments.arrays import Array
from ...machine.configuration import Settings
from ..contraction import Contraction, Side, classified, is_plain, packed_strides, run_bytes, without_ones
from ..costs import Cost, copy_rate
from ..gathering import bound_sums, gathering_ways
from ..operands import Bound, Terms
from ..pieces import bound_pieces
from ..views import view
from ..ways import resolved

MANY_PHASES = 64
"""Residues that a contraction is divided into."""


class Phase(NamedTuple):
    """What is computed at the positions of one residue: the result there, and the contraction unless it is 0."""

    out: Side
    extents: Mapping[str, int]
    gather: Contraction | None


class _Solved(NamedTuple):
    """An axis of the result at one residue: the index that runs along it, and how the old indices follow.

    The axis is read at ``residue + step * v``; where it was ``offset + step * v + move * tap``, the old v is
    ``v + shift - back * tap`` and the old tap is ``first + every * tap``.
    """

    axis: int
    along: str
    residue: int
    step: int
    extent: int
    shift: int
    tap: str
    first: int
    every: int
    back: int
    taps: int


def _residues(c: Contraction, axis: int) -> list[_Solved] | None:
    """The residues of an axis solved for its longest index; None where that is not possible."""
    size, offset, steps = c.out.sizes[axis], c.out.offsets[axis], c.out.steps[axis]
    if not 1 <= len(steps) <= 2:
        return None
    index, step = max(steps, key=lambda vs: (c.extents[vs[0]], vs[1] == 1))
    tap, move = next((vs for vs in steps if vs[0] != index), ("", 0))
    other = c.right if index in c.left.names else c.left
    if step < 1 or not _is_free(c, index) or (tap and tap not in other.names):
        return None
    found = []
    for residue in range(min(step, size, MANY_PHASES + 1)):
        extent_ = -(-(size - residue) // step)
        target = residue - offset  # step * i + move * tap == target + step * v
        if not tap:
            taps = int(target % step == 0)
            found.append(_Solved(axis, index, residue, step, extent_, target // step, "", 0, 1, 0, taps))
            continue
        every = step // gcd(step, move)
        solvable = target % gcd(step, move) == 0
        first = target // gcd(step, move) * pow(move // gcd(step, move), -1, every) % every if solvable else 0
        number = -(-(c.extents[tap] - first) // every) if solvable else 0
        shift = (target - move * first) // step
        back = move * every // step
        found.append(_Solved(axis, index, residue, step, extent_, shift, tap, first, every, back, max(0, number)))
    return found


def _is_free(c: Contraction, index: str) -> bool:
    """Whether an index only runs along whole axes of one factor, so that beyond its range that factor is 0."""
    for side, other in ((c.left, c.right), (c.right, c.left)):
        axes = [axis for axis, steps in enumerate(side.steps) if any(v == index for v, _ in steps)]
        if index not in other.names and any(is_plain(side, axis, c.extents) for axis in axes):
            return sum(v == index for moves in c.out.steps for v, _ in moves) == 1
    return False


def phases_of(c: Contraction) -> tuple[Phase, ...] | None:
    """The contraction at every combination of residues, as one that gathers."""
    choices = []
    for axis in range(len(c.out.sizes)):
        if is_plain(c.out, axis, c.extents):
            continue
        solved = _residues(c, axis)
        if solved is None:
            return None
        choices.append(solved)
    if not choices or prod(len(part) for part in choices) > MANY_PHASES:
        return None
    return tuple(_phase(c, combination) for combination in product(*choices))


def _phase(c: Contraction, solved: Sequence[_Solved]) -> Phase:
    extents = dict(c.extents)
    offsets, steps = list(c.out.offsets), list(c.out.steps)
    for part in solved:
        extents[part.along] = part.extent
        extents |= {part.tap: part.taps} if part.tap else {}
        offsets[part.axis], steps[part.axis] = part.residue, ((part.along, part.step),)
    out = c.out._replace(offsets=tuple(offsets), steps=tuple(steps))
    if not all(part.taps for part in solved):
        return Phase(without_ones(out, extents), extents, None)
    left, right = (without_ones(_resolved(side, solved), extents) for side in (c.left, c.right))
    out = without_ones(out, extents)
    extents = {v: n for v, n in extents.items() if n != 1}
    return Phase(out, extents, classified(left, right, out, extents, c.dtype, True))


def _resolved(side: Side, solved: Sequence[_Solved]) -> Side:
    """An array read at the old indices, by the new ones."""
    offsets, steps = [], []
    for offset, moves in zip(side.offsets, side.steps, strict=True):
        found: list[tuple[str, int]] = []
        for v, step in moves:
            mine = next((part for part in solved if v in (part.along, part.tap)), None)
            if mine is None:
                found.append((v, step))
            elif v == mine.along:
                offset += step * mine.shift
                found += [(v, step), *([(mine.tap, -step * mine.back)] if mine.tap and mine.back else [])]
            else:
                offset += step * mine.first
                found.append((v, step * mine.every))
        offsets.append(offset)
        steps.append(tuple(found))
    return side._replace(offsets=tuple(offsets), steps=tuple(steps))


def polyphase_cost(c: Contraction, plan: tuple[Phase, ...], wanted: Settings) -> Cost:
    """Those of the residues together."""
    costs = [gathering_ways(phase.gather, wanted)[0].cost for phase in plan if phase.gather is not None]
    size = c.dtype.itemsize
    apart = any(step != 1 for phase in plan for s in phase.out.steps for _, step in s)
    strided = prod(c.out.sizes) * size if apart else 0
    return Cost(
        sum(cost.seconds for cost in costs) + strided / copy_rate(run_bytes(c.out, c, c.out.names)),
        sum(cost.flops for cost in costs),
        sum(cost.bytes for cost in costs),
        max((cost.scratch for cost in costs), default=0),
        max((cost.error for cost in costs), default=0.0),
        all(cost.direct for cost in costs),
    )


def bind_polyphase(c: Contraction, plan: tuple[Phase, ...], terms: Terms) -> Bound:
    """Every residue of the positions is a contraction of its own that gathers."""
    if terms.add:  # computed apart, in a new array
        strides = packed_strides(c.out.sizes, c.dtype.itemsize)
        plan = phases_of(replace(c, out=c.out._replace(strides=strides))) or ()
    phases = tuple(_bound(phase, c, terms) for phase in plan)

    def write(left: Array, right: Array, out: Array) -> None:
        for compute in phases:
            compute(left, right, out)

    def add(left: Array, right: Array, out: Array) -> None:
        found = np.empty(out.shape, out.dtype)
        write(left, right, found)
        out += found

    return add if terms.add else write


def _bound(phase: Phase, c: Contraction, terms: Terms) -> Bound:
    """What computes the result at a residue: by loops, if the whole is worth them."""
    if phase.gather is not None:
        worth = resolved(c, terms.settings)
        return bound_pieces(phase.gather, False, lambda d, _: bound_sums(d, terms.settings, worth))
    names = phase.out.names
    zeros = view(phase.out, names, {v: (0, phase.extents[v]) for v in names}, c.dtype.itemsize)

    def clear(left: Array, right: Array, out: Array) -> None:
        zeros.of(out)[...] = 0

    return clear
