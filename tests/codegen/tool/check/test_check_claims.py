"""Every sentence of a report of `gradscribe check` is true: each is held against numbers that are computed here."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.tool.check import Finding, Verdict, check
from tests.cases.thorough import draws, some

Array = np.ndarray
EXAMPLES = draws(12, 24)


def finding(verdict: Verdict, subject: str = "dx") -> Finding:
    found = [f for f in verdict.findings if f.subject == subject]
    assert found, str(verdict)
    return found[0]


def one_line(text: object) -> str:
    return " ".join(str(text).split())


# ----- factors --------------------------------------------------------------------------------------------------------


def parts_of_residual(dy: Array, x: Array) -> tuple[Array, Array]:
    return dy * (1 - np.tanh(x) ** 2), 3 * dy


def parts_of_square(dy: Array, x: Array) -> tuple[Array, Array]:
    h = np.tanh(x)
    return dy * h, dy * x * (1 - h**2)


TWO_SUMMANDS = {
    "y[i] = tanh(x[i]) + 3*x[i]": parts_of_residual,
    "h[i] = tanh(x[i]); y[i] = x[i]*h[i]": parts_of_square,
}
FACTORS = (1.0, 2.0, 0.5, -1.0, 0.0, 3.0)
WHOLE = {2.0: "twice as large", 0.5: "half as large", -1.0: "with the opposite sign", 0.0: "times 0"}


@pytest.mark.parametrize("layer", TWO_SUMMANDS)
@pytest.mark.parametrize(
    "factors", some([(2, 1), (1, 0.5), (-1, 1), (1, 0), (3, 1), (2, 2), (-1, -1), (0, 0), (3, 3), (2, 3), (-1, 0)], 4)
)
def test_a_factor_of_one_summand_is_no_factor_of_the_whole(layer: str, factors: tuple[float, float]) -> None:
    parts = TWO_SUMMANDS[layer]
    a, b = factors

    def backward(dy: Array, x: Array) -> Array:
        first, second = parts(dy, x)
        return a * first + b * second

    found = finding(check(backward, layer, examples=EXAMPLES))
    rng = np.random.default_rng(0)
    dy, x = rng.normal(size=(2, 50))
    received, expected = backward(dy, x), sum(parts(dy, x))
    for factor, words in WHOLE.items():
        # what is said of the whole is true of the whole, and is said where it is
        assert (found.words == words) == np.allclose(received, factor * expected)
    if found.words and a != b:
        assert a == 1.0 or b == 1.0  # a single thing is wrong
        assert "in the contribution by way of" in found.words or "instead of" in found.words or "without" in found.words
    if 3 in factors and a != 1.0 and b != 1.0 and a != b:
        assert found.words == ""


@pytest.mark.parametrize("factor", FACTORS[1:])
def test_a_factor_of_the_whole_is_said_as_one(factor: float) -> None:
    words = finding(check(lambda dy, x, w: factor * dy @ w.T, "dense", examples=EXAMPLES)).words
    assert words == WHOLE.get(factor, "")


def test_a_factor_in_the_forward_pass_is_said_of_it() -> None:
    def backward(dy: Array, x: Array) -> Array:
        h = 2 * x**2
        return 2 * x * dy * np.cos(h)

    layer = "h[i] = x[i]^2; y[i] = sin(h[i])"
    found = finding(check(backward, layer, examples=EXAMPLES))
    assert "twice as large" not in found.words
    assert "too many" in found.words or "2" in found.words


def test_sizes_as_factors() -> None:
    def mean(dy: Array, x: Array) -> Array:
        return np.repeat(dy[:, None], x.shape[1], 1) / x.shape[0]

    found = finding(check(mean, "y[n] = sum(k) x[n,k]", examples=EXAMPLES))
    assert found.words == "divided by N"


# ----- NaN ------------------------------------------------------------------------------------------------------------

HIDDEN = "does not undo NaN"


def test_nan_without_a_bracket_is_not_put_down_to_one() -> None:
    def backward(dy: Array, y: Array) -> Array:
        return np.where(np.arange(dy.size) == 0, np.nan, dy * (1 - y**2))

    text = one_line(check(backward, "tanh", examples=EXAMPLES))
    assert "got nan" in text
    assert HIDDEN not in text


def test_nan_beside_a_bracket_that_hides_nothing_is_not_put_down_to_it() -> None:
    def backward(dy: Array, x: Array) -> Array:
        return np.where(np.arange(dy.size) == 0, np.nan, dy * (x > 0))

    for layer in ("relu", "y[i] = [x[i] > 0] * x[i]^2"):
        text = one_line(check(backward, layer, examples=EXAMPLES))
        assert "got nan" in text
        assert HIDDEN not in text


def test_nan_that_a_bracket_hides_is_put_down_to_it() -> None:
    def backward(dy: Array, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return dy * (x > 0) * 0.5 / np.sqrt(x)

    found = finding(check(backward, "y[i] = [x[i] > 0] * sqrt(x[i])", examples=EXAMPLES))
    x = found.arguments["x"][found.index]
    assert x <= 0
    with np.errstate(all="ignore"):
        assert not np.isfinite(found.arguments["dy"][found.index] * 0.5 / np.sqrt(x))
    assert HIDDEN in one_line(found)


# ----- ties -----------------------------------------------------------------------------------------------------------


def pooled(dy: Array, x: Array, share: Callable[[Array], Array]) -> Array:
    dx = np.zeros_like(x)
    for n in range(len(x)):
        dx[n] = share(x[n]) * dy[n]
    return dx


def first(row: Array) -> Array:
    return np.arange(row.size) == row.argmax()


def last(row: Array) -> Array:
    return np.arange(row.size) == row.size - 1 - row[::-1].argmax()


def every(row: Array) -> Array:
    return row == row.max()


def shared(row: Array) -> Array:
    return every(row) / every(row).sum()


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (last, "with the last of equal elements taken for the maximum, not the first"),
        (every, "with the whole gradient given to every element that equals the maximum"),
        (shared, "with ties sharing the gradient"),
    ],
)
def test_what_is_said_of_ties(share: Any, words: str) -> None:
    layer = "y[n] = max(k) x[n,k]"

    def backward(dy: Array, x: Array) -> Array:
        return pooled(dy, x, share)

    assert check(lambda dy, x: pooled(dy, x, first), layer, examples=EXAMPLES).equal
    found = finding(check(backward, layer, examples=EXAMPLES))
    assert words in found.words
    assert found.wrong == "" or share is every
    row = found.arguments["x"][found.index[0]]
    assert np.count_nonzero(row == row.max()) > 1
    # the advice that goes with it
    assert ("--ties split" in found.words) == check(backward, layer, ties="split", examples=EXAMPLES).equal


# ----- summands -------------------------------------------------------------------------------------------------------

SUMMAND = re.compile(r"^  .* = (\S+)$")


@pytest.mark.parametrize("kept", [slice(0, 0), slice(0, 2), slice(1, None, 3), slice(0, None, 2)])
def test_the_summands_add_up(kept: slice) -> None:
    def backward(dy: Array, x: Array, w: Array) -> Array:
        return dy[:, kept] @ w[:, kept].T + 0.0 * x

    found = finding(check(backward, "dense", examples=EXAMPLES))
    values = [float(m[1]) for note in found.notes if (m := SUMMAND.match(note))]
    if found.words:
        assert found.words in ("times 0", "with the first 2 k only") or "only" in found.words
        return
    assert sum(values) == pytest.approx(found.expected, abs=1e-4)
    text = one_line(found)
    if "none of them is in it" in text:
        assert found.received == 0
    without = re.search(r"Your value is the sum without (.*)\.", text)
    if without:
        gone = [part.strip() for part in without[1].split(", δ")]
        left = sum(v for note in found.notes if (m := SUMMAND.match(note)) and not _named(note, gone)
                   for v in [float(m[1])])  # fmt: skip
        assert left == pytest.approx(found.received, abs=1e-4)


def _named(note: str, gone: list[str]) -> bool:
    text = note.strip().partition(" = ")[0].removeprefix("δ")
    return any(part.removeprefix("δ") == text for part in gone)


def test_how_many_mistakes_were_tried_is_said() -> None:
    def two(dy: Array, x: Array, w: Array) -> Array:
        return 3 * dy[:, :1] @ w[:, :1].T

    (tried,) = re.findall(r"explains it; (\d+) were tried", one_line(check(two, "dense", examples=EXAMPLES)))
    assert 20 < int(tried) < 4_000


def test_an_input_that_no_output_depends_on() -> None:
    verdict = check(lambda dy, x, z: (dy, z), "y[i] = x[i] + 0*z[i]", examples=EXAMPLES)
    assert finding(verdict, "dz").expected == 0
    assert "without any summand" in one_line(verdict) or "depends on z" in one_line(verdict)


# ----- extents --------------------------------------------------------------------------------------------------------


def full_conv(dy: Array, w: Array, stride: int) -> Array:
    """The gradient with its padding, as far as the last window reaches."""
    full = np.zeros((len(dy), stride * (dy.shape[1] - 1) + len(w), w.shape[1]))
    for i in range(dy.shape[1]):
        full[:, stride * i : stride * i + len(w)] += np.einsum("nk,rck->nrc", dy[:, i], w)
    return full


def whole(full: Array, length: int) -> Array:
    return np.concatenate([full, np.zeros((len(full), max(length - full.shape[1], 0), full.shape[2]))], 1)[:, :length]


def conv_with(cut: Callable[[Array, int, int], Array]) -> Any:
    def backward(dy: Array, x: Array, w: Array, stride: int, padding: int) -> Array:
        return cut(full_conv(dy, w, stride), padding, x.shape[1])

    return backward


def test_a_right_convolution_in_these_terms() -> None:
    right = conv_with(lambda full, p, n: whole(full, n + 2 * p)[:, p : p + n])
    assert check(right, "conv1d", examples=EXAMPLES).equal


MISSING = "the elements beyond the last window are missing; their gradient is 0"


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (lambda full, p, n: full[:, p : full.shape[1] - p], MISSING),
        (lambda full, p, n: whole(full, n + 2 * p), "the padding is not cut off"),
        (lambda full, p, n: full, "the padding is not cut off, and " + MISSING),
        (lambda full, p, n: whole(full, n + 2 * p)[:, p:], "the padding is cut off at one end only"),
        (lambda full, p, n: whole(full, n + 2 * p)[:, 2 * p : n], "the padding is cut off twice"),
        (lambda full, p, n: full[:, p:], "it ends where the last window ends"),
    ],
)
def test_what_is_said_of_an_extent(cut: Callable[[Array, int, int], Array], words: str) -> None:
    verdict = check(conv_with(cut), "conv1d", examples=20)
    found = next(f for f in verdict.findings if f.kind == "shape")
    assert f": {words}." in one_line(found)
    # the formula in the sentence, by its own words: s(i−1)+R and so on, with the numbers of the example
    (formula,) = re.findall(r"Axis 1 has (.*?) elements instead of (\w+):", one_line(found))
    given = found.arguments
    sizes = {"s": given["stride"], "p": given["padding"], "T": len(given["w"]), "W": given["x"].shape[1]}
    sizes |= {"W_": given["dy"].shape[1]}
    assert evaluated(formula[0], sizes) == found.received[1]
    assert evaluated(formula[1], sizes) == found.expected[1]
    if words == MISSING:
        assert found.received[1] < found.expected[1]


def slopes_by_kernel(dy: Array, x: Array, stride: int) -> dict[str, Array]:
    """The gradient of as many kernel positions as fit beside the windows."""
    length = stride * (dy.shape[1] - 1) + 1
    seen = (x[:, r : r + length : stride] for r in range(x.shape[1] - length + 1))
    return {"dw": np.array([np.einsum("nic,nik->ck", part, dy) for part in seen])}


def of_padded(dy: Array, x: Array, w: Array, s: int, p: int) -> dict[str, Array]:
    return slopes_by_kernel(dy, np.pad(x, ((0, 0), (p, p), (0, 0))), s)


def of_shifted(dy: Array, x: Array, w: Array, s: int) -> dict[str, Array]:
    return slopes_by_kernel(dy, x[:, 1:], s)


@pytest.mark.parametrize(
    ("backward", "position", "formula"),
    [(of_padded, "s*i + r - p", "X1+2p−s(I−1)"), (of_shifted, "s*i + r + 1", "X1−s(I−1)−1")],
)
def test_what_the_windows_leave_over_is_no_position_of_the_kernel(
    backward: Callable[..., dict[str, Array]], position: str, formula: str
) -> None:
    layer = f"s = 1; y[n,i,k] = sum(r,c) x[n, {position}, c] * w[r,c,k]"
    found = finding(check(backward, layer, examples=EXAMPLES), "dw")
    words = "the elements that the windows leave over count as positions of the kernel"
    assert f"Axis 0 has {formula} elements instead of R: {words}." in one_line(found)


def test_a_sum_that_is_not_taken_is_not_put_down_to_another_gradient() -> None:
    """The gradient of x happens to have the shape of what is returned for b."""
    found = finding(check(lambda dy, x, b: (dy, dy), "y[n,k] = x[n,k] + b[k]", examples=EXAMPLES), "db")
    assert (found.kind, found.words, found.notes) == ("shape", "without the sum over n", ())


def evaluated(formula: str, sizes: dict[str, int]) -> int:
    text = formula.replace("−", "-").replace("′", "_")
    text = re.sub(r"(?<=[\dA-Za-z_])(?=[A-Za-z(])", "*", text)
    return max(int(eval(text, {"__builtins__": {}}, dict(sizes))), 0)


def test_numbers_that_look_alike_are_printed_until_they_differ() -> None:
    text = str(check(lambda dy, y: dy * (1 - y**2) + 1e-6, "tanh", examples=EXAMPLES))
    expected, received = re.findall(r"expected (\S+), got (\S+)", text)[0]
    assert expected != received


# ----- rows -----------------------------------------------------------------------------------------------------------


def test_the_wrong_row_is_left_out_where_it_is_not_what_is_computed() -> None:
    """The row for shared ties would be that of every tied element: nothing is said rather than that."""
    found = finding(check(lambda dy, x: pooled(dy, x, shared), "y[n] = max(k) x[n,k]", examples=EXAMPLES))
    assert found.wrong == ""
    assert found.derived


def test_an_explanation_holds_on_every_example() -> None:
    """One that fits the first examples only is none."""
    calls = []

    def wrong_where_long(dy: Array, x: Array, w: Array) -> Array:
        calls.append(1)
        return (2 if len(dy) < 4 else 3) * dy @ w.T

    verdict = check(wrong_where_long, "dense", examples=40)
    assert finding(verdict).words == ""
    doubled = finding(check(lambda dy, x, w: 2 * dy @ w.T, "dense", examples=40))
    assert f"(on all {doubled.confirmed} examples tried)" in one_line(doubled)
    assert doubled.confirmed > 20


@pytest.mark.parametrize("step", [1, -1])
def test_a_position_that_is_off_by_one(step: int) -> None:
    def backward(dy: Array, x: Array, w: Array, stride: int) -> Array:
        dx = whole(full_conv(dy, w, stride), x.shape[1])
        edge = np.zeros_like(dx[:, :1])
        return np.concatenate([edge, dx[:, :-1]] if step == 1 else [dx[:, 1:], edge], 1)

    found = finding(check(backward, "conv1d", examples=EXAMPLES))
    assert found.words == "with the position off by one"


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("step", [1, -1])
def test_a_position_that_is_off_by_one_along_an_axis_without_windows(step: int, axis: int) -> None:
    def backward(dy: Array, w: Array) -> Array:
        dx = np.pad(dy @ w.T, 1)
        rows, columns = (1 - step, 1) if axis == 0 else (1, 1 - step)
        return dx[rows : rows + dy.shape[0], columns : columns + w.shape[0]]

    found = finding(check(backward, "dense", examples=EXAMPLES))
    assert found.words == "with the position off by one"
