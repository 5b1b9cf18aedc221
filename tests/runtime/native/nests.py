"""Computes random contractions by loop nests in C: a program that `test_nests` runs under sanitizers."""

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.conv2d import conv2d_forward
from tests.cases.random_contractions import problem
from tests.runtime.convolutions import DIRECTIONS, Convolution, Grouped
from tests.runtime.rooms import forget_plans, panels_first
from tests.runtime.windows import SPECS, drawn

SEEDS, WINDOWS, TAG = 30, 3, 52
"""Windows are few: a compiler takes a quarter of a minute to check one transform."""
GROUPED = (
    Grouped(Convolution(2, 11, 2, 2, 3, 1, 1), 8),
    Grouped(Convolution(1, 12, 3, 3, 2, 2, 1), 5),
    Grouped(Convolution(3, 10, 8, 2, 5, 1, 4, 2), 4),
)
"""Vectors of several groups: filled, moved back, made of many; in float32 others than in float64."""
OTHERS = (
    Convolution(1, 12, 21, 0, 3, 1, 1),
    Convolution(1, 9, 37, 0, 7, 1, 3),
    Convolution(2, 5, 40, 19, 1, 1, 0),
    Convolution(1, 6, 17, 35, 2, 1, 0),
)
"""Rows that share what they read, channel by channel; panels of what lies along the sum, with remainders of both."""
FEW = Grouped(Convolution(5, 12, 1, 6, 5, 1, 0), 1), Grouped(Convolution(4, 9, 3, 2, 3, 1, 1), 1)
"""Filters: positions of a row are abreast in a vector, whose sums are added up at the end."""
CASES: tuple[Grouped | Convolution, ...] = (*GROUPED, *OTHERS, *FEW)


def compute_all(seeds: Iterable[int]) -> None:
    """Every way in C, in one thread or two."""
    for seed in seeds:
        for strategy in ("direct", "dots", "fold", "fused4", "fused2"):
            case = problem([seed, TAG], np.dtype(np.float64))
            expected, scale = case.expected()
            with rt.settings(backend="compiled", strategy=strategy, threads=1 + seed % 2):
                found = case.compute()
            assert np.abs(found - expected).max(initial=0.0) <= 1e-11 * max(scale, 1.0), f"seed {seed}: {case}"


def compute_convolutions() -> None:
    """In all directions."""
    rng = np.random.default_rng(TAG)
    for case, dtype in product(CASES, (np.float32, np.float64)):
        x, w, y = (rng.standard_normal(shape).astype(dtype) for shape in case.shapes)
        for direction in DIRECTIONS:
            with rt.settings(backend="compiled", strategy="direct", threads=2):
                found = case.computed(direction, x.copy(), w.copy(), y.copy())
            expected = case.expected(direction, x, w, y)
            assert np.abs(found - expected).max() <= (1e-11 if dtype is np.float64 else 1e-4), f"{case} {direction}"


def compute_rows(strategies: Sequence[str] = ("direct", "fused4", "fused2")) -> None:
    """A bias, which is stored with the sums: columns of no whole vector, in chunks, at the ends of an image."""
    rng = np.random.default_rng(TAG)
    for n, size, channels, columns, kernel in (
        (2, 9, 5, 7, 3),
        (1, 8, 64, 96, 3),
        (4, 7, 3, 33, 1),
        (2, 14, 40, 20, 3),
    ):
        x, w = rng.standard_normal((n, size, size, channels)), rng.standard_normal((kernel, kernel, channels, columns))
        b = rng.standard_normal(columns)
        for strategy, dtype in product(strategies, (np.float32, np.float64)):
            one, other, row = (a.astype(dtype) for a in (x, w, b))
            with rt.settings(backend="compiled", strategy=strategy, threads=2):
                plain, found = (conv2d_forward(one, other, added, padding=kernel // 2) for added in (None, row))
            assert np.abs(found - plain - row).max() <= (1e-12 if dtype is np.float64 else 1e-4), strategy


def compute_windows(seeds: Iterable[int]) -> None:
    """Along one to three axes, in pieces."""
    for seed in seeds:
        case = drawn(seed)
        rng = np.random.default_rng(seed)
        x, w, y = (rng.standard_normal(shape) for shape in case.shapes)
        for direction in SPECS:
            with rt.settings(backend="compiled", strategy=("fused2", "fused4")[seed % 2], threads=1 + seed % 2):
                found = case.computed(direction, x, w, y)
            expected = case.expected(direction, x, w, y)
            assert np.abs(found - expected).max() <= 1e-11 * np.abs(expected).max(), f"{case} {direction}"


def compute_panels(seeds: Iterable[int]) -> None:
    """Windows and rows once more, where all tiles are transformed before a kernel is."""
    with pytest.MonkeyPatch.context() as patch:
        panels_first(patch)
        compute_windows(seeds)
        compute_rows(("fused4",))
    forget_plans()


if __name__ == "__main__":
    compute_all(range(SEEDS))
    compute_convolutions()
    compute_rows()
    compute_windows(range(WINDOWS))
    compute_panels(range(1))
    print("fine")
