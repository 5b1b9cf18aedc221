"""A generated network against the interpreter: forward, gradients and running statistics on random small sizes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sympy import Symbol

from codegen.compiler import compile_layer
from codegen.constructor import constructor_signature
from derive.composition import Network
from derive.differentiate import differentiate
from derive.interface import open_options
from derive.interpret import interpret
from derive.sampling import sample_sizes, sample_values


def network_differences(network: Network, shapes: int, seed: int) -> dict[str, float]:
    """The greatest relative differences of the forward and the backward function from the interpreter.

    The sizes that the network fixes are left open, so that small ones can be drawn; its real numbers are put in.
    """
    numbers = {s: v for s, v in network.values if not s.is_integer}
    # constants have the network's own sizes: with other sizes they are inputs
    program = network.program.substitute(numbers)
    options = open_options(program)
    free = replace(network, program=program, options=options, evaluation=None, values=(), constants=())
    module = compile_layer(free)
    worst = dict.fromkeys((f"{network.name}_forward", f"{network.name}_backward"), 0.0)
    rng = np.random.default_rng(seed)
    for _ in range(shapes):
        sizes = sample_sizes(free, rng)
        for name, difference in _differences(free, module, sizes, rng).items():
            worst[name] = float(np.maximum(worst[name], difference))
    return worst


def _differences(
    network: Network, module: Any, sizes: Mapping[Symbol, Any], rng: np.random.Generator
) -> dict[str, float]:
    program = network.program
    values = sample_values(program, sizes, rng)
    layer = getattr(module, network.class_name)(**_arguments(network, sizes), dtype=np.float64)
    for key, tensor in ((network.key(w), w) for w in network.weights):
        layer.params[key] = values[tensor]
    for name, _, _ in network.state:
        layer.state[network.key(name)] = values[name]
    expected = interpret(program, values, sizes)
    output, gradient = program.outputs[0], differentiate(program)
    y = layer(*(values[t.name] for t in network.given))
    (seed,) = gradient.seeds.values()
    dy = rng.normal(size=y.shape)
    wanted = interpret(gradient.program, {**expected, seed.name: dy}, sizes)
    found = layer.backward(dy)
    inputs = [t.name for t in network.given if not t.integer and not t.constant]
    pairs = dict(zip(inputs, found if isinstance(found, tuple) else (found,), strict=False))
    pairs |= {w: layer.grads[network.key(w)] for w in network.weights}
    gaps = [_gap(a, wanted[g.gradient.name]) for n, a in pairs.items() if (g := gradient.adjoint(n)) is not None]
    return {f"{network.name}_forward": _gap(y, expected[output]), f"{network.name}_backward": max(gaps, default=0.0)}


def _arguments(network: Network, sizes: Mapping[Symbol, Any]) -> dict[str, Any]:
    """The sizes that the constructor asks for."""
    by_name = {s.name: v for s, v in sizes.items()}
    names = [p.partition(":")[0] for p in constructor_signature(network)]
    return {name: by_name[name] for name in names if name in by_name}


def _gap(found: np.ndarray, expected: np.ndarray) -> float:
    if np.shape(found) != np.shape(expected):
        return float("inf")
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(found - expected).max(initial=0.0)) / scale
