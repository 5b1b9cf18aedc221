"""Windows reduced and filled axis by axis, against loops over single elements: any geometry, NaN, ties, small tiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from tests.cases.subscripts import subscripts
from tests.cases.thorough import THOROUGH
from tests.runtime.rooms import forget_plans, set_in_all

Array = np.ndarray[Any, Any]
BLOCKS = [range(k, k + 15) for k in (15, 30, 0, 45)]
"""The first two reach all lines."""
SEEDS = pytest.mark.parametrize("seeds", BLOCKS if THOROUGH else BLOCKS[:1], ids=lambda r: str(r.start))


Element = tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Case:
    """An array, and windows of it in an order of axes of their own."""

    source: Array
    extents: tuple[int, ...]
    taps: tuple[int, ...]
    positions: tuple[tuple[Any, ...], ...]

    @property
    def names(self) -> list[str]:
        """Of the indices."""
        return [f"i{k}" for k in range(len(self.extents))] + [f"r{k}" for k in range(len(self.taps))]

    @property
    def subscripts(self) -> tuple[str, str]:
        """Of the source, and of the results."""
        return subscripts(self.positions, self.names), " ".join(self.names[: len(self.extents)])

    @property
    def sizes(self) -> dict[str, int]:
        """Of the taps by name."""
        return dict(zip(self.names[len(self.extents) :], self.taps, strict=True))

    def elements(self, window: tuple[int, ...]) -> Iterator[Element]:
        """The elements of a window, with their row-major position in it."""
        for place, tap in enumerate(product(*map(range, self.taps))):
            values = (*window, *tap)
            at = tuple(offset + sum(step * values[v] for v, step in moves) for offset, *moves in self.positions)
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
    return Case(source, tuple(flat[: len(orders[0])]), tuple(flat[len(orders[0]) :]), positions)


@pytest.fixture(
    params=[(8, 256, 0), (56, 0, 0), (1 << 20, 0, 0), (1 << 20, 256, 0), (1 << 20, 0, 1 << 12)], autouse=True
)
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tiles of one element, of a few, and of all; slices gathered first or read as they are; few windows at once."""
    set_in_all(monkeypatch, "TILE", request.param[0])
    set_in_all(monkeypatch, "RUNS", request.param[1])
    set_in_all(monkeypatch, "FEW_ELEMENTS", request.param[2])
    set_in_all(monkeypatch, "FEW_TAPS", 64)
    set_in_all(monkeypatch, "SMALL", 0)
    forget_plans()
    yield
    forget_plans()


# ----- what is expected: the tiles do not matter to it ----------------------------------------------------------------
@cache
def all_windows(seed: int) -> list[tuple[tuple[int, ...], list[Element]]]:
    """Every window of a random case with its elements."""
    case = random_case(seed)
    return [(window, [*case.elements(window)]) for window in np.ndindex(*case.extents)]


@cache
def extremum(seed: int, sign: int) -> tuple[Array, Array]:
    """The greatest or the smallest element of every window, and where the first one is that equals it."""
    case = random_case(seed)
    values, places = np.empty(case.extents, case.source.dtype), np.empty(case.extents, np.int32)
    for window, elements in all_windows(seed):
        best, place = -np.inf, -1
        for here, at in elements:
            value = sign * case.source[at]
            if place < 0 or value > best or (np.isnan(value) and not np.isnan(best)):
                best, place = value, here
        values[window], places[window] = sign * best, place
    return values, places


def finite(seed: int) -> Case:
    """A random case of numbers."""
    case = random_case(seed)
    np.nan_to_num(case.source, copy=False, nan=3, neginf=-3)
    return case


@cache
def total(seed: int) -> Array:
    """The sum of every window."""
    case = finite(seed)
    found = np.empty(case.extents)
    for window, elements in all_windows(seed):
        found[window] = sum(float(case.source[at]) for _, at in elements)
    return found


def given(case: Case, seed: int, chosen: bool) -> tuple[Array, Array]:
    """A value for every window, and the place in it of the element that gets it; some have none."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-9, 9, case.extents).astype(case.source.dtype)
    if chosen:
        values[rng.random(case.extents) < 0.1] = np.inf
    most = int(np.prod(case.taps))
    return values, rng.integers(-1, most + 1, case.extents).astype((np.int8, np.int32, np.int64)[seed % 3])


@cache
def spread_out(seed: int, chosen: bool, add: bool) -> Array:
    """Twice the values of the windows, at their elements."""
    case = finite(seed)
    values, places = given(case, seed, chosen)
    found = case.source.astype(np.float64) if add else np.zeros(case.source.shape)
    for window, elements in all_windows(seed):
        for place, at in elements:
            if not chosen or place == places[window]:
                found[at] += 2 * values[window]
    return found


# ----- what is computed -----------------------------------------------------------------------------------------------
@SEEDS
@pytest.mark.parametrize("sign", [1, -1], ids=["max", "min"])
def test_an_extremum_and_the_first_element_that_is_one(seeds: range, sign: int) -> None:
    combine = np.maximum if sign > 0 else np.minimum
    for seed in seeds:
        case = random_case(seed)
        out, argument = np.empty(case.extents, case.source.dtype), np.empty(case.extents, np.int32)
        rt.reduce(
            combine, sign * -np.inf, " -> ".join(case.subscripts), case.source, out, case.sizes, argument=argument
        )
        alone = np.empty_like(out)
        rt.reduce(combine, sign * -np.inf, " -> ".join(case.subscripts), case.source, alone, case.sizes)
        values, places = extremum(seed, sign)
        np.testing.assert_array_equal(out, values, err_msg=f"seed {seed}")
        np.testing.assert_array_equal(alone, values, err_msg=f"seed {seed}")
        np.testing.assert_array_equal(argument, places, err_msg=f"seed {seed}")


@SEEDS
def test_a_sum(seeds: range) -> None:
    for seed in seeds:
        case = finite(seed)
        rng = np.random.default_rng(seed)
        scale = rng.normal(size=[n if rng.random() < 0.5 else 1 for n in case.extents])
        out = np.empty(case.extents, case.source.dtype)
        rt.reduce(np.add, 0, " -> ".join(case.subscripts), case.source, out, case.sizes, scale=scale)
        np.testing.assert_allclose(out, total(seed) * scale, rtol=1e-5, atol=1e-5, err_msg=f"seed {seed}")


@SEEDS
@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize("add", [False, True])
def test_the_adjoint(seeds: range, chosen: bool, add: bool) -> None:
    """What is infinite stays with the element that it is for; a position that no element has gives nothing."""
    for seed in seeds:
        case = finite(seed)
        values, places = given(case, seed, chosen)
        spec = " -> ".join(reversed(case.subscripts))
        rt.spread(spec, values, case.source, case.sizes, scale=2, argument=places if chosen else None, add=add)
        np.testing.assert_allclose(case.source, spread_out(seed, chosen, add), rtol=1e-5, err_msg=f"seed {seed}")
