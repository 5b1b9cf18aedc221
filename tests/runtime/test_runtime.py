"""generated/runtime/ against NumPy: contractions, windows, slices, maxima, checks of arguments, layers in a row."""

import inspect
import math
import re
import warnings
from collections.abc import Iterator
from itertools import chain, product
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from gradscribe import generated
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.arithmetic.ranges import BLOCK, box_blocks
from tests.cases.instances import instance
from tests.cases.layers import sampled_case
from tests.runtime.rooms import forget_plans, set_in_all

Array = np.ndarray
Positions = tuple[tuple[Any, ...], ...]
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


# ----- windows --------------------------------------------------------------------------------------------------------
def by_hand(source: Array, extents: tuple[int, ...], positions: Positions) -> Array:
    out = np.zeros(extents, source.dtype)
    for point in np.ndindex(extents):
        where = tuple(start + sum(step * point[k] for k, step in moves) for start, *moves in positions)
        if all(0 <= p < e for p, e in zip(where, source.shape, strict=True)):
            out[point] = source[where]
    return out


def framed(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Random numbers with NaN all around them in memory: what reads beyond the array shows."""
    whole = np.full(tuple(e + 4 for e in shape), np.nan)
    inner = whole[tuple(slice(2, 2 + e) for e in shape)]
    inner[...] = rng.normal(size=shape)
    return inner[tuple(slice(None, None, int(rng.choice([1, -1]))) for _ in shape)]


def random_positions(rank: int, count: int, rng: np.random.Generator) -> Positions:
    """Any index in any number of axes (none, several), any sign."""
    axes = []
    for _ in range(rank):
        moves = [(k, int(rng.choice([-3, -2, -1, 1, 2, 3]))) for k in range(count) if rng.random() < 0.5]
        axes.append((int(rng.integers(-4, 7)), *moves))
    return tuple(axes)


@pytest.mark.parametrize("seed", range(300))
def test_window_equals_direct_indexing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = framed(tuple(int(e) for e in rng.integers(0 if seed % 10 == 0 else 1, 6, size=rng.integers(1, 4))), rng)
    extents = tuple(int(e) for e in rng.integers(0 if seed % 15 == 0 else 1, 5, size=rng.integers(0, 4)))
    positions = random_positions(source.ndim, len(extents), rng)
    view = rt.window(source, extents, positions)
    assert view.dtype == source.dtype
    np.testing.assert_array_equal(view, by_hand(source, extents, positions))


def test_window_shares_memory_where_nothing_is_padded() -> None:
    source = np.arange(20.0).reshape(4, 5)
    view = rt.window(source, (3, 2, 5), ((0, (0, 1), (1, 1)), (0, (2, 1))))
    assert np.shares_memory(view, source)
    assert not np.shares_memory(rt.window(source, (5, 5), ((0, (0, 1)), (0, (1, 1)))), source)


@pytest.mark.parametrize("start", [0, -1])
def test_window_is_read_only(start: int) -> None:
    view = rt.window(np.ones((4, 4)), (3, 2, 4), ((start, (0, 1), (1, 1)), (0, (2, 1))))
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0, 0] = 5


def test_window_of_a_number_repeats_it() -> None:
    np.testing.assert_array_equal(rt.window(np.asarray(3.0), (2, 3), ()), np.full((2, 3), 3.0))


# ----- slices ---------------------------------------------------------------------------------------------------------
SLOPES = (-3, -2, -1, 1, 2, 3)


def test_clip_and_span_equal_a_search() -> None:
    for length, a, b, extent in product(range(5), SLOPES, range(-6, 7), range(-1, 6)):
        inside = [v for v in range(length) if 0 <= a * v + b < extent]
        low, high = rt.clip(length, (a, b, extent))
        assert list(range(low, high)) == inside, (length, a, b, extent)
        found = list(range(20))[rt.span(a, b, low, high)]
        assert found == [a * v + b for v in inside], (length, a, b, extent)


def test_clip_with_several_brackets() -> None:
    rng = np.random.default_rng(0)
    for _ in range(3000):
        length = int(rng.integers(0, 8))
        count = int(rng.integers(0, 4))
        slopes = [int(a) for a in rng.choice((0, *SLOPES), size=count)]
        brackets = [(a, int(rng.integers(-6, 7)), int(rng.integers(-1, 7))) for a in slopes]
        inside = [v for v in range(length) if all(0 <= a * v + b < e for a, b, e in brackets)]
        low, high = rt.clip(length, *brackets)
        assert list(range(low, high)) == inside, (length, brackets)
        assert low >= 0
        assert high <= length


# ----- maxima ---------------------------------------------------------------------------------------------------------
def largest(*values: float) -> tuple[float, int]:
    """The maximum of `values`, one after the other, and its position."""
    best, position = np.full(1, -np.inf), np.full(1, -1)
    for here, value in enumerate(values):
        rt.maximise(best, position, np.array([value]), here)
    return float(best[0]), int(position[0])


@pytest.mark.parametrize(
    ("values", "position"),
    [
        ((), -1),
        ((3.0,), 0),
        ((1.0, 2.0, 2.0), 1),
        ((5.0, 5.0), 0),
        ((0.0, -0.0), 0),
        ((-np.inf, -np.inf), 0),
        ((-np.inf, -1e300), 1),
        ((np.inf, np.inf), 0),
        ((1.0, np.nan, 2.0, np.nan), 1),
        ((np.nan, np.inf), 0),
        ((np.nan, np.nan), 0),
        ((np.inf, np.nan), 1),
    ],
)
def test_maximise(values: tuple[float, ...], position: int) -> None:
    best, found = largest(*values)
    assert found == position
    np.testing.assert_equal(best, values[position] if values else -np.inf)


@pytest.mark.parametrize(
    ("values", "position"),
    [
        ((), -1),
        ((1.0, 2.0, 1.0), 0),
        ((3.0, 2.0, 2.0), 1),
        ((0.0, -0.0), 0),
        ((np.inf, np.inf), 0),
        ((np.inf, 1e300), 1),
        ((1.0, np.nan, -2.0, np.nan), 1),
        ((np.nan, -np.inf), 0),
        ((-np.inf, np.nan), 1),
    ],
)
def test_minimise(values: tuple[float, ...], position: int) -> None:
    best, found = np.full(1, np.inf), np.full(1, -1)
    for here, value in enumerate(values):
        rt.minimise(best, found, np.array([value]), here)
    assert found[0] == position
    np.testing.assert_equal(best[0], values[position] if values else np.inf)


def test_share_divides_only_where_the_bracket_holds() -> None:
    where = np.array([[True, False], [False, True]])
    above, below = np.array([[6.0, 1.0], [np.inf, 8.0]]), np.array([[2.0, 0.0], [np.inf, 4.0]])
    np.testing.assert_array_equal(rt.share(where, above, below), [[3, 0], [0, 2]])  # and no warning


def test_share_keeps_the_type() -> None:
    where, below = np.array([True, True]), np.array([2.0, 4.0], np.float32)
    for above in (1, 1.0, np.ones(2, np.float32)):
        found = rt.share(where, above, below)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, [0.5, 0.25])


def test_maximise_writes_into_parts_of_arrays() -> None:
    best, position = np.full((2, 4), -np.inf, np.float32), np.full((2, 4), -1)
    rt.maximise(best[:, ::2], position[:, ::2], np.ones((2, 2), np.float32), 7)
    np.testing.assert_array_equal(best[:, ::2], 1)
    np.testing.assert_array_equal(best[:, 1::2], -np.inf)
    np.testing.assert_array_equal(position, [[7, -1, 7, -1]] * 2)


# ----- arguments ------------------------------------------------------------------------------------------------------
def raises(error: type[Exception], text: str) -> Any:
    """The whole message, to the letter."""
    return pytest.raises(error, match=f"^{re.escape(text)}$")


@pytest.mark.parametrize("value", [3, np.int64(3), (3, 3), [3, 3], np.array([3, 3]), (np.int8(3), 3)])
def test_sizes_of_both_axes(value: Any) -> None:
    found = rt.sizes("conv", "stride", value, 2, 1)
    assert found == (3, 3)
    assert all(type(v) is int for v in found)


@pytest.mark.parametrize(
    ("value", "error", "received"),
    [
        ((1, 2, 3), ValueError, "expected an integer or 2 of them, received (1, 2, 3)"),
        ((), ValueError, "expected an integer or 2 of them, received ()"),
        ((1, 0), ValueError, "expected at least 1, received 0"),
        (-1, ValueError, "expected at least 1, received -1"),
        (1.0, TypeError, "expected an integer, received 1.0"),
        ((1, 2.5), TypeError, "expected an integer, received 2.5"),
        ("2", TypeError, "expected an integer, received '2'"),
        (None, TypeError, "expected an integer, received None"),
        (True, TypeError, "expected an integer, received True"),
    ],
)
def test_sizes_refuse(value: Any, error: type[Exception], received: str) -> None:
    with raises(error, f"conv: argument stride: {received}"):
        rt.sizes("conv", "stride", value, 2, 1)


def test_count() -> None:
    assert type(rt.count("a", "b", np.uint8(2), 1)) is int
    with raises(ValueError, "a: argument b: expected at least 1, received 0"):
        rt.count("a", "b", 0, 1)
    with raises(TypeError, "a: argument b: expected an integer, received False"):
        rt.count("a", "b", False, 0)


def test_flag() -> None:
    assert rt.flag("a", "b", np.bool(True)) is True
    assert rt.flag("a", "b", False) is False
    with raises(TypeError, "a: argument b: expected True or False, received 1"):
        rt.flag("a", "b", 1)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int8(2), np.array(2.0)])
def test_number(value: Any) -> None:
    assert type(rt.number("a", "b", value)) is float
    assert rt.number("a", "b", value) == 2


@pytest.mark.parametrize("value", [True, "2", None, 2j, [2.0], np.array([2.0]), np.array(True)])
def test_number_refuses(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^a: argument b: expected a number, received "):
        rt.number("a", "b", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, (2, 2, 2, 2)),
        (np.int64(1), (1, 1, 1, 1)),
        ((1, 2), (1, 1, 2, 2)),
        ([[1, 2], [3, 4]], (1, 2, 3, 4)),
        (((0, 2), 1), (0, 2, 1, 1)),
        (np.array([[1, 2], [3, 4]]), (1, 2, 3, 4)),
        ("valid", (0, 0, 0, 0)),
        ("same", (1, 1, 1, 2)),
    ],
)
def test_paddings(value: Any, expected: tuple[int, ...]) -> None:
    found = rt.paddings("conv", value, (2, 3), (1, 1))
    assert found == expected
    assert all(type(v) is int for v in found)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ("full", ValueError, "expected 'same', 'valid' or integers, received 'full'"),
        ("same", ValueError, "'same' needs stride 1, received stride (1, 2)"),
        ((1, 2, 3), ValueError, "expected an integer or 2 axes, received (1, 2, 3)"),
        (((1, 2, 3), 1), ValueError, "expected (start, end) per axis, received ((1, 2, 3), 1)"),
        (-1, ValueError, "expected at least 0, received -1"),
        (((0, -2), 1), ValueError, "expected at least 0, received -2"),
        (1.5, TypeError, "expected an integer, received 1.5"),
        (("same", 1), TypeError, "expected an integer, received 'same'"),
        (None, TypeError, "expected an integer, received None"),
    ],
)
def test_paddings_refuse(value: Any, error: type[Exception], text: str) -> None:
    with raises(error, f"conv: argument padding: {text}"):
        rt.paddings("conv", value, (2, 3), (1, 2))


def test_labels() -> None:
    rt.labels("loss", "t", np.array([0, 2, 1]), 3)
    rt.labels("loss", "t", np.zeros(0, int), 0)
    for wrong in (3, -1):
        for values in (np.array([0, wrong]), np.array([0, -100, wrong])):
            with raises(ValueError, f"loss: argument t: expected labels from 0 to 2, received {wrong}"):
                rt.labels("loss", "t", values, 3, values != -100)
    values = np.array([0, -100, 2, 7])
    rt.labels("loss", "t", values, 3, (values != -100) & (values != 7))
    rt.labels("loss", "t", values, 3, False)


def test_float_type() -> None:
    single, double = np.zeros(2, np.float32), np.zeros(2)
    assert rt.float_type("conv", x=single, w=single, b=None) is np.float32
    assert rt.float_type("conv", x=double) is np.float64
    hint = "convert it, np.asarray(w, np.float32), or make the layer with dtype=np.float64"
    with raises(TypeError, f"conv: argument w: expected float32 as x has, received float64; {hint}"):
        rt.float_type("conv", x=single, w=double)


def test_float_type_of_the_other_byte_order() -> None:
    assert rt.float_type("conv", x=np.zeros(2, ">f4")) is np.float32


def test_scalar_type() -> None:
    assert rt.scalar_type(np.float32(1), np.float32(2)) is np.float32
    assert rt.scalar_type(np.float32(1), 2.0) is np.float64
    assert rt.scalar_type() is np.float64


def test_real_type() -> None:
    assert rt.real_type("conv", "float32") == np.float32
    assert rt.real_type("conv", float) == np.float64
    with raises(TypeError, "conv: argument dtype: expected float32 or float64, received int64"):
        rt.real_type("conv", np.int64)
    with raises(TypeError, "conv: argument dtype: expected float32 or float64, received 'real'"):
        rt.real_type("conv", "real")


CONVERT = "convert it: np.asarray(x, "


@pytest.mark.parametrize(
    ("value", "rank", "integer", "error", "text"),
    [
        (
            [1, 2],
            1,
            False,
            TypeError,
            f"expected float32 or float64, received int64; {CONVERT}np.float32)",
        ),
        (
            np.zeros(2, np.float16),
            1,
            False,
            TypeError,
            f"expected float32 or float64, received float16; {CONVERT}np.float32)",
        ),
        (["a"], 1, False, TypeError, "expected float32 or float64, received <U1"),
        ([1.5], 1, True, TypeError, f"expected integers, received float64; {CONVERT}np.int64)"),
        ([True], 1, True, TypeError, f"expected integers, received bool; {CONVERT}np.int64)"),
        (np.zeros((2, 3)), 4, False, ValueError, "expected 4 axes, received 2, shape (2, 3)"),
    ],
)
def test_array_refuses(value: Any, rank: int, integer: bool, error: type[Exception], text: str) -> None:
    with raises(error, f"conv: argument x: {text}"):
        rt.array("conv", "x", value, rank, integer=integer)


def test_shape() -> None:
    assert rt.shape("conv", "input_shape", [2, np.int64(3)], 2) == (2, 3)
    with raises(ValueError, "conv: argument input_shape: expected a shape of 2 axes, received (1, 2, 3)"):
        rt.shape("conv", "input_shape", (1, 2, 3), 2)
    with raises(ValueError, "conv: argument input_shape: expected a shape of 2 axes, received 7"):
        rt.shape("conv", "input_shape", 7, 2)
    with raises(ValueError, "conv: argument input_shape: expected at least 0, received -1"):
        rt.shape("conv", "input_shape", (1, -1), 2)


def test_checks_of_extents() -> None:
    rt.extents("conv", "w", (1, 2), (1, 2), "rows, columns")
    with raises(ValueError, "conv: argument w, axis 1 (columns): expected 3, received 2"):
        rt.extents("conv", "w", (1, 2), (1, 3), "rows, columns")
    assert rt.divided("conv", "groups", 6, 3) == 2
    for received, divisor in ((5, 3), (5, 0)):
        with raises(ValueError, f"conv: groups: expected a multiple of {divisor}, received {received}"):
            rt.divided("conv", "groups", received, divisor)
    with raises(ValueError, "mse: argument t: expected shape (2, 3), received (3, 2)"):
        rt.same_shape("mse", "t", (3, 2), (2, 3))
    with raises(ValueError, "pool: argument padding: expected at most half, received 4"):
        rt.require("pool", "padding", False, "at most half", 4)
    text = (
        "conv: height: the kernel is larger than the padded input: expected a padded extent of at least 5, received 4"
    )
    with raises(ValueError, text):
        rt.fits("conv", "height", 0, 4, 5)


# ----- scalars --------------------------------------------------------------------------------------------------------
def test_ratio() -> None:
    assert rt.ratio(3, 2) == 1.5
    assert np.isnan(rt.ratio(3, 0))
    assert np.isnan(rt.ratio(0, 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_at_its_ends(dtype: Any) -> None:
    found = rt.sigmoid(np.array([-np.inf, -1000, 0, 1000, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(found, np.array([0, 0, 0.5, 1, 1, np.nan], dtype))
    assert found.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_has_full_relative_accuracy(dtype: Any) -> None:
    reach = 80 if dtype is np.float32 else 700
    x = np.linspace(-reach, reach, 4001).astype(dtype)
    expected = 1 / (1 + np.exp(-x.astype(np.longdouble)))
    assert np.max(np.abs(rt.sigmoid(x) - expected) / expected) < 4 * np.finfo(dtype).eps


def test_sigmoid_of_a_single_number() -> None:
    found = rt.sigmoid(np.asarray(0.0, np.float32))
    assert found.shape == ()
    assert found.dtype == np.float32
    assert float(found) == 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erf_has_full_relative_accuracy(dtype: Any) -> None:
    eps = np.finfo(dtype).eps
    tiny = np.logspace(-30, 0, 500)
    points = np.concatenate([np.linspace(-7, 7, 60_001), tiny, -tiny, 0.84375 + np.arange(-50, 50) * eps]).astype(dtype)
    expected = np.array([math.erf(a) for a in points.tolist()])
    found = rt.erf(points)
    assert found.dtype == dtype
    error = np.abs(found - expected)
    assert np.all(error <= (1.5 if dtype is np.float64 else 2.5) * eps * np.abs(expected)), error.max()


def test_erf_at_its_ends() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = rt.erf(np.array([-np.inf, -1e300, -6, -0.0, 0.0, 6, 1e300, np.inf, np.nan]))
    np.testing.assert_array_equal(found, [-1, -1, -1, 0, 0, 1, 1, 1, np.nan])
    np.testing.assert_array_equal(np.signbit(found[3:5]), [True, False])


def test_erf_of_any_shape_and_layout() -> None:
    base = np.random.default_rng(3).normal(size=(40, 3, 500))
    expected = np.vectorize(math.erf)(base)
    for array, wanted in ((base, expected), (base.T, expected.T), (base[::2, :, ::-3], expected[::2, :, ::-3])):
        before = array.copy()
        np.testing.assert_allclose(rt.erf(array), wanted, rtol=4e-16)
        np.testing.assert_array_equal(array, before)
    assert rt.erf(np.zeros((0, 3), np.float32)).shape == (0, 3)
    assert rt.erf(np.asarray(0.5, np.float32)).shape == ()
    assert float(rt.erf(1)) == pytest.approx(math.erf(1), rel=1e-15)


# ----- layers ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", LAYERS)
def test_backward_needs_a_forward_call(name: str) -> None:
    layer = instance(sampled_case(name, np.random.default_rng(0)), np.float32)
    arguments = [np.ones((1, 1)) for _ in inspect.signature(layer.backward).parameters]
    with raises(RuntimeError, f"{type(layer).__name__}: backward needs a forward call before it"):
        layer.backward(*arguments)
    assert layer.grads == {}


def network(seed: int = 0) -> rt.Sequential:
    rng = np.random.default_rng(seed)
    return rt.Sequential(generated.Dense(3, 4, rng=rng), generated.Tanh(), generated.Dense(4, 2, bias=False, rng=rng))


def test_sequential_names_the_weights_of_its_layers() -> None:
    net = network()
    assert list(net.params) == ["0.w", "0.b", "2.w"]
    assert net.params["0.w"] is net.layers[0].params["w"]
    assert net.grads == {}


def test_sequential_calls_in_order_and_back_in_reverse() -> None:
    net, x = network(), np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    first, middle, last = net.layers
    y = net(x)
    np.testing.assert_array_equal(y, last(middle(first(x))))
    dy = np.ones_like(y)
    dx = net.backward(dy)
    np.testing.assert_array_equal(dx, first.backward(middle.backward(last.backward(dy))))
    assert list(net.grads) == ["0.w", "0.b", "2.w"]
    assert all(net.grads[k].shape == p.shape for k, p in net.params.items())


def test_sequential_without_layers_passes_on() -> None:
    x = np.ones(3)
    assert rt.Sequential()(x) is x
    assert rt.Sequential().backward(x) is x


def test_the_weights_follow_from_the_seed() -> None:
    one, two, other = (network(seed).params for seed in (0, 0, 1))
    assert all(one[k].tobytes() == two[k].tobytes() for k in one)
    assert any(one[k].tobytes() != other[k].tobytes() for k in one)


def test_initial_weights_lie_within_the_bound() -> None:
    w = rt.uniform(0, (100, 50), 25, np.float32)
    assert w.dtype == np.float32
    assert np.abs(w).max() <= 0.2
    assert np.abs(w).max() > 0.19


# ----- sums -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((3, 4), (0,)),  # small: as NumPy does it
        ((64, 8, 2, 8, 2, 6), (2, 4)),  # a window: slice by slice
        ((16, 300), (0,)),  # few rows
        ((4096, 16), (0,)),  # a column at a time by BLAS
        ((5, 17, 61, 3), (0, 1, 2)),  # a remainder of the blocks
        ((1000, 1, 7), (0,)),
        ((1, 5000), (0,)),  # one summand
        ((0, 5000), (0,)),  # none
        ((6000,), (0,)),
        ((70, 80), (1,)),
        ((20, 30, 40), (0, 2)),
    ],
)
def test_a_sum_over_axes(shape: tuple[int, ...], axes: tuple[int, ...], dtype: type[np.floating[Any]]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(dtype)
    values.setflags(write=False)
    kept = [k for k in range(len(shape)) if k not in axes]
    moved = values.transpose([*kept, *axes])  # the summed axes last, as generated code has them
    found = rt.total(moved, tuple(range(-len(axes), 0)))
    expected = values.astype(np.longdouble).sum(axis=axes)
    assert found.dtype == dtype
    assert found.shape == expected.shape
    assert not np.shares_memory(found, values)
    scale = np.abs(values).astype(np.float64).sum(axis=axes).max(initial=1.0)
    assert np.abs(found - expected).max(initial=0.0) <= 4 * np.finfo(dtype).eps * scale


def test_a_long_sum_in_float32_does_not_stop_growing() -> None:
    values = np.ones((1 << 22, 3), np.float32) * np.float32(1.1)
    expected = float(np.float32(1.1)) * (1 << 22)
    np.testing.assert_allclose(rt.total(values.transpose(1, 0), -1), expected, rtol=1e-6)


def test_nan_and_infinity_stay_in_their_columns() -> None:
    values = np.ones((1000, 8))
    values[10, 1], values[500, 2], values[999, 2], values[3, 5] = np.nan, np.inf, -np.inf, np.inf
    with np.errstate(invalid="ignore"):
        found = rt.total(values.transpose(1, 0), -1)
    assert np.isnan(found[[1, 2]]).all()
    assert found[5] == np.inf
    np.testing.assert_array_equal(found[[0, 3, 4, 6, 7]], 1000)
