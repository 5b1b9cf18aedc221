"""The functions of a layer's first gradients against the interpreter, central differences and the page."""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.random import Generator

from gradscribe.codegen.kernel.kernel import Kernel, evaluation
from gradscribe.codegen.tool.verify.calls import DIFFERENCES, INTERPRETER, PAGE, Gap, difference, given, results
from gradscribe.codegen.tool.verify.page import on_the_page
from gradscribe.derive.calculus.differentiate import Gradient, differentiate
from gradscribe.derive.derivation import Derivation
from gradscribe.derive.derivation.certificate.differences import program_gap
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values


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
    yield from _gaps(layer, gradient, kernels, module, rng, tied)
    yield from _evaluation_gaps(layer, module, rng, tied)
    boxes, arrays, sizes = on_the_page(layer, page, rng, tied)
    for kernel in kernels:
        shown = [name in boxes for name in kernel.wrt]
        if any(shown):
            found = compress(results(module, kernel, arrays, sizes), shown)
            yield kernel.name, PAGE, difference([*found], [boxes[name] for name in compress(kernel.wrt, shown)])


def _gaps(
    layer: Layer,
    gradient: Gradient,
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
        for name, result in zip(kernel.wrt, found, strict=True) if kernel.wrt and not tied else ():
            gap = program_gap(layer.program, name, seeds, arrays, sizes, result, rng)
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
