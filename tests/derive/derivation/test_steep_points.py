"""Certificates where finite differences are hard: poles, numbers that hide others, ties within rounding."""

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.certificate.differences import program_gap
from gradscribe.derive.ir.interpret import interpret
from tests.cases.together import together

TEXTS = {
    "a pole": (2, 0, "r[i,j] = sum(d) (x[i,d] - x[j,d])^2; e = sum(i,j) [i < j] (1/r[i,j]^6 - 1/r[i,j]^3)"),
    "an angle of 0": (2, 0, """
        c[n] = sum(d) x[n,d]*z[n,d]/(l2_norm(x[n,d], d)*l2_norm(z[n,d], d)); y[n] = cos(acos(c[n]) + 0.2)"""),
    "a start far away": (1, 0, """a[n,t,k] = log_sum_exp(a[n,t-2,j] + w[j,k], j) + x[n,t,k]
        a[n,-1,k] = -1e9; a[n,-2,k] = 0; input x[N,T,K], w[K,K]; output a"""),
    "rows that sum to 1": (1, 2, """p[n,i,j] = softmax(x[n,i,j], j)
        m[n] = max(i) (sum(j) p[n,i,j]); y[n,i,j] = p[n,i,j]^2/m[n]"""),
}  # fmt: skip
"""Order, seed, text. The angle of vectors of one number is 0 or pi, where acos has no slope."""


@together("name", list(TEXTS))
def test_certificates_hold(name: str) -> None:
    order, seed, text = TEXTS[name]
    derivation = gradscribe.layer(text, "own").derivation(order=order)
    found = certify(derivation, 3, seed)
    assert found.holds, (found.worst, found.difference, found.chain_difference)
    # wherever the rows are drawn, all are the greatest one: E has a corner there, by their sums and by p
    assert found.chain_rows >= len(derivation.sections) - 2 * (name == "rows that sum to 1")


def gap(text: str, arrays: dict[str, list[float]], wrong: float = 0.0) -> float | None:
    """The distance of the gradient by x, which may be made wrong, from finite differences; all seeds are 1."""
    layer = gradscribe.layer(text, "own")
    gradient = layer.differentiate()
    sizes = {symbol: len(arrays["x"]) for symbol in layer.program.symbols()}
    values = interpret(layer.program, {n: np.array(a) for n, a in arrays.items()}, sizes)
    seeds = {output: np.ones_like(values[output]) for output in gradient.seeds}
    arriving = {gradient.seeds[o].name: seed for o, seed in seeds.items()}
    found = interpret(gradient.program, values | arriving, sizes)["dx"]
    rng = np.random.default_rng(0)
    return program_gap(layer.program, "x", seeds, values, sizes, found * (1 + wrong), rng)


MEASURED = {
    "beside a pole": ("y[n] = 1/x[n]^6", {"x": [1e-2, 0.3]}),
    "as far from a pole as a step is long": ("y[n] = 1/x[n]", {"x": [1e-2, 1e-3]}),
    "before the end of a domain": ("y[n] = acos(x[n])", {"x": [1 - 1e-4, 0.3]}),
    "a large number": ("y[n] = x[n]^2/1e6", {"x": [1e6, 2e6]}),
    "a bend": ("y[n] = exp(40*x[n])", {"x": [0.1, -0.2]}),
}


@pytest.mark.parametrize("name", MEASURED)
def test_right_slopes_are_told_from_wrong_ones(name: str) -> None:
    text, arrays = MEASURED[name]
    right, wrong = gap(text, arrays), gap(text, arrays, 1e-4)
    assert right is not None
    assert wrong is not None
    assert right < 1e-6 < 1e-5 < wrong


UNMEASURED = {
    "hidden by what it is added to": ("y[n] = 1e14 + x[n]^2", {"x": [0.5, 2.0]}),
    "a corner": ("y[n] = relu(x[n])", {"x": [0.0, 0.0]}),
    "a slight corner": ("y[n] = x[n] + 1e-4*abs(x[n])", {"x": [0.0, 0.0]}),
    "a tie": ("y[n] = max(x[n], a[n])", {"x": [0.5, 2.0], "a": [0.5, 2.0]}),
    "the end of a domain": ("y[n] = sqrt(x[n])^3", {"x": [0.0, 0.0]}),
}


@pytest.mark.parametrize("name", UNMEASURED)
def test_what_has_no_slope_is_not_compared(name: str) -> None:
    text, arrays = UNMEASURED[name]
    assert gap(text, arrays, 1e-4) is None


def test_what_stays_hides_nothing() -> None:
    """Outputs are compared one by one: of a large one and of an extremum of nothing, which is infinite, none moves."""
    text = "y[n] = x[n]^2; z[n] = 1e30*a[n]; m[n] = max(k) [k > n] a[k]; output y, z, m"
    found = gap(text, {"x": [0.5, 2.0], "a": [1.0, 2.0]})
    assert found is not None
    assert found < 1e-6
