"""Windows of arrays so small that a call of NumPy takes longer than what it computes: all axes at once."""

from collections.abc import Callable, Iterable
from itertools import product, repeat
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..contractions.views import Padding, padded, seen_from, view
from .along import Along, Order, order_of

FEW_ELEMENTS = 1 << 12
"""Elements of all windows up to which they are few."""

FEW_TAPS = 16
"""Elements of a window up to which each is added by a call of its own."""

LOCATED: dict[np.ufunc, Callable[..., Array]] = {np.maximum: np.ndarray.argmax, np.minimum: np.ndarray.argmin}
"""What finds the first element that the windows' value is, by what combines them; NaN counts as that."""


class Seen(NamedTuple):
    """How all windows are seen in an array, an axis per index.

    Attributes:
        read: what sees them in the array, padded where windows leave it.
        padding: what is added to it first, if that is wanted.
        taps: the axes of the elements of a window.
        flat: the extents with one axis for these.
    """

    read: Callable[[Array], Array]
    padding: Padding | None
    taps: tuple[int, ...]
    flat: tuple[int, ...]

    def reduce(self, combine: np.ufunc, empty: float, source: Array, out: Array, argument: Array | None) -> bool:
        """Reduce the windows, see `reduce`; False where it takes a closer look, whatever has been written then.

        An element beyond the array is that of no element: it may be the first that equals the value of a window.
        """
        locate = LOCATED.get(combine)
        if (argument is not None and locate is None) or (self.padding is not None and out.dtype.kind != "f"):
            return False
        if self.padding is not None:
            source = padded(source, self.padding, "padded", empty)
        windows = self.read(source)
        if argument is None or locate is None:
            combine.reduce(windows, axis=self.taps, out=out)
            return True
        windows = windows.reshape(self.flat)
        combine.reduce(windows, axis=-1, out=out)
        argument[...] = locate(windows, axis=-1)
        return self.padding is None or not (out == empty).any()


def few_seen(
    shape_: tuple[int, ...],
    strides: tuple[int, ...],
    extents: tuple[int, ...],
    positions: tuple[tuple[Any, ...], ...],
    kept: int,
    itemsize: int,
) -> Seen | None:
    """How few windows are seen in an array of that shape and strides; None where they are many, or there is none."""
    if not 0 < prod(extents) <= FEW_ELEMENTS:
        return None
    side, names, box = seen_from(shape_, strides, extents, positions)
    found = view(side, names, box, itemsize, "padded")
    if found.padding is not None and prod(found.padding.extents) > FEW_ELEMENTS:
        return None
    flat = (*extents[:kept], prod(extents[kept:]))
    return Seen(found._replace(padding=None).reader(), found.padding, tuple(range(kept, len(extents))), flat)


class Spread(NamedTuple):
    """Which elements of an array the windows' taps are.

    Attributes:
        order: of the windows' axes.
        taps: per tap the elements, and the windows that have them as that, None for all.
        places: the positions of the taps in a window, along an axis of their own.
    """

    order: Order
    taps: tuple[tuple[tuple[slice, ...], tuple[slice, ...] | None], ...]
    places: Array

    def add(self, values: Array, target: Array, argument: Array | None) -> None:
        """Add the value of every window to the elements in it, or to the one at its place."""
        given = self.order.of(values)
        shares: Iterable[Array] = repeat(given)
        if argument is not None:  # not a product: 0 times infinity were NaN
            shares = np.where(self.order.of(argument) == self.places, given, 0)
        for (of, to), share in zip(self.taps, shares, strict=False):
            part = target[of]
            part += share if to is None else share[to]


def few_spread(
    axes: tuple[Along, ...], extents: tuple[int, ...], positions: tuple[tuple[Any, ...], ...], kept: int
) -> Spread | None:
    """Where few windows with few taps lie; None where there are many."""
    if not 0 < prod(extents) <= FEW_ELEMENTS or prod(len(a.offsets) for a in axes) > FEW_TAPS:
        return None
    joint = [*product(*(along.taps(axis) for axis, along in enumerate(axes)))]
    everywhere = tuple(slice(0, along.windows) for along in axes)
    taps = []
    for several in joint:
        of, to = tuple(t.of[-1] for t in several), tuple(t.to[-1] for t in several)
        taps.append((of, None if to == everywhere else to))
    places = np.array([sum(t.place for t in several) for several in joint], np.int64)
    return Spread(order_of(positions, kept), tuple(taps), places.reshape(-1, *(1,) * len(axes)))
