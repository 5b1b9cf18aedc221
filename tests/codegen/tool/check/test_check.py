"""`gradscribe check`: wrong backwards are caught and named, right ones pass, and nothing else ends in a traceback."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.tool.check import CheckError, Finding, Verdict, check
from gradscribe.codegen.tool.check.mistake.slip import Surroundings, lost_factors
from gradscribe.codegen.tool.check.mistake.slip_index import lost_brackets
from gradscribe.codegen.tool.check.problem.parameter_names import gradients
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.term import Access, Guard, Range, Term
from gradscribe.derive.layer.interface import Layer
from tests.cases.catalogue import layer
from tests.cases.kernel_calls import functions
from tests.cases.thorough import draws, some
from tests.codegen.tool.check.exhibit import Exhibit
from tests.codegen.tool.check.wrong_convolutions import conv, stride_ignored
from tests.codegen.tool.check.wrong_functions import tanh_slope
from tests.codegen.tool.check.wrong_gradients import MUSEUM
from tests.codegen.tool.check.wrong_poolings import pool_without_padding, ties_shared

Array = np.ndarray
EXAMPLES = draws(8, 30)


def finding(verdict: Verdict, subject: str, kind: str) -> Finding:
    found = [f for f in verdict.findings if (f.subject, f.kind) == (subject, kind)]
    assert found, str(verdict)
    return found[0]


def one_line(text: object) -> str:
    return " ".join(str(text).split())


@cache
def of_wrong(function: Callable[..., Any], name: str, **options: Any) -> Verdict:
    """The verdict on a function of the museum, two rooms of which may show the same one. Some mistakes show seldom."""
    return check(function, name, examples=30, **options)


def exhibit_id(exhibit: Exhibit) -> str:
    return f"{exhibit.wrong.__name__}-{exhibit.subject or exhibit.kind}"


# ----- the museum -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exhibit", some(MUSEUM, 4, first=5), ids=exhibit_id)
def test_a_published_mistake_is_caught_and_named(exhibit: Exhibit) -> None:
    verdict = of_wrong(exhibit.wrong, exhibit.layer, **exhibit.options)
    assert not verdict.equal
    found = finding(verdict, exhibit.subject, exhibit.kind)
    assert exhibit.words in one_line(found)
    if exhibit.kind == "differs":
        _assert_reproduced(exhibit, verdict, found)


def _assert_reproduced(exhibit: Exhibit, verdict: Verdict, found: Finding) -> None:
    """The example printed shows the mistake: the corrected function has the value expected, the wrong one has not."""
    known = gradients(gradscribe.layer(exhibit.layer) if "=" in exhibit.layer else layer(exhibit.layer))
    values = []
    for function in (exhibit.right, exhibit.wrong):
        arguments = {n: a.copy() if isinstance(a, Array) else a for n, a in found.arguments.items()}
        arguments = {n: a for n, a in arguments.items() if n in inspect.signature(function).parameters}
        with np.errstate(all="ignore"):
            results = function(**arguments)
        if isinstance(results, Mapping):
            results = {known[key]: value for key, value in results.items()}
        else:
            names = list(dict.fromkeys(known.values()))
            results = dict(zip(names, results if isinstance(results, tuple) else (results,), strict=False))
        values.append(float(results[known[found.subject]][found.index]))
    assert values[0] == pytest.approx(found.expected, abs=1e-12)
    assert values[1] == pytest.approx(found.received, abs=1e-12, nan_ok=True)
    assert values[0] != pytest.approx(values[1], abs=1e-9)


@pytest.mark.parametrize("exhibit", {e.right: e for e in MUSEUM}.values(), ids=lambda e: e.right.__name__)
def test_the_corrected_version_passes(exhibit: Exhibit) -> None:
    verdict = check(exhibit.right, exhibit.layer, examples=EXAMPLES, **exhibit.options)
    assert verdict.equal, verdict
    assert f"equal on {verdict.shapes} random shape" in str(verdict)
    assert verdict.examples > EXAMPLES // 2


def test_the_counterexample_is_small_and_the_rest_is_said_to_be_right() -> None:
    verdict = of_wrong(stride_ignored, "conv2d")
    found = finding(verdict, "dx", "differs")
    assert found.arguments["x"].size == 3
    assert found.arguments["dy"].size == 2
    assert (found.arguments["stride"], found.arguments["pad"]) == (2, 0)
    assert np.count_nonzero(found.arguments["w"]) == np.count_nonzero(found.arguments["dy"]) == 1
    assert (found.expected, found.received) == (0, 1)
    assert "db equal on" in str(verdict)
    assert found.derived.startswith("∂E/∂x[n,i,j,c] = Σ_{r,t,k} [s | i+p−r]")
    assert found.wrong == "∂E/∂x[n,i,j,c] = Σ_{r,t,k} δ[n, i+p−r, j+p−t, k] w[r,t,c,k]"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_brackets_are_forgotten_one_at_a_time_and_all_at_once_but_never_twice(count: int) -> None:
    q, *extents = integers("q H W L")
    guards = tuple(Guard(q, extent) for extent in extents[:count])
    term = Term((Range(q, extents[0]),), (), Access("x", q), guards=guards)
    kept = [slip.guards for _, slip in lost_brackets(term, Surroundings({}, (), {}))]
    assert len(set(kept)) == len(kept)
    assert set(kept) == {(), *combinations(guards, count - 1)}


@pytest.mark.parametrize("number", [1, 2, -1, -3])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_constants_are_forgotten_one_at_a_time_and_all_at_once_but_never_none(number: int, count: int) -> None:
    q, *extents = integers("q H W")
    rest = Access("x", q) * (1 if number > 0 else -1)
    constants = [1 / extent for extent in extents[:count]]
    term = Term((Range(q, extents[0]),), (), number * Access("x", q) * prod(constants))
    bodies = [slip.body for _, slip in lost_factors(term, Surroundings({}, (), {}))]
    assert len(set(bodies)) == len(bodies)
    assert term.body not in bodies
    assert (rest in bodies) == (rest != term.body)


# ----- right ones, written otherwise ----------------------------------------------------------------------------------


def own_backward(target: Layer, name: str) -> Any:
    """The generated gradient functions of a layer as one function, which takes and returns by name."""
    module, (_, *kernels) = functions(name)
    tensors = dict.fromkeys(t.name for k in kernels for t in (*k.arguments, *k.shaped))
    options = dict.fromkeys(o.name for k in kernels for o in k.options)

    def backward(**given: Any) -> dict[str, Array]:
        found = {}
        for tensor, kernel in zip(target.differentiable, kernels, strict=True):
            chosen = {o.name: given[o.name] for o in kernel.options}
            chosen |= {shape_argument(t): given[t.name].shape for t in kernel.shaped}
            with np.errstate(divide="ignore", invalid="ignore"):
                found[f"d{tensor}"] = getattr(module, kernel.name)(*(given[t.name] for t in kernel.arguments), **chosen)
        return found

    parameters = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY) for n in (*tensors, *options)]
    backward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return backward


GENERATED = (
    "conv1d", "conv_transpose2d", "locally_connected1d", "max_pool2d", "avg_pool1d", "lp_pool1d", "global_max_pool",
    "adaptive_avg_pool1d", "reflection_pad1d", "pixel_shuffle", "bilinear", "embedding", "concatenation", "prelu",
    "hard_tanh", "dropout", "layer_norm", "group_norm", "lstm_cell", "scaled_dot_product_attention", "cross_entropy",
    "huber_loss",
)  # fmt: skip


@pytest.mark.parametrize("name", GENERATED)
def test_what_gradscribe_generates_passes(name: str) -> None:
    verdict = check(own_backward(layer(name), name), layer(name), examples=6)
    assert verdict.equal, verdict
    assert verdict.gradients == tuple(f"d{n}" for n in layer(name).differentiable)


def test_any_number_of_axes() -> None:
    def batch_norm(dout: Array, x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Array, ...]:
        axes = (0, 2, 3)
        shaped = (1, -1, 1, 1)
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        h = (x - mean) / np.sqrt(var + eps)
        dh = dout * gamma.reshape(shaped)
        dx = (dh - dh.mean(axes, keepdims=True) - h * (dh * h).mean(axes, keepdims=True)) / np.sqrt(var + eps)
        return dx, (dout * h).sum(axes), dout.sum(axes)

    verdict = check(batch_norm, "batch_norm", axes=3, layout="channels-first", examples=EXAMPLES)
    assert verdict.equal, verdict


def test_any_number_of_axes_is_counted_where_channels_come_first() -> None:
    def backward(dy: Array, x: Array, g: Array) -> tuple[Array, Array]:
        return dy * g[:, None, None], (dy * x).sum((0, 2, 3))

    equation = "y[...,c] = x[...,c] * g[c]; weight g"
    assert check(backward, equation, axes=3, layout="channels-first", examples=EXAMPLES).equal
    with pytest.raises(CheckError, match="has no images; expected --layout channels-last"):
        check(backward, equation, axes=1, layout="channels-first", examples=EXAMPLES)


def test_options_per_axis_where_the_annotation_or_the_default_says_so() -> None:
    seen: set[tuple[Any, ...]] = set()

    def annotated(dy: Array, x: Array, w: Array, stride: tuple[int, int], padding: Any = (0, 0)) -> Array:
        seen.add((*stride, *padding))
        dx = np.zeros((x.shape[0], x.shape[1] + 2 * padding[0], x.shape[2] + 2 * padding[1], x.shape[3]))
        for i, j, r, t in np.ndindex(*dy.shape[1:3], *w.shape[:2]):
            dx[:, stride[0] * i + r, stride[1] * j + t] += dy[:, i, j] @ w[r, t].T
        return dx[:, padding[0] : padding[0] + x.shape[1], padding[1] : padding[1] + x.shape[2]]

    verdict = check(annotated, "conv2d", examples=EXAMPLES)
    assert verdict.equal, verdict
    assert verdict.gradients == ("dx",)
    assert any(a != b for a, b, _, _ in seen)
    assert any(a != b for _, _, a, b in seen)


def test_single_precision_and_other_ways_to_return_pass() -> None:
    def single(dy: Array, y: Array) -> Array:
        return (dy * (1 - y * y)).astype(np.float32)

    def listed(dy: Array, x: Array, w: Array, b: Array, /, unknown: int = 3) -> list[Array]:
        return [x.T @ dy, dy.sum(0)]

    assert check(single, "tanh", examples=EXAMPLES).equal
    assert check(lambda dy, y: [float(v) for v in dy * (1 - y * y)], "tanh", examples=EXAMPLES).equal
    verdict = check(listed, "dense", returns="dw, b", examples=EXAMPLES)
    assert verdict.equal
    assert verdict.gradients == ("dw", "db")


def test_a_function_without_incoming_gradient_is_asked_for_that_of_the_sum() -> None:
    assert check(lambda y: 1 - y**2, "tanh", examples=EXAMPLES).equal
    assert check(lambda x, t: np.sign(x - t) / x.size, "l1_loss", examples=EXAMPLES).equal
    assert check(lambda y_pred, y: np.sign(y_pred - y) / y.size, "l1_loss", examples=EXAMPLES).equal


def test_one_example_is_enough_and_none_is_refused() -> None:
    assert check(lambda dy, y: dy * (1 - y * y), "tanh", examples=1).examples == 1
    with pytest.raises(CheckError, match="examples is 0; expected at least 1"):
        check(lambda dy, y: dy, "tanh", examples=0)


def test_shared_ties_pass_against_the_layer_that_shares_them() -> None:
    assert check(ties_shared, "max_pool2d", ties="split", examples=EXAMPLES).equal
    verdict = check(pool_without_padding, "max_pool2d", ties="split", examples=EXAMPLES)
    assert "ties going to the first" in one_line(finding(verdict, "dx", "differs"))


def test_fixed_options() -> None:
    def halves(dy: Array, x: Array) -> Array:
        dx: Array = pool_without_padding(dy, x, 2, 2)  # type: ignore[no-untyped-call]
        return dx

    assert check(halves, "max_pool2d", settings={"kernel_size": "2", "stride": "2"}, examples=EXAMPLES).equal


@pytest.mark.oracle
def test_pytorch_passes() -> None:
    torch = pytest.importorskip("torch")

    def backward(grad_output: Array, input: Array, weight: Array, bias: Array, stride: int, padding: int,
                 dilation: int, groups: int) -> Any:  # fmt: skip
        leaves = [torch.tensor(a, requires_grad=True) for a in (input, weight, bias)]
        y = torch.nn.functional.conv2d(*leaves, stride=stride, padding=padding, dilation=dilation, groups=groups)
        return torch.autograd.grad(y, leaves, torch.tensor(grad_output))

    verdict = check(backward, "conv2d", layout="channels-first", examples=EXAMPLES)
    assert verdict.equal, verdict
    assert verdict.gradients == ("dx", "dw", "db")


# ----- what a report says ---------------------------------------------------------------------------------------------


def test_two_mistakes_at_once_are_not_explained_but_the_element_is_taken_apart() -> None:
    def two(dy: Array, x: Array, w: Array, b: Array) -> Array:
        return 3 * dy[:, :1] @ w[:, :1].T  # one k only, and a factor

    found = finding(check(two, "dense", examples=EXAMPLES), "dx", "differs")
    assert found.words == ""
    assert "No single mistake" in one_line(found)
    assert "The summands of that element" in one_line(found)
    assert found.derived == "∂E/∂x[e,c] = Σ_{k} δ[e,k] w[c,k]"


def test_the_summands_that_are_missing_are_named() -> None:
    def every_other(dy: Array, x: Array, w: Array) -> Array:
        return dy[:, ::2] @ w[:, ::2].T

    found = finding(check(every_other, "dense", examples=EXAMPLES), "dx", "differs")
    assert "δ[0,1] w[0,1] = 1" in one_line(found)
    assert "Your value is 0: none of them is in it." in one_line(found)


def test_an_exception_is_a_finding_with_the_shapes_it_needs() -> None:
    def narrow(dy: Array, x: Array, w: Array, stride: int) -> Array:
        if stride == 3:
            raise ValueError("stride 3 is\nnot implemented")
        return conv(dy, x, w, stride, 0)[0]

    verdict = check(narrow, "conv2d", examples=EXAMPLES)
    found = finding(verdict, "", "raises")
    assert found.arguments["stride"] == 3
    assert found.arguments["x"].size == 1
    assert "ValueError: stride 3 is" in str(found)
    assert "not implemented" not in str(found)


def test_what_is_no_array_of_real_numbers_is_a_finding() -> None:
    for wrong, message in (
        (lambda dy, y: 1j * dy, "dx is an array of complex128; expected an array of real numbers"),
        (lambda dy, y: "dy", "dx is of type str; expected an array of real numbers"),
    ):
        assert message in str(finding(check(wrong, "tanh", examples=5), "dx", "type"))


def test_a_gradient_that_is_0_is_said_to_be() -> None:
    found = finding(check(lambda dy, x: 0 * x, "tanh", examples=EXAMPLES), "dx", "differs")
    assert found.words == "times 0"


def test_a_result_of_the_wrong_gradient_is_recognised_by_its_shape() -> None:
    verdict = check(lambda dy, x, w: conv(dy, x, w, 1, 0)[1], "conv2d", examples=EXAMPLES)
    assert "That is the shape of dw" in one_line(finding(verdict, "dx", "shape"))


def test_exchanged_axes_of_a_result_are_recognised() -> None:
    verdict = check(lambda dy, x, w: (dy @ w.T).T, "dense", examples=EXAMPLES)
    assert "Its axes are in another order: 1, 0" in one_line(finding(verdict, "dx", "shape"))


def test_the_report_is_the_same_for_a_seed_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (str(check(tanh_slope, "tanh", examples=20, seed=7)) for _ in range(2))
    assert first == second
    assert not list(tmp_path.iterdir())


def test_a_slope_at_a_corner_is_a_matter_of_choice() -> None:
    assert check(lambda dy, x: dy * (x >= 0), "relu", examples=EXAMPLES).equal


def test_a_layer_of_ones_own() -> None:
    equation = "y[n,i,k] = sum(r,c) x[n, s*i + r, c] * w[r,c,k]; weight w"

    def backward(dy: Array, x: Array, w: Array, s: int) -> tuple[Array, Array]:
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i in range(dy.shape[1]):
            dx[:, s * i : s * i + len(w)] += np.einsum("nk,rck->nrc", dy[:, i], w)
            dw += np.einsum("nrc,nk->rck", x[:, s * i : s * i + len(w)], dy[:, i])
        return dx, dw

    assert check(backward, equation, examples=EXAMPLES).equal
    verdict = check(
        lambda dy, x, w, s: (backward(dy, x, w, s)[0], backward(dy, x, w, 1)[1]), equation, examples=EXAMPLES
    )
    assert "with s=1" in one_line(finding(verdict, "dw", "differs"))
