"""Layers with several outputs, and with inputs that may be absent."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Expr, Idx, IndexedBase, Sum, Symbol, exp, sqrt, tanh

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.functions import equal, sigmoid
from gradscribe.derive.ir.index import integers
from gradscribe.derive.layer.equations import Maximum, program
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.typeset.writers.text.text_writer import render

Array = np.ndarray
N, C, H, T, K, R, L, M = integers("N C H T K R L M")
n, c, j, g, k = Idx("n", N), Idx("c", C), Idx("j", H), Idx("g", H), Idx("k", K)
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def tensor(name: str, *shape: Expr) -> IndexedBase:
    return IndexedBase(name, shape=shape, real=True)


# ----- the layers -----------------------------------------------------------------------------------------------------
GATES = "ifoz"


def lstm_cell() -> Layer:
    """Two outputs, one of which the other reads."""
    x, h0, c0, h, s = tensor("x", N, C), tensor("h0", N, H), tensor("c0", N, H), tensor("h", N, H), tensor("s", N, H)
    w = {gate: tensor(f"w_{gate}", C, H) for gate in GATES}
    r = {gate: tensor(f"r_{gate}", H, H) for gate in GATES}
    b = {gate: tensor(f"b_{gate}", H) for gate in GATES}
    gates = {gate: tensor(gate, N, H) for gate in GATES}
    equations = []
    for gate in GATES:
        total = Sum(x[n, c] * w[gate][c, j], c) + Sum(h0[n, g] * r[gate][g, j], g) + b[gate][j]
        equations.append(Eq(gates[gate][n, j], tanh(total) if gate == "z" else sigmoid(total)))
    i, f, o, z = (gates[gate][n, j] for gate in GATES)
    equations += [Eq(s[n, j], f * c0[n, j] + i * z), Eq(h[n, j], o * tanh(s[n, j]))]
    weights = [kind[gate] for gate in GATES for kind in (w, r, b)]
    return Layer(
        "lstm_cell",
        "LSTMCell",
        "cell of a long short-term memory",
        program(*equations, inputs=(x, h0, c0, *weights), outputs=(h, s)),
        weights=tuple(str(base.label) for base in weights),
        features=(("input_size", C), ("hidden_size", H)),
    )


def attention() -> Layer:
    """Scaled scores with an additive mask that may be absent; the distribution is an output of its own."""
    t, v = Idx("t", T), Idx("v", K)
    q, keys, mask = tensor("q", T, C), tensor("keys", K, C), tensor("mask", T, K)
    s, m, h, z, p = tensor("s", T, K), tensor("m", T), tensor("h", T, K), tensor("z", T), tensor("p", T, K)
    y = tensor("y", T, C)
    equations = (
        Eq(s[t, v], Sum(q[t, c] * keys[v, c], c) / sqrt(C) + mask[t, v]),
        Eq(m[t], Maximum(s[t, v], v)),
        Eq(h[t, v], exp(s[t, v] - m[t])),
        Eq(z[t], Sum(h[t, v], v)),
        Eq(p[t, v], h[t, v] / z[t]),
        Eq(y[t, c], Sum(p[t, v] * keys[v, c], v)),
    )
    source = program(*equations, inputs=(q, keys, mask), outputs=(y, p), optional="mask", constants="m")
    return Layer("attention", "Attention", "attention", source)


def gated() -> Layer:
    """Absent arrays that are not factors: 0 has to be put in their place, in a product of two as well."""
    x, shift, scale, y = tensor("x", N, C), tensor("shift", N, C), tensor("scale", C), tensor("y", N, C)
    equation = Eq(y[n, c], tanh(x[n, c] + shift[n, c]) * exp(scale[c]) + scale[c] * shift[n, c])
    return Layer("gated", "Gated", "gate", program(equation, inputs=(x, shift, scale), optional="shift scale"))


def classified() -> Layer:
    """A loss with labels; the best class's score and its place come out beside it."""
    x, t, m, best = tensor("x", N, K), tensor("t", N), tensor("m", N), tensor("best", N)
    y = Symbol("y")
    source = program(
        Eq(m[n], Maximum(x[n, k], k)),
        Eq(best[n], Maximum(x[n, k], k)),
        Eq(y, -Sum(equal(k, t[n]) * x[n, k], n, k)),
        inputs=(x, t),
        outputs=(y, m, best, tensor("place", N)),
        integers="t",
        constants="m",
        arguments={"best": "place"},
    )
    return Layer("classified", "Classified", "classes", source)


def copies() -> Layer:
    """Outputs that are copies of each other and of an input; one of them is added to later."""
    x, w, y, a, z = tensor("x", N, C), tensor("w", C, C), tensor("y", N, C), tensor("a", N, C), tensor("z", N, C)
    d = Idx("d", C)
    equations = (
        Eq(a[n, c], 2 * x[n, c]),
        Eq(y[n, c], a[n, c]),
        Eq(z[n, c], x[n, c]),
        Eq(y[n, c], y[n, c] + Sum(w[c, d] * x[n, d], d)),
    )
    return Layer("copies", "Copies", "copies", program(*equations, inputs=(x, w), outputs=(y, a, z)), weights=("w",))


LAYERS = (lstm_cell, attention, gated, classified, copies)


@cache
def module(build: Callable[[], Layer]) -> Any:
    return compile_layer(build())


def arrays(dtype: Any, *shapes: tuple[int, ...]) -> list[Array]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def slope(energy: Callable[[list[Array]], float], values: list[Array], which: int) -> Array:
    """Central differences of `energy` by the entries of ``values[which]``."""
    found = np.zeros_like(values[which])
    for place in np.ndindex(found.shape):
        ends = []
        for step in (1e-5, -1e-5):
            moved = [v.copy() for v in values]
            moved[which][place] += step
            ends.append(energy(moved))
        found[place] = (ends[0] - ends[1]) / 2e-5
    return found


# ----- several outputs ------------------------------------------------------------------------------------------------
def lstm_by_hand(x: Array, h0: Array, c0: Array, params: Mapping[str, Array]) -> tuple[Array, Array]:
    i, f, o, z = (x @ params[f"w_{gate}"] + h0 @ params[f"r_{gate}"] + params[f"b_{gate}"] for gate in GATES)
    i, f, o = (1 / (1 + np.exp(-v)) for v in (i, f, o))
    s = f * c0 + i * np.tanh(z)
    return o * np.tanh(s), s


@DTYPES
@pytest.mark.parametrize("batch", [3, 1, 0])
def test_a_cell_with_two_outputs(batch: int, dtype: Any) -> None:
    x, h0, c0, dh, ds = arrays(dtype, (batch, 3), (batch, 2), (batch, 2), (batch, 2), (batch, 2))
    cell = module(lstm_cell).LSTMCell(3, 2, dtype=dtype, rng=1)
    params = {name: value.astype(np.float64) for name, value in cell.params.items()}
    found = cell(x, h0, c0)
    assert isinstance(found, tuple)
    for value, expected in zip(found, lstm_by_hand(x, h0, c0, params), strict=True):
        assert value.dtype == dtype
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)

    def energy(values: list[Array]) -> float:
        h, s = lstm_by_hand(values[0], values[1], values[2], dict(zip(params, values[3:], strict=True)))
        return float((dh * h).sum() + (ds * s).sum())

    at = [*(v.astype(np.float64) for v in (x, h0, c0)), *params.values()]
    gradients = cell.backward(dh, ds)
    assert len(gradients) == 3
    assert set(cell.grads) == set(params)
    for which, gradient in enumerate([*gradients, *(cell.grads[name] for name in params)]):
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, slope(energy, at, which), rtol=1e-4, atol=2e-6)


def test_a_cell_is_run_through_time() -> None:
    """Backward through two steps: the gradients of the second call's state are those given to the first."""
    x, h0, c0, dh = arrays(np.float64, (2, 3, 3), (3, 2), (3, 2), (3, 2))
    first, second = (module(lstm_cell).LSTMCell(3, 2, dtype=np.float64, rng=1) for _ in range(2))
    second(x[1], *first(x[0], h0, c0))
    _, dstate, dcell = second.backward(dh, np.zeros((3, 2)))
    dx, _, _ = first.backward(dstate, dcell)

    def energy(values: list[Array]) -> float:
        h, s = lstm_by_hand(values[0], values[1], values[2], first.params)
        return float((dh * lstm_by_hand(x[1], h, s, first.params)[0]).sum())

    np.testing.assert_allclose(dx, slope(energy, [x[0], h0, c0], 0), rtol=1e-6, atol=1e-8)


def test_signatures_and_results_of_a_cell() -> None:
    found = module(lstm_cell)
    forward, *gradients = kernels(lstm_cell())
    assert forward.results[:2] == ("h", "s")
    assert len(set(forward.results)) == len(forward.results)
    assert all(list(inspect.signature(getattr(found, k.name)).parameters)[:2] == ["dh", "ds"] for k in gradients)
    assert list(inspect.signature(found.LSTMCell.__call__).parameters) == ["self", "x", "h0", "c0"]
    assert list(inspect.signature(found.LSTMCell.backward).parameters) == ["self", "dh", "ds"]
    assert found.LSTMCell.__call__.__doc__ == "The outputs h and s for x, h0 and c0."
    text = found.lstm_cell_grad_input.__doc__
    assert "dh: shape (N, H), dE/dh." in text
    assert "ds: shape (N, H), dE/ds." in text


def test_outputs_share_no_memory() -> None:
    x, w = arrays(np.float64, (2, 3), (3, 3))
    y, a, z = module(copies).copies_forward(x, w)
    np.testing.assert_allclose(y, 2 * x + x @ w.T)
    np.testing.assert_array_equal(a, 2 * x)
    np.testing.assert_array_equal(z, x)
    assert not any(np.shares_memory(p, q) for p, q in pairwise((x, y, a, z, x)))


def test_outputs_of_integers_and_constants_have_no_gradient() -> None:
    x, dbest = arrays(np.float64, (3, 4), (3,))
    labels = np.array([1, 0, 3])
    layer = module(classified).Classified()
    y, m, best, place = layer(x, labels)
    np.testing.assert_allclose(y, -x[np.arange(3), labels].sum())
    np.testing.assert_array_equal(m, x.max(1))
    np.testing.assert_array_equal(best, x.max(1))
    np.testing.assert_array_equal(place, x.argmax(1))
    assert place.dtype.kind == "i"
    assert list(inspect.signature(layer.backward).parameters) == ["dy", "dbest"]
    expected = np.zeros((3, 4))
    expected[np.arange(3), labels] -= 2.0
    expected[np.arange(3), x.argmax(1)] += dbest
    np.testing.assert_allclose(layer.backward(2.0, dbest), expected)


def test_one_output_with_a_gradient_is_enough_for_the_short_name() -> None:
    x, m, y = tensor("x", N, K), tensor("m", N), tensor("y", N)
    source = program(
        Eq(m[n], Maximum(x[n, k], k)),
        Eq(y[n], Sum(x[n, k], k) - m[n]),
        inputs=(x,),
        outputs=(m, y),
        constants="m",
    )
    assert {o: t.name for o, t in differentiate(source).seeds.items()} == {"y": "dy"}


def test_the_derivation_of_an_output_that_is_read_again_starts_with_its_own_gradient() -> None:
    text = render(derive(lstm_cell(), wrt=["c0"]))
    assert "With dh = ∂E/∂h, the gradient that arrives from above." in text
    assert "ds is the part of ∂E/∂s that arrives from above" in text
    assert "∂E/∂s[n,j] = ds[n,j] + dh[n,j] o[n,j] (1−tanh²(s[n,j]))" in text
    assert "δ⁽ˡ⁾" not in text


def test_a_number_that_is_read_again_is_told_from_what_is_given_for_it() -> None:
    x, y, total = tensor("x", N), tensor("y", N), Symbol("total")
    equations = (Eq(total, Sum(x[n], n)), Eq(y[n], x[n] * total))
    layer = Layer("own", "Own", "own", program(*equations, inputs=(x,), outputs=(total, y)))
    assert "∂E/∂total = dtotal + " in render(derive(layer))
    found: Any = compile_layer(layer)
    values, dy = arrays(np.float64, (3,), (3,))
    own = found.Own()
    np.testing.assert_allclose(own(values)[1], values * values.sum())
    np.testing.assert_allclose(own.backward(2.0, dy), 2 + dy * values.sum() + (dy * values).sum())
    assert [line.checked for line in verify_layer(layer, 1) if not line.passed] == []


# ----- arrays that may be absent --------------------------------------------------------------------------------------
def attention_by_hand(q: Array, keys: Array, mask: Array) -> tuple[Array, Array]:
    h = np.exp(q @ keys.T / np.sqrt(q.shape[1]) + mask)
    p = h / h.sum(1, keepdims=True)
    return p @ keys, p


@DTYPES
@pytest.mark.parametrize("given", [True, False])
def test_a_mask_that_may_be_absent(given: bool, dtype: Any) -> None:
    q, keys, mask, dy, dp = arrays(dtype, (2, 3), (4, 3), (2, 4), (2, 3), (2, 4))
    layer = module(attention).Attention()
    found = layer(q, keys, mask) if given else layer(q, keys)
    values = [v.astype(np.float64) for v in (q, keys, mask if given else np.zeros((2, 4)))]
    for value, expected in zip(found, attention_by_hand(*values), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)

    def energy(values: list[Array]) -> float:
        y, p = attention_by_hand(*values)
        return float((dy * y).sum() + (dp * p).sum())

    gradients = layer.backward(dy, dp)
    assert (gradients[2] is not None) == given
    for which, gradient in enumerate(gradients[: 3 if given else 2]):
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, slope(energy, values, which), rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("given", ["", "shift", "scale", "shift scale"])
def test_an_absent_array_counts_as_zeros_wherever_it_stands(given: str) -> None:
    x, shift, scale, dy = arrays(np.float64, (2, 3), (2, 3), (3,), (2, 3))
    values = {"shift": shift, "scale": scale}
    passed = {name: values[name] if name in given.split() else None for name in values}
    layer = module(gated).Gated()
    shift, scale = (values[name] * (passed[name] is not None) for name in values)
    np.testing.assert_allclose(layer(x, **passed), np.tanh(x + shift) * np.exp(scale) + scale * shift)
    dx, dshift, dscale = layer.backward(dy)
    slopes = dy * (1 - np.tanh(x + shift) ** 2) * np.exp(scale)
    np.testing.assert_allclose(dx, slopes)
    assert (dshift is None) == (passed["shift"] is None)
    assert (dscale is None) == (passed["scale"] is None)
    if dshift is not None:
        np.testing.assert_allclose(dshift, slopes + dy * scale)
    if dscale is not None:
        np.testing.assert_allclose(dscale, (dy * (np.tanh(x + shift) * np.exp(scale) + shift)).sum(0))


def test_an_absent_number_counts_as_zero() -> None:
    x, y, shift = tensor("x", N), tensor("y", N), Symbol("shift")
    source = program(Eq(y[n], exp(x[n] + shift)), inputs=(x, shift), optional="shift")
    found: Any = compile_layer(Layer("shifted", "Shifted", "shifted", source))
    np.testing.assert_allclose(found.shifted_forward(np.ones(2)), np.exp([1.0, 1.0]))
    np.testing.assert_allclose(found.shifted_forward(np.ones(2), 1.0), np.exp([2.0, 2.0]))


@pytest.mark.parametrize(("kind", "other"), [(np.float32, np.float32), (np.float64, np.float64), (np.float32, float)])
def test_numbers_alone_tell_the_type_of_what_is_computed(kind: Any, other: Any) -> None:
    """A Python number, as each of them is once it has been checked, is a float64."""
    a, b = Symbol("a"), Symbol("b")
    source = program(Eq(Symbol("y"), a * b + b), inputs=(a, b))
    found: Any = compile_layer(Layer("numbers", "Numbers", "numbers", source))
    y = found.numbers_forward(kind(0.1), other(0.3))
    assert y.dtype == (np.float32 if kind is other is np.float32 else np.float64)
    np.testing.assert_allclose(y, 0.33, rtol=1e-6)


def test_an_array_that_may_be_absent_has_a_default_where_python_allows_it() -> None:
    call = module(attention).Attention.__call__
    assert str(inspect.signature(call)) == "(self, q: Any, keys: Any, mask: Any = None) -> Any"
    x, mask, y = tensor("x", N), tensor("mask", N), tensor("y", N)
    layer = Layer("own", "Own", "own", program(Eq(y[n], x[n] + mask[n]), inputs=(mask, x), optional="mask"))
    found: Any = compile_layer(layer)
    assert str(inspect.signature(found.Own.__call__)) == "(self, mask: Any, x: Any) -> Any"
    np.testing.assert_array_equal(found.Own()(None, np.ones(2)), np.ones(2))


# ----- all of them ----------------------------------------------------------------------------------------------------
def weighted(**fields: Any) -> Layer:
    """x is mixed by w (K, C, R) and shifted; only features say what C, K and R are called."""
    r = Idx("r", R)
    x, w, b, y = tensor("x", N, C), tensor("w", K, C, R), tensor("b", R), tensor("y", N, K, R)
    equation = Eq(y[n, k, r], Sum(x[n, c] * w[k, c, r], c) + b[r])
    source = program(equation, inputs=(x, w, b), optional="b")
    return Layer("weighted", "Weighted", "weighted", source, **{"weights": ("w", "b"), **fields})


@pytest.mark.thorough
@pytest.mark.parametrize("build", [*LAYERS, weighted], ids=lambda build: build.__name__)
def test_rows_and_kernels_are_verified(build: Callable[[], Layer]) -> None:
    lines = list(verify_layer(build(), 1))
    assert len(lines) > 2
    assert [line.checked for line in lines if not line.passed] == []
