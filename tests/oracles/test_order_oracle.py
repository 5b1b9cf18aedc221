"""Sorting and the largest few, as lookups at a given order, and functions of one number, against PyTorch."""

from typing import Any

import numpy as np
import pytest

import gradscribe
from tests.oracles.beside_autograd import compare

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.oracle


def scores() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(4, 6))


def test_the_largest_few() -> None:
    x = scores()
    order = np.argsort(-x, axis=1, kind="stable")[:, :3]
    compare(
        "integer order; y[n,k] = x[n, order[n,k]]",
        lambda x, order: torch.topk(x, 3, dim=1).values,
        {"x": x, "order": order},
    )


def test_sorted_and_weighted() -> None:
    """An ordered weighted average: the weights belong to ranks."""
    x, w = scores(), np.random.default_rng(4).normal(size=6)
    compare(
        "integer order; y[n] = sum(k) x[n, order[n,k]]^2 * w[k]; input x, w, order[N,K]",
        lambda x, w, order: (torch.sort(x, dim=1).values ** 2 * w).sum(1),
        {"x": x, "w": w, "order": np.argsort(x, axis=1, kind="stable")},
    )


def test_the_best_experts() -> None:
    """Routing: a softmax over the chosen scores, each of which weighs an expert."""
    x, rng = scores(), np.random.default_rng(5)
    order = np.argsort(-x, axis=1, kind="stable")[:, :2]
    compare(
        """integer order
        input x, v, order[N,K]
        z[n,k] = exp(x[n, order[n,k]]); p[n,k] = z[n,k] / sum(j) z[n,j]
        y[n,c] = sum(k) p[n,k] * v[order[n,k], c]""",
        lambda x, v, order: torch.einsum("nk,nkc->nc", torch.softmax(torch.topk(x, 2, dim=1).values, 1), v[order]),
        {"x": x, "v": rng.normal(size=(6, 3)), "order": order},
    )


@pytest.mark.parametrize(
    ("word", "argument", "given"),
    [
        ("tan", "x[n]/4", lambda x: torch.tan(x / 4)),
        ("asin", "tanh(x[n])", lambda x: torch.asin(torch.tanh(x))),
        ("acos", "tanh(x[n])/2", lambda x: torch.acos(torch.tanh(x) / 2)),
        ("asinh", "x[n]", torch.asinh),
        ("acosh", "2 + x[n]^2", lambda x: torch.acosh(2 + x**2)),
        ("atanh", "tanh(x[n])/2", lambda x: torch.atanh(torch.tanh(x) / 2)),
    ],
)
def test_functions_of_one_number(word: str, argument: str, given: Any) -> None:
    compare(f"y[n] = w[n] * {word}({argument})", lambda w, x: w * given(x), {"w": scores()[0], "x": scores()[1]})


@pytest.mark.parametrize(("word", "value"), [("acosh", 0.5), ("asin", 2.0), ("atanh", 1.0), ("acos", np.nan)])
def test_outside_of_their_domain_they_are_what_pytorch_has(word: str, value: float) -> None:
    module = gradscribe.layer(f"y[n] = {word}(x[n])", "own").compile()
    with np.errstate(all="ignore"):
        found = module.own_forward(np.array([value]))
    np.testing.assert_array_equal(found, getattr(torch, word)(torch.tensor([value], dtype=torch.float64)))
