"""Which single mistake explains what the function returns: every one is tried, on the counterexample and elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from codegen.check.chain import Mistake
from codegen.check.citation import Citation, cite
from codegen.check.mistake import mistakes, other_sums
from codegen.check.trial import Trial, agreeing

TRIED = 4_000
"""Mistakes that are tried: a deep network has more than one has the patience for."""
WITNESSES = 24
"""Examples that a mistake has to explain besides the counterexample."""


@dataclass(frozen=True)
class Diagnosis:
    """The mistake found, and on how many examples it gives what the function returned."""

    citation: Citation
    examples: int


def witnesses(trials: Sequence[Trial], name: str) -> tuple[Trial, ...]:
    """Trials with a result for `name`: wrong ones and right ones, the greater part wrong, whatever their size."""
    there = [t for t in trials if name in t.results]
    wrong = [t for t in there if any(d.subject == name for d in t.deviations)]
    right = [t for t in there if not any(d.subject == name for d in t.deviations)]
    return (*wrong[: WITNESSES * 2 // 3], *right[: WITNESSES // 3])


def diagnose(counterexample: Trial, name: str, others: Sequence[Trial]) -> Diagnosis | None:
    """The first mistake that gives the function's result on every trial; None where no single one does."""
    problem = counterexample.case.problem
    trials = (counterexample, *others)
    for mistake in islice(chain(mistakes(problem, name), other_sums(problem, name)), TRIED):
        if all(_explains(mistake, trial, name) for trial in trials):
            return Diagnosis(cite(problem, mistake), len(trials))
    return None


def diagnose_shape(counterexample: Trial, name: str, others: Sequence[Trial]) -> Diagnosis | None:
    """The sum that is not taken, or is over another index, where the result has a wrong shape; None for none such."""
    problem = counterexample.case.problem
    trials = (counterexample, *others)
    for mistake in other_sums(problem, name):
        if all(_explains(mistake, trial, name) for trial in trials):
            return Diagnosis(cite(problem, mistake), len(trials))
    return None


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
