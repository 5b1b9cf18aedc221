"""Functions of which calls are recorded, and those that cannot be: these are called as before."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.arguments.arrays import Array
from gradscribe.generated.runtime.recording.recordings import Recordings

pytestmark = pytest.mark.usefixtures("compiled")


def adds_unseen(x: Array, w: Array, b: Array) -> Array:
    y = rt.contract("n c, c k -> n k", x, w)
    y.view(np.ndarray)[...] += b.view(np.ndarray)
    return y


def looks(x: Array, w: Array, b: Array) -> Array:
    return rt.contract("n c, c k -> n k", x, w) + b if float(x.sum()) > 0 else -x @ w


def scales_unseen(x: Array, w: Array, b: Array) -> Array:
    return rt.contract("n c, c k -> n k", x, w) * np.float32(np.asarray(x).max()) + b


def doubles_unseen(x: Array, w: Array, b: Array) -> Array:
    return rt.contract("n c, c k -> n k", x, np.asarray(w) * 2) + b


def counts_calls(x: Array, w: Array, b: Array) -> tuple[Array, int]:
    return rt.contract("n c, c k -> n k", x, w) + b, int(np.asarray(x)[0, 0] * 1000)


@pytest.mark.parametrize(
    "function",
    [adds_unseen, looks, scales_unseen, doubles_unseen, counts_calls],
    ids=lambda f: f.__name__,
)
def test_what_is_not_all_in_c_is_called_as_before(function: Callable[..., Any]) -> None:
    rng, own = np.random.default_rng(0), Recordings()
    w, b = rng.standard_normal((4, 5)).astype(np.float32), np.zeros(5, np.float32)  # no b shows in the first call
    for _ in range(4):
        x = rng.standard_normal((3, 4)).astype(np.float32)
        found, expected = own.call(function, (x, w, b), {}), function(x, w, b)
        np.testing.assert_array_equal(found[0], expected[0])
        b += 1
    assert not own.found


def test_parts_of_one_array_that_are_given() -> None:
    def added(x: Array, y: Array) -> Array:
        return x * 2 + y

    own, whole = Recordings(), np.arange(12, dtype=np.float32)
    for first, second in ((whole[:6], whole[6:]), (whole[6:], whole[:6]), (whole, whole), (whole[3:9], whole[:6])):
        for _ in range(2):
            if first.size == second.size:
                np.testing.assert_array_equal(own.call(added, (first, second), {}), added(first, second))
    other = np.ones(12, np.float32)
    np.testing.assert_array_equal(own.call(added, (whole, other), {}), added(whole, other))


def test_results_that_are_what_was_given() -> None:
    def both(x: Array) -> tuple[Array, Array, Array]:
        return x, x.reshape(2, 6)[1], x + 1

    own = Recordings()
    for k in range(3):
        x = np.full(12, k, np.float32)
        same, part, more = own.call(both, (x,), {})
        assert same is x or k == 0
        assert np.shares_memory(part, x)
        np.testing.assert_array_equal(more, x + 1)
    assert own.found


def test_options_are_part_of_a_call() -> None:
    def scaled(x: Array, *, by: float = 1.0, square: bool = False) -> Array:
        return x * by * (x if square else 1)

    own, x = Recordings(), np.arange(1, 7, dtype=np.float32)
    for options in ({"by": 2.0}, {"by": 3.0}, {"by": 2.0, "square": True}, {"by": 0.0}, {"by": -0.0}, {"by": 2}):
        for _ in range(2):
            found, expected = own.call(scaled, (x,), options), scaled(x, **options)
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
