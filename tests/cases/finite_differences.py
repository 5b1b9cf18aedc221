"""Central differences of a program's forward value: the judge of every gradient, which knows no derivative."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from sympy import Symbol

from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Program

Array = np.ndarray
Values = Mapping[str, Array]

STEP = 1e-5
TOLERANCE = 2e-6


class Tally:
    """How many slopes were compared, and how many were skipped because the function has a kink there."""

    def __init__(self) -> None:
        self.compared = 0
        self.skipped = 0


def weighted_sum(program: Program, weights: Values, sizes: Mapping[Symbol, int]) -> Callable[[Values], float]:
    """The scalar E = sum of weights * outputs as a function of the inputs; infinite outputs do not count."""

    def value(values: Values) -> float:
        found = interpret(program, values, sizes)
        return sum(float((np.where(np.isfinite(found[o]), found[o], 0.0) * w).sum()) for o, w in weights.items())

    return value


def directions(array: Array, rng: np.random.Generator, dense: int, single: int) -> Iterator[Array]:
    """Random directions over all elements, and some single elements (all of them when there are few)."""
    for _ in range(dense):
        yield rng.normal(size=array.shape)
    for position in rng.permutation(array.size)[:single]:
        unit = np.zeros(array.size)
        unit[position] = 1.0
        yield unit.reshape(array.shape)


def compare_slopes(
    function: Callable[[Values], float],
    values: Values,
    gradients: Values,
    rng: np.random.Generator,
    names: Sequence[str] | None = None,
    dense: int = 2,
    single: int = 4,
) -> Tally:
    """Assert that `gradients` are the slopes of `function` at `values` in random directions.

    A slope counts as a kink, and is skipped, when two step widths disagree; the tally says how often that was so.
    """
    tally, here = Tally(), abs(function(values))
    for name in names or tuple(gradients):
        array = np.asarray(values[name], float)
        if array.size == 0:
            continue
        for direction in directions(array, rng, dense, single):
            wide, narrow = (slope(function, values, name, direction, h) for h in (STEP, STEP / 5))
            scale = max(1.0, abs(wide), here)
            if abs(wide - narrow) > TOLERANCE * scale:
                tally.skipped += 1
                continue
            derived = float((gradients[name] * direction).sum())
            assert abs(derived - wide) <= TOLERANCE * scale, f"d{name}: {derived} derived, {wide} by differences"
            tally.compared += 1
    return tally


def slope(function: Callable[[Values], float], values: Values, name: str, direction: Array, step: float) -> float:
    """The central difference quotient in one direction."""
    array = np.asarray(values[name], float)
    up = function({**values, name: array + step * direction})
    down = function({**values, name: array - step * direction})
    return (up - down) / (2 * step)
