"""Why a row follows from the one before: sentences that say what was used."""

from collections.abc import Iterable, Mapping, Sequence

from sympy import Expr, Symbol

from gradscribe.derive.calculus.differentiate import Adjoint, Contribution
from gradscribe.derive.derivation.record.sentence import AND, Words, joined
from gradscribe.derive.ir.functions import Rule, decreed
from gradscribe.derive.ir.index import exact
from gradscribe.derive.ir.term import Access, Program, Statement, accesses
from gradscribe.said import say, say_number

CHAIN_RULE: Words = say("chain rule")
ELEMENTWISE: Words = say("chain rule, element by element")
ONE_DIVISOR: Words = say("over one divisor, multiplied out")
COMMON_FACTOR: Words = say("common factors in front")


def by_definition(adjoint: Adjoint, program: Program, inserted: bool = False) -> Words:
    """Whose definitions are put in, and which summands have no part in it.

    Args:
        adjoint: the gradient.
        program: the forward equations.
        inserted: whether what reads the tensor is a gradient: its definition is a result of order 1.
    """
    names = list(dict.fromkeys(c.reader.target.name for c in adjoint.contributions))
    if inserted:
        return put_in(names[0]) if len(names) == 1 else say("definitions")
    decrees = by_decree(adjoint)
    conditions = any(t.guards or t.deltas or t.admission for t in (c.reader.term for c in _selecting(adjoint)))
    found = (
        say("definition of {tensors}, over its ranges", tensors=_listed(names))
        if conditions
        else say("definition of {tensors}", tensors=_listed(names))
    )
    apart = _apart(adjoint, program)
    if not apart:
        return listed([found, *([decrees] if decrees else [])])
    dropped = say_number(
        len(apart),
        "{others} does not depend on {tensor}",
        "{others} do not depend on {tensor}",
        others=_listed(apart),
        tensor=Access(adjoint.tensor.name),
    )
    return listed([found, dropped, *([decrees] if decrees else [])])


def by_decree(adjoint: Adjoint) -> Words:
    """The functions that the tensor goes through whose slopes are no derivatives; () where there are none."""
    read = (d for c in adjoint.contributions for d in c.reader.term.body.atoms(decreed) if d.has(c.access))
    names = sorted({d.rule.name for d in read})
    return say("slope of {functions} by decree", functions=joined(names, AND)) if names else ()


def named_rules(body: Expr) -> list[str]:
    """The functions within a body whose slopes are no derivatives."""
    return sorted({rule.name for rule in body.atoms(Rule)})


def by_slope(adjoint: Adjoint) -> Words:
    """What reductions have to say of their slopes."""
    return listed(list(dict.fromkeys(_slope(c.reader) for c in _selecting(adjoint))))


def _slope(reader: Statement) -> Words:
    row = reader.term.reduction
    if reader.ties is not None:
        return say("the elements that are the {extremum} have equal shares in its slope", extremum=row.noun)
    return (row.reason,) if row.reason else say("slope of the {reduction}", reduction=row.noun)


def _selecting(adjoint: Adjoint) -> list[Contribution]:
    """What is read by other reductions than sums."""
    return [c for c in adjoint.contributions if not c.reader.term.is_sum]


def _apart(adjoint: Adjoint, program: Program) -> list[str]:
    """The tensors of summands that the differentiated tensor has no part in, as far as they stand nowhere else."""
    name = adjoint.tensor.name
    moving = _dependent(name, program)
    readers = {c.reader.target.name for c in adjoint.contributions}
    summands = [s for s in program.statements if s.target.name in readers]
    if any(s.target.name == name for s in summands):
        return []
    within = [{a.tensor for a in accesses(s.term.body)} for s in summands]
    reading = set().union(*(tensors for tensors in within if name in tensors))
    others = dict.fromkeys(a.tensor for s in summands for a in accesses(s.term.body))
    return [other for other in others if other not in reading | moving]


def _dependent(name: str, program: Program) -> set[str]:
    """What changes with a tensor, it included."""
    found = {name}
    for statement in program.statements:  # in the order in which they are computed
        if found & {a.tensor for a in accesses(statement.term.body)}:
            found.add(statement.target.name)
    return found


def same_element(name: str) -> Words:
    """What a derivative of a tensor by itself is."""
    return say("derivative of {tensor} by itself: 1 for the same element, else 0", tensor=Access(name))


def left_over(pairs: Iterable[Mapping[Symbol, Symbol]]) -> Words:
    """Which one of the values of an index the bracket leaves."""
    known = dict.fromkeys((gone, stays) for renames in pairs for gone, stays in renames.items())
    gone, stays = (list(dict.fromkeys(side)) for side in zip(*known, strict=True))
    return say_number(
        len(stays),
        "of {gone} only {stays} is left",
        "of {gone} only {stays} are left",
        gone=joined(gone),
        stays=joined(stays),
    )


def solved(found: Mapping[Symbol, Sequence[Expr]], some: Mapping[Symbol, int]) -> Words:
    """What indices are that brackets are solved for, in one sum this and in another one that.

    Of those like the first one it is not said again.

    Args:
        found: the values of every index.
        some: of an index that other sums still run over, in how many it is solved for.
    """
    (index, values), *others = found.items()
    kind = (*_kind(values), some.get(index))
    like = [v for v, own in others if (*_kind(own), some.get(v)) == kind]
    unlike = {v: own for v, own in others if v not in like}
    left = _left(index, values)
    if index in some:
        left = say_number(
            some[index],
            "in one of the sums, {left}",
            "in {number} of the sums, {left}",
            number=str(some[index]),
            left=left,
        )
    likewise = [say("of {indices} likewise", indices=joined(like))] if like else []
    return listed([left, *likewise, *([solved(unlike, some)] if unlike else [])])


def _kind(values: Sequence[Expr]) -> tuple[int, bool]:
    """How many values there are, and whether quotients are among them."""
    return len(values), any(isinstance(value, exact) for value in values)


def _left(index: Symbol, values: Sequence[Expr]) -> Words:
    quotients = [value.args for value in values if isinstance(value, exact)]
    divides = [say("{divisor} divides {number}", divisor=below, number=above) for above, below in quotients]
    left = (
        say("of {gone} only {stays} is left", gone=index, stays=values[0])
        if len(values) == 1
        else say("of {gone} only {stays} are left, one in each sum", gone=index, stays=joined(values, AND))
    )
    return say("{left}, where {conditions}", left=left, conditions=joined(divides, AND)) if divides else left


def by_digits(gone: Sequence[Symbol]) -> Words:
    """Indices that are the digits of another one."""
    return say("division with remainder gives {digits}", digits=joined(gone, AND))


def by_value(adjoint: Adjoint) -> Words:
    """Slopes that a tensor's own value has in it; () where none has."""
    names = [c.reader.target.name for c in adjoint.contributions if c.by_value]
    return say("in terms of {tensors}", tensors=_listed(names)) if names else ()


def implied(names: Iterable[str]) -> Words:
    """Tensors that are 0 where a bracket is, so that it says nothing new."""
    found = dict.fromkeys(names)
    return say_number(
        len(found),
        "{tensors} is 0 where the bracket is",
        "{tensors} are 0 where the bracket is",
        tensors=_listed(found),
    )


def put_in(*names: str) -> Words:
    """Gradients whose formulas are put in their places."""
    return say("{tensors} inserted", tensors=_listed(names))


def with_these(*names: str) -> Words:
    """The same as a clause that leads to a formula."""
    return (*say("With {tensors} inserted", tensors=joined([Access(name) for name in names], AND)), ":")


def listed(reasons: Sequence[Words]) -> Words:
    """Several reasons of one row."""
    return joined(reasons, "; ", "; ")


def folded(let: Statement) -> Words:
    """A tensor in the place of what defines it."""
    element = Access(let.target.name, *(r.index for r in let.term.free))
    return say("{formula} is {element}", formula=let.term.body, element=element)


def _listed(names: Iterable[str]) -> Words:
    return joined([Access(name) for name in dict.fromkeys(names)])
