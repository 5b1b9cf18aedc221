"""Why a row follows from the one before: sentences that say what was used."""

from collections.abc import Iterable, Mapping, Sequence

from sympy import Expr, Symbol

from gradscribe.derive.calculus.differentiate import Adjoint, Contribution
from gradscribe.derive.derivation.record.sentence import Words, joined
from gradscribe.derive.ir.index import exact
from gradscribe.derive.ir.term import Access, Program, Statement, accesses

CHAIN_RULE: Words = ("chain rule",)
ELEMENTWISE: Words = ("chain rule, element by element",)
ONE_DIVISOR: Words = ("over one divisor, multiplied out",)
COMMON_FACTOR: Words = ("common factors in front",)


def by_definition(adjoint: Adjoint, program: Program, inserted: bool = False) -> Words:
    """Whose definitions are put in, and which summands have no part in it.

    Args:
        adjoint: the gradient.
        program: the forward equations.
        inserted: whether what reads the tensor is a gradient: its definition is a result of order 1.
    """
    names = list(dict.fromkeys(c.reader.target.name for c in adjoint.contributions))
    if inserted:
        return (Access(names[0]), " inserted") if len(names) == 1 else ("definitions",)
    conditions = any(t.guards or t.deltas or t.admission for t in (c.reader.term for c in _selecting(adjoint)))
    apart = _apart(adjoint, program)
    verb = " does" if len(apart) == 1 else " do"
    dropped: Words = ("; ", *_listed(apart), f"{verb} not depend on ", Access(adjoint.tensor.name)) if apart else ()
    return ("definition of ", *_listed(names), *([", over its ranges"] if conditions else []), *dropped)


def by_slope(adjoint: Adjoint) -> Words:
    """What reductions have to say of their slopes."""
    found = dict.fromkeys(_slope(c.reader) for c in _selecting(adjoint))
    return ("; ".join(found),)


def _slope(reader: Statement) -> str:
    row = reader.term.reduction
    if reader.ties is not None:
        return f"the elements that are the {row.noun} have equal shares in its slope"
    return row.reason or f"slope of the {row.noun}"


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
    return ("derivative of ", Access(name), " by itself: 1 for the same element, else 0")


def left_over(pairs: Iterable[Mapping[Symbol, Symbol]]) -> Words:
    """Which one of the values of an index the bracket leaves."""
    known = dict.fromkeys((gone, stays) for renames in pairs for gone, stays in renames.items())
    gone, stays = (list(dict.fromkeys(side)) for side in zip(*known, strict=True))
    return ("of ", *joined(gone), " only ", *joined(stays), " is left" if len(stays) == 1 else " are left")


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
    likewise: Words = ("; of ", *joined(like), " likewise") if like else ()
    rest: Words = ("; ", *solved(unlike, some)) if unlike else ()
    place = f"in {'one' if some[index] == 1 else some[index]} of the sums, " if index in some else ""
    return (f"{place}of ", index, " only ", *_left(values), *likewise, *rest)


def _kind(values: Sequence[Expr]) -> tuple[int, bool]:
    """How many values there are, and whether quotients are among them."""
    return len(values), any(isinstance(value, exact) for value in values)


def _left(values: Sequence[Expr]) -> Words:
    quotients = [value.args for value in values if isinstance(value, exact)]
    divides = [(below, " divides ", above) for above, below in quotients]
    where = tuple(w for n, words in enumerate(divides) for w in (", where " if n == 0 else " and ", *words))
    if len(values) == 1:
        return (*values, " is left", *where)
    return (*joined(values, " and "), " are left, one in each sum", *where)


def by_digits(gone: Sequence[Symbol]) -> Words:
    """Indices that are the digits of another one."""
    return ("division with remainder gives ", *joined(gone, " and "))


def by_value(adjoint: Adjoint) -> Words:
    """Slopes that a tensor's own value has in it; () where none has."""
    names = [c.reader.target.name for c in adjoint.contributions if c.by_value]
    return ("in terms of ", *_listed(names)) if names else ()


def implied(names: Iterable[str]) -> Words:
    """Tensors that are 0 where a bracket is, so that it says nothing new."""
    found = dict.fromkeys(names)
    return (*_listed(found), " is" if len(found) == 1 else " are", " 0 where the bracket is")


def inserted(*names: str) -> Words:
    """Gradients whose formulas are put in their places."""
    return (*_listed(names), " inserted")


def listed(said: Sequence[Words]) -> Words:
    """Several reasons of one row."""
    return tuple(word for n, words in enumerate(said) for word in (("; ",) if n else ()) + tuple(words))


def folded(let: Statement) -> Words:
    """A tensor in the place of what defines it."""
    return (let.term.body, " is ", Access(let.target.name, *(r.index for r in let.term.free)))


def _listed(names: Iterable[str]) -> Words:
    return joined([Access(name) for name in dict.fromkeys(names)])
