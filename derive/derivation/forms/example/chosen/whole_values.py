"""Whole numbers for the inputs of an example, and for the gradients that arrive; nothing is random."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from gradscribe.derive.ir.term import Program
from gradscribe.derive.layer.sampling import Size, drawn

NONE: Mapping[Any, Any] = {}
Draw = Callable[[tuple[int, ...]], np.ndarray]


def whole_values(
    program: Program, sizes: Mapping[Any, Size], data: Mapping[str, np.ndarray] = NONE
) -> dict[str, np.ndarray] | None:
    """Numbers for the inputs but `data` at which every result is finite: whole ones if there are any, or tenths.

    Where an extremum is taken all numbers of a tensor differ, so that there are no ties.
    """
    known = complete_sizes(program, sizes)
    ranked = any(s.term.reduction.selects for s in program.statements)
    for draw in _draws(ranked):
        values = drawn(program, known, draw, np.random.default_rng(0)) | dict(data)
        if all(np.isfinite(v).all() for v in interpret(program, values, sizes).values()):
            return values
    return None


def _draws(ranked: bool) -> Iterator[Draw]:
    rng = np.random.default_rng(0)
    if ranked:
        yield lambda shape: rng.permutation(int(np.prod(shape))).reshape(shape).astype(float)
    yield lambda shape: small_numbers(shape, rng)
    yield lambda shape: rng.integers(1, 5, shape).astype(float)
    yield lambda shape: rng.integers(1, 10, shape) / 10


def small_numbers(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """From -2 to 3."""
    return rng.integers(-2, 4, shape).astype(float)


def seeds(tensors: Mapping[str, Any], sizes: Mapping[Any, Size]) -> dict[str, np.ndarray]:
    """The gradients that arrive from above; that of a number is 1, as if it were what is minimised."""
    rng = np.random.default_rng(1)
    shapes = {t.name: shape_of(t.shape, sizes) for t in tensors.values()}
    return {name: small_numbers(shape, rng) if shape else np.ones(()) for name, shape in shapes.items()}
