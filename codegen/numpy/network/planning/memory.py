"""Plan -> Plan in which memory is used again: copies that only rename gone, buffers given back after their last use.

Arrays whose size depends on the batch come from a pool and go back to it; what is kept for backward stays out until
the next forward pass. What only the gradient of the input needs is put last, under a condition.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.numpy.lower.products.added_rows import with_rows
from gradscribe.codegen.numpy.network.planning.copies import origins, without_copies
from gradscribe.codegen.numpy.plan import (
    Allocate,
    Block,
    Clip,
    Compiled,
    Define,
    Equation,
    Gather,
    Invoke,
    Plan,
    Positions,
    Record,
    Release,
    Split,
    Wanted,
    effects,
    nested,
)
from gradscribe.codegen.numpy.print.pointwise import has_target
from gradscribe.derive.ir.term import Program, Range

BATCH = 64
"""The batch for which the peak is stated in MiB of float32."""


@dataclass(frozen=True)
class Memory:
    """A plan and what it needs.

    Attributes:
        plan: the plan.
        kept: what stays for backward, (name, elements).
        alive: the elements that are alive at once, inputs and what is kept included, at every step.
        within: what stays in one of the tuples that stay; it is counted by itself.
    """

    plan: Plan
    kept: tuple[tuple[str, Expr], ...]
    alive: tuple[Expr, ...]
    within: frozenset[str] = frozenset()

    @property
    def peak(self) -> Expr:
        """The greatest number of elements that are alive at once."""
        return self.peak_of({})

    def peak_of(self, sizes: Mapping[Symbol, Expr]) -> Expr:
        """That where sizes have these numbers: which step needs most depends on them."""
        return sympy.expand(max((amount.xreplace(dict(sizes)) for amount in self.alive), key=_level))

    @property
    def words(self) -> list[str]:
        """What is kept, and the peak, as sentences."""
        lines = []
        if self.kept:
            names = ", ".join(name for name, _ in self.kept if name not in self.within)
            total = sympy.expand(sympy.Add(*(e for _, e in self.kept)))
            lines.append(f"Kept for backward: {names}: {total} elements.")
        peak = self.peak
        symbols = sorted(peak.free_symbols, key=lambda s: s.name)
        amount = peak.xreplace({s: Integer(BATCH) for s in symbols[:1]})
        stated = (
            f" ({float(amount) * 4 / 2**20:.1f} MiB of float32 at {symbols[0]} = {BATCH})" if len(symbols) == 1 else ""
        )
        return [*lines, f"Peak: {peak} elements{stated}, and blocks of 1 MiB."]


def planned(
    plan: Plan,
    program: Program,
    returned: Sequence[str],
    kept: Sequence[str] = (),
    tail: Sequence[str] = (),
    apart: Sequence[str] = (),
    fixed: Collection[Symbol] = (),
    within: Collection[str] = (),
) -> Memory:
    """Arrange the memory of a plan.

    Args:
        plan: the plan of `program`.
        program: its inputs and outputs are not touched.
        returned: names of tensors that the caller is given: their memory is his.
        kept: names of tensors that must outlive the call.
        tail: results that are wanted only where the function's argument `inputs` says so.
        apart: results whose memory is no other array's.
        fixed: the sizes that do not depend on the batch.
        within: those of `kept` that are in tuples among them.
    """
    outside = {t.name for t in program.inputs}
    results = set(program.outputs) | set(kept)
    records = [*with_rows(without_copies(plan.records, {*returned, *apart}))]
    records = _tail_last(records, [r for r in program.outputs if r not in tail], tail)
    held = {t.name: sympy.prod(t.shape, start=Integer(1)) for t in program.inputs}
    buffered = tuple(_buffered(r, set(returned), frozenset(fixed)) for r in records)
    released, alive = _released(buffered, results, outside, held)
    sizes = {**held, **_sizes(buffered)}
    mine = tuple((name, sympy.expand(sizes[name])) for name in kept if name in sizes)
    return Memory(replace(plan, records=released), mine, alive, frozenset(within))


def _tail_last(records: list[Record], main: Sequence[str], tail: Sequence[str]) -> list[Record]:
    """Put what only the results `tail` need at the end, where the argument `inputs` decides."""
    if not tail:
        return records
    roots = origins(records)
    needed = {roots.get(n, n) for n in main}
    first: list[Record] = []
    last: list[Record] = []
    side = first
    for record in reversed(records):
        if isinstance(record, Clip | Equation):  # goes with what it is about, the record behind it
            side.append(record)
            continue
        done = effects(record)
        changed = {roots.get(n, n) for n in done.writes} | set(done.views)
        side = first if changed & needed else last
        side.append(record)
        if side is first:
            needed |= done.names | {roots[n] for n in done.names if n in roots}
    return [*reversed(first), Wanted("inputs", tuple(reversed(last)))] if last else list(reversed(first))


def _buffered(record: Record, returned: set[str], fixed: frozenset[Symbol]) -> Record:
    """Take large new arrays from the pool."""
    match record:
        case Allocate() if not record.integer and record.name not in returned and _large(record.shape, fixed):
            return replace(record, buffered=True)
        case Define() if record.name not in returned and has_target(record.update):
            extents = tuple(r.extent for r in record.update.ranges)
            return replace(record, buffered=True) if _large(extents, fixed) else record
        case Block():
            inner = tuple(_buffered(r, returned, fixed) for r in record.body)
            mine = tuple(r.name for r in inner if isinstance(r, Allocate) and r.buffered)
            return replace(record, body=(*inner, Release(mine)) if mine else inner)
        case Wanted(flag, body):
            return Wanted(flag, tuple(_buffered(r, returned, fixed) for r in body))
        case Compiled(steps, within, then, otherwise):
            ways = (then, otherwise)
            taken = [{r.name for r in _taken(way, returned, fixed)} for way in ways]
            apart = returned | (taken[0] ^ taken[1])  # a temporary array of one way only is never given back
            return Compiled(steps, within, *(tuple(_buffered(r, apart, fixed) for r in way) for way in ways))
    return record


def _taken(records: Iterable[Record], returned: set[str], fixed: frozenset[Symbol]) -> list[Allocate | Define]:
    """The new arrays that would come from the pool."""
    made = (_buffered(r, returned, fixed) for r in records)
    return [r for r in made if isinstance(r, Allocate | Define) and r.buffered]


def _large(shape: Sequence[Expr], fixed: frozenset[Symbol]) -> bool:
    """Whether the size depends on the batch."""
    return any(e.free_symbols - fixed for e in shape)


def _sizes(records: Iterable[Record]) -> dict[str, Expr]:
    """The elements of the new arrays."""
    found: dict[str, Expr] = {}
    for record in _alternatives(records):
        match record:
            case Allocate(name, shape) | Split(name, _, shape):
                found[name] = sympy.prod(shape, start=Integer(1))
            case Define(name, update) | Positions(name, update):
                found[name] = _volume(r for r in update.ranges if r.index not in update.summed)
            case Gather(name, axes=axes):
                found[name] = _volume(axes)
            case Invoke(made=made, groups=groups):
                found |= {name: sympy.prod(shape, start=Integer(1)) for name, shape, _ in made} | dict(groups)
    return found


def _volume(ranges: Iterable[Range]) -> Expr:
    return sympy.prod([r.extent for r in ranges], start=Integer(1))


def _released(
    records: Sequence[Record], results: set[str], outside: set[str], held: Mapping[str, Expr]
) -> tuple[tuple[Record, ...], tuple[Expr, ...]]:
    """Give every new array back after its last use; also the numbers of elements alive at once."""
    roots = origins(records)
    new = {n: e for n, e in _sizes(records).items() if n not in roots and n not in outside}
    buffered = set(from_buffers(records))
    fixed = {roots.get(n, n) for n in results}
    done = [effects(record) for record in records]
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, what in enumerate(done):
        for name in what.names:
            first.setdefault(name, place)
            last[roots.get(name, name)] = place
    alive = sympy.Add(*held.values())
    amounts = {alive: None}
    out: list[Record] = []
    for place, record in enumerate(records):
        alive += sympy.Add(*(new[n] for n in done[place].made if n in new))
        amounts[alive + record.within if isinstance(record, Invoke) else alive] = None
        gone = [n for n in new if last.get(n) == place and n not in fixed]
        alive -= sympy.Add(*(new[n] for n in gone))
        given = tuple(n for n in gone if n in buffered)
        if isinstance(record, Wanted):  # what it has made itself, it gives back itself
            inner = tuple(n for n in given if first[n] == place)
            given = tuple(n for n in given if n not in inner)
            record = replace(record, body=(*record.body, Release(inner))) if inner else record
        out += [record, *([Release(given)] if given else [])]
    return tuple(out), tuple(amounts)


def from_buffers(records: Iterable[Record]) -> Iterator[str]:
    """The new arrays that come from the buffers."""
    for record in _alternatives(records):
        if isinstance(record, Allocate | Define) and record.buffered:
            yield record.name
        if isinstance(record, Invoke):
            yield from (name for name, _, buffered in record.made if buffered)


def _alternatives(records: Iterable[Record]) -> Iterator[Record]:
    """The records that make arrays for those behind them: those of a condition, too."""
    for record in records:
        if isinstance(record, Wanted | Compiled):
            yield from _alternatives(nested(record))
        else:
            yield record


def _level(elements: Expr) -> float:
    """The elements for sizes of a usual batch: which of two amounts is the greater."""
    return float(elements.xreplace({s: Integer(BATCH) for s in elements.free_symbols}))
