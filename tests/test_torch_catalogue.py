"""Every layer of the catalogue as a PyTorch module: gradcheck, gradgradcheck, and opcheck of its operators."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from derive.layers import LAYERS
from tests.cases import random_values, sampled_case
from tests.instances import instance
from tests.second_order_calls import functions

torch = pytest.importorskip("torch")

from adapters.torch import as_module  # noqa: E402 (needs PyTorch)

pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tensors(arrays: list[Any]) -> list[Any]:
    return [torch.from_numpy(np.array(a)) for a in arrays]


def detached(value: Any) -> Any:
    return [t.detach() for t in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_first_and_second_order_and_the_operators(name: str) -> None:
    rng = np.random.default_rng(len(name))
    torch.manual_seed(0)
    case = sampled_case(name, rng)
    layer = instance(case, np.float64, functions(name).module)
    values = {**layer.params, **layer.state, **random_values(case, rng)}
    module = as_module(layer)
    operators = module._operators
    its = operators.functions
    given = {n: torch.from_numpy(np.array(values[n])) for n in its.inputs if values.get(n) is not None}
    wanted = its.wanted(list(given))
    assert wanted or its.params
    params, state = (tensors([values[n] for n in names]) for names in (its.params, its.state))
    leaves = [t.requires_grad_() for t in [*(given[n] for n in wanted), *params]]

    def outputs(*leaves: Any) -> Any:
        arrays = {**given, **dict(zip(wanted, leaves, strict=False))}
        weights = dict(zip(its.params, leaves[len(wanted) :], strict=True))
        return torch.func.functional_call(module, weights, (), arrays)

    assert torch.autograd.gradcheck(outputs, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(outputs, leaves, fast_mode=True)

    arguments = (list(given.values()), " ".join(given), params, state)
    torch.library.opcheck(operators.forward, arguments)
    results = operators.forward(*arguments)
    count = len(its.outputs)
    seeds = [torch.randn_like(t) for t, (_, seed) in zip(results, its.outputs, strict=False) if seed is not None]
    kept = detached([*results[:count], *results[count + len(state) :]])
    arguments = ([t.requires_grad_() for t in seeds], *arguments[:3], kept)
    torch.library.opcheck(operators.backward, arguments)
    directions = [torch.randn_like(t) for t in leaves]
    arguments = (directions, " ".join([*wanted, *its.params]), *map(detached, arguments))
    torch.library.opcheck(operators.double_backward, arguments)
