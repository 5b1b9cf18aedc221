"""The value of a gradient in closed form -> statements: its sums under names of their own, and what is left."""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import count, permutations

from sympy import Expr

from gradscribe.derive.calculus.closed.stage import as_terms
from gradscribe.derive.calculus.passes.brackets import as_guards, within
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Access, InnerSum, Range, Statement, Tensor, Term, accesses, text

MOST = 4
"""Indices of a sum up to which all orders of them are tried when an equal one is looked for."""


@dataclass(frozen=True)
class Closed:
    """A gradient in closed form.

    Attributes:
        statements: what computes it.
        sums: what computes the sums that it reads.
        shared: the gradients that are such sums themselves.
    """

    statements: tuple[Statement, ...]
    sums: tuple[Statement, ...]
    shared: tuple[str, ...]

    @property
    def target(self) -> str:
        """The gradient."""
        return self.statements[0].target.name

    @property
    def read(self) -> set[str]:
        """The tensors that it reads."""
        return {a.tensor for s in (*self.statements, *self.sums) for a in accesses(s.term.body)}


def closed_statements(
    first: Statement,
    value: Expr,
    free: tuple[Range, ...],
    groups: Mapping[str, Sequence[Statement]],
    signals: Collection[str],
    taken: Set[str],
) -> Closed:
    """The statements of a gradient.

    Args:
        first: the first of the statements that they stand for.
        value: what it is.
        free: the indices of that.
        groups: the statements of every gradient.
        signals: every gradient.
        taken: names that sums cannot have.
    """
    names = _names(first.target.name, taken)
    sums: list[Statement] = []
    shared: list[str] = []
    mapping: dict[Expr, Expr] = {}
    single = {name: group[0].term for name, group in groups.items() if len(group) == 1}
    alike = {name: (term, _inserted(term, single)) for name, term in single.items()}
    for total in sorted(value.atoms(InnerSum), key=text):
        ranges = tuple(r for r in free if r.index in total.free_symbols)
        term = as_guards(Term(ranges, total.ranges, total.body))
        known = next((name for name, found in alike.items() if any(_is(t, term) for t in found)), None)
        if known is None:
            sums.append(Statement(Tensor(next(names), tuple(r.extent for r in ranges)), term))
        else:
            shared.append(known)
        mapping[total] = Access(known or sums[-1].target.name, *(r.index for r in ranges))
    rest = value.xreplace(mapping)
    terms = as_terms(rest, free, signals) if rest.has(within) else (Term(free, (), rest),)
    made = tuple(replace(first, term=_addressed(t, first.term)) for t in terms)
    return Closed(made, tuple(sums), tuple(dict.fromkeys(shared)))


def _inserted(term: Term, known: Mapping[str, Term]) -> Term:
    """A term with gradients of elements written out, as closed forms have them."""
    found: dict[Expr, Expr] = {}
    for access in accesses(term.body):
        other = known.get(access.tensor)
        if other is not None and not (other.bound or other.deltas or other.guards):
            names = dict(zip((r.index for r in other.free), access.indices, strict=True))
            found[access] = other.body.xreplace(names)
    return _inserted(replace(term, body=term.body.xreplace(found)), known) if found else term


def _names(gradient: str, taken: Set[str]) -> Iterator[str]:
    return (name for n in count(1) if (name := f"{gradient}_sum{n}") not in taken)


def _addressed(term: Term, first: Term) -> Term:
    """A term for the elements that the first one addresses: with its delta, where the free indices are digits."""
    digits = tuple(r for r in term.free if r not in first.free)
    return replace(term, free=first.free, bound=(*digits, *term.bound), deltas=first.deltas)


def _is(known: Term, term: Term) -> bool:
    """Whether two sums are the same, whatever their indices are called."""
    likes = [(len(t.free), len(t.bound), {a.tensor for a in accesses(t.body)}) for t in (known, term)]
    if likes[0] != likes[1] or len(term.bound) > MOST:
        return False
    return any(_numbered(term, term.bound) == _numbered(known, order) for order in permutations(known.bound))


def _numbered(term: Term, order: Sequence[Range]) -> Term:
    """A term with numbers for its indices, those that are summed over in this order."""
    mapping = {r.index: integer(f"_{k}") for k, r in enumerate((*term.free, *order))}
    return replace(term, bound=tuple(order)).rename(mapping)
