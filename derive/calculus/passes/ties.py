"""Who gets the gradient where several elements are the maximum (or minimum): the first of them, or all in equal shares.

A program that was read records the first position. `split_ties` makes it share, Program -> Program: after

    y[f] = max over bound of [guards] body          comes          count[f] = sum over bound of [guards] [body = y[f]]

and the derivative is [body = y[f]] * dy[f] / count[f] instead of [position = argument[f]] * dy[f]. A window without
elements, and one with NaN, has no position that equals y: it gets no gradient.

The brackets compare real numbers, so both sides must be the same number and not merely be computed by the same
formula. Hence a body that is more than one element of a tensor is stored first: v[f, bound] = body.

Meant for first derivatives: the count and the bracket are constants for differentiation, so a gradient of the gradient
says nothing of how the shares change.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from sympy import Mul

from gradscribe.derive.ir.functions import admitted, equal
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, Term
from gradscribe.derive.ir.well_formed import check

TIES = ("first", "split")
"""What a user may ask for."""


def split_ties(program: Program, reserved: Collection[str] = ()) -> Program:
    """The program with every recorded maximum and minimum sharing its gradient among all positions that attain it.

    Args:
        program: a checked program.
        reserved: names that no new tensor may take, besides those in use.
    """
    taken = program.names() | set(reserved)
    statements: list[Statement] = []
    for statement in program.statements:
        statements += _split(statement, taken) if statement.argument is not None else [statement]
    return check(replace(program, statements=tuple(statements)))


def _split(statement: Statement, taken: set[str]) -> Iterator[Statement]:
    target, term = statement.target, statement.term
    brackets = Mul(*term.admission)
    if not isinstance(term.value, Access):
        stored = _stored(replace(term, body=term.value), unused("v", target, taken))
        yield stored
        value = stored.target(*(r.index for r in stored.term.free))
        term = replace(term, body=admitted(brackets, value) if term.admission else value)
    count = replace(target, name=unused("count", target, taken), constant=True)
    yield Statement(target, term, ties=count)
    attained = brackets * equal(term.value, target(*(r.index for r in term.free)))
    yield Statement(count, replace(term, body=attained, op="sum"))


def _stored(term: Term, name: str) -> Statement:
    """The body as a tensor over the indices that it has, 0 where a range bracket on these alone excludes it."""
    free = tuple(r for r in term.ranges if r.index in term.body.free_symbols)
    indices = {r.index for r in free}
    hidden = {r.index for r in term.ranges} - indices
    guards = tuple(g for g in term.guards if not g.value.free_symbols & hidden)
    return Statement(Tensor(name, tuple(r.extent for r in free)), Term(free, (), term.body, guards=guards))


def unused(name: str, target: Tensor, taken: set[str]) -> str:
    """A name for what stands beside a tensor, `name` if nothing has it; it is taken then."""
    candidates = (name, f"{name}_{target.name}", *(f"{name}{number}" for number in range(1, 1000)))
    found = next(c for c in candidates if c not in taken)
    taken.add(found)
    return found
