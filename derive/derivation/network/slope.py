"""The gradient behind an activation: ``delta = dE/dz f'(u)``, element by element."""

from collections.abc import Mapping
from dataclasses import replace

from sympy import Add, Expr, Mul

from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import Adjoint, Gradient
from gradscribe.derive.calculus.passes.brackets import with_divisors
from gradscribe.derive.calculus.passes.inline import inserted, is_pointwise
from gradscribe.derive.derivation.forward.quotients import Partial
from gradscribe.derive.derivation.gradient.steps import reasons
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.lettering import Lettering
from gradscribe.derive.derivation.record.section_record import ELEMENT, Result, Section, Step
from gradscribe.derive.derivation.record.sentence import AND, Equals, Words, joined
from gradscribe.derive.ir.functions import activation, activation_prime
from gradscribe.derive.ir.term import Access, InnerSum, Program, Statement, Term, accesses
from gradscribe.said import say


def is_slope(adjoint: Adjoint, program: Program, lettering: Lettering) -> bool:
    """Whether a tensor is read by its activation alone: what is left of the chain rule is a product."""
    if len(adjoint.contributions) != 1:
        return False
    (contribution,) = adjoint.contributions
    reader = contribution.reader
    own = reader.target.name in lettering.values.values() and is_pointwise(reader)
    single = len(program.definitions(reader.target.name)) == 1
    return own and single and contribution.access.indices == tuple(r.index for r in reader.term.free)


def slope(adjoint: Adjoint, notation: Notation) -> Expr:
    """What the signal is multiplied by, by the saved value where it can be had, in the indices of the element."""
    (contribution,) = adjoint.contributions
    term = rename(contribution.by_value or contribution.term)[0]
    return term.body / _signal(term, notation)


def slope_section(
    gradient: Gradient, adjoint: Adjoint, notation: Notation, known: Mapping[str, Statement], full: bool = False
) -> Section:
    """The chain rule in one row; if `full`, then the activation's slope, and the slope by its saved value."""
    (contribution,) = adjoint.contributions
    term, _ = rename(contribution.term)
    by_value = rename(contribution.by_value)[0] if contribution.by_value is not None else None
    indices = tuple(r.index for r in term.free)
    left = Access(adjoint.gradient.name, *indices)
    value, argument = contribution.reader.target.name, adjoint.tensor.name
    signal = _signal(term, notation)
    step = Step("rename", reasons.ELEMENTWISE, left, (by_value or term,), notation=notation)
    chain = Term(term.free, (), signal * Partial(Access(value, *indices), Access(argument, *indices)))
    definition = reasons.by_definition(adjoint, gradient.forward)
    steps = [
        replace(step, rule="chain rule", reason=reasons.CHAIN_RULE, terms=(chain,)),
        replace(step, rule="definition", reason=definition, terms=(term,)),
        *([replace(step, rule="by value", reason=reasons.by_value(adjoint))] if by_value is not None else []),
    ]
    steps = steps if full else [step]
    names, terms = [], steps[-1].terms
    for name, let in known.items():
        if any(a.tensor == name for t in terms for a in accesses(t.body)):
            terms = tuple(inserted(t, let) for t in terms)
            names.append(name)
    if names:
        steps.append(replace(step, rule="insert", reason=reasons.put_in(*names), terms=terms))
    return Section(
        title=(),
        setup=(
            _function(contribution.reader, by_value or term, argument, signal),
            say(ELEMENT, element=Access(argument, *indices)),
        ),
        steps=tuple(steps),
        caption=(),
        results=(),
        forward=gradient.forward,
        gradient=gradient.program,
        raw=(contribution.term,),
        wrt=argument,
    )


def factored(result: Result, factor: Expr, left: Access) -> Result:
    """A box with the slope in front where several paths meet, ``f'(u) (a + sum b)``.

    A summand's brackets of divisibility go with it. As it is where one has other brackets, which an index of its own
    decides. And where no summand is a sum: such summands may cancel, and what rounding is relative to is seen of them
    one by one.

    Args:
        result: the box.
        factor: the slope, in the indices of `left`.
        left: the element.
    """
    step = result.step
    own = factor.xreplace(dict(zip(left.indices, step.left.indices, strict=True)))
    plain = all(t.is_sum and not (t.deltas or t.guards) for t in step.terms)
    if len(step.terms) < 2 or not plain or not any(t.bound for t in step.terms):
        return result
    rest = [with_divisors(t).body / own for t in step.terms]
    if any(e.has(*accesses(own)) for e in rest):
        return result  # not every summand has it
    sums = [InnerSum(e, *t.bound) if t.bound else e for e, t in zip(rest, step.terms, strict=True)]
    term = Term(step.terms[0].free, (), Mul(own, Add(*sums)))
    return replace(result, step=replace(step, terms=(term,)))


def _function(reader: Statement, term: Term, argument: str, signal: Access) -> Words:
    """Which function f is, and its slope."""
    plain = Access(argument)
    function = Equals(activation(plain), _whole(reader.term.body))
    slope = Equals(activation_prime(plain), _whole(term.body / signal))
    decrees = reasons.named_rules(reader.term.body)
    if decrees:
        return say(
            "Here {function} and {slope}, the slope of {functions} by decree.",
            function=function,
            slope=slope,
            functions=joined(decrees, AND),
        )
    return say("Here {function} and {slope}.", function=function, slope=slope)


def _signal(term: Term, notation: Notation) -> Access:
    """The gradient that a term reads."""
    (signal,) = [a for a in accesses(term.body) if notation.is_gradient(a.tensor)]
    return signal


def _whole(body: Expr) -> Expr:
    """Tensors in place of their elements."""
    return body.xreplace({a: Access(a.tensor) for a in accesses(body)})
