"""Functions of C compute what the interpreter does: the catalogue and equations of one's own, odd sizes, NaN, ties."""

import ctypes
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.codegen.tool.verify.calls import difference, given
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from gradscribe.derive.layer.sampling import sample_sizes
from tests.cases.random_programs import random_case
from tests.cases.recurrences import TEXTS
from tests.cases.thorough import draws, some
from tests.codegen.loops.product.calling_c import COMPILER, TRAPS, Called, Sizes, compiled

pytestmark = pytest.mark.skipif(not COMPILER, reason="no compiler of C")

OWN = {
    "turned": "input x[M]\ni < M\ny[i] = x[M - 1 - i]",
    "max_plus": "y[n,i] = max(r) (x[n, 2*i + r - 1] + w[r])",
    "fewest": "y[n] = min(c) [x[n,c] > 0] x[n,c]",
    "scattered": "y[n, 2*i + a] = x[n,i] * w[a]",
    "gated": "y[n,i,k] = sum(r,c) x[n,i+r,c] * w[r,c,k] * sigmoid(v[n,i])",
    "bilinear_form": "y[n] = sum(i,j) x[n,i] * a[i,j] * x[n,j]",
    "log_sum": "y[n] = log(sum(k) exp(x[n,k]))",
    "shares": "input x[N,K]\ny[n,k] = x[n,k] / (K*N) + k / K * x[n,k] + exp(k / 3) * x[n, K - 1 - k]",
    "powers": "y[n] = abs(x[n])^0.5 + x[n]^3 / (1 + x[n]^2)^1.5 + x[n]^(-2)",
    "read": "input w[V,K], t[N]\ninteger t\ny[n,k] = w[t[n], k]",
    "read_before": "input x[N,K], t[N,S]\ninteger t\nu < S + 1\ny[n,u] = x[n, t[n,u-1]]",
    "either": "y[n] = max(k) [k == 0 or x[n,k] > 0 and not x[n,k] > z[n]] (x[n,k] * w[k])",
    "apart": "y[n,k] = [not (x[n,k] > 0 or z[k] < x[n,k]) and k != K//2] * x[n,k]^2",
    "thirds": "y[n,a,i] = x[n, C//3*a + i]\na < 3\ni < C//3\ninput x[N,C]",
    "shares_of_two": "y[n,k] = softmax(x[n,k] + z[k], k)",
    "sampled": "y[n,i,c] = x[n, lerp(p[n,i], zero), lerp(q[n,i], symmetric), c]",
    "rounded": "integer f\nf[n] = round(p[n]) + 1\ny[n,c] = x[f[n], c] + ceil(z[n,c]) * z[n,c]\noutput y, f",
    "prefix": "input x[N,M]\ni < M\ny[n,i] = sum(j) [j <= i] x[n,j]",
    "straight_through": "y[n,k] = sum(c) (x[n,c] + constant([x[n,c] > 0] - x[n,c])) * w[c,k] / constant(1 + w[c,k]^2)",
    "spiking": "define spike(v) = [v > 0]; derivative of spike(v) is 1/(1+abs(v))^2\n"
    "s[n,k] = spike(sum(c) x[n,c]*w[c,k]) * v[k]",
    "spectrum": "complex w; z[n,f] = sum(i) x[n,i] * exp(complex(0, -2*pi*f*i/I)); u[n,f] = z[n,f] * w[f]\n"
    "input x[N,I], w[F]",
    "inverses": "y[n] = asinh(x[n]) + acosh(2 + x[n]^2) + atanh(tanh(x[n])/2) + asin(tanh(x[n])) + tan(acos(x[n]/9))",
    "products": "y[n] = b[n] * prod(i,j) [x[n,i,j] > -1] x[n,i,j] * w[j]",
    "running": "y[n,i] = v[n,i] * (prod(j) [j < i] x[n,j]) * prod(j) [j >= i] (1 - x[n,j])",
    "shifted": "i < J + 2\ny[n,i] = prod(j) [j < i - 1] [x[n,j] > -1] (x[n,j] + b[j])\ninput x[N,J]",
    "from_there": "i < J\ny[i,n] = v[i,n] * prod(j) [j >= i + 1] x[j,n]\ninput x[J,N]",
    "all_but": "y[n] = sum(i) v[n,i] * prod(j) [j != i] x[n,j]",
    "radiance": "y[n,c] = sum(i) (prod(j) [j < i] (1 - a[n,j])) * a[n,i] * s[n,i,c]",
    "nearest": "d[n,k] = sum(c) (x[n,c] - e[k,c])^2\nt[n] = argmin(k) d[n,k]\ny[n,c] = e[t[n],c]\noutput y, t",
    "weighted_mean": "y = sum(n,k) x[n,k] * w[k] / N\ninput x[N,K], w[K]",
    **{name: text for name, text in TEXTS.items() if name != "greedy"},  # its positions are no outputs
}
"""Equations of one's own."""
NAMES = [*some([*LAYERS, *OPTIMISERS], 3, 3), *some(OWN, 5)]
FIXED = ("conv2d", "max_pool2d", "cross_entropy", "lstm_cell", "batch_norm")
FLOATS = some(FIXED, 1)


def item(name: str) -> Any:
    """A layer or an optimiser."""
    return gradscribe.layer(OWN[name], name) if name in OWN else find_any(name)


class Compiled(dict[str, Called]):
    """Libraries by name of the layer, each compiled when it is asked for: no worker compiles all of them."""

    def __init__(self, folder: Path, dtype: type, *flags: str) -> None:
        super().__init__()
        self.folder, self.dtype, self.flags = folder, dtype, flags

    def __missing__(self, name: str) -> Called:
        found, folder = item(name), self.folder / name
        folder.mkdir()
        self[name] = Called(found, compiled([found], folder, *self.flags), self.dtype)
        return self[name]


@pytest.fixture(scope="module")
def doubles(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return Compiled(tmp_path_factory.mktemp("doubles"), np.float64, "-O0", "-DREAL=double", *TRAPS)


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return Compiled(tmp_path_factory.mktemp("floats"), np.float32, "-O1")


def compare(c: Called, sizes: Sizes, values: dict[str, np.ndarray], most: float) -> None:
    """Every function with the interpreter, from the same arrays."""
    known = complete_sizes(c.layer.program, sizes)
    for kernel in c.kernels:
        arrays = {t.name: values[t.name] for t in kernel.arguments if t.name in values}
        expected = interpret(kernel.program, arrays, known)
        gap = difference(c.results(kernel, arrays, sizes), [expected[name] for name in kernel.results])
        assert gap <= most, (kernel.name, gap, sizes)


def drawn(c: Called, seed: int, tied: bool, **fixed: int) -> tuple[Sizes, dict[str, np.ndarray]]:
    """Random sizes and arrays."""
    rng = np.random.default_rng(seed)
    symbols = {s.name: s for s in c.layer.program.symbols()}
    sizes = sample_sizes(c.layer, rng, fixed={symbols[k]: v for k, v in fixed.items()}, limit=20_000)
    return sizes, given(differentiate(c.layer.program), sizes, rng, tied)


@pytest.mark.parametrize("name", NAMES)
def test_they_compute_what_the_interpreter_does(name: str, doubles: Compiled) -> None:
    for seed in range(draws(2, 8)):
        compare(doubles[name], *drawn(doubles[name], seed, seed % 2 == 1), 1e-9)


@pytest.mark.parametrize("name", FLOATS)
def test_floats_are_the_default(name: str, floats: Compiled) -> None:
    compare(floats[name], *drawn(floats[name], 3, False), 2e-5)


WINDOWS: tuple[dict[str, int], ...] = (
    {"R": 3, "T": 2, "s_h": 4, "s_w": 3, "p_h": 1, "p_w": 0},  # strides beyond the kernel
    {"R": 4, "T": 4, "s_h": 2, "s_w": 3, "p_h": 2, "p_w": 1},
    {"R": 2, "T": 3, "d_h": 3, "d_w": 2, "H": 9, "W": 7},
    {"H": 1, "W": 1, "R": 1, "T": 1, "p_h": 0, "p_w": 0},
)


@pytest.mark.parametrize("name", ["conv2d", "max_pool2d"])
@pytest.mark.parametrize("fixed", WINDOWS)
def test_windows(name: str, fixed: dict[str, int], doubles: Compiled) -> None:
    compare(doubles[name], *drawn(doubles[name], 5, True, **fixed), 1e-9)


@pytest.mark.parametrize("name", FIXED)
def test_an_empty_batch(name: str, doubles: Compiled) -> None:
    c = doubles[name]
    sizes, _ = drawn(c, 1, False)
    sizes = complete_sizes(c.layer.program, {**sizes, c.layer.program.inputs[0].shape[0]: 0})
    tensors = {t.name: t for kernel in c.kernels for t in kernel.arguments}
    values = {n: np.zeros(shape_of(t.shape, sizes), int if t.integer else float) for n, t in tensors.items()}
    for kernel in c.kernels:
        arrays = {t.name: values[t.name] for t in kernel.arguments}
        found = c.results(kernel, arrays, sizes)
        expected = interpret(kernel.program, arrays, sizes)
        assert difference(found, [expected[n] for n in kernel.results]) == 0


def test_slopes_of_a_mean_of_nothing_are_0(doubles: Compiled) -> None:
    c = doubles["weighted_mean"]
    sizes, values = drawn(c, 1, False, N=0)
    for kernel in c.kernels[1:]:
        (slope,) = c.results(kernel, {t.name: values[t.name] for t in kernel.arguments}, sizes)
        assert not np.any(slope), kernel.name


@pytest.mark.parametrize("name", ["sampled", "rounded"])
def test_a_position_that_is_none_reads_nothing(name: str, doubles: Compiled) -> None:
    """NaN, infinities and numbers that no integer type holds: the compiler's traps would end the process."""
    c = doubles[name]
    sizes, values = drawn(c, 4, False, N=7)
    awkward = [np.nan, np.inf, -np.inf, 1e300, -1e30, 2.0**53, -0.0]
    for p in {"p", "q"} & set(values):
        values[p][:, ...] = np.reshape(awkward, (7, *[1] * (values[p].ndim - 1)))
    with np.errstate(all="ignore"):
        values |= interpret(c.layer.program, values, complete_sizes(c.layer.program, sizes))
        compare(c, sizes, values, 1e-9)


def test_the_first_nan_wins_and_stays(doubles: Compiled) -> None:
    c = doubles["max_pool2d"]
    sizes, values = drawn(c, 2, True, H=6, W=6, R=3, T=3, s_h=1, s_w=1, d_h=1, d_w=1)
    values["x"].flat[::5] = np.nan
    values["x"].flat[1::7] = -np.inf
    kernel = c.kernels[0]
    expected = interpret(kernel.program, {"x": values["x"]}, complete_sizes(c.layer.program, sizes))
    y, argmax = c.results(kernel, {"x": values["x"]}, sizes)
    assert np.array_equal(y, expected["y"], equal_nan=True)
    assert np.array_equal(argmax, expected["argmax"])
    assert np.isnan(y).any()


def test_optional_arrays_may_be_null(doubles: Compiled) -> None:
    for name in ("conv2d", "cross_entropy", "lstm_cell"):
        c = doubles[name]
        sizes, values = drawn(c, 4, False)
        left = {t.name for t in c.layer.program.inputs if t.optional}
        assert left
        values = given_without(c, sizes, values, left)
        for kernel in c.kernels:
            arrays = {t.name: values[t.name] for t in kernel.arguments if t.name in values}
            expected = interpret(kernel.program, arrays, complete_sizes(c.layer.program, sizes))
            found = c.results(kernel, arrays, sizes)
            absent = {r for w, r in zip(kernel.wrt, kernel.results, strict=False) if w in left and kernel.flag}
            pairs = [(f, expected[r]) for f, r in zip(found, kernel.results, strict=True) if r not in absent]
            assert difference(*zip(*pairs, strict=True)) <= 1e-9, kernel.name


def given_without(c: Called, sizes: Sizes, values: dict[str, np.ndarray], left: set[str]) -> dict[str, np.ndarray]:
    """The same with what the forward pass makes where these inputs are absent."""
    program = c.layer.program
    inputs = {t.name: values[t.name] for t in program.inputs if t.name not in left}
    computed = interpret(program, inputs, sizes)
    return {name: computed.get(name, value) for name, value in values.items() if name not in left}


def test_only_the_gradients_of_weights(doubles: Compiled) -> None:
    c = doubles["lstm_cell"]
    kernel = next(k for k in c.kernels if k.flag)
    sizes, values = drawn(c, 6, False)
    arrays = {t.name: values[t.name] for t in kernel.arguments}
    _, every = c.call(kernel, arrays, sizes)
    _, some_ = c.call(kernel, arrays, sizes, inputs=0)
    for name, wanted, found in zip(kernel.wrt, every, some_, strict=True):
        assert np.array_equal(wanted, found) if name in c.layer.weights else np.isnan(found).all()


# ----- what does not fit ----------------------------------------------------------------------------------------------
def faults() -> Iterator[tuple[str, dict[str, Any], int]]:
    """A layer, what is wrong, what is returned."""
    yield "conv2d", {}, 0
    yield "conv2d", {"N": -1}, 1
    yield "conv2d", {"N": 2**31}, 1
    yield "conv2d", {"N": 2**31 - 1, "H": 2**31 - 1, "W": 2**31 - 1}, 1
    yield "conv2d", {"s_h": 0}, 2
    yield "conv2d", {"p_w_end": -1}, 2
    yield "conv2d", {"R": 9, "H": 3, "p_h": 0, "p_h_end": 0}, 3
    yield "batch_norm", {"epsilon": np.nan}, 2
    yield "batch_norm", {"epsilon": np.inf}, 2
    yield "max_pool2d", {"p_h": 2, "R": 2, "d_h": 1}, 4


@pytest.mark.parametrize(("name", "wrong", "fault"), [*faults()])
def test_what_does_not_fit_is_told(name: str, wrong: dict[str, Any], fault: int, doubles: Compiled) -> None:
    c = doubles[name]
    sizes, values = drawn(c, 0, False, **({"H": 5, "W": 5} if "H" in str(c.layer.program.symbols()) else {}))
    symbols = {s.name: s for s in c.layer.program.symbols() | {f.symbol for f in c.settings.fields}}
    bad = {**sizes, **{symbols[k]: v for k, v in wrong.items()}}
    assert c.number("check", bad) == fault
    kernel = c.kernels[0]
    if fault:
        assert getattr(c.library, kernel.name)(ctypes.byref(c.given(bad)), *[None] * 12) == fault
    else:
        compare(c, sizes, values, 1e-9)


def test_sizes_that_follow(doubles: Compiled) -> None:
    c = doubles["conv2d"]
    sizes, _ = drawn(c, 0, False)
    known = complete_sizes(c.layer.program, sizes)
    for symbol, _ in c.layer.program.sizes:
        assert c.number(symbol.name, sizes) == known[symbol]
        zero = {**sizes, **dict.fromkeys((f.symbol for f in c.settings.fields), 0)}
        assert c.number(symbol.name, zero) == -1


@pytest.mark.parametrize("wrong", [-1, 4, 2**62, -(2**63)])
@pytest.mark.parametrize("name", ["read", "cross_entropy"])
def test_a_label_that_is_no_position_is_refused(name: str, wrong: int, doubles: Compiled) -> None:
    c = doubles[name]
    fixed = {"V": 4} if name == "read" else {"K": 4}
    sizes, values = drawn(c, 1, False, **fixed)
    arrays = {t.name: values[t.name].copy() for t in c.kernels[0].arguments}
    c.results(c.kernels[0], arrays, sizes)
    arrays["t"].flat[0] = wrong
    fault, found = c.call(c.kernels[0], arrays, sizes)
    assert fault == 5
    assert all(np.isnan(f).all() for f in found)


# ----- random programs ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", some(range(60), 1, 9))
def test_random_programs(seed: int, tmp_path: Path) -> None:
    """Accesses that leave their arrays, targets that are scattered, extrema of nothing; see `tests.cases`."""
    case, rng = random_case(seed), np.random.default_rng(seed)
    layer = replace(case.layer, name=f"random_{seed}")
    called = Called(layer, compiled([layer], tmp_path, "-O0", "-DREAL=double", *TRAPS))
    values = interpret(layer.program, case.values, case.sizes)
    seeds = differentiate(layer.program).seeds
    values |= {made.name: rng.normal(size=values[output].shape) for output, made in seeds.items()}
    compare(called, case.sizes, values, 1e-8)
