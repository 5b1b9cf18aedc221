"""A section with the closed form of its gradient behind its box: the rows that lead there, and another box."""

from dataclasses import replace

from sympy import Expr

from gradscribe.derive.calculus.closed.closed_form import ClosedForms
from gradscribe.derive.calculus.closed.stage import Stage, as_terms
from gradscribe.derive.derivation.forms.caption.operation import Caption, Whole
from gradscribe.derive.derivation.forms.caption.reading.row_reader import caption
from gradscribe.derive.derivation.forms.caption.words.operator_form import operator_form
from gradscribe.derive.derivation.forms.caption.words.shape import of_elements
from gradscribe.derive.derivation.forms.caption.words.signs import Same
from gradscribe.derive.derivation.forms.closed.digit_form import in_digits
from gradscribe.derive.derivation.forms.closed.whole_form import whole_form
from gradscribe.derive.derivation.record.section_record import Result, Section, Step
from gradscribe.derive.derivation.record.sentence import AND, Equals, Words, joined
from gradscribe.derive.ir.term import Access, accesses
from gradscribe.said import begun, say, say_number


def closed(section: Section, forms: ClosedForms) -> Section:
    """The section with the closed form of its gradient, if it has one; those of later gradients may insert it."""
    box = section.results[0].step
    forms.learn(box.left.tensor, box.terms)
    if len(section.results) != 1:
        return section  # results under conditions are of windows, others of what lies further below
    split = in_digits(box, section.wrt, forms.program)
    stages = forms.stages(box.left.tensor, (split or box).terms, learning=split is None)
    if not stages:
        return section
    *rows, last = (*([split] if split else []), *(_step(stage, split or box, forms) for stage in stages))
    said, form = _in_whole_tensors(last, forms)
    found = Result(last, say("closed form"), _lead(stages[-1]), said, form, steps=tuple(rows), closed=True)
    read = {a.tensor for step in (*rows, last) for t in step.terms for a in accesses(t.body)}
    lets = (let for let in forms.lets if let.target.name in read and let not in section.lets)
    return replace(section, results=(*section.results, found), lets=(*section.lets, *lets))


def _in_whole_tensors(row: Step, forms: ClosedForms) -> tuple[Whole | Caption | None, Expr | None]:
    """The row in sums over axes or, where a label is one of its factors, as an operation with a name; and its form."""
    whole = whole_form(row)
    if whole is not None:
        order = [name for name, _ in whole.tensors]
        return whole, Same(Access(row.left.tensor), of_elements(whole.value, order))
    tensors = (*forms.program.inputs, *forms.signals.values(), *(let.target for let in forms.lets))
    named = caption(row, replace(forms.program, inputs=tuple(dict.fromkeys(tensors))))
    form = operator_form(named, row.left.tensor) if named is not None else None
    return (named if form is not None else None), form


def _step(stage: Stage, box: Step, forms: ClosedForms) -> Step:
    terms = as_terms(stage.value, box.terms[0].free, forms.signals)
    return replace(box, rule=stage.rule, reason=_reason(stage), terms=terms, outer=())


def _reason(stage: Stage) -> Words:
    """Why a row follows from the row before."""
    if stage.identities:
        return say("as {equations}", equations=joined([Equals(*pair) for pair in stage.identities]))
    if stage.inserted:
        return say("{tensors} inserted", tensors=joined([Access(name) for name in stage.inserted]))
    if stage.known:
        numbers = [Equals(v.total, v.value) for v in stage.known if v.value.is_Number or v.value in v.total.body.args]
        return _known(stage, joined(numbers))
    return say("by the definition of {tensors}", tensors=_defined(stage)) if stage.read else (stage.words,)


def _lead(stage: Stage) -> Words:
    """The same before a box."""
    if stage.identities:
        words = say("as {equations}", equations=joined([Equals(*pair) for pair in stage.identities]))
    elif stage.known:
        words = say("as {equations}", equations=_known(stage, joined([Equals(v.total, v.value) for v in stage.known])))
    elif stage.read:
        words = say("by the definition of {tensors}", tensors=_defined(stage))
    else:
        words = say("With {reason}", reason=_reason(stage))
    return (*begun(words), ":")


def _known(stage: Stage, values: Words) -> Words:
    """Sums with their values, and why they have these."""
    words = values
    if any(v.tensors for v in stage.known):
        defined = _defined(stage)
        words = (
            say("{equations} by the definition of {tensors}", equations=values, tensors=defined)
            if values
            else say("by the definition of {tensors}", tensors=defined)
        )
    labels = list(dict.fromkeys(label for v in stage.known for label in v.labels))
    if not labels:
        return words
    return say_number(
        len(labels),
        "{equations}, since {labels} is a position",
        "{equations}, since {labels} are positions",
        equations=words,
        labels=joined(labels, AND),
    )


def _defined(stage: Stage) -> Words:
    """The tensors whose definitions are used."""
    names = [name for v in stage.known for name in v.tensors] + [let.target.name for let in stage.read]
    return joined([Access(name) for name in dict.fromkeys(names)])
