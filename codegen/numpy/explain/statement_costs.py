"""What a function does at given sizes, statement by statement: elements, bytes moved, ways to compute contractions."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from math import prod
from typing import Any

import numpy as np
from sympy import Expr, Float, Integer

from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.explain.compiled_functions import Function, Inner
from gradscribe.codegen.numpy.explain.instance import Instance
from gradscribe.codegen.numpy.explain.observe import Figures, Path, Seen
from gradscribe.codegen.numpy.plan import (
    Accumulate,
    Allocate,
    Apply,
    Block,
    Branch,
    Clip,
    Compiled,
    Contract,
    ContractByLabel,
    Define,
    Equation,
    Gather,
    Invoke,
    Known,
    LabelExtrema,
    Loop,
    PartSums,
    Positions,
    Present,
    Record,
    Recur,
    Reduce,
    Release,
    Scale,
    ScatterAdd,
    Slice,
    Spread,
    Stretches,
    Update,
    Wanted,
    When,
    contracts,
    deed,
    walk,
)
from gradscribe.derive.ir.interpret import complete_sizes, number
from gradscribe.derive.ir.term import Range


@dataclass(frozen=True)
class Statement:
    """One line of a plan with its sizes put in.

    Attributes:
        text: what is done.
        depth: within how many loops it stands.
        elements: how many numbers are computed, in all rounds of loops together; 0 for views.
        bytes: how many are read and written, likewise; None for contractions, where that depends on the way.
        times: how often a contraction was computed.
        ways: the ways to compute it, as predicted the fastest first; () for what is no contraction.
    """

    text: str
    depth: int
    elements: int = 0
    bytes: int | None = 0
    times: int = 1
    ways: tuple[Figures, ...] = ()


@dataclass(frozen=True)
class Shared:
    """What a block's function does at the places where its sizes are the same, at all of them together.

    Attributes:
        function: its name.
        places: the places.
        sizes: its sizes there.
        statements: its statements.
    """

    function: str
    places: tuple[str, ...]
    sizes: Mapping[str, int]
    statements: tuple[Statement, ...]


def statements(
    function: Function, example: Instance, seen: Mapping[Path, Seen], compiles: Callable[..., bool]
) -> tuple[Statement, ...]:
    """The statements that a call runs.

    Args:
        function: the function.
        example: sizes and values.
        seen: the contractions that were observed, by where they stand.
        compiles: whether loops of so many steps, which count with these options, are compiled.
    """
    return tuple(_walked(function.plan.records, _scope(function, example, seen, compiles)))


def of_blocks(
    function: Function, example: Instance, seen: Mapping[Path, Seen], compiles: Callable[..., bool]
) -> Iterator[Shared]:
    """What the functions of blocks do that a call runs; arguments as those of `statements`."""
    calls: dict[tuple[str, tuple[tuple[Any, int], ...]], list[Invoke]] = {}
    for record in (r for _, r in walk(function.plan.records) if isinstance(r, Invoke)):
        own = function.sizes[record.place]
        sizes = tuple((s, int(own[s])) for s in sorted(own, key=lambda s: str(s.name)))
        calls.setdefault((record.function, sizes), []).append(record)
    scope = _scope(function, example, seen, compiles)
    for (name, sizes), found in calls.items():
        inner = replace(scope, sizes={**scope.sizes, **dict(sizes)}, seen=_within(seen, found), rounds=len(found))
        rows = tuple(_walked(function.inner[name].plan.records, inner))
        yield Shared(name, tuple(record.place for record in found), {s.name: n for s, n in sizes}, rows)


def _within(seen: Mapping[Path, Seen], calls: Sequence[Invoke]) -> dict[Path, Seen]:
    """What was seen in functions that were called there, by where it stands in them."""
    own, found = {id(call) for call in calls}, dict[Path, Seen]()
    for path, one in seen.items():
        if path[0] in own:
            found.setdefault(path[1:], Seen()).join(one)
    return found


@dataclass(frozen=True)
class _Scope:
    """What statements are told by.

    Attributes:
        path: the calls that led here.
        there: in the records of a call the one of the function that each is, by identities.
    """

    sizes: Mapping[Any, Any]
    absent: Collection[str]
    seen: Mapping[Path, Seen]
    size: int
    compiles: Callable[..., bool]
    inner_functions: Mapping[str, Inner]
    depth: int = 0
    rounds: int = 1
    path: Path = ()
    there: Mapping[int, int] = field(default_factory=dict)

    def inner(self, rounds: int = 1) -> "_Scope":
        return replace(self, depth=self.depth + 1, rounds=self.rounds * rounds)

    def within(self, call: Apply) -> "_Scope":
        """What the function computes that is called there."""
        own = self.inner_functions[call.function].plan.records
        there = {id(a): id(b) for (_, a), (_, b) in zip(walk(call.body), walk(own), strict=True)}
        return replace(self.inner(), path=(*self.path, id(call)), there=there)

    def found(self, record: Record) -> Seen:
        """What was seen of a contraction."""
        return self.seen.get((*self.path, self.there.get(id(record), id(record))), Seen())


def _scope(function: Function, example: Instance, seen: Mapping[Path, Seen], compiles: Callable[..., bool]) -> _Scope:
    sizes = complete_sizes(function.kernel.program, example.sizes)
    absent = {name for name, value in example.values.items() if value is None}
    return _Scope(sizes, absent, seen, example.dtype.itemsize, compiles, function.inner)


def _walked(records: Sequence[Record], scope: _Scope) -> Iterator[Statement]:
    for record in records:
        match record:
            case Branch(ones, then, otherwise):
                yield from _walked(then if all(number(s, scope.sizes) == 1 for s in ones) else otherwise, scope)
            case Compiled(steps, within, then, otherwise):
                inside = all(0 <= number(g.value, scope.sizes) < number(g.extent, scope.sizes) for g in within)
                counts = (number(e, scope.sizes) for e in (steps, *record.options))
                taken = inside and scope.compiles(*counts)
                yield from _walked(then if taken else otherwise, scope)
            case Present(array, body):
                yield from _walked(body, scope) if array not in scope.absent else ()
            case Contract(row=row) if row in scope.absent:
                yield from _walked((replace(record, row=""),), scope)
            case Wanted(_, body) | When(_, _, body):
                yield from _walked(body, scope)
            case Apply(_, body):
                yield Statement(_text(record, scope), scope.depth)
                yield from _walked(body, scope.within(record))
            case Block(extent, block, _, _, body):  # all blocks together
                whole = dict(scope.sizes) | {block: number(extent, scope.sizes)}
                yield from _walked(body, replace(scope, sizes=whole))
            case Stretches(start, length, extent):  # all stretches together
                whole = dict(scope.sizes) | {start: 0, length: number(extent, scope.sizes)}
                yield Statement(_text(record, scope), scope.depth)
                yield from _walked(record.body, replace(scope.inner(), sizes=whole))
            case Loop(_, extent, body) | Recur(_, extent, _, _, _, body):
                rounds = number(extent, scope.sizes)
                yield Statement(_text(record, scope), scope.depth)
                yield from _walked(body, scope.inner(rounds))
            case Clip() | Release() | Equation():
                pass
            case _:
                yield from _statement(record, scope)


def _statement(record: Record, scope: _Scope) -> Iterator[Statement]:
    text = _text(record, scope)
    if contracts(record):
        found = scope.found(record)
        elements = scope.rounds * _volume(_ranges(record), scope)
        yield Statement(text, scope.depth, elements, None, found.times, tuple(found.ways.values()))
        return
    elements, moved = (scope.rounds * figure for figure in _moved(record, scope))
    yield Statement(text, scope.depth, elements, moved * scope.size)


def _text(record: Record, scope: _Scope) -> str:
    """The line of the plan with the sizes put in; what it says of elements is told elsewhere."""
    return deed(_put(record, scope.sizes))


def _put(value: Any, sizes: Mapping[Any, Any]) -> Any:
    """A record with numbers in place of sizes."""
    if isinstance(value, Expr):
        numbers = {s: Integer(v) if isinstance(v, int | np.integer) else Float(v) for s, v in sizes.items()}
        return value.xreplace(numbers)
    if isinstance(value, tuple):
        return tuple(_put(part, sizes) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _put(getattr(value, f.name), sizes) for f in fields(value)})
    return value


def _volume(ranges: Sequence[Range], scope: _Scope) -> int:
    return prod(number(r.extent, scope.sizes) for r in ranges)


def _ranges(record: Record) -> tuple[Range, ...]:
    """The indices that a contraction runs over."""
    if isinstance(record, Contract):
        return record.ranges
    update = record if isinstance(record, Update) else getattr(record, "update", None)
    return update.ranges if isinstance(update, Update) else ()


def _moved(record: Record, scope: _Scope) -> tuple[int, int]:
    """Numbers that are computed, and numbers that are read and written."""
    match record:
        case Allocate(_, shape, fill):
            elements = 0 if fill is None else prod(number(e, scope.sizes) for e in shape)
            return elements, elements
        case Define(_, update) | Positions(_, update):
            elements = _volume(update.ranges, scope)
            return elements, _of(update.target, update, scope) + _read(update, scope)
        case Scale(update):
            return _volume(update.ranges, scope), 2 * _of(update.target, update, scope) + _read(update, scope)
        case Update():
            written = _of(record.target, record, scope)
            return _volume(record.ranges, scope), (1 if record.op == "=" else 2) * written + _read(record, scope)
        case Reduce() | Spread():
            elements = _volume((*record.kept, *record.taps), scope)
            return elements, elements + (1 if record.argument is None else 2) * _volume(record.kept, scope)
        case Accumulate():
            elements = _volume(record.ranges, scope)
            return 2 * elements, 4 * elements
        case Nest():
            elements = sum(prod(number(e, scope.sizes) for e in shape) for _, shape in record.shapes)
            return _volume(record.ranges, scope), elements
        case Gather(_, _, _, _, axes):
            return _volume(axes, scope), 2 * _volume(axes, scope)
        case ScatterAdd():
            return _volume(record.ranges, scope), 3 * _volume(record.ranges, scope)
        case Known() | PartSums() | ContractByLabel() | LabelExtrema():
            return 0, 0
        case _:
            return 0, 0


def _read(update: Update, scope: _Scope) -> int:
    return sum(_of(part, update, scope) for part in {part for _, part in update.slices})


def _of(part: Slice, update: Update, scope: _Scope) -> int:
    """The elements of a slice."""
    extents = {r.index: r.extent for r in update.ranges}
    return prod(number(extents[v], scope.sizes) for v in part.vectors if v in extents)
