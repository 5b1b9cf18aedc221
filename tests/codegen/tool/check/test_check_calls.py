"""`gradscribe check` and the functions that people have: odd names, caches, odd results, functions that misbehave."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.tool.check import CheckError, Verdict, check
from gradscribe.codegen.tool.check.problem.cache import places
from tests.cases.thorough import draws
from tests.codegen.tool.cli.running import run

ROOT = Path(__file__).parents[4]
Array = np.ndarray
EXAMPLES = draws(8, 20)


def slope(dy: Array, y: Array) -> Array:
    return dy * (1 - y**2)


def refusal(function: Callable[..., Any], layer: str, **options: Any) -> str:
    with pytest.raises(CheckError) as caught:
        check(function, layer, examples=5, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ----- names ----------------------------------------------------------------------------------------------------------


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


# ----- caches ---------------------------------------------------------------------------------------------------------


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


# ----- functions that misbehave ---------------------------------------------------------------------------------------


def leaves(dy: Array, y: Array) -> Array:
    sys.exit("enough")


def calls_itself(dy: Array, y: Array) -> Array:
    return calls_itself(dy, y)


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("not even that")


def unprintable(dy: Array, y: Array) -> Array:
    raise UnprintableError


def no_exception(dy: Array, y: Array) -> Array:
    raise type("Strange", (BaseException,), {})("stranger")


def yields(dy: Array, y: Array) -> Iterator[Array]:
    yield slope(dy, y)


async def later(dy: Array, y: Array) -> Array:
    return slope(dy, y)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (leaves, "it raises\n\nIt raises on 3 of 3 random shapes; the smallest found:\n  dy (1,), y (1,)\n"
                 "  SystemExit: enough"),
        (calls_itself, "  RecursionError: maximum recursion depth exceeded"),
        (unprintable, "  UnprintableError"),
        (no_exception, "  Strange: stranger"),
        (yields, "dx is of type generator; expected an array of real numbers"),
        (lambda dy, y: {1.0}, "dx is of type set; expected"),
        (lambda dy, y: np.ma.masked_array(dy), "dx is a masked array; expected"),
        (lambda dy, y: [[1.0], [1.0, 2.0]], "dx is of type list, which is no array: ValueError"),
        (lambda dy, y: object(), "dx is of type object; expected"),
        (lambda dy, y: dy.astype("datetime64[s]"), "dx is an array of datetime64[s]; expected"),
        (lambda dy, y: slope, "dx is of type function; expected"),
    ],
)  # fmt: skip
def test_what_a_function_does_is_said(function: Any, said: str) -> None:
    assert said in str(check(function, "tanh", examples=5))


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_a_coroutine_is_no_array() -> None:
    assert "dx is of type coroutine; expected an array of real numbers" in str(check(later, "tanh", examples=5))


@pytest.mark.parametrize("nothing", [None, (), {}, (None,), {"dx": None}, []])
def test_nothing_is_not_equal(nothing: Any) -> None:
    def function(dy: Array, y: Array) -> Any:
        return nothing

    if nothing == []:  # an array without elements
        assert "has shape (0,), expected" in str(check(function, "tanh", examples=5))
    else:
        assert "returns nothing; expected dx" in refusal(function, "tanh")


def test_a_result_missing_in_one_branch_is_a_finding() -> None:
    def forgets(dy: Array, y: Array) -> Any:
        return slope(dy, y) if dy.size < 3 else None

    verdict = check(forgets, "tanh", examples=EXAMPLES)
    assert [f.kind for f in verdict.findings] == ["nothing"]
    assert verdict.findings[0].arguments["dy"].shape == (3,)
    assert verdict.findings[0].failing + int(verdict.compared["dx"].split()[0]) == verdict.shapes
    assert f"it returns nothing; dx equal on {verdict.compared['dx']}\n" in str(verdict)


def test_equal_counts_what_was_compared_for_each_gradient() -> None:
    sizes: tuple[set[Any], set[Any]] = (set(), set())

    def sometimes(dy: Array, x: Array, w: Array) -> Any:
        sizes[0].add((dy.shape, x.shape, w.shape))
        if len(x) > 1:
            return dy @ w.T, None
        sizes[1].add((dy.shape, x.shape, w.shape))
        return dy @ w.T, x.T @ dy

    verdict = check(sometimes, "dense", examples=EXAMPLES)
    assert str(verdict) == (
        f"sometimes against dense: dx equal on {len(sizes[0])} random shapes, dw equal on {len(sizes[1])} random shapes"
    )
    assert len(sizes[1]) < len(sizes[0])


def test_shapes_are_counted_once_each() -> None:
    seen: list[int] = []

    def counting(dy: Array, y: Array) -> Array:
        seen.append(dy.size)
        return slope(dy, y)

    verdict = check(counting, "tanh", examples=EXAMPLES)
    assert len(seen) > len(set(seen))
    assert f"equal on {len(set(seen))} random shapes" in str(verdict)
    assert verdict.shapes == len(set(seen))


def test_shapes_and_options_are_counted_together() -> None:
    seen = set()

    def counting(dy: Array, x: Array, w: Array, stride: int) -> Array:
        seen.add((dy.shape, x.shape, w.shape, stride))
        dx = np.zeros_like(x)
        for i in range(dy.shape[1]):
            dx[:, stride * i : stride * i + len(w)] += np.einsum("nk,rck->nrc", dy[:, i], w)
        return dx

    verdict = check(counting, "conv1d", examples=EXAMPLES)
    assert verdict.equal, verdict
    assert f"equal on {len(seen)} random shapes and options" in str(verdict)


def test_memory_that_is_returned_again_is_no_chance() -> None:
    memory = np.zeros(100)

    def reuses(dy: Array, y: Array) -> Array:
        result = memory[: dy.size]
        result[:] = slope(dy, y)
        return result

    assert check(reuses, "tanh", examples=EXAMPLES).equal
    assert check(lambda dy, y: np.broadcast_to(slope(dy, y), dy.shape), "tanh", examples=EXAMPLES).equal
    assert "it modifies" not in str(check(lambda dy, y: dy[:], "tanh", examples=EXAMPLES))


def test_which_argument_is_modified_is_counted_apart() -> None:
    def spoils(dy: Array, x: Array, w: Array) -> Array:
        result = dy @ w.T
        (dy if len(dy) > 1 else w)[:] = 7.0
        return result

    verdict = check(spoils, "dense", examples=EXAMPLES)
    assert sorted(str(f.received) for f in verdict.findings) == ["dy", "w"]
    lines = [line for line in str(verdict).splitlines() if "smallest found" in line]
    counts = [int(line.split(" on ")[1].split(" of ")[0]) for line in lines]
    assert sum(counts) == verdict.shapes
    assert "dx equal on" in str(verdict)


def test_prints_and_settings_of_a_function_are_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    def loud(dy: Array, y: Array) -> Array:
        print("here", y)
        print("there", file=sys.stderr)
        np.seterr(all="raise")
        return slope(dy, y)

    before = np.geterr()
    assert check(loud, "tanh", examples=5).equal
    assert np.geterr() == before
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_ctrl_c_is_not_a_finding() -> None:
    def interrupted(dy: Array, y: Array) -> Array:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(interrupted, "tanh", examples=5)


def test_a_gradient_named_twice_in_a_dictionary_is_refused() -> None:
    assert "with dx twice" in refusal(lambda dy, y: {"dx": dy, "grad_input": dy}, "tanh")


def test_a_layer_whose_gradient_is_never_finite_says_so() -> None:
    message = refusal(lambda dy, x: dy, "y[i] = sqrt(-1 - x[i]^2)")
    assert "the derived gradient is not finite on any of" in message
    assert "--set" not in message


# ----- the command ----------------------------------------------------------------------------------------------------

FILE = """
import numpy as np
from math import tanh as imported

def conv_backward(dout, cache):
    return dout * (1 - np.tanh(cache) ** 2)

def loss_backward(y, t):
    return 2 * (y - t) / y.size

def leaves(dy, y):
    exit()

class Layer:
    pass
"""


def command(folder: Path, *arguments: str) -> tuple[int, str]:
    (folder / "layers.py").write_text(FILE, encoding="utf-8")
    done = run("check", *arguments, "--examples", "5")
    return done.code, done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["layers.py:conv_backward", "--layer", "tanh", "--cache", "x"], 0, "dx equal on"),
        (["layers.py:loss_backward", "--layer", "mean_squared_error", "--bind", "y=x,t=target"], 0, "dx equal on"),
        (["layers.py:loss_backward", "--layer", "mean_squared_error", "--bind", "y=x", "--bind", "t=t"], 0, "equal on"),
        (["layers.py:loss_backward", "--layer", "mean_squared_error"], 2, "'y' and 't' both stand for t"),
        (["layers.py:loss_backward", "--layer", "mean_squared_error", "--bind", "y"], 2, "--bind y: expected NAME="),
        (["layers.py:leaves", "--layer", "tanh"], 1, "SystemExit"),
        (["layers.py", "--layer", "conv2d"], 2,
         "layers.py: a function that computes gradients is missing; it has conv_backward, loss_backward, leaves, Layer"
         "; expected layers.py:conv_backward"),
        (["layers.py:", "--layer", "conv2d"], 2, "a function that computes gradients is missing; it has conv_backward"),
        (["layers.py:conv_bakward", "--layer", "conv2d"], 2, "did you mean conv_backward?"),
        (["layers.py:other", "--layer", "conv2d"], 2, "expected a function other() that computes gradients; it has"),
        (["layer.py", "--layer", "conv2d"], 2, "layer.py: no such file"),
        (["empty.py", "--layer", "conv2d"], 2, "it has no function"),
        (["broken.py:f", "--layer", "conv2d"], 2, "broken.py: SyntaxError"),
        (["leaving.py:f", "--layer", "conv2d"], 2, "leaving.py: SystemExit"),
        (["raising.py:f", "--layer", "conv2d"], 2, "raising.py: ValueError: one"),
        ([".", "--layer", "conv2d"], 2, ".: expected a file, found a folder"),
    ],
)  # fmt: skip
def test_the_command(
    arguments: list[str], code: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.py").write_text("", encoding="utf-8")
    (tmp_path / "broken.py").write_text("def f(:", encoding="utf-8")
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(0)", encoding="utf-8")
    (tmp_path / "raising.py").write_text("raise ValueError('one\\ntwo')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    status, output = command(tmp_path, *arguments)
    assert status == code, output
    assert text in output
    assert "Traceback" not in output
    if code == 2:
        assert len(output.strip().splitlines()) == 1


@pytest.mark.thorough
def test_a_function_that_leaves_gives_a_verdict_in_a_process_of_its_own_which_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(FILE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from gradscribe.codegen.tool.cli import main; main()",
         "check", "layers.py:leaves", "--layer", "tanh", "--examples", "5"],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("leaves against tanh: it raises")
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["layers.py"]


def test_verdicts_can_be_made_by_hand() -> None:
    assert str(Verdict("f", "tanh", {"dx": "1 random shape"}, 1, 1)) == "f against tanh: dx equal on 1 random shape"
