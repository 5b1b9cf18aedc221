"""Extrema that no output depends on: which are seen, which are not; gradients against finite differences."""

import numpy as np
import pytest

from gradscribe import layer as layer_of_text
from gradscribe.derive.ir.interpret import interpret
from tests.cases.thorough import some
from tests.cases.together import together

SHIFTED = "m[n] = max(k) x[n,k]; h[n,k] = exp(x[n,k] - m[n]); z[n] = sum(k) h[n,k];"
IDLE = {
    "softmax": SHIFTED + "y[n,k] = h[n,k] / z[n]",
    "by the smallest": "m[n] = min(k) x[n,k]; z[n] = sum(k) exp(m[n] - x[n,k]); y[n,k] = exp(m[n] - x[n,k]) / z[n]",
    "sharper": "m[n] = max(k) 2*x[n,k]; z[n] = sum(k) exp(2*x[n,k] - m[n]); y[n,k] = exp(2*x[n,k] - m[n]) / z[n]",
    "logarithm": SHIFTED + "y[n,k] = x[n,k] - m[n] - log(z[n])",
    "log-sum-exp": SHIFTED + "y[n] = m[n] + log(z[n])",
    "one of all": "m = max(n,k) x[n,k]; z = sum(n,k) exp(x[n,k] - m); y[n,k] = exp(x[n,k] - m) / z",
    "masked": "m[i] = max(j) [j <= i] x[i,j]; h[i,j] = [j <= i]*exp(x[i,j] - m[i]); z[i] = sum(j) h[i,j];"
    " y[i,j] = h[i,j] / z[i]",
    "mean by weights": SHIFTED + "s[n] = sum(k) x[n,k]*h[n,k]; y[n] = s[n] / z[n]",
    "squares": SHIFTED + "q[n] = sum(k) h[n,k]^2; y[n] = z[n]^2 / q[n]",
    "greatest share": SHIFTED + "g[n] = max(k) h[n,k]; y[n] = g[n] / z[n]",
    "log-sum-exp of both": SHIFTED + "a[n] = m[n] + log(z[n]); y[n,k] = x[n,k] - a[n] + 2*a[n]*x[n,k]",
    "differences": "m[n] = max(k) x[n,k]; d[n,k] = x[n,k] - m[n]; y[n] = sum(k,j) (d[n,k] - d[n,j])^2",
    "another axis": "m[n] = max(k) x[n,k]; h[k,n] = exp(x[n,k] - m[n]); z[n] = sum(k) h[k,n]; y[n,k] = h[k,n] / z[n]",
}
BUSY = {
    "the maximum": "m[n] = max(k) x[n,k]; y[n,k] = x[n,k] * m[n]",
    "no sum of all": SHIFTED + "y[n,k] = h[n,k]",
    "one more": SHIFTED + "y[n,k] = h[n,k] / (1 + z[n])",
    "a result": SHIFTED + "y[n,k] = h[n,k] / z[n]; output y, m",
    "its position": "m[n] = max(k) x[n,k]; y[n] = m[n]",
    "sums of other rows": SHIFTED + "t[k] = sum(n) h[n,k]; y[n,k] = h[n,k] / t[k]",
    "beyond the end": "m[n] = max(k) x[n,k]; d[n,k] = x[n,k] - m[n]; y[n,k] = d[n,k+1] - d[n,k]",
    "another shift": "m[n] = max(k) x[n,k]; y[n,k] = exp(x[n,k] - m[0]) / sum(i) exp(x[n,i] - m[n])",
    "half of it": SHIFTED + "y[n] = m[n]/2 + log(z[n])",
    "high powers, which nobody multiplies out": "m[n] = max(k) x[n,k];"
    " y[n,k] = (x[n,k]-m[n])^9*(x[n,k]*m[n]+3-m[n])^8/(m[n]^8+x[n,k]^2+1)^9",
    "two summands": SHIFTED + "y[n] = z[n] + sum(k) x[n,k]",
}


def constants(text: str) -> set[str]:
    program = layer_of_text(text.replace(";", "\n"), "own").program
    return {t.name for t in program.tensors.values() if t.constant}


@together("case", IDLE)
def test_what_no_output_depends_on_is_seen(case: str) -> None:
    assert constants(IDLE[case]) == {"m"}


@together("case", BUSY)
def test_what_an_output_depends_on_is_none(case: str) -> None:
    assert constants(BUSY[case]) == set()


def test_the_inner_one_of_two_maxima_can_be_one() -> None:
    text = SHIFTED + "g[n] = max(k) h[n,k]; y[n,k] = h[n,k] / g[n]"
    assert constants(text) == {"m"}


def test_positions_are_kept_where_they_are_wanted() -> None:
    program = layer_of_text(BUSY["the maximum"].replace(";", "\n"), "own").program
    assert program.statements[0].argument is not None
    assert layer_of_text(IDLE["softmax"].replace(";", "\n"), "own").program.statements[0].argument is None


@together("case", some({**IDLE, **BUSY}, 4))
def test_gradients_are_those_of_differences(case: str) -> None:
    made = layer_of_text({**IDLE, **BUSY}[case].replace(";", "\n"), "own")
    module, rng = made.compile(), np.random.default_rng(3)
    x = rng.normal(size=(4, 4) if case == "masked" else (3, 5))
    own = module.Own()
    y = own(x)
    first, *rest = y if isinstance(y, tuple) else (y,)
    seeds = [rng.normal(size=np.shape(a)) for a in (first, *rest)]
    dx = own.backward(*seeds)

    def loss(value: np.ndarray) -> float:
        sizes = dict(zip(made.program.inputs[0].shape, value.shape, strict=True))
        found = interpret(made.program, {"x": value}, sizes)
        return sum(float((found[name] * seed).sum()) for name, seed in zip(made.program.outputs, seeds, strict=True))

    for place in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        assert dx[place] == pytest.approx((loss(x + step) - loss(x - step)) / 2e-6, abs=1e-6), place
