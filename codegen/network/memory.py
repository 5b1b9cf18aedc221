"""Plan -> Plan in which memory is used again: copies that only rename gone, buffers given back after their last use.

Arrays whose size depends on the batch come from a pool and go back to it; what is kept for backward stays out until
the next forward pass. What only the gradient of the input needs is put last, under a condition.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Integer

from gradscribe.codegen.plan import (
    Allocate,
    Block,
    Clip,
    Compiled,
    Define,
    Plan,
    Record,
    Reduce,
    Release,
    Split,
    Spread,
    Update,
    Wanted,
    Window,
    mentioned,
)
from gradscribe.codegen.pointwise import has_target
from gradscribe.derive.term import Access, Program

BATCH = 64
"""The batch for which the peak is stated in MiB of float32."""


@dataclass(frozen=True)
class Memory:
    """A plan and what it needs.

    Attributes:
        plan: the plan.
        kept: what stays for backward, (name, elements).
        peak: the greatest number of elements that are alive at once, inputs and what is kept included.
    """

    plan: Plan
    kept: tuple[tuple[str, Expr], ...]
    peak: Expr

    @property
    def words(self) -> list[str]:
        """What is kept, and the peak, as sentences."""
        lines = []
        if self.kept:
            names = ", ".join(name for name, _ in self.kept)
            total = sympy.expand(sympy.Add(*(e for _, e in self.kept)))
            lines.append(f"Kept for backward: {names}: {total} elements.")
        symbols = sorted(self.peak.free_symbols, key=lambda s: s.name)
        amount = self.peak.xreplace({s: Integer(BATCH) for s in symbols[:1]})
        stated = (
            f" ({float(amount) * 4 / 2**20:.1f} MiB of float32 at {symbols[0]} = {BATCH})" if len(symbols) == 1 else ""
        )
        return [*lines, f"Peak: {self.peak} elements{stated}, and blocks of 1 MiB."]


def planned(plan: Plan, program: Program, returned: Sequence[str], kept: Sequence[str], tail: Sequence[str]) -> Memory:
    """Arrange the memory of a plan.

    Args:
        plan: the plan of `program`.
        program: its inputs and outputs are not touched.
        returned: names of tensors that the caller is given: their memory is his.
        kept: names of tensors that must outlive the call.
        tail: results that are wanted only where the function's argument `inputs` says so.
    """
    outside = {t.name for t in program.inputs}
    results = set(program.outputs) | set(kept)
    records = _without_copies(list(plan.records), set(returned))
    records = _tail_last(records, [r for r in program.outputs if r not in tail], tail)
    held = {t.name: sympy.prod(t.shape, start=Integer(1)) for t in program.inputs}
    buffered = tuple(_buffered(r, set(returned)) for r in records)
    released, peak = _released(buffered, results, outside, held)
    sizes = {**held, **_sizes(buffered)}
    mine = tuple((name, sympy.expand(sizes[name])) for name in kept if name in sizes)
    return Memory(replace(plan, records=released), mine, peak)


def _roots(records: Iterable[Record]) -> dict[str, str]:
    """View -> the array that it is a view of."""
    found: dict[str, str] = {}
    for record in records:
        if isinstance(record, Split | Window):
            found[record.name] = found.get(record.source, record.source)
    return found


def _written(record: Record) -> set[str]:
    """The arrays that a record creates or changes."""
    match record:
        case Allocate(name) | Define(name) | Split(name) | Window(name):
            return {name}
        case Update():
            return {record.target.array, *([record.argument[0].array] if record.argument else [])}
        case Reduce(out, _, _, _, _, _, argument):
            return {out} | ({argument} if argument is not None else set())
        case Spread(out):
            return {out}
    names: set[str] = set()
    for word in ("out", "target", "name", "argument"):
        value = getattr(record, word, None)
        names |= {value} if isinstance(value, str) else set()
    update = getattr(record, "update", None)
    if update is not None:
        names.add(update.target.array)
    for inner in ("body", "then", "otherwise"):
        nested = getattr(record, inner, None)
        for part in nested if isinstance(nested, tuple) else ():
            names |= _written(part)
    if isinstance(record, Block):  # a block of an array that is written is that array
        names |= {source for block, source, _ in record.slices if block in names}
    return names


def _without_copies(records: list[Record], returned: set[str]) -> list[Record]:
    """Whole arrays that are copied element by element into a new array become that array, reshaped."""
    place = 0
    while place < len(records):
        alias = _alias(records, place, returned)
        if alias is not None:
            made, length = alias
            records[place : place + length] = [made]
        place += 1
    return records


def _alias(records: Sequence[Record], place: int, returned: set[str]) -> tuple[Split, int] | None:
    """The reshape that does for an allocation and the copy that follows it, and how many records it replaces."""
    first = records[place]
    if not isinstance(first, Allocate) or first.name in returned or first.integer:
        return None
    after = records[place + 1 : place + 3]
    view = after[0] if after and isinstance(after[0], Split) and after[0].source == first.name else None
    copy = after[1 if view is not None else 0] if len(after) > (view is not None) else None
    if not isinstance(copy, Update) or copy.target.array != (view.name if view is not None else first.name):
        return None
    source = _copied(copy)
    length = 3 if view is not None else 2
    if source is None:
        return None
    rest = records[place + length :]
    roots = _roots(records)
    origin = roots.get(source, source)
    same = {first.name, source, origin, *(v for v, root in roots.items() if root in (first.name, origin))}
    if origin in returned or any(_written(r) - {r.name if isinstance(r, Split | Window) else ""} & same for r in rest):
        return None
    return Split(first.name, source, first.shape), length


def _copied(update: Update) -> str | None:
    """The array that an update copies whole, element after element in the same order; None if it does not."""
    if update.op != "+=" or not isinstance(update.body, Access) or update.summed or update.clipped or update.argument:
        return None
    source = dict(update.slices)[update.body]
    order = [v for v in source.vectors if v is not None]
    wanted = [v for v in update.target.vectors if v is not None]
    plain = all(
        f.plain() is not None if v is not None else f.expression() == 0
        for part in (source, update.target)
        for f, v in zip(part.positions, part.vectors, strict=True)
    )
    return source.array if plain and order == wanted else None


def _tail_last(records: list[Record], main: Sequence[str], tail: Sequence[str]) -> list[Record]:
    """Put what only the results `tail` need at the end, where the argument `inputs` decides."""
    if not tail:
        return records
    roots = _roots(records)
    needed = {roots.get(n, n) for n in main}
    first: list[Record] = []
    last: list[Record] = []
    side = first
    for record in reversed(records):
        if isinstance(record, Clip):  # goes with what it restricts, the record behind it
            side.append(record)
            continue
        views = isinstance(record, Split | Window)
        written = {n if views else roots.get(n, n) for n in _written(record)}
        side = first if written & needed else last
        side.append(record)
        if side is first:
            names = mentioned(record)
            needed |= names | {roots[n] for n in names if n in roots}
    return [*reversed(first), Wanted("inputs", tuple(reversed(last)))] if last else list(reversed(first))


def _buffered(record: Record, returned: set[str]) -> Record:
    """Take large new arrays from the pool."""
    match record:
        case Allocate() if not record.integer and record.name not in returned and _large(record.shape):
            return replace(record, buffered=True)
        case Define() if record.name not in returned and has_target(record.update):
            extents = tuple(r.extent for r in record.update.ranges)
            return replace(record, buffered=True) if _large(extents) else record
        case Block():
            inner = tuple(_buffered(r, returned) for r in record.body)
            mine = tuple(r.name for r in inner if isinstance(r, Allocate) and r.buffered)
            return replace(record, body=(*inner, Release(mine)) if mine else inner)
        case Wanted(flag, body):
            return Wanted(flag, tuple(_buffered(r, returned) for r in body))
        case Compiled(steps, within, then, otherwise):
            ways = (then, otherwise)
            taken = [{r.name for r in _taken(way, returned)} for way in ways]
            apart = returned | (taken[0] ^ taken[1])  # a temporary array of one way only is never given back
            return Compiled(steps, within, *(tuple(_buffered(r, apart) for r in way) for way in ways))
    return record


def _taken(records: Iterable[Record], returned: set[str]) -> list[Allocate | Define]:
    """The new arrays that would come from the pool."""
    made = (_buffered(r, returned) for r in records)
    return [r for r in made if isinstance(r, Allocate | Define) and r.buffered]


def _large(shape: Sequence[Expr]) -> bool:
    """Whether the size depends on the batch."""
    return any(not e.is_number for e in shape)


def _sizes(records: Iterable[Record]) -> dict[str, Expr]:
    """The elements of the new arrays."""
    found: dict[str, Expr] = {}
    for record in records:
        match record:
            case Allocate(name, shape) | Split(name, _, shape):
                found[name] = sympy.prod(shape, start=Integer(1))
            case Define(name, update):
                kept = [r.extent for r in update.ranges if r.index not in update.summed]
                found[name] = sympy.prod(kept, start=Integer(1))
            case Wanted(_, body):
                found |= _sizes(body)
            case Compiled(_, _, then, otherwise):
                found |= _sizes(then) | _sizes(otherwise)
    return found


def _released(
    records: Sequence[Record], results: set[str], outside: set[str], held: Mapping[str, Expr]
) -> tuple[tuple[Record, ...], Expr]:
    """Give every new array back after its last use; also the greatest number of elements alive at once."""
    roots = _roots(_flat(records))
    new = {n: e for n, e in _sizes(records).items() if n not in roots and n not in outside}
    buffered = {r.name for r in _flat(records) if isinstance(r, Allocate | Define) and r.buffered}
    fixed = {roots.get(n, n) for n in results}
    last: dict[str, int] = {}
    for place, record in enumerate(records):
        for name in mentioned(record):
            last[roots.get(name, name)] = place
    alive = sympy.Add(*held.values())
    peak, level = alive, _level(alive)
    out: list[Record] = []
    for place, record in enumerate(records):
        inside = _flat([record])
        created = [n for n in dict.fromkeys(r.name for r in inside if isinstance(r, Allocate | Define)) if n in new]
        alive += sympy.Add(*(new[n] for n in created))
        if _level(alive) > level:
            peak, level = alive, _level(alive)
        gone = [n for n in new if last.get(n) == place and n not in fixed]
        alive -= sympy.Add(*(new[n] for n in gone))
        release = Release(tuple(n for n in gone if n in buffered))
        if release.buffered and not isinstance(record, Wanted):
            out += [record, release]
        elif release.buffered and isinstance(record, Wanted):
            before = tuple(n for n in release.buffered if n in {x for r in records[:place] for x in mentioned(r)})
            inner = tuple(n for n in release.buffered if n not in before)
            body = (*record.body, Release(inner)) if inner else record.body
            out += [Wanted(record.flag, body), *([Release(before)] if before else [])]
        else:
            out += [record, release] if release.buffered else [record]
    return tuple(out), sympy.expand(peak)


def _flat(records: Iterable[Record]) -> list[Record]:
    found: list[Record] = []
    for record in records:
        match record:
            case Wanted(_, body):
                found += _flat(body)
            case Compiled(_, _, then, otherwise):
                found += _flat((*then, *otherwise))
            case _:
                found.append(record)
    return found


def _level(elements: Expr) -> float:
    """The elements for sizes of a usual batch: which of two amounts is the greater."""
    return float(elements.xreplace({s: Integer(BATCH) for s in elements.free_symbols}))
