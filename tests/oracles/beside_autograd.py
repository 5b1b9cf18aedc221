"""An equation text beside a function of PyTorch: forward, all gradients, gradients of gradients, and its page."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.derivation.certificate.certify import certify
from tests.cases.kernel_calls import agree
from tests.cases.second_order_calls import functions_of

Array = np.ndarray


def compare(
    text: str,
    function: Callable[..., Any],
    arrays: Mapping[str, Array],
    options: Mapping[str, Any] | None = None,
    orders: Sequence[int] = (1, 2),
) -> None:
    """Assert that the kernels of a text, in NumPy and compiled, are what PyTorch has, and that its pages hold.

    Args:
        text: the equations.
        function: the same in PyTorch, of the inputs in their order; a tensor or a tuple of tensors.
        arrays: the inputs by name; integers are labels.
        options: settings of the kernels.
        orders: of the derivations that are evaluated.
    """
    torch = pytest.importorskip("torch")
    layer = gradscribe.layer(text, "own")
    found, rng, known = functions_of(layer), np.random.default_rng(1), dict(options or {})
    leaves = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays.values()]
    theirs = function(*leaves)
    outputs: Sequence[Any] = theirs if isinstance(theirs, tuple) else (theirs,)
    seeds = [torch.tensor(rng.normal(size=tuple(o.shape)), requires_grad=True) for o in outputs]
    real = {n: t for n, t in zip(arrays, leaves, strict=True) if n in layer.differentiable}
    first = torch.autograd.grad(
        outputs, list(real.values()), seeds, create_graph=True, allow_unused=True, materialize_grads=True
    )
    directions = {n: np.asarray(rng.normal(size=np.shape(arrays[n]))) for n in real}
    moved = sum((g * torch.tensor(d)).sum() for g, d in zip(first, directions.values(), strict=True))
    second = torch.autograd.grad(moved, [*seeds, *real.values()], allow_unused=True, materialize_grads=True)

    for compiled in (False, True):
        with found.module.rt.settings(backend="compiled") if compiled else nullcontext():
            values = found.returned(arrays, known)
            for ours, expected in zip((values[n] for n in found.seeds.values()), outputs, strict=True):
                agree(ours, expected.detach(), 1e-9, "forward")
            values |= {name: seed.detach().numpy() for name, seed in zip(found.seeds, seeds, strict=True)}
            for name, expected in zip(real, first, strict=True):
                ours = found.call(found.gradients[name], values, known)[0]
                agree(ours, expected.detach(), 1e-9, f"gradient by {name}")
            of_s = found.gradients_of_s(values, directions, known)
            for name, expected in zip([*found.seeds, *real], second, strict=True):
                agree(of_s[name], expected, 1e-9, f"gradient of S by {name}")
            product = found.hessian_product(values, directions, known)
            for name, expected in zip(real, second[len(seeds) :], strict=True):
                agree(product[name], expected, 1e-9, f"Hessian times a vector by {name}")
    for order in orders:
        certificate = certify(layer.derivation(order=order), shapes=3)
        assert certificate.holds, certificate
