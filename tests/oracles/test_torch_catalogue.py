"""Every layer of the catalogue as a PyTorch module: gradcheck, gradgradcheck, and opcheck of the operators.

The operators are made of what a class says of itself, so opcheck (slow) sees one layer of each kind of class.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.cases.catalogue import TRIED
from tests.cases.instances import instance
from tests.cases.layers import random_values, sampled_case
from tests.cases.second_order_calls import functions

torch = pytest.importorskip("torch")

from gradscribe.adapters.torch import as_module  # noqa: E402 (needs PyTorch)

pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


KINDS = (
    "conv2d",  # weights
    "embedding",  # no input with a gradient
    "max_pool2d",  # keeps integers
    "flatten",  # keeps a shape
    "concatenation",  # several inputs
    "dropout",  # an input without gradient
    "batch_norm",  # state
    "lstm_cell",  # several outputs
    "scaled_dot_product_attention",  # an input that may be absent
    "cross_entropy",  # labels, and a number as output
)


def tensors(arrays: list[Any]) -> list[Any]:
    return [torch.from_numpy(np.array(a)) for a in arrays]


def detached(value: Any) -> Any:
    return [t.detach() for t in value] if isinstance(value, list) else value


class Drawn:
    """A layer of the catalogue as a module, with random values of all that it takes."""

    def __init__(self, name: str) -> None:
        rng = np.random.default_rng(len(name))
        torch.manual_seed(0)
        case = sampled_case(name, rng)
        layer = instance(case, np.float64, functions(name).module)
        values = {**layer.params, **layer.state, **random_values(case, rng)}
        self.module = as_module(layer)
        self.operators = self.module._operators
        self.its = self.operators.functions
        self.given = {n: torch.from_numpy(np.array(values[n])) for n in self.its.inputs if values.get(n) is not None}
        self.wanted = self.its.wanted(list(self.given))
        self.params, self.state = (tensors([values[n] for n in names]) for names in (self.its.params, self.its.state))
        self.leaves = [t.requires_grad_() for t in [*(self.given[n] for n in self.wanted), *self.params]]

    def outputs(self, *leaves: Any) -> Any:
        arrays = {**self.given, **dict(zip(self.wanted, leaves, strict=False))}
        weights = dict(zip(self.its.params, leaves[len(self.wanted) :], strict=True))
        return torch.func.functional_call(self.module, weights, (), arrays)


@pytest.mark.parametrize("name", TRIED)
def test_gradients_of_first_and_second_order(name: str) -> None:
    drawn = Drawn(name)
    assert drawn.leaves
    assert torch.autograd.gradcheck(drawn.outputs, drawn.leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(drawn.outputs, drawn.leaves, fast_mode=True)


@pytest.mark.parametrize("name", KINDS)
def test_the_operators(name: str) -> None:
    drawn = Drawn(name)
    operators, outputs = drawn.operators, drawn.its.outputs
    arguments: tuple[Any, ...] = (list(drawn.given.values()), " ".join(drawn.given), drawn.params, drawn.state)
    torch.library.opcheck(operators.forward, arguments)
    results = operators.forward(*arguments)
    seeds = [torch.randn_like(t) for t, (_, seed) in zip(results, outputs, strict=False) if seed is not None]
    kept = detached([*results[: len(outputs)], *results[len(outputs) + len(drawn.state) :]])
    arguments = ([t.requires_grad_() for t in seeds], *arguments[:3], kept)
    torch.library.opcheck(operators.backward, arguments)
    directions = [torch.randn_like(t) for t in drawn.leaves]
    arguments = (directions, " ".join([*drawn.wanted, *drawn.its.params]), *map(detached, arguments))
    torch.library.opcheck(operators.double_backward, arguments)
