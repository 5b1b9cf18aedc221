"""The indices of a contraction as loops: how far they move in memory."""

from collections.abc import Iterable, Sequence
from math import prod
from typing import NamedTuple

from ..contraction import Contraction


class Loop(NamedTuple):
    """An index, and how far it moves by one, in elements.

    Attributes:
        name: of the index, or of several that are one.
        extent: of the index.
        a: in the first factor.
        b: in the second one.
        out: in the result.
        steps: along each axis of the first factor.
    """

    name: str
    extent: int
    a: int
    b: int
    out: int
    steps: tuple[int, ...] = ()

    @property
    def distances(self) -> tuple[int, int, int]:
        """In the factors and the result."""
        return self.a, self.b, self.out

    def every(self, number: int) -> "Loop":
        """The loop over blocks of so many values."""
        a, b, out = (distance * number for distance in self.distances)
        return Loop(self.name, -(-self.extent // number), a, b, out, tuple(step * number for step in self.steps))

    def first(self, number: int) -> "Loop":
        """The loop over the first values."""
        return self._replace(extent=number)


ONCE = Loop("", 1, 0, 0, 0)
"""A loop of one round."""


def loops_of(c: Contraction) -> dict[str, Loop] | None:
    """The loops of all indices by name; None where something lies between elements."""
    sides, size = (c.left, c.right, c.out), c.dtype.itemsize
    if any(n % size for side in sides for n in side.strides):
        return None
    found = {}
    for v, extent in c.extents.items():
        a, b, out = (side.stride(v) // size for side in sides)
        steps = (sum(step for name, step in moves if name == v) for moves in c.left.steps)
        found[v] = Loop(v, extent, a, b, out, tuple(steps))
    return found


def joined(outer: Loop, inner: Loop) -> Loop | None:
    """Two loops as one where memory allows it; it does not say how it moves along axes."""
    nested = zip(outer.distances, inner.distances, strict=True)
    if any(far != near * inner.extent for far, near in nested):
        return None
    name = "\N{MIDDLE DOT}".join(filter(None, (outer.name, inner.name)))
    return inner._replace(name=name, extent=outer.extent * inner.extent, steps=())


def all_joined(loops: Iterable[Loop]) -> tuple[Loop, ...]:
    """Loops, outermost first, neighbours as one where they can be."""
    found: list[Loop] = []
    for loop in loops:
        both = joined(found[-1], loop) if found else None
        if both is None:
            found.append(loop)
        else:
            found[-1] = both
    return tuple(found)


def nested(loops: Sequence[Loop], innermost: int) -> tuple[Loop, ...]:
    """The same loops over a result that lies in memory in their order, `innermost` elements for each."""
    sizes = (prod(loop.extent for loop in loops[k + 1 :]) * innermost for k in range(len(loops)))
    return tuple(loop._replace(out=size) for loop, size in zip(loops, sizes, strict=True))


def words(loops: Iterable[Loop]) -> str:
    """The names and extents of loops."""
    return " ".join(f"{loop.name}={loop.extent}" for loop in loops if loop.name)


def volume(loops: Iterable[Loop]) -> int:
    """The rounds of loops within each other."""
    return prod(loop.extent for loop in loops)
