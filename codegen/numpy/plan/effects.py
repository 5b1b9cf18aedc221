"""What records do to arrays: which they read, write and make. Memory is planned by it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sympy import Expr

from gradscribe.codegen.kernel.page.equation import Equation
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.plan.arrays import Allocate, Release, Split, Window
from gradscribe.codegen.numpy.plan.lookups import ContractByLabel, Count, Gather, Known, LabelExtrema, ScatterAdd
from gradscribe.codegen.numpy.plan.records import (
    Apply,
    Block,
    Branch,
    Compiled,
    Invoke,
    Loop,
    Present,
    Record,
    Recur,
    Stretches,
    Wanted,
    When,
    nested,
)
from gradscribe.codegen.numpy.plan.reduction import Accumulate, Contract, PartSums, Reduce, Spread
from gradscribe.codegen.numpy.plan.slice_update import Clip, Define, Positions, Scale, Update
from gradscribe.derive.ir.term import accesses


@dataclass(frozen=True)
class Effects:
    """The arrays that records read, write and hold, under the names that the records have for them.

    Attributes:
        reads: the arrays of which elements are read; the source of a view, too.
        writes: the arrays of which elements are written.
        holds: the arrays that are made, with the array whose memory each holds: itself, or the source of a view.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    holds: tuple[tuple[str, str], ...] = ()

    @property
    def made(self) -> tuple[str, ...]:
        """The arrays that have memory of their own, in the order in which they are made."""
        return tuple(name for name, memory in self.holds if name == memory)

    @property
    def views(self) -> dict[str, str]:
        """View -> the array whose memory it holds, which may be a view itself."""
        return {name: memory for name, memory in self.holds if name != memory}

    @property
    def names(self) -> frozenset[str]:
        """Every array that is spoken of."""
        return self.reads | self.writes | {name for pair in self.holds for name in pair}


def effects(*records: Record) -> Effects:
    """What records do, those within them too."""
    found = [_effects(record) for record in records]
    return Effects(
        frozenset[str]().union(*(e.reads for e in found)),
        frozenset[str]().union(*(e.writes for e in found)),
        tuple(dict.fromkeys(pair for e in found for pair in e.holds)),
    )


def _effects(record: Record) -> Effects:
    match record:
        case Allocate(name) | Count(name):
            return _new(name)
        case Split(name, source) | Window(name, source):
            return Effects(frozenset({source}), holds=((name, source),))
        case Release(buffered):
            return _done(reads=buffered)
        case Clip() | Equation():
            return Effects()
        case Contract(out, left, right, _, _, _, scale, _, accumulate, _, row):
            more = (*([out] if accumulate else []), *([row] if row else []))
            return _done(reads=(left, right, *_numbers(scale), *more), writes=(out,))
        case Reduce(out, _, window, _, _, scale, argument):
            return _done(reads=(window, *_scale(scale)), writes=(out, *_optional(argument)))
        case Accumulate(out, factors, weights=weights):
            return _done(reads=(factors, *([weights] if weights else [])), writes=(out,))
        case Spread(out, values, _, _, scale, argument, accumulate):
            added = [out] if accumulate else []
            return _done(reads=(values, *_scale(scale), *_optional(argument), *added), writes=(out,))
        case Update(target, op, argument=argument):
            written = (target.array, *([argument[0].array] if argument is not None else []))
            return _done(reads=(*_operands(record), *(written if op != "=" else ())), writes=written)
        case Scale(update):
            return _done(reads=(*_operands(update), update.target.array), writes=(update.target.array,))
        case Define(name, update, into=True):
            return _done(reads=_operands(update), writes=(name,))
        case Define(name, update) | Positions(name, update):
            return _new(name, reads=_operands(update))
        case Gather(name, source, _, labels):
            return _new(name, reads=(source, *(k.array for k in labels)))
        case PartSums(name, source, labels=labels):
            return _new(name, reads=(source, *labels))
        case ContractByLabel(out, left, right, labels=labels, accumulate=accumulate):
            given = left, right, labels.array
            return _done(reads=(*given, out), writes=(out,)) if accumulate else _new(out, reads=given)
        case LabelExtrema(out, values=values, labels=labels, argument=argument):
            both = out, *_optional(argument)
            return Effects(frozenset({values, labels.array}), frozenset(both), tuple((name, name) for name in both))
        case Known(name, labels):
            return _new(name, reads=(labels,))
        case ScatterAdd(target, _, values, _, labels):
            return _done(reads=(target, values, *(k.array for k in labels)), writes=(target,))
        case Nest(shapes=shapes):
            written = record.written
            adds = any(m.adds for m in (record, *record.members))
            read = (name for name, _ in shapes if name not in record.local and (name not in written or adds))
            return _done(reads=(*read, *_numbers(record.body), *_numbers(record.after)), writes=written)
        case Invoke(arrays=arrays):
            made = record.results
            return Effects(frozenset(arrays), frozenset(made), tuple((name, name) for name in made))
        case Block(_, _, slices):
            return _blocks(effects(*record.body), slices)
        case Recur(_, _, _, cut, made, body):
            inner = effects(*body)
            views = tuple((part, part if distance else array) for part, array, _, distance in cut)
            sources = {array for _, array, _, _ in cut}
            return Effects(
                inner.reads | sources, inner.writes | {array for array, _, _ in made}, (*views, *inner.holds)
            )
        case Stretches(cut=cut, known=known, carried=carried):
            inner = effects(*record.body)
            views = (*((part, array) for part, array, _, _ in cut), *((state, array) for state, array, _ in known))
            states = tuple((state, state) for state, *_ in carried)
            arrays_read = inner.reads.union((a for _, a in views), (a for a, _ in record.sums))
            return Effects(arrays_read, inner.writes | set(record.written), (*views, *states, *inner.holds))
        case Present(array):
            inner = effects(*record.body)
            return Effects(inner.reads | {array}, inner.writes, inner.holds)
        case Loop() | When() | Branch() | Wanted() | Compiled() | Apply():
            return effects(*nested(record))
    raise TypeError(f"no such record: {record}")


def _blocks(inner: Effects, slices: Iterable[tuple[str, str, int]]) -> Effects:
    """What is done to blocks is done to the arrays that they are cut from."""
    views = {block: source for block, source, _ in slices}
    written = frozenset(source for block, source in views.items() if block in inner.writes)
    return Effects(inner.reads | set(views.values()), inner.writes | written, (*views.items(), *inner.holds))


def _done(reads: Iterable[str] = (), writes: Iterable[str] = ()) -> Effects:
    return Effects(frozenset(reads), frozenset(writes))


def _new(name: str, reads: Iterable[str] = ()) -> Effects:
    """An array is made and filled."""
    return Effects(frozenset(reads), frozenset({name}), ((name, name),))


def _operands(update: Update) -> Iterator[str]:
    """The arrays that an expression reads: by slices, or numbers by themselves."""
    lookup = dict(update.slices)
    yield from (part.array for part in lookup.values())
    yield from (a.tensor for a in accesses(update.body) if a not in lookup)


def _scale(update: Update | None) -> Iterator[str]:
    yield from _operands(update) if update is not None else ()


def _numbers(value: Expr) -> Iterator[str]:
    """The scalars among the arrays given that an expression reads."""
    return (a.tensor for a in accesses(value))


def _optional(name: str | None) -> tuple[str, ...]:
    return (name,) if name is not None else ()
