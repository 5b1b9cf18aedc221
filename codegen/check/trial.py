"""The function is called with an example, and what it returns is compared with the derived gradients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from codegen.check.case import Case
from codegen.check.problem import Problem
from codegen.check.vocabulary import CheckError, called, expected_gradients, gradient_name, gradients
from derive.quote import MOST_LISTED, quoted, shown

TOLERANCE = {"float64": 1e-7, "float32": 1e-3, "float16": 3e-2}
"""Differences relative to the greatest entry, or to 1, by the type of the function's results."""


@dataclass(frozen=True)
class Deviation:
    """Something wrong with one call.

    Attributes:
        subject: the input whose gradient it is about; "" for the call as a whole.
        kind: "differs", "shape", "raises" or "modifies".
        index: the first element that differs.
        expected: its value, or the shape expected.
        received: the value or shape received, or a message.
    """

    subject: str
    kind: str
    index: tuple[int, ...] = ()
    expected: Any = None
    received: Any = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same mistake on another example."""
        return self.subject, self.kind


@dataclass(frozen=True)
class Trial:
    """One call: the results by input, in the function's layout, and what is wrong with them."""

    case: Case
    results: Mapping[str, np.ndarray]
    deviations: tuple[Deviation, ...]

    def deviation(self, key: tuple[str, str]) -> Deviation | None:
        """The deviation of that kind; None when there is none."""
        return next((d for d in self.deviations if d.key == key), None)


def attempt(case: Case) -> Trial:
    """Call the function with copies of the example's arrays, and compare."""
    problem = case.problem
    given, pristine = case.arguments(), case.arguments()
    positional = [given[a.parameter] for a in problem.arguments if a.positional]
    named = {a.parameter: given[a.parameter] for a in problem.arguments if not a.positional}
    try:
        received = problem.function(*positional, **named)
        results = {name: _array(value) for name, value in results_by_name(problem, received).items()}
    except CheckError:
        raise
    except Exception as error:  # whatever somebody's code may raise is a finding
        return Trial(case, {}, (Deviation("", "raises", received=_one_line(error)),))
    changed = [p for p, value in pristine.items() if isinstance(value, np.ndarray) and not _same(value, given[p])]
    deviations = [Deviation("", "modifies", received=p) for p in changed]
    deviations += [d for name, value in results.items() if (d := compare(case, name, value)) is not None]
    return Trial(case, results, tuple(deviations))


def results_by_name(problem: Problem, received: Any) -> dict[str, Any]:
    """The results by the input whose gradient each is; a result None is left out.

    Raises:
        CheckError: for more results than gradients, or a key that is none.
    """
    layer, function = problem.layer, called(problem.function)
    if received is None:
        raise CheckError(f"{function}: returns nothing; expected {', '.join(map(gradient_name, problem.returns))}")
    if isinstance(received, Mapping):
        known = gradients(layer)
        unknown = [str(key) for key in received if key not in known]
        if unknown:
            raise CheckError(f"{function}: returns a dict with {quoted(unknown[0])}; {expected_gradients(layer)}")
        return {known[key]: value for key, value in received.items() if value is not None}
    numbers = isinstance(received, list) and not any(hasattr(value, "shape") for value in received)
    values = received if isinstance(received, tuple | list) and not numbers else (received,)
    if len(values) > len(problem.returns):
        raise CheckError(
            f"{function}: returns {len(values)} results, expected at most {len(problem.returns)}: "
            f"{', '.join(map(gradient_name, problem.returns))}; name them by --returns"
        )
    pairs = zip(problem.returns, values, strict=False)
    return {name: value for name, value in pairs if value is not None}


def _array(value: Any) -> np.ndarray:
    """What was returned as an array of real numbers; a PyTorch tensor is detached from its graph."""
    array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"returns an array of {array.dtype}, expected real numbers")
    return array


def compare(case: Case, name: str, value: np.ndarray) -> Deviation | None:
    """The first difference of a result from the derived gradient of input `name`."""
    expected = case.to_user(name, case.expected(name))
    if value.shape != expected.shape:
        return Deviation(name, "shape", (), expected.shape, value.shape)
    wrong = ~agreeing(value, expected)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return Deviation(name, "differs", index, float(expected[index]), float(value[index]))


def agreeing(value: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Where two arrays agree within rounding; NaN agrees with NaN."""
    tolerance = TOLERANCE.get(str(value.dtype), TOLERANCE["float64"])
    finite = np.abs(expected[np.isfinite(expected)])
    with np.errstate(invalid="ignore"):
        near = np.abs(value - expected) <= tolerance * float(finite.max(initial=1.0))
        return near | (value == expected) | (np.isnan(value) & np.isnan(expected))


def _same(a: np.ndarray, b: Any) -> bool:
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {shown(lines[0], MOST_LISTED)}" if lines else type(error).__name__
