"""Checks of arguments: sizes, counts, flags, numbers, paddings, labels, types, arrays, shapes."""

import re
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.arguments.arrays import FEW_VALUES


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


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (FEW_VALUES + 1,), (70, 70)])
def test_one_label_or_position_that_is_none_is_found_among_few_and_among_many(shape: Any, kind: Any) -> None:
    for place in (0, -1):
        for values in (np.zeros(shape, kind), np.zeros(shape, kind).T):
            rt.recorded("pool", "argmax", values, 1)
            rt.labels("loss", "t", values, 1)
            for wrong in (-2, 1):
                values[(place,) * values.ndim] = wrong
                with pytest.raises(ValueError, match=f"pool: argument argmax: expected positions .* received {wrong}"):
                    rt.recorded("pool", "argmax", values, 1)
                with pytest.raises(
                    ValueError, match=f"loss: argument t: expected labels from 0 to 0, received {wrong}"
                ):
                    rt.labels("loss", "t", values, 1)


def test_arrays_that_were_right_say_nothing_of_others() -> None:
    x, t = np.zeros((2, 3), np.float32), np.zeros(2, np.int32)
    spec = "x 2, t any integers"
    for _ in range(2):
        found = rt.arrays("layer", spec, x, t)
        assert found[0] is x
        assert found[1] is t
        assert found[2] is np.float32
        assert rt.arrays("layer", spec, x.tolist(), t)[0].dtype == np.float64
        assert rt.arrays("layer", spec, x, t.astype(np.uint8))[1].dtype == np.int64
        assert rt.arrays("layer", spec, x.astype(np.float64), t[:, None])[2] is np.float64
        with pytest.raises(ValueError, match="layer: argument x: expected 2 axes, received 1"):
            rt.arrays("layer", spec, x[0], t)
        with pytest.raises(TypeError, match="layer: argument x: expected float32 or float64, received float16"):
            rt.arrays("layer", spec, x.astype(np.float16), t)
        with pytest.raises(TypeError, match="layer: argument x: expected float32 or float64, received >f4"):
            rt.arrays("layer", spec, x.astype(">f4"), t)
        with pytest.raises(TypeError, match="layer: argument t: expected "):
            rt.arrays("layer", spec, x, None)


def test_float_type() -> None:
    single, double = np.zeros(2, np.float32), np.zeros(2)
    assert rt.float_type("conv", x=single, w=single, b=None) is np.float32
    assert rt.float_type("conv", x=double) is np.float64
    hint = "convert it, np.asarray(w, np.float32), or make the layer with dtype=np.float64"
    with raises(TypeError, f"conv: argument w: expected float32 as x has, received float64; {hint}"):
        rt.float_type("conv", x=single, w=double)


def test_float_type_of_the_other_byte_order() -> None:
    assert rt.float_type("conv", x=np.zeros(2, ">f4")) is np.float32


SPEC = "w 2, b 1 optional, t any integers"


def test_arrays() -> None:
    w, b, t = np.zeros((2, 3), np.float32), np.zeros(3, np.float32), np.zeros(2, np.int64)
    assert all(a is b for a, b in zip(rt.arrays("conv", SPEC, w, b, t), (w, b, t, np.float32), strict=True))
    assert all(a is b for a, b in zip(rt.arrays("conv", SPEC, w, None, t), (w, None, t, np.float32), strict=True))
    made = rt.arrays("conv", SPEC, w.tolist(), None, [1, 2])
    assert made[0].dtype == made[3] == np.float64
    assert made[2].dtype == np.int64
    assert rt.arrays("conv", SPEC, w, None, np.array([1], np.int8))[2].dtype == np.int64


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ((None, None, [1]), TypeError, "w: expected an array of numbers, received NoneType"),
        (([[1.0]], None, None), TypeError, "t: expected an array of numbers, received NoneType"),
        ((np.zeros(2), None, [1]), ValueError, "w: expected 2 axes, received 1, shape (2,)"),
        ((np.zeros((2, 2)), np.zeros((1, 2)), [1]), ValueError, "b: expected 1 axes, received 2, shape (1, 2)"),
        ((np.zeros((2, 2)), np.zeros(2, np.float32), [1]), TypeError, "b: expected float64 as w has, received float32"),
        ((np.zeros((2, 2)), None, np.zeros(1)), TypeError, "t: expected integers, received float64"),
    ],
)
def test_arrays_that_are_refused(given: tuple[Any, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(f"conv: argument {text}")):
        rt.arrays("conv", SPEC, *given)


def test_raveled_axes_are_one() -> None:
    x = np.arange(24.0).reshape(2, 3, 2, 2)
    found, full_shape = rt.raveled("dense", "x", x, 1, 1, "(N, ..., C)")
    assert full_shape == (3, 2)
    np.testing.assert_array_equal(found, x.reshape(2, 6, 2))
    assert rt.same_raveled("dense", "y", x, 1, 1, "(N, ..., C)", full_shape).shape == (2, 6, 2)
    for axes in (0, 2):  # no axis, and one without elements
        empty = np.zeros((0,) * axes + (5,))
        assert rt.raveled("dense", "x", empty, 0, 1, "(..., C)")[0].shape == (0 if axes else 1, 5)
    expected = "expected extents (3, 1) for ... in (N, ..., C), received (3, 2), shape (2, 3, 2, 2)"
    with raises(ValueError, f"dense: argument y: {expected}"):
        rt.same_raveled("dense", "y", x, 1, 1, "(N, ..., C)", (3, 1))


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
