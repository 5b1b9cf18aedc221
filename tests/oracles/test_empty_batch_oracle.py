"""Equations over an empty batch beside PyTorch: the gradients by all inputs, where its mean of nothing is NaN, too."""

from typing import Any

import pytest

from tests.oracles.text_case import Case, compare

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("error")]


def _classifier(t: Any, x: Any, w: Any) -> Any:
    return torch.nn.functional.cross_entropy(x @ w, t)


CASES = {
    "weighted_mean": Case(
        "y = sum(n,k) x[n,k]*w[k]/N; input x[N,K], w[K]", lambda x, w: (x * w).sum() / x.shape[0], ((0, 3), (3,))
    ),
    "centred": Case(
        "m[k] = sum(n) x[n,k]/N; y[n,k] = (x[n,k]-m[k])*w[k]; input x[N,K], w[K]",
        lambda x, w: (x - x.mean(0)) * w,
        ((0, 3), (3,)),
    ),
    "classifier": Case(
        "integer t; input t[N], x[N,C], w[C,K]; z[n,k] = sum(c) x[n,c]*w[c,k]\n"
        "y = sum(n) (log(sum(k) exp(z[n,k])) - z[n,t[n]])/N",
        _classifier,
        ((0, 4), (0, 3), (3, 4)),
    ),
    "scaled": Case("y[n,k] = w[k]*x[n,k]/N; input x[N,K], w[K]", lambda x, w: w * x / x.shape[0], ((0, 3), (3,))),
    "no_channels": Case(
        "y[m] = sum(c) x[m,c]*w[m]/C; input x[M,C], w[M]", lambda x, w: (x * w[:, None]).mean(1), ((3, 0), (3,))
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str) -> None:
    compare(CASES[name], name)
