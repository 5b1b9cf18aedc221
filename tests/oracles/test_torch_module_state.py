"""An adapted layer with state, a network, and second derivatives, as a module of PyTorch."""

from typing import Any

import numpy as np
import pytest

from gradscribe import generated as g
from gradscribe import network as network_of
from gradscribe.codegen.driver import compile_layer
from tests.cases.catalogue import layer as catalogue_layer
from tests.oracles.torch_modules import F64, randn

torch = pytest.importorskip("torch")

from gradscribe.adapters.torch import as_module  # noqa: E402 (needs PyTorch)

pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("one_thread")]


# ----- running statistics and evaluation ------------------------------------------------------------------------------
def test_running_statistics_are_buffers() -> None:
    layer = g.BatchNorm(3, **F64)
    module, reference = as_module(layer), torch.nn.BatchNorm1d(3).double()
    for step in range(3):
        x = randn(5, 3, seed=step)
        torch.testing.assert_close(module(x), reference(x))
    assert [name for name, _ in module.named_buffers()] == ["running_mean", "running_var"]
    for name, buffer in module.named_buffers():
        torch.testing.assert_close(buffer, dict(reference.named_buffers())[name])
        np.testing.assert_array_equal(layer.state[name], buffer.numpy())
    torch.testing.assert_close(module.eval()(x), reference.eval()(x))
    for name, buffer in module.named_buffers():
        torch.testing.assert_close(buffer, dict(reference.named_buffers())[name])


class Net:
    """A network of the contract, y = (x w) (x w), that may keep its activations in buffers that it uses again."""

    layers = {"f1": "dense"}  # noqa: RUF012 (as the contract has it)

    def __init__(self) -> None:
        self.params = {"f1.w": np.random.default_rng(0).normal(size=(3, 2))}
        self.state = {"f1.calls": np.zeros(1)}
        self.grads: dict[str, Any] = {}
        self._saved: Any = None
        self.buffers: Any = {"u": np.zeros((4, 2)), "y": np.zeros((4, 2)), "dx": np.zeros((4, 3))}

    def _memory(self, name: str) -> Any:
        return None if self.buffers is None else self.buffers[name]

    def __call__(self, x: Any) -> Any:
        u = np.matmul(x, self.params["f1.w"], out=self._memory("u"))
        self._saved = {"x": x, "rest": [(u, x.shape)]}
        self.state["f1.calls"] += 1
        return np.square(u, out=self._memory("y"))

    def backward(self, dy: Any) -> Any:
        x, ((u, shape),) = self._saved["x"], self._saved["rest"]
        assert x.shape == shape
        self.grads["f1.w"] = x.T @ (2 * dy * u)
        return np.matmul(2 * dy * u, self.params["f1.w"].T, out=self._memory("dx"))

    def predict(self, x: Any) -> Any:
        return -np.square(x @ self.params["f1.w"])


def test_a_network_that_uses_its_buffers_again() -> None:
    layer = Net()
    module = as_module(layer)
    assert list(module.state_dict()) == ["f1.w", "f1.calls"]
    assert torch.autograd.gradcheck(module, randn(4, 3).requires_grad_())
    xs = [randn(4, 3, seed=s).requires_grad_() for s in (0, 1)]
    ys = [module(x) for x in xs]
    for x, y in zip(xs, ys, strict=True):
        torch.testing.assert_close(y, (x @ module.f1.w) ** 2)
    found = [torch.autograd.grad(y.sum(), x)[0] for x, y in zip(xs, ys, strict=True)]
    for x, dx in zip(xs, found, strict=True):
        torch.testing.assert_close(dx, torch.autograd.grad(((x @ module.f1.w) ** 2).sum(), x)[0])
    assert module.f1.calls.item() == layer.state["f1.calls"] > 2


def test_evaluation_predicts_and_has_no_gradient() -> None:
    module = as_module(Net()).eval()
    calls = module.f1.calls.clone()
    x = randn(4, 3)
    torch.testing.assert_close(module(x).detach(), -((x @ module.f1.w) ** 2).detach())
    assert torch.equal(module.f1.calls, calls)
    with pytest.raises(RuntimeError, match=r"^Net: evaluation has no gradient; call train\(\) first$"):
        module(x.requires_grad_()).sum().backward()
    with torch.no_grad():
        torch.library.opcheck(module._operators.evaluate, ([x.detach()], "x", list(module.parameters()), [calls]))


@pytest.mark.parametrize(("cls", "shape"), [(g.LeNet, (2, 32, 32, 1)), (g.Bottleneck, (2, 3, 3, 64))])
def test_a_generated_network(cls: Any, shape: tuple[int, ...]) -> None:
    module, other = as_module(cls(**F64, rng=0)), cls(**F64, rng=0)
    x = randn(*shape).requires_grad_()
    for _ in range(2):
        module.zero_grad()
        y = module(x)
        (dx,) = torch.autograd.grad((y**3).sum(), x, retain_graph=True)
        (y**3).sum().backward()
        expected = other(x.detach().numpy())
        np.testing.assert_array_equal(y.detach(), expected)
        np.testing.assert_allclose(dx, other.backward(3 * expected**2), rtol=1e-12, atol=1e-12)
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(parameter.grad, other.grads[name], rtol=1e-12, atol=1e-12, err_msg=name)
    for name, buffer in module.named_buffers():
        np.testing.assert_array_equal(buffer, other.state[name], err_msg=name)
    np.testing.assert_array_equal(module.eval()(x).detach(), other.predict(x.detach().numpy()))

    operators = module._operators
    assert as_module(cls(**F64, rng=1))._operators is operators
    assert as_module(other)._operators is operators, "calls add no options"
    arguments = ([x], "x", list(module.parameters()), list(module.buffers()))
    torch.library.opcheck(operators.forward, arguments)
    results = [t.detach() for t in operators.forward(*arguments)]
    kept = [results[0], *results[1 + len(arguments[3]) :]]
    torch.library.opcheck(operators.backward, ([torch.ones_like(y)], [x.detach()], "x", [
        p.detach() for p in module.parameters()], kept))  # fmt: skip
    assert torch.autograd.gradcheck(module.train(), x, fast_mode=True)


# ----- second derivatives ---------------------------------------------------------------------------------------------
def test_without_order_2_a_second_derivative_is_an_error_and_a_first_one_is_none() -> None:
    module = as_module(g.Tanh())
    x = randn(3).requires_grad_()
    (dx,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
    torch.testing.assert_close(dx, 1 - torch.tanh(x) ** 2)
    with pytest.raises(RuntimeError, match=r"^tanh: the layer has no second derivative; generate it with order 2"):
        dx.sum().backward()


def test_a_third_derivative_is_an_error() -> None:
    module = as_module(compile_layer(catalogue_layer("tanh"), 2).Tanh())
    x = randn(3).requires_grad_()
    (dx,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
    (ddx,) = torch.autograd.grad(dx.sum(), x, create_graph=True)
    torch.testing.assert_close(ddx, -2 * torch.tanh(x) * (1 - torch.tanh(x) ** 2))
    with pytest.raises(RuntimeError, match=r"^tanh: a third derivative is not derived$"):
        ddx.sum().backward()


def test_layers_in_a_row_have_second_derivatives() -> None:
    conv, tanh, pool, flatten, dense = (
        getattr(compile_layer(catalogue_layer(name), 2), catalogue_layer(name).class_name)
        for name in ("conv2d", "tanh", "max_pool2d", "flatten", "dense")
    )
    inner = g.Sequential(tanh(), pool(2))
    module = as_module(g.Sequential(conv(1, 2, 3, **F64, rng=0), inner, flatten(), dense(8, 3, **F64, rng=0)))
    assert list(module.state_dict()) == ["0.w", "0.b", "3.w", "3.b"]
    assert len(module[1]) == 2
    names = [name for name, _ in module.named_parameters()]

    def outputs(x: Any, *weights: Any) -> Any:
        return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), x)

    leaves = (randn(2, 6, 6, 1).requires_grad_(), *(p.detach().requires_grad_() for p in module.parameters()))
    assert torch.autograd.gradcheck(outputs, leaves)
    assert torch.autograd.gradgradcheck(outputs, leaves)


def test_a_penalty_on_a_gradient_trains_the_weights() -> None:
    made = compile_layer(catalogue_layer("conv2d"), 2).Conv2D(1, 2, 3, **F64, rng=0)
    module = as_module(made)
    x = randn(2, 5, 5, 1).requires_grad_()
    w = module.w.detach().permute(3, 2, 0, 1).clone().requires_grad_()
    (dx,) = torch.autograd.grad(module(x).tanh().sum(), x, create_graph=True)
    (dx**2).sum().backward()
    y = torch.nn.functional.conv2d(x.movedim(-1, 1), w, module.b.detach())
    (expected,) = torch.autograd.grad(y.tanh().sum(), x, create_graph=True)
    (expected**2).sum().backward()
    torch.testing.assert_close(module.w.grad, w.grad.permute(2, 3, 1, 0))


SMALL = """
input x[N, 5, 5, 2]
c1: conv2d(3, 3, padding=1) -> batch_norm -> tanh
-> residual(conv2d(3, 3, padding=1) -> tanh) -> max_pool2d(2) -> flatten -> f2: dense(3)
"""


@pytest.mark.thorough
def test_a_network_of_second_order() -> None:
    """gradcheck and gradgradcheck with respect to the input and to every weight; opcheck of all three operators."""
    made = network_of(SMALL, "small").compile(order=2)
    module = as_module(made.Small(**F64, rng=0))
    x = randn(2, 5, 5, 2).requires_grad_()
    weights = dict(module.named_parameters())

    def of_weights(*values: Any) -> Any:
        return torch.func.functional_call(module, dict(zip(weights, values, strict=True)), (x.detach(),))

    for function, given in ((module, (x,)), (of_weights, tuple(weights.values()))):
        assert torch.autograd.gradcheck(function, given)
        assert torch.autograd.gradgradcheck(function, given)
    state = list(module.buffers())
    torch.library.opcheck(module._operators.forward, ([x.detach()], "x", list(weights.values()), state))


def test_a_network_of_first_order_has_no_second_derivative() -> None:
    module = as_module(network_of(SMALL, "small").compile().Small(**F64, rng=0))
    x = randn(2, 5, 5, 2).requires_grad_()
    (dx,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="order"):
        dx.sum().backward()
