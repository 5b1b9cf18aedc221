"""The text of a `torch.autograd.Function`, executed: its gradients against finite differences in PyTorch."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.calling import option_value
from gradscribe.codegen.target import wrapper
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.facade import layer as read
from gradscribe.facade import network
from tests.cases.catalogue import TRIED, layer

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.oracle
OWN = {
    "strided": "u[n,i] = sum(r) w[r]*x[n, s*i + r]\ns = 2\nweight w",
    "gated": "h[n,k] = sum(c) w[c,k]*x[n,c]\ny[n,k] = h[n,k]*sigmoid(h[n,k])",
    "normalised": "z[n] = sum(k) x[n,k]^2\ny[n,k] = x[n,k]/sqrt(z[n] + eps)\neps = 1e-5",
    "largest": "y[n,i] = max(r) x[n, 2*i + r]",
    "loss": "e = sum(n,k) t[n,k]*(y[n,k] - x[n,k])^2",
    "two": "y[n] = sum(i) x[n,i]\nz[n] = sum(i) x[n,i]^3",
}


def function_of(own: Layer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class that the text defines, beside the module that it imports from."""
    package = ModuleType("generated")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, "generated", package)
    monkeypatch.setitem(sys.modules, f"generated.{own.name}", compile_layer(own))
    found: dict[str, Any] = {}
    exec(compile(wrapper()(own), f"<{own.name}>", "exec"), found)
    return found[f"{own.class_name}Function"]


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", [*TRIED, *OWN])
def test_a_function_gives_the_outputs_and_their_slopes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = read(OWN[name], name) if name in OWN else layer(name)
    function = function_of(own, monkeypatch)
    rng = np.random.default_rng(len(name))
    sizes = sample_sizes(own, rng, limit=2_000)
    values = sample_values(own.program, sizes, rng)
    known = complete_sizes(own.program, sizes)
    tensors = [torch.from_numpy(np.array(values[t.name])) for t in own.program.inputs]
    for tensor, declared in zip(tensors, own.program.inputs, strict=True):
        tensor.requires_grad_(declared.name in own.differentiable)
    named = {o.name: o for o in own.options}
    options = [option_value(named[name], known) for name in _options(function, own)]

    def outputs(*leaves: Any) -> Any:
        found = function.apply(*leaves, *options)
        found = found if isinstance(found, tuple) else (found,)
        return tuple(t for t in found if t.requires_grad) or found

    computed = function.apply(*tensors, *options)
    expected = interpret(own.program, values, sizes)
    for output, found in zip(
        own.program.outputs, computed if isinstance(computed, tuple) else (computed,), strict=True
    ):
        np.testing.assert_allclose(found.detach().numpy(), expected[output], rtol=1e-9, atol=1e-9)
    assert torch.autograd.gradcheck(outputs, tensors, fast_mode=True)


def _options(function: Any, own: Layer) -> list[str]:
    names = function.forward.__code__.co_varnames[: function.forward.__code__.co_argcount]
    return list(names[1 + len(own.program.inputs) :])


def test_a_tensor_may_be_absent_and_only_what_is_wanted_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    function = function_of(layer("dense"), monkeypatch)
    x, w = torch.ones(2, 3, dtype=torch.float64), torch.ones(3, 4, dtype=torch.float64, requires_grad=True)
    function.apply(x, w, None).sum().backward()
    np.testing.assert_array_equal(w.grad, np.full((3, 4), 2.0))
    assert x.grad is None


def test_what_has_no_such_function_says_so() -> None:
    with pytest.raises(EquationError, match="a network is a module there"):
        wrapper()(network("conv2d -> tanh"))
    with pytest.raises(EquationError, match="torch is a name of the code around it"):
        wrapper()(read("y[i] = torch[i]^2", "named"))
