"""The oracle: the value of any Program by brute force, in float64.

Every term is evaluated on its whole index box at once: each index is an array, each bracket a mask, each access a
look-up that reads 0 outside the tensor. Nothing is rewritten, skipped or reordered, so that the value follows from the
definition of a Term alone; what sizes alone decide is kept for the next evaluation. Meant for small sizes.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from sympy import Abs, Add, Expr, Mul, Pow, Symbol

from gradscribe.derive.ir.functions import FUNCTIONS, decreed, is_indicator
from gradscribe.derive.ir.index import at_least_one, choose, exact, floordiv, minimum, mod
from gradscribe.derive.ir.interpret.plain import NOWHERE, Sizes, complete_sizes, number, shape_of
from gradscribe.derive.ir.interpret.recurrence import Recurrence, stages
from gradscribe.derive.ir.term import Access, InnerSum, Program, Term

Values = Mapping[str, np.ndarray]
_KEPT_POINTS = 4_000
"""A larger index box is made anew by every term that has it."""

_INTEGER_FUNCTIONS: dict[Any, Any] = {
    floordiv: lambda a, b: a // b,
    exact: lambda a, b: a // b,
    mod: lambda a, b: a % b,
    minimum: np.minimum,
    at_least_one: lambda a: np.maximum(1, a),
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
    written: set[str] = set()
    for stage in stages(program):
        if isinstance(stage, Recurrence):
            found |= _recurred(stage, found, known)
            continue
        result, argument = evaluate(stage.term, found, known)
        name = stage.target.name
        result = _whole(result) if stage.target.integer else result
        found[name] = found[name] + result if name in written else result
        written.add(name)
        if stage.argument is not None:
            found[stage.argument.name] = argument
    return found


def _recurred(recurrence: Recurrence, values: Values, sizes: Sizes) -> dict[str, np.ndarray]:
    """The tensors of a recurrence, position by position."""
    tensors = (t for s in recurrence.statements for t in (s.target, s.argument) if t is not None)
    made = {t.name: np.zeros(shape_of(t.shape, sizes), int if t.integer else float) for t in tensors}
    for place in recurrence.places(number(recurrence.extent, sizes)):
        for s in recurrence.statements:
            term, index = recurrence.at_one_place(s)
            result, argument = evaluate(term, {**values, **made}, {**sizes, index: place})
            result = _whole(result) if s.target.integer else result
            here: Any = (*[slice(None)] * recurrence.axes[s.target.name], place)
            made[s.target.name][here] += result
            if s.argument is not None:
                made[s.argument.name][here] = argument
    return made


def _whole(result: np.ndarray) -> np.ndarray:
    """Numbers as elements of a tensor of integers."""
    return np.where(np.abs(result) < -NOWHERE, result, NOWHERE).astype(np.int64)


def evaluate(term: Term, values: Values, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """The value of one term, of the shape of its free indices, and where an extremum is (row-major; else zeros)."""
    body, mask = _summands(term, values, sizes)
    row = term.reduction.of_values
    combine: np.ufunc = getattr(np, row.combine)
    reduced = combine.reduce(np.where(mask, body, row.identity), axis=-1, initial=row.identity)
    position = _position(reduced, body, mask) if row.selects else np.zeros(np.shape(reduced), int)
    return position if term.reduction.places else reduced, position


def magnitude(term: Term, values: Values, sizes: Sizes) -> np.ndarray:
    """The sum of the absolute values of what a term sums: what its rounding is relative to, where summands cancel."""
    factors = Mul.make_args(term.body)
    within = (InnerSum(Abs(f.args[0]), *f.args[1:]) if isinstance(f, InnerSum) else f for f in factors)
    body, mask = _summands(replace(term, body=Mul(*within)), values, sizes)
    return np.abs(np.where(mask, body, 0.0)).sum(-1)


def _summands(term: Term, values: Values, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """The body on the whole index box, the bound indices as one last axis, and where all brackets hold."""
    grid, mask = index_box(term, values, sizes)
    with np.errstate(all="ignore"):
        body = np.asarray(value(term.value, values, grid), float)
    return flattened(term, body, mask)


class Grid(dict[Symbol, Any]):
    """The sizes, and every index of a box as an array along its own axis.

    `known` holds what was computed of integer sizes and indices alone: places of accesses, brackets. It is the same for
    all terms with this box; a slope by differences has most of its work there but once.
    """

    def __init__(self, symbols: Mapping[Symbol, Any], known: dict[Any, Any]) -> None:
        super().__init__(symbols)
        self.known = known

    def keeps(self, *expressions: Expr) -> bool:
        """Whether the value of these stays the same, whatever the tensors and the real parameters are."""
        symbols: set[Symbol] = set().union(*(e.free_symbols for e in expressions))
        whole = all(isinstance(self[s], int | np.ndarray) for s in symbols)
        return whole and not any(e.has(Access) for e in expressions)


def index_box(term: Term, values: Values, sizes: Sizes) -> tuple[Grid, np.ndarray]:
    """The sizes, with every index of a term as an array along its own axis; and where all brackets hold."""
    shape = shape_of(tuple(r.extent for r in term.ranges), sizes)
    made = _axes if math.prod(shape) <= _KEPT_POINTS else _axes.__wrapped__
    axes, known = made(term.indices, shape, tuple((s, size) for s, size in sizes.items() if isinstance(size, int)))
    grid = Grid(sizes, known)
    grid.update(axes)
    key = (tuple(term.deltas), tuple(term.guards), tuple(term.divisibilities))
    mask = known.get(key)
    if mask is None:
        mask = np.ones((), bool)
        for bracket in sorted(_brackets(term, values, grid), key=np.size):  # with the axes of its own indices only
            mask = mask & bracket
        mask = np.array(np.broadcast_to(mask, shape))
        guarded = (e for guard in term.guards for e in (guard.value, guard.extent))
        if grid.keeps(*term.deltas, *guarded, *(e for d in term.divisibilities for e in (d.value, d.modulus))):
            known[key] = mask
    if admission := term.admission:
        with np.errstate(all="ignore"):
            mask = reduce(lambda m, condition: m & (value(condition, values, grid) != 0), admission, mask)
    return grid, mask


@lru_cache(maxsize=512)
def _axes(
    indices: tuple[Symbol, ...], shape: tuple[int, ...], sizes: tuple[tuple[Symbol, int], ...]
) -> tuple[dict[Symbol, np.ndarray], dict[Any, Any]]:
    """Indices as arrays, and an empty dictionary for what is computed of them and of the `sizes`."""
    axes = np.ogrid[tuple(slice(extent) for extent in shape)] if shape else ()
    return dict(zip(indices, axes, strict=True)), {}


def _brackets(term: Term, values: Values, grid: Grid) -> Iterator[np.ndarray]:
    """Where each bracket on the indices holds."""
    for delta in term.deltas:
        yield value(delta, values, grid) == 0
    for guard in term.guards:
        place = value(guard.value, values, grid)
        yield (place >= 0) & (place < value(guard.extent, values, grid))
    for bracket in term.divisibilities:
        yield value(bracket.value, values, grid) % value(bracket.modulus, values, grid) == 0


def flattened(term: Term, body: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A body and the brackets on the whole index box, the bound indices as one last axis."""
    outer = mask.shape[: len(term.free)]
    inner = math.prod(mask.shape[len(term.free) :])
    whole = body if body.shape == mask.shape else np.broadcast_to(body, mask.shape)
    return whole.reshape(*outer, inner), mask.reshape(*outer, inner)


def _position(best: np.ndarray, body: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The first position along the last axis that is `best` and where `mask` holds; -1 for none."""
    if body.shape[-1] == 0:
        return np.full(body.shape[:-1], -1)
    # admissible positions win over excluded ones even where they are infinite themselves
    candidates = mask & ((body == best[..., None]) | (np.isnan(body) & np.isnan(best)[..., None]))
    return np.where(candidates.any(-1), candidates.argmax(-1), -1)


def value(expression: Expr, values: Values, grid: Mapping[Symbol, Any]) -> Any:
    """The value of an expression on the index box; `grid` holds arrays for indices and integers for sizes."""
    if isinstance(expression, Access):
        return read(expression, values, grid)
    if isinstance(expression, Symbol):
        return grid[expression]
    if expression.is_Integer:
        return int(expression)
    if expression.is_Number or expression.is_NumberSymbol:
        return float(expression)
    if isinstance(expression, InnerSum):
        return summed(expression, grid, lambda body, deeper: value(body, values, deeper))
    if isinstance(expression, decreed):
        return value(expression.value, values, grid)
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
    return computed(expression, arguments)


def computed(call: Expr, arguments: list[Any]) -> Any:
    """The value of a function, its arguments being known."""
    if call.func in _INTEGER_FUNCTIONS:
        return _INTEGER_FUNCTIONS[call.func](*arguments)
    return FUNCTIONS[call.func].compute(np, *arguments)


def summed(total: InnerSum, grid: Mapping[Symbol, Any], evaluate_: Callable[[Expr, Mapping[Symbol, Any]], Any]) -> Any:
    """A sum within a body: each index that it sums over is an axis behind all others, which is summed over."""
    first, *others = total.ranges
    body = InnerSum(total.body, *others) if others else total.body
    extent = number(first.extent, grid)
    deeper = {s: v[..., None] if np.ndim(v) else v for s, v in grid.items()} | {first.index: np.arange(extent)}
    found = np.asarray(evaluate_(body, deeper))
    return np.broadcast_to(found, np.broadcast_shapes(found.shape, (extent,))).sum(-1)


def read(access: Access, values: Values, grid: Mapping[Symbol, Any]) -> Any:
    """``tensor[indices]``, and 0 where an index leaves the tensor."""
    array, indices = values[access.tensor], access.indices
    if not indices:
        return array[()]
    key, known = (indices, array.shape), grid.known if isinstance(grid, Grid) else {}
    place = known.get(key)
    if place is None:
        place = _place([value(e, values, grid) for e in indices], array.shape)
        if isinstance(grid, Grid) and grid.keeps(*indices):
            known[key] = place
    within, fits = place
    if array.size == 0:
        return np.zeros(np.broadcast_shapes(*map(np.shape, within)))
    found = array[within]
    if fits is not None:
        return np.where(fits, found, 0)
    return found if array.dtype != bool else found.astype(int)  # sums of truth values count


def _place(indices: list[Any], shape: tuple[int, ...]) -> tuple[tuple[Any, ...], Any]:
    """The indices, 0 where one leaves the shape, and where none does; None for everywhere."""
    within, fits = [], None
    for index, extent in zip(indices, shape, strict=True):
        fit = (index >= 0) & (index < extent)
        leaving = not np.all(fit)
        within.append(np.where(fit, index, 0) if leaving else index)
        fits = (fit if fits is None else fits & fit) if leaving else fits
    return tuple(within), fits
