"""What is given for an array: converted where nothing is lost, else refused with a reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe import generated
from gradscribe.generated.conv2d import conv2d_forward
from gradscribe.generated.dense import dense_forward, dense_grad_weight
from gradscribe.generated.softmax_cross_entropy import softmax_cross_entropy_forward
from gradscribe.generated.tanh import tanh_forward

Array = np.ndarray
X = np.random.default_rng(0).normal(size=(3, 4))


class Foreign:
    """Something like a table of another library."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Odd(np.ndarray):
    """A subclass with another product."""

    def __mul__(self, other: Any) -> Any:
        raise AssertionError("the subclass's product was called")

    __rmul__ = __add__ = __radd__ = __mul__


def memmap(tmp_path: Path) -> Array:
    found = np.memmap(tmp_path / "x.bin", np.float64, "w+", shape=X.shape)
    found[...] = X
    return found


WHOLE: dict[str, Callable[[Path], Any]] = {
    "list": lambda _: X.tolist(),
    "list of arrays": lambda _: list(X),
    "matrix": lambda _: np.asmatrix(X),
    "memory map": memmap,
    "masked array without a mask": lambda _: np.ma.array(X),
    "masked array with no element masked": lambda _: np.ma.array(X, mask=np.zeros(X.shape, bool)),
    "subclass": lambda _: X.view(Odd),
    "another library's": lambda _: Foreign(X),
    "every other column": lambda _: np.repeat(X, 2, axis=1)[:, ::2],
    "Fortran order": lambda _: np.asfortranarray(X),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("kind", WHOLE)
def test_what_is_an_array_is_converted(kind: str, tmp_path: Path) -> None:
    given = WHOLE[kind](tmp_path)
    w = np.random.default_rng(1).normal(size=(4, 2))
    for call, expected in (
        (tanh_forward, np.tanh(X)),
        (lambda v: dense_forward(v, w), X @ w),
        (lambda v: dense_grad_weight(np.ones((3, 2)), v), X.T @ np.ones((3, 2))),
        (lambda v: generated.Dense(4, 2, dtype=np.float64)(v)[:0], np.zeros((0, 2))),
        (lambda v: generated.Tanh().predict(v), np.tanh(X)),
    ):
        found = call(given)
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, expected, rtol=1e-12)


MASKED = np.ma.array(X, mask=X > 0)
MASK = r"expected an array, received a masked array with \d+ masked elements, and a mask would be ignored; fill them"
LOST: dict[str, tuple[Any, type[Exception], str]] = {
    "masked elements": (MASKED, TypeError, MASK),
    "masked rows in a list": (list(MASKED), TypeError, MASK),
    "a masked element in nested tuples": (((1.0, np.ma.masked), (2.0, 3.0)), TypeError, MASK),
    "another library's masked": (Foreign(MASKED), TypeError, MASK),
    "another library's error": (Foreign(OSError("closed")), TypeError, "expected an array, received Foreign: closed"),
    "rows of unequal length": ([[1.0], [1.0, 2.0]], ValueError, "received rows of unequal length"),
    "structured": (np.zeros(3, [("a", "f8")]), TypeError, r"expected float32 or float64, received \[\('a', '<f8'\)\]"),
    "objects": (X.astype(object), TypeError, "expected float32 or float64, received object"),
    "text": (np.array(["a"]), TypeError, "expected float32 or float64, received <U1"),
    "complex": (X * 1j, TypeError, "expected float32 or float64, received complex128"),
    "half": (X.astype(np.float16), TypeError, r"received float16; convert it: np.asarray\(x, np.float32\)"),
    "integers": ([1, 2], TypeError, r"received int64; convert it: np.asarray\(x, np.float32\)"),
    "flags": ([True], TypeError, "expected float32 or float64, received bool; convert it"),
    "swapped bytes": (X.astype(X.dtype.newbyteorder()), TypeError, "expected float32 or float64, received >f8"),
    "None": (None, TypeError, "expected an array of numbers, received NoneType"),
    "a dictionary": ({}, TypeError, "expected an array of numbers, received dict"),
}


@pytest.mark.parametrize("kind", LOST)
def test_what_would_lose_something_is_refused(kind: str) -> None:
    given, error, message = LOST[kind]
    for call in (tanh_forward, generated.Tanh(), generated.Tanh().predict, generated.Sequential(generated.Tanh())):
        with pytest.raises(error, match=f"^tanh: argument x: .*{message}"):
            call(given)
    net: Any = generated.LeNet(rng=0)
    with pytest.raises(error, match=f"^lenet: argument x: .*{message}"):
        net(given)


LABELS = [0, 3, 1]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u4", "i8", "u8", ">i4", ">u8"])
def test_labels_of_any_integer_type(dtype: str) -> None:
    expected = softmax_cross_entropy_forward(X, LABELS)[0]
    assert softmax_cross_entropy_forward(X, np.array(LABELS, dtype))[0] == expected
    loss = generated.SoftmaxCrossEntropy()
    assert loss(X, np.array(LABELS, dtype)) == expected
    np.testing.assert_allclose(loss.backward().sum(axis=1), 0, atol=1e-15)


def test_labels_that_are_none() -> None:
    for wrong in ([0.0, 3.0, 1.0], [True, False, True], ["0", "3", "1"]):
        with pytest.raises(TypeError, match="softmax_cross_entropy: argument t: expected integers, received"):
            softmax_cross_entropy_forward(X, wrong)
    with pytest.raises(ValueError, match="expected integers of int64, received 18446744073709551615"):
        softmax_cross_entropy_forward(X, np.array([0, 1, 2**64 - 1], np.uint64))


def test_the_array_that_was_passed_is_blamed_for_its_type() -> None:
    hint = r"; convert it, np.asarray\({0}, np.float32\), or make the layer with dtype=np.float64$"
    layer, x = generated.Conv2D(1, 8, 3), np.random.default_rng(0).random((2, 8, 8, 1))
    with pytest.raises(
        TypeError, match="^conv2d: argument x: expected float32 as w has, received float64" + hint.format("x")
    ):
        layer(x)
    y = layer(x.astype(np.float32))
    with pytest.raises(TypeError, match=r"^conv2d: argument dy: expected float32 as \w has, received float64"):
        layer.backward(np.ones(y.shape))
    relu = generated.ReLU()
    relu(x.astype(np.float32))
    with pytest.raises(TypeError, match=r"^relu: argument dy: expected float32 as \w has, received float64"):
        relu.backward(x)
    net: Any = generated.LeNet(rng=0)
    with pytest.raises(
        TypeError, match=r"^lenet: the input is float64, weight .* is float32; .* np.float32.*dtype=np.float64"
    ):
        net(np.zeros((1, 32, 32, 1)))


@pytest.mark.oracle
def test_tensors_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    t = torch.from_numpy(X)
    np.testing.assert_allclose(tanh_forward(t), np.tanh(X), rtol=1e-12)
    np.testing.assert_allclose(tanh_forward(t.T), np.tanh(X.T), rtol=1e-12)
    assert softmax_cross_entropy_forward(t, torch.tensor(LABELS))[0] == softmax_cross_entropy_forward(X, LABELS)[0]
    loss = generated.MeanSquaredError()
    loss(t, t + 1)
    np.testing.assert_allclose(loss.backward(torch.tensor(1.0, dtype=torch.float64)), np.full(X.shape, -2 / 12))
    needs = t.clone().requires_grad_()
    for given in (needs, 2 * needs, [needs[0]], (torch.rand(2), needs[0, :2])):
        with pytest.raises(
            TypeError, match=r"^tanh: argument x: .* requires a gradient, .* x.detach\(\), or make a module"
        ):
            tanh_forward(given)
    np.testing.assert_allclose(tanh_forward(needs.detach()), np.tanh(X), rtol=1e-12)
    for given, reason in (
        (t.to("meta"), "meta device"),
        (t.to_sparse(), "Sparse"),
        (t.bfloat16(), "BFloat16"),
        (torch.ones(2, dtype=torch.complex64).conj(), "conj"),
    ):
        with pytest.raises(TypeError, match=f"^tanh: argument x: expected an array, received Tensor: .*{reason}"):
            tanh_forward(given)
    with pytest.raises(TypeError, match="received float16; convert it"):
        tanh_forward(t.half())


def test_results_share_no_memory_with_what_is_given() -> None:
    image = np.random.default_rng(2).normal(size=(2, 5, 5, 3))
    kernel = np.zeros((1, 1, 3, 3)) + np.eye(3)
    for given in (image, np.ma.array(image), image.view(Odd)):
        found = conv2d_forward(given, kernel)
        assert not np.shares_memory(found, image)
        np.testing.assert_allclose(found, image)
    drop = generated.Dropout()
    assert not np.shares_memory(drop.predict(image), image)
