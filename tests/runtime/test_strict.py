"""What accuracy "strict" promises: every element by itself.

Errors in float32 stay below 2e-6 of the sum of the absolute values of what an element adds up, whatever the others are;
NaN and infinity reach the elements that read them, and no others. Random contractions go through every strategy whose
sums are direct as it says, layers through the one that is chosen.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.accuracy import KINDS, absolute, data, directly, errors, ours
from gradscribe.generated import runtime as rt
from gradscribe.generated.conv1d import conv1d_forward, conv1d_grad_input, conv1d_grad_weight
from gradscribe.generated.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from gradscribe.generated.conv_transpose1d import (
    conv_transpose1d_forward,
    conv_transpose1d_grad_input,
    conv_transpose1d_grad_weight,
)
from gradscribe.generated.conv_transpose2d import conv_transpose2d_forward, conv_transpose2d_grad_input
from gradscribe.generated.dense import dense_forward
from gradscribe.generated.depthwise_conv2d import depthwise_conv2d_forward, depthwise_conv2d_grad_weight
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.machine.configuration import has_c
from tests.cases.contraction import Array, Problem
from tests.cases.random_contractions import problem
from tests.cases.thorough import draws, some

BACKENDS = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not has_c(), reason="no C compiler"))]
BOUND = 2e-6
assert "2e-6" in str(rt.settings.__doc__)
DRAWS = 200


def magnitude(case: Problem) -> Array:
    """The sums of the absolute values."""
    sides = (replace(side, array=np.abs(side.array)) for side in (case.left, case.right))
    left, right = sides
    return replace(case, left=left, right=right, add=False).expected()[0]


class Direct:
    """Computes contractions in every direct way in turn; `names` counts what there is."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}

    def __call__(self, c: Contraction, compute: Any) -> None:
        ways = [way for way in choice.ways(c, rt.current()) if way.cost.direct]
        assert choice.choice(c, rt.current()) is ways[0]
        for way in ways:
            self.names[way.strategy.name] = self.names.get(way.strategy.name, 0) + 1
        compute(ways[self.names[ways[0].strategy.name] % len(ways)])


@pytest.mark.thorough
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_element_has_a_small_error(backend: str) -> None:
    """With factors that differ by many powers of ten."""
    direct = Direct()
    for seed in range(DRAWS if backend == "numpy" else DRAWS // 4):
        case = problem([seed, 41], np.float32)
        if case.add:
            continue
        rng = np.random.default_rng(seed)
        for side in (case.left, case.right):
            if side.array.flags.writeable:
                side.array[...] *= (10.0 ** rng.uniform(-6, 6, size=side.array.shape)).astype(np.float32)
        expected, _ = case.expected()
        with rt.settings(accuracy="strict", backend=backend, threads=1), choice.observing(direct):
            found = case.compute()
        assert (np.abs(found - expected) <= BOUND * magnitude(case)).all(), f"seed {seed}: {case}"
    assert set(direct.names) >= {"matrix", "taps", "polyphase", "scatter"}
    assert set(direct.names) <= {"matrix", "taps", "polyphase", "scatter", "direct", "fold", "dots"}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_convolutions_of_hostile_data(kind: str, backend: str) -> None:
    given = data(kind, seed=1)
    with rt.settings(accuracy="strict", backend=backend):
        found = errors(ours(given), directly(given), directly(absolute(given)))
    assert max(error.own for error in found) <= BOUND


def test_long_sums_of_positive_numbers() -> None:
    """Which is where float32 loses most: everything is rounded in the size of the sum."""
    rng = np.random.default_rng(0)
    x, w = (rng.random(size=shape, dtype=np.float32) + 1 for shape in ((3, 300_000), (300_000, 2)))
    with rt.settings(accuracy="strict", backend="numpy"):
        found = [(dense_forward(x, w), x.astype(float) @ w.astype(float))]
        found += [(dense_forward(x[:1], w[:, :1]), x[:1].astype(float) @ w[:, :1].astype(float))]
        x, dy = (rng.random(size=(4, 130, 130, 4), dtype=np.float32) + 1 for _ in range(2))
        wide = x.astype(float), dy.astype(float)
        found += [(conv2d_grad_weight(dy, x, kernel_size=1)[0, 0], np.einsum("nijc,nijk->ck", *wide))]
        found += [(depthwise_conv2d_grad_weight(dy, x, kernel_size=1)[0, 0, :, 0], np.einsum("nijc,nijc->c", *wide))]
    for ours_, expected in found:
        np.testing.assert_allclose(ours_, expected, rtol=BOUND)


def test_large_numbers_stay_finite() -> None:
    rng = np.random.default_rng(0)
    x = (1e38 * rng.uniform(-1, 1, size=(2, 20, 20, 32))).astype(np.float32)
    w = (1e-3 * rng.normal(size=(3, 3, 32, 32))).astype(np.float32)
    dy = (1e-3 * rng.normal(size=x.shape) / 400).astype(np.float32)
    with rt.settings(accuracy="strict"):
        assert np.isfinite(conv2d_forward(x, w, padding=1)).all()
        assert np.isfinite(conv2d_grad_input(x, w, input_shape=x.shape, padding=1)).all()
        assert np.isfinite(conv2d_grad_weight(dy, x, kernel_size=3, padding=1)).all()


# ----- what is not finite ---------------------------------------------------------------------------------------------
BAD = [np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", some([np.float32, np.float64], 1))
def test_what_is_not_finite_reaches_what_reads_it(backend: str, dtype: Any) -> None:
    """Random contractions, an element of a window spoilt; the other factor lies inside its array."""
    direct = Direct()
    number = 0
    seeds = 2 * DRAWS if backend == "numpy" else draws(17, DRAWS)  # each is compiled
    for seed in range(seeds):
        case = problem([seed, 43], dtype)
        rng = np.random.default_rng(seed)
        sides = [case.left, case.right]
        which = next((k for k, side in enumerate(sides) if side.places and not sides[1 - k].places), None)
        if case.add or which is None or not sides[which].array.size or not sides[which].array.flags.writeable:
            continue
        array = sides[which].array
        place = tuple(int(rng.integers(n)) for n in array.shape)
        marks = [replace(side, array=np.ones(side.array.shape)) for side in sides]
        marks[which] = replace(sides[which], array=np.zeros(array.shape))
        marks[which].array[place] = 1
        array[place] = rng.choice(BAD)
        wanted = replace(case, left=marks[0], right=marks[1], add=False).expected()[0] > 0
        with (
            rt.settings(accuracy="strict", backend=backend, threads=1),
            np.errstate(all="ignore"),
            choice.observing(direct),
        ):
            found = case.compute()
        np.testing.assert_array_equal(~np.isfinite(found), wanted, err_msg=f"seed {seed}: {case}")
        number += 1
    assert number > seeds // 4


STRIDED = {"stride": 3, "groups": 2}
SPREAD = {"dilation": 3, "groups": 2}
HALVED = {"stride": 2, "padding": 1}
LAYERS: dict[str, tuple[Callable[[Array, Array], Array], tuple[int, ...], tuple[int, ...]]] = {
    "conv1d": (lambda x, w: conv1d_forward(x, w, **SPREAD), (2, 12, 4), (4, 2, 8)),
    "conv1d dx": (lambda dy, w: conv1d_grad_input(dy, w, input_shape=(2, 12, 4), **SPREAD), (2, 3, 8), (4, 2, 8)),
    "conv1d dw": (lambda x, dy: conv1d_grad_weight(dy, x, kernel_size=4, **SPREAD), (2, 12, 4), (2, 3, 8)),
    "15x15": (lambda x, w: conv2d_forward(x, w, padding=7), (1, 30, 29, 3), (15, 15, 3, 2)),
    "3x3": (lambda x, w: conv2d_forward(x, w, padding=1), (2, 33, 33, 3), (3, 3, 3, 70)),
    "3x3/2 dx": (
        lambda dy, w: conv2d_grad_input(dy, w, input_shape=(2, 33, 33, 64), **HALVED),
        (2, 17, 17, 40),
        (3, 3, 64, 40),
    ),
    "3x3 dw": (lambda x, dy: conv2d_grad_weight(dy, x, kernel_size=3, padding=1), (2, 33, 33, 3), (2, 33, 33, 6)),
    "transposed": (lambda x, w: conv_transpose1d_forward(x, w, **STRIDED), (2, 12, 4), (5, 3, 4)),
    "transposed dx": (
        lambda dy, w: conv_transpose1d_grad_input(dy, w, input_shape=(2, 12, 4), **STRIDED),
        (2, 38, 6),
        (5, 3, 4),
    ),
    "transposed dw": (
        lambda x, dy: conv_transpose1d_grad_weight(dy, x, kernel_size=5, **STRIDED),
        (2, 12, 4),
        (2, 38, 6),
    ),
    "transposed 4x4/2": (lambda x, w: conv_transpose2d_forward(x, w, **HALVED), (1, 30, 29, 3), (4, 4, 5, 3)),
    "transposed 4x4/2 dx": (
        lambda dy, w: conv_transpose2d_grad_input(dy, w, input_shape=(1, 30, 29, 3), **HALVED),
        (1, 60, 58, 5),
        (4, 4, 5, 3),
    ),
    "depthwise": (lambda x, w: depthwise_conv2d_forward(x, w, padding=3), (1, 30, 29, 3), (7, 7, 3, 1)),
}
"""What is computed, of what that is spoilt, and of what else."""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", some([np.float32, np.float64], 1))
@pytest.mark.parametrize("name", some(LAYERS, 3))
def test_layers_spoil_what_windows_hold(name: str, dtype: Any, backend: str) -> None:
    """Of ones, one element after the other is spoilt: the results that read it are, and no others."""
    compute, shape, other = LAYERS[name]
    rng = np.random.default_rng(0)
    for bad in [np.nan, np.inf, -np.inf, np.nan, np.inf]:
        place = tuple(int(rng.integers(n)) for n in shape)
        clean, marked = np.zeros(shape, dtype), np.ones(shape, dtype)
        clean[place] = 1
        marked[place] = bad
        with rt.settings(accuracy="strict", backend=backend), np.errstate(all="ignore"):
            found, reads = (compute(v, np.ones(other, dtype)) for v in (marked, clean))
        np.testing.assert_array_equal(~np.isfinite(found), reads != 0)
