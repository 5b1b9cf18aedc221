"""What a generated function is given, what it returns, and how far that is from what is expected."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from sympy import Symbol

from gradscribe.codegen.kernel.calling import option_value, shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.sampling import sample_values

INTERPRETER = "the interpreter"
PAGE = "its box"
DIFFERENCES = "differences"

Arrays = dict[str, np.ndarray]
Sizes = Mapping[Symbol, Any]
Gap = tuple[str, str, float]
"""A function, what it was compared with, and the greatest difference."""


def given(gradient: Gradient, sizes: Sizes, rng: Generator, tied: bool) -> Arrays:
    """Every tensor of the program that is differentiated, and random gradients of its outputs."""
    program = gradient.forward
    values = interpret(program, sample_values(program, sizes, rng, tied), sizes)
    return values | {seed.name: rng.normal(size=values[output].shape) for output, seed in gradient.seeds.items()}


def results(module: Any, kernel: Kernel, given: Arrays, sizes: Sizes) -> tuple[np.ndarray, ...]:
    """What a generated function returns."""
    arguments = [given[t.name] for t in kernel.arguments]
    options = {o.name: option_value(o, sizes) for o in kernel.options}
    options |= {shape_argument(t): given[t.name].shape for t in kernel.shaped}
    with np.errstate(all="ignore"):  # at a corner a slope may be infinite
        found = getattr(module, kernel.name)(*arguments, **options)
    return found if len(kernel.results) > 1 else (found,)


def difference(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    """The greatest difference, relative to the greatest entry expected; NaN equals NaN."""
    gaps = [0.0]
    for value, wanted in zip(found, expected, strict=True):
        if np.shape(value) != np.shape(wanted):
            return float("inf")
        if wanted.size:
            with np.errstate(invalid="ignore"):
                gap = np.where((value == wanted) | (np.isnan(value) & np.isnan(wanted)), 0.0, np.abs(value - wanted))
            scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1.0)
            gaps.append(float(gap.max() / scale))
    return float(np.max(gaps))
