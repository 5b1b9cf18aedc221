"""The sample inputs that PyTorch tests its own operators with, through our kernels: forward and every gradient."""

import inspect
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pytest

from tests.cases.catalogue import layer
from tests.cases.kernel_calls import agree, forward, gradients

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="the samples of PyTorch's own tests need it")
operators = pytest.importorskip("torch.testing._internal.common_methods_invocations")
modules = pytest.importorskip("torch.testing._internal.common_modules")

from tests.oracles.torch_adapters import ADAPTERS  # noqa: E402 (needs PyTorch)
from tests.oracles.torch_calls import TOLERANCE, Call, refused  # noqa: E402 (needs PyTorch)

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore:Using padding='same'")]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Sample:
    """A function of PyTorch and its arguments."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def copied(value: Any) -> Any:
    """The argument without its history and with memory of its own."""
    if isinstance(value, (tuple, list)) and any(torch.is_tensor(v) for v in value):
        return type(value)(copied(v) for v in value)
    return value.detach().clone() if torch.is_tensor(value) else value


def samples(operator: str) -> Iterator[Sample]:
    """The samples in float64 of an operator or of a module, which is the first argument then."""
    torch.manual_seed(0)
    random.seed(0)
    for op in operators.op_db:
        if f"{op.name} {op.variant_test_name}".strip() == operator:
            for s in op.sample_inputs("cpu", torch.float64, requires_grad=False):
                yield Sample(op.op, (s.input, *s.args), s.kwargs)
    for info in modules.module_db:
        if info.module_cls.__name__ == operator:
            for s in info.module_inputs_func(info, "cpu", torch.float64, requires_grad=False, training=True):
                module = info.module_cls(*s.constructor_input.args, **s.constructor_input.kwargs).double()
                yield Sample(info.module_cls.__call__, (module, *s.forward_input.args), s.forward_input.kwargs)


def compare(sample: Sample, call: Call, rng: np.random.Generator, what: str) -> None:
    """Outputs to 1e-9, then the gradient of every input for random cotangents."""
    arrays = {name: layout(t).detach().numpy().copy() for name, (t, layout) in call.arrays.items() if t is not None}
    arrays |= call.constants
    values = {**arrays, **forward(call.layer, arrays, call.options)}

    wanted = {n: call.arrays[n] for n in layer(call.layer).differentiable if n in arrays and n not in call.constants}
    for leaf, _ in wanted.values():
        leaf.requires_grad_()
    result = sample.function(*sample.args, **{k: v for k, v in sample.kwargs.items() if k != "inplace"})
    theirs = [result] if torch.is_tensor(result) else list(result)[: len(call.outputs)]
    theirs = [layout(t) for t, layout in zip(theirs, call.outputs, strict=True)]
    for name, expected in chain(zip(layer(call.layer).program.outputs, theirs, strict=False), call.updated.items()):
        agree(values[name], expected.detach(), TOLERANCE, f"{what}: {name}")

    cotangents = [rng.normal(size=tuple(t.shape)) for t in theirs]
    torch.autograd.backward(theirs, [torch.tensor(d) for d in cotangents])
    found = gradients(call.layer, values, cotangents, call.options)
    for name, (leaf, layout) in wanted.items():
        agree(found[name], layout(leaf.grad), call.tolerance, f"{what}: gradient of {name}")


@pytest.mark.parametrize("operator", ADAPTERS)
def test_samples_of_pytorch(operator: str) -> None:
    adapter, least = ADAPTERS[operator]
    rng = np.random.default_rng(0)
    compared, reasons = 0, Counter[str]()
    for number, given in enumerate(samples(operator)):
        sample = Sample(given.function, copied(given.args), {k: copied(v) for k, v in given.kwargs.items()})
        try:
            inspect.signature(adapter).bind(*sample.args, **sample.kwargs)
        except TypeError as error:
            reasons[str(error)] += 1
            continue
        call = adapter(*sample.args, **sample.kwargs)
        if isinstance(call, str):
            reasons[call] += 1
        elif refused(call):
            reasons[refused(call)] += 1
        else:
            compare(sample, call, rng, f"sample {number} of {operator} as {call.layer}{call.options}")
            compared += 1
    print(f"{operator}: {compared} samples compared, not comparable: {dict(reasons)}")
    assert compared >= least, dict(reasons)
