"""After training: nothing is dropped, running statistics are used, and no mask is asked for."""

import inspect
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe import generated, network
from gradscribe.adapters.functional import Functional
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.composition import Network, compose
from gradscribe.derive.composition.network import Node
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.language import LanguageError
from tests.cases.catalogue import TRIED
from tests.cases.catalogue import layer as catalogue_layer
from tests.cases.instances import call_arguments, instance, returned
from tests.cases.layers import random_values, sampled_case
from tests.cases.together import together

X = np.random.default_rng(0).normal(size=(6, 5))
MASK = (np.random.default_rng(1).random((6, 5)) > 0.4).astype(float)
OWN = """
# noise in training, its mean after it
input x[..., C], noise[..., C], m[C]
constant noise, m, new_m
output y, new_m
y[..., c] = x[..., c] * noise[..., c] - m[c]
new_m[c] = m[c] / 2
evaluation y[..., c] = x[..., c] / 3 - m[c]
"""


def own() -> Any:
    return gradscribe.layer(OWN, "noisy", state=(("m", "new_m", 1.0),))


@together("name", TRIED)
def test_every_class_predicts(name: str) -> None:
    """As a call where nothing else is said; what backward keeps and the state stay."""
    case = sampled_case(name, np.random.default_rng(5))
    layer = instance(case, np.float64)
    values = {**layer.params, **random_values(case, np.random.default_rng(6))}
    layer.params = {n: values[n] for n in layer.params}
    layer.state = {n: np.abs(values[n]) for n in layer.state}
    given = {n: values[n] for n in call_arguments(case) if n in values}
    with np.errstate(all="ignore"):
        outputs = layer(**given)
        saved, state = layer._saved, {n: a.copy() for n, a in layer.state.items()}
        asked = type(layer).evaluation
        found = layer.predict(**{n: a for n, a in given.items() if asked is None or n in asked})
        program = case.layer.evaluation
        if program is not None:
            expected: Any = interpret(program, {**values, **layer.state}, case.sizes)
            outputs = tuple(expected[n] for n in returned(case))
            outputs = outputs if len(outputs) > 1 else outputs[0]
    for a, b in zip(*((v if isinstance(v, tuple) else (v,)) for v in (found, outputs)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    assert layer._saved is saved
    for n, a in state.items():
        np.testing.assert_array_equal(layer.state[n], a)


def test_the_layers_whose_evaluation_differs() -> None:
    assert {n for n in LAYERS if catalogue_layer(n).evaluation is not None} == {"dropout", "batch_norm"}
    assert generated.Dropout.evaluation == generated.BatchNorm.evaluation == ("x",)
    assert generated.Tanh.evaluation is None


def test_the_docstrings_say_what_training_takes() -> None:
    assert "Training takes x and mask; `predict`, after training, takes x." in str(generated.Dropout.__doc__)
    assert list(inspect.signature(generated.Dropout.predict).parameters) == ["self", "x"]
    net: Any = network("input x[N, 5]\ndense(5) -> drop: dropout(p=0.25) -> dense(2)", "net").compile()
    assert "Training takes drop_mask, too; `predict`, after training, does not." in " ".join(
        str(net.Net.__doc__).split()
    )
    assert str(net.Net.__call__.__doc__) == "The output in training, for x and drop_mask."
    assert list(inspect.signature(net.Net.predict).parameters) == ["self", "x"]
    assert list(inspect.signature(net.net_predict).parameters)[:2] == ["x", "params"]
    assert "drop_mask, shape (N, 5), mask of drop, in training;" in str(net.net_forward.__doc__)


def test_a_network_drops_in_training_only() -> None:
    text = (
        "input x[N, 5]\na: dense(5) -> drop: dropout(p=0.25) -> n: batch_norm -> b: dense(2)\nloss mean_squared_error"
    )
    module: Any = network(text, "net").compile()
    net = module.Net(rng=0, dtype=np.float64)
    w, b = net.params["a.w"], net.params["a.b"]
    v, c = net.params["b.w"], net.params["b.b"]
    u = (X @ w + b) * MASK / 0.75
    h = (u - u.mean(0)) / np.sqrt(u.var(0) + 1e-5)
    np.testing.assert_allclose(net(X, MASK), h @ v + c)
    mean, var = net.state["n.running_mean"], net.state["n.running_var"]
    np.testing.assert_allclose(mean, 0.1 * u.mean(0))
    expected = (X @ w + b - mean) / np.sqrt(var + 1e-5) @ v + c
    np.testing.assert_allclose(net.predict(X), expected)
    its = Functional(net)
    given = {"x": X, "drop_mask": MASK}
    params, state = list(net.params.values()), list(net.state.values())
    np.testing.assert_allclose(its.evaluate({"x": X}, params, state)[0], expected)
    np.testing.assert_allclose(its.evaluate(given, params, state)[0], expected)


def test_a_mask_may_be_an_input_of_the_network() -> None:
    text = "input x[N, 5]\ninput m[N, 5]\n(x, m) -> dropout -> dense(2)"
    module: Any = network(text, "net").compile()
    assert "Training takes m, too; `predict`, after training, does not." in str(module.Net.__doc__)
    net = module.Net(rng=0, dtype=np.float64)
    np.testing.assert_allclose(net(X, MASK), X * MASK * 2 @ net.params["dense1.w"] + net.params["dense1.b"])
    np.testing.assert_allclose(net.predict(X), X @ net.params["dense1.w"] + net.params["dense1.b"])


def test_sequential() -> None:
    rows = generated.Sequential(
        generated.Dense(5, 5, dtype=np.float64, rng=0),
        generated.Dropout(p=0.5),
        generated.BatchNorm(5, dtype=np.float64),
    )
    y = rows(X, {"1.mask": MASK})
    assert rows.backward(y).shape == X.shape
    dense, _, norm = rows.layers
    u = X @ dense.params["w"] + dense.params["b"]
    expected = (u - norm.state["running_mean"]) / np.sqrt(norm.state["running_var"] + 1e-5)
    np.testing.assert_allclose(rows.predict(X), expected)
    np.testing.assert_allclose(generated.Sequential(rows, generated.Tanh()).predict(X), np.tanh(expected))
    for wrong in ("mask", "7.mask", "x.mask", "1."):
        with pytest.raises(ValueError, match=r"^Sequential: argument others: expected names such as 2\.mask, received"):
            rows(X, {wrong: MASK})


# ----- a layer of one's own ------------------------------------------------------------------------------------------
def test_a_text_says_what_holds_after_training() -> None:
    layer = own()
    assert [t.name for t in layer.evaluation.inputs] == ["x", "m"]
    module: Any = compile_layer(layer)
    noisy = module.Noisy(C=5, dtype=np.float64)
    np.testing.assert_allclose(noisy(X, MASK), X * MASK - 1)
    np.testing.assert_allclose(noisy.predict(X), X / 3 - 0.5)
    np.testing.assert_allclose(noisy.backward(np.ones_like(X)), MASK)
    checked = {v.checked: v.passed for v in verify_layer(layer, 3)}
    assert checked["noisy_predict"]
    assert all(checked.values())
    nodes = [Node("d", LAYERS["dense"](), ("x",), (("out_features", 5),)), Node("s", layer, ("d",))]
    composed = gradscribe.layer(compose("net", nodes, "s", inputs={"x": ("N", 5)}))
    assert isinstance(composed, Network)
    net: Any = composed.compile()
    built = net.Net(rng=0, dtype=np.float64)
    u = X @ built.params["d.w"] + built.params["d.b"]
    np.testing.assert_allclose(built(X, MASK), u * MASK - 1)
    np.testing.assert_allclose(built.predict(X), u / 3 - 0.5)


def test_several_equations_may_be_replaced() -> None:
    text = "y[n] = x[n] + z[n]\ny[n] += q[n]\nevaluation y[n] = 2*x[n]\nevaluation y[n] += z[n]"
    module: Any = gradscribe.layer(text, "two").compile()
    x, z, q = np.arange(3.0), np.ones(3), np.full(3, 7.0)
    np.testing.assert_allclose(module.two_forward(x, z, q), x + z + q)
    np.testing.assert_allclose(module.two_predict(x, z), 2 * x + z)
    np.testing.assert_allclose(module.Two().predict(x, z), 2 * x + z)


def test_a_layer_with_state_that_says_nothing_does_not_predict() -> None:
    text = OWN.replace("evaluation", "#")
    module: Any = gradscribe.layer(text, "noisy", state=(("m", "new_m", 1.0),)).compile()
    with pytest.raises(RuntimeError, match=r"^Noisy: its equations do not say what holds after training$"):
        module.Noisy(C=5).predict(X)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("y[n] = x[n]; evaluation z[n] = x[n]", 25, "no equation defines z in training"),
        ("y[n] = x[n]; evaluation y[n] += x[n]", 25, "expected evaluation y = ... here"),
        ("y[n] = x[n]; evaluation y[n] = x[n]; evaluation y[n] = z[n]", 49, "expected evaluation y += ... here"),
        ("y[n] = x[n]; evaluation y[n] = x[n]*z[n]", 25, "after training z is another one; expected training's inputs"),
        ("y[n] = x[n]; evaluation y[n,k] = x[n,k]", 25, "after training x is another one; expected 1 axes of x"),
    ],
)
def test_mistakes_in_it_are_pointed_at(text: str, column: int, message: str) -> None:
    with pytest.raises(LanguageError) as caught:
        gradscribe.layer(text)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (1, column)


# ----- PyTorch --------------------------------------------------------------------------------------------------------
@pytest.mark.oracle
def test_modules_in_evaluation() -> None:
    torch = pytest.importorskip("torch")
    from gradscribe.adapters.torch import as_module

    x, mask = torch.from_numpy(X), torch.from_numpy(MASK)
    drop = as_module(generated.Dropout(p=0.25))
    torch.testing.assert_close(drop(x, mask), x * mask / 0.75)
    drop.eval()
    torch.testing.assert_close(drop(x), x)
    torch.testing.assert_close(drop(x, mask), x)
    text = "input x[N, 5]\na: dense(5) -> drop: dropout(p=0.25) -> n: batch_norm -> b: dense(2)"
    module: Any = network(text, "net").compile()
    layer = module.Net(rng=0, dtype=np.float64)
    adapted = as_module(layer)
    reference = torch.nn.Sequential(
        torch.nn.Linear(5, 5), torch.nn.Dropout(0.25), torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 2)
    ).double()
    for number, name in ((0, "a"), (3, "b")):
        reference[number].weight.data = torch.from_numpy(layer.params[f"{name}.w"].T.copy())
        reference[number].bias.data = torch.from_numpy(layer.params[f"{name}.b"].copy())
    adapted(x, torch.ones_like(mask) * 0.75)  # nothing is dropped
    reference[1].eval()
    reference(x)
    adapted.eval(), reference.eval()
    with torch.no_grad():
        torch.testing.assert_close(adapted(x), reference(x))
        torch.testing.assert_close(torch.compile(adapted, backend="eager")(x), reference(x))
    rows = as_module(generated.Sequential(generated.Dropout(), generated.BatchNorm(5, dtype=np.float64))).eval()
    torch.testing.assert_close(rows(x), x / np.sqrt(1 + 1e-5))
    with pytest.raises(TypeError, match="argument mask: expected a tensor, received None"):
        drop.train()(x)
