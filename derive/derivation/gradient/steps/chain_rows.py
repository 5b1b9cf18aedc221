"""The first rows of a section: the chain rule, the definition put in, before any Kronecker delta."""

from collections.abc import Sequence
from dataclasses import replace

from gradscribe.derive.calculus.differentiate import Adjoint, Contribution, Gradient
from gradscribe.derive.calculus.passes.left_side import equation
from gradscribe.derive.derivation.forward.quotients import Partial, Reduced
from gradscribe.derive.derivation.gradient.steps.strand import Strand
from gradscribe.derive.ir.term import Access, Tensor, Term


def chain_rule(gradient: Gradient, adjoint: Adjoint, strands: Sequence[Strand], left: Access) -> tuple[Term, ...]:
    """One summand per reader: the sum over its elements of its gradient times a derivative by that at `left`."""
    terms: dict[Term, None] = {}
    element = Access(adjoint.tensor.name, *left.indices)
    for contribution, strand in zip(adjoint.contributions, strands, strict=True):
        name = contribution.reader.target.name
        reader, _ = equation(contribution.reader)
        body = Access(_gradient_tensor(gradient, name).name, *reader.indices) * Partial(reader, element)
        terms.setdefault(Term(strand.term.free, strand.outer, body))
    return tuple(terms)


def _gradient_tensor(gradient: Gradient, name: str) -> Tensor:
    adjoint = gradient.adjoint(name)
    return adjoint.gradient if adjoint is not None else gradient.seeds[name]


def reduced(gradient: Gradient, strand: Strand, contribution: Contribution, left: Access) -> Term | None:
    """The row before the slope of a maximum: d(max over r of ...)/d(element); None where the reader is a sum."""
    reader = contribution.reader
    if reader.term.is_sum:
        return None
    element, _ = equation(reader)
    value = Reduced(element, reader.term.value, reader.term.op, *reader.term.bound)
    quotient = Partial(value, Access(contribution.access.tensor, *left.indices))
    seed = Access(_gradient_tensor(gradient, reader.target.name).name, *element.indices)
    return Term(strand.term.free, strand.outer, seed * quotient)


def with_quotient(strand: Strand, contribution: Contribution, left: Access) -> Term:
    """The row before the Kronecker deltas: d(access)/d(element) as a quotient."""
    born = {r.index for r in strand.term.free}
    deltas = tuple(d for d in strand.term.deltas if not born & d.free_symbols)
    quotient = Partial(contribution.access, Access(contribution.access.tensor, *left.indices))
    return replace(strand.term, body=strand.term.body * quotient, deltas=deltas)
