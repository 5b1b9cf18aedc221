"""Windows divided into pieces that a Cook-Toom algorithm is for: long ones, such with steps, and those along more axes.

With steps s every s-th tap reads every s-th element: ``x[s*i + r] w[r]`` is, for r = s*v + rest, a sum over v of
``x_rest[i + v] w_rest[v]`` for each rest. Of many taps some at a time are taken. What the pieces of a window have is
added up as what channels have.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import gcd, prod
from typing import NamedTuple

from ...cook_toom.tables import COOK_TOOM
from ..sliding import Slides, Sliding

TAPS = 3
"""Of a part of a window that no algorithm is for: those for more lose more digits."""

ADDED_UP = 1.5
"""By how much errors grow at most, where windows of up to 11x11 taps were measured."""

MOST = 256
"""Pieces of a window: beyond that what is compiled would be long, and a Fourier transform takes less."""


class Part(NamedTuple):
    """Some taps of a window along an axis: the first of them, how many there are, and where they read.

    Attributes:
        tap: the first.
        taps: how many.
        shift: how far the element that tap 0 reads for position 0 is, counted in steps of the window.
        base: from where such steps are counted.
    """

    tap: int
    taps: int
    shift: int
    base: int


class Along(NamedTuple):
    """How windows are divided along an axis: they read ``base + step * (position + shift + dilation * tap)``.

    Attributes:
        sliding: the axis.
        taps: those of the algorithm; a part may have fewer.
        apart: how far they are apart within the window.
        dilation: how far they read apart, in steps of the window.
        parts: of the window.
    """

    sliding: Sliding
    taps: int
    apart: int
    dilation: int
    parts: tuple[Part, ...]

    def extent(self, part: Part, size: int) -> int:
        """How many steps there are of an axis of that size for a part."""
        return max(0, -(-(size - part.base) // self.sliding.step))


@dataclass(frozen=True)
class DividedWindows:
    """Windows in pieces.

    Attributes:
        slides: the windows, along the one or two axes that are transformed.
        axes: how they are divided along these.
        results: per tile and axis, the m of F(m, r).
    """

    slides: Slides
    axes: tuple[Along, ...]
    results: int

    @cached_property
    def pieces(self) -> tuple[tuple[tuple[Part, ...], dict[str, int]], ...]:
        """Each with its part along every axis, and what the further taps are."""
        extents, further = self.slides.contraction.extents, self.slides.further
        parts = product(*(a.parts for a in self.axes))
        places = list(product(*(range(extents[v]) for v in further)))
        return tuple((part, dict(zip(further, place, strict=True))) for part in parts for place in places)

    @property
    def depth(self) -> int:
        """How many inner elements there are, those of all pieces together."""
        return len(self.pieces) * self.slides.contraction.volume(self.slides.inner)

    @property
    def points(self) -> int:
        """Points of a tile."""
        return prod(self.results + a.taps - 1 for a in self.axes)

    @property
    def taps(self) -> int:
        """Those of a piece."""
        return prod(a.taps for a in self.axes)

    @property
    def error(self) -> float:
        """The greatest one of the algorithms, and more where pieces are added up."""
        return max(COOK_TOOM[self.results, a.taps].error for a in self.axes) * (ADDED_UP if len(self.pieces) > 1 else 1)

    def __str__(self) -> str:
        algorithms = " x ".join(f"F({self.results}, {a.taps})" for a in self.axes)
        several = f", {len(self.pieces)} pieces" if len(self.pieces) > 1 else ""
        return f"{algorithms}{several}"


def divided_windows(slides: Slides, results: int) -> DividedWindows | None:
    """The windows along the last one or two axes that F(results, taps) is for; None where it is for none."""
    extents = slides.contraction.extents
    found = [_along(slides, a, extents[a.tap], results) for a in slides.axes]
    axes = tuple(a for a in found if a is not None)[-2:]
    chosen = tuple(a.sliding for a in axes)
    further = tuple(a.tap for a in slides.axes if a not in chosen)
    pieces = prod(len(a.parts) for a in axes) * prod(extents[v] for v in further)
    if not axes or pieces > MOST:
        return None
    return DividedWindows(slides._replace(axes=chosen, further=further), axes, results)


def _along(slides: Slides, a: Sliding, extent: int, results: int) -> Along | None:
    signed = -a.dilation if a.flipped else a.dilation
    common = gcd(a.step, a.dilation)
    apart, dilation = a.step // common, signed // common
    longest = -(-extent // apart)
    taps = next((n for n in (longest, TAPS) if n <= longest and (results, n) in COOK_TOOM), 0)
    if not taps or -(-longest // taps) * apart > MOST:
        return None
    parts = []
    for first in range(0, longest, taps):
        for rest in range(apart):
            tap = first * apart + rest
            shift, base = divmod(slides.contraction.left.offsets[a.axis] + signed * tap, a.step)
            number = min(taps, -(-(extent - tap) // apart))
            if number > 0:
                parts.append(Part(tap, number, shift, base))
    return Along(a, taps, apart, dilation, tuple(parts))
