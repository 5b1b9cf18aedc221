"""Copies and single-use pointwise lets away, dead statements out: Program -> Program of the same values.

A let ``t[n, k] = body`` without reduction and brackets may be put in place of ``t[n, k]`` where it is read. That is
done only when no value can change: the read stays inside the tensor (outside it would read 0), nothing that the body
reads is written in between, and no bracket of the body gets to multiply more than it did (a false bracket is a strong
zero). A let that is constant for differentiation may go too: inline what has been differentiated, not what will be.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

from sympy import Add, Expr, Mul

from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.index import same
from gradscribe.derive.ir.term import Access, Program, Statement, Term, accesses
from gradscribe.derive.ir.well_formed import check


def inline(program: Program, keep: Set[str] = frozenset()) -> Program:
    """The program without copies, single-use pointwise lets and dead statements.

    Args:
        program: a checked program.
        keep: names of tensors, besides the outputs, that must still be computed.
    """
    needed = set(keep) | set(program.outputs)
    while True:
        smaller = _drop_dead(_one_pass(program, needed), needed)
        if smaller.statements == program.statements:
            return check(smaller)
        program = smaller


def inserted(term: Term, let: Statement) -> Term:
    """`term` with the tensor of `let` replaced by its definition wherever that is exact; `term` itself if nowhere."""
    if not is_pointwise(let) or let.target.integer:  # a lookup needs an array of labels
        return term
    mapping: dict[Access, Expr] = {}
    for access in accesses(term.body):
        if access.tensor == let.target.name and is_inside(access, term, let) and _separable(term.body, access, let):
            mapping[access] = _definition(let, access)
    return replace(term, body=term.body.xreplace(mapping)) if mapping else term


def is_pointwise(statement: Statement) -> bool:
    """Whether a statement has no reduction and no bracket."""
    term = statement.term
    brackets = term.deltas or term.guards or term.divisibilities
    return term.is_sum and not term.bound and not brackets and statement.argument is None


def is_copy(statement: Statement) -> bool:
    """Whether a statement is nothing but an element of another tensor."""
    return is_pointwise(statement) and isinstance(statement.term.body, Access)


def _one_pass(program: Program, needed: Set[str]) -> Program:
    """Remove the first let or copy that can be removed."""
    for number, statement in enumerate(program.statements):
        smaller = _without_let(program, number, needed) or _without_copy(program, statement, needed)
        if smaller is not None:
            return smaller
    return program


def _without_let(program: Program, number: int, needed: Set[str]) -> Program | None:
    let = program.statements[number]
    name = let.target.name
    if name in needed or not is_pointwise(let) or len(program.definitions(name)) > 1:
        return None
    readers = [s for s in program.statements if _reads(s.term, name)]
    uses = sum(1 for s in readers for a in accesses(s.term.body) if a.tensor == name)
    if not readers or (uses > 1 and not _cheap(let.term.body)):
        return None
    if not _is_product(let.term.body) and any(_repeats(s.term, name) for s in readers):
        return None
    read = {a.tensor for a in accesses(let.term.body)}
    if any(s.target.name in read for s in program.statements[number:]):
        return None
    changed = {id(s): replace(s, term=inserted(s.term, let)) for s in readers}
    if any(_reads(s.term, name) for s in changed.values()):
        return None
    statements = tuple(changed.get(id(s), s) for s in program.statements if s is not let)
    return replace(program, statements=statements)


def _without_copy(program: Program, copy: Statement, needed: Set[str]) -> Program | None:
    """``kept[n] = t[n]``, with t read nowhere else: what defines t may define `kept` directly."""
    body, target = copy.term.body, copy.target
    if not isinstance(body, Access) or not is_pointwise(copy) or len(program.definitions(target.name)) > 1:
        return None
    name = body.tensor
    sources = program.definitions(name)
    plain = body.indices == tuple(r.index for r in copy.term.free)
    if not plain or not sources or name in needed or sources[0].target.shape != target.shape:
        return None
    later = program.statements[program.statements.index(copy) :]
    others = [s for s in program.statements if s is not copy and _reads(s.term, name)]
    if others or any(s.target.name == name for s in later):
        return None
    statements = tuple(
        replace(s, target=target) if s.target.name == name else s for s in program.statements if s is not copy
    )
    return replace(program, statements=statements)


def _drop_dead(program: Program, needed: Set[str]) -> Program:
    wanted, before = set(needed), -1
    counted = {s.ties.name: s.target.name for s in program.statements if s.ties}

    def lives(statement: Statement) -> bool:
        # a count of ties is read by the derivative only, but it belongs to its extremum
        return bool(wanted.intersection(statement.written)) or counted.get(statement.target.name) in wanted

    while len(wanted) != before:  # once, but where a recurrence reads what comes later
        before = len(wanted)
        for statement in reversed(program.statements):
            if lives(statement):
                wanted |= {a.tensor for a in accesses(statement.term.body)}
    return replace(program, statements=tuple(s for s in program.statements if lives(s)))


def _reads(term: Term, name: str) -> bool:
    return any(a.tensor == name for a in accesses(term.body))


def _cheap(body: Expr) -> bool:
    """Reading it several times costs no more than reading the let: an access, or no tensor at all."""
    return isinstance(body, Access) or not accesses(body)


def _is_product(body: Expr) -> bool:
    """Whether a contraction that reads it stays one where it is written out."""
    factors = (f.as_base_exp() for f in Mul.make_args(body))
    return all(isinstance(base, Access) or not accesses(base) for base, _ in factors)


def _repeats(term: Term, name: str) -> bool:
    """Whether a reduction reads each element of a tensor several times: for every value of an index that it has not."""
    indices = {r.index for r in term.ranges}
    found = (a for a in accesses(term.body) if a.tensor == name)
    return bool(term.bound) and any(len(indices - a.free_symbols) > len(term.deltas) for a in found)


def is_inside(access: Access, term: Term, let: Statement) -> bool:
    """Whether every index is an index of `term` with the extent of that axis, so that it cannot leave the tensor."""
    extents: Mapping[Expr, Expr] = {r.index: r.extent for r in term.ranges}
    pairs = zip(access.indices, let.target.shape, strict=True)
    return all(e in extents and same(extents[e], extent) for e, extent in pairs)


def _definition(let: Statement, access: Access) -> Expr:
    mapping = {r.index: e for r, e in zip(let.term.free, access.indices, strict=True)}
    return let.term.body.xreplace(mapping)


def _separable(body: Expr, access: Access, let: Statement) -> bool:
    """Whether brackets of the let's body keep multiplying what they did: the let stands alone in a sum, or has none."""
    if not any(is_indicator(f) for f in _factors(let.term.body)):
        return True
    parts = [part for part in Add.make_args(body) if part.has(access)]
    return all(_rest(part, access) for part in parts)


def _rest(part: Expr, access: Access) -> bool:
    others = [f for f in Mul.make_args(part) if f != access]
    return len(others) < len(Mul.make_args(part)) and all(f.is_number for f in others)


def _factors(body: Expr) -> Iterable[Expr]:
    return Mul.make_args(body)
