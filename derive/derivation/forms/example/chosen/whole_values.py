"""Whole numbers for the inputs of an example, and for the gradients that arrive; the same in every run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite, prod
from typing import Any

from gradscribe.derive.ir.interpret.plain import Array, complete_sizes, filled, interpret_plainly, shape_of
from gradscribe.derive.ir.term import Program
from gradscribe.derive.layer.sampling import Dice, Size, drawn

NONE: Mapping[Any, Any] = {}
Draw = Callable[[tuple[int, ...]], Array]


def whole_values(
    program: Program, sizes: Mapping[Any, Size], data: Mapping[str, Array] = NONE
) -> dict[str, Array] | None:
    """Numbers for the inputs but `data` at which every result is finite: whole ones if there are any, or tenths.

    Where an extremum is taken all numbers of a tensor differ, so that there are no ties.
    """
    known = complete_sizes(program, sizes)
    ranked = any(s.term.reduction.selects for s in program.statements)
    for draw in _draws(ranked):
        values = drawn(program, known, draw, _labels(Dice(0))) | dict(data)
        if all(isfinite(v) for array in interpret_plainly(program, values, sizes).values() for v in array.numbers):
            return values
    return None


def _draws(ranked: bool) -> Iterator[Draw]:
    dice = Dice(0)
    if ranked:
        yield lambda shape: filled(shape, map(float, dice.shuffled(prod(shape))).__next__)
    yield lambda shape: small_numbers(shape, dice)
    yield lambda shape: filled(shape, lambda: float(dice.integers(1, 5)))
    yield lambda shape: filled(shape, lambda: dice.integers(1, 10) / 10)


def _labels(dice: Dice) -> Callable[[int, int, tuple[int, ...], bool], Array]:
    return lambda low, high, shape, integer: filled(shape, lambda: dice.integers(low, high + 1))


def small_numbers(shape: tuple[int, ...], dice: Dice) -> Array:
    """From -2 to 3 without 0, where functions have their kinks, and summands show nothing.

    None comes again before all have come, so that one sees where the elements of a small kernel go.
    """
    return filled(shape, _dealt((-2.0, -1.0, 1.0, 2.0, 3.0), dice).__next__)


def _dealt(numbers: Sequence[float], dice: Dice) -> Iterator[float]:
    while True:
        yield from (numbers[k] for k in dice.shuffled(len(numbers)))


def seeds(tensors: Mapping[str, Any], sizes: Mapping[Any, Size]) -> dict[str, Array]:
    """The gradients that arrive from above; that of a number is 1, as if it were what is minimised."""
    dice = Dice(1)
    shapes = {t.name: shape_of(t.shape, sizes) for t in tensors.values()}
    return {name: small_numbers(shape, dice) if shape else filled((), lambda: 1.0) for name, shape in shapes.items()}
