"""The rows of a section as they are collected, and the words about them."""

from collections.abc import Iterable, Mapping

from sympy import Expr, Symbol

from gradscribe.derive.calculus.passes.inline import inserted
from gradscribe.derive.derivation.gradient.steps import reasons
from gradscribe.derive.derivation.gradient.steps.elimination import Vanishing
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.derivation.record.sentence import OR, Between, Words, joined
from gradscribe.derive.ir.term import Access, Statement, Term, accesses
from gradscribe.said import say


class Rows:
    """Collects rows; a row equal to the one before is left out. Every row starts with the terms `given`."""

    def __init__(self, left: Access, outer: tuple[Symbol, ...], notation: Notation, given: tuple[Term, ...]) -> None:
        self.left, self.outer, self.notation, self.given = left, outer, notation, given
        self.steps: list[Step] = []
        self.terms: tuple[Term, ...] = ()

    @property
    def tensors(self) -> set[str]:
        """What the last row reads."""
        return {a.tensor for t in self.terms for a in accesses(t.body)}

    def add(self, rule: str, reason: Words, terms: tuple[Term, ...]) -> None:
        """One row more, if these are not the terms of the last one."""
        if not self.steps or terms != self.terms:
            self.terms = terms
            every = (*self.given, *terms)
            self.steps.append(Step(rule, reason, self.left, every, self.outer, notation=self.notation))


def insert(rows: Rows, known: Mapping[str, Statement], full: bool) -> None:
    """What is known of the gradients that are read, in one row; if `full`, in one row each."""
    terms = rows.terms
    names: list[str] = []
    for name, let in known.items():
        if any(a.tensor == name for t in terms for a in accesses(t.body)):
            terms = tuple(inserted(t, let) for t in terms)
            names.append(name)
            if full:
                rows.add("insert", reasons.put_in(name), terms)
    if names and not full:
        rows.add("insert", reasons.put_in(*names), terms)


def vanishing_words(vanishing: Iterable[Vanishing]) -> Words:
    """Which terms are zero because an access leaves its tensor."""
    grouped: dict[str, list[Expr]] = {}
    for name, index, extent in dict.fromkeys(vanishing):
        grouped.setdefault(name, []).append(Between(index, extent))
    alike: dict[tuple[Expr, ...], list[Expr]] = {}
    for name, ranges in grouped.items():
        alike.setdefault(tuple(ranges), []).append(Access(name))
    return joined(
        [
            say(
                "Terms whose index of {tensors} leaves {ranges} are zero.",
                tensors=joined(tensors, OR),
                ranges=joined(ranges_),
            )
            for ranges_, tensors in alike.items()
        ],
        " ",
        " ",
    )
