"""`gradscribe check` and functions that misbehave: what they return, change, print and raise."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.tool.check import check
from tests.cases.thorough import draws
from tests.codegen.tool.check.refusal import refusal

Array = np.ndarray
EXAMPLES = draws(8, 20)


def slope(dy: Array, y: Array) -> Array:
    return dy * (1 - y**2)


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
