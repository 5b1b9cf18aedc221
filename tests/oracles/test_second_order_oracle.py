"""Gradients of gradients against PyTorch's create_graph, on the samples that PyTorch tests its own operators with."""

import inspect
from typing import Any

import numpy as np
import pytest

from tests.cases.kernel_calls import agree
from tests.cases.second_order_calls import functions
from tests.cases.thorough import some
from tests.oracles.test_torch_samples import Sample, copied, one_thread, samples

torch = pytest.importorskip("torch")

from tests.oracles.torch_adapters import ADAPTERS  # noqa: E402 (needs PyTorch)
from tests.oracles.torch_calls import Call, refused  # noqa: E402 (needs PyTorch)

__all__ = ["one_thread"]  # a fixture of the whole module

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore:Using padding='same'")]

MOST = 3
"""So many samples of an operator are compared."""
LARGE = 1_500
"""Samples with more elements are left to the first-order tests."""
TOLERANCE = 1e-8


def compare(sample: Sample, call: Call, rng: np.random.Generator, what: str) -> None:
    """S, the sum of direction * gradient, differentiated by every input and every cotangent."""
    found = functions(call.layer)
    arrays = {name: layout(t).detach().numpy().copy() for name, (t, layout) in call.arrays.items() if t is not None}
    values: dict[str, Any] = found.returned(arrays | call.constants, call.options)
    wanted = {n: call.arrays[n] for n in found.layer.differentiable if n in arrays and n not in call.constants}
    leaves = {n: leaf.requires_grad_() for n, (leaf, _) in wanted.items()}
    result = sample.function(*sample.args, **{k: v for k, v in sample.kwargs.items() if k != "inplace"})
    theirs = [result] if torch.is_tensor(result) else list(result)[: len(call.outputs)]
    theirs = [layout(t) for t, layout in zip(theirs, call.outputs, strict=True)]

    cotangents = [torch.tensor(rng.normal(size=tuple(t.shape)), requires_grad=True) for t in theirs]
    first = torch.autograd.grad(theirs, list(leaves.values()), cotangents, create_graph=True, allow_unused=True)
    gradients = {n: wanted[n][1](g) for n, g in zip(leaves, first, strict=True) if g is not None}
    directions = {n: np.asarray(rng.normal(size=tuple(g.shape))) for n, g in gradients.items()}
    scalar = sum((gradients[n] * torch.tensor(d)).sum() for n, d in directions.items())
    both = [*leaves.values(), *cotangents]
    depends = torch.is_tensor(scalar) and scalar.requires_grad  # a sample without any element has nothing to depend on
    second = torch.autograd.grad(scalar, both, allow_unused=True) if depends else [None] * len(both)

    seeds = {seed: np.zeros_like(values[output]) for seed, output in found.seeds.items()}
    seeds |= {seed: c.detach().numpy() for seed, c in zip(seeds, cotangents, strict=False)}
    ours = found.gradients_of_s({**values, **seeds}, directions, call.options)
    for n, theirs_of_n in zip([*leaves, *list(seeds)[: len(cotangents)]], second, strict=True):
        layout = wanted[n][1] if n in wanted else (lambda t: t)
        expected = np.zeros_like(ours[n]) if theirs_of_n is None else layout(theirs_of_n).numpy(force=True)
        agree(ours[n], expected, max(TOLERANCE, call.tolerance), f"{what}: gradient of S by {n}")


def elements(call: Call) -> int:
    return sum(t.numel() for t, _ in call.arrays.values() if t is not None)


@pytest.mark.parametrize("operator", some(ADAPTERS, 34))
def test_samples_of_pytorch(operator: str) -> None:
    adapter, _ = ADAPTERS[operator]
    rng = np.random.default_rng(0)
    compared = 0
    for number, given in enumerate(samples(operator)):
        sample = Sample(given.function, copied(given.args), {k: copied(v) for k, v in given.kwargs.items()})
        try:
            inspect.signature(adapter).bind(*sample.args, **sample.kwargs)
        except TypeError:
            continue
        call = adapter(*sample.args, **sample.kwargs)
        if isinstance(call, str) or refused(call) or elements(call) > LARGE or compared == MOST:
            continue
        try:
            compare(sample, call, rng, f"sample {number} of {operator} as {call.layer}{call.options}")
        except RuntimeError as error:
            if "is not implemented" in str(error):
                pytest.skip(f"PyTorch: {error}")
            raise
        compared += 1
    assert compared
