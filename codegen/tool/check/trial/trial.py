"""The function is called with an example, and what it returns is compared with the derived gradients."""

from collections.abc import Awaitable, Iterator, Mapping, Set
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np

from gradscribe.codegen.tool.check.problem.binding import assembled
from gradscribe.codegen.tool.check.problem.parameter_names import (
    CheckError,
    called,
    expected_gradients,
    gradient_name,
    gradients,
)
from gradscribe.codegen.tool.check.problem.problem import Problem
from gradscribe.codegen.tool.check.trial.case import Case
from gradscribe.derive.ir.quote import MOST_LISTED, quoted, shown

TOLERANCE = {"float64": 1e-7, "float32": 1e-3, "float16": 3e-2}
"""Differences relative to the greatest entry, or to 1, by the type of the function's results."""


@dataclass(frozen=True)
class Deviation:
    """Something wrong with one call.

    Attributes:
        subject: the input whose gradient it is about; for "modifies" the argument; "" for the call as a whole.
        kind: "differs", "shape", "type" (no array of real numbers), "raises", "modifies" or "nothing" (is returned).
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
    """Call the function with copies of the example's arrays, and compare; what it prints goes nowhere."""
    problem = case.problem
    given, pristine = case.values(), case.values()
    named = assembled(given)
    positional = [named.pop(name) for name in dict.fromkeys(a.parameter for a in problem.arguments if a.positional)]
    nowhere = StringIO()
    try:
        # errstate: a function that sets it shall not set it for the others
        with redirect_stdout(nowhere), redirect_stderr(nowhere), np.errstate():
            received = problem.function(*positional, **named)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever somebody's code may raise is a finding, exit() too
        return Trial(case, {}, (Deviation("", "raises", received=one_line(error)),))
    deviations = [
        Deviation(a.label, "modifies", received=a.label)
        for a, value in pristine.items()
        if isinstance(value, np.ndarray) and not _same(value, given[a])
    ]
    returned = results_by_name(problem, received)
    if not returned:
        deviations.append(Deviation("", "nothing"))
    results: dict[str, np.ndarray] = {}
    for name, value in returned.items():
        array, fault = as_array(value)
        if fault:
            deviations.append(Deviation(name, "type", received=fault))
        else:
            results[name] = array
    deviations += [d for name, value in results.items() if (d := compare(case, name, value)) is not None]
    return Trial(case, results, tuple(deviations))


def results_by_name(problem: Problem, received: Any) -> dict[str, Any]:
    """The results by the input whose gradient each is; a result None is left out.

    Raises:
        CheckError: for more results than gradients, or a key that is none.
    """
    layer, function = problem.layer, called(problem.function)
    if isinstance(received, Mapping):
        known = gradients(layer)
        unknown = [str(key) for key in received if key not in known]
        if unknown:
            raise CheckError(f"{function}: returns a dict with {quoted(unknown[0])}; {expected_gradients(layer)}")
        named = [known[key] for key in received]
        double = next((name for name in named if named.count(name) > 1), None)
        if double is not None:
            raise CheckError(f"{function}: returns a dict with {gradient_name(double)} twice, by two names")
        return {known[key]: value for key, value in received.items() if value is not None}
    numbers = isinstance(received, list) and not any(hasattr(value, "shape") for value in received)
    values = received if isinstance(received, tuple | list) and not numbers else (received,)
    if len(values) > len(problem.results):
        raise CheckError(
            f"{function}: returns {len(values)} results, expected at most {len(problem.results)}: "
            f"{', '.join(gradient_name(name) if name else '_' for name in problem.results)}; name them by --returns, "
            "_ for one that is no gradient"
        )
    pairs = zip(problem.results, values, strict=False)
    return {name: value for name, value in pairs if name and value is not None}


def as_array(value: Any) -> tuple[np.ndarray, str]:
    """A result as an array of its own, and what it is instead of one of real numbers; "" for nothing wrong.

    A PyTorch tensor is detached from its graph. It is copied: somebody may return the same memory each time.
    """
    none = np.zeros(0)
    if isinstance(value, np.ma.MaskedArray):
        return none, "a masked array"
    if isinstance(value, Iterator | Awaitable | Set | str | bytes):
        return none, f"of type {type(value).__name__}"
    try:
        array = np.asarray(value.detach() if hasattr(value, "detach") else value).copy()
    except Exception as error:  # of whatever class it is
        return none, f"of type {type(value).__name__}, which is no array: {one_line(error)}"
    if array.dtype.kind not in "fiub":
        return none, f"an array of {array.dtype}" if array.ndim else f"of type {type(value).__name__}"
    return array, ""


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


def one_line(error: BaseException) -> str:
    """The class of an exception and the first line of its message."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # its own, of somebody's class
        lines = []
    return f"{type(error).__name__}: {shown(lines[0], MOST_LISTED)}" if lines else type(error).__name__
