"""The derivation of one gradient: chain rule, definition, Kronecker deltas, and their collapse.

A section follows each contribution of an `Adjoint` from the term that differentiation made to the gather form that
textbooks print. Each row comes from the row before by functions of `derive.calculus.collapse`; the choice of what to
eliminate (an index of the forward output first) is made here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from sympy import Expr, Integer, Symbol

from gradscribe.derive.calculus.closed.closed_form import closed_forms
from gradscribe.derive.calculus.differentiate import Adjoint, Contribution, Gradient
from gradscribe.derive.calculus.passes.brackets import idle, implied, without
from gradscribe.derive.calculus.passes.inline import is_pointwise
from gradscribe.derive.calculus.passes.rewrite import fold
from gradscribe.derive.derivation.forms.closed.closed_section import closed
from gradscribe.derive.derivation.gradient.outcome import as_statement, collected, one_divisor, results
from gradscribe.derive.derivation.gradient.steps import reasons
from gradscribe.derive.derivation.gradient.steps.chain_rows import chain_rule, reduced, with_quotient
from gradscribe.derive.derivation.gradient.steps.collected_rows import Rows, insert, vanishing_words
from gradscribe.derive.derivation.gradient.steps.elimination import (
    Elimination,
    Rule,
    Vanishing,
    by_digits,
    by_solving,
    eliminate,
)
from gradscribe.derive.derivation.gradient.steps.single_places import at_places, single_places
from gradscribe.derive.derivation.gradient.steps.strand import favoured, renamed, settled
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.section_record import ELEMENT, Section
from gradscribe.derive.ir.term import Access, Program, Statement, Term, accesses
from gradscribe.said import say


def gradient_sections(
    gradient: Gradient,
    notation: Notation,
    lets: Sequence[Statement],
    avoided: Collection[Symbol] = (),
    closing: bool = False,
    full: bool = False,
) -> list[Section]:
    """The sections of all gradients of a program; a pointwise one is inserted in those that follow it.

    Args:
        gradient: the differentiated program.
        notation: how tensors are written.
        lets: names for known quotients.
        avoided: see `gradient_section`.
        closing: whether closed forms follow where there are any.
        full: see `gradient_section`.
    """
    known: dict[str, Statement] = {}
    forms = closed_forms(gradient, lets)
    sections: list[Section] = []
    for adjoint in gradient.adjoints:
        section = gradient_section(gradient, adjoint, notation, known, lets, avoided, full)
        section = with_boxes(section, gradient.program, lets)
        section = closed(section, forms) if closing else section
        sections.append(section)
        statement = as_statement(section, adjoint.gradient)
        if statement is not None:
            known[adjoint.gradient.name] = statement
    return sections


def gradient_section(
    gradient: Gradient,
    adjoint: Adjoint,
    notation: Notation,
    known: Mapping[str, Statement],
    lets: Sequence[Statement],
    avoided: Collection[Symbol] = (),
    full: bool = False,
) -> Section:
    """The rows of one tensor's gradient, a section that has no boxes yet.

    Args:
        gradient: the differentiated program.
        adjoint: the gradient to derive.
        notation: how tensors are written.
        known: pointwise gradients of earlier sections, by name, which are inserted where they occur.
        lets: names for known quotients, such as softmax's p = h/z.
        avoided: indices that should rather stay: at order 2 a kernel's position, so that the kernel does not move.
        full: whether the chain rule has four rows element by element, too, where one says it all.
    """
    program = gradient.program
    places = single_places(adjoint.contributions)
    contributions = tuple(at_places(c, places) for c in adjoint.contributions)
    every, free = adjoint.contributions[0].term.free, contributions[0].term.free
    left = Access(adjoint.gradient.name, *(Integer(0) if r.index in places else r.index for r in every))
    strands = tuple(settled(c, program) for c in contributions)
    if avoided:
        strands = tuple(replace(s, favoured=favoured(s, notation, avoided)) for s in strands)
    outer = tuple(dict.fromkeys(r.index for s in strands for r in s.outer))
    seed = gradient.seeds.get(adjoint.tensor.name)  # an output that other statements read
    given = (Term(free, (), Access(seed.name, *left.indices)),) if seed is not None else ()
    rows = Rows(left, outer, notation, given)

    settled_, (strands, pairs) = strands, renamed(strands)
    if not full and all(map(_is_elementwise, contributions)):
        inner = any(adjoint.tensor.name == s.target.name for s in gradient.forward.statements)
        by_value = reasons.by_value(adjoint) if inner and not full else ()
        said = (reasons.ELEMENTWISE, by_value, reasons.by_decree(adjoint))
        reason = reasons.listed([words for words in said if words])
        rows.add("rename", reason, tuple(s.by_value or s.term if by_value else s.term for s in strands))
    else:
        again = any(notation.is_gradient(c.reader.target.name) for c in adjoint.contributions)
        each = tuple(zip(settled_, contributions, strict=True))
        rows.add("chain rule", reasons.CHAIN_RULE, chain_rule(gradient, adjoint, settled_, left))
        definition = reasons.by_definition(adjoint, gradient.forward, again)
        same, left_ = reasons.same_element(adjoint.tensor.name), reasons.left_over(pairs) if any(pairs) else ()
        quotients = tuple(with_quotient(s, c, left) for s, c in each)
        maxima = dict.fromkeys(r for s, c in each if (r := reduced(gradient, s, c, left)) is not None)
        sums = tuple(q for (_, c), q in zip(each, quotients, strict=True) if c.reader.term.is_sum)
        rows.add("definition", definition, (*maxima, *sums))
        rows.add("slope", reasons.by_slope(adjoint), quotients)
        rows.add("kronecker", same, tuple(s.term for s in settled_))
        if left_:
            rows.add("rename", left_, tuple(s.term for s in strands))

    vanishing: list[Vanishing] = []
    for rule in (by_digits, by_solving):
        eliminations = tuple(eliminate(s.term, rule, s.preferred, program) for s in strands)
        gone: dict[Symbol, dict[Expr, None]] = {}
        for v, value in (pair for e in eliminations for pair in e.gone.items()):
            gone.setdefault(v, {}).update({value: None} if value is not None else {})
        if gone:
            values = {v: tuple(own) for v, own in gone.items()}
            some = {v: n for v in gone if (n := _solved_in(v, eliminations)) is not None}
            reason = reasons.by_digits(list(gone)) if rule is by_digits else reasons.solved(values, some)
            rows.add("digits" if rule is by_digits else "solve", reason, tuple(e.term for e in eliminations))
        strands = tuple(s.each(_eliminated(rule, s.preferred, program)) for s in strands)
        vanishing += [v for e in eliminations for v in e.vanishing]
    rows.add("by value", reasons.by_value(adjoint), tuple(s.by_value or s.term for s in strands))
    insert(rows, known, full)
    for let in lets:
        rows.add("fold", reasons.folded(let), tuple(fold(t, let) for t in rows.terms))
    found = [{**implied(t, gradient.forward), **idle(t)} for t in rows.terms]
    without_implied = tuple(without(t, guards) for t, guards in zip(rows.terms, found, strict=True))
    rows.add("implied", reasons.implied(a.tensor for guards in found for a in guards.values()), without_implied)
    rows.add("one divisor", reasons.ONE_DIVISOR, tuple(one_divisor(t) for t in rows.terms))
    rows.add("collect", reasons.COMMON_FACTOR, collected(rows.terms))

    read = {a.tensor for step in rows.steps for t in step.terms for a in accesses(t.body)}
    caption = vanishing_words(vanishing)
    return Section(
        title=say("gradient with respect to {tensor}", tensor=Access(adjoint.tensor.name)),
        setup=(say(ELEMENT, element=Access(adjoint.tensor.name, *left.indices)),) if left.indices else (),
        steps=tuple(rows.steps),
        caption=(caption,) if caption else (),
        results=(),
        forward=gradient.forward,
        gradient=program,
        raw=(*given, *(c.term for c in adjoint.contributions)),
        wrt=adjoint.tensor.name,
        lets=tuple(let for let in lets if let.target.name in read),
    )


def with_boxes(section: Section, program: Program, lets: Sequence[Statement]) -> Section:
    """The section with its last row in a box, under its name.

    Args:
        section: the rows.
        program: the gradient program.
        lets: names for known quotients, which the row may read.
    """
    tensors = replace(program, inputs=(*program.inputs, *(let.target for let in lets)))
    return replace(section, results=results(section.steps[-1], tensors))


def _is_elementwise(contribution: Contribution) -> bool:
    """Whether an element is read by one element, and nothing is summed.

    Along every axis that is the element at the same place; or one axis holds parts, of which the reader has one, as a
    gate does.
    """
    reader, indices = contribution.reader, contribution.access.indices
    places = [e for e in indices if not e.is_Integer]
    return is_pointwise(reader) and places == [r.index for r in reader.term.free]


def _solved_in(index: Symbol, eliminations: Sequence[Elimination]) -> int | None:
    """In how many sums an index went, where others still run over it; None where none does."""
    went = sum(index in e.gone for e in eliminations)
    return went if any(index in {r.index for r in e.term.bound} for e in eliminations) else None


def _eliminated(rule: Rule, preferred: tuple[Symbol, ...], program: Program) -> Callable[[Term], Term]:
    return lambda term: eliminate(term, rule, preferred, program).term
