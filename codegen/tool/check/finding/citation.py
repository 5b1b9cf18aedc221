"""The row of the derivation that a finding speaks of, as it is printed, and what it is with the mistake in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sympy import Expr, Symbol

from gradscribe.codegen.tool.check.mistake.chain import Mistake
from gradscribe.codegen.tool.check.problem.problem import Problem
from gradscribe.codegen.tool.check.trial.case import Case
from gradscribe.codegen.tool.check.trial.trial import agreeing
from gradscribe.derive.calculus.collapse import rename_pairs
from gradscribe.derive.calculus.differentiate import Adjoint
from gradscribe.derive.calculus.passes.reuse import distributions
from gradscribe.derive.derivation.forward.forward_equations import definitions
from gradscribe.derive.derivation.gradient.outcome import as_statement
from gradscribe.derive.derivation.gradient.section import gradient_section, with_boxes
from gradscribe.derive.derivation.letters.element import axis_letters, with_element_letters
from gradscribe.derive.derivation.letters.written import gradient_letters
from gradscribe.derive.derivation.record.section_record import Section
from gradscribe.derive.derivation.record.sentence import Spoken
from gradscribe.derive.ir.interpret import evaluate
from gradscribe.derive.ir.term import Access, EquationError, Program, Statement, Term
from gradscribe.derive.typeset.writers.text.text_lines import equation_lines, row_lines
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter

ROOM = 99
"""The length of a line of a row: behind the word before it the two rows are read beside each other."""


@dataclass(frozen=True)
class Citation:
    """A mistake in words and in the notation of the derivation; `derived` and `wrong` are "" where no row says it."""

    words: str
    derived: str = ""
    wrong: str = ""


def cite(problem: Problem, mistake: Mistake, cases: Sequence[Case]) -> Citation:
    """The mistake beside the row that it is in; what the row has become is said only if it is so for all `cases`."""
    adjoint = mistake.adjoint
    if adjoint is None:
        return _cite_forward(problem, mistake)
    derived = boxed(problem, adjoint).results[0].step
    indices = adjoint.contributions[0].term.indices
    names = _shown(adjoint, derived.left.indices)
    words = tuple(w if isinstance(w, str) else w.xreplace(dict(names)) for w in mistake.words)
    text = phrase(problem, words, indices)
    tensor = Access(adjoint.tensor.name)
    if adjoint.gradient.name not in mistake.target.split() and tensor not in words:
        text += f", in the gradient with respect to {phrase(problem, (tensor,), ())}"
    lines = "\n".join(row_lines(derived, ROOM))
    wrong = _wrong_section(problem, adjoint, mistake.terms)
    said = wrong is not None and all(_holds(wrong, mistake, adjoint, case) for case in cases)
    yours = "\n".join(row_lines(wrong.results[0].step, ROOM)) if wrong is not None and said else ""
    return Citation(text, lines, yours if yours != lines else "")


def _cite_forward(problem: Problem, mistake: Mistake) -> Citation:
    """The mistake beside the equation of the forward pass that it is in."""
    wrong = mistake.forward
    assert wrong is not None  # there is no gradient at fault
    name = wrong.target.name
    program = problem.program
    statements = tuple(wrong if s.target.name == name else s for s in program.statements)
    rows = [_definition(problem, p, name) for p in (program, replace(program, statements=statements))]
    words = phrase(problem, (*mistake.words, " in ", Access(name)), wrong.term.indices)
    return Citation(words, rows[0], rows[1] if rows[1] != rows[0] else "")


def _definition(problem: Problem, program: Program, name: str) -> str:
    t = TextTypesetter(gradient_letters(problem.gradient))
    for definition in definitions(program):
        if definition.left.tensor == name:
            return "\n".join(equation_lines(definition, t, margin="", width=ROOM))
    return ""


def phrase(problem: Problem, words: Spoken, indices: Sequence[Symbol]) -> str:
    """Spoken and mathematics as text."""
    return TextTypesetter(gradient_letters(problem.gradient), indices).words(words)


def boxed(problem: Problem, adjoint: Adjoint) -> Section:
    """The derivation of one gradient, as `derive.derivation.derive` comes to it."""
    gradient = problem.gradient
    notation = gradient_letters(gradient)
    lets = distributions(gradient.forward, gradient.program.names())
    known: dict[str, Statement] = {}
    for before in gradient.adjoints:
        if before.gradient.name == adjoint.gradient.name:
            break
        statement = as_statement(gradient_section(gradient, before, notation, known, lets), before.gradient)
        if statement is not None:
            known[before.gradient.name] = statement
    section = with_boxes(gradient_section(gradient, adjoint, notation, known, lets), gradient.program, lets)
    return with_element_letters(section, axis_letters(gradient.forward))


def _wrong_section(problem: Problem, adjoint: Adjoint, terms: Sequence[Term]) -> Section | None:
    """What the derivation would have been with those terms; None where there is none."""
    if len(terms) != len(adjoint.contributions):
        return None
    pairs = zip(adjoint.contributions, terms, strict=True)
    contributions = tuple(replace(c, term=t, by_value=None) for c, t in pairs)
    try:
        return boxed(problem, replace(adjoint, contributions=contributions))
    except (EquationError, ValueError):  # a slip may leave what no rewrite of the derivation is meant for
        return None


def _holds(section: Section, mistake: Mistake, adjoint: Adjoint, case: Case) -> bool:
    """Whether the boxed row is what is computed with the mistake: rewrites count on what a slip may have undone."""
    found = mistake.tensors(case)
    values = dict(case.tensors)
    for let in section.lets:
        values[let.target.name] = evaluate(let.term, values, case.sizes)[0]
    try:
        with np.errstate(all="ignore"):
            row = np.asarray(sum(evaluate(t, values, case.sizes)[0] for t in section.results[0].step.terms))
    except (ArithmeticError, ValueError, LookupError):
        return False
    computed = np.asarray(found[adjoint.gradient.name if adjoint.gradient.name in found else mistake.target])
    return row.shape == computed.shape and bool(agreeing(row, computed).all())


def _shown(adjoint: Adjoint, letters: Sequence[Expr]) -> Mapping[Symbol, Expr]:
    """What indices are in the boxed row: those of the element have its letters, others may have become one of these."""
    element = (r.index for r in adjoint.contributions[0].term.free)
    found = dict(zip(element, letters, strict=True))
    for contribution in adjoint.contributions:
        found |= {gone: found[stays] for gone, stays in rename_pairs(contribution.term).items() if stays in found}
    return found
