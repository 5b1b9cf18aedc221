"""Statements that follow each other, row by row in one pass where they can be: what one has written the next one reads.

An array that one of them writes is read and written at the same place by all, so that rows do not depend on each other.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, prod

from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.loops.passing import Kind, Pass, loops_of, reads
from gradscribe.codegen.numpy.plan import Allocate, Compiled, Equation, Record, effects


@dataclass(frozen=True)
class Lowered:
    """A statement as records.

    Attributes:
        equation: what they compute.
        records: what computes it by itself.
        key: statements with another one have nothing to do with it.
        found: the pass that computes it, if there is one.
        made: the new array that NumPy and the pass write, if it is new.
        otherwise: what NumPy does then.
    """

    equation: Equation
    records: tuple[Record, ...]
    key: Hashable = None
    found: Pass | None = None
    made: tuple[Allocate, ...] = ()
    otherwise: tuple[Record, ...] = ()


def joined(statements: Iterable[Lowered], scope: Scope) -> list[Record]:
    """The records of all statements, neighbours as one pass where that is worth it."""
    found: list[Record] = []
    group: list[Lowered] = []
    for statement in statements:
        if group and not _joins(group, statement, scope):
            found += _records(group)
            group = []
        group.append(statement)
    return [*found, *_records(group)]


def steps_of(p: Pass) -> Expr:
    """The steps of all loops together."""
    return prod(p.extents, start=Integer(1))


def _joins(group: Sequence[Lowered], new: Lowered, scope: Scope) -> bool:
    """Whether a statement can be computed in one pass with those before it."""
    passes = [s.found for s in (*group, new) if s.found is not None]
    if len(passes) <= len(group) or new.key != group[0].key or any(p.kind is Kind.COLUMNS for p in passes):
        return False
    first, *_, last = passes
    if len(first.order) != len(last.order) or not all(map(scope.extent_matches, first.extents, last.extents)):
        return False
    written = {p.form.target.name for p in passes}
    if written & effects(*last.before).names:
        return False
    same = [p.along(first.order) for p in passes]
    places = [(p.form.target.name, p.place) for p in same]
    places += [(a.tensor, a.indices) for p in same for a in reads(p)]
    return len({place for place in places if place[0] in written}) == len(written) and loops_of(passes) is not None


def _records(group: Sequence[Lowered]) -> list[Record]:
    passes = [s.found for s in group if s.found is not None]
    nest = loops_of(passes) if len(group) > 1 and any(p.worth for p in passes) else None
    if nest is None:
        return [r for s in group for r in (s.equation, *s.records)]
    first, *others = group
    before = dict.fromkeys(r for p in passes for r in p.before)
    numpy = (*first.otherwise, *(r for s in others for r in (s.equation, *s.otherwise)))
    ways = Compiled(steps_of(passes[0]), (), (nest,), numpy)
    return [first.equation, *before, *(r for s in group for r in s.made), ways]
