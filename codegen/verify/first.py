"""The functions of a layer's first gradients against the interpreter, central differences and the page."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from codegen.kernel import Kernel, evaluation
from codegen.verify.calls import DIFFERENCES, INTERPRETER, PAGE, Gap, difference, given, results
from codegen.verify.page import on_the_page
from derive.derivation import Derivation
from derive.derivation.differences import program_gap
from derive.differentiate import Gradient, differentiate
from derive.interface import Layer
from derive.interpret import interpret
from derive.sampling import sample_sizes, sample_values

Wanted = dict[tuple[str, ...], str]
"""Inputs, by the results of the function that computes the gradient by them."""


def first_gaps(
    layer: Layer, page: Derivation, kernels: Sequence[Kernel], module: Any, rng: Generator, tied: bool
) -> Iterator[Gap]:
    """All comparisons at one random shape each.

    Args:
        layer: the layer.
        page: its derivation.
        kernels: its functions.
        module: where they are compiled.
        rng: the source of randomness.
        tied: whether data are whole numbers.
    """
    gradient = differentiate(layer.program)
    wanted: Wanted = {(gradient_name(gradient, name),): name for name in layer.differentiable}
    yield from _gaps(layer, gradient, wanted, kernels, module, rng, tied)
    yield from _evaluation_gaps(layer, module, rng, tied)
    boxes, arrays, sizes = on_the_page(layer, page, rng, tied)
    for kernel in kernels:
        name = wanted.get(kernel.results) if kernel.is_gradient else None
        if name in boxes:
            yield kernel.name, PAGE, difference(results(module, kernel, arrays, sizes), [boxes[name]])


def _gaps(
    layer: Layer,
    gradient: Gradient,
    wanted: Wanted,
    kernels: Sequence[Kernel],
    module: Any,
    rng: Generator,
    tied: bool,
) -> Iterator[Gap]:
    sizes = sample_sizes(layer, rng)
    arrays = given(gradient, sizes, rng, tied)
    expected = interpret(gradient.program, arrays, sizes)
    expected |= {zero.name: np.zeros_like(arrays[name]) for name, zero in gradient.zeros.items()}
    seeds = {output: arrays[seed.name] for output, seed in gradient.seeds.items()}
    for kernel in kernels:
        found = results(module, kernel, arrays, sizes)
        yield kernel.name, INTERPRETER, difference(found, [expected[name] for name in kernel.results])
        name = wanted.get(kernel.results) if kernel.is_gradient and not tied else None
        gap = program_gap(layer.program, name, seeds, arrays, sizes, found[0], rng) if name is not None else None
        if gap is not None:
            yield kernel.name, DIFFERENCES, gap


def _evaluation_gaps(layer: Layer, module: Any, rng: Generator, tied: bool) -> Iterator[Gap]:
    """The function of what holds after training, where that differs."""
    kernel = evaluation(layer)
    if kernel is None or layer.evaluation is None:
        return
    sizes = sample_sizes(layer, rng)
    arrays = sample_values(layer.program, sizes, rng, tied)
    wanted = interpret(layer.evaluation, arrays, sizes)
    found = results(module, kernel, arrays, sizes)
    yield kernel.name, INTERPRETER, difference(found, [wanted[name] for name in kernel.results])


def gradient_name(gradient: Gradient, name: str) -> str:
    """What the gradient by input `name` is called."""
    adjoint = gradient.adjoint(name)
    return adjoint.gradient.name if adjoint is not None else gradient.zeros[name].name
