"""Which single mistake explains what the function returns: every one is tried, on the counterexample and elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from gradscribe.codegen.tool.check.finding.citation import Citation, cite
from gradscribe.codegen.tool.check.mistake.chain import Mistake
from gradscribe.codegen.tool.check.mistake.mistake import mistakes, other_sums
from gradscribe.codegen.tool.check.trial.trial import Trial, agreeing

TRIED = 4_000
"""Mistakes that are tried: a deep network has more than one has the patience for."""
WITNESSES = 24
"""Examples that a mistake is tried on first: of each kind some, so that wrong guesses are over soon."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found out about a wrong result.

    Attributes:
        citation: the mistake that explains it; None where no single one does.
        examples: on how many examples it gives what the function returned: all that there are.
        tried: how many mistakes were tried.
    """

    citation: Citation | None
    examples: int
    tried: int


def witnesses(trials: Sequence[Trial], name: str) -> tuple[Trial, ...]:
    """All trials with a result for `name`, the first of them wrong ones and right ones, whatever their size."""
    there = [t for t in trials if name in t.results]
    wrong = [t for t in there if any(d.subject == name for d in t.deviations)]
    right = [t for t in there if not any(d.subject == name for d in t.deviations)]
    most, few = WITNESSES * 2 // 3, WITNESSES // 3
    return (*wrong[:most], *right[:few], *wrong[most:], *right[few:])


def diagnose(counterexample: Trial, name: str, others: Sequence[Trial]) -> Diagnosis:
    """The first mistake that gives the function's result on every trial."""
    problem = counterexample.case.problem
    return _first(chain(mistakes(problem, name), other_sums(problem, name)), counterexample, name, others)


def diagnose_shape(counterexample: Trial, name: str, others: Sequence[Trial]) -> Diagnosis:
    """The sum that is not taken, or is over another index, where the result has a wrong shape."""
    return _first(other_sums(counterexample.case.problem, name), counterexample, name, others)


def _first(candidates: Iterator[Mistake], counterexample: Trial, name: str, others: Sequence[Trial]) -> Diagnosis:
    problem = counterexample.case.problem
    trials, tried = (counterexample, *others), 0
    for mistake in islice(candidates, TRIED):
        tried += 1
        if all(_explains(mistake, trial, name) for trial in trials):
            cases = [trial.case for trial in trials[: WITNESSES + 1]]
            return Diagnosis(cite(problem, mistake, cases), len(trials), tried)
    return Diagnosis(None, 0, tried)


def _explains(mistake: Mistake, trial: Trial, name: str) -> bool:
    """Whether the result is that array; an additional axis may be anywhere."""
    try:
        with np.errstate(all="ignore"):
            value = mistake.value(trial.case)
    except (ArithmeticError, ValueError, IndexError, KeyError):
        return False  # it is not defined, such as after a division by 0
    result = trial.results[name]
    expected = trial.case.expected(name)
    if value.shape == expected.shape:
        return _equal(result, trial.case.to_user(name, value))
    if value.ndim == expected.ndim:
        return _equal(result, value)
    return value.ndim == result.ndim and any(_equal(result, np.moveaxis(value, -1, axis)) for axis in range(value.ndim))


def _equal(result: np.ndarray, value: np.ndarray) -> bool:
    return result.shape == value.shape and bool(agreeing(result, value).all())
