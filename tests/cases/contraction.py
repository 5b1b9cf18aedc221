"""A contraction as the runtime takes it, and what it amounts to, written out.

The reference knows nothing of the runtime: windows are read by arrays of positions, sums of products are taken by
``np.einsum`` in float64, products that meet at one position are added by ``np.add.at``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_letters
from typing import Any

import numpy as np

from gradscribe.generated import runtime as rt
from tests.cases.subscripts import subscript

Array = np.ndarray
Place = tuple[int, Mapping[str, int]]
"""A position along one axis: an offset and a step per index."""


@dataclass(frozen=True)
class Operand:
    """An array and the indices that it is read or written by.

    Attributes:
        array: the array.
        names: the indices, in the order of the axes that a contraction sees.
        places: per axis of the array where the indices lead to; None where each axis is that of one index.
    """

    array: Array
    names: tuple[str, ...]
    places: tuple[Place, ...] | None = None

    @property
    def subscripts(self) -> str:
        """The operand in a spec."""
        if self.places is None:
            return " ".join(self.names)
        return " ".join(subscript(offset, steps.items()) for offset, steps in self.places)

    def positions(self, extents: Mapping[str, int]) -> tuple[list[Array], Array]:
        """Per axis of the array the positions for every point of the box of indices, and which points lie inside."""
        assert self.places is not None
        grids = dict(zip(self.names, np.ogrid[tuple(slice(extents[v]) for v in self.names)], strict=True))
        box = tuple(extents[v] for v in self.names)
        found, inside = [], np.ones(box, bool)
        for (offset, steps), size in zip(self.places, self.array.shape, strict=True):
            at = np.broadcast_to(sum((step * grids[v] for v, step in steps.items()), np.intp(offset)), box)
            inside &= (at >= 0) & (at < size)
            found.append(at)
        return found, inside

    def read(self, extents: Mapping[str, int]) -> Array:
        """The values, an axis per index, in float64; 0 outside."""
        if self.places is None:
            return self.array.astype(np.float64)
        at, inside = self.positions(extents)
        clipped = tuple(np.clip(p, 0, max(0, size - 1)) for p, size in zip(at, self.array.shape, strict=True))
        return np.where(inside, self.array[clipped], 0.0).astype(np.float64)


@dataclass(frozen=True)
class Problem:
    """A contraction to be computed; `out` is None where the result is a new array."""

    family: str
    extents: Mapping[str, int]
    left: Operand
    right: Operand
    out: Operand | None
    names: tuple[str, ...]
    add: bool = False

    def __str__(self) -> str:
        return f"{self.family}: {self.spec}, {dict(self.extents)}, " + (
            str(self.out.array.shape) if self.out else "new"
        )

    @property
    def spec(self) -> str:
        """As `rt.contract` takes it."""
        result = " ".join(self.names) if self.out is None else self.out.subscripts
        return f"{self.left.subscripts}, {self.right.subscripts} -> {result}"

    def compute(self) -> Array:
        """The result by the runtime; an `out` given is written to."""
        out = None if self.out is None else self.out.array
        arrays = self.left.array, self.right.array
        return np.asarray(rt.contract(self.spec, *arrays, out=out, sizes=self.extents, add=self.add))

    def expected(self) -> tuple[Array, float]:
        """The result written out in float64, and the greatest sum of absolute products in it, that of one at least.

        A tile may read elements that no window reaches, and their rounding stays where all windows are empty. Call
        it before `compute`: what is added to is part of it.
        """
        values = [side.read(self.extents) for side in (self.left, self.right)]
        before = 0.0 if self.out is None or not self.add else self.out.array.astype(np.float64)
        result = before + self._sum(*values)
        return result, float(np.max(np.abs(before) + self._sum(*map(np.abs, values)), initial=1.0))

    def _sum(self, left: Array, right: Array) -> Array:
        letters = dict(zip(self.extents, ascii_letters, strict=False))
        one, two, out = (
            "".join(letters[v] for v in names) for names in (self.left.names, self.right.names, self.names)
        )
        sums = np.einsum(f"{one},{two}->{out}", left, right, optimize=True)
        if self.out is None or self.out.places is None:
            return np.asarray(sums)
        at, inside = self.out.positions(self.extents)
        target = np.zeros(self.out.array.shape)
        np.add.at(target, tuple(p[inside] for p in at), sums[inside])
        return target


# ----- arrays ---------------------------------------------------------------------------------------------------------
def draw(rng: np.random.Generator, shape: Sequence[int], dtype: Any, kept: bool = False) -> Array:
    """Normal numbers, laid out in memory in one of many ways; an array that is `kept` has a place per element."""
    values = rng.normal(size=tuple(shape)).astype(dtype)
    layout = rng.integers(9)
    if layout == 0 and values.ndim:  # axes in another order in memory
        order = rng.permutation(values.ndim)
        values = np.ascontiguousarray(values.transpose(order)).transpose(np.argsort(order))
    elif layout == 1 and values.ndim:  # a part of a larger array
        larger = np.zeros([2 * n + 1 for n in shape], dtype)
        part = larger[tuple(slice(int(rng.integers(2)), 2 * n, 2) for n in shape)][tuple(slice(n) for n in shape)]
        part = larger[tuple(slice(1, 2 * n + 1, 2) for n in shape)] if part.shape != values.shape else part
        part[...] = values
        values = part
    elif layout == 2 and values.ndim:  # backwards
        values = values[::-1].copy()[::-1]
    elif layout == 3 and not kept:
        values.flags.writeable = False
    elif layout == 4 and not kept and values.ndim and values.size:  # the same along an axis
        axis = int(rng.integers(values.ndim))
        values = np.broadcast_to(values.take([0], axis), values.shape)
    return values


def result_operand(
    rng: np.random.Generator, names: tuple[str, ...], extents: Mapping[str, int], dtype: Any
) -> Operand | None:
    """A place for the result, or None for a new array."""
    if rng.random() < 0.4:
        return None
    return Operand(draw(rng, [extents[v] for v in names], dtype, kept=True), names)
