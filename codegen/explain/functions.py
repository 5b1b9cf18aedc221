"""The functions of a layer or network, compiled: their plans, where their contractions stand, how they are called."""

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from gradscribe.codegen.arguments import shape_argument
from gradscribe.codegen.compiler import compile_module, emitted
from gradscribe.codegen.emit import Emitter
from gradscribe.codegen.explain.instance import Instance
from gradscribe.codegen.function import plan
from gradscribe.codegen.kernel import Kernel, kernels
from gradscribe.codegen.network.functions import backward_memory, forward_memory
from gradscribe.codegen.network.kernels import NetworkKernels, network_kernels
from gradscribe.codegen.plan import Plan, Record, nested
from gradscribe.derive.composition import Network
from gradscribe.derive.interface import Layer

Call = Callable[[Callable[..., Any], Instance, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Function:
    """A generated function.

    Attributes:
        name: its name.
        kernel: what it computes.
        plan: how.
        code: the function.
        spans: first and last line of each contraction in the module's text, in order.
        contractions: the record that each of them was made of.
        call: calls the function with the values that are known; returns its results by name.
    """

    name: str
    kernel: Kernel
    plan: Plan
    code: Callable[..., Any]
    spans: tuple[tuple[int, int], ...]
    contractions: tuple[Record, ...]
    call: Call


@dataclass(frozen=True)
class Functions:
    """The functions of a layer, in the order in which they can be called; of a network its concrete form."""

    layer: Layer
    runtime: ModuleType
    functions: tuple[Function, ...]


def functions_of(layer: Layer) -> Functions:
    """Generate and compile the functions of `layer`."""
    made = emitted(layer)
    module = compile_module(made)
    spans = _spans(made.text)
    if isinstance(layer, Network):
        k = network_kernels(layer)
        parts: list[tuple[Kernel, Plan, Call]] = [
            (k.forward, forward_memory(k).plan, _network_forward(k)),
            (k.backward, backward_memory(k).plan, _network_backward(k)),
        ]
        shown: Layer = k.network
    else:
        parts = [(kernel, plan(kernel), _layer_call(kernel)) for kernel in kernels(layer)]
        shown = layer
    functions = []
    for kernel, planned, call in parts:
        tracer = _Tracer(set(), buffers="buffers")
        tracer.lines(planned)
        code = getattr(module, kernel.name)
        functions.append(Function(kernel.name, kernel, planned, code, spans[kernel.name], tuple(tracer.found), call))
    return Functions(shown, module.rt, tuple(functions))


CONTRACTION = "rt.contract("


class _Tracer(Emitter):
    """An emitter that notes which record every contraction comes from."""

    found: list[Record]

    def __init__(self, taken: Iterable[str], buffers: str) -> None:
        super().__init__(taken, buffers=buffers)
        self.found = []

    def _all(self, records: Iterable[Record]) -> list[str]:
        lines: list[str] = []
        for record in records:
            own = self.emit(record)
            if not nested(record):
                self.found += [record] * sum(line.count(CONTRACTION) for line in own)
            lines += own
        return lines


def _spans(text: str) -> dict[str, tuple[tuple[int, int], ...]]:
    """Per function of a module the lines of its contractions, in order."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            calls = [c for c in ast.walk(node) if isinstance(c, ast.Call) and ast.unparse(c.func) == CONTRACTION[:-1]]
            calls.sort(key=lambda c: (c.lineno, c.col_offset))
            found[node.name] = tuple((c.lineno, c.end_lineno or c.lineno) for c in calls)
    return found


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
        return {k.network.program.outputs[0]: results[0], "saved": results[-1]}

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
