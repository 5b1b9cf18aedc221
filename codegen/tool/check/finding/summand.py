"""One element of a gradient as the sum that it is: its summands with their values, and those that are missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.tool.check.finding.citation import phrase
from gradscribe.codegen.tool.check.trial.case import Case
from gradscribe.derive.ir.interpret import evaluate
from gradscribe.derive.ir.term import Term

MOST = 12
"""Summands of which all subsets are tried."""


@dataclass(frozen=True)
class Summand:
    """A summand in the notation of the derivation and its value."""

    text: str
    value: float


def own_index(case: Case, name: str, index: Sequence[int]) -> tuple[int, ...]:
    """The element of the gradient, in gradscribe's layout, that stands at `index` in the function's."""
    array = np.asarray(case.expected(name))
    numbered = case.to_user(name, np.arange(array.size).reshape(array.shape))
    flat = int(numbered[tuple(index)])
    return tuple(int(i) for i in np.unravel_index(flat, array.shape))


def summands(case: Case, name: str, index: Sequence[int]) -> tuple[Summand, ...]:
    """The summands other than 0 of an element of the gradient of input `name`."""
    adjoint = case.problem.gradient.adjoint(name)
    if adjoint is None:
        return ()
    place = own_index(case, name, index)
    found: list[Summand] = []
    for statement in case.problem.backward.statements:
        if statement.target.name == adjoint.gradient.name:
            found += _of_term(case, statement.term, place)
    return tuple(found)


def _of_term(case: Case, term: Term, place: tuple[int, ...]) -> list[Summand]:
    fixed = {r.index: Integer(i) for r, i in zip(term.free, place, strict=True)}
    apart = replace(term.substitute(fixed), free=term.bound, bound=())
    values = evaluate(apart, case.tensors, case.sizes)[0]
    return [
        Summand(_written(case, apart.body, tuple(r.index for r in term.bound), point), float(values[tuple(point)]))
        for point in np.argwhere(values != 0)
    ]


def _written(case: Case, body: Expr, indices: tuple[Symbol, ...], point: np.ndarray) -> str:
    sizes = {s: Integer(int(v)) for s, v in case.sizes.items() if s.is_integer}
    at = {v: Integer(int(i)) for v, i in zip(indices, point, strict=True)}
    return phrase(case.problem, (body.xreplace({**sizes, **at}),), ())


def missing(parts: Sequence[Summand], received: float) -> tuple[Summand, ...] | None:
    """The fewest summands without which the sum is what was received; None where there are none or too many."""
    if len(parts) > MOST or not np.isfinite(received):
        return None
    total = sum(p.value for p in parts)
    scale = max([1.0, *(abs(p.value) for p in parts)])
    for count in range(1, len(parts) + 1):
        for left_out in combinations(parts, count):
            if abs(total - sum(p.value for p in left_out) - received) <= 1e-9 * scale:
                return left_out
    return None
