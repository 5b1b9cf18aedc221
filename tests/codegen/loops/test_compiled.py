"""Loops in C against NumPy and the interpreter."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.calling import option_value, shape_argument
from gradscribe.codegen.kernel.kernel import Kernel, kernels
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Compiled, walk
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.generated import avg_pool2d, depthwise_conv2d, max_pool2d, runtime, subsampling2d
from tests.cases.catalogue import TRIED, generated_with, layer, layer_kernels
from tests.cases.run_loops import COMPILED, looped
from tests.cases.thorough import some
from tests.runtime.rooms import set_in_all

pytestmark = COMPILED
Array = np.ndarray
LOOPED = generated_with("loops = rt.Companion(")
WINDOWS = [
    "input x[N,H,C]; r < 3; y[n,i,c] = sum(r) x[n, i + 2*r - 3, c]",
    "input x[N,H,C]; r < 3; i < 4; y[n,i,c] = sum(r) x[n, 2*i - r + 2, c]",
    "input x[N,H,W,C], w[R,T,C]; y[n,i,j,c] = sum(r,t) relu(x[n, i + r, j + 2*t, c]) * w[r,t,c]",
    "input x[N,H,W,C]; r < 3; t < 2; y[n,i,j,c] = max(r,t) x[n, 2*i + r, j + t, c]",
    "input x[N,H,W,C]; r < 3; t < 2; y[n,i,j,c] = min(r,t) x[n, 2*i + r, 3*j + t, c] * 2",
    "input x[H,W,C], v[C]; r < 3; t < 2; y[i,j,c] = sum(r,t) abs(x[2*i + r, j + t, c]) * v[c]",
    "input x[N,C], v[N,C]; y[n,c] = relu(x[n,c] - v[n,c]) * v[n,c] + abs(x[n,c])",
    "input x[N,H,C], v[C], w[R,C]; y[n,i,c] = sum(r) (x[n, i + r, c] - v[c])**2 * w[r,c]",
    "input x[N,H,C], v[C]; r < 3; y[n,i,c] = sum(r) x[n, i + r - 1, c] * relu(x[n, i + r - 1, c] - v[c]) * relu(v[c])",
    "input x[N,H,C]; r < 3; y[n,i,c] = sum(r) exp(x[n, 2*i + r, c]) / 3",
    "input x[N,H,C], w[N,H,C]; r < 2; y[n,i,c] = sum(r) sigmoid(x[n, i + r, c]) * tanh(w[n, i + r, c])",
    # one pass over the elements of arrays that lack axes
    "input x[N,H,C], g[C], b[C]; y[n,i,c] = relu(g[c]*x[n,i,c] + b[c])",
    "input x[N,H,C], g[C]; y[n,i,c] = (x[n,i,c] - g[c]) / sqrt(g[c]^2 + 1) + exp(g[c])",
    "input x[N,H,W,C], s[N,C]; y[n,i,j,c] = x[n,i,j,c] * sigmoid(s[n,c])",
    "input x[N,C], m[N]; y[n,c] = exp(x[n,c] - m[n])",
    "input x[N,H,C], m[N,H], g[C]; y[n,i,c] = g[c] * (x[n,i,c] - m[n,i])",
    "input x[N,C]; y[n,c] = x[n,c] * erf(x[n,c]) + softplus(x[n,c]) * tanh(x[n,c])",
    # sums over rows and along them
    "input x[N,C], m[N]; y[n] = sum(c) (x[n,c] - m[n])^2",
    "input x[N,H,C], w[N,H,C]; y[n,i] = sum(c) x[n,i,c] * w[n,i,c]",
    "input x[N,H,W,C]; y[n] = sum(i,j,c) exp(x[n,i,j,c])",
    "input x[N,H,W,C], m[C]; y[c] = sum(n,i,j) abs(x[n,i,j,c] - m[c]) * m[c]",
    "input x[N,H,W,C], m[N,C]; y[n,c] = sum(i,j) relu(x[n,i,j,c] - m[n,c])",
    "input x[N,H,C], w[N,H,C]; y[c] = sum(n,i) x[n,i,c] * w[n,i,c]",
    "input x[M,C], m[C]; y[c] = sum(n) (x[n,c] - m[c])^2 / sqrt(1 + m[c]^2)",
    "input x[N,H,C]; m[n] = min(i,c) abs(x[n,i,c]); y[n,i,c] = x[n,i,c] * m[n]; constant m",
    # several statements in one pass
    "input x[N,C], g[C]; m[n] = sum(c) x[n,c] / C; v[n] = sum(c) (x[n,c] - m[n])^2 / C;"
    " y[n,c] = g[c] * (x[n,c] - m[n]) / sqrt(v[n] + 0.1)",
    "input x[N,C], b[C]; u[n,c] = x[n,c] * x[n,c] + b[c]; s[n,c] = tanh(u[n,c]); y[n,c] = s[n,c] * u[n,c]",
    "input x[N,C]; m[n] = max(c) x[n,c]; h[n,c] = exp(x[n,c] - m[n]); z[n] = sum(c) h[n,c]; y[n,c] = h[n,c] / z[n]",
    "input x[N,C]; z[n] = sum(c) exp(x[n,c]); s[n] = sum(c) x[n,c] * x[n,c] / z[n];"
    " y[n,c] = x[n,c] / (1 + s[n]^2) + z[n]",
    "input x[N,N]; m[n] = sum(c) x[n,c] * x[n,c]; y[n,c] = tanh(x[n,c] * m[c])",  # by rows, then by columns
    "input x[N,H,C]; p[n,i] = sum(c) x[n,i,c] * x[n,i,c]; y[n,i,c] = x[n,i,c] / sqrt(1 + p[n,i])",
    # sums over rows beside each other and beside elements, which are computed again where sums are read
    "input x[N,C], m[C]; s[c] = sum(n) x[n,c]; t[c] = sum(n) (x[n,c] - m[c]) * x[n,c]; y[n,c] = x[n,c]*s[c] + t[c]",
    "input x[N,C], g[C]; m[c] = sum(n) x[n,c] / N; v[c] = sum(n) (x[n,c] - m[c])^2 / N;"
    " y[n,c] = g[c] * (x[n,c] - m[c]) / sqrt(v[c] + 0.1)",
    "input x[N,H,W,C], g[C]; m[c] = sum(n,i,j) x[n,i,j,c] / N; y[n,i,j,c] = g[c] * (x[n,i,j,c] - m[c])^2",
    "input x[N,C], a[C]; y[n,c] = relu(x[n,c]) - a[c] * relu(-x[n,c])",
    # numbers of a row
    "input x[N,C]; v[n] = sum(c) x[n,c]^2 / C; r[n] = 1/sqrt(v[n] + 0.1); y[n,c] = x[n,c] * r[n]",
    "input x[N,C]; m[n] = max(c) x[n,c]; z[n] = sum(c) exp(x[n,c] - m[n]); l[n] = log(z[n]) + m[n];"
    " y[n,c] = x[n,c] - l[n]; constant m",
    # brackets that leave a part of each row
    "input x[N,L,S]; m[n,i] = max(j) [j <= i] x[n,i,j]; h[n,i,j] = [j <= i] exp(x[n,i,j] - m[n,i]);"
    " z[n,i] = sum(j) h[n,i,j]; y[n,i,j] = h[n,i,j] / z[n,i]; constant m",
    "input x[N,L,S]; y[n,i,j] = [i <= j] [j <= 2*i] x[n,i,j]^2 * 3",
    "input x[N,L,S], w[S]; y[n,i] = sum(j) [2*j <= i] exp(x[n,i,j]) * w[j]",
    "input x[N,L,S]; y[j] = sum(n,i) [j <= i] exp(x[n,i,j])",
    "input x[N,L,S]; width = 2; p[n,i,j] = [i - j <= width] [j - i <= width] exp(x[n,i,j]);"
    " z[n,i] = sum(j) p[n,i,j]; y[n,i,j] = p[n,i,j] / (z[n,i] + 1)",
]


def results(module: ModuleType, kernel: Kernel, values: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """What a function returns, by name."""
    taken = {o.name: options[o.name] for o in kernel.options}
    taken |= {shape_argument(t): np.shape(values[t.name]) for t in kernel.shaped}
    with np.errstate(all="ignore"):
        found = getattr(module, kernel.name)(*(values.get(t.name) for t in kernel.arguments), **taken)
    return dict(zip(kernel.results, found if len(kernel.results) > 1 else (found,), strict=True))


def everything(
    item: Layer, found: tuple[Kernel, ...], module: ModuleType, given: Mapping[str, Array], options: Mapping[str, Any]
) -> dict[str, Any]:
    """All results of all functions by name; the gradients of outputs are the same in every call."""
    forward, *backward = found
    values = {**given, **results(module, forward, given, options)}
    rng = np.random.default_rng(5)
    seeds = {seed: rng.normal(size=np.shape(values[output])) for k in backward[:1] for seed, output in k.seeds}
    everywhere = dict(values)
    for kernel in backward:
        everywhere |= results(module, kernel, {**values, **seeds}, options)
    return everywhere | seeds


def drawn(item: Layer, seed: int) -> tuple[dict[str, Array], dict[str, Any], dict[Any, Any]]:
    """Inputs, options and sizes of a random call; every third has ties."""
    rng = np.random.default_rng([seed, 31])
    sizes: dict[Any, Any] = complete_sizes(item.program, sample_sizes(item, rng, limit=1500))
    values = sample_values(item.program, sizes, rng)
    values = {t.name: values[t.name] for t in item.program.inputs}
    if seed % 3 == 0:
        values = {name: np.round(v) if v.dtype.kind == "f" else v for name, v in values.items()}
    return values, {o.name: option_value(o, sizes) for o in item.options}, sizes


def same(found: Mapping[str, Any], expected: Mapping[str, Any], what: str) -> None:
    """Integers are the same, NaN in the same places, numbers the same but for the order of sums."""
    for name, value in expected.items():
        ours, theirs = np.asarray(found[name]), np.asarray(value)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), f"{what}: {name}"
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11, err_msg=f"{what}: {name}")


# ----- the catalogue --------------------------------------------------------------------------------------------------
def test_windows_have_loops() -> None:
    assert len(LOOPED) > 20
    assert {"max_pool2d", "avg_pool3d", "lp_pool1d", "subsampling2d", "batch_norm", "silu"} <= set(LOOPED)


@pytest.mark.parametrize("name", ["conv2d", "depthwise_conv2d", "conv_transpose1d"])
def test_sums_of_products_are_contractions_and_have_no_loops_of_their_own(name: str) -> None:
    assert name not in LOOPED


@pytest.mark.parametrize("name", some([name for name in LOOPED if name in TRIED], 5))
def test_loops_of_a_layer_compute_what_numpy_does(name: str) -> None:
    module = compile_layer(layer(name))
    for seed in range(4):
        values, options, _ = drawn(layer(name), seed)
        if seed == 2 and name.startswith("max"):
            values["x"][np.random.default_rng(7).random(values["x"].shape) < 0.2] = np.nan
        with module.rt.settings(backend="numpy"):
            expected = everything(layer(name), layer_kernels(name), module, values, options)
        with looped(module):
            found = everything(layer(name), layer_kernels(name), module, values, options)
        same(found, expected, f"{name}, {seed}")


def test_both_ways_of_a_gradient_run() -> None:
    """Where windows move in steps of 1 the gradient of the input is gathered, else scattered."""
    module = compile_layer(layer("avg_pool2d"))
    dy = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    for stride, number in ((1, 1), (2, 2)):
        shape = (2, 3 * stride + 3, 4 * stride + 2, 3)
        with looped(module, known=True) as ran:
            module.avg_pool2d_grad_input(dy, kernel_size=(3, 2), input_shape=shape, stride=stride)
        assert len(ran) == 1
        with module.rt.settings(backend="numpy"):
            assert not module.loops.wanted(10**9)
        assert next(iter(ran)).startswith("avg_pool2d_grad_input_"), number


# ----- equations of one's own -----------------------------------------------------------------------------------------
def loops_of(text: str) -> set[str]:
    """The loops that run for random calls; what they compute is what the interpreter does."""
    item = gradscribe.layer(text, name="window")
    module, found = compile_layer(item), kernels(item)
    gradient = differentiate(item.program)
    ran_all: set[str] = set()
    for seed in range(4):
        values, options, sizes_ = drawn(item, seed)
        with looped(module) as ran:
            ours = everything(item, found, module, values, options)
        ran_all |= ran
        expected = interpret(item.program, values, sizes_)
        seeds = {name: ours[name] for k in found[1:2] for name, _ in k.seeds}
        theirs = interpret(gradient.program, {**expected, **seeds}, sizes_)
        for kernel in found:
            for name in kernel.results:
                np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-9, atol=1e-11, err_msg=f"{seed}: {name}")
    return ran_all


@pytest.mark.parametrize("text", some(WINDOWS, 3, first=1))
def test_loops_of_an_equation_compute_what_the_interpreter_does(text: str) -> None:
    assert "window_forward_1_loops" in loops_of(text)


def test_what_is_added_from_one_position_of_an_axis_is_read_there_in_every_row() -> None:
    weights = "a < 2; f[n,c] = 5*p[n,c]; u[n,a,c] = [a == 0]*(1 - f[n,c]) + [a == 1]*f[n,c]"
    assert "window_grad_p_1_loops" in loops_of(f"{weights}; y[n,b] = sum(a,c) w[a,c,b]*tanh(u[n,a,c])")


@pytest.mark.parametrize(
    "right", ["[i != j] (x[i,c] - x[j,c]) * w[i,j]", "[i != j, x[j,c] > 0] (x[i,c] - x[j,c]) * w[i,j]"]
)
@pytest.mark.parametrize("left", ["y[i,c] = sum(j)", "y[i,j,c] ="])
def test_a_condition_that_is_one_for_a_whole_vector_holds_for_all_of_it(left: str, right: str) -> None:
    module = gradscribe.layer(f"input x[N,C], w[N,N]; {left} {right}", "pairs").compile()
    x, w = np.random.default_rng(5).normal(size=(7, 19)), np.random.default_rng(6).normal(size=(7, 7))
    each = (x[:, None] - x) * w[..., None] * (1 - np.eye(7))[..., None]
    expected = np.where(x > 0, each, 0) if "x[j,c] > 0" in right else each
    with looped(module) as ran:
        found = module.pairs_forward(x, w)
    assert ran
    np.testing.assert_allclose(found, expected.sum(1) if "sum" in left else expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "input x[N,H,C], w[R,C]; y[n,i,c] = sum(r) x[n, 2*i + r - 1, c] * w[r,c]",
        "input x[N,H,W,C], w[R,T,C]; y[n,i,j,c] = sum(r,t) x[n, 3*i + r, 2*j + t - 2, c] * w[r,t,c]",
    ],
)
def test_sums_of_products_over_windows_are_contractions(text: str) -> None:
    assert "window_forward_1_loops" not in loops_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "input x[N,C,H], w[R,C]; y[n,i,c] = sum(r) x[n, c, 2*i + r - 1] * w[r,c]",
        "input x[N,H,C], w[R,K]; r < 3; y[n,i,k] = sum(r) x[n, 2*i + r - 1, 2*k] * w[r,k]",
    ],
)
def test_windows_that_are_not_contiguous_where_the_result_is_have_no_loops(text: str) -> None:
    assert not loops_of(text)


@pytest.mark.thorough
def test_loops_of_a_network_compute_what_numpy_does() -> None:
    module = compile_layer(NETWORKS["lenet5"]())
    rng = np.random.default_rng(3)
    x, dy = rng.normal(size=(2, 32, 32, 1)), rng.normal(size=(2, 10))
    net = module.LeNet5(rng=1, dtype=np.float64)

    def step() -> list[Array]:
        y = net(x)
        dx = net.backward(dy)
        return [np.array(v) for v in (y, dx, *net.grads.values())]

    with module.rt.settings(backend="numpy"):
        expected = step()
    with looped(module) as ran:
        found = step()
    assert len(ran) > 6
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


# ----- compiled -------------------------------------------------------------------------------------------------------
def both(function: Any, *arrays: Array, **options: Any) -> list[list[Array]]:
    """The results by NumPy and by compiled loops."""
    found = []
    for backend in ("numpy", "compiled"):
        with runtime.settings(backend=backend):
            result = function(*arrays, **options)
        found.append(list(result) if isinstance(result, tuple) else [result])
    return found


def with_ties(shape: tuple[int, ...], dtype: Any) -> Array:
    """Few values, so that many are equal, some of them NaN or infinite."""
    rng = np.random.default_rng(4)
    x = rng.integers(-2, 3, size=shape).astype(dtype)
    if x.size:
        x[rng.random(shape) < 0.05] = np.nan
        x[rng.random(shape) < 0.05] = -np.inf
    return x


@pytest.mark.parametrize("dtype", some([np.float32, np.float64], 1))
@pytest.mark.parametrize("shape", [(2, 9, 11, 19), (1, 6, 5, 1), (0, 9, 11, 3)])
def test_compiled_maxima_and_their_positions_are_numpy_s(shape: tuple[int, ...], dtype: Any) -> None:
    x = with_ties(shape, dtype)
    for options in (
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": (2, 3), "stride": (3, 1), "dilation": (2, 1)},
        {"kernel_size": 1, "stride": 2},
    ):
        plain_results, ours = both(max_pool2d.max_pool2d_forward, x, **options)
        for theirs, own in zip(plain_results, ours, strict=True):
            assert own.dtype == theirs.dtype
            np.testing.assert_array_equal(own, theirs)
        dy = np.random.default_rng(5).normal(size=ours[0].shape).astype(dtype)
        (theirs,), (own,) = both(max_pool2d.max_pool2d_grad_input, dy, ours[1], input_shape=shape, **options)
        np.testing.assert_allclose(own, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("stride", some([1, 2], 1))
def test_compiled_sums_are_numpy_s(stride: int) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(2, 15, 37, 20)).astype(np.float32)
    w = rng.normal(size=(3, 3, 20, 1)).astype(np.float32)
    options: dict[str, Any] = {"stride": stride, "padding": 1}
    [[expected], [u]] = both(depthwise_conv2d.depthwise_conv2d_forward, x, w, **options)
    np.testing.assert_allclose(u, expected, atol=1e-5)
    dy = rng.normal(size=u.shape).astype(np.float32)
    [[expected], [dx]] = both(depthwise_conv2d.depthwise_conv2d_grad_input, dy, w, input_shape=x.shape, **options)
    np.testing.assert_allclose(dx, expected, atol=1e-5)
    [[expected], [dw]] = both(depthwise_conv2d.depthwise_conv2d_grad_weight, dy, x, kernel_size=3, **options)
    np.testing.assert_allclose(dw, expected, atol=1e-4)
    pooled: dict[str, Any] = {"kernel_size": 3, "stride": stride, "padding": 1, "count_include_pad": False}
    [[expected], [y]] = both(avg_pool2d.avg_pool2d_forward, x, **pooled)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    [[expected], [dx]] = both(avg_pool2d.avg_pool2d_grad_input, y, input_shape=x.shape, **pooled)
    np.testing.assert_allclose(dx, expected, atol=1e-6)
    a = rng.normal(size=20).astype(np.float32)
    expected_, found = both(subsampling2d.subsampling2d_forward, x, a, a)
    for one, other in zip(found, expected_, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_long_sum_in_float32_is_as_exact_as_numpy_s() -> None:
    rng = np.random.default_rng(8)
    x, dy = (rng.random(size=(2, 120, 120, 8), dtype=np.float32) for _ in range(2))
    exact = np.einsum("nijc,nijc->c", x.astype(np.float64), dy.astype(np.float64))
    with runtime.settings(backend="compiled"):
        dw = depthwise_conv2d.depthwise_conv2d_grad_weight(dy, x, kernel_size=1)
    np.testing.assert_allclose(dw[0, 0, :, 0], exact, rtol=2e-6)


# ----- choice ---------------------------------------------------------------------------------------------------------
def test_without_a_compiler_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    module = compile_layer(layer("max_pool2d"))
    set_in_all(monkeypatch, "has_c", lambda: False, module.rt)
    monkeypatch.setattr(module.rt, "run", lambda *_: pytest.fail("loops ran"))
    x = np.random.default_rng(0).normal(size=(4, 40, 40, 8))
    y, _ = module.max_pool2d_forward(x, kernel_size=2)
    np.testing.assert_array_equal(y, x.reshape(4, 20, 2, 20, 2, 8).max(axis=(2, 4)))
    with pytest.raises(ModuleNotFoundError, match="pip install ziglang"), module.rt.settings(backend="compiled"):
        pass


def test_where_a_compiler_refuses_loops_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    module = compile_layer(layer("max_pool2d"))
    run, refused = module.rt.run, []

    def refusing(text: str, *given: Any, **named: Any) -> Any:
        refused.append(run("#error no loops\n" + text, *given, **named))
        return refused[-1]

    monkeypatch.setattr(module.rt, "run", refusing)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3))
    with module.rt.settings(backend="compiled"):
        y, _ = module.max_pool2d_forward(x, kernel_size=2)
    assert refused == [False]
    np.testing.assert_array_equal(y, x.reshape(2, 3, 2, 3, 2, 3).max(axis=(2, 4)))


def test_a_plan_tells_both_ways() -> None:
    planned = plan(layer_kernels("max_pool2d")[0])
    (branch,) = (r for _, r in walk(planned.records) if isinstance(r, Compiled))
    assert isinstance(branch.then[-1], Nest)
    assert "loops over n i j r t c: y max=" in str(planned)
    assert "steps are compiled" in str(planned)
