"""Sizes that are bound once for each set of shapes, types and options: what is the same set, and what is kept."""

import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from gradscribe import layer
from gradscribe.generated import conv2d, max_pool2d
from gradscribe.generated.runtime.arguments.kept import MOST_KEPT, Once
from gradscribe.generated.runtime.arguments.options import Shape
from gradscribe.generated.runtime.machine import memory

X, W = np.ones((1, 5, 5, 2), np.float32), np.ones((3, 3, 2, 4), np.float32)


def counted() -> tuple[Once, list[tuple[Any, ...]]]:
    """A function that is called once, and what it was called with."""
    calls: list[tuple[Any, ...]] = []

    def bind(dtype: Any, x: Any, /, option: Any) -> tuple[Any, ...]:
        calls.append((dtype, x, option))
        return x, option

    return Once(bind), calls


def test_the_same_shapes_and_options_are_bound_once() -> None:
    once, calls = counted()
    for _ in range(3):
        assert once(np.float32, np.zeros((2, 3)), (1, (2, 3))) == ((2, 3), (1, (2, 3)))
    assert len(calls) == 1
    assert isinstance(calls[0][1], Shape)
    assert calls[0][1].axis(1, "width") == "argument x, axis 1 (width)"


@pytest.mark.parametrize(
    "options",
    [
        (1, True, 1.0, "1", None),
        (0.0, -0.0, 0, False),
        ((1, 1), (1, True), (1, 1.0), ((1, 1), 1)),
        (2, np.int64(2), [2], (2,)),
        (np.array(1), np.array(2), np.array([1])),
    ],
)
def test_equal_options_of_other_types_are_other_options(options: tuple[Any, ...]) -> None:
    once, calls = counted()
    for option in options:
        found = once(np.float32, X, option)[1]
        assert (type(found), repr(found)) == (type(option), repr(option))
    assert len(calls) == len(options)


def test_other_shapes_and_types_are_other_sets() -> None:
    once, calls = counted()
    for dtype in (np.float32, np.float64):
        for shape in ((2, 3), (3, 2), (6,), (), (0, 3)):
            assert once(dtype, np.zeros(shape), 1)[0] == shape
    assert len(calls) == 10


def test_an_array_is_not_kept_and_neither_is_an_error() -> None:
    array = np.zeros((2, 3))
    gone = weakref.ref(array)
    once, _ = counted()
    once(np.float32, array, 1)
    del array
    assert gone() is None
    refuses = Once(lambda dtype, x, /: 1 // len(x))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            refuses(np.float32, np.zeros(()))
    assert not refuses.kept


def test_so_many_sets_are_kept_and_no_more() -> None:
    once, calls = counted()
    for n in range(3 * MOST_KEPT):
        once(np.float32, X, n)
        assert len(once.kept) <= MOST_KEPT
    assert once(np.float32, X, 5) == (X.shape, 5)
    assert len(calls) == 3 * MOST_KEPT + 1


def test_threads_that_forget_each_others_sizes_have_their_own() -> None:
    once, _ = counted()

    def work(start: int) -> bool:
        return all(once(np.float32, X, n)[1] == n for n in range(start, start + 4 * MOST_KEPT))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, (0, 100, 200, 300)))


@pytest.mark.parametrize("stride", [True, 1.0, (1, True), [1, 1.0], np.True_, "1", None, (1, 1, 1), 0])
def test_what_is_refused_is_refused_after_what_is_not(stride: Any) -> None:
    likes: list[Any] = [1, (1, 1), [1, 1], np.int64(1), np.array(1)]
    for good in likes:
        assert conv2d.conv2d_forward(X, W, stride=good).shape == (1, 3, 3, 4)
    with pytest.raises((TypeError, ValueError), match=r"^conv2d: argument stride: "):
        conv2d.conv2d_forward(X, W, stride=stride)


def test_errors_name_the_argument_that_was_given() -> None:
    y = conv2d.conv2d_forward(X, W)
    shape: list[Any] = [1, 5, np.int64(5), 2]
    conv2d.conv2d_grad_input(y, W, input_shape=shape)
    with pytest.raises(ValueError, match=r"^conv2d: argument x, axis 3 \(channels\): expected 2, received 3"):
        conv2d.conv2d_forward(np.ones((1, 5, 5, 3), np.float32), W)
    with pytest.raises(ValueError, match=r"^conv2d: argument input_shape, axis 3 \(channels\): expected 2, received 3"):
        conv2d.conv2d_grad_input(y, W, input_shape=(1, 5, 5, 3))
    with pytest.raises(ValueError, match=r"^conv2d: argument dy, axis 1 \(H_out\): expected 4, received 3"):
        conv2d.conv2d_grad_input(y, W, input_shape=(1, 6, 5, 2))
    with pytest.raises(TypeError, match=r"^conv2d: argument input_shape: "):
        conv2d.conv2d_grad_input(y, W, input_shape=(True, 5, 5, 2))
    with pytest.raises(TypeError, match=r"^conv2d: argument x: expected float32 as w has, received float64"):
        conv2d.conv2d_forward(X.astype(np.float64), W)


def test_the_memory_of_new_shapes_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    max_pool2d.max_pool2d_forward(X, kernel_size=1, stride=1, padding=0)
    monkeypatch.setattr(memory, "MEMORY", 150)
    with pytest.raises(ValueError, match=r"^max_pool2d: y would have the shape"):
        max_pool2d.max_pool2d_forward(X, kernel_size=2, stride=1, padding=1)
    with pytest.raises(ValueError, match=r"^max_pool2d: y would have the shape"):  # an error is not kept
        max_pool2d.max_pool2d_forward(X, kernel_size=2, stride=1, padding=1)


def test_an_empty_batch_and_arrays_that_are_not_contiguous_have_the_sizes_of_their_shapes() -> None:
    wide = np.arange(2 * 5 * 10 * 2, dtype=np.float64).reshape(2, 5, 10, 2)
    weights = W.astype(np.float64)
    part = wide[:, :, ::2]
    assert np.array_equal(conv2d.conv2d_forward(part, weights), conv2d.conv2d_forward(part.copy(), weights))
    assert conv2d.conv2d_forward(part[:0], weights).shape == (0, 3, 3, 4)


def test_what_sizes_alone_decide_is_kept_unless_callers_are_given_it() -> None:
    text = """
    input x[N, H, W]
    p = 1
    r < R
    t < T
    i < H
    j < W
    output {outputs}
    a[i] = sum(r) [0 <= i + r - p < H]
    b[j] = sum(t) [0 <= j + t - p < W]
    c[j] = sum(r) [0 <= j + 2*r - p < W]
    y[n, i, j] = x[n, i, j] / (a[i] * b[j] * c[j])
    """
    x = np.ones((2, 4, 5))
    inner = layer(text.format(outputs="y"), "kept_inside").compile()
    given = layer(text.format(outputs="a, y"), "kept_given").compile()
    a, b, c = inner._kept_inside_sizes(np.float64, x, 1, 2, 3)[-3:]
    assert [a.tolist(), b.tolist(), c.tolist()] == [[1, 2, 2, 2], [2, 3, 3, 3, 2], [1, 2, 2, 2, 1]]
    first, y = given.kept_given_forward(x, R=2, T=3)
    np.testing.assert_array_equal(y, inner.kept_inside_forward(x, R=2, T=3))
    np.testing.assert_array_equal(y, x / (a[:, None] * b * c))
    first[...] = 7
    second, again = given.kept_given_forward(x, R=2, T=3)
    np.testing.assert_array_equal(second, a)
    np.testing.assert_array_equal(again, y)
