"""Sums over nothing, divided by how many there are: no warning, and slopes of weights that are 0."""

from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from gradscribe.generated import runtime as rt
from tests.cases.agreement import called, compiled
from tests.cases.together import together

pytestmark = pytest.mark.filterwarnings("error")

TEXTS = {
    "weighted mean": "y = sum(n,k) x[n,k]*w[k]/N; input x[N,K], w[K]",
    "centred": "m[k] = sum(n) x[n,k]/N; y[n,k] = (x[n,k]-m[k])*w[k]",
    "scaled": "y[n,k] = w[k]*x[n,k]/N; input x[N,K], w[K]",
    "outside": "y[k] = w[k]/N*sum(n) x[n,k]; input x[N,K], w[K]",
    "standard": "m[k] = sum(n) x[n,k]/N; v[k] = sum(n) (x[n,k]-m[k])^2/N; h[n,k] = (x[n,k]-m[k])/sqrt(v[k]+0.1)\n"
    "y[n,k] = h[n,k]*g[k]; output y, h",
    "regression": "z[n] = b[0] + sum(k) x[n,k]*w[k]; y = sum(n) z[n]^2/N^2; input x[N,K], w[K], b[1]",
    "classifier": "integer t; z[n,k] = sum(j) x[n,j]*w[j,k]; y = sum(n) (log(sum(k) exp(z[n,k])) - z[n,t[n]])/N",
    "root": "y[k] = w[k] * sum(n) x[n,k] / sqrt(N); input x[N,K], w[K]",
    "channels": "y[m] = sum(c) x[m,c]*w[m]/C; input x[M,C], w[M]",
    "images": "y[c] = g[c] * sum(n,i,j) x[n,i,j,c]/(N*I*J); input x[N,I,J,C], g[C]; c < C",
}


def slopes(text: str, **given: int) -> dict[str, Any]:
    """All gradients by name, of ones, where N is 0 and other extents are 3 unless they are given.

    Each is computed from what the functions returned themselves.
    """
    layer = gradscribe.layer(text, "empty")
    sizes = {s: {"N": 0, **given}.get(s.name, 3) for s in layer.program.symbols()}
    known = complete_sizes(layer.program, sizes)
    shape = {t.name: shape_of(t.shape, known) for k in first_order(layer) for t in k.arguments}
    values: dict[str, Any] = {t.name: np.ones(shape[t.name], int if t.integer else float) for t in layer.program.inputs}
    found: dict[str, Any] = {}
    for kernel in first_order(layer):
        seeds = {name: np.ones(shape[name]) for name, _ in kernel.seeds if name in shape}
        result = called(getattr(compiled(layer), kernel.name), values | seeds)
        results = dict(zip(kernel.results, result if len(kernel.results) > 1 else (result,), strict=True))
        if not kernel.wrt:
            values |= results
            continue
        expected = interpret(kernel.program, {n: np.asarray(v) for n, v in (values | seeds).items()}, known)
        for name, value in results.items():
            assert np.shape(value) == expected[name].shape, (kernel.name, name)
            found[f"{kernel.name}: {name}"] = value
    return found


@together("name", TEXTS)
@pytest.mark.parametrize("backend", ["numpy", pytest.param("compiled", marks=pytest.mark.thorough)])
def test_gradients_of_an_empty_batch_are_0(name: str, backend: str) -> None:
    with rt.settings(backend=backend):
        found = slopes(TEXTS[name], **({"C": 0} if name == "channels" else {}))
    assert all(not np.any(value) for value in found.values()), found


def test_a_mean_of_nothing_is_nan() -> None:
    """As NumPy's and PyTorch's is; and one weight that is divided by 0 has no slope."""
    module = gradscribe.layer("y[k] = sum(n) x[n,k]/N", "mean").compile()
    assert np.isnan(module.mean_forward(np.ones((0, 2)))).all()
    found = slopes("y[k] = w[k]/N; input x[N,K], w[K]")
    assert np.isnan(found["empty_grad_weight: dw"]).all()


def test_a_quotient_by_a_size_that_is_0_does_not_warn() -> None:
    module = gradscribe.layer("y = sum(n) x[n]^2/(N-1); output y", "deviation").compile()
    assert np.isnan(module.deviation_forward(np.ones(1)))
    assert np.isnan(module.deviation_grad_input(1.0, np.ones(1))).all()
