"""Recurrences: tensors that read themselves, or each other, at earlier positions of an index.

    h[n,t,k] = tanh(a[n,t,k] + s[n,t,k])    s[n,t,k] = sum over j of h[n,t-1,j] u[j,k]

Nothing is declared: tensors that depend on each other in a circle are a recurrence. They are computed position by
position of the axis along which all reads within the circle go back (or all ahead: then from the last position on), and
at one position in the order of the program. The gradient of a recurrence is one in the other direction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, count

import sympy
from sympy import Expr, Symbol

from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import listed
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Term, accesses
from gradscribe.kept import kept


@dataclass(frozen=True)
class Recurrence:
    """Statements that are computed together, position by position.

    Attributes:
        statements: in the order in which they are computed at one position.
        axes: which axis of each tensor is gone along, by name.
        step: 1 from the first position to the last, -1 from the last to the first.
    """

    statements: tuple[Statement, ...]
    axes: Mapping[str, int]
    step: int

    @property
    def extent(self) -> Expr:
        """How many positions there are."""
        return self.along(self.statements[0]).extent

    def along(self, statement: Statement) -> Range:
        """The index of a statement that says the position."""
        return statement.term.free[self.axes[statement.target.name]]

    def places(self, extent: int) -> range:
        """The positions in the order in which they are computed."""
        return range(extent)[:: self.step]

    def at_one_place(self, statement: Statement) -> tuple[Term, Symbol]:
        """What a statement computes at one position, and the index that says which, of which nothing is known there."""
        own = self.along(statement)
        return replace(statement.term, free=tuple(r for r in statement.term.free if r != own)), own.index


Stage = Statement | Recurrence
"""What is computed at once."""


def stages(program: Program) -> tuple[Stage, ...]:
    """The statements in order, those of a recurrence as one.

    Raises:
        EquationError: when a tensor depends on itself and no order of positions computes it.
    """
    homes = {name: circle for circle in circles(program.statements) for name in circle}
    if not homes:
        return program.statements
    found: list[Stage] = []
    done: set[frozenset[str]] = set()
    for statement in program.statements:
        circle = homes.get(statement.target.name)
        if circle is None:
            found.append(statement)
        elif circle not in done:
            done.add(circle)
            found.append(_recurrence(tuple(s for s in program.statements if s.target.name in circle)))
    return tuple(found)


def recurrence_of(program: Program, name: str) -> Recurrence | None:
    """The recurrence that computes a tensor; None for any other tensor."""
    return next((s for s in stages(program) if isinstance(s, Recurrence) and name in s.axes), None)


def arranged(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """The statements, those of a recurrence one behind the other, behind all that they read."""
    return behind_what_they_read(statements) if circles(statements) else tuple(statements)


def behind_what_they_read(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """The same of any statements: of a part of a recurrence, which need not be one, too."""
    groups = grouped(statements)
    makers = {name: circle for circle, own in groups.items() for s in own for name in s.written}
    waiting, done = dict(groups), list[Statement]()
    while waiting:
        circle = next(c for c, own in waiting.items() if not _needs(own, makers) & waiting.keys() - {c})
        done += waiting.pop(circle)
    return tuple(done)


def set_apart(statements: Sequence[Statement], taken: Set[str]) -> tuple[Statement, ...]:
    """The statements, where what a tensor reads of itself is a tensor of its own: y_before[t] = y[t-1].

    So the derivative of one tensor by another is that of different tensors, and the chain rule says what it means.

    Args:
        statements: in order.
        taken: names that are in use.
    """
    names = set(taken)
    found: list[Statement] = []
    for statement in statements:
        target, body = statement.target, statement.term.body
        place = tuple(r.index for r in statement.term.free)
        for access in (a for a in accesses(body) if a.tensor == target.name and a.indices != place):
            later = any(d is not None and d > 0 for d in map(partial(offset, statement.term), access.indices, place))
            stem = f"{target.name}_{'after' if later else 'before'}"
            name = next(n for n in chain([stem], (f"{stem}{k}" for k in count(2))) if n not in names)
            names.add(name)
            ranges = _ranges(access, statement.term)
            own = replace(target, name=name, shape=tuple(r.extent for r in ranges))
            found.append(Statement(own, Term(ranges, (), access)))
            body = body.xreplace({access: own(*(r.index for r in ranges))})
        found.append(replace(statement, term=replace(statement.term, body=body)))
    return tuple(found)


def _ranges(access: Access, term: Term) -> tuple[Range, ...]:
    """The indices of a read, in the order of its axes."""
    read = [v for e in access.indices for v in sorted(e.free_symbols, key=str)]
    ranges = {r.index: r for r in term.ranges}
    return tuple(ranges[v] for v in dict.fromkeys(read) if v in ranges)


def grouped(statements: Sequence[Statement]) -> dict[frozenset[str], list[Statement]]:
    """The statements by the tensors that they write together: those of a recurrence, else one."""
    homes = {name: circle for circle in circles(statements) for name in circle}
    found: dict[frozenset[str], list[Statement]] = {}
    for statement in statements:
        name = statement.target.name
        found.setdefault(homes.get(name, frozenset({name})), []).append(statement)
    return found


def _needs(statements: Iterable[Statement], makers: Mapping[str, frozenset[str]]) -> set[frozenset[str]]:
    return {makers[name] for s in statements for name in _read(s) if name in makers}


def _read(statement: Statement) -> set[str]:
    return {a.tensor for a in accesses(statement.term.body)}


def circles(statements: Sequence[Statement]) -> tuple[frozenset[str], ...]:
    """The sets of tensors that depend on each other, or on themselves."""
    last = {name: number for number, s in enumerate(statements) for name in s.written}
    if all(last.get(name, -1) < number for number, s in enumerate(statements) for name in _read(s)):
        return ()
    owner = _owners(statements)
    reads: dict[str, set[str]] = {}
    for s in statements:
        reads.setdefault(s.target.name, set()).update(owner[name] for name in _read(s) if name in owner)
    behind = {name: _reached(name, reads) for name in reads}
    found = {name: frozenset(other for other in own if name in behind[other]) for name, own in behind.items()}
    return tuple(dict.fromkeys(found[name] for name in reads if name in behind[name]))


def _owners(statements: Iterable[Statement]) -> dict[str, str]:
    """The target of the statement that writes a tensor."""
    return {name: s.target.name for s in statements for name in s.written}


def _reached(name: str, reads: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(reads[name])
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += reads[other]
    return found


@kept(500)
def _recurrence(statements: tuple[Statement, ...]) -> Recurrence:
    """How the tensors of a circle are computed."""
    first = statements[0].target
    reads = tuple(_reads(statements))
    for axis in range(len(first.shape)):
        axes = _axes(reads, {first.name: axis})
        steps = [_distance(read, axes) for read in reads] if axes is not None else []
        if axes is not None and _goes_one_way(reads, steps):
            return Recurrence(statements, axes, -1 if any(s is not None and s > 0 for s in steps) else 1)
    names = listed(list(dict.fromkeys(s.target.name for s in statements)))
    raise EquationError(
        f"{first.name}: no order of positions computes {names}; a recurrence reads earlier positions of one index, "
        f"such as {first.name}[..., t-1], or later ones everywhere"
    )


@dataclass(frozen=True)
class _Read:
    """What a statement of a circle reads of it.

    Attributes:
        term: the statement's.
        target: the tensor that it writes.
        access: what it reads.
        owner: the tensor with which that is made.
        complete: whether that is complete where the statement stands.
    """

    term: Term
    target: str
    access: Access
    owner: str
    complete: bool


def _reads(statements: tuple[Statement, ...]) -> Iterator[_Read]:
    owners = _owners(statements)
    last = {name: number for number, s in enumerate(statements) for name in s.written}
    for number, s in enumerate(statements):
        for access in accesses(s.term.body):
            if access.tensor in owners:
                complete = last[access.tensor] < number
                yield _Read(s.term, s.target.name, access, owners[access.tensor], complete)


def _axes(reads: tuple[_Read, ...], known: Mapping[str, int]) -> Mapping[str, int] | None:
    """The axes that go along that of the first tensor; None where there is none for a tensor."""
    axes = dict(known)
    while True:
        before = len(axes)
        for read in reads:
            if (read.target in axes) != (read.owner in axes):  # what reads itself says nothing of which axis it is
                name = read.owner if read.target in axes else read.target
                rank = len(read.term.free) if name == read.target else len(read.access.indices)
                choices = [k for k in range(rank) if _distance(read, {**axes, name: k}) is not None]
                axes.update({name: choices[0]} if choices else {})
        if len(axes) == before:
            return axes if axes.keys() == {name for read in reads for name in (read.target, read.owner)} else None


def _goes_one_way(reads: tuple[_Read, ...], steps: Sequence[int | None]) -> bool:
    """Whether all reads go back, or all go ahead; what is read at the same position must be complete."""
    found = [s for s in steps if s is not None]
    here = all(read.complete for read, step in zip(reads, steps, strict=True) if step == 0)
    return len(found) == len(steps) and here and (max(found) <= 0 or min(found) >= 0) and any(found)


def _distance(read: _Read, axes: Mapping[str, int]) -> int | None:
    """How far from its own position a statement reads, as its deltas say it; None where that varies."""
    return offset(read.term, read.access.indices[axes[read.owner]], read.term.free[axes[read.target]].index)


def offset(term: Term, expression: Expr, index: Symbol) -> int | None:
    """What an expression is more than an index, wherever the deltas of a term are 0; None where that varies."""
    found = sympy.expand(expression - index)
    for delta in term.deltas * len(term.deltas):
        for symbol in sorted((found.free_symbols & delta.free_symbols) - {index}, key=str):
            coefficient = delta.coeff(symbol)
            if coefficient in (1, -1):
                found = sympy.expand(found.xreplace({symbol: symbol - coefficient * delta}))
                break
    return int(found) if found.is_Integer else None
