"""The functions of second order against the interpreter, central differences and the page."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.tool.verify.calls import DIFFERENCES, INTERPRETER, PAGE, Arrays, Gap, difference, given, results
from gradscribe.codegen.tool.verify.page import on_the_page
from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.calculus.second_order import SecondOrder, second_order
from gradscribe.derive.derivation import Derivation
from gradscribe.derive.derivation.certificate.differences import program_gap
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes


def second_gaps(
    layer: Layer, page: Derivation, kernels: Sequence[Kernel], module: Any, rng: Generator, tied: bool
) -> Iterator[Gap]:
    """All comparisons at one random shape each; the arguments are those of `codegen.tool.verify.first.first_gaps`."""
    found = renamed(second_order(layer.program))
    sizes = sample_sizes(layer, rng, terms=[s.term for s in found.second.program.statements])
    arrays = given(found.second, sizes, rng, tied)
    every = interpret(found.second.program, arrays, sizes)
    boxes, shown, drawn = on_the_page(layer, page, rng, tied)
    outputs = {output: arrays[seed.name] for output, seed in found.second.seeds.items()}
    for kernel in kernels:
        adjoints = {name: found.second.adjoint(name) for name in kernel.wrt}
        expected = [np.zeros_like(arrays[n]) if a is None else every[a.gradient.name] for n, a in adjoints.items()]
        computed = results(module, kernel, _directed(kernel, found, arrays), sizes)
        yield kernel.name, INTERPRETER, difference(computed, expected)
        for name, result in zip(kernel.wrt, computed, strict=True) if not tied else ():
            gap = program_gap(found.program, name, outputs, arrays, sizes, result, rng)
            if gap is not None:
                yield kernel.name, DIFFERENCES, gap
        computed = results(module, kernel, _directed(kernel, found, shown), drawn)
        yield kernel.name, PAGE, difference(computed, [boxes.get(n, np.zeros_like(shown[n])) for n in kernel.wrt])


def renamed(found: SecondOrder) -> SecondOrder:
    """The statements of second order as differentiation made them, but for deltas of two indices: a smaller box."""
    return replace(found, second=renamed_gradient(found.second))


def renamed_gradient(gradient: Gradient) -> Gradient:
    """The same of one differentiation."""
    program = gradient.program
    statements = tuple(replace(s, term=rename(s.term)[0]) for s in program.statements)
    return replace(gradient, program=replace(program, statements=statements))


def _directed(kernel: Kernel, found: SecondOrder, given: Arrays) -> Arrays:
    """The arrays with the directions under the names that the function has for them."""
    called = {name: direction for direction, name in kernel.directions}
    return given | {called[n]: given[t.name] for n, t in found.directions.items()}
