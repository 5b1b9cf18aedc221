"""What a derivation ends with: common factors collected, the boxed results."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from sympy import Add, Integer, Mul, Symbol

from gradscribe.derive.calculus.closed.rewrites.factor import common_in_front, over_one_divisor
from gradscribe.derive.calculus.closed.rewrites.inserting import MOST
from gradscribe.derive.calculus.passes.inline import is_pointwise
from gradscribe.derive.derivation.forms.caption.operation import Caption
from gradscribe.derive.derivation.forms.caption.reading.row_reader import caption
from gradscribe.derive.derivation.forms.caption.words.operator_form import operator_form
from gradscribe.derive.derivation.forms.caption.words.signs import Matrices, Total
from gradscribe.derive.derivation.forms.caption.words.wording import wording
from gradscribe.derive.derivation.record.section_record import Result, Section, Step
from gradscribe.derive.derivation.record.sentence import Equals, Words, are_words, joined
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, Term
from gradscribe.said import say


def one_divisor(term: Term) -> Term:
    """A sum whose factors are quotients of one divisor each."""
    return replace(term, body=over_one_divisor(term.body)) if term.is_sum else term


def collected(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Pointwise summands as one product of their common factors and a sum; the same within every summand."""
    found = tuple(replace(t, body=common_in_front(t.body)) if t.is_sum else t for t in terms)
    plain = [_with_equalities(t) for t in found]
    if len(found) < 2 or not all(is_pointwise(Statement(Tensor("", ()), t)) for t in plain):
        return found
    factors = [list(Mul.make_args(t.body)) for t in plain]
    common = [f for f in factors[0] if not f.is_Number and all(f in other for other in factors[1:])]
    if not common:
        return found
    rest = [Mul(*(f for f in own if f not in common)) for own in factors]
    return (replace(plain[0], body=Mul(*common, Add(*rest))),)


def _with_equalities(term: Term) -> Term:
    """A term that sums over nothing, with brackets that two of its indices are equal as factors of its body."""
    pairs = [affine(d, term.indices) for d in term.deltas]
    if term.bound or not all(f.offset == 0 and Counter(c for _, c in f.terms) == {1: 1, -1: 1} for f in pairs):
        return term
    return replace(term, body=Mul(term.body, *(equal(*f.indices) for f in pairs)), deltas=())


def results(last: Step, program: Program, read: Callable[[Step], Caption | None] | None = None) -> tuple[Result, ...]:
    """The last row, and what it becomes where its divisibility brackets always hold.

    Args:
        last: the row.
        program: what the tensors of the row are.
        read: what a row is called, if it is not to be read off its terms.
    """
    named = read or (lambda step: naming(step, program))
    found = [called(last, named(last))]
    moduli = sorted(
        {d.modulus for t in last.terms for d in t.divisibilities if isinstance(d.modulus, Symbol)},
        key=lambda s: s.name,
    )
    if moduli:
        where = tuple((m, Integer(1)) for m in moduli)
        terms = tuple(_without_trivial(t.substitute(dict(where))) for t in last.terms)
        special = replace(last, rule="specialise", terms=terms, where=where)
        ones = joined([Equals(m, Integer(1)) for m in moduli])
        clause: Words = (*say("For {ones} the brackets always hold", ones=ones), ":")
        found.append(called(special, named(special), clause))
    return tuple(found)


def naming(step: Step, program: Program) -> Caption | None:
    """What a row is called as it is; where that has no words and no operator form, what it is multiplied out."""
    apart = replace(step, terms=tuple(part for t in step.terms for part in _multiplied_out(t)))
    found = caption(step, program)
    if len(apart.terms) == len(step.terms) or _is_said(found, step):
        return found
    multiplied = caption(apart, program)
    return multiplied if _is_said(multiplied, step) else found


def _is_said(name: Caption | None, step: Step) -> bool:
    """Whether a caption has words or an operator form."""
    return name is not None and (bool(wording(name)) or operator_form(name, step.left.tensor) is not None)


def _multiplied_out(term: Term) -> tuple[Term, ...]:
    """The products of a sum among the factors of a term: x - w is two tensors of different axes."""
    factors = Mul.make_args(term.body)
    sums = [f for f in factors if isinstance(f, Add) and f.has(Access)]
    if len(sums) != 1 or not term.is_sum:
        return (term,)
    rest = Mul(*(f for f in factors if f is not sums[0]))
    return tuple(replace(term, body=rest * part) for part in sums[0].args)


def called(step: Step, name: Caption | None, lead: Words = ()) -> Result:
    """A boxed row with what its caption says, in words and in whole tensors."""
    form = operator_form(name, step.left.tensor) if name is not None else None
    nested = name is not None and name.inserted and form is not None  # in words it would be a list in a list
    words = wording(name) if name is not None and not nested else ()
    plain = not are_words(words)
    listed = name is not None and len(name.summands) > 1
    if form is not None and (plain or (form.has(Total) and (listed or not form.has(Matrices)))):
        words = ()  # the form says the same
    return Result(step, words, lead, name if words or form is not None else None, form)


def _without_trivial(term: Term) -> Term:
    return replace(term, divisibilities=tuple(d for d in term.divisibilities if d.modulus != 1))


def as_statement(section: Section, tensor: Tensor) -> Statement | None:
    """The section's result as a definition that later sections may insert; None unless it is one pointwise term.

    What has a closed form stays whole: dQ = dS K. So does a product of more than MOST factors: inserted one into the
    next, the gradients of a deep chain would grow with every level. And so does what has a bracket that two of its
    indices are equal.
    """
    terms = section.steps[-1].terms if section.closed is None else ()
    single = any(e.is_Integer for e in section.steps[-1].left.indices)
    short = len(terms) == 1 and not single and len(Mul.make_args(terms[0].body)) <= MOST
    short = short and not any(all(e.is_Symbol for e in b.args) for b in terms[0].body.atoms(equal))
    statement = Statement(tensor, terms[0]) if short else None
    return statement if statement is not None and is_pointwise(statement) else None
