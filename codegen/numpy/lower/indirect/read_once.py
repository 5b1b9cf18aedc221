"""Records -> records that read the same array at the same labels once, and name its labels once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sympy import Expr, Symbol

from gradscribe.codegen.loops import renamed
from gradscribe.codegen.numpy.plan import Gather, Known, Positions, Record, effects
from gradscribe.derive.ir.index import integer

Made = Gather | Known | Positions


def read_once(records: Sequence[Record]) -> tuple[Record, ...]:
    """The records of a function, without those that make what an array before them holds still.

    What is made under a condition is left as it is.
    """
    known: dict[Record, str] = {}
    same: dict[str, str] = {}
    roots: dict[str, str] = {}
    found: list[Record] = []
    for written in records:
        record = renamed(written, same, {}, {}) if same else written
        if isinstance(record, Made):
            key = _whatever_it_is_called(record)
            if key in known:
                same[record.name] = known[key]
                continue
            known[key] = record.name
        else:
            done = effects(record)
            roots |= {view: roots.get(source, source) for view, source in done.views.items()}
            written_to = {roots.get(name, name) for name in done.writes | set(done.made)}
            known = {made: name for made, name in known.items() if not written_to & _memory(made, name, roots)}
        found.append(record)
    return tuple(found)


def _memory(made: Record, name: str, roots: Mapping[str, str]) -> set[str]:
    """The arrays that something holds only as long as nobody writes to them: itself, and what it is made of."""
    return {roots.get(n, n) for n in (name, *effects(made).reads)}


def _whatever_it_is_called(record: Made) -> Record:
    """The record with names that do not depend on what its indices and what it makes are called."""
    indices = dict.fromkeys(_indices(record))
    names: dict[Expr, Expr] = {v: integer(f"index{k}") for k, v in enumerate(indices)}
    return renamed(replace(record, name=""), {record.name: ""}, names, {})


def _indices(record: Made) -> Sequence[Symbol]:
    match record:
        case Gather():
            return [*record.source_axes, *(v for k in record.labels for v in k.axes)]
        case Positions():
            return [r.index for r in record.update.ranges]
        case Known():
            return []
