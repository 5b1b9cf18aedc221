"""Cases by the generated functions, or by layers where they are several statements, called as a user calls them."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from inspect import signature
from types import ModuleType
from typing import Any

import numpy as np

import gradscribe
from benchmarks.cases import own_texts
from benchmarks.cases.equations import Equation
from benchmarks.cases.sizes_of_cases import Case
from benchmarks.rows import RECURRENCES, Array
from benchmarks.sides import Prepared
from gradscribe import generated

Arrays = Mapping[str, Array]
CLASSES = {"lenet5": "LeNet5", "lenet": "LeNet", "resnet20": "ResNet20", "vgg11": "VGG11"}
"""Of the catalogue's networks."""


def prepare(case: Case, operation: str, arrays: Arrays) -> Prepared:
    """An operation of a case on these arrays."""
    return MAKERS[case.kind](case, operation, arrays)


def _dense(_: Case, operation: str, a: Arrays) -> Prepared:
    call: Callable[[], Any] = {
        "forward": lambda: generated.dense_forward(a["x"], a["w"], a["b"]),
        "dx": lambda: generated.dense_grad_input(a["dy"], a["w"]),
        "dw": lambda: generated.dense_grad_weight(a["dy"], a["x"]),
    }[operation]
    return Prepared(call, lambda found: {operation: found})


def _softmax(_: Case, operation: str, a: Arrays) -> Prepared:
    if operation == "forward":
        return Prepared(lambda: generated.softmax_forward(a["x"]), lambda found: {"forward": found})
    y = generated.softmax_forward(a["x"])
    return Prepared(lambda: generated.softmax_grad_input(a["dy"], y), lambda found: {"dx": found})


def _layer_norm(_: Case, operation: str, a: Arrays) -> Prepared:
    forward = partial(generated.layer_norm_forward, a["x"], a["gamma"], a["beta"])
    if operation == "forward":
        return Prepared(forward, lambda found: {"forward": found[0]})
    given = a["dy"], a["gamma"], *forward()[1:]
    return _norm(operation, given, generated.layer_norm_grad_input, generated.layer_norm_backward)


def _batch_norm(_: Case, operation: str, a: Arrays) -> Prepared:
    mean, var = np.zeros_like(a["gamma"]), np.ones_like(a["gamma"])
    forward = partial(generated.batch_norm_forward, a["x"], a["gamma"], a["beta"], mean, var)
    if operation == "forward":
        return Prepared(forward, lambda found: {"forward": found[0]})
    given = a["dy"], a["gamma"], *forward()[3:]
    return _norm(operation, given, generated.batch_norm_grad_input, generated.batch_norm_backward)


def _norm(operation: str, given: Sequence[Any], of_input: Callable[..., Any], of_all: Callable[..., Any]) -> Prepared:
    """The gradient by the input, or those by the weights."""
    if operation == "dx":
        return Prepared(partial(of_input, *given), lambda found: {"dx": found})
    of_weights = partial(of_all, *given, inputs=False)
    return Prepared(of_weights, lambda found: dict(zip(("dgamma", "dbeta"), found[1:], strict=True)))


def _attention(_: Case, operation: str, a: Arrays) -> Prepared:
    own = generated.ScaledDotProductAttention()
    forward, kept = partial(own, a["q"], a["k"], a["v"]), partial(held, own)
    if operation == "forward":
        return Prepared(forward, lambda found: {"forward": found}, kept)
    forward()
    names = ("dq", "dk", "dv")
    return Prepared(partial(own.backward, a["dy"]), lambda found: dict(zip(names, found, strict=True)), kept)


def _lstm_cell(_: Case, operation: str, a: Arrays) -> Prepared:
    weights = ("w", "r", "b")
    own = generated.LSTMCell(a["x"].shape[-1], a["h"].shape[-1], dtype=a["x"].dtype, rng=0)
    own.params |= {name: a[name] for name in weights}
    forward = partial(own, a["x"], a["h"], a["c"])
    if operation == "forward":
        return Prepared(forward, lambda found: dict(zip(("y", "z"), found, strict=True)), partial(held, own))
    forward()

    def backward() -> Any:
        return *own.backward(a["dy"], a["dz"]), *(own.grads[name] for name in weights)

    names = ("dx", "dh", "dc", "dw", "dr", "db")
    return Prepared(backward, lambda found: dict(zip(names, found, strict=True)), partial(held, own))


def _step(case: Case, _: str, a: Arrays) -> Prepared:
    """Forward and all gradients by the class, as a layer or a network of it."""
    weights = [name for name in a if name not in ("x", "dy")]
    own = (_network if case.network else _layer)(case, a["x"].dtype)
    names = dict(zip(weights, own.params if case.network else weights, strict=True))
    for name, kept in names.items():
        own.params[kept][...] = a[name]
    first = names[weights[0]]

    def step() -> Any:
        y = own(a["x"])
        return y, own.backward(a["dy"]), own.grads

    return Prepared(step, lambda found: {"y": found[0], "dx": found[1], "dw": found[2][first]}, partial(held, own))


def _layer(case: Case, dtype: Any) -> Any:
    made = getattr(_layer_module(case.kind), case.kind.capitalize())
    taken = signature(made).parameters
    return made(**{letter: size for letter, size in case.sizes if letter in taken}, dtype=dtype, rng=0)


@cache
def _layer_module(kind: str) -> ModuleType:
    return gradscribe.layer(own_texts.LAYERS[kind], kind).compile()


def _network(case: Case, dtype: Any) -> Any:
    return getattr(_network_module(case.kind, case.sizes), case.kind.capitalize())(dtype=dtype, rng=0)


@cache
def _network_module(kind: str, sizes: tuple[tuple[str, int], ...]) -> ModuleType:
    filled = partial(re.sub, r"\{([A-Z])\}", lambda found: str(dict(sizes)[found[1]]))
    text = own_texts.NETWORKS[kind]
    nodes = {name: gradscribe.layer(filled(t), name) for name, t in own_texts.NODES.items() if name in text}
    return gradscribe.network(filled(text), kind, layers=nodes).compile()


def equation(case: Equation, a: Arrays) -> Prepared:
    """Forward and all gradients of an equation, by its class; the inputs are in the order of its text."""
    module = _equation_module(case.text, case.name)
    own = getattr(module, "".join(word.capitalize() for word in case.name.split("_")))()
    given = [array for name, array in a.items() if name != "dy"]
    names = [f"d{name}" for name, array in a.items() if name != "dy" and array.dtype.kind == "f"]

    def step() -> Any:
        y = own(*given)
        found = own.backward(a["dy"])
        return y, *(g for g in (found if isinstance(found, tuple) else (found,)) if g is not None)

    return Prepared(step, lambda found: dict(zip(("y", *names), found, strict=True)), partial(held, own))


@cache
def _equation_module(text: str, name: str) -> ModuleType:
    return gradscribe.layer(text, name).compile()


def _sequence(case: Case, _: str, a: Arrays) -> Prepared:
    """Forward and all gradients of a recurrent layer; that of an LSTM's memories is 0, as they are no result here."""
    weights = [name for name in a if name not in ("x", "dy")]
    own = getattr(generated, RECURRENCES[case.kind])(a["x"].shape[-1], a["dy"].shape[-1], dtype=a["x"].dtype, rng=0)
    own.params |= {name: a[name] for name in weights}
    upstream = (a["dy"], np.zeros_like(a["dy"])) if case.kind == "lstm" else (a["dy"],)

    def step() -> Any:
        y, dx = own(a["x"]), own.backward(*upstream)
        return y[0] if isinstance(y, tuple) else y, dx[0], *(own.grads[name] for name in weights)

    names = ("y", "dx", *(f"d{name}" for name in weights))
    return Prepared(step, lambda found: dict(zip(names, found, strict=True)), partial(held, own))


def _predict(case: Case, _: str, a: Arrays) -> Prepared:
    network = catalogue(case.title)(dtype=a["x"].dtype, rng=0)
    return Prepared(lambda: network.predict(a["x"]), lambda found: {"predict": found}, partial(held, network))


MAKERS: Mapping[str, Callable[[Case, str, Arrays], Prepared]] = {
    "dense": _dense,
    "softmax": _softmax,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
    "attention": _attention,
    "lstm_cell": _lstm_cell,
    "perceptron": _step,
    "block": _step,
    **dict.fromkeys(RECURRENCES, _sequence),
    "inference": _predict,
}


def held(own: Any) -> int:
    """Bytes that a layer keeps for its next call: in recorded calls, and in a network's buffers."""
    buffers = getattr(own, "buffers", None)
    calls = own._recordings
    kept = calls.arena.size + sum(recording.size for _, _, recording in calls.found)
    return kept + (0 if buffers is None else buffers.size)


def catalogue(name: str) -> Any:
    """The class of a network that comes with gradscribe."""
    return getattr(generated, CLASSES[name])
