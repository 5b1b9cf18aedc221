"""The value of an expression at one place, number by number: sizes, and small cases where there is no NumPy."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from itertools import product, repeat
from typing import Any

from sympy import Add, Expr, Mul, Pow, Symbol

from gradscribe.derive.ir.functions import FUNCTIONS, decreed, is_indicator
from gradscribe.derive.ir.index import at_least_one, choose, exact, floordiv, minimum, mod
from gradscribe.derive.ir.interpret import scalars
from gradscribe.derive.ir.interpret.recurrence import Recurrence, stages
from gradscribe.derive.ir.term import Access, InnerSum, Program, Range, Term

Sizes = Mapping[Symbol, int]
Place = tuple[int, ...]
"""The indices of an element."""
Point = Mapping[Symbol, Any]
"""Numbers for indices, sizes and parameters."""
Bracket = Callable[["Mapping[str, Array]", Point], Any]
"""Whether it holds, of values and a point."""

NOWHERE = -(2**53)
"""The integer that NaN and infinity are, and all that no float counts: no position of any axis."""

_INTEGER_FUNCTIONS: dict[Any, Any] = {
    floordiv: lambda a, b: a // b,
    exact: lambda a, b: a // b,
    mod: lambda a, b: a % b,
    minimum: min,
    at_least_one: lambda a: max(1, a),
    choose: lambda condition, a, b: a if condition else b,
}


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
    if isinstance(expression, Symbol):  # as nearly all are, or an Integer: `value_at` need not be asked
        return math.floor(sizes[expression])
    return int(expression) if expression.is_Integer else math.floor(value_at(expression, {}, sizes))


def value_at(expression: Expr, values: "Mapping[str, Array]", point: Point) -> Any:
    """The value of an expression at a `point`: numbers for indices, sizes and parameters."""
    return _computing(expression)(values, point)


@lru_cache(maxsize=4096)
def _computing(e: Expr) -> Bracket:
    """What computes an expression; the same expression is computed at many points."""
    if isinstance(e, Symbol):
        return lambda values, point: point[e]
    if isinstance(e, InnerSum):
        body = _computing(e.body)
        return lambda values, point: sum(body(values, inner) for inner in points(e.ranges, point))
    if isinstance(e, decreed):
        return _computing(e.value)
    if e.is_Number or e.is_NumberSymbol:
        constant = int(e) if e.is_Integer else float(e)
        return lambda values, point: constant
    parts = [_computing(a) for a in (e.indices if isinstance(e, Access) else e.args)]
    if isinstance(e, Access):
        return lambda values, point: values[e.tensor].get(tuple([part(values, point) for part in parts]))
    if isinstance(e, Add):
        return lambda values, point: sum([part(values, point) for part in parts])
    if isinstance(e, Mul):
        brackets = [part for a, part in zip(e.args, parts, strict=True) if is_indicator(a)]
        return lambda values, point: (
            math.prod([part(values, point) for part in parts])
            if all(bracket(values, point) for bracket in brackets)
            else 0.0
        )
    if isinstance(e, Pow):
        base, power = parts
        if e.exp.is_Integer and e.exp.is_nonnegative:
            return lambda values, point: base(values, point) ** int(e.exp)
        return lambda values, point: scalars.power(base(values, point), power(values, point))
    own = _INTEGER_FUNCTIONS.get(e.func) or partial(FUNCTIONS[e.func].compute, scalars)
    return lambda values, point: own(*[part(values, point) for part in parts])


# ----- programs -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Array:
    """Numbers by their places; outside of the shape all are 0."""

    shape: Place
    entries: Mapping[Place, Any]

    def __getitem__(self, at: Place) -> Any:
        return self.entries[at]

    def get(self, at: Place) -> Any:
        """The number at a place, 0 where there is none."""
        return self.entries.get(at, 0)

    @property
    def numbers(self) -> Iterable[Any]:
        """All of them, row by row."""
        return self.entries.values()

    def inside(self, at: Place) -> bool:
        """Whether an element is there."""
        return at in self.entries


def filled(shape: Place, draw: Callable[[], float]) -> Array:
    """An array of numbers, asked for one by one, row by row."""
    return Array(shape, {at: draw() for at in product(*map(range, shape))})


def array_of(data: Any) -> Array:
    """Numbers in nested tuples as an array."""
    if not isinstance(data, tuple):
        return Array((), {(): float(data)})
    parts = [array_of(part) for part in data]
    entries = {(k, *at): v for k, part in enumerate(parts) for at, v in part.entries.items()}
    return Array((len(parts), *(parts[0].shape if parts else ())), entries)


def interpret_plainly(program: Program, values: Mapping[str, Array], sizes: Sizes) -> dict[str, Array]:
    """Every tensor of `program`, see `interpret`."""
    known = complete_sizes(program, sizes)
    optional = (t for t in program.inputs if t.optional)
    found = {t.name: filled(shape_of(t.shape, known), repeat(float(t.absent)).__next__) for t in optional}
    found |= values
    written: set[str] = set()
    for stage in stages(program):
        if isinstance(stage, Recurrence):
            found |= _recurred(stage, found, known)
            continue
        result, argument = evaluate_plainly(stage.term, found, known)
        name = stage.target.name
        if stage.target.integer:
            result = Array(result.shape, {at: _whole(v) for at, v in result.entries.items()})
        if name in written:
            result = Array(result.shape, {at: found[name][at] + v for at, v in result.entries.items()})
        found[name] = result
        written.add(name)
        if stage.argument is not None:
            found[stage.argument.name] = argument
    return found


def _recurred(recurrence: Recurrence, values: Mapping[str, Array], sizes: Sizes) -> dict[str, Array]:
    """The tensors of a recurrence, position by position; what is not made yet is 0."""
    tensors = [t for s in recurrence.statements for t in (s.target, s.argument) if t is not None]
    shapes = {t.name: shape_of(t.shape, sizes) for t in tensors}
    entries: dict[str, dict[Place, Any]] = {n: dict.fromkeys(product(*map(range, s)), 0) for n, s in shapes.items()}
    made = {name: Array(shapes[name], own) for name, own in entries.items()}
    for place in recurrence.places(number(recurrence.extent, sizes)):
        for s in recurrence.statements:
            term, index = recurrence.at_one_place(s)
            axis, own = recurrence.axes[s.target.name], entries[s.target.name]
            result, argument = evaluate_plainly(term, {**values, **made}, {**sizes, index: place})
            for at, found in result.entries.items():
                here = (*at[:axis], place, *at[axis:])
                own[here] += _whole(found) if s.target.integer else found
            if s.argument is not None:
                where = ((*at[:axis], place, *at[axis:]) for at in argument.entries)
                entries[s.argument.name].update(zip(where, argument.entries.values(), strict=True))
    return made


def _whole(number: float) -> int:
    """A number as an element of a tensor of integers."""
    return int(number) if math.fabs(number) < -NOWHERE else NOWHERE


def evaluate_plainly(term: Term, values: Mapping[str, Array], sizes: Sizes) -> tuple[Array, Array]:
    """The value of one term, and where an extremum is, see `evaluate`."""
    row = term.reduction.of_values
    combine = getattr(scalars, row.combine)
    shape, inner = (shape_of(tuple(r.extent for r in own), sizes) for own in (term.free, term.bound))
    free, bound = ([r.index for r in own] for own in (term.free, term.bound))
    summands: dict[Place, list[tuple[int, float]]] = {at: [] for at in product(*map(range, shape))}
    for point in box(term, values, sizes):
        place = row_major([point[v] for v in bound], inner)
        summands[tuple(point[v] for v in free)].append((place, float(value_at(term.value, values, point))))
    best = {at: reduce(combine, (v for _, v in own), float(row.identity)) for at, own in summands.items()}
    position = {
        at: next((k for k, v in own if v == best[at] or math.isnan(v)), -1) if row.selects else 0
        for at, own in summands.items()
    }
    found = Array(shape, position)
    return found if term.reduction.places else Array(shape, best), found


def row_major(at: Sequence[int], extents: Sequence[int]) -> int:
    """Which element that is, counted row by row."""
    return reduce(lambda before, pair: before * pair[1] + pair[0], zip(at, extents, strict=True), 0)


def box(term: Term, values: Mapping[str, Array], sizes: Sizes) -> Iterator[Point]:
    """The points of a term's index box at which all brackets hold, in order, with the sizes.

    A bracket is asked as soon as its indices are known, and a delta says what its last index is.
    """
    ranges = term.ranges
    places = {r.index: k for k, r in enumerate(ranges)}

    def last(*expressions: Expr) -> int:
        return max((places[s] for e in expressions for s in e.free_symbols if s in places), default=-1)

    known: list[Expr | None] = [None] * len(ranges)
    brackets: list[list[Bracket]] = [[] for _ in range(len(ranges) + 1)]  # the last one has those without an index
    for delta in term.deltas:
        k = last(delta)
        said = _solved(delta, ranges[k].index) if k >= 0 and known[k] is None else None
        if said is not None:
            known[k] = said
        else:
            brackets[k].append(partial(_is_zero, delta))
    for guard in term.guards:
        brackets[last(guard.value, guard.extent)].append(partial(_within, guard.value, guard.extent))
    for d in term.divisibilities:
        brackets[last(d.value, d.modulus)].append(partial(_divides, d.modulus, d.value))
    for condition in term.admission:
        brackets[last(condition)].append(partial(value_at, condition))
    extents = shape_of(tuple(r.extent for r in ranges), sizes)

    def walk(k: int, point: dict[Symbol, Any]) -> Iterator[Point]:
        if k == len(ranges):
            yield dict(point)
            return
        said = known[k]
        candidates: Iterable[int] = range(extents[k])
        if said is not None:
            only = value_at(said, values, point)
            candidates = (only,) if only in range(extents[k]) else ()
        for candidate in candidates:
            point[ranges[k].index] = candidate
            if all(holds(values, point) for holds in brackets[k]):
                yield from walk(k + 1, point)

    if all(holds(values, sizes) for holds in brackets[-1]):
        yield from walk(0, dict(sizes))


def _solved(delta: Expr, index: Symbol) -> Expr | None:
    """What an index is where ``delta == 0``; None where that is no integer whatever the others are."""
    coefficient = delta.coeff(index)
    rest = delta - coefficient * index
    return -coefficient * rest if coefficient in (1, -1) and index not in rest.free_symbols else None


def _is_zero(delta: Expr, values: Mapping[str, Array], point: Point) -> bool:
    return bool(value_at(delta, values, point) == 0)


def _within(value: Expr, extent: Expr, values: Mapping[str, Array], point: Point) -> bool:
    return bool(0 <= value_at(value, values, point) < value_at(extent, values, point))


def _divides(modulus: Expr, value: Expr, values: Mapping[str, Array], point: Point) -> bool:
    return bool(value_at(value, values, point) % value_at(modulus, values, point) == 0)


def points(ranges: Sequence[Range], around: Point) -> Iterator[Point]:
    """All places of some indices, with what is known already."""
    indices = [r.index for r in ranges]
    for at in product(*(range(number(r.extent, around)) for r in ranges)):
        yield {**around, **dict(zip(indices, at, strict=True))}
