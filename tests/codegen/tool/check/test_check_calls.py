"""`gradscribe check` and the functions that people have: odd names, caches, odd results."""

from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.tool.check import check
from gradscribe.codegen.tool.check.problem.cache import places
from tests.cases.thorough import draws
from tests.codegen.tool.check.refusal import refusal

Array = np.ndarray
EXAMPLES = draws(8, 20)


def prediction_called_y(y: Array, t: Array) -> Array:
    return 2 * (y - t) / y.size


def test_two_parameters_of_one_meaning_are_named_and_bound_by_hand() -> None:
    message = refusal(prediction_called_y, "mean_squared_error")
    assert "parameters 'y' and 't' both stand for t of mean_squared_error" in message
    assert "--bind y=x" in message
    assert check(prediction_called_y, "mean_squared_error", bind={"y": "x"}, examples=EXAMPLES).equal
    verdict = check(prediction_called_y, "mean_squared_error", bind={"y": "target", "t": "input"}, examples=EXAMPLES)
    assert "with the opposite sign" in str(verdict)


@pytest.mark.parametrize(
    ("function", "layer", "pair"),
    [
        (lambda dy, x, input: x, "tanh", ("x", "input")),
        (lambda dy, dout, x: x, "tanh", ("dy", "dout")),
        (lambda dy, x, w, pad, padding: x, "conv2d", ("pad", "padding")),
        (lambda x, labels, y: x, "l1_loss", ("labels", "y")),
        (lambda dy, x, x_shape, input_shape: x, "tanh", ("x_shape", "input_shape")),
        (lambda dy, x, pool_height, pool_width, ksize: x, "max_pool2d", ("pool_height", "ksize")),
    ],
)
def test_any_two_of_one_meaning_are_refused(function: Any, layer: str, pair: tuple[str, str]) -> None:
    assert f"parameters {pair[0]!r} and {pair[1]!r} both stand for" in refusal(function, layer)


def test_names_are_bound_by_hand() -> None:
    def odd(a: Array, b: Array, s: int = 3) -> Array:
        assert s == 3
        return a * (1 - b**2)

    assert check(odd, "tanh", bind={"a": "dy", "b": "y"}, examples=EXAMPLES).equal
    assert "parameter 'a' is unknown for tanh" in refusal(odd, "tanh")
    assert "--bind a=NAME" in refusal(odd, "tanh")
    assert "has no such parameter; expected one of a, b, s" in refusal(odd, "tanh", bind={"q": "x"})
    assert "'q' is unknown for tanh; expected one of dy, x, y" in refusal(odd, "tanh", bind={"a": "q"})
    assert "has no default" in refusal(odd, "tanh", bind={"a": "none"})


def test_a_parameter_bound_to_none_keeps_its_default() -> None:
    def noted(dy: Array, x: Array, w: Array, stride: int, s: str = "note") -> Array:
        assert s == "note"
        assert isinstance(stride, int)
        return np.zeros_like(x)

    assert "'stride' and 's' both stand for stride" in refusal(noted, "conv2d")
    assert not check(noted, "conv2d", bind={"s": "none"}, examples=5).equal


def test_one_side_of_a_window_is_not_enough() -> None:
    assert "takes pool_height; expected kernel_size of max_pool2d for both axes" in refusal(
        lambda dy, x, pool_height: x, "max_pool2d"
    )


def conv_backward_naive(dout: Array, cache: tuple[Any, ...]) -> tuple[Array, ...]:
    """As the second assignment of CS231n asks for it: images are (N, C, H, W), kernels (F, C, HH, WW)."""
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    _, _, R, T = w.shape
    for i, j in np.ndindex(dout.shape[2:]):
        rows, columns = slice(stride * i, stride * i + R), slice(stride * j, stride * j + T)
        dx[:, :, rows, columns] += np.einsum("nk,kcrt->ncrt", dout[:, :, i, j], w)
        dw += np.einsum("nk,ncrt->kcrt", dout[:, :, i, j], padded[:, :, rows, columns])
    return dx[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]], dw, dout.sum((0, 2, 3))


def max_pool_backward_naive(dout: Array, cache: tuple[Any, ...]) -> Array:
    x, pool_param = cache
    height, width, stride = (pool_param[key] for key in ("pool_height", "pool_width", "stride"))
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dout.shape):
        at = np.s_[n, c, stride * i : stride * i + height, stride * j : stride * j + width]
        best = np.unravel_index(x[at].argmax(), x[at].shape)
        dx[at][best] += dout[n, c, i, j]
    return dx


def batch_norm_backward(dout: Array, cache: tuple[Any, ...]) -> tuple[Array, ...]:
    x, gamma, mean, var, bn_param = cache
    deviation = np.sqrt(var + bn_param["eps"])
    h, dh = (x - mean) / deviation, dout * gamma
    return (dh - dh.mean(0) - h * (dh * h).mean(0)) / deviation, (dout * h).sum(0), dout.sum(0)


@pytest.mark.parametrize(
    ("function", "layer", "cache", "options"),
    [
        (conv_backward_naive, "conv2d", "x,w,b,conv_param", {"layout": "channels-first"}),
        (conv_backward_naive, "conv2d", "x, w, b, {stride, pad}", {"layout": "channels-first"}),
        (max_pool_backward_naive, "max_pool2d", "x,pool_param", {"layout": "channels-first"}),
        (batch_norm_backward, "batch_norm", "x,gamma,m,v,bn_param", {}),
        (lambda dout, cache: dout * (cache > 0), "relu", "x", {}),
        (lambda dout, cache: dout * (cache[0] > 0), "relu", "x,", {}),
        (lambda dout, cache: dout * (cache["x"] > 0), "relu", "{x}", {}),
        (lambda dout, cache: dout * (cache[0]["x"] > 0), "relu", "{x},", {}),
        (lambda dA, saved: dA * (saved > 0), "relu", "x", {"bind": {"dA": "dy"}}),
        (lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout, dout.sum(0)), "dense", "x,w,b", {}),
    ],
)
def test_what_a_cache_holds_is_said_in_order(function: Any, layer: str, cache: str, options: dict[str, Any]) -> None:
    verdict = check(function, layer, cache=cache, examples=EXAMPLES, **options)
    assert verdict.equal, verdict


def test_sides_of_a_window_in_a_cache_differ() -> None:
    seen = set()

    def note(dout: Array, cache: Any) -> Array:
        seen.add((cache[1]["pool_height"], cache[1]["pool_width"]))
        return max_pool_backward_naive(dout, cache)

    assert check(note, "max_pool2d", cache="x,pool_param", layout="channels-first", examples=EXAMPLES).equal
    assert {a < b for a, b in seen} == {True, False}


def test_a_mistake_in_a_function_with_a_cache_is_shown_with_its_names() -> None:
    def wrong(dout: Array, cache: Any) -> Array:
        x, w, b, _ = cache
        return conv_backward_naive(dout, (x, w, b, {"stride": 1, "pad": cache[3]["pad"]}))[0]

    verdict = check(wrong, "conv2d", cache="x,w,b,conv_param", layout="channels-first", examples=EXAMPLES)
    (found,) = verdict.findings
    assert "with s=1" in found.words
    assert "x (1, 1, 1, 3), w (1, 1, 1, 1)" in str(found)
    assert "stride 2, pad 0" in str(found)
    assert wrong(**found.arguments)[found.index] == found.received
    assert conv_backward_naive(**found.arguments)[0][found.index] == found.expected


def test_a_cache_that_is_changed_is_named_by_what_is_in_it() -> None:
    def spoils(dout: Array, cache: Any) -> Array:
        cache[1][:] = 0
        return dout @ cache[0].T

    assert "it modifies b" in str(check(spoils, "dense", cache="w,b", examples=EXAMPLES))


def test_places_of_a_cache() -> None:
    assert places("x,w") == {(0,): "x", (1,): "w"}
    assert places("x") == {(): "x"}
    assert places("x,") == {(0,): "x"}
    assert places("{x,w}") == {("x",): "x", ("w",): "w"}
    assert places(" x , { s , pad } ") == {(0,): "x", (1, "s"): "s", (1, "pad"): "pad"}
    assert places("conv_param,x") == {(0, "stride"): "stride", (0, "pad"): "pad", (1,): "x"}


@pytest.mark.parametrize("text", ["", ",", "x w", "x,,w", "{x", "x}", "{}", "{a b}", "1", "x,(w)", "{x,}", "x,w;b"])
def test_a_cache_that_is_no_list_is_refused(text: str) -> None:
    assert "expected what it holds in order" in refusal(lambda dout, cache: dout, "dense", cache=text)


def test_a_cache_needs_a_parameter_and_known_names() -> None:
    assert "say what it holds: --cache" in refusal(lambda dout, cache: dout, "dense")
    assert "--cache x,q: 'q' is unknown for dense" in refusal(lambda dout, cache: dout, "dense", cache="x,q")
    assert "expected a parameter cache; its parameters are dy, x" in refusal(lambda dy, x: dy, "dense", cache="x")


def test_results_that_are_no_gradients_are_left_out() -> None:
    def loss(x: Array, y: Array) -> tuple[Any, Array]:
        return np.mean((x - y) ** 2), 2 * (x - y) / x.size

    assert check(loss, "mean_squared_error", returns="_,dx", examples=EXAMPLES).equal
    assert "_ for one that is no gradient" in refusal(loss, "mean_squared_error")
    assert "--returns _: expected one of dx" in refusal(loss, "mean_squared_error", returns="_")
