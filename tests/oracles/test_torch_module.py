"""What a module of PyTorch can do, an adapted layer can: train, be copied, saved, compiled, called in any order."""

import copy
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Idx, IndexedBase

import gradscribe
from gradscribe import generated as g
from gradscribe import network as network_of
from gradscribe.codegen.compiler import compile_layer
from gradscribe.derive.ir.index import integers
from gradscribe.derive.layer.equations import Maximum, program
from gradscribe.derive.layer.interface import Layer
from tests.cases.catalogue import layer as catalogue_layer

torch = pytest.importorskip("torch")

from gradscribe.adapters.torch import as_module  # noqa: E402 (needs PyTorch)

pytestmark = pytest.mark.oracle

F64: dict[str, Any] = {"dtype": np.float64}
Tensor = Any


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def randn(*shape: int, seed: int = 0, dtype: Any = None) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype or torch.float64)


def net(seed: int = 0, **options: Any) -> Any:
    options = {**F64, **options}
    return g.Sequential(
        g.Conv2D(1, 4, 3, padding=1, rng=seed, **options), g.BatchNorm(4, **options), g.Tanh(), g.MaxPool2D(2),
        g.Flatten(), g.Dense(64, 5, rng=seed, **options),
    )  # fmt: skip


# ----- training -------------------------------------------------------------------------------------------------------
def test_trains_with_an_optimiser_of_pytorch_as_the_layers_train_by_themselves() -> None:
    ours, theirs = net(), as_module(net())
    loss, criterion = g.SoftmaxCrossEntropy(), as_module(g.SoftmaxCrossEntropy())
    optimiser = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    losses: list[float] = []
    velocity = {name: np.zeros_like(w) for name, w in ours.params.items()}
    for step in range(6):
        x, t = randn(7, 8, 8, 1, seed=step % 2), torch.arange(7) % 5
        value = loss(ours(x.numpy()), t.numpy())
        ours.backward(loss.backward())
        for name, w in ours.params.items():
            velocity[name] = 0.9 * velocity[name] + ours.grads[name]
            w -= 0.1 * velocity[name]
        optimiser.zero_grad()
        found = criterion(theirs(x), t)
        found.backward()
        optimiser.step()
        np.testing.assert_allclose(found.item(), value, rtol=1e-12)
        losses.append(found.item())
    assert losses[-1] < losses[0] * 0.8
    for name, tensor in theirs.state_dict().items():
        place, tensor_name = name.split(".")
        part = ours.layers[int(place)]
        expected = {**part.params, **part.state}[tensor_name]
        np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-12, atol=1e-14)


def test_the_layer_shares_the_memory_of_its_module() -> None:
    layer = g.Dense(3, 2, rng=0)
    module = as_module(layer)
    before = layer.params["w"].copy()
    module(randn(4, 3, dtype=torch.float32)).sum().backward()
    torch.optim.SGD(module.parameters(), lr=0.5).step()
    np.testing.assert_array_equal(layer.params["w"], module.w.detach().numpy())
    assert not np.array_equal(layer.params["w"], before)
    module.double()
    module.w.data += 1
    assert not np.array_equal(layer.params["w"], module.w.detach().numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types_stay(dtype: str) -> None:
    kind = getattr(torch, dtype)
    module = as_module(g.Conv2D(2, 3, 3, dtype=dtype, rng=0))
    x = randn(2, 5, 5, 2, dtype=kind).requires_grad_()
    y = module(x)
    y.square().mean().backward()
    assert {t.dtype for t in (y, x.grad, module.w.grad, module.b.grad)} == {kind}
    assert as_module(g.Conv2D(2, 3, 3, rng=0)).double()(x.double()).dtype is torch.float64


# ----- functions: no state between calls ------------------------------------------------------------------------------
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_forward_passes_then_their_backward_passes_in_any_order(order: tuple[int, int]) -> None:
    module = as_module(net())
    xs = [randn(3, 8, 8, 1, seed=s).requires_grad_() for s in (0, 1)]
    expected = []
    for x in xs:
        fresh = as_module(net())
        (fresh(x) ** 2).sum().backward()
        expected.append((x.grad.clone(), fresh[0].w.grad.clone()))
        x.grad = None
    ys = [(module(x) ** 2).sum() for x in xs]
    total = sum(w for _, w in expected)
    for k in order:
        ys[k].backward()
        torch.testing.assert_close(xs[k].grad, expected[k][0], rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(module[0].w.grad, total, rtol=1e-12, atol=1e-13)


def test_a_layer_used_twice_in_one_graph() -> None:
    layer, x = g.Dense(3, 3, **F64, rng=0), randn(2, 3)
    module = as_module(layer)
    module(torch.tanh(module(x))).sum().backward()
    w, b = (torch.from_numpy(layer.params[n]).clone().requires_grad_() for n in ("w", "b"))
    (torch.tanh(x @ w + b) @ w + b).sum().backward()
    torch.testing.assert_close(module.w.grad, w.grad)


def test_results_share_no_memory_with_inputs() -> None:
    for layer in (g.Flatten(), g.ReLU(), g.ResidualAdd(), g.UpsampleNearest2D(scale_factor=1), g.ZeroPad2D(padding=0)):
        module = as_module(layer)
        inputs = [randn(2, 3, 3, 2, seed=k) for k in range(len(module._operators.functions.inputs))]
        before = [x.clone() for x in inputs]
        module(*inputs).add_(1)
        assert all(torch.equal(x, b) for x, b in zip(inputs, before, strict=True))


def test_tensors_that_are_not_laid_out_in_rows() -> None:
    layer = g.Conv2D(2, 3, 3, **F64, rng=0)
    module = as_module(layer)
    x = randn(2, 2, 6, 5).permute(0, 2, 3, 1).requires_grad_()
    y = module(x)
    y.sum().backward()  # its gradient is one element, stretched
    np.testing.assert_allclose(y.detach(), layer(x.detach().numpy().copy()))
    np.testing.assert_allclose(x.grad, layer.backward(np.ones(y.shape)))


# ----- inputs and outputs ---------------------------------------------------------------------------------------------
def test_inputs_that_may_be_absent() -> None:
    module = as_module(g.ScaledDotProductAttention())
    q, k, v = (randn(2, 3, 4, seed=s).requires_grad_() for s in range(3))
    mask = torch.full((3, 3), -torch.inf).triu(1).double()
    reference = torch.nn.functional.scaled_dot_product_attention
    for given, expected in (
        (module(q, k, v), reference(q, k, v)),
        (module(q, k, v, None), reference(q, k, v)),
        (module(q, k, v, mask), reference(q, k, v, mask)),
        (module(v=v, m=mask, q=q, k=k), reference(q, k, v, mask)),
    ):
        torch.testing.assert_close(given, expected)
        found = [torch.autograd.grad(y.sin().sum(), (q, k, v), retain_graph=True) for y in (given, expected)]
        torch.testing.assert_close(*found)


def test_of_several_outputs_one_may_be_left() -> None:
    module = as_module(g.LSTMCell(3, 4, **F64, rng=0))
    x, h, c = randn(2, 3), randn(2, 4, seed=1), randn(2, 4, seed=2).requires_grad_()
    both = [torch.autograd.grad(module(x, h, c)[k].sum(), c)[0] for k in (0, 1)]
    y, z = module(x, h, c)
    torch.testing.assert_close(torch.autograd.grad((y + z).sum(), c)[0], both[0] + both[1])
    assert not torch.equal(*both)


def test_an_output_of_integers_and_a_constant_one_have_no_gradient() -> None:
    size, classes = integers("N K")
    n, k = Idx("n", size), Idx("k", classes)
    x = IndexedBase("x", shape=(size, classes), real=True)
    m, best, place = (IndexedBase(name, shape=(size,), real=True) for name in ("m", "best", "place"))
    equations = Eq(m[n], Maximum(x[n, k], k)), Eq(best[n], Maximum(x[n, k], k))
    source = program(*equations, inputs=(x,), outputs=(m, best, place), constants="m", arguments={"best": "place"})
    module = as_module(compile_layer(Layer("ranked", "Ranked", "ranking", source)).Ranked())
    scores = randn(4, 3).requires_grad_()
    constant, score, where = module(scores)
    assert [t.requires_grad for t in (constant, score, where)] == [False, True, False]
    assert torch.equal(where, scores.argmax(1))
    torch.testing.assert_close(constant, score.detach())
    (score**2).sum().backward()
    (expected,) = torch.autograd.grad((scores.max(1).values ** 2).sum(), scores)
    torch.testing.assert_close(scores.grad, expected)


def test_labels_and_no_bias() -> None:
    module = as_module(g.Embedding(5, 3, **F64, rng=0))
    t = torch.tensor([[0, 4], [4, 1]])
    module(t).sum().backward()
    np.testing.assert_array_equal(module.w.grad, np.array([1, 1, 0, 0, 2])[:, None] * np.ones(3))
    plain = as_module(g.Dense(3, 2, bias=False, **F64, rng=0))
    assert [name for name, _ in plain.named_parameters()] == ["w"]
    plain(randn(4, 3)).sum().backward()
    assert plain.w.grad.shape == (3, 2)


def test_an_empty_batch() -> None:
    module = as_module(g.Dense(3, 2, **F64, rng=0))
    y = module(torch.zeros(0, 3, dtype=torch.float64))
    y.sum().backward()
    assert y.shape == (0, 2)
    assert not module.w.grad.any()


def test_a_layer_of_ones_own_compiled_in_memory() -> None:
    own = gradscribe.layer("y[n,k] = sum(c) x[n,c] * v[c,k] * x[n,c]; weight v", "squares_of_mine")
    module = as_module(compile_layer(own, 2).SquaresOfMine(C=2, K=3, **F64, rng=0))
    x = randn(4, 2).requires_grad_()
    torch.testing.assert_close(module(x), x**2 @ module.v)
    assert torch.autograd.gradgradcheck(module, x)


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


# ----- copies, files, compilation -------------------------------------------------------------------------------------
def test_copies_state_dicts_and_pickles() -> None:
    module = as_module(net())
    x = randn(3, 8, 8, 1)
    other = copy.deepcopy(module)
    assert torch.equal(other(x), module(x))
    other[5].w.data += 1
    assert not torch.equal(other(x), module(x))
    assert module[5]._operators is other[5]._operators
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(x), module(x))
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    again = torch.load(buffer, weights_only=False)
    assert torch.equal(again(x), module(x))


def test_layers_with_the_same_options_have_the_same_operators() -> None:
    one, same = (as_module(g.Conv2D(1, 2, 3, rng=s)) for s in (0, 1))
    other, plain = as_module(g.Conv2D(1, 2, 3, stride=2)), as_module(g.Conv2D(1, 2, 3, bias=False))
    assert one._operators is same._operators
    assert len({id(m._operators) for m in (one, other, plain)}) == 3


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_it_computes_the_same(backend: str) -> None:
    torch._dynamo.reset()
    module, plain = (torch.nn.Sequential(as_module(net()), torch.nn.Tanh()) for _ in range(2))
    compiled = torch.compile(module, backend=backend)
    for count in (3, 5, 4):  # other sizes compile again, or for any size
        x, z = (randn(count, 8, 8, 1).requires_grad_() for _ in range(2))
        compiled(x).square().sum().backward()
        plain(z).square().sum().backward()
        torch.testing.assert_close(x.grad, z.grad, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(module[0][0].w.grad, plain[0][0].w.grad, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(dict(module.named_buffers()), dict(plain.named_buffers()), rtol=1e-12, atol=1e-12)


# ----- errors ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: m(), "dense: argument x: expected a tensor, received None"),
        (lambda m, x: m(x, x), "dense: expected at most 1 inputs, received 2"),
        (lambda m, x: m(x, x=x), "dense: expected each of x once, received a further x"),
        (lambda m, x: m(x, z=x), "dense: expected each of x once, received a further z"),
        (lambda m, x: m(x.detach().numpy()), "dense: argument x: expected a tensor, received array("),
        (lambda m, x: m(x.long()), "dense: argument x: expected float32 or float64, received int64"),
        (lambda m, x: m(x.float()), "dense: "),
        (lambda m, x: m(x[:, :2]), "dense: argument x, axis -1 (features): expected 3, received 2"),
    ],
)
def test_errors_name_layer_and_argument(call: Any, message: str) -> None:
    module = as_module(g.Dense(3, 2, **F64, rng=0))
    with pytest.raises((TypeError, ValueError)) as caught:
        call(module, randn(4, 3))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_name_that_a_module_has_itself() -> None:
    own = gradscribe.layer("y[n,k] = sum(c) x[n,c] * half[c,k]; weight half", "halves_of_mine")
    with pytest.raises(ValueError, match=r"^weight half: expected a name that .*, found half$"):
        as_module(compile_layer(own).HalvesOfMine(C=2, K=3))


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
