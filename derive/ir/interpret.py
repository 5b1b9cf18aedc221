"""The oracle: the value of any Program by brute force, in float64.

Every term is evaluated on its whole index box at once: each index is an array, each bracket a mask, each access a
look-up that reads 0 outside the tensor. Nothing is rewritten, skipped or reordered, so that the value follows from the
definition of a Term alone. Meant for small sizes.
"""

import math
from collections.abc import Mapping
from functools import reduce
from itertools import compress
from typing import Any

import numpy as np
from sympy import Add, Expr, Mul, Pow, Symbol

from gradscribe.derive.ir.functions import FUNCTIONS, is_indicator
from gradscribe.derive.ir.index import choose, exact, floordiv, minimum, mod
from gradscribe.derive.ir.term import Access, Program, Statement, Term

Values = Mapping[str, np.ndarray]
Sizes = Mapping[Symbol, int]

_INTEGER_FUNCTIONS: dict[Any, Any] = {
    floordiv: lambda a, b: a // b,
    exact: lambda a, b: a // b,
    mod: lambda a, b: a % b,
    minimum: np.minimum,
    choose: np.where,
}


def interpret(program: Program, values: Values, sizes: Sizes) -> dict[str, np.ndarray]:
    """Every tensor of `program`, the inputs included.

    Args:
        program: the statements to run in order.
        values: the inputs by name; absent optional inputs count as 0 or 1.
        sizes: every size symbol that is not defined by `program.sizes`, with its integer.

    Raises:
        KeyError: when an input or a size is missing.
    """
    known = complete_sizes(program, sizes)
    optional = (t for t in program.inputs if t.optional)
    found: dict[str, Any] = {t.name: np.full(shape_of(t.shape, known), float(t.absent)) for t in optional}
    found |= {name: np.asarray(value) for name, value in values.items()}
    for statement in program.statements:
        result, argument = evaluate(statement.term, found, known)
        name = statement.target.name
        found[name] = found[name] + result if _written_before(program, statement) else result
        if statement.argument is not None:
            found[statement.argument.name] = argument
    return found


def complete_sizes(program: Program, sizes: Sizes) -> dict[Symbol, int]:
    """`sizes` with the derived extents of `program` added."""
    known = dict(sizes)
    for symbol, expression in program.sizes:
        known[symbol] = number(expression, known)
    return known


def shape_of(extents: tuple[Expr, ...], sizes: Sizes) -> tuple[int, ...]:
    """The extents as integers."""
    return tuple(number(e, sizes) for e in extents)


def number(expression: Expr, sizes: Sizes) -> int:
    """The integer value of a size expression; of a requirement on a real number the integer below."""
    if isinstance(expression, Symbol):  # as nearly all are, or an Integer: `value` need not be asked
        return math.floor(sizes[expression])
    return int(expression) if expression.is_Integer else math.floor(value(expression, {}, sizes))


def evaluate(term: Term, values: Values, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """The value of one term, of the shape of its free indices, and where an extremum is (row-major; else zeros)."""
    body, mask = _summands(term, values, sizes)
    row = term.reduction
    reduced = row.combine.reduce(np.where(mask, body, row.identity), axis=-1, initial=row.identity)
    return reduced, _position(reduced, body, mask) if row.selects else np.zeros(np.shape(reduced), int)


def magnitude(term: Term, values: Values, sizes: Sizes) -> np.ndarray:
    """The sum of the absolute values of what a term sums: what its rounding is relative to, where summands cancel."""
    body, mask = _summands(term, values, sizes)
    return np.abs(np.where(mask, body, 0.0)).sum(-1)


def _summands(term: Term, values: Values, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """The body on the whole index box, the bound indices as one last axis, and where all brackets hold."""
    grid, mask = index_box(term, values, sizes)
    with np.errstate(all="ignore"):
        body = np.asarray(value(term.value, values, grid), float)
    return flattened(term, body, mask)


def index_box(term: Term, values: Values, sizes: Sizes) -> tuple[dict[Symbol, Any], np.ndarray]:
    """The sizes, with every index of a term as an array along its own axis; and where all brackets hold."""
    shape = shape_of(tuple(r.extent for r in term.ranges), sizes)
    grid: dict[Symbol, Any] = dict(sizes)
    for axis, (r, extent) in enumerate(zip(term.ranges, shape, strict=True)):
        grid[r.index] = np.arange(extent).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    mask = np.ones(shape, bool)
    for delta in term.deltas:
        mask &= value(delta, values, grid) == 0
    for guard in term.guards:
        place = value(guard.value, values, grid)
        mask &= (place >= 0) & (place < value(guard.extent, values, grid))
    for bracket in term.divisibilities:
        mask &= value(bracket.value, values, grid) % value(bracket.modulus, values, grid) == 0
    with np.errstate(all="ignore"):
        for condition in term.admission:
            mask &= value(condition, values, grid) != 0
    return grid, mask


def flattened(term: Term, body: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A body and the brackets on the whole index box, the bound indices as one last axis."""
    outer = mask.shape[: len(term.free)]
    inner = math.prod(mask.shape[len(term.free) :])
    return np.broadcast_to(body, mask.shape).reshape(*outer, inner), mask.reshape(*outer, inner)


def _position(best: np.ndarray, body: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The first position along the last axis that is `best` and where `mask` holds; -1 for none."""
    if body.shape[-1] == 0:
        return np.full(body.shape[:-1], -1)
    # admissible positions win over excluded ones even where they are infinite themselves
    candidates = mask & ((body == best[..., None]) | (np.isnan(body) & np.isnan(best)[..., None]))
    return np.where(candidates.any(-1), candidates.argmax(-1), -1)


def _written_before(program: Program, statement: Statement) -> bool:
    return next(s for s in program.statements if s.target.name == statement.target.name) is not statement


def value(expression: Expr, values: Values, grid: Mapping[Symbol, Any]) -> Any:
    """The value of an expression on the index box; `grid` holds arrays for indices and integers for sizes."""
    if isinstance(expression, Access):
        return read(values[expression.tensor], [value(e, values, grid) for e in expression.indices])
    if isinstance(expression, Symbol):
        return grid[expression]
    if expression.is_Integer:
        return int(expression)
    if expression.is_Number or expression.is_NumberSymbol:
        return float(expression)
    arguments = [value(e, values, grid) for e in expression.args]
    if isinstance(expression, Add):
        return reduce(lambda a, b: a + b, arguments)
    if isinstance(expression, Mul):
        product = reduce(lambda a, b: a * b, arguments)
        zero = [a for e, a in zip(expression.args, arguments, strict=True) if is_indicator(e)]
        return reduce(lambda v, bracket: np.where(bracket != 0, v, 0.0), zero, product)
    if isinstance(expression, Pow):
        base, power = arguments
        natural = np.issubdtype(np.asarray(power).dtype, np.integer) and bool(np.all(np.asarray(power) >= 0))
        return np.power(base, power) if natural else np.power(np.asarray(base, float), power)
    if expression.func in _INTEGER_FUNCTIONS:
        return _INTEGER_FUNCTIONS[expression.func](*arguments)
    return FUNCTIONS[expression.func].compute(*arguments)


def read(array: np.ndarray, indices: list[Any]) -> Any:
    """``array[indices]``, and 0 where an index leaves the array."""
    if not indices:
        return array[()]
    fits = [(index >= 0) & (index < extent) for index, extent in zip(indices, array.shape, strict=True)]
    if array.size == 0:
        return np.zeros(np.broadcast_shapes(*map(np.shape, indices)))
    leaving = [not np.all(fit) for fit in fits]
    within = (np.where(fit, e, 0) if left else e for fit, e, left in zip(fits, indices, leaving, strict=True))
    found = array[tuple(within)]
    if not any(leaving):
        return found if array.dtype != bool else found.astype(int)  # sums of truth values count
    return np.where(reduce(lambda a, b: a & b, compress(fits, leaving)), found, 0)
