"""Passes of several statements of the catalogue: odd values and shapes, threads, loops that are refused."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import exp

from gradscribe import layer, network
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Allocate, Compiled, walk
from gradscribe.generated import batch_norm, group_norm, instance_norm, layer_norm, runtime, softmax
from gradscribe.generated import scaled_dot_product_attention as attention
from tests.cases.catalogue import layer_kernels
from tests.cases.run_loops import COMPILED
from tests.cases.thorough import some

pytestmark = COMPILED
Array = np.ndarray


def arrays(shape: tuple[int, ...], number: int, dtype: Any) -> list[Array]:
    """Random arrays of one shape."""
    rng = np.random.default_rng(len(shape) + number)
    return [rng.normal(size=shape).astype(dtype) for _ in range(number)]


def norm_results(module: ModuleType, x: Array, dy: Array) -> list[Array]:
    """All that a norm computes, forward and backward."""
    norm = module.BatchNorm if module is batch_norm else module.LayerNorm
    made = norm(x.shape[-1], dtype=x.dtype)
    made.params["gamma"][...] = np.linspace(-1, 2, x.shape[-1])
    y = made(x)
    return [y, made.backward(dy), *(made.grads[name] for name in ("gamma", "beta"))]


def attention_results(x: Array, causal: bool) -> list[Array]:
    """All that attention computes, forward and backward."""
    made = attention.ScaledDotProductAttention(is_causal=causal)
    y = made(x, x[:, ::-1] * 2, np.cos(x))
    return [y, *made.backward(np.sin(y))]


@pytest.mark.parametrize("dtype", some([np.float32, np.float64], 1))
@pytest.mark.parametrize("module", [batch_norm, layer_norm])
@pytest.mark.parametrize("shape", some([(37, 19), (1, 1), (2, 1), (3, 5, 64), (0, 7), (2100, 3), (1, 33)], 3))
def test_a_norm_is_numpy_s(module: ModuleType, shape: tuple[int, ...], dtype: Any) -> None:
    x, dy = arrays(shape, 2, dtype)
    found = []
    for backend in ("numpy", "compiled"):
        with runtime.settings(backend=backend), np.errstate(all="ignore"):
            found.append(norm_results(module, x, dy))
    close = 1e-9 if dtype == np.float64 else 2e-4
    for expected, ours in zip(*found, strict=True):
        assert ours.dtype == expected.dtype
        np.testing.assert_allclose(ours, expected, rtol=close, atol=close)


@pytest.mark.parametrize("module", [batch_norm, layer_norm])
def test_nan_stays_where_it_is_and_arrays_may_have_gaps(module: ModuleType) -> None:
    x, dy = arrays((40, 2 * 21), 2, np.float64)
    x[3, 4] = np.nan
    x, dy = x[:, ::2], dy[::-1, ::2]
    found = []
    for backend in ("numpy", "compiled"):
        with runtime.settings(backend=backend), np.errstate(all="ignore"):
            found.append(norm_results(module, x, dy))
    assert np.isnan(found[0][0]).any()
    for expected, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", some([(2, 9, 8), (3, 1, 4), (1, 33, 5), (0, 4, 4), (2, 40, 16)], 2))
def test_attention_is_numpy_s(shape: tuple[int, ...], causal: bool) -> None:
    (x,) = arrays(shape, 1, np.float64)
    found = []
    for backend in ("numpy", "compiled"):
        with runtime.settings(backend=backend), np.errstate(all="ignore"):
            found.append(attention_results(x, causal))
    for expected, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", some([1, 2, 31, 32, 33, 1023, 1024, 1025, 2100], 4))
@pytest.mark.parametrize("offset", [0, 1e4])
def test_means_and_variances_over_rows_are_exact(rows: int, offset: float, dtype: Any) -> None:
    """They come together from the means and squares of a few rows, in whose differences nothing cancels."""
    (x,) = arrays((rows, 33), 1, dtype)
    x = (x + offset).astype(dtype)
    x[: rows // 3, 5] = 0
    exact = x.astype(np.longdouble)
    mean = exact.mean(0)
    ones, zeros = np.ones(33, dtype), np.zeros(33, dtype)
    with runtime.settings(backend="compiled"):
        _, new_mean, _, variance, _ = batch_norm.batch_norm_forward(x, ones, zeros, zeros, ones, momentum=1.0)
    close = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(new_mean, mean, rtol=close, atol=close * np.abs(exact).mean())
    np.testing.assert_allclose(variance, np.square(exact - mean).mean(0), rtol=close)


def test_an_infinite_element_is_in_the_mean_as_it_is_in_numpy_s() -> None:
    (x,) = arrays((2100, 12), 1, np.float32)
    x[[3, 1500, 40, 1700], [0, 1, 2, 3]] = np.inf, -np.inf, np.nan, 3e38
    ones, zeros = np.ones(12, np.float32), np.zeros(12, np.float32)
    found = []
    for backend in ("numpy", "compiled"):
        with runtime.settings(backend=backend), np.errstate(all="ignore"):
            found.append(batch_norm.batch_norm_forward(x, ones, zeros, zeros, ones, momentum=1.0)[1:4])
    for expected, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", some([(2, 5, 7, 12), (1, 1, 12), (3, 40, 36), (0, 4, 12), (2, 0, 12), (4, 12)], 3))
def test_norms_of_images_are_numpy_s(shape: tuple[int, ...], dtype: Any) -> None:
    x, dy = arrays(shape, 2, dtype)
    gamma, beta = np.linspace(-1, 2, shape[-1]).astype(dtype), np.ones(shape[-1], dtype)
    found: list[list[Array]] = []
    for backend in ("numpy", "compiled"):
        with runtime.settings(backend=backend), np.errstate(all="ignore"):
            grouped = group_norm.group_norm_forward(x, gamma, beta, num_groups=4)
            single = instance_norm.instance_norm_forward(x, gamma, beta)
            back = group_norm.group_norm_backward(dy, gamma, *grouped[1:], num_groups=4)
            found.append([*grouped, *single, *back, *instance_norm.instance_norm_backward(dy, gamma, *single[1:])])
    close = 1e-9 if dtype == np.float64 else 2e-4
    for expected, ours in zip(*found, strict=True):
        assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(ours, expected, rtol=close, atol=close)


def test_groups_in_a_network_have_their_pass_between_what_is_next_to_them() -> None:
    """NumPy writes into the arrays that the network has for it, by groups."""
    module = compile_layer(network("input x[N,9,9,3]\nconv2d(12, 3) -> group_norm(num_groups=4) -> relu", "net"))
    (x,) = arrays((5, 9, 9, 3), 1, np.float64)
    found = []
    for backend in ("numpy", "compiled"):
        with module.rt.settings(backend=backend):
            made = module.Net(dtype=np.float64, rng=0)
            results = [(made(x * k), made.backward(np.ones((5, 7, 7, 12)))) for k in (1, 2)]
            found.append([*(r for pair in results for r in pair), *made.grads.values()])
    for expected, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-10)


def test_passes_do_not_depend_on_the_number_of_threads() -> None:
    x, dy = arrays((5000, 33), 2, np.float32)
    (z,) = arrays((6, 40, 24), 1, np.float32)
    found = []
    for threads in (1, 2, 3):
        with runtime.settings(backend="compiled", threads=threads):
            found.append(
                [
                    *(r for module in (batch_norm, layer_norm) for r in norm_results(module, x, dy)),
                    *attention_results(z, True),
                    *group_norm.group_norm_forward(x.reshape(5, 1000, 33), x[0], x[1], num_groups=3),
                    softmax.softmax_forward(x),
                ]
            )
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert one.tobytes() == other.tobytes()


def test_wherever_loops_are_refused_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the gradients the second of two loops computes light elements of the first again: both are NumPy's then."""
    module = compile_layer(network("input x[N,6]\ndense(8) -> batch_norm -> relu -> dense(2)", "net"))
    x, dy = arrays((30, 6), 2, np.float64)[0], arrays((30, 2), 2, np.float64)[1]
    run = module.rt.run

    def results(refused: int) -> tuple[list[np.ndarray], int]:
        asked = []

        def most(text: str, *given: Any, **named: Any) -> Any:
            asked.append(text)
            return False if len(asked) == refused else run(text, *given, **named)

        monkeypatch.setattr(module.rt, "run", most)
        own = module.Net(dtype=np.float64, rng=0)
        y = own(x)
        return [y, own.backward(dy), *own.grads.values()], len(asked)

    with module.rt.settings(backend="numpy"):
        expected, _ = results(0)
    with module.rt.settings(backend="compiled"):
        _, number = results(0)
        assert number > 4
        for refused in range(1, number + 1):
            for found, one in zip(results(refused)[0], expected, strict=True):
                np.testing.assert_allclose(found, one, rtol=0, atol=1e-11)


def test_what_nobody_reads_elsewhere_is_no_array() -> None:
    """Of a softmax nothing is stored but the result; NumPy's way makes the others."""
    planned = plan(layer_kernels("softmax")[0])
    (ways,) = (r for r in planned.records if isinstance(r, Compiled))
    assert [r.name for _, r in walk(planned.records) if isinstance(r, Allocate)] == ["y"]
    (nest,) = ways.then
    assert isinstance(nest, Nest)
    assert (nest.local, nest.written) == (("m", "h", "z"), ("y",))


def test_what_is_added_where_it_is_read_is_made_before() -> None:
    """tanh(b) is an array of its own; u is no array where relu reads it."""
    text = "u[n,c] = sum(k) x[n,k]*w[k,c] + tanh(b[c]); y[n,c] = relu(u[n,c]); weight w, b"
    module = compile_layer(layer(text, name="own"))
    x, w = arrays((30, 9), 1, np.float64)[0], arrays((9, 21), 1, np.float64)[0]
    b = np.linspace(-1, 1, 21)
    for backend in ("numpy", "compiled"):
        with module.rt.settings(backend=backend):
            np.testing.assert_allclose(module.own_forward(x, w, b), np.maximum(x @ w + np.tanh(b), 0), atol=1e-12)


def test_what_statements_have_in_common_is_computed_once() -> None:
    """The weights of attention read the exponentials, whose sum goes along what the mask leaves of them."""
    planned = plan(layer_kernels("scaled_dot_product_attention")[0])
    (nest,) = (r for _, r in walk(planned.records) if isinstance(r, Nest))
    members = {m.target: m for m in nest.members if not m.adds}
    assert [name for name, m in members.items() if m.body.has(exp)] == ["h"]
    assert members["z"].brackets == members["h"].brackets == members["p"].brackets != ()


@pytest.mark.parametrize("shape", [(0,), (3, 5), (64, 129), (1 << 15,)])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.float64])
def test_a_large_array_begins_on_a_border_of_a_line(shape: tuple[int, ...], dtype: Any) -> None:
    made = runtime.empty(shape, dtype)
    assert (made.shape, made.dtype) == (shape, np.dtype(dtype))
    assert made.flags.c_contiguous
    assert made.flags.writeable
    assert made.nbytes < 1 << 14 or made.ctypes.data % 64 == 0
