"""Values that count as constant, wherever they stand, against `detach` of PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.oracles.beside_autograd import compare

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.oracle

Shape = tuple[int, ...]


def _softmax(x: Any) -> Any:
    return torch.softmax(x, -1)


CASES: dict[str, tuple[str, Callable[..., Any], dict[str, Shape]]] = {
    "straight_through": (
        "y[n,k] = x[n,k] + constant([x[n,k] > 0] - x[n,k])",
        lambda x: x + ((x > 0).double() - x).detach(),
        {"x": (3, 4)},
    ),
    "in_a_product_of_matrices": (
        "y[n,k] = sum(c) x[n,c] * (w[c,k] + constant(sign(w[c,k]) - w[c,k]))",
        lambda x, w: x @ (w + (w.sign() - w).detach()),
        {"x": (3, 4), "w": (4, 2)},
    ),
    "quotient": (
        "y[n] = sum(k) x[n,k] / constant(sqrt(sum(j) x[n,j]^2 + 1))",
        lambda x: (x / ((x**2).sum(1, keepdim=True) + 1).sqrt().detach()).sum(1),
        {"x": (3, 4)},
    ),
    "exponent": (
        "y[n] = (x[n]^2 + 1)^constant(x[n]) + exp(x[n] * constant(x[n]))",
        lambda x: (x**2 + 1) ** x.detach() + torch.exp(x * x.detach()),
        {"x": (5,)},
    ),
    "base": (
        "y[n] = constant(x[n]^2 + 1)^x[n] - constant(x[n])^2 * x[n]^3",
        lambda x: (x**2 + 1).detach() ** x - x.detach() ** 2 * x**3,
        {"x": (5,)},
    ),
    "bracket": (
        "y[n] = [constant(x[n]) > w[n]] * x[n] + abs(constant(x[n]) - w[n])",
        lambda x, w: (x.detach() > w).double() * x + (x.detach() - w).abs(),
        {"x": (5,), "w": (5,)},
    ),
    "nested": (
        "y[n] = x[n] * constant(exp(x[n]) + constant(tanh(x[n])) * x[n])",
        lambda x: x * (x.exp() + torch.tanh(x) * x).detach(),
        {"x": (4,)},
    ),
    "in_a_maximum": (
        "y[n] = max(k) (x[n,k] * constant(w[k])) + max(x[n,0], constant(x[n,1]))",
        lambda x, w: (x * w.detach()).max(1).values + torch.maximum(x[:, 0], x[:, 1].detach()),
        {"x": (4, 3), "w": (3,)},
    ),
    "a_maximum_that_comes_back": (
        "m[n] = max(k) x[n,k]; y[n,k] = x[n,k] - m[n] + constant(m[n])",
        lambda x: x - x.max(1, keepdim=True).values + x.max(1, keepdim=True).values.detach(),
        {"x": (4, 3)},
    ),
    "target_network": (
        """gamma = 0.9
        t[n] = constant(r[n] + gamma * max(a) (sum(c) s[n,c] * v[c,a]))
        e = sum(n) (sum(a,c) [a == u[n]] s[n,c] * w[c,a] - t[n])^2 / N
        integer u; input s, w, v, r, u""",
        lambda s, w, v, r, u: (
            ((s @ w).gather(1, u[:, None])[:, 0] - (r + 0.9 * (s @ v).max(1).values).detach()) ** 2
        ).mean(),
        {"s": (5, 3), "w": (3, 4), "v": (3, 4), "r": (5,)},
    ),
    "vector_quantisation": (
        """d[n,k] = sum(c) (x[n,c] - w[k,c])^2
        q[n,c] = sum(k) [k == t[n]] * w[k,c]
        y[n,c] = x[n,c] + constant(q[n,c] - x[n,c])
        e = sum(n,c) (constant(x[n,c]) - q[n,c])^2 + beta * sum(n,c) (x[n,c] - constant(q[n,c]))^2
        beta = 0.25; integer t; input x, w, t; output y, e""",
        lambda x, w, t: (
            x + (w[t] - x).detach(),
            ((x.detach() - w[t]) ** 2).sum() + 0.25 * ((x - w[t].detach()) ** 2).sum(),
        ),
        {"x": (5, 3), "w": (4, 3)},
    ),
    "shares_that_weigh": (
        "z[n] = sum(k) exp(x[n,k]); y[n] = sum(k) constant(exp(x[n,k])/z[n])*x[n,k] + sum(k) u[n,k]*exp(x[n,k])/z[n]",
        lambda x, u: (_softmax(x).detach() * x).sum(1) + (u * _softmax(x)).sum(1),
        {"x": (4, 3), "u": (4, 3)},
    ),
    "a_window": (
        "y[n,i] = sum(r) constant(x[n, i + r - 1]) * w[r] * x[n,i]; r < 3",
        lambda x, w: (
            sum(torch.nn.functional.pad(x, (1, 1))[:, r : r + x.shape[1]].detach() * w[r] for r in range(3)) * x
        ),
        {"x": (2, 5), "w": (3,)},
    ),
    "causal": (
        "s[i,j] = sum(d) q[i,d]*k[j,d]; y[i] = sum(j) constant([j <= i] exp(s[i,j])) * s[i,j]",
        lambda q, k: (torch.tril((q @ k.T).exp()).detach() * (q @ k.T)).sum(1),
        {"q": (4, 2), "k": (4, 2)},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_constant_passes_no_gradient_on(name: str) -> None:
    text, function, shapes = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    arrays: dict[str, Any] = {n: rng.normal(size=shape) for n, shape in shapes.items()}
    if "integer" in text:
        label = "u" if "integer u" in text else "t"
        arrays[label] = rng.integers(0, 4, 5)
    compare(text, function, arrays)
