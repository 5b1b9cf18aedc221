"""The choice of the points of fast correlations: ``python -m benchmarks.winograd_points [--points N]``.

Candidates are infinity, 0 where their number is even, and pairs of opposite fractions of three bits: with those the
matrices A^T and B^T are exact in float32. They are ranked by how much they amplify rounding, as a geometric mean over
all F(m, r) that they make; that is computed, so it is the same on every machine. The first is chosen. The first ones
are then measured in float32, on plain and on rectified data: none should have a clearly smaller error.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import exp, log
from typing import Annotated

import numpy as np
import sympy
import typer
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table
from sympy import Expr, Rational

from gradscribe.derive.catalogue.winograd import cook_toom, standard_points
from gradscribe.derive.catalogue.winograd.accuracy import (
    SEEDS,
    amplification,
    amplified,
    errors,
    measured_error,
    plain_error,
)
from gradscribe.derive.catalogue.winograd.cook_toom import transforms
from gradscribe.derive.catalogue.winograd.points import ERRORS, symmetric, written

LEAST, MOST = 3, 8
"""How many points a choice is made for; two are 0 and infinity."""
SHOWN = 5
CANDIDATES = sorted({Rational(p, q) for p in range(1, 8) for q in (1, 2, 4, 8) if p <= 4 * q})


@dataclass(frozen=True)
class Choice:
    """Points and what rounding is multiplied by there, as a geometric mean over all F(m, r)."""

    points: tuple[Expr, ...]
    amplified: float

    def errors(self, algorithms: Sequence[tuple[int, int]], rectified: bool) -> float:
        """The mean error in float32 of the 2-D algorithms."""
        made = (cook_toom(m, r, self.points) for m, r in algorithms)
        return exp(float(np.mean([log(e) for f in made for e in errors(f, rectified=rectified)])))


@cache
def ranked(n: int) -> tuple[Choice, ...]:
    """All choices of n points, the best first."""
    return tuple(sorted(choices(n), key=lambda choice: choice.amplified))


def choices(n: int) -> Iterator[Choice]:
    """All choices of n points."""
    for positive in combinations(CANDIDATES, (n - 1) // 2):
        points = (*symmetric(positive if n % 2 else (Rational(0), *positive)), sympy.oo)
        made = [amplified(*transforms(n + 1 - r, r, points)) for r in range(2, n)]
        yield Choice(points, exp(sum(map(log, made)) / len(made)))


def measured(n: int) -> list[tuple[int, int]]:
    """The algorithms of n points that are measured: those of the runtime, or one of three taps."""
    return [(m, r) for m, r in ERRORS if m + r - 1 == n] or [(n - 2, 3)]


def compared(n: int) -> Table:
    """The best choices of n points."""
    names = ", ".join(f"F({m}, {r})" for m, r in measured(n))
    table = Table("points", "amplified", f"error of {names}", "rectified", "", box=MARKDOWN)
    for choice in ranked(n)[:SHOWN]:
        means = (f"{choice.errors(measured(n), rectified):.2e}" for rectified in (False, True))
        used = "chosen" if choice.points == standard_points(n) else ""
        table.add_row(written(choice.points), f"{choice.amplified:.2f}", *means, used)
    return table


def used() -> Table:
    """The algorithms of the runtime: what `winograd.accuracy.ERRORS` says, and the largest error measured."""
    table = Table("algorithm", "points", "amplified", "error", "as stated", "plain", box=MARKDOWN)
    for (m, r), stated in ERRORS.items():
        f = cook_toom(m, r)
        figures = (f"{v:.1e}" for v in (measured_error(f), stated, plain_error(f)))
        table.add_row(f.name, written(f.points), f"{amplification(f):.2f}", *figures)
    return table


def main(
    points: Annotated[int | None, typer.Option(min=LEAST, max=MOST, help="Choose that many only.")] = None,
) -> None:
    """Choose the points of fast correlations and measure the errors; half a minute."""
    console = Console(width=120)
    for n in range(LEAST, MOST + 1) if points is None else [points]:
        console.print(f"\n{n} points, mean of {SEEDS} draws:\n", compared(n))
    if points is None:
        console.print(f"\nAlong two axes, the greatest of {SEEDS} draws of both kinds of data:\n", used())


if __name__ == "__main__":
    typer.run(main)
