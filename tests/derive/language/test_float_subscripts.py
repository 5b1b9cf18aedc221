"""Positions between elements, and integers made of real numbers: against sums over neighbours written out in Python."""

import math

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import emitted
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.typeset.formats import rendered
from tests.cases.agreement import assert_kernels_agree
from tests.cases.together import together

Array = np.ndarray
NOWHERE = (math.nan, math.inf, -math.inf, 1e30, -1e300)
POSITIONS = [-7.25, -3.0, -1.5, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.75, 2.0, 2.5, 3.0, 3.5, 4.25, 9.5, *NOWHERE]
MODES = "zero", "replicate", "reflect", "symmetric"


def element(x: Array, at: int, mode: str) -> float:
    """The element at any integer, outside of the axis as NumPy's padding of that name has it."""
    if mode == "zero":
        return float(x[at]) if 0 <= at < len(x) else 0.0
    kind = {"replicate": "edge", "reflect": "reflect", "symmetric": "symmetric"}[mode]
    return float(np.pad(x, 20, mode=kind)[at + 20])  # type: ignore[call-overload]


def between(x: Array, p: float, mode: str) -> float:
    """The weighted sum of the neighbours of a position."""
    below = math.floor(p)
    return (1 - p + below) * element(x, below, mode) + (p - below) * element(x, below + 1, mode)


def sampled(layer: Layer, x: Array, p: Array) -> Array:
    """The value of a layer that reads x at p."""
    sizes = {integer("N"): len(p), integer("X0"): len(x)}
    with np.errstate(all="ignore"):
        assert_kernels_agree(layer, sizes, {"x": x, "p": p}, np.random.default_rng(1))
        return interpret(layer.program, {"x": x, "p": p}, sizes)["y"]


@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("mode", MODES)
def test_a_position_reads_its_neighbours(mode: str, length: int) -> None:
    layer = gradscribe.layer(f"y[n] = x[lerp(p[n], {mode})]", "read")
    x = np.random.default_rng(0).normal(size=length)
    found = sampled(layer, x, np.array(POSITIONS))
    finite = len(POSITIONS) - len(NOWHERE)
    np.testing.assert_allclose(found[:finite], [between(x, p, mode) for p in POSITIONS[:finite]], atol=1e-12)
    inside = {x[0], x[-1]} if mode == "replicate" else {0.0}
    assert found[finite] == 0  # NaN
    assert set(found[finite + 1 : finite + 3]) <= inside


def test_nothing_is_read_or_written_beside_an_array_whatever_the_position_is() -> None:
    layer = gradscribe.layer("y[n] = x[lerp(p[n], zero)]", "read")
    module = layer.compile()
    for dtype in (np.float32, np.float64):
        with np.errstate(over="ignore"):  # what no float32 holds is infinite
            x, p = np.ones(3, dtype), np.array(POSITIONS).astype(dtype)
        net = module.Read()
        with np.errstate(invalid="ignore"):  # NumPy says that infinity has no fraction
            y = net(x, p)
        dx, dp = net.backward(np.ones_like(y))
        assert y.dtype == dx.dtype == dp.dtype == dtype
        assert np.isfinite(y).all()
        assert np.isfinite(dx).all()
        assert np.isfinite(dp).all()


def test_an_empty_batch_and_an_empty_axis_are_read() -> None:
    module = gradscribe.layer("y[n] = x[lerp(p[n], zero)]", "read").compile()
    for positions, length in ((0, 3), (2, 0)):
        net = module.Read()
        y = net(np.ones(length), np.full(positions, 0.5))
        np.testing.assert_array_equal(y, np.zeros(positions))
        assert [d.shape for d in net.backward(y)] == [(length,), (positions,)]


CASES = {
    "two_axes": "y[n,i,c] = x[n, lerp(p[n,i], zero), lerp(q[n,i], reflect), c]",
    "offsets": "y[n,i,k] = sum(r,c) x[n, lerp(i + r + o[n,i,r], symmetric), c] * w[r,c,k]",
    "a_number": "input x[L,C], p; y[c] = x[lerp(p, replicate), c]",
    "of_sums": "y[i,c] = x[lerp(sum(k) a[i,k], replicate), c]",
    "any_axes": "y[n,...] = x[lerp(p[n], zero), ...]",
    "of_itself": "y[n,i] = x[n, lerp(x[n,i], zero)]",
    "twice": "y[n] = x[lerp(p[n], zero)] * z[lerp(p[n], zero)]",
    "in_a_maximum": "y[n] = max(i) x[n, lerp(p[n,i], zero)]",
    "resized": "h = 0.4; i < 7; y[n,i] = x[n, lerp((i + 1/2)*h - 1/2, replicate)]",
    "beside_labels": "integer t; y[n] = x[t[n], lerp(p[n], zero)]",
    "nearest": "y[n,c] = x[round(p[n]/2), c]",
    "histogram": "b < 4; h[b] = sum(n) [b == floor(x[n]*4)] * w[n]",
    "up_to": "y[n,c] = sum(k) [k < ceil(p[n])] x[k,c]",
    "steps": "y[n] = floor(x[n])*x[n] + ceil(x[n])^2 + round(2*x[n])",
    "defined": "integer f; f[n,i] = floor(p[n,i+1]); y[n,i,c] = x[f[n,i] + 1, c]",
    "repeated": "integer f; f[n,i] = floor(p[n]); y[n,i] = x[f[n,i] + i]; i < 3",
    "summed": "integer f; f[n] = 2*floor(sum(i) p[n,i]) - [p[n,0] > 0]; y[n] = x[f[n]] * f[n]",
}


@together("name", list(CASES))
def test_kernels_gradients_and_pages_agree(name: str) -> None:
    rows = list(verify_layer(gradscribe.layer(CASES[name], name), 2))
    assert rows
    assert all(row.passed for row in rows), [row for row in rows if not row.passed]


def test_an_integer_that_an_equation_defines_is_a_result() -> None:
    layer = gradscribe.layer("integer f; f[n] = round(x[n]); y[n] = x[n] - f[n]; output y, f", "parts")
    y, f = layer.compile().parts_forward(np.array([-1.5, -0.5, 0.5, 2.5, 0.6, np.nan]))
    assert f.dtype == np.int64
    np.testing.assert_array_equal(f[:-1], [-2, 0, 0, 2, 1])  # the even one of two
    np.testing.assert_allclose(y[:-1], [0.5, -0.5, 0.5, 0.5, -0.4])


def test_positions_that_are_the_same_are_computed_once() -> None:
    program = gradscribe.layer(CASES["twice"]).program
    assert [s.target.name for s in program.statements].count("f") == 1


def test_names_of_a_text_stay_its_own() -> None:
    program = gradscribe.layer("y[n] = f[lerp(p[n] + alpha[n], zero)]").program
    assert [t.name for t in program.inputs] == ["f", "p", "alpha"]
    assert {t.name for t in program.tensors.values() if t.integer} == {"g"}


def test_a_lookup_at_rounded_numbers_is_no_product_with_a_matrix() -> None:
    layer = gradscribe.layer("h = 0.5; i < 6; y[n,i,c] = x[n, lerp(i*h, zero), c]", "resized")
    forward = emitted(layer).modules[0].text.partition("def resized_grad")[0]
    assert "rt.gather" in forward
    assert "rt.contract" not in forward


PAGE = (
    "f[n] = ⌊p[n]⌋",
    "α[n] = p[n] − ⌊p[n]⌋",
    "y[n] = (1−α[n]) Σ_{q} x[q] [q=f[n]] + α[n] Σ_{q} x[q] [q=1+f[n]]",
    "∂E/∂x[q] = Σ_{n} δ[n] α[n] [q=1+f[n]] + Σ_{n} δ[n] (1−α[n]) [q=f[n]]",
    "∂E/∂α[n] = Σ_{q} δ[n] x[q] [q=1+f[n]] − Σ_{q} δ[n] x[q] [q=f[n]]",
)


@pytest.mark.parametrize("line", PAGE)
def test_the_page_says_what_is_read(line: str) -> None:
    assert line in str(gradscribe.layer("y[n] = x[lerp(p[n], zero)]", "read").derivation())


def test_latex_has_the_signs() -> None:
    made = rendered(gradscribe.layer("y[n] = floor(x[n]) + ceil(x[n])*x[n]", "steps").derivation(), "latex")
    assert r"\lfloor x_{n}\rfloor" in made
    assert r"\lceil x_{n}\rceil" in made
