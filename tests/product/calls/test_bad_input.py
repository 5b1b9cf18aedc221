"""What a generated layer says to wrong arguments: layer, argument, axis, what is expected, what it received."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradscribe import generated
from gradscribe.generated.avg_pool2d import avg_pool2d_forward, avg_pool2d_grad_input
from gradscribe.generated.conv2d import conv2d_forward, conv2d_grad_bias, conv2d_grad_input, conv2d_grad_weight
from gradscribe.generated.dense import dense_forward, dense_grad_input
from gradscribe.generated.flatten import flatten_forward, flatten_grad_input
from gradscribe.generated.max_pool2d import max_pool2d_forward, max_pool2d_grad_input
from gradscribe.generated.mean_squared_error import mean_squared_error_forward
from gradscribe.generated.relu import relu_forward, relu_grad_input
from gradscribe.generated.scaled_tanh import scaled_tanh_forward
from gradscribe.generated.softmax_cross_entropy import softmax_cross_entropy_forward
from tests.cases.layers import CASES, LayerCase, random_values
from tests.cases.together import together

Array = np.ndarray
RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(2, 5, 6, 4)), RNG.normal(size=(3, 3, 4, 6)), RNG.normal(size=6)
SCORES, LABELS = RNG.normal(size=(3, 4)), np.array([0, 3, 1])
DY = np.ones((2, 3, 4, 6))


def conv(x: Any = X, w: Any = W, b: Any = B, **options: Any) -> Callable[[], Any]:
    return lambda: conv2d_forward(x, w, b, **options)


def maximum(x: Any = X, kernel_size: Any = 2, **options: Any) -> Callable[[], Any]:
    return lambda: max_pool2d_forward(x, kernel_size=kernel_size, **options)


def average(x: Any = X, kernel_size: Any = 2, **options: Any) -> Callable[[], Any]:
    return lambda: avg_pool2d_forward(x, kernel_size=kernel_size, **options)


def anything(value: Any) -> Any:
    """`value` for a parameter of another type."""
    return value


V, T = ValueError, TypeError
# name: (call, error, words that the message must have)
BAD: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    # ----- rank and extents
    "rank of x": (conv(X[0]), V, ("conv2d", "x", "4", "3", "(5, 6, 4)")),
    "rank of w": (conv(w=W[0]), V, ("conv2d", "w", "4", "3")),
    "rank of b": (conv(b=B[None]), V, ("conv2d", "b", "1", "2")),
    "rank of a pool's x": (maximum(X[0]), V, ("max_pool2d", "x", "4", "3")),
    "rank of a dense x": (lambda: dense_forward(X[0, 0, 0, 0], W[0, 0]), V, ("dense", "x", "at least 1", "0")),
    "rank of a flatten x": (lambda: flatten_forward(X[0]), V, ("flatten", "x", "4", "3")),
    "channels": (conv(X[..., :3]), V, ("conv2d", "argument x", "axis 3", "channels", "3", "4")),
    "channels with groups": (conv(w=W[:, :, :1], groups=2), V, ("conv2d", "argument x", "axis 3", "2", "4")),
    "length of b": (conv(b=B[:5]), V, ("conv2d", "b", "axis 0", "6", "5")),
    "features": (
        lambda: dense_forward(SCORES, np.ones((5, 2))),
        V,
        ("dense", "argument x", "axis -1", "features", "4", "5"),
    ),
    "shape of dy, height": (
        lambda: conv2d_grad_input(DY[:, :2], W, input_shape=X.shape),
        V,
        ("conv2d", "dy", "axis 1", "3", "2"),
    ),
    "shape of dy, batch": (
        lambda: conv2d_grad_weight(DY[:1], X, kernel_size=3),
        V,
        ("conv2d", "axis 0", "batch", "2", "1"),
    ),
    "shape of dy, channels": (
        lambda: conv2d_grad_input(DY[..., :5], W, input_shape=X.shape),
        V,
        ("conv2d", "dy", "axis 3", "6", "5"),
    ),
    "shape of a pool's dy": (
        lambda: avg_pool2d_grad_input(DY, input_shape=X.shape, kernel_size=2),
        V,
        ("avg_pool2d", "dy", "axis"),
    ),
    "shape of argmax": (
        lambda: max_pool2d_grad_input(
            np.ones((2, 2, 3, 4)), np.zeros((2, 2, 2, 4), int), input_shape=X.shape, kernel_size=2
        ),
        V,
        ("max_pool2d", "argmax", "axis 2", "3", "2"),
    ),
    "rank of input_shape": (
        lambda: conv2d_grad_input(DY, W, input_shape=(5, 6, 4)),
        V,
        ("conv2d", "input_shape", "4", "(5, 6, 4)"),
    ),
    "input_shape is no shape": (
        lambda: flatten_grad_input(np.ones((2, 3)), input_shape=anything((2, 1, 1, 3.0))),
        T,
        ("flatten", "input_shape", "3.0"),
    ),
    "two shapes that differ": (
        lambda: mean_squared_error_forward(X, X[:1]),
        V,
        ("mean_squared_error", "t", "(2, 5, 6, 4)", "(1, 5, 6, 4)"),
    ),
    "dy of an activation": (lambda: relu_grad_input(np.ones(3), np.ones(4)), V, ("relu", "(3,)", "(4,)")),
    # ----- windows
    "kernel larger than the input": (conv(X[:, :2]), V, ("conv2d", "axis 1", "height", "kernel", "3", "2")),
    "dilated kernel larger than the input": (
        conv(dilation=(1, 3)),
        V,
        ("conv2d", "axis 2", "width", "kernel", "7", "6"),
    ),
    "kernel larger than the padded input": (conv(X[:, :, :1], padding=(0, (1, 0))), V, ("axis 2", "width", "3", "2")),
    "pool larger than the input": (maximum(kernel_size=(6, 2)), V, ("max_pool2d", "axis 1", "height", "6", "5")),
    "stride 0": (conv(stride=0), V, ("conv2d", "stride", "1", "0")),
    "stride 0 on one axis": (conv(stride=(1, 0)), V, ("conv2d", "stride", "1", "0")),
    "dilation 0": (conv(dilation=0), V, ("conv2d", "dilation", "1", "0")),
    "kernel_size 0": (average(kernel_size=0), V, ("avg_pool2d", "kernel_size", "1", "0")),
    "negative padding": (conv(padding=-1), V, ("conv2d", "padding", "0", "-1")),
    "negative padding of one side": (conv(padding=((0, 0), (0, -2))), V, ("conv2d", "padding", "0", "-2")),
    "padding beyond half of the kernel": (maximum(padding=2), V, ("max_pool2d", "padding", "half", "2")),
    "average over padding alone": (average(padding=2), V, ("avg_pool2d", "padding", "half", "2")),
    "'same' with a stride": (conv(padding="same", stride=2), V, ("conv2d", "padding", "same", "stride", "2")),
    "a word for padding": (conv(padding="full"), V, ("conv2d", "padding", "same", "valid", "full")),
    "three strides": (conv(stride=(1, 2, 3)), V, ("conv2d", "stride", "2", "(1, 2, 3)")),
    "three paddings": (conv(padding=(1, 2, 3)), V, ("conv2d", "padding", "2", "(1, 2, 3)")),
    "a padding triple": (conv(padding=((1, 2, 3), 0)), V, ("conv2d", "padding", "(start, end)", "(1, 2, 3)")),
    # ----- groups
    "groups 0": (conv(groups=0), V, ("conv2d", "groups", "1", "0")),
    "groups that do not divide the input": (conv(groups=3), V, ("conv2d", "x", "axis 3", "multiple of 3", "4")),
    "groups that do not divide the output": (
        conv(w=W[:, :, :1], b=None, groups=4),
        V,
        ("conv2d", "w", "axis 3", "multiple of 4", "6"),
    ),
    "groups that do not divide dy": (lambda: conv2d_grad_bias(DY, groups=4), V, ("conv2d", "dy", "axis 3", "4", "6")),
    # ----- types
    "text for x": (conv("image"), T, ("conv2d", "x", "float")),
    "objects": (conv(X.astype(object)), T, ("conv2d", "x", "float", "object")),
    "integers": (conv(X.astype(int)), T, ("conv2d", "x", "float", "int64")),
    "half precision": (conv(X.astype(np.float16)), T, ("conv2d", "x", "float32", "float16")),
    "complex numbers": (lambda: relu_forward(X.astype(complex)), T, ("relu", "x", "float", "complex128")),
    "swapped bytes": (conv(X.astype(X.dtype.newbyteorder())), T, ("conv2d", "x", "float64", "f8")),
    "None": (conv(None), T, ("conv2d", "x")),
    "ragged lists": (lambda: relu_forward([[1.0, 2.0], [3.0]]), Exception, ("relu", "x")),
    "mixed precision": (conv(w=W.astype(np.float32)), T, ("conv2d", "w", "float64", "float32")),
    "mixed precision of b": (conv(b=B.astype(np.float32)), T, ("conv2d", "b", "float64", "float32")),
    "a fraction as stride": (conv(stride=1.5), T, ("conv2d", "stride", "integer", "1.5")),
    "a float as stride": (conv(stride=2.0), T, ("conv2d", "stride", "integer", "2.0")),
    "True as stride": (conv(stride=True), T, ("conv2d", "stride", "integer", "True")),
    "text as stride": (conv(stride="2"), Exception, ("conv2d", "stride", "integer", "2")),
    "a number as flag": (maximum(ceil_mode=1), T, ("max_pool2d", "ceil_mode", "True or False", "1")),
    "text as number": (
        lambda: scaled_tanh_forward(X, slope=anything("steep")),
        T,
        ("scaled_tanh", "slope", "number", "steep"),
    ),
    "float labels": (
        lambda: softmax_cross_entropy_forward(SCORES, LABELS * 1.0),
        T,
        ("softmax_cross_entropy", "t", "integers", "float64"),
    ),
    "float argmax": (
        lambda: max_pool2d_grad_input(
            np.ones((2, 2, 3, 4)), np.zeros((2, 2, 3, 4)), input_shape=X.shape, kernel_size=2
        ),
        T,
        ("max_pool2d", "argmax", "integers", "float64"),
    ),
    # ----- labels
    "a label too large": (
        lambda: softmax_cross_entropy_forward(SCORES, LABELS + 1),
        V,
        ("softmax_cross_entropy", "t", "0 to 3", "4"),
    ),
    "a negative label": (
        lambda: softmax_cross_entropy_forward(SCORES, LABELS - 1),
        V,
        ("softmax_cross_entropy", "t", "0 to 3", "-1"),
    ),
    "too few labels": (
        lambda: softmax_cross_entropy_forward(SCORES, LABELS[:2]),
        V,
        ("softmax_cross_entropy", "axis 0", "batch", "3", "2"),
    ),
    "no class": (
        lambda: softmax_cross_entropy_forward(SCORES[:, :0], LABELS),
        V,
        ("softmax_cross_entropy",),
    ),
    # ----- layer objects
    "channels of a layer": (lambda: generated.Conv2D(4, 6, 3, groups=4), V, ("conv2d", "out_channels", "4", "6")),
    "no channels": (lambda: generated.Conv2D(0, 6, 3), V, ("conv2d", "in_channels", "1", "0")),
    "kernel of a layer": (lambda: generated.Conv2D(4, 6, (3, 0)), V, ("conv2d", "kernel_size", "1", "0")),
    "padding of a layer": (lambda: generated.Conv2D(4, 6, 3, padding="some"), V, ("conv2d", "padding", "some")),
    "dtype of a layer": (lambda: generated.Dense(4, 6, dtype=np.int32), T, ("dense", "dtype", "float32", "int32")),
    "pool of a layer": (lambda: generated.MaxPool2D(2, padding=2), V, ("max_pool2d", "padding", "half")),
    "x of a layer": (
        lambda: generated.Conv2D(4, 6, 3, dtype=np.float64)(X[..., :2]),
        V,
        ("conv2d", "4", "2"),
    ),
    "dtype of a layer's x": (lambda: generated.Conv2D(4, 6, 3)(X), T, ("conv2d", "float32", "float64")),
    "backward first": (lambda: generated.ReLU().backward(X), RuntimeError, ("ReLU", "backward", "forward")),
}


@together(("call", "error", "words"), BAD.values(), ids=BAD)
def test_the_message_says_what_is_wrong(
    call: Callable[[], Any], error: type[Exception], words: tuple[str, ...]
) -> None:
    with pytest.raises(error) as caught:
        call()
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{str(caught.value)!r} lacks {missing}"


def test_nothing_is_computed_before_the_check() -> None:
    """A wrong bias is refused although the product before it would take a while."""
    big = np.zeros((64, 64, 64, 32), np.float32)
    with pytest.raises(ValueError, match="conv2d"):
        conv2d_forward(big, np.zeros((3, 3, 32, 32), np.float32), np.zeros(31, np.float32))


# ----- what is no error -----------------------------------------------------------------------------------------------
def layouts(array: Array) -> dict[str, Array]:
    """The same values in other memory layouts, read-only."""
    found = {
        "Fortran order": np.asfortranarray(array),
        "negative strides": np.flip(np.flip(array).copy()),
        "every other element": np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array.copy(),
        "inside a larger array": np.pad(array, 1)[(slice(1, -1),) * array.ndim] if array.ndim else array.copy(),
        "unaligned": unaligned(array),
    }
    for view in found.values():
        view.flags.writeable = False
    return found


def unaligned(array: Array) -> Array:
    buffer = bytearray(array.nbytes + 1)
    view = np.frombuffer(buffer, dtype=array.dtype, count=array.size, offset=1).reshape(array.shape)
    view[...] = array
    return view


@together("layout", layouts(np.ones(2)))
@together("case", [c for c in CASES if c.shapes["x"]], ids=lambda case: case.id)
def test_any_memory_layout_works_and_inputs_stay(case: LayerCase, layout: str) -> None:
    values = random_values(case, np.random.default_rng(1))
    arguments = [values.get(t.name) for t in case.layer.program.inputs]
    module = __import__(f"gradscribe.generated.{case.name}", fromlist=["*"])
    forward = getattr(module, f"{case.name}_forward")
    views = [layouts(a)[layout] if a is not None else None for a in arguments]
    expected, found = forward(*arguments, **case.options), forward(*views, **case.options)
    for one, other in zip(
        expected if isinstance(expected, tuple) else (expected,),
        found if isinstance(found, tuple) else (found,),
        strict=True,
    ):
        np.testing.assert_allclose(other, one, rtol=1e-13, atol=1e-13)
        assert np.asarray(one).dtype == np.asarray(other).dtype
    for view, argument in zip(views, arguments, strict=True):
        if argument is not None:
            np.testing.assert_array_equal(view, argument)


def test_broadcast_arrays_work() -> None:
    x = np.broadcast_to(np.float64(2.0), X.shape)
    w = np.broadcast_to(np.arange(6.0), W.shape)
    np.testing.assert_allclose(conv2d_forward(x, w), conv2d_forward(x.copy(), w.copy()))
    dy = np.broadcast_to(1.0, DY.shape)
    calls: tuple[Callable[[Array], Array], ...] = (
        lambda given: conv2d_grad_input(given, W, input_shape=X.shape),
        lambda given: conv2d_grad_weight(given, X, kernel_size=3),
    )
    for call in calls:
        np.testing.assert_allclose(call(dy), call(dy.copy()))


def test_results_are_not_views_of_the_inputs() -> None:
    for call in (flatten_forward, relu_forward):
        x = np.abs(X)
        result = call(x)
        assert not np.shares_memory(result, x)
    dy = np.ones((2, 120))
    assert not np.shares_memory(flatten_grad_input(dy, input_shape=X.shape), dy)
    scores = np.ones((3, 4))
    assert not np.shares_memory(dense_grad_input(scores, np.eye(4)), scores)
    one = max_pool2d_forward(X, kernel_size=1)[0]
    assert not np.shares_memory(one, X)


def test_a_batch_of_nothing_works_everywhere() -> None:
    empty = np.zeros((0, 5, 6, 4))
    y = conv2d_forward(empty, W, B)
    assert y.shape == (0, 3, 4, 6)
    assert conv2d_grad_input(y, W, input_shape=empty.shape).shape == empty.shape
    np.testing.assert_array_equal(conv2d_grad_weight(y, empty, kernel_size=3), np.zeros_like(W))
    np.testing.assert_array_equal(conv2d_grad_bias(y), np.zeros(6))
    pooled, argmax = max_pool2d_forward(empty, kernel_size=2)
    assert max_pool2d_grad_input(pooled, argmax, input_shape=empty.shape, kernel_size=2).shape == empty.shape
    assert avg_pool2d_grad_input(pooled, input_shape=empty.shape, kernel_size=2).shape == empty.shape
    network = generated.Sequential(generated.Conv2D(4, 2, 3, dtype=np.float64), generated.Tanh(), generated.Flatten())
    assert network.backward(network(empty)).shape == empty.shape


def test_numpy_integers_and_lists_are_as_good_as_integers_and_tuples() -> None:
    expected = conv2d_forward(X, W, B, stride=(2, 1), padding=((1, 1), (0, 0)))
    found = conv2d_forward(X, W, B, stride=anything([np.int64(2), np.int32(1)]), padding=[1, [0, np.int8(0)]])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        conv2d_forward(X, W, B, stride=anything(np.array([2, 1])), padding=[(1, 1), 0]), expected
    )
