"""Brackets in a maximum or minimum exclude: an excluded element never wins, whatever stands beside it."""

from collections.abc import Callable

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.ir.functions import admitted
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.equations import program, to_sympy
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes
from gradscribe.derive.typeset.writers import markdown
from gradscribe.derive.typeset.writers.latex import latex_writer
from tests.cases.agreement import Array, assert_kernels_agree, shapes
from tests.cases.finite_differences import compare_slopes, weighted_sum
from tests.cases.thorough import some
from tests.codegen.numpy.test_fuzz import sympy_inputs

SEGMENTS = "integer t\nv < V\nm[v] = max(e) [t[e] == v] x[e]"
MASK = "integer a\nm[n] = max(j) [a[n,j] == 1] x[n,j]"
EXCLUDING = (
    SEGMENTS,
    "integer t\nv < V\nm[v,k] = min(e) [t[e] == v] * x[e,k]",
    MASK,
    "integer a\nm[n] = max(j) [a[n,j] == 1] [j <= n] x[n,j]",
    "m[n] = max(j) (-([x[n,j] > 0] * 2 * x[n,j]))",
    "m[n] = min(j) [j != n] x[n,j]",
    "m = max(i,j) [i != j] x[i,j]",
    "m[n] = max(j) [x[n,j] > z[j]] exp(b[j]) * x[n,j]",
    "input x[N,L], a[N,I]\np = 1\nr < 3\nm[n,i] = max(r) [0 <= i + r - p < L, a[n,i] > 0] x[n, i + r - p]",
    "input x[N,L]\np = 1\nm[n,i] = max(r) [w[r] > 0] x[n, i + r - p]",
    "m[n] = 2 * max(j) [x[n,j] > 0] x[n,j] + b[n]",
    "integer t\nm[n] = max(j) [t[j] == t[n], t[j] != 2] x[n,j]",
    "m[n] = max(j) [b[n] > 0] x[n,j]",
    "m[n] = max(j,k) [b[j] > 0] x[n,k]",
    "m[n] = max(j) [w[j] > 0] b[n]",
    "integer t\ninput x[N,J], w[3]\nm[n] = max(j) [w[t[j]] > 0] x[n,j]",
    "q[n,j] = x[n,j]^2\nm[n] = max(j) [x[n,j] > 0] q[n,j]",
)
DATA: dict[str, Callable[[Array, np.random.Generator], Array]] = {
    "normal": lambda x, rng: x,
    "very negative": lambda x, rng: -1000 * np.abs(x),
    "tied": lambda x, rng: np.round(x),
    "infinite": lambda x, rng: np.where(rng.random(x.shape) < 0.5, -np.inf, x),
    "NaN": lambda x, rng: np.where(rng.random(x.shape) < 0.3, np.nan, x),
}


def drawn(layer: Layer, kind: str, rng: np.random.Generator) -> tuple[dict[object, int], dict[str, Array]]:
    """Sizes, some of which may be 0, and values of that kind."""
    sizes = sample_sizes(layer, rng)
    if kind == "empty":
        sizes |= {s: 0 for s in sizes if s.name in "EJKN" and rng.random() < 0.5}
    alter = DATA.get(kind, DATA["normal"])
    labels = max(1, min(3, sizes.get(integer("V"), 3)))
    values = {
        t.name: rng.integers(0, labels, shape) if t.integer else np.asarray(alter(rng.normal(size=shape), rng))
        for t, shape in zip(layer.program.inputs, shapes(layer, sizes).values(), strict=True)
    }
    return sizes, values


@pytest.mark.parametrize("ties", ["first", "split"])
@pytest.mark.parametrize("text", some(EXCLUDING, 4))
def test_kernels_equal_the_interpreter(text: str, ties: str) -> None:
    layer = gradscribe.layer(text).with_ties(ties)
    assert any(s.term.body.has(admitted) for s in layer.program.statements)
    for seed, kind in enumerate((*DATA, "empty")):
        rng = np.random.default_rng(seed)
        assert_kernels_agree(layer, *drawn(layer, kind, rng), rng)


@pytest.mark.parametrize("ties", ["first", "split"])
@pytest.mark.parametrize("text", some(EXCLUDING, 4))
def test_gradients_equal_finite_differences(text: str, ties: str) -> None:
    layer, rng = gradscribe.layer(text).with_ties(ties), np.random.default_rng(7)
    sizes, values = drawn(layer, "normal", rng)
    forward, gradient = interpret(layer.program, values, sizes), differentiate(layer.program)
    seeds = {s.name: rng.normal(size=forward[o].shape) for o, s in gradient.seeds.items()}
    found = interpret(gradient.program, {**forward, **seeds}, sizes)
    slopes = {a.tensor.name: found[a.gradient.name] for a in gradient.adjoints if a.tensor.name in values}
    function = weighted_sum(layer.program, {o: seeds[s.name] for o, s in gradient.seeds.items()}, sizes)
    real = {name: v for name, v in slopes.items() if name in layer.differentiable}
    assert compare_slopes(function, values, real, rng).compared


@pytest.mark.parametrize("text", EXCLUDING)
def test_sympy_and_back_keeps_the_value(text: str) -> None:
    layer, rng = gradscribe.layer(text), np.random.default_rng(3)
    sizes, values = drawn(layer, "normal", rng)
    source = layer.program
    integers = " ".join(t.name for t in source.inputs if t.integer)
    again = program(*to_sympy(source), inputs=sympy_inputs(source), integers=integers, sizes=dict(source.sizes))
    name = source.outputs[0]
    np.testing.assert_array_equal(interpret(again, values, sizes)[name], interpret(source, values, sizes)[name])


def forward(text: str, *arrays: Array, **options: int) -> tuple[Array, ...]:
    found = gradscribe.layer(text, "tried").compile().tried_forward(*arrays, **options)
    return found if isinstance(found, tuple) else (found,)


def test_an_excluded_element_never_wins() -> None:
    inf, nan = np.inf, np.nan
    x = np.array([[5.0, -1000.0], [5.0, -inf], [nan, -inf], [-inf, nan], [nan, nan], [5.0, 5.0]])
    a = np.array([[0, 1], [0, 1], [0, 1], [1, 0], [0, 1], [0, 0]])
    value, position = forward(MASK, x, a)
    np.testing.assert_array_equal(value, [-1000, -inf, -inf, -inf, nan, -inf])
    np.testing.assert_array_equal(position, [1, 1, 1, 0, 1, -1])
    lowest, position = forward(MASK.replace("max", "min"), -x, a)
    np.testing.assert_array_equal(lowest, [1000, inf, inf, inf, nan, inf])
    np.testing.assert_array_equal(position, [1, 1, 1, 0, 1, -1])


def test_brackets_within_a_sum_and_alone_are_values() -> None:
    x, z = np.array([-3.0, -1.0, -2.0]), np.array([-9.0, -9.0, -9.0])
    assert forward("m = max(j) (x[j] + [j > 0] * z[j])", x, z)[0] == -3
    x = np.array([[-1.0, -2.0], [1.0, -2.0], [1.0, 2.0]])
    np.testing.assert_array_equal(forward("m[n] = max(j) [x[n,j] > 0]", x)[0], [0, 1, 1])
    np.testing.assert_array_equal(forward("m[n] = min(j) 2 * [x[n,j] > 0]", x)[0], [0, 0, 2])
    np.testing.assert_array_equal(forward("m[n] = b[n] * max(j) [j > 0] * (-[j < J])", x[:, 0], J=2)[0], [0, 0, 0])
    np.testing.assert_array_equal(forward("z[n,j] = [x[n,j] < 0] * x[n,j]\nm[n] = max(j) z[n,j]", x)[0], [-1, 0, 0])


@pytest.mark.parametrize("bracket", ["[j <= n]", "[0 <= n - j < 2]", "[x[n,j] > 0]"])
def test_a_minus_in_parentheses_is_a_factor_like_others(bracket: str) -> None:
    programs = [
        gradscribe.layer(f"m[n] = max(j) {bracket} {value}").program for value in ("(-x[n,j])", "x[n,j] * (-1)")
    ]
    assert programs[0] == programs[1]
    x = np.array([[1.0, -3.0], [2.0, 4.0]])
    np.testing.assert_array_equal(forward(f"m[n] = max(j) {bracket} (-x[n,j])", x)[0], [-1, -2])


def test_the_derivation_says_what_is_excluded() -> None:
    derivation = gradscribe.layer(MASK).derivation()
    assert "m[n] = max_{j} x[n,j]   over a[n,j]=1" in str(derivation)
    for printed in (latex_writer.render(derivation), markdown.render(derivation)):
        assert r"\text{over }a_{n,j}=1" in printed


@pytest.mark.oracle
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("ties", ["first", "split"])
def test_a_padding_mask_is_that_of_pytorch(ties: str, order: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x, a = np.round(rng.normal(size=(40, 6))) - 3, rng.integers(0, 2, (40, 6))
    a[3], a[:, 0] = 0, np.maximum(a[:, 0], np.arange(40) != 3)
    module = gradscribe.layer(f"{MASK}\ny[n] = [m[n] > -99] * m[n]^2", "tried").with_ties(ties).compile(order)
    y, *kept = module.tried_forward(x, a)
    tensor = torch.tensor(x, requires_grad=True)
    masked = tensor.masked_fill(torch.tensor(a) != 1, -torch.inf)
    best = masked.amax(1) if ties == "split" else masked.gather(1, masked.argmax(1, keepdim=True))[:, 0]
    expected = torch.where(best.isinf(), torch.zeros_like(best), best) ** 2
    dy = rng.normal(size=40)
    (slope,) = torch.autograd.grad(expected, tensor, torch.tensor(dy), create_graph=True)
    np.testing.assert_allclose(y, expected.detach(), 1e-12)
    loop = module.Tried()
    np.testing.assert_allclose(loop(x, a), y)
    dx = loop.backward(dy)
    np.testing.assert_allclose(dx, slope.detach(), 1e-12, 1e-12)
    assert kept


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["amax", "amin"])
def test_segments_are_those_of_scatter_reduce(name: str) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(6)
    x, t = np.round(2 * rng.normal(size=300)) - 5, rng.integers(0, 20, 300)
    t[t == 7] = 8  # an empty segment
    layer = gradscribe.layer(SEGMENTS.replace("max", name[1:]), "segments").with_ties("split")
    found = layer.compile().Segments(V=20)
    empty = -np.inf if name == "amax" else np.inf
    tensor = torch.tensor(x, requires_grad=True)
    start = torch.full((20,), empty, dtype=torch.float64)
    expected = start.scatter_reduce(0, torch.tensor(t), tensor, name, include_self=False)
    dy = rng.normal(size=20)
    np.testing.assert_array_equal(found(x, t), expected.detach())
    expected.backward(torch.tensor(np.where(np.isfinite(expected.detach().numpy()), dy, 0)))
    np.testing.assert_allclose(found.backward(dy), tensor.grad, 1e-12)
