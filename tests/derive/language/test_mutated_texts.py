"""Texts with slips: each is refused with a typed error, or is a layer whose kernels agree with the interpreter.

GRADSCRIBE_TEXTS=N tries N texts instead of the default few.
"""

import os
import random
from contextlib import suppress

import numpy as np
import pytest

import gradscribe
from gradscribe import network
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import TooLargeError, sample_sizes, sample_values
from tests.cases.agreement import assert_kernels_agree

COUNT = int(os.environ.get("GRADSCRIBE_TEXTS", "60"))
TEXTS = (
    "y[n,k] = b[k] + sum(c) x[n,c] * w[c,k]",
    "p = 1; s = 2; y[n,i,k] = sum(r,c) x[n, s*i + r - p, c] * w[r,c,k]",
    "integer t; y[n,k] = z[n,t[n]] * w[t[n],k]",
    "integer t; y[n] = exp(z[n,t[n] + 1]) * [t[n] >= 0] w[t[n]]",
    "integer t, u; y[n,k] = w[t[u[n]],k] * w[u[n],k]",
    "integer t; v < 3; m[v] = max(e) [t[e] == v] x[e]",
    "integer a; m[n] = max(j) [a[n,j] == 1] [j != n] x[n,j]; y[n] = m[n]^2",
    "m[n] = max(j) [j <= n] (-2 * x[n,j] * z[j]); y[n] = [m[n] > -9] * m[n] + x[n,0]",
    "input x[N,L,C]; s = 2; y[n,i,c] = max(r) [0 <= s*i + r - 1 < L] x[n, s*i + r - 1, c]; r < 2",
    "m[n] = max(k) x[n,k]; y[n] = m[n] + log(sum(k) exp(x[n,k] - m[n])); constant m",
    "p = 1; y[i,j] = sum(r,t) x[reflect(i + r - p), circular(j + t - p)] * w[r,t]",
    "y = x[0] * (sum(i,k,o) [i == k + o]) + sum(q) a[q]^2",
    "b = 1.0; y[...] = x[...] * sigmoid(b * x[...])",
    "define f(s, j) = h / z where m = max(j) s, h = exp(s - m), z = sum(j) h; y[n,k] = f(x[n,k] * w[k], k)",
    "define g(s, t, j) = s - sum(j) s * t; y[n,k] = norm(g(x[n,k], z[k], k), n) + mean(x[n,k], n, k) * w[k]",
    "y[n,k] = [k == 0 or not (x[n,k] < z[n] and k > 1)] * masked_softmax(x[n,k], [k <= n], k)",
    "y[n] = max(k) [not k == 1 and (x[n,k] > 0 or k != n)] x[n,k]",
    "y[n,a,i] = x[n, C//2*a + i]; a < 2; i < C//2; input x[N,C]",
)
NETWORKS = (
    "input x[N,4]\ndense(3) -> tanh -> dense(2)",
    "input x[N, 6, 6, 2]\na = conv2d(3, 3)\na -> flatten -> dense(2)",
)
PIECES = (
    *"nkcijrvepqxywt[]()+-*/=,;<>!^.01 ", "[n == 1] ", "max(j) ", "sum(k) ", "t[n]", "x[n]", "-1", "!=", "det(", "E",
    "dy", "input ", "integer ", "constant ", "weight ", "optional ", "...", " + 1", "e9", "->", "N", "\n",
    " or ", " and ", "not ", "softmax(", ", k)", "mean(", "define f(s) = s; ", " where m = ", "//2", "m", "z",
)  # fmt: skip


def mutated(text: str, rng: random.Random) -> str:
    """`text` with a few pieces replaced, doubled, swapped or taken away."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        start = rng.randrange(len(text) + 1)
        stop = min(len(text), start + rng.choice((0, 1, 1, 2, 5)))
        text = text[:start] + rng.choice((*PIECES, "", "", text[start:stop] * 2)) + text[stop:]
    return text


def agrees(layer: Layer, seed: int) -> None:
    """Compare kernels and interpreter on some sizes, where there are any for which values are numbers."""
    rng = np.random.default_rng(seed)
    try:
        sizes = sample_sizes(layer, rng, limit=2000)
    except TooLargeError:
        return
    with np.errstate(all="ignore"):
        values = sample_values(layer.program, sizes, rng)
        finite = all(np.abs(v).max(initial=0) < 1e6 for v in interpret(layer.program, values, sizes).values())
    if finite:
        assert_kernels_agree(layer, sizes, values, rng)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # slips that overflow
@pytest.mark.parametrize("seed", range(COUNT))
def test_a_mutated_layer_is_refused_or_right(seed: int) -> None:
    rng = random.Random(seed)
    text = mutated(rng.choice(TEXTS), rng)
    try:
        layer = gradscribe.layer(text, "slip")
        layer.compile()
    except EquationError:
        return
    agrees(layer, seed)


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_mutated_network_is_refused_or_compiles(seed: int) -> None:
    rng = random.Random(seed)
    text = mutated(rng.choice(NETWORKS), rng)
    with suppress(EquationError):
        network(text, "slip").compile()
