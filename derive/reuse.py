"""What has been computed is read again instead of being computed again.

A factor of a later statement that is the body of an earlier pointwise one becomes a reading of it: after
``h[n, k] = exp(x[n, k] - m[n])`` the product ``exp(x[n, k] - m[n]) / z[n]`` is ``h[n, k] / z[n]``.
"""

from collections.abc import Sequence
from dataclasses import replace

from sympy import Pow

from derive.inline import inserted, is_copy, is_inside, is_pointwise
from derive.rewrite import fold
from derive.term import Access, Program, Range, Statement, Tensor, Term, accesses


def reused(program: Program, known: Sequence[Statement] = ()) -> Program:
    """The program with every factor that is computed already read from where it is.

    Args:
        program: a checked program.
        known: pointwise statements that were computed before it.
    """
    lets = list(known)
    statements = []
    for statement in program.statements:
        term = _reading(statement.term, lets)
        if term == statement.term:
            term = _reading(_written_out(term, program), lets, otherwise=term)
        statements.append(replace(statement, term=term))
        if is_let(statement, program):
            lets.append(statement)
    return replace(program, statements=tuple(statements))


def _reading(term: Term, lets: Sequence[Statement], otherwise: Term | None = None) -> Term:
    """`term` with the factors that `lets` compute; where there is none, what is wanted `otherwise`."""
    folded = term
    for let in lets:
        folded = _folded(folded, let)
    return otherwise if otherwise is not None and folded == term else folded


def is_let(statement: Statement, program: Program) -> bool:
    """Whether a statement is the whole definition of its tensor, element by element, and worth a name."""
    single = len(program.definitions(statement.target.name)) == 1
    return single and is_pointwise(statement) and bool(accesses(statement.term.body)) and not is_copy(statement)


def _folded(term: Term, let: Statement) -> Term:
    """`fold`, where the reading cannot leave the let's tensor."""
    folded = fold(term, let)
    read = [a for a in accesses(folded.body) if a.tensor == let.target.name]
    return folded if all(is_inside(a, term, let) for a in read) else term


def distributions(program: Program, taken: set[str]) -> tuple[Statement, ...]:
    """Names for tensors divided by their own sum: with z[n] = sum(h[n, k], k) the quotient h/z is p[n, k].

    Where a tensor of the program has that value, its name is used.
    """
    found = []
    names = iter(name for name in ("p", "p1", "p2", "p3") if name not in taken)
    for statement in program.statements:
        term, target = statement.term, statement.target
        plain = isinstance(term.body, Access) and term.op == "sum" and term.bound
        if not plain or term.deltas or term.guards:
            continue
        if set(term.body.indices) != set(term.indices):
            continue
        quotient = term.body * Pow(Access(target.name, *(r.index for r in term.free)), -1)
        ranges = tuple(Range(v, term.extent(v)) for v in term.body.indices)
        known = _same_value(program, Term(ranges, (), quotient))  # such as the output of a softmax
        whole = len(program.definitions(target.name)) == 1  # nothing is added to the sum
        name = next(names, None) if known is None and whole else None
        if known is not None:
            found.append(known)
        elif name is not None:
            found.append(Statement(Tensor(name, tuple(r.extent for r in ranges)), Term(ranges, (), quotient)))
    return tuple(found)


def _same_value(program: Program, term: Term) -> Statement | None:
    """The pointwise statement of `program` that computes what `term` says, once pointwise names are written out."""
    wanted = _written_out(term, program)
    for statement in program.statements:
        own = statement.term
        if not is_let(statement, program) or [r.extent for r in own.free] != [r.extent for r in term.free]:
            continue
        names = {a.index: b.index for a, b in zip(own.free, term.free, strict=True)}
        if _written_out(own.rename(names), program).body == wanted.body:
            return replace(statement, term=term)
    return None


def _written_out(term: Term, program: Program) -> Term:
    for statement in reversed(program.statements):
        if is_let(statement, program):
            term = inserted(term, statement)
    return term
