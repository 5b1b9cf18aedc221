"""Matrices that labels choose are not read for every row: the lookup goes where its rows are multiplied.

    t[n,k,c] = sum(m) [m = l[n]] w[m,c,k];  y[n,k] = sum(c) x[n,c] t[n,k,c]  is  sum(m,c) [m = l[n]] x[n,c] w[m,c,k]

which is a product of matrices for every m, of all rows that have it.
"""

from collections.abc import Iterator
from dataclasses import replace

from sympy import Expr, Mul, Symbol

from gradscribe.derive.calculus.passes.inline import is_inside
from gradscribe.derive.calculus.programs.optimised.statement_work import looked_up
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Access, Program, Range, Statement, accesses


def labelled_matrices(program: Program) -> frozenset[str]:
    """The tensors that hold a matrix for every row, chosen by its label, and are only multiplied by rows."""
    found = set()
    for statement in program.statements:
        name = statement.target.name
        if name in program.outputs or len(program.definitions(name)) != 1 or not _is_lookup(statement):
            continue
        readers = [s for s in program.statements if any(a.tensor == name for a in accesses(s.term.body))]
        if readers and all(_multiplied(s, statement) is not None for s in readers):
            found.add(name)
    return frozenset(found)


def put_in(program: Program) -> Iterator[tuple[Statement, Statement]]:
    """Every statement, and itself with the lookups that it multiplies put in; those are left out."""
    found = labelled_matrices(program)
    lookups = {s.target.name: s for s in program.statements if s.target.name in found}
    taken = program.names()
    for statement in program.statements:
        if statement.target.name in lookups:
            continue
        let = next((lookups[a.tensor] for a in accesses(statement.term.body) if a.tensor in lookups), None)
        yield statement, statement if let is None else _written_out(statement, let, taken)


def _is_lookup(statement: Statement) -> bool:
    """Whether a statement reads a tensor where labels say, and does nothing else."""
    term = statement.term
    if not term.is_sum or len(term.bound) != 1 or term.guards or term.deltas or term.divisibilities:
        return False
    factors = Mul.make_args(term.body)
    brackets = [f for f in factors if looked_up(f, (term.bound[0].index,)) is not None]
    read = [f for f in factors if isinstance(f, Access)]
    return len(factors) == 2 and len(brackets) == len(read) == 1 and all(e.is_Symbol for e in read[0].indices)


def _multiplied(reader: Statement, let: Statement) -> Access | None:
    """The matrices as a sum multiplies them by rows; None where it does something else with them, or has brackets."""
    term = reader.term
    factors = [f for f in Mul.make_args(term.body) if f.free_symbols & set(term.indices)]
    found = [f for f in factors if isinstance(f, Access) and f.tensor == let.target.name]
    if not term.is_sum or term.guards or term.deltas or term.divisibilities or len(found) != 1 or len(factors) != 2:
        return None
    (access,) = found
    (other,) = (f for f in factors if f is not access)
    if not isinstance(other, Access) or not is_inside(access, term, let):
        return None
    rows = _rows(let, access)
    bound = {r.index for r in term.bound}
    wide = access.free_symbols - other.free_symbols
    return (
        access
        if rows <= other.free_symbols - bound and bound <= access.free_symbols & other.free_symbols and wide
        else None
    )


def _rows(let: Statement, access: Access) -> set[Symbol]:
    """The indices of the reader that number what has a label."""
    bracket = next(f for f in Mul.make_args(let.term.body) if not isinstance(f, Access))
    places = dict(zip((r.index for r in let.term.free), access.indices, strict=True))
    return {places[v] for v in bracket.free_symbols if v in places}


def _written_out(statement: Statement, let: Statement, taken: set[str]) -> Statement:
    access = _multiplied(statement, let)
    (summed,) = let.term.bound
    name = next(n for k in range(len(taken) + 1) if (n := f"{summed.index.name}{k or ''}") not in taken)
    taken.add(name)
    places: dict[Expr, Expr] = dict(
        zip((r.index for r in let.term.free), access.indices if access else (), strict=True)
    )
    body = let.term.body.xreplace({**places, summed.index: integer(name)})
    term = statement.term
    bound = (*term.bound, Range(integer(name), summed.extent))
    return replace(statement, term=replace(term, bound=bound, body=term.body.xreplace({access: body})))
