"""Products over indices, with factors that are 0 among them, against PyTorch: values, gradients, gradients of these."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import gradscribe
from tests.cases.second_order_calls import functions_of

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.oracle

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """A text, the same in PyTorch, the shapes of its inputs in the order of that."""

    text: str
    function: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]


def before(x: Any) -> Any:
    """Of each place the product of all that come before it along the last axis."""
    return torch.cumprod(torch.cat([torch.ones_like(x[..., :1]), x], -1), -1)[..., :-1]


CASES = {
    "all": Case("y[n] = prod(j) x[n,j]", lambda x: x.prod(-1), ((4, 5),)),
    "one": Case("y[n] = prod(j) x[n,j]", lambda x: x.prod(-1), ((4, 1),)),
    "two indices": Case("y[n] = prod(i,j) x[n,i,j] * w[j]", lambda x, w: (x * w).prod(-1).prod(-1), ((3, 2, 4), (4,))),
    "before": Case("y[n,i] = v[n,i] * prod(j) [j < i] x[n,j]", lambda v, x: v * before(x), ((3, 5), (3, 5))),
    "up to": Case("y[n,i] = v[n,i] * prod(j) [j <= i] x[n,j]", lambda v, x: v * x.cumprod(-1), ((3, 5), (3, 5))),
    "after": Case(
        "y[n,i] = v[n,i] * prod(j) [j > i] x[n,j]", lambda v, x: v * before(x.flip(-1)).flip(-1), ((3, 5), (3, 5))
    ),
    "from": Case(
        "y[n,i] = v[n,i] * prod(j) [j >= i] x[n,j]", lambda v, x: v * x.flip(-1).cumprod(-1).flip(-1), ((3, 5), (3, 5))
    ),
    "along the first axis": Case(
        "y[i,n] = v[i,n] * prod(j) [j <= i] x[j,n]", lambda v, x: v * x.cumprod(0), ((5, 3), (5, 3))
    ),
    "one more than there are": Case(
        "i < J + 1; y[n,i] = prod(j) [j < i] x[n,j]; input x[N,J]",
        lambda x: torch.cat([torch.ones_like(x[:, :1]), x.cumprod(-1)], -1),
        ((3, 5),),
    ),
    "all but one": Case(
        "y[n,i] = v[n,i] * prod(j) [j != i] x[n,j]",
        lambda v, x: v * torch.stack([torch.cat([x[:, :i], x[:, i + 1 :]], -1).prod(-1) for i in range(5)], -1),
        ((3, 5), (3, 5)),
    ),
    "shared": Case(
        "y[n,i] = v[n,i] * prod(j) [j <= i] (w[j] - x[n,j])",
        lambda v, x, w: v * (w - x).cumprod(-1),
        ((3, 5), (3, 5), (5,)),
    ),
    "radiance": Case(
        "y[n,c] = sum(i) (prod(j) [j < i] (1 - a[n,j])) * a[n,i] * s[n,i,c]",
        lambda a, s: torch.einsum("ni,ni,nic->nc", before(1 - a), a, s),
        ((3, 5), (3, 5, 2)),
    ),
    "chosen": Case(
        "y[n] = prod(j) [x[n,j] > -0.5] x[n,j]",
        lambda x: torch.where(x > -0.5, x, torch.ones_like(x)).prod(-1),
        ((4, 5),),
    ),
    "within a function": Case(
        "y[n] = exp(prod(j) x[n,j]) * sum(k) v[n,k] * prod(j) x[k,j]",
        lambda x, v: x.prod(-1).exp() * (v @ x.prod(-1)),
        ((4, 3), (4, 4)),
    ),
}


def numbers(shape: tuple[int, ...], zeros: float, rng: np.random.Generator) -> Array:
    """Some of them are 0, and some 1, so that 1 - a is 0."""
    chosen = rng.random(shape)
    return np.where(chosen < zeros, 0.0, np.where(chosen > 1 - zeros / 2, 1.0, rng.normal(size=shape)))


@pytest.mark.parametrize("zeros", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", CASES)
def test_products_and_their_derivatives(name: str, zeros: float) -> None:
    case = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    found = functions_of(gradscribe.layer(case.text.replace("; ", "\n"), "product"))
    names = inspect.signature(case.function).parameters
    given = {n: numbers(shape, zeros, rng) for n, shape in zip(names, case.shapes, strict=True)}
    leaves = {n: torch.tensor(v, requires_grad=True) for n, v in given.items()}
    theirs = case.function(**leaves)
    values = found.returned(given, {})
    np.testing.assert_allclose(values["y"], theirs.detach().numpy(), rtol=1e-12, atol=1e-12)

    seed = torch.tensor(rng.normal(size=tuple(theirs.shape)), requires_grad=True)
    first = torch.autograd.grad(theirs, list(leaves.values()), seed, create_graph=True)
    values["dy"] = seed.detach().numpy()
    for n, expected in zip(leaves, first, strict=True):
        (ours,) = found.call(found.gradients[n], values, {})
        np.testing.assert_allclose(ours, expected.detach().numpy(), rtol=1e-11, atol=1e-12, err_msg=n)

    directions = {n: np.asarray(rng.normal(size=v.shape)) for n, v in given.items()}
    total = sum((g * torch.tensor(directions[n])).sum() for n, g in zip(leaves, first, strict=True))
    both = {**leaves, "dy": seed}
    second = torch.autograd.grad(total, list(both.values()), allow_unused=True)
    ours_again = found.gradients_of_s(values, directions, {})
    for n, expected in zip(both, second, strict=True):
        wanted = np.zeros_like(ours_again[n]) if expected is None else expected.numpy()
        np.testing.assert_allclose(ours_again[n], wanted, rtol=1e-10, atol=1e-11, err_msg=n)
