"""What accuracy "strict" promises: every element by itself.

Errors in float32 stay below 2e-6 of the sum of the absolute values of what an element adds up, whatever the others are;
NaN and infinity reach the elements that read them, and no others. Random contractions go through every strategy that says
of itself that it computes direct sums, layers through the one that is chosen.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.accuracy import KINDS, absolute, data, directly, errors, ours
from generated import runtime as rt
from generated.conv1d import conv1d_forward, conv1d_grad_input, conv1d_grad_weight
from generated.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from generated.conv_transpose1d import conv_transpose1d_forward, conv_transpose1d_grad_input, conv_transpose1d_grad_weight
from generated.conv_transpose2d import conv_transpose2d_forward, conv_transpose2d_grad_input
from generated.dense import dense_forward
from generated.depthwise_conv2d import depthwise_conv2d_forward, depthwise_conv2d_grad_weight
from tests.random_contractions import Array, Problem, problem

BACKENDS = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not rt.has_numba(), reason="no numba"))]
BOUND = 2e-6
assert BOUND == rt.STRICT
DRAWS = 250


def magnitude(case: Problem) -> Array:
    """The sums of the absolute values."""
    sides = (replace(side, array=np.abs(side.array)) for side in (case.left, case.right))
    left, right = sides
    return replace(case, left=left, right=right, add=False).expected()[0]


class Direct:
    """Computes contractions in every direct way in turn; `then` looks at the result."""

    def __init__(self, then: Callable[[str], None]) -> None:
        self.then = then
        self.names: dict[str, int] = {}

    def __call__(self, c: rt.Contraction, compute: Any) -> None:
        ways = [way for way in rt.ways(c, rt.current()) if way.cost.direct]
        assert rt.choice(c, rt.current()) is ways[0]
        for way in ways:
            self.names[way.strategy.name] = self.names.get(way.strategy.name, 0) + 1
        compute(ways[self.names[ways[0].strategy.name] % len(ways)])


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_element_has_a_small_error(backend: str) -> None:
    """With factors that differ by many powers of ten."""
    direct = Direct(lambda name: None)
    for seed in range(DRAWS):
        case = problem([seed, 41], np.float32)
        if case.add:
            continue
        rng = np.random.default_rng(seed)
        for side in (case.left, case.right):
            if side.array.flags.writeable:
                side.array[...] *= (10.0 ** rng.uniform(-6, 6, size=side.array.shape)).astype(np.float32)
        expected, _ = case.expected()
        with rt.settings(accuracy="strict", backend=backend, threads=1), rt.observing(direct):
            found = case.compute()
        assert (np.abs(found - expected) <= BOUND * magnitude(case)).all(), f"seed {seed}: {case}"
    assert set(direct.names) >= {"matrix", "taps", "polyphase", "scatter"}
    assert set(direct.names) <= {"matrix", "taps", "polyphase", "scatter", "planar"}


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
    with rt.settings(accuracy="strict"):
        found = [(dense_forward(x, w), x.astype(float) @ w.astype(float))]
        found += [(dense_forward(x[:1], w[:, :1]), x[:1].astype(float) @ w[:, :1].astype(float))]
        x, dy = (rng.random(size=(4, 130, 130, 4), dtype=np.float32) + 1 for _ in range(2))
        wide = x.astype(float), dy.astype(float)
        found += [(conv2d_grad_weight(dy, x, kernel_size=1)[0, 0], np.einsum("nijc,nijk->ck", *wide))]
        found += [(depthwise_conv2d_grad_weight(dy, x, kernel_size=1)[0, 0, :, 0], np.einsum("nijc,nijc->c", *wide))]
    for ours_, expected in found:
        np.testing.assert_allclose(ours_, expected, rtol=BOUND)


@pytest.mark.parametrize("accuracy", ["strict"])
def test_large_numbers_stay_finite(accuracy: str) -> None:
    rng = np.random.default_rng(0)
    x = (1e38 * rng.uniform(-1, 1, size=(2, 20, 20, 32))).astype(np.float32)
    w = (1e-3 * rng.normal(size=(3, 3, 32, 32))).astype(np.float32)
    with rt.settings(accuracy=accuracy):
        assert np.isfinite(conv2d_forward(x, w, padding=1)).all()
        assert np.isfinite(conv2d_grad_input(x, w, input_shape=x.shape, padding=1)).all()
        assert np.isfinite(conv2d_grad_weight(x, w.repeat(7, 0)[:20].repeat(7, 1)[None, :, :20].repeat(2, 0)[..., 0, :] * 1e-3,
                                              kernel_size=3, padding=1)).all()  # fmt: skip


# ----- what is not finite ---------------------------------------------------------------------------------------------
BAD = [np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_not_finite_reaches_what_reads_it(backend: str, dtype: Any) -> None:
    """Random contractions, an element of a window spoilt; the other factor lies inside its array."""
    direct = Direct(lambda name: None)
    number = 0
    for seed in range(2 * DRAWS):
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
        sides[1 - which].array[sides[1 - which].array == 0] = 1
        wanted = replace(case, left=marks[0], right=marks[1], add=False).expected()[0] > 0
        with rt.settings(accuracy="strict", backend=backend, threads=1), np.errstate(all="ignore"), rt.observing(direct):
            found = case.compute()
        np.testing.assert_array_equal(~np.isfinite(found), wanted, err_msg=f"seed {seed}: {case}")
        number += 1
    assert number > DRAWS // 2


def footprint(compute: Callable[[Array], Array], like: Array, dtype: Any, seed: int = 0) -> None:
    """Spoil one element after the other of an input of ones, and see that what reads it, and nothing else, is spoilt."""
    rng = np.random.default_rng(seed)
    for bad in BAD:
        place = tuple(int(rng.integers(n)) for n in like.shape)
        clean, marked = np.zeros(like.shape), np.ones(like.shape, dtype)
        clean[place] = 1
        marked[place] = bad
        with rt.settings(accuracy="strict", backend="numpy"), np.errstate(all="ignore"):
            found, reads = compute(marked), compute(clean)
        np.testing.assert_array_equal(~np.isfinite(found), reads != 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(4))
def test_layers_spoil_what_windows_hold(dtype: Any, seed: int) -> None:
    def ones(*shape: int) -> Array:
        return np.ones(shape, dtype)

    def cast(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
        return lambda v: function(v.astype(dtype))

    x1, x2 = ones(2, 12, 4), ones(1, 30, 29, 3)
    w = ones(5, 3, 4)
    three = {"stride": 3, "groups": 2}
    footprint(cast(lambda v: conv_transpose1d_forward(v, w, **three)), x1, dtype, seed)
    y = conv_transpose1d_forward(x1, w, **three)
    footprint(cast(lambda v: conv_transpose1d_grad_input(v, w, input_shape=x1.shape, **three)), y, dtype, seed)
    footprint(cast(lambda v: conv_transpose1d_grad_weight(y, v, kernel_size=5, **three)), x1, dtype, seed)
    footprint(cast(lambda v: conv2d_forward(v, ones(15, 15, 3, 2), padding=7)), x2, dtype, seed)
    footprint(cast(lambda v: conv2d_forward(v, ones(3, 3, 3, 70), padding=1)), ones(2, 33, 33, 3), dtype, seed)
    y = ones(2, 17, 17, 40)
    footprint(cast(lambda v: conv2d_grad_input(v, ones(3, 3, 64, 40), input_shape=(2, 33, 33, 64), stride=2, padding=1)), y, dtype, seed)
    footprint(cast(lambda v: conv2d_grad_weight(ones(2, 33, 33, 6), v, kernel_size=3, padding=1)), ones(2, 33, 33, 3), dtype, seed)
    footprint(cast(lambda v: conv1d_forward(v, ones(4, 2, 8), groups=2, dilation=3)), x1, dtype, seed)
    footprint(cast(lambda v: conv1d_grad_input(v, ones(4, 2, 8), input_shape=x1.shape, groups=2, dilation=3)), ones(2, 3, 8), dtype, seed)
    footprint(cast(lambda v: conv1d_grad_weight(ones(2, 3, 8), v, kernel_size=4, groups=2, dilation=3)), x1, dtype, seed)
    footprint(cast(lambda v: depthwise_conv2d_forward(v, ones(7, 7, 3, 1), padding=3)), x2, dtype, seed)
    footprint(cast(lambda v: conv_transpose2d_forward(v, ones(4, 4, 5, 3), stride=2, padding=1)), x2, dtype, seed)
    y = conv_transpose2d_forward(x2, ones(4, 4, 5, 3), stride=2, padding=1)
    footprint(cast(lambda v: conv_transpose2d_grad_input(v, ones(4, 4, 5, 3), input_shape=x2.shape, stride=2, padding=1)), y, dtype, seed)
