"""Statements with a position: one of their indices, along which they go with a recurrence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.interpret.recurrence import arranged, offset
from gradscribe.derive.ir.term import Access, Guard, Program, Statement, Term, accesses


@dataclass(frozen=True)
class Along:
    """How a tensor goes along with a recurrence.

    Attributes:
        axis: the axis that is gone along.
        step: 1 where the recurrence goes from the first position to the last, else -1.
        extent: how many positions there are.
    """

    axis: int
    step: int
    extent: Expr


@dataclass(frozen=True)
class Placed:
    """A statement whose position is one of its indices.

    Attributes:
        statement: the statement as the program has it.
        term: what it computes; what it reads along the axis stands at the position and a number of steps from it.
        index: the position; a free index, or one that is summed over.
    """

    statement: Statement
    term: Term
    index: Symbol

    @property
    def sums(self) -> bool:
        """Whether it adds up over the positions."""
        return all(r.index != self.index for r in self.term.free)


@dataclass
class Stretch:
    """Statements that are computed together, stretch by stretch.

    Attributes:
        extent: how many positions there are.
        step: 1 from the first stretch to the last, -1 from the last to the first.
        axes: the axis that is gone along, of every tensor that it computes position by position.
        again: those of them that the states at the borders are known of, so that they can be computed in any order.
        placed: the statements.
    """

    extent: Expr
    step: int
    axes: dict[str, int] = field(default_factory=dict)
    again: dict[str, Along] = field(default_factory=dict)
    placed: dict[Statement, Placed] = field(default_factory=dict)

    @property
    def statements(self) -> tuple[Placed, ...]:
        """The statements in order."""
        return tuple(self.placed[s] for s in arranged(tuple(self.placed)))

    @property
    def sums(self) -> tuple[str, ...]:
        """The tensors that it adds up."""
        return tuple(dict.fromkeys(p.statement.target.name for p in self.statements if p.sums))

    def reads(self) -> Iterator[tuple[str, int]]:
        """What is read of its own tensors, and how far from the position."""
        for placed in self.statements:
            for access in accesses(placed.term.body):
                if access.tensor in self.axes:
                    yield access.tensor, distance(access, self.axes[access.tensor], placed.index)

    def kept(self, name: str, far: int) -> bool:
        """Whether what is read so far away is a state that was kept at a border, not one that goes on from the last."""
        return name in self.again and far * self.again[name].step < 0


def distance(access: Access, axis: int, index: Symbol) -> int:
    """How far from the position an element is read."""
    return int(sympy.expand(access.indices[axis] - index))


def placed(statement: Statement, own: Symbol, axes: Mapping[str, int], program: Program) -> Placed | None:
    """A statement with a position, by one of its indices; None where that does not go along all that it reads.

    Args:
        statement: the statement.
        own: the index.
        axes: the axis that is gone along, by tensor.
        program: what it is a part of.
    """
    term, mapping = statement.term, dict[Expr, Expr]()
    for access in (a for a in accesses(term.body) if a.tensor in axes):
        axis = axes[access.tensor]
        far = offset(term, access.indices[axis], own)
        if far is None:
            return None
        mapping[access] = Access(access.tensor, *(own + far if k == axis else e for k, e in enumerate(access.indices)))
    along = any(r.index == own for r in term.free)
    term = replace(term, body=term.body.xreplace(mapping))
    while delta := next((d for d in term.deltas if own in d.free_symbols), None):
        others = (r.index for r in term.bound if r.index != own)
        solved = [v for v in others if affine(delta, term.indices).coefficient(v) in (1, -1)]
        if solved:
            term = solve(term, delta, solved[0])
            continue
        rest = tuple(d for d in term.deltas if d != delta)
        term = replace(term, deltas=rest, guards=(*term.guards, Guard(delta, Integer(1))))
    term = discharge(term, program)[0]
    term = rename(term)[0] if along else term
    for access in accesses(term.body):
        met = [k for k, e in enumerate(access.indices) if own in e.free_symbols]
        wanted = [axes[access.tensor]] if access.tensor in axes else met[:1]
        if met != wanted or not all(sympy.expand(access.indices[k] - own).is_Integer for k in met):
            return None
        if met and program.tensors[access.tensor].optional:
            return None
    return Placed(statement, term, own)
