"""One thing on a page is another under other names: which names, and whether that is so.

Rows are compared as they are, not as they look: the names are put in, indices are numbered, and what comes out has to
be the same expression.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sympy import Expr, Symbol
from sympy.core.symbol import Str

from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Access, Range, Tensor, Term, accesses, text


@dataclass(frozen=True)
class Likeness:
    """That an equation or a section is another one under other names.

    Attributes:
        of: the tensor whose equation, or whose gradient, the other one is.
        tensors: what is called otherwise, (there, here).
        sizes: the extents that are no numbers, (there, here).
    """

    of: str
    tensors: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[Expr, Expr], ...]

    @cached_property
    def names(self) -> dict[Expr, Expr]:
        """For `xreplace`: names of tensors and sizes."""
        return {**{Str(there): Str(here) for there, here in self.tensors}, **dict(self.sizes)}

    def here(self, there: str) -> str:
        """What a tensor is called here."""
        return dict(self.tensors).get(there, there)


Plain = tuple[Access, Sequence[Term]]
"""A row, ``left = terms``."""
Tensors = Mapping[str, Tensor]


def likeness(of: str, there: Sequence[Plain], here: Sequence[Plain], old: Tensors, new: Tensors) -> Likeness | None:
    """The names under which rows may be others; None where tensors, axes or extents do not correspond.

    Args:
        of: whose rows the others are.
        there: these.
        here: the rows.
        old: every tensor that the others read, in order of computation.
        new: likewise of the rows.
    """
    tensors: dict[str, str] = {}
    sizes: dict[Expr, Expr] = {}
    for (left, terms), (own, parts) in zip(there, here, strict=True):
        pairs = [(left, own)]
        for term, part in zip(terms, parts, strict=False):
            pairs += zip(_reading(left, term, old), _reading(own, part, new), strict=False)
            for range_, another in zip(term.ranges, part.ranges, strict=False):
                if not range_.extent.is_Integer:
                    sizes.setdefault(range_.extent, another.extent)
        if any(tensors.setdefault(a.tensor, b.tensor) != b.tensor for a, b in pairs):
            return None
    for name, other in tensors.items():
        first, second = old.get(name), new.get(other)
        if first is None or second is None or not _alike(first, second):
            return None
        for extent, e in zip(first.shape, second.shape, strict=True):
            if not extent.is_Integer and sizes.setdefault(extent, e) != e:
                return None
    return Likeness(of, tuple(tensors.items()), tuple(sizes.items()))


def _alike(first: Tensor, second: Tensor) -> bool:
    return (len(first.shape), first.integer, first.constant) == (len(second.shape), second.integer, second.constant)


def _reading(left: Access, term: Term, tensors: Tensors) -> list[Access]:
    """The accesses of a term in an order that no name decides, as far as indices and computation tell them apart."""
    letters, order = _letters(left, term), {name: n for n, name in enumerate(tensors)}
    found = accesses(term.body)
    return sorted(found, key=lambda a: ([text(e.xreplace(letters)) for e in a.indices], order.get(a.tensor, 0)))


Row = tuple[tuple[Access, Term], ...]
"""A row in which indices are numbers."""
AS_THEY_ARE: Mapping[Expr, Expr] = {}


def row(left: Access, terms: Sequence[Term], names: Mapping[Expr, Expr] = AS_THEY_ARE) -> Row:
    """``left = terms`` under other names; two rows are the same, whatever their indices are called, if these are."""
    return tuple(_numbered(left, term, names) for term in terms)


def whole(form: Expr, left: Access, names: Mapping[Expr, Expr] = AS_THEY_ARE) -> Expr:
    """What a row is in whole tensors, under other names; the places that it speaks of, t + 1, are those of numbers."""
    return form.xreplace({**names, **_numbers(left.indices)})


def _numbered(left: Access, term: Term, names: Mapping[Expr, Expr]) -> tuple[Access, Term]:
    letters = _letters(left, term)
    found = term.substitute({**names, **letters})
    free, bound = (tuple(Range(letters[r.index], r.extent) for r in part) for part in (found.free, found.bound))
    return left.xreplace({**names, **letters}), Term(
        free, bound, found.body, found.deltas, found.guards, found.divisibilities, found.op
    )


def _letters(left: Access, term: Term) -> dict[Symbol, Symbol]:
    """Numbers for the indices."""
    return _numbers((*left.indices, *term.indices))


def _numbers(indices: Sequence[Expr]) -> dict[Symbol, Symbol]:
    own = dict.fromkeys(e for e in indices if isinstance(e, Symbol))
    return {v: integer(f"index{n}") for n, v in enumerate(own)}
