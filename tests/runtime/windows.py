"""Contractions of windows along one to three axes: short and long ones, with steps and gaps, forwards and backwards."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np

from gradscribe.generated import runtime as rt

NAMES = "ijl", "rst"
SPECS = {"forward": "{x} c, {taps} c k -> n {positions} k", "dw": "{x} c, n {positions} k -> {taps} c k"}


class Axis(NamedTuple):
    """``x[step * i + dilation * r + offset]`` for so many i and r; an axis of x with that size."""

    step: int
    dilation: int
    offset: int
    positions: int
    taps: int
    size: int

    def read(self, names: tuple[str, str]) -> str:
        """As contractions are written."""
        return f"{self.step}{names[0]}{self.dilation:+}{names[1]}{self.offset:+}"


class Case(NamedTuple):
    """Windows along some axes of n images of c channels, with k filters."""

    axes: tuple[Axis, ...]
    n: int
    c: int
    k: int

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Of x, w and y."""
        sizes, taps, positions = zip(*((a.size, a.taps, a.positions) for a in self.axes), strict=True)
        return (self.n, *sizes, self.c), (*taps, self.c, self.k), (self.n, *positions, self.k)

    def computed(self, direction: str, x: Any, w: Any, y: Any) -> Any:
        """By the runtime."""
        names = [(i, r) for i, r, _ in zip(*NAMES, self.axes, strict=False)]
        words = {"x": " ".join(["n", *(a.read(pair) for a, pair in zip(self.axes, names, strict=True))])}
        words |= {"positions": " ".join(i for i, _ in names), "taps": " ".join(r for _, r in names)}
        sizes = {"n": self.n, "c": self.c} | {i: a.positions for (i, _), a in zip(names, self.axes, strict=True)}
        sizes |= {r: a.taps for (_, r), a in zip(names, self.axes, strict=True)}
        right, out = (w, np.empty_like(y)) if direction == "forward" else (y, np.empty_like(w))
        rt.contract(SPECS[direction].format(**words), x, right, out=out, sizes=sizes)
        return out

    def expected(self, direction: str, x: Any, w: Any, y: Any) -> Any:
        """Tap by tap, in float64."""
        x, w, y = (np.array(v, np.float64) for v in (x, w, y))
        found = np.zeros_like(y if direction == "forward" else w)
        for taps in product(*(range(a.taps) for a in self.axes)):
            read = x
            for axis, (a, r) in enumerate(zip(self.axes, taps, strict=True), 1):
                at = a.step * np.arange(a.positions) + a.dilation * r + a.offset
                inside = (at >= 0) & (at < a.size)
                shape = [-1 if k == axis else 1 for k in range(x.ndim)]
                read = np.take(read, np.where(inside, at, 0), axis) * inside.reshape(shape)
            if direction == "forward":
                found += read @ w[taps]
            else:
                found[taps] = read.reshape(-1, self.c).T @ y.reshape(-1, self.k)
        return found


def drawn(seed: int) -> Case:
    """A case; its windows leave their arrays."""
    rng = np.random.default_rng([seed, 14])
    axes = []
    for _ in range(int(rng.integers(1, 4))):
        step, dilation = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2, 3, -1, -2]))
        taps = int(rng.choice([2, 3, 4, 5, 6, 7, 9]))
        positions = taps + int(rng.integers(0, 5))
        offset = int(rng.integers(-3, 3)) + (0 if dilation > 0 else -dilation * (taps - 1))
        size = max(1, step * (positions - 1) + abs(dilation) * (taps - 1) + int(rng.integers(-4, 4)))
        axes.append(Axis(step, dilation, offset, positions, taps, size))
    axes = axes[: 1 if axes[0].taps > 6 else 3]
    return Case(tuple(axes), int(rng.integers(1, 4)), int(rng.integers(2, 20)), int(rng.integers(2, 36)))
