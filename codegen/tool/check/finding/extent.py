"""Why a result has a wrong shape: an axis that ends with the last window, keeps its padding, or stands elsewhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations

import sympy
from sympy import Expr, Symbol

from gradscribe.codegen.tool.check.finding.citation import phrase
from gradscribe.codegen.tool.check.problem.array_layout import order
from gradscribe.codegen.tool.check.problem.parameter_names import gradient_name
from gradscribe.codegen.tool.check.problem.problem import Problem
from gradscribe.codegen.tool.check.trial.trial import Trial
from gradscribe.derive.ir.index import affine, bounds, floordiv
from gradscribe.derive.ir.interpret import Sizes, number
from gradscribe.derive.ir.term import Statement, accesses

Pairs = Sequence[tuple[tuple[int, ...], tuple[int, ...]]]
"""Expected and received shapes."""


def explain_shape(trials: Sequence[Trial], name: str) -> str:
    """A sentence that says what the shapes received have in common; "" for none.

    Args:
        trials: calls that returned a wrong shape.
        name: the input whose gradient it was to be.
    """
    problem = trials[0].case.problem
    pairs = [(t.case.to_user(name, t.case.expected(name)).shape, t.results[name].shape) for t in trials]
    other = _other_gradient(problem, trials, name)
    if other:
        return f"That is the shape of {gradient_name(other)}; name what is returned by --returns."
    if any(len(e) != len(r) for e, r in pairs):
        return _other_rank(pairs)
    swapped = next((p for p in permutations(range(len(pairs[0][0]))) if all(_taken(e, p) == r for e, r in pairs)), None)
    if swapped is not None:
        return f"Its axes are in another order: {', '.join(map(str, swapped))} of those expected."
    return " ".join(_axes(problem, trials, name, pairs))


def _other_gradient(problem: Problem, trials: Sequence[Trial], name: str) -> str:
    for other in problem.layer.differentiable:
        shapes = [(t.case.to_user(other, t.case.expected(other)).shape, t.results[name].shape) for t in trials]
        if other != name and all(e == r for e, r in shapes):
            return other
    return ""


def _other_rank(pairs: Pairs) -> str:
    if all(tuple(n for n in r if n != 1) == tuple(n for n in e if n != 1) for e, r in pairs):
        return "Axes of extent 1 are left over or missing."
    return ""


def _taken(shape: tuple[int, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[axis] for axis in order)


def _axes(problem: Problem, trials: Sequence[Trial], name: str, pairs: Pairs) -> Iterator[str]:
    """A sentence for every axis whose extent follows a formula other than the right one."""
    tensor = problem.tensor(name)
    for axis in range(len(pairs[0][0])):
        if tensor.ravel is not None or all(e[axis] == r[axis] for e, r in pairs):
            continue
        # extents may agree by chance: the axis is told apart by its symbol
        own = _own_axis(trials, name, axis)
        sizes = [t.case.sizes for t in trials]
        lengths = [(e[axis], r[axis]) for e, r in pairs]
        for formula, words, meant in _candidates(problem, name, own):
            fits = all(_extent(formula, s) == r for s, (_, r) in zip(sizes, lengths, strict=True))
            if fits and all(meant(s, e, r) for s, (e, r) in zip(sizes, lengths, strict=True) if e != r):
                wrong, right = (phrase(problem, (_by_windows(e, problem),), ()) for e in (formula, tensor.shape[own]))
                yield f"Axis {axis} has {wrong} elements instead of {right}: {words}."
                break


def _by_windows(formula: Expr, problem: Problem) -> Expr:
    """The formula in terms of the last window: s*(H_out - 1) + R."""
    last = {symbol: sympy.Dummy(symbol.name) for symbol, _ in problem.program.sizes}
    shifted = sympy.expand(formula.xreplace({symbol: dummy + 1 for symbol, dummy in last.items()}))
    return shifted.xreplace({dummy: symbol - 1 for symbol, dummy in last.items()})


def _own_axis(trials: Sequence[Trial], name: str, axis: int) -> int:
    problem = trials[0].case.problem
    tensor = problem.tensor(name)
    return order(problem.layer, tensor, problem.layout, len(tensor.shape))[axis]


Meant = Callable[[Sizes, int, int], bool]
"""Whether the words are true of an example, by its sizes, the extent expected and the one received."""
Candidate = tuple[Expr, str, Meant]


def _candidates(problem: Problem, name: str, axis: int) -> Iterator[Candidate]:
    """Extents that an axis is given by mistake, from the accesses of the forward equations."""
    for statement in problem.program.statements:
        extents = {r.index: r.extent for r in statement.term.ranges}
        for access in accesses(statement.term.body):
            if access.tensor == name:
                yield from _input_extents(problem, access.indices[axis], extents, name, axis)
                yield from _kernel_extents(problem, statement, access.indices[axis])


def _input_extents(
    problem: Problem, index: Expr, extents: Mapping[Symbol, Expr], name: str, axis: int
) -> Iterator[Candidate]:
    reach = bounds(index, dict(extents))
    if reach is None:
        return
    low, high = reach
    extent = problem.tensor(name).shape[axis]
    end, whole = sympy.expand(high + 1), sympy.expand(extent - 2 * low)

    def padded(sizes: Sizes, expected: int, received: int) -> bool:
        return number(low, sizes) < 0

    def some_left(sizes: Sizes, expected: int, received: int) -> bool:
        return number(low, sizes) <= 0 and received <= number(whole, sizes)

    missing = "the elements beyond the last window are missing; their gradient is 0"
    yield end, missing, _fewer
    yield sympy.expand(end + low), missing, _fewer
    yield end, "it ends where the last window ends", _always
    if low != 0:
        yield whole, "the padding is not cut off", padded
        yield sympy.expand(end - low), "the padding is not cut off, and " + missing, some_left
        yield sympy.expand(extent + 2 * low), "the padding is cut off twice", padded
        yield sympy.expand(extent - low), "the padding is cut off at one end only", padded


def _always(sizes: Sizes, expected: int, received: int) -> bool:
    return True


def _fewer(sizes: Sizes, expected: int, received: int) -> bool:
    return received < expected


def _more(sizes: Sizes, expected: int, received: int) -> bool:
    return received > expected


def _kernel_extents(problem: Problem, statement: Statement, index: Expr) -> Iterator[Candidate]:
    """How many positions of the kernel fit beside the windows: more than it has, where windows leave a remainder."""
    if not index.is_Symbol:
        return
    term = statement.term
    for access in accesses(term.body):
        for other, extent in zip(access.indices, problem.tensor(access.tensor).shape, strict=True):
            form = affine(other, term.indices)
            step = form.coefficient(index)
            if other == index or step == 0:
                continue
            windows = {v: term.extent(v) for v, _ in form.terms if v != index}
            reach = bounds(sympy.expand(other - step * index), windows)
            if reach is not None:
                low, high = reach
                count = floordiv(sympy.expand(extent - low - (high - low) - 1), step) + 1
                padded = floordiv(sympy.expand(extent - 2 * low - (high - low) - 1), step) + 1
                for formula in dict.fromkeys((padded, count)):
                    yield formula, "the elements that the windows leave over count as positions of the kernel", _more


def _extent(formula: Expr, sizes: Sizes) -> int | None:
    try:
        return max(number(formula, sizes), 0)  # a slice that ends before it begins is empty
    except (ArithmeticError, KeyError):
        return None
