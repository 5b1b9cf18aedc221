"""Cases in PyTorch, eager or by `torch.compile`; gradients are calls of the operator's own where it has one."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from benchmarks.cases.equation_twins import TWINS
from benchmarks.cases.equations import Equation
from benchmarks.cases.own_cases import catalogue as own_network
from benchmarks.cases.sizes_of_cases import Case
from benchmarks.rows import Array
from benchmarks.sides import Prepared

aten = torch.ops.aten
Tensors = Mapping[str, Any]
STEPS = ("perceptron", "block", "inference")
"""What `torch.compile` is asked for, besides training."""


class Ways(NamedTuple):
    """How PyTorch computes: the layout of images, and whether it compiles."""

    layout: Any
    compiled: bool


def prepare(case: Case, operation: str, arrays: Mapping[str, Array], ways: Ways) -> Prepared:
    """An operation of a case on these arrays."""
    if case.kind == "inference":
        return _predict(case, arrays, ways)
    if case.kind in STEPS:
        return _step(case, {name: torch.tensor(array) for name, array in arrays.items()}, ways)
    if case.kind == "batch_norm":
        return _batch_norm(operation, arrays, ways)
    return MAKERS[case.kind](operation, {name: torch.tensor(array) for name, array in arrays.items()})


def _named(*names: str) -> Callable[[Any], dict[str, Array]]:
    """One result, or several in that order, as arrays."""
    return lambda found: {
        name: result.detach().numpy()
        for name, result in zip(names, found if isinstance(found, tuple | list) else [found], strict=True)
    }


def _dense(operation: str, a: Tensors) -> Prepared:
    w = a["w"].T.contiguous()
    calls: dict[str, Callable[[], Any]] = {
        "forward": lambda: functional.linear(a["x"], w, a["b"]),
        "dx": lambda: a["dy"] @ w,
        "dw": lambda: a["dy"].T @ a["x"],
    }
    if operation == "dw":
        return Prepared(calls[operation], lambda found: {operation: found.T.numpy()})
    return Prepared(calls[operation], _named(operation))


def _softmax(operation: str, a: Tensors) -> Prepared:
    if operation == "forward":
        return Prepared(lambda: functional.softmax(a["x"], -1), _named(operation))
    y = functional.softmax(a["x"], -1)
    return Prepared(lambda: aten._softmax_backward_data(a["dy"], y, -1, y.dtype), _named(operation))


def _layer_norm(operation: str, a: Tensors) -> Prepared:
    given = a["x"], a["x"].shape[1:]
    affine = a["gamma"], a["beta"]
    if operation == "forward":
        return Prepared(lambda: functional.layer_norm(*given, *affine), _named(operation))
    _, mean, root = aten.native_layer_norm(*given, *affine, 1e-5)
    mask, kept, names = _wanted(operation)

    def backward() -> Any:
        return aten.native_layer_norm_backward(a["dy"], *given, mean, root, *affine, mask)[kept]

    return Prepared(backward, _named(*names))


def _wanted(operation: str) -> tuple[list[bool], slice, tuple[str, ...]]:
    if operation == "dx":
        return [True, False, False], slice(0, 1), ("dx",)
    return [False, True, True], slice(1, 3), ("dgamma", "dbeta")


def _batch_norm(operation: str, arrays: Mapping[str, Array], ways: Ways) -> Prepared:
    def image(array: Array) -> Any:
        return torch.tensor(array).permute(0, 3, 1, 2).contiguous(memory_format=ways.layout)

    x, dy = image(arrays["x"]), image(arrays["dy"])
    gamma, beta = (torch.tensor(arrays[name]) for name in ("gamma", "beta"))
    running = torch.zeros_like(gamma), torch.ones_like(gamma)
    if operation == "forward":
        return Prepared(
            lambda: functional.batch_norm(x, *running, gamma, beta, True, 0.1, 1e-5),
            lambda found: {operation: found.permute(0, 2, 3, 1).numpy()},
        )
    _, mean, root = aten.native_batch_norm(x, gamma, beta, *running, True, 0.1, 1e-5)
    mask, kept, names = _wanted(operation)

    def backward() -> Any:
        return aten.native_batch_norm_backward(dy, x, gamma, *running, mean, root, True, 1e-5, mask)[kept]

    def shown(found: Any) -> dict[str, Array]:
        return {"dx": found[0].permute(0, 2, 3, 1).numpy()}

    return Prepared(backward, shown if operation == "dx" else _named(*names))


def _attention(operation: str, a: Tensors) -> Prepared:
    given = [a[name][None].requires_grad_(operation != "forward") for name in ("q", "k", "v")]
    forward = partial(functional.scaled_dot_product_attention, *given)
    if operation == "forward":
        return Prepared(forward, lambda found: {operation: found[0].numpy()})
    return _past(forward(), given, a["dy"][None], lambda found: _named("dq", "dk", "dv")([f[0] for f in found]))


def _past(y: Any, given: list[Any], dy: Any, shown: Callable[[Any], dict[str, Array]]) -> Prepared:
    """All gradients by autograd, again and again."""
    return Prepared(lambda: torch.autograd.grad(y, given, dy, retain_graph=True), shown)


def _lstm_cell(operation: str, a: Tensors) -> Prepared:
    # gates are PyTorch's rows, and our middle axis
    flat = {name: a[name].flatten(1).T.contiguous() for name in ("w", "r")} | {"b": a["b"].flatten()}
    given = [{**a, **flat}[name].requires_grad_(operation != "forward") for name in ("x", "h", "c", "w", "r", "b")]
    x, h, c, w, r, b = given
    none = torch.zeros_like(b)
    forward = partial(torch.lstm_cell, x, (h, c), w, r, b, none)
    if operation == "forward":
        return Prepared(forward, _named("y", "z"))

    def shown(found: Any) -> dict[str, Array]:
        names = "dx", "dh", "dc", "dw", "dr", "db"
        return {
            name: (gradient.T if name in ("dw", "dr") else gradient).reshape(a[name[1:]].shape).numpy()
            for name, gradient in zip(names, found, strict=True)
        }

    return _past(forward(), given, (a["dy"], a["dz"]), shown)


def _sequence(operation: str, a: Tensors, made: Any) -> Prepared:
    """Forward and all gradients of one of PyTorch's modules; its gates are rows, one behind the other."""
    own = made(a["x"].shape[-1], a["dy"].shape[-1], batch_first=True).to(a["x"].dtype)
    biases = [a.get("b"), a.get("d", torch.zeros_like(a["b"]))]
    laid = [*(a[name].flatten(1).T for name in ("w", "r")), *(bias.flatten() for bias in biases)]
    own.load_state_dict(dict(zip(own.state_dict(), laid, strict=True)))
    x = a["x"].requires_grad_()
    leaves = [x, *own.parameters()]

    def step() -> Any:
        y = own(x)[0]
        return y, *torch.autograd.grad(y, leaves, a["dy"])

    def shown(found: Any) -> dict[str, Array]:
        named = dict(zip(("y", "dx", "dw", "dr", "db", "dd"), found, strict=True))
        turned = {name: value.T if name in ("dw", "dr") else value for name, value in named.items()}
        shapes = {"y": a["dy"].shape, **{f"d{name}": a[name].shape for name in a if name != "dy"}}
        return {name: turned[name].reshape(shape).detach().numpy() for name, shape in shapes.items()}

    return Prepared(step, shown)


MAKERS: Mapping[str, Callable[[str, Tensors], Prepared]] = {
    "dense": _dense,
    "softmax": _softmax,
    "layer_norm": _layer_norm,
    "attention": _attention,
    "lstm_cell": _lstm_cell,
    "lstm": partial(_sequence, made=torch.nn.LSTM),
    "gru": partial(_sequence, made=torch.nn.GRU),
    "simple_rnn": partial(_sequence, made=torch.nn.RNN),
}


# ----- steps and networks ---------------------------------------------------------------------------------------------
def perceptron(a: Tensors) -> Any:
    """The perceptron's output."""
    hidden = functional.relu(functional.linear(a["x"], a["w"], a["b"]))
    return functional.linear(functional.relu(functional.linear(hidden, a["p"], a["d"])), a["q"], a["f"])


def block(a: Tensors) -> Any:
    """The output of the transformer's block; its weights lie as `_laid` says."""
    x = a["x"]
    n, t, c = x.shape
    h = functional.layer_norm(x, (c,), a["gain"], a["shift"])
    heads = a["wq"].shape[0] // a["width"]
    q, k, v = (
        functional.linear(h, a[name]).view(n, t, heads, a["width"]).transpose(1, 2) for name in ("wq", "wk", "wv")
    )
    o = functional.scaled_dot_product_attention(q, k, v)
    i = x + functional.linear(o.transpose(1, 2).reshape(n, t, -1), a["wo"])
    u = functional.linear(functional.layer_norm(i, (c,), a["gain2"], a["shift2"]), a["w1"], a["b1"])
    return i + functional.linear(functional.relu(u), a["w2"], a["b2"])


def _step(case: Case, a: Tensors, ways: Ways) -> Prepared:
    """Forward and all gradients, of the input too."""
    laid = {name: _laid(name, value).requires_grad_() for name, value in a.items() if name != "dy"}
    leaves, first = list(laid.values()), list(laid)[1]
    function = torch.compile(FUNCTIONS[case.kind]) if ways.compiled else FUNCTIONS[case.kind]
    given = laid | ({"width": a["wq"].shape[-1]} if case.kind == "block" else {})

    def step() -> Any:
        y = function(given)
        return y, *torch.autograd.grad(y, leaves, a["dy"])

    def shown(found: Any) -> dict[str, Array]:
        dw = found[2].T if a[first].ndim > 1 else found[2]
        return {"y": found[0].detach().numpy(), "dx": found[1].numpy(), "dw": dw.reshape(a[first].shape).numpy()}

    return Prepared(step, shown)


FUNCTIONS = {"perceptron": perceptron, "block": block}


def _laid(name: str, value: Any) -> Any:
    """A weight as PyTorch's `linear` has it: columns, rows."""
    if name == "x" or value.ndim < 2:
        return value
    return (value.flatten(0, 1) if name == "wo" else value.flatten(1)).T.contiguous()


def catalogue(name: str, dtype: Any, layout: Any) -> Any:
    """A network of the catalogue by hand, the weights those of the generated one."""
    from gradscribe.derive.catalogue.networks.lenet5_data import BITMAPS, TABLE
    from tests.oracles import torch_networks

    words = {"lenet": "LeNet", "resnet20": "ResNet20", "vgg11": "VGG11"}
    if name == "lenet5":
        module: Any = torch_networks.LeNet5(np.array(TABLE), np.array(BITMAPS))
        module.table, module.codes = module.table.to(dtype), module.codes.to(dtype)
    else:
        module = getattr(torch_networks, words[name])()
    loaded = torch_networks.load(module, own_network(name)(dtype=np.float64, rng=0))
    return loaded.to(dtype=dtype, memory_format=layout)


def equation(case: Equation, arrays: Mapping[str, Array]) -> Prepared:
    """Forward and all gradients of an equation, as its users write it in PyTorch."""
    a = {name: torch.tensor(array) for name, array in arrays.items()}
    dy = a.pop("dy")
    reals = {name: tensor.requires_grad_() for name, tensor in a.items() if tensor.is_floating_point()}

    def step() -> Any:
        y = TWINS[case.title](*a.values())
        return y, *torch.autograd.grad(y, list(reals.values()), dy)

    return Prepared(step, _named("y", *(f"d{name}" for name in reals)))


def _predict(case: Case, arrays: Mapping[str, Array], ways: Ways) -> Prepared:
    x = torch.tensor(arrays["x"]).permute(0, 3, 1, 2).contiguous(memory_format=ways.layout)
    module = catalogue(case.title, x.dtype, ways.layout).eval()
    called = torch.compile(module) if ways.compiled else module

    def predict() -> Any:
        with torch.inference_mode():
            return called(x)

    return Prepared(predict, _named("predict"))
