"""Contributions to a gradient on their way from what differentiation made to the form that is printed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from sympy import Symbol

from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.calculus.differentiate import Contribution
from gradscribe.derive.calculus.passes.left_side import equation, scattered
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.ir.term import Program, Range, Term, accesses


@dataclass(frozen=True)
class Strand:
    """One contribution on its way: `term` and, where the saved output can be used, `by_value`, rewritten alike."""

    term: Term
    by_value: Term | None
    outer: tuple[Range, ...]
    favoured: tuple[Symbol, ...] = ()

    @property
    def preferred(self) -> tuple[Symbol, ...]:
        """The indices that a gather form is solved for: those of the forward output."""
        return self.favoured or tuple(r.index for r in self.outer)

    def each(self, rewrite: Callable[[Term], Term]) -> "Strand":
        """Both forms rewritten."""
        return replace(self, term=rewrite(self.term), by_value=rewrite(self.by_value) if self.by_value else None)


def settled(contribution: Contribution, program: Program) -> Strand:
    """Write scattered axes of the reader's target as expressions: the seed becomes dy[n, K*g + k]."""
    axes = [index for index, _, _ in scattered(contribution.reader.term)]

    def rewrite(term: Term) -> Term:
        for index in axes:
            delta = next((d for d in term.deltas if index in d.free_symbols), None)
            term = solve(term, delta, index) if delta is not None else term  # else that is done already
        return discharge(term, program)[0] if axes else term

    _, reader = equation(contribution.reader)
    strand = Strand(contribution.term, contribution.by_value, reader.free).each(rewrite)
    order = {r.index: n for n, r in enumerate(reader.ranges)}
    return strand.each(lambda t: replace(t, bound=tuple(sorted(t.bound, key=lambda r: order[r.index]))))


def favoured(strand: Strand, notation: Notation, avoided: Collection[Symbol]) -> tuple[Symbol, ...]:
    """The indices of what the chain rule runs over and of the gradients read, those not to be `avoided` first."""
    read = [a for a in accesses(strand.term.body) if notation.is_gradient(a.tensor)]
    every = (*strand.preferred, *(e for a in read for e in a.indices if isinstance(e, Symbol)))
    return tuple(sorted(dict.fromkeys(every), key=lambda v: v in avoided))


def renamed(strands: Sequence[Strand]) -> tuple[tuple[Strand, ...], tuple[dict[Symbol, Symbol], ...]]:
    """The strands without the Kronecker deltas that only rename an index, and what they rename."""
    pairs = tuple(rename(s.term)[1] for s in strands)
    return tuple(s.each(lambda t: rename(t)[0]) for s in strands), pairs
