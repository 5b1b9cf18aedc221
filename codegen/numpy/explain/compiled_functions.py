"""The functions of a layer or network, compiled: their plans, which record is behind a line, how they are called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from sympy import Expr, Symbol

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel, first_order
from gradscribe.codegen.kernel.network_kernels import NetworkKernels, network_kernels
from gradscribe.codegen.numpy.explain.instance import Instance
from gradscribe.codegen.numpy.plan import Plan, Record
from gradscribe.derive.composition import Network
from gradscribe.derive.layer.interface import Layer

Call = Callable[[Callable[..., Any], Instance, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Inner:
    """A function that others of its module call: that of a block, or what several compute alike.

    Attributes:
        plan: how it computes.
        code: the function.
        places: as those of `Function`.
    """

    plan: Plan
    code: Callable[..., Any]
    places: Mapping[int, Record]


@dataclass(frozen=True)
class Function:
    """A generated function.

    Attributes:
        name: its name.
        kernel: what it computes.
        plan: how.
        code: the function.
        places: the record of the plan behind each of its lines, by the distance from its first one.
        call: calls the function with the values that are known; returns its results by name.
        inner: the functions that it may call, by name.
        sizes: what the sizes of blocks are at the places where it calls their functions, by place.
    """

    name: str
    kernel: Kernel
    plan: Plan
    code: Callable[..., Any]
    places: Mapping[int, Record]
    call: Call
    inner: Mapping[str, Inner] = field(default_factory=dict)
    sizes: Mapping[str, Mapping[Symbol, Expr]] = field(default_factory=dict)


class Called(NamedTuple):
    """A function that is called, and nothing else.

    Attributes:
        code: the function.
        call: as that of `Function`.
    """

    code: Callable[..., Any]
    call: Call


@dataclass(frozen=True)
class Functions:
    """The functions of a layer, in the order in which they can be called; of a network its concrete form."""

    layer: Layer
    runtime: ModuleType
    functions: tuple[Function, ...]


def functions_of(layer: Layer, made: Emitted, module: ModuleType) -> Functions:
    """The functions of `layer` in its module, as that was emitted and in memory."""
    sizes: dict[str, dict[str, Mapping[Symbol, Expr]]] = {}
    if isinstance(layer, Network):
        k = network_kernels(layer)
        placed = {name: [p for p in found if isinstance(p, PlacedPart)] for name, found in k.parts.items()}
        sizes = {name: {p.place.name: p.sizes for p in found} for name, found in placed.items()}
        parts = [(k.forward, _network_forward(k)), (k.backward, _network_backward(k))]
        shown: Layer = k.network
    else:
        parts = [(kernel, _layer_call(kernel)) for kernel in first_order(layer)]
        shown = layer
    inner = {
        name: Inner(printed.source, getattr(module, name), printed.places)
        for name, printed in made.functions.items()
        if name not in made.public and isinstance(printed.source, Plan)
    }
    functions = []
    for kernel, call in parts:
        printed = made.functions[kernel.name]
        code = getattr(module, kernel.name)
        own = sizes.get(kernel.name, {})
        functions.append(Function(kernel.name, kernel, printed.source, code, printed.places, call, inner, own))
    return Functions(shown, module.rt, tuple(functions))


def prediction(network: Network, module: ModuleType) -> Called:
    """The function of a network that computes its output after training."""
    k = network_kernels(network)

    def call(code: Callable[..., Any], example: Instance, values: Mapping[str, Any]) -> dict[str, Any]:
        given = [values[t.name] for t in k.network.given if t in k.predict.program.inputs]
        code(*given, *_held(k, k.predict, values), **_options(k.predict, example))
        return {}

    return Called(getattr(module, k.predict.name), call)


def _layer_call(kernel: Kernel) -> Call:
    """Call a function of a layer with the inputs, results and gradients that are known."""

    def call(code: Callable[..., Any], example: Instance, values: Mapping[str, Any]) -> dict[str, Any]:
        given = dict(values)
        for seed, output in kernel.seeds:
            given.setdefault(seed, _like(values[output]))
        options = {o.name: example.options[o.name] for o in kernel.options}
        options |= {shape_argument(t): np.shape(given[t.name]) for t in kernel.shaped}
        results = code(*(given.get(t.name) for t in kernel.arguments), **options)
        return dict(zip(kernel.results, results if len(kernel.results) > 1 else (results,), strict=True))

    return call


def _network_forward(k: NetworkKernels) -> Call:
    """Call the forward function of a network; what it keeps is called "saved"."""

    def call(code: Callable[..., Any], example: Instance, values: Mapping[str, Any]) -> dict[str, Any]:
        given = [values[t.name] for t in k.network.given if t in k.forward.program.inputs]
        results = code(*given, *_held(k, k.forward, values), **_options(k.forward, example))
        return {**dict(zip(k.forward_outputs, results, strict=False)), "saved": results[-1]}

    return call


def _network_backward(k: NetworkKernels) -> Call:
    def call(code: Callable[..., Any], example: Instance, values: Mapping[str, Any]) -> dict[str, Any]:
        seeds = [_like(values[output]) for _, output in k.backward.seeds]
        code(*seeds, *_held(k, k.backward, values), values["saved"], **_options(k.backward, example))
        return {}

    return call


def _held(k: NetworkKernels, kernel: Kernel, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The weights and, where the function reads it, the state."""
    state = [name for name, _, _ in k.network.state]
    stateful = any(t.name in state for t in kernel.program.inputs)
    groups = [list(k.network.weights), *([state] if stateful else [])]
    return [{k.network.key(n): values[n] for n in names if values.get(n) is not None} for names in groups]


def _options(kernel: Kernel, example: Instance) -> dict[str, Any]:
    return {o.name: example.options[o.name] for o in kernel.options}


def _like(values: Any) -> Any:
    """A gradient for the values of an output."""
    found = np.random.default_rng(1).random(np.shape(values), dtype=np.float32)
    return found.astype(np.asarray(values).dtype)[()]
