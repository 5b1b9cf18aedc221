"""In which form a page shows results: by index, by operators, by matrices, or all; what a layer has not is an error."""

from dataclasses import replace
from difflib import get_close_matches

from sympy import Symbol

from gradscribe.derive.derivation.forms.caption.matrices.passage import passage
from gradscribe.derive.derivation.forms.caption.matrices.toeplitz import toeplitz
from gradscribe.derive.derivation.forms.caption.matrices.unfolding import matrix_forms
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.quote import quoted
from gradscribe.derive.ir.term import EquationError

FORMS = ("index", "operator", "matrix", "all")
"""`index` has every row, and below a box its operator form; `operator` and `matrix` have these alone."""


def checked_form(name: str, form: str) -> str:
    """`form` if it is one of FORMS.

    Raises:
        EquationError: if it is not.
    """
    if form not in FORMS:
        close = get_close_matches(form, FORMS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise EquationError(f"{name}: unknown form {quoted(form)}; expected one of {', '.join(FORMS)}{hint}")
    return form


def in_form(derivation: Derivation, form: str) -> Derivation:
    """The derivation shown in a form.

    Raises:
        EquationError: for a form that it has not.
    """
    known = {*derivation.program.tensors, *derivation.notation.seeds}
    own = [s for s in derivation.sections if s.wrt in known]  # what any layer would send to the one before says nothing
    operator = any(r.form is not None for s in own for r in s.results)
    if form == "operator" and not operator:
        raise EquationError(f"{derivation.name}: no gradient is an operation on whole tensors; expected form 'index'")
    found = with_matrices(derivation) if form in ("matrix", "all") else derivation
    if form == "matrix" and not found.matrices:
        others = "'index' or 'operator'" if operator else "'index'"
        raise EquationError(f"{derivation.name}: no equation is a product of two matrices; expected form {others}")
    shown = replace(found, form=form)
    return replace(shown, glossary=()) if form == "matrix" else shown


def with_matrices(derivation: Derivation) -> Derivation:
    """The derivation with the equations that are products of matrices, and small examples of those with windows."""
    if derivation.notation.scalars:
        return derivation
    program, usual = derivation.program, _usual(derivation)
    letter = integer(next(fresh_names(program.names(), "T A M S Q P")))
    gradients = {output: seed for seed, output in derivation.notation.seeds.items()}
    gradients |= {part.wrt: part.steps[-1].left.tensor for s in derivation.sections for part in s.parts}
    forms = matrix_forms(program, derivation.notation, gradients)
    if derivation.table is None:  # a network has a layer's page for that
        forms = tuple(replace(f, examples=tuple(toeplitz(part, program, usual) for part in f.parts)) for f in forms)
    return replace(
        derivation, matrices=forms, matrix=tuple(p for form in forms for p in passage(form, program, letter))
    )


def _usual(derivation: Derivation) -> dict[Symbol, int]:
    """What the options are by default, under the names of the page."""
    options = derivation.layer.options if derivation.layer is not None else ()
    known = [(s, o.default) for o in options if isinstance(o.default, int) for s in o.symbols]
    shown = ((derivation.mapping.get(s, s), int(value)) for s, value in known)
    return {s: value for s, value in shown if isinstance(s, Symbol)}
