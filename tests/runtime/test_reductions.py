"""Windows reduced and filled axis by axis, against loops over single elements: any geometry, NaN, ties, small tiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from tests.runtime.rooms import forget_plans, set_in_all

Array = np.ndarray[Any, Any]
SEEDS = pytest.mark.parametrize("seed", range(60))


@dataclass(frozen=True)
class Case:
    """An array, and windows of it in an order of axes of their own."""

    source: Array
    windows: rt.Window
    kept: int

    @property
    def extents(self) -> tuple[int, ...]:
        """Of the windows."""
        return self.windows.extents[: self.kept]

    @property
    def taps(self) -> tuple[int, ...]:
        """Of one window."""
        return self.windows.extents[self.kept :]

    def elements(self, window: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The elements of a window, with their row-major position in it."""
        for place, tap in enumerate(product(*map(range, self.taps))):
            values = (*window, *tap)
            at = tuple(offset + sum(step * values[v] for v, step in moves) for offset, *moves in self.windows.positions)
            if all(0 <= p < n for p, n in zip(at, self.source.shape, strict=True)):
                yield place, at


def random_case(seed: int) -> Case:
    """Any strides, dilations (also backwards), offsets; axes with a window, a tap or neither; few distinct values."""
    rng = np.random.default_rng(seed)
    axes = int(rng.integers(1, 5))
    shape = tuple(int(n) for n in rng.integers(1, 9, axes))
    kinds = ["both", *rng.choice(["both", "window", "tap", "plain"], axes - 1)]
    rng.shuffle(kinds)
    extents: list[list[int]] = [[], []]
    found = []
    for size, kind in zip(shape, kinds, strict=True):
        steps: list[tuple[bool, int]] = []
        if kind in ("both", "window", "plain"):
            extents[0].append(size if kind == "plain" else int(rng.integers(0 if seed % 9 == 0 else 1, 8)))
            steps.append((False, 1 if kind == "plain" else int(rng.integers(1, 5))))
        if kind in ("both", "tap"):
            extents[1].append(int(rng.integers(1, 5)))
            steps.append((True, int(rng.choice([-2, -1, 1, 2, 3]))))
        found.append((0 if kind == "plain" else int(rng.integers(-4, 3)), steps))
    orders = [list(rng.permutation(len(e))) for e in extents]
    numbers = iter(orders[0]), iter(len(orders[0]) + k for k in orders[1])
    positions = tuple((offset, *((int(next(numbers[tap])), step) for tap, step in steps)) for offset, steps in found)
    flat = [e[order.index(k)] for e, order in zip(extents, orders, strict=True) for k in range(len(e))]
    dtype = (np.float32, np.float64)[seed % 2]
    source = rng.integers(-2, 3, shape).astype(dtype)
    source[rng.random(shape) < rng.choice([0, 0, 0.2])] = np.nan
    source[rng.random(shape) < 0.1] = -np.inf
    if rng.random() < 0.3:
        source = np.asfortranarray(source)
    return Case(source, rt.Window(source, tuple(flat), positions), len(orders[0]))


@pytest.fixture(params=[(8, 256), (56, 0), (1 << 20, 0), (1 << 20, 256)], autouse=True)
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tiles of one element, of a few, and of all; slices gathered first or read as they are."""
    set_in_all(monkeypatch, "TILE", request.param[0])
    set_in_all(monkeypatch, "RUNS", request.param[1])
    set_in_all(monkeypatch, "SMALL", 0)
    forget_plans()
    yield
    forget_plans()


@SEEDS
@pytest.mark.parametrize("sign", [1, -1], ids=["max", "min"])
def test_an_extremum_and_the_first_element_that_is_one(seed: int, sign: int) -> None:
    case = random_case(seed)
    out, argument = np.empty(case.extents, case.source.dtype), np.empty(case.extents, np.int32)
    combine = np.maximum if sign > 0 else np.minimum
    rt.reduce(combine, sign * -np.inf, case.windows, out, argument=argument)
    alone = np.empty_like(out)
    rt.reduce(combine, sign * -np.inf, case.windows, alone)
    np.testing.assert_array_equal(out, alone)
    for window in np.ndindex(*case.extents):
        best, place = -np.inf, -1
        for here, at in case.elements(window):
            value = sign * case.source[at]
            if place < 0 or value > best or (np.isnan(value) and not np.isnan(best)):
                best, place = value, here
        np.testing.assert_equal((float(out[window]), int(argument[window])), (float(sign * best), place))


@SEEDS
def test_a_sum(seed: int) -> None:
    case = random_case(seed)
    rng = np.random.default_rng(seed)
    scale = rng.normal(size=[n if rng.random() < 0.5 else 1 for n in case.extents])
    np.nan_to_num(case.source, copy=False, nan=3, neginf=-3)
    out = np.empty(case.extents, case.source.dtype)
    rt.reduce(np.add, 0, case.windows, out, scale=scale)
    expected = np.empty(case.extents)
    for window in np.ndindex(*case.extents):
        expected[window] = sum(float(case.source[at]) for _, at in case.elements(window))
    np.testing.assert_allclose(out, expected * scale, rtol=1e-5, atol=1e-5)


@SEEDS
@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize("add", [False, True])
def test_the_adjoint(seed: int, chosen: bool, add: bool) -> None:
    """What is infinite stays with the element that it is for; a position that no element has gives nothing."""
    case = random_case(seed)
    rng = np.random.default_rng(seed)
    np.nan_to_num(case.source, copy=False, nan=3, neginf=-3)
    values = rng.integers(-9, 9, case.extents).astype(case.source.dtype)
    if chosen:
        values[rng.random(case.extents) < 0.1] = np.inf
    most = int(np.prod(case.taps))
    places = rng.integers(-1, most + 1, case.extents).astype((np.int8, np.int32, np.int64)[seed % 3])
    expected = case.source.astype(np.float64) if add else np.zeros(case.source.shape)
    for window in np.ndindex(*case.extents):
        for place, at in case.elements(window):
            if not chosen or place == places[window]:
                expected[at] += 2 * values[window]
    rt.spread(values, case.windows, scale=2, argument=places if chosen else None, add=add)
    np.testing.assert_allclose(case.source, expected, rtol=1e-5)
