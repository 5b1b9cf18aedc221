"""rt.contract against einsum: any layout, in blocks of any size, and how blocks are cut."""

from collections.abc import Iterator
from itertools import chain, product
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.arithmetic.ranges import BLOCK, box_blocks
from tests.runtime.rooms import forget_plans, set_in_all

Array = np.ndarray
LAYOUTS = ("plain", "fortran", "permuted", "negative", "strided", "broadcast", "read-only", "window", "offset")
BLOCKS = (1, 2, 3, 7, 40, BLOCK)


@pytest.fixture
def small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks of so many elements; the ways to compute a contraction are kept, so they are found anew."""
    set_in_all(monkeypatch, "BLOCK", request.param)
    forget_plans()
    yield
    forget_plans()


# ----- contractions: entries are small integers, so that every order of summation gives the same number ---------------
def numbers(shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> Array:
    return np.asarray(rng.integers(-4, 5, size=shape), dtype)


def laid_out(shape: tuple[int, ...], layout: str, rng: np.random.Generator, dtype: Any) -> Array:
    """Random integers in memory as `layout` says."""
    rank = len(shape)
    match layout:
        case "fortran":
            return np.asarray(numbers(shape, rng, dtype), order="F")
        case "permuted":
            order = rng.permutation(rank)
            return numbers(tuple(shape[k] for k in order), rng, dtype).transpose(np.argsort(order))
        case "negative":
            steps = tuple(slice(None, None, int(rng.choice([1, -1]))) for _ in shape)
            return numbers(shape, rng, dtype)[steps]
        case "strided":
            return numbers(tuple(2 * e for e in shape), rng, dtype)[(slice(None, None, 2),) * rank]
        case "broadcast":
            return np.broadcast_to(numbers(tuple(1 if rng.random() < 0.5 else e for e in shape), rng, dtype), shape)
        case "read-only":
            values = numbers(shape, rng, dtype)
            values.flags.writeable = False
            return values
        case "window" if rank >= 2 and shape[0] and shape[1]:
            source = numbers((shape[0] + shape[1] - 1, *shape[2:]), rng, dtype)
            return np.moveaxis(sliding_window_view(source, shape[1], axis=0), -1, 1)
        case "offset":
            return numbers(tuple(e + 3 for e in shape), rng, dtype)[tuple(slice(2, 2 + e) for e in shape)]
    return numbers(shape, rng, dtype)


def random_spec(rng: np.random.Generator) -> tuple[list[str], list[str], list[str]]:
    """Axes of left, right and out: shared, of one operand only, summed, each in any order."""
    letters = iter("abcdefghijkl")
    batch, rows, columns, summed = ([next(letters) for _ in range(rng.integers(0, 3))] for _ in range(4))
    alone, other = ([next(letters) for _ in range(rng.random() < 0.2)] for _ in range(2))
    groups = (batch + rows + summed + alone, batch + summed + columns + other, batch + rows + columns)
    left, right, out = ([str(v) for v in rng.permutation(g)] if rng.random() < 0.6 else g for g in groups)
    return left, right, out


def check_contraction(seed: int, dtype: Any, most: int) -> None:
    rng = np.random.default_rng([seed, most])
    axes = random_spec(rng)
    extents = {v: int(rng.integers(1, most + 1)) for v in {*axes[0], *axes[1]}}
    if extents and rng.random() < 0.1:
        extents[min(extents)] = 0
    left, right = (laid_out(tuple(extents[v] for v in own), str(rng.choice(LAYOUTS)), rng, dtype) for own in axes[:2])
    before = left.tobytes(), right.tobytes()
    letters = ["".join(a) for a in axes]
    expected = np.einsum(f"{letters[0]},{letters[1]}->{letters[2]}", left, right)
    spec = f"{' '.join(axes[0])}, {' '.join(axes[1])} -> {' '.join(axes[2])}"
    found = rt.contract(spec, left, right)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected, err_msg=spec)
    check_target(spec, left, right, expected, rng)
    assert (left.tobytes(), right.tobytes()) == before


def check_target(spec: str, left: Array, right: Array, expected: Array, rng: np.random.Generator) -> None:
    """`out` may be any part of a larger array; nothing beside it changes."""
    whole = np.full([2 * e + 1 for e in expected.shape], np.nan, expected.dtype)
    choices = [(slice(1, None, 2), slice(0, e), slice(e, 0, -1)) for e in expected.shape]
    out = whole[(*(parts[rng.integers(3)] for parts in choices), ...)]
    returned = rt.contract(spec, left, right, out=out)
    assert returned is out
    np.testing.assert_array_equal(out, expected, err_msg=spec)
    assert np.isnan(whole).sum() == whole.size - expected.size


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("small_blocks", BLOCKS, indirect=True)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_contract_equals_einsum(dtype: Any) -> None:
    for seed in range(60):
        check_contraction(seed, dtype, most=3)


@pytest.mark.thorough
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("small_blocks", [1, 12, 50], indirect=True)
def test_every_layout_streams_in_blocks(layout: str) -> None:
    rng = np.random.default_rng(12)
    specs = ("n i r c, r c k -> n i k", "r c k, n i r c -> n i k", "n i k, n i r c -> r c k", "g i r, g r k -> k g i")
    for spec, other in product(specs, LAYOUTS):
        extents = {"n": 2, "i": 5, "r": 3, "c": 4, "k": 3, "g": 2}
        operands = spec.partition(" -> ")[0]
        own = [part.split() for part in operands.split(", ")]
        left, right = (
            laid_out(tuple(extents[v] for v in a), name, rng, float)
            for a, name in zip(own, (layout, other), strict=True)
        )
        expected = np.einsum(spec.replace(" ", ""), left, right)
        np.testing.assert_array_equal(rt.contract(spec, left, right), expected, err_msg=f"{spec} {other}")


def test_contract_at_its_own_block_size() -> None:
    rng = np.random.default_rng(3)
    x, w = numbers((3, 66, 66, 16), rng, np.float32), numbers((3, 3, 16, 8), rng, np.float32)
    columns = np.moveaxis(sliding_window_view(x, (3, 3), axis=(1, 2)), 3, -1)
    assert columns.size > 2 * BLOCK
    found = rt.contract("n i j r t c, r t c k -> n i j k", columns, w)
    np.testing.assert_array_equal(found, np.einsum("nijrtc,rtck->nijk", columns, w, optimize=True))
    dy = numbers(found.shape, rng, np.float32)
    slope = rt.contract("n i j r t c, n i j k -> r t c k", columns, dy)
    np.testing.assert_array_equal(slope, np.einsum("nijrtc,nijk->rtck", columns, dy, optimize=True))


@pytest.mark.parametrize(("extents", "most"), [((4, 5, 6), 30), ((1, 1, 9), 2), ((7,), 3), ((2, 3, 4, 5), 1)])
def test_cut_covers_every_element_once(extents: tuple[int, ...], most: int) -> None:
    names = tuple("abcd"[: len(extents)])
    hits = np.zeros(extents, int)
    for block in box_blocks(names, dict(zip(names, extents, strict=True)), most):
        ranges = dict(block)
        part = hits[tuple(slice(*ranges[v]) if v in ranges else slice(None) for v in names)]
        part += 1
        assert part.size <= most
    assert (hits == 1).all()


@pytest.mark.parametrize("block", [1, 5, 64, 10_000])
def test_blocks_cover_the_range_in_order(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    set_in_all(monkeypatch, "BLOCK", block)
    for length, elements in product(range(9), (0, 1, 4, 1000)):
        parts = [list(range(*pair)) for pair in rt.blocks(length, elements)]
        assert list(chain(*parts)) == list(range(length))
        assert all(parts)
        assert all(len(part) == 1 or len(part) * elements <= block for part in parts)
