"""Equations as mathematics has them: without what only the numbers of a computer ask for.

A number of -1e30 or less stands for -infinity, the maximum of nothing: max(a, -1e30) is a, and [c = -1e30] is 0 where c
is finite. max(M - 1, 1) keeps a divisor from being 0: it is M - 1 for 1 < M; ([u = 0] + u)^p [u != 0] keeps a power and
its slope finite: it is u^p for 0 < u. An equation says for which sizes and
values it is stated; the certificate compares it there with the equation that is computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sympy import Expr, Integer, Mul, Number, Pow, oo

from gradscribe.derive.ir.functions import equal, larger, smaller, unequal
from gradscribe.derive.ir.term import Access, Program, Statement

BOUND = 10**30
"""What stands for infinity."""


@dataclass(frozen=True)
class Condition:
    """``lower < upper``, of sizes or of values."""

    lower: Expr
    upper: Expr


@dataclass(frozen=True)
class Idealised:
    """An equation of a program that a page shows otherwise.

    Attributes:
        equation: as it is computed.
        conditions: where the other one is stated.
    """

    equation: Statement
    conditions: tuple[Condition, ...]


def idealised(program: Program) -> tuple[Program, tuple[Idealised, ...]]:
    """The program without what stands for infinity or keeps a divisor from being 0, and what has been changed."""
    statements: list[Statement] = []
    found: list[Idealised] = []
    for statement in program.statements:
        changes = dict(_changes(statement))
        term = replace(statement.term, body=statement.term.body.xreplace({e: to for e, (to, _) in changes.items()}))
        if term.body != 0 or not changes:  # what has become 0 is no summand
            statements.append(replace(statement, term=term) if changes else statement)
        if changes:
            found.append(Idealised(statement, tuple(dict.fromkeys(c for _, c in changes.values()))))
    kept = {s.target.name for s in statements}
    if any(one.equation.target.name not in kept for one in found):
        return program, ()
    return replace(program, statements=tuple(statements)), tuple(found)


def _changes(statement: Statement) -> Iterator[tuple[Expr, tuple[Expr, Condition]]]:
    """What is replaced in an equation, by what, and where the two are equal."""
    result = statement.target(*(r.index for r in statement.term.free))
    for part in statement.term.body.atoms(larger, smaller, equal):
        value, limit = _sides(part)
        if limit is None:
            continue
        if isinstance(part, equal):
            if abs(limit) >= BOUND and isinstance(value, Access):
                yield part, (Integer(0), _beyond(limit, value))
        elif abs(limit) >= BOUND and (limit < 0) == isinstance(part, larger):
            yield part, (value, _beyond(limit, result))
        elif isinstance(part, larger) and _divides(part, statement.term.body) and not value.has(Access):
            offset, rest = value.as_coeff_Add()
            yield part, (value, Condition(limit - offset - 1, rest))
    yield from _powers(statement.term.body)


def _powers(body: Expr) -> Iterator[tuple[Expr, tuple[Expr, Condition]]]:
    """Powers of what is 1 in the place of 0, where a bracket leaves that out."""
    factors = Mul.make_args(body)
    for bracket in (f for f in factors if isinstance(f, unequal) and f.args[1] == 0):
        value, condition = bracket.args[0], Condition(Integer(0), bracket.args[0])
        for power in (f for f in factors if isinstance(f, Pow) and f.base == value + equal(value, 0)):
            yield power, (value**power.exp, condition)
            yield bracket, (Integer(1), condition)


def _sides(part: Expr) -> tuple[Expr, Number | None]:
    """A value and the number that it is compared with."""
    numbers = [a for a in part.args if a.is_Number and a.is_finite]
    others = [a for a in part.args if not a.is_Number]
    return (others[0], numbers[0]) if len(numbers) == len(others) == 1 else (part, None)


def _beyond(limit: Expr, value: Expr) -> Condition:
    return Condition(-oo, value) if limit < 0 else Condition(value, oo)


def _divides(part: Expr, body: Expr) -> bool:
    return any(e.exp.is_negative and part in Mul.make_args(e.base) for e in body.atoms(Pow))
