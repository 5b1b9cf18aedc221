"""Which gradients of a page are derived by the same rows: those are printed once."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import sympy
from sympy import Expr, Symbol

from gradscribe.derive.derivation.network.kinds.likeness import Likeness, likeness, row, whole
from gradscribe.derive.derivation.record.section_record import Result, Section, Step
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.term import Access, Tensor, Term, accesses


def once_for_a_kind(sections: Iterable[Section], letters: Mapping[str, str] = {}) -> list[Section]:
    """The sections, of which those that others are like come first.

    Where the rows are made by the same rewrites, it says so and keeps its boxes; where the boxes are the same, too, but
    for names, it has a `likeness`.

    Args:
        sections: in the order in which they are printed.
        letters: what tensors are called whatever their level; where a lemma is inserted only those of one letter are
            of one kind.
    """
    kinds: dict[Hashable, list[Section]] = {}
    found = []
    for section in sections:
        if section.results:
            known = kinds.setdefault(_kind(section, letters), [])
            section = _once(section, sorted(known, key=lambda s: letters.get(s.wrt) != letters.get(section.wrt)))
            if section.likeness is None:
                known.append(section)
        found.append(section)
    return found


def others_named(sections: Iterable[Section]) -> list[Section]:
    """The sections of a layer, in which those say so that are others under other names; the rows of all others stay."""
    found = once_for_a_kind(sections)
    return [s if s.likeness is not None and not is_box(s) else replace(s, like="", likeness=None) for s in found]


def side_by_side(sections: Sequence[Section]) -> list[Section]:
    """The sections, in which one that is nothing but a box stands behind the first of these that it may follow.

    That is one for the same reason, behind which nothing comes that it reads.
    """
    found: list[Section] = []
    for section in sections:
        made = {a.tensor for t in section.steps[-1].terms for a in accesses(t.body)}
        first = max((n + 1 for n, s in enumerate(found) if s.steps[-1].left.tensor in made), default=0)
        reason = one_box(section)
        places = [n for n in range(first, len(found)) if reason and one_box(found[n]) == reason]
        run = next(iter(places), len(found) - 1)
        while run + 1 < len(found) and run in places and run + 1 in places:
            run += 1
        found.insert(run + 1, section)
    return found


def one_box(section: Section) -> Words:
    """The reason of a section that is nothing but one box, so that others may stand below its heading; () of others."""
    return section.steps[0].reason if not section.like and is_box(section) and len(section.results) == 1 else ()


def is_box(section: Section) -> bool:
    """Whether the only row of a section is its box: nothing is saved where that is said of another one."""
    if len(section.parts) > 1 or len(section.steps) > 1 or section.caption or not section.results:
        return False
    (step,), (result, *_) = section.steps, section.results
    return not result.lead and row(step.left, step.terms) == row(result.step.left, result.step.terms)


def _once(section: Section, known: Sequence[Section]) -> Section:
    for other in known:
        names = names_of(other, section)
        if names is not None and is_other(section, other, names):
            return replace(section, like=other.wrt, likeness=names)
    first = next((s for s in known if not s.like), None)  # whose rows are printed
    return replace(section, like=first.wrt) if first is not None and not is_box(section) else section


def _kind(section: Section, letters: Mapping[str, str]) -> Hashable:
    """The rewrites that make the rows, summand by summand, and what is multiplied in the last one."""
    letter = letters.get(section.wrt, section.wrt) if section.lemmas else ""
    rules = tuple((step.rule, len(step.terms)) for part in section.parts for step in part.steps)
    last = tuple(
        (len(found), all(e.is_Symbol for a in found for e in a.indices))
        for term in section.steps[-1].terms
        for found in [accesses(term.body)]
    )
    return rules, last, letter


def names_of(other: Section, section: Section) -> Likeness | None:
    """The names by which a section may be another one; None where their rows are not of equal number."""
    there, here = list(_rows(other)), list(_rows(section))
    return likeness(other.wrt, there, here, _tensors(other), _tensors(section)) if len(there) == len(here) else None


def is_other(section: Section, other: Section, names: Likeness) -> bool:
    """Whether every row and every box of a section is that of another one under these names."""
    parts = list(zip(section.parts, other.parts, strict=False))
    boxes, others = ([r for part in whole.parts for r in part.results] for whole in (section, other))
    return (
        (len(section.parts), len(boxes)) == (len(other.parts), len(others))
        and all(_same(own.steps, old.steps, names) for own, old in parts)
        and all(map(_boxed, boxes, others, [names] * len(boxes)))
    )


def _same(steps: Sequence[Step], others: Sequence[Step], names: Likeness) -> bool:
    if [s.rule for s in steps] != [s.rule for s in others]:
        return False
    pairs = zip(steps, others, strict=True)
    return all(row(s.left, s.terms) == row(o.left, o.terms, names.names) for s, o in pairs)


def _boxed(result: Result, other: Result, names: Likeness) -> bool:
    """Whether boxes, and what they are in whole tensors, are the same; the sentences about them are made of these."""
    form = whole(other.form, other.step.left, names.names) if other.form is not None else None
    own = whole(result.form, result.step.left) if result.form is not None else None
    where: list[tuple[Symbol | Expr, Expr]] = [(s.xreplace(names.names), e) for s, e in other.step.where]
    return (
        _same(result.rows, other.rows, names)
        and (own, bool(result.name), result.closed) == (form, bool(other.name), other.closed)
        and list(result.step.where) == where
    )


def _rows(section: Section) -> Iterator[tuple[Access, Sequence[Term]]]:
    for part in section.parts:
        forms = (r.form for r in part.results if r.form is not None)
        yield from ((e, ()) for form in forms for e in sympy.preorder_traversal(form) if isinstance(e, Access))
        yield from ((step.left, step.terms) for step in (*part.steps, *(row for r in part.results for row in r.rows)))


def _tensors(section: Section) -> dict[str, Tensor]:
    """What the rows speak of, in order of computation."""
    found: dict[str, Tensor] = {}
    for part in section.parts:
        programs = [part.forward, *([part.gradient] if part.gradient is not None else [])]
        for tensor in (*(t for p in programs for t in p.tensors.values()), *(let.target for let in part.lets)):
            found.setdefault(tensor.name, tensor)
    return found
