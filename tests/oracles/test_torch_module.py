"""What a module of PyTorch can do, an adapted layer can: train, be copied, saved, compiled, called in any order."""

import copy
import io
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Idx, IndexedBase

import gradscribe
from gradscribe import generated as g
from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.ir.index import integers
from gradscribe.derive.layer.equations import Maximum, program
from gradscribe.derive.layer.interface import Layer
from tests.oracles.torch_modules import F64, net, randn

torch = pytest.importorskip("torch")

from gradscribe.adapters.torch import as_module  # noqa: E402 (needs PyTorch)

pytestmark = [pytest.mark.oracle, pytest.mark.usefixtures("one_thread")]


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
