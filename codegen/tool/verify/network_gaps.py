"""A generated network against the interpreter, the page and a slope: forward, gradients, on random small sizes."""

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator
from sympy import Symbol

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.tool.verify.calls import DIFFERENCES, INTERPRETER, PAGE, Arrays, Gap, Sizes, difference, given
from gradscribe.codegen.tool.verify.page import LIMIT, on_the_page
from gradscribe.codegen.tool.verify.second import renamed, renamed_gradient
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.second_order import SecondOrder, second_order
from gradscribe.derive.composition import Network, concrete, with_loss
from gradscribe.derive.derivation import Derivation
from gradscribe.derive.derivation.certificate.boxes import boxed
from gradscribe.derive.derivation.certificate.differences import direction_gap
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of, value
from gradscribe.derive.layer.interface import open_options
from gradscribe.derive.layer.sampling import LARGEST, TooLargeError, open_symbols, sample_sizes, sample_values

_STEPS = (1e-5, 1e-6, 1e-7)
"""What moves by a step: many tensors that move at once bend gradients within a longer one."""
_KINK = 1e-3
"""Slopes to both sides that differ by more, relatively, have a corner between them."""


def network_gaps(network: Network, pages: Mapping[int, Derivation], shapes: int, rng: Generator) -> Iterator[Gap]:
    """The functions of a network from the interpreter, from central differences and from the boxes on its pages.

    The sizes that the network fixes are left open, so that small ones can be drawn; its real numbers are put in. Of a
    network with a loss the Hessian is compared at its own sizes: the loss is one more node, and nodes meet there.

    Args:
        network: the network.
        pages: its derivations by order; with order 2 double backward is compared, too.
        shapes: how many random shapes.
        rng: the source of randomness.
    """
    numbers = {s: v for s, v in network.values if not s.is_integer}
    # constants have the network's own sizes: with other sizes they are inputs
    program = network.program.substitute(numbers)
    free = replace(network, program=program, options=open_options(program), evaluation=None, constants=(), general=True)
    module = compile_layer(free)
    plain = replace(free, loss=None)
    whole = network if network.loss is not None else plain
    second, hessian = (compile_layer(n, max(pages)) for n in (plain, whole))
    for _ in range(shapes):
        yield from _gaps(free, module, sample_sizes(free, rng), rng)
        yield from _page_gaps(free, pages[1], module, rng)
        if 2 in pages:
            yield from _second_gaps(plain, pages[2], second, rng)
            yield from _hessian_gaps(whole, hessian, rng)


def _gaps(network: Network, module: Any, sizes: Mapping[Symbol, Any], rng: Generator) -> Iterator[Gap]:
    program = network.program
    values = interpret(program, sample_values(program, sizes, rng), sizes)
    layer = _built(network, module, values, sizes)
    own = _outputs(layer(*(values[t.name] for t in network.given)))
    outputs, gradient = [t.name for t in network.own_outputs], renamed_gradient(differentiate(program))
    seeds = {name: rng.normal(size=values[name].shape) for name in gradient.seeds}
    arriving = {gradient.seeds[name].name: dy for name, dy in seeds.items()}
    wanted = interpret(gradient.program, {**values, **arriving}, sizes)
    found = layer.backward(*seeds.values())
    inputs = [t.name for t in network.given if not t.integer and not t.constant]
    pairs = dict(zip(inputs, found if isinstance(found, tuple) else (found,), strict=False))
    pairs |= {w: layer.grads[network.key(w)] for w in network.weights}
    expected = {
        n: wanted[g.gradient.name] if (g := gradient.adjoint(n)) is not None else np.zeros_like(values[n])
        for n in pairs
    }
    yield f"{network.name}_forward", INTERPRETER, difference(own, [values[name] for name in outputs])
    yield f"{network.name}_backward", INTERPRETER, difference([*pairs.values()], [*expected.values()])
    gap = direction_gap(program, seeds, pairs, values, sizes, rng)
    if gap is not None:
        yield f"{network.name}_backward", DIFFERENCES, gap


def _page_gaps(network: Network, page: Derivation, module: Any, rng: Generator) -> Iterator[Gap]:
    """The gradients from the loss down, or of a network without loss from its value down."""
    shown = page.layer
    assert isinstance(shown, Network)  # what `derive` made
    sizes = sample_sizes(shown, rng, fixed=_numbers(page))
    known = complete_sizes(shown.program, sizes)
    values = interpret(shown.program, sample_values(shown.program, sizes, rng), sizes)
    own = {s: value(page.mapping.get(s, s), {}, known) for s in open_symbols(network.program, [])}
    layer = _built(network, module, values, own)
    y = layer(*(values[t.name] for t in network.given))
    if network.loss is None:
        values |= {seed: rng.normal(size=values[output].shape) for output, seed in page.seeds}
        layer.backward(*(values[seed] for _, seed in page.seeds))
    else:
        labels = {t.name for t in shown.given} - {t.name for t in network.given}
        layer.loss(*_outputs(y), *(values[t.name] for t in shown.given if t.name in labels))
        layer.backward()
    boxes = boxed(page, values, known, rng)
    weights = [w for w in network.weights if w in boxes]
    found = [layer.grads[network.key(w)] for w in weights]
    yield f"{network.name}_backward", PAGE, difference(found, [boxes[w] for w in weights])


def _second_gaps(network: Network, page: Derivation, module: Any, rng: Generator) -> Iterator[Gap]:
    """Double backward: at sizes of the network's own, and at those that the page speaks of."""
    found = renamed(second_order(network.program))
    name = f"{network.name}_double_backward"
    sizes, held = _sizes(network, found, rng)
    arrays = given(found.second, sizes, rng, tied=False)
    computed = _twice(network, module, found, arrays, sizes)
    if held:
        yield name, INTERPRETER, difference([*computed.values()], _interpreted(found, computed, arrays, sizes))
    seeds = {output: arrays[seed.name] for output, seed in found.second.seeds.items()}
    gap = direction_gap(found.program, seeds, computed, arrays, sizes, rng)
    if gap is not None:
        yield name, DIFFERENCES, gap
    boxes, shown, own = on_the_page(network, page, rng, tied=False, fixed=_numbers(page))
    computed = _twice(network, module, found, shown, own)
    wanted = [n for n in computed if n in boxes]
    yield name, PAGE, difference([computed[n] for n in wanted], [boxes[n] for n in wanted])


def _hessian_gaps(network: Network, module: Any, rng: Generator) -> Iterator[Gap]:
    """The Hessian of the loss, or of a weighted sum of the outputs, times a vector."""
    judged = concrete(with_loss(network)) if network.loss is not None else network
    found = renamed(second_order(judged.program, wrt=judged.differentiable, direction="v", prefix="h"))
    sizes, held = _sizes(judged, found, rng)
    arrays = sample_values(judged.program, sizes, rng) | {n: np.array(data, float) for n, data in judged.constants}
    known = complete_sizes(judged.program, sizes)
    for seed in found.first.seeds.values():
        arrays[seed.name] = np.array(1.0) if network.loss is not None else rng.normal(size=shape_of(seed.shape, known))
    arrays |= {t.name: rng.normal(size=arrays[n].shape) for n, t in found.directions.items()}
    keys = {n: network.key(n) if n in network.part else n for n in judged.differentiable}
    directions = {keys[n]: arrays[t.name] for n, t in found.directions.items()}
    function = getattr(module, f"{network.name}_hessian_vector")
    taken = {name: arrays[name] for name in inspect.signature(function).parameters if name in arrays}
    params = {network.key(w): arrays[w] for w in network.weights}
    products = function(directions=directions, params=params, **taken)
    computed = {n: products[keys[n]] for n in found.directions}
    if held:
        arrays = interpret(found.program, arrays, sizes)
        expected = _interpreted(found, computed, arrays, sizes)
        yield function.__name__, INTERPRETER, difference([*computed.values()], expected)
        seeds = {output: arrays[seed.name] for output, seed in found.second.seeds.items()}
        gap = direction_gap(found.program, seeds, computed, arrays, sizes, rng)
    else:
        moves = {n: arrays[t.name] for n, t in found.directions.items()}
        seeds = {start.name: arrays[start.name] for start in found.first.seeds.values()}
        gap = _first_order_gap(network, module, computed, arrays, moves, seeds, sizes)
    if gap is not None or not held:  # what nothing could judge has failed
        yield function.__name__, DIFFERENCES, float("nan") if gap is None else gap


def _first_order_gap(
    network: Network, module: Any, products: Arrays, arrays: Arrays, moves: Arrays, seeds: Arrays, sizes: Sizes
) -> float | None:
    """The Hessian times a vector beside what the gradients change by along it; None where they have a corner.

    Args:
        network: the network, with its loss if it has one.
        module: its functions of first order, which are compared elsewhere.
        products: what is to be judged, by tensor.
        arrays: the point, labels included.
        moves: the direction in which each tensor moves.
        seeds: the gradients that arrive at the values of a network without loss, by name.
        sizes: every size.
    """
    inputs = [t.name for t in network.given]
    labels = [t.name for t in with_loss(network).given if t.name not in inputs] if network.loss is not None else []

    def gradients(step: float) -> list[np.ndarray]:
        there = {**arrays, **{n: arrays[n] + step * move for n, move in moves.items()}}
        layer = _built(network, module, there, sizes)
        y = layer(*(there[name] for name in inputs))
        if network.loss is None:
            layer.backward(*seeds.values())
        else:
            layer.loss(*_outputs(y), *(arrays[n] for n in labels))
            layer.backward()
        return [layer.grads[network.key(w)] for w in network.weights]

    for step in _STEPS:
        after, at, before = (gradients(s) for s in (step, 0.0, -step))
        right = [(a - b) / step for a, b in zip(after, at, strict=True)]
        left = [(a - b) / step for a, b in zip(at, before, strict=True)]
        if difference(right, left) < _KINK:
            middle = [(r + s) / 2 for r, s in zip(right, left, strict=True)]
            return difference([products[w] for w in network.weights], middle)
    return None


def _sizes(network: Network, found: SecondOrder, rng: Generator) -> tuple[dict[Symbol, Any], bool]:
    """Random sizes, and whether the interpreter can hold the second order: of a deep network it cannot.

    Differences need the first order only; those of the functions themselves can be had at any size.
    """
    terms = [s.term for s in found.second.program.statements]
    for boxes, limit in ((terms, LIMIT), ((), LARGEST), ((), sys.maxsize)):
        with suppress(TooLargeError):
            return sample_sizes(network, rng, terms=boxes, limit=limit), boxes is terms
    raise TooLargeError(f"{network.name}: no admissible sizes found")


def _interpreted(found: SecondOrder, wrt: Iterable[str], arrays: Arrays, sizes: Sizes) -> list[np.ndarray]:
    """The gradients of second order by the tensors `wrt`."""
    every = interpret(found.second.program, arrays, sizes)
    adjoints = {n: found.second.adjoint(n) for n in wrt}
    return [np.zeros_like(arrays[n]) if a is None else every[a.gradient.name] for n, a in adjoints.items()]


def _twice(network: Network, module: Any, found: SecondOrder, arrays: Arrays, sizes: Sizes) -> Arrays:
    """What double backward returns, by tensor."""
    layer = _built(network, module, arrays, sizes)
    layer(*(arrays[t.name] for t in network.given))
    keys = {n: network.key(n) if n in network.part else n for n in network.differentiable}
    directions = {keys[n]: arrays[t.name] for n, t in found.directions.items()}
    seeds = {seed.name: arrays[seed.name] for seed in found.first.seeds.values()}
    gradients = layer.double_backward(seeds, directions)
    return {n: gradients[keys.get(n, n)] for n in (*seeds, *network.differentiable)}


def _numbers(page: Derivation) -> dict[Symbol, float]:
    """The real numbers that the network fixes, under the names that the page has for them."""
    network = page.layer
    assert isinstance(network, Network)  # what `derive` made
    return {page.mapping.get(s, s): float(v) for s, v in network.values if not s.is_integer}


def _built(network: Network, module: Any, values: Arrays, sizes: Sizes) -> Any:
    """The network of these weights, with the sizes that its constructor asks for."""
    by_name = {s.name: v for s, v in sizes.items()}
    cls = getattr(module, network.class_name)
    arguments = {name: by_name[name] for name in inspect.signature(cls).parameters if name in by_name}
    layer = cls(**arguments, dtype=np.float64)
    for weight in network.weights:
        layer.params[network.key(weight)] = values[weight]
    for name, _, _ in network.state:
        layer.state[network.key(name)] = values[name]
    return layer


def _outputs(value: Any) -> tuple[np.ndarray, ...]:
    """What a call of a network returns, in a row."""
    return value if isinstance(value, tuple) else (value,)
