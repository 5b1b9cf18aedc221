"""What a derivation ends with: common factors collected, names of the forward equation, the boxed results."""

from dataclasses import replace

from sympy import Add, Integer, Mul, Symbol

from gradscribe.derive.calculus.passes.inline import is_pointwise
from gradscribe.derive.derivation.gradient.recognise import recognise
from gradscribe.derive.derivation.record import Equals, Result, Section, Step, Words, joined
from gradscribe.derive.ir.term import Program, Statement, Tensor, Term


def collected(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Pointwise summands as one product of their common factors and a sum."""
    plain = all(is_pointwise(Statement(Tensor("", ()), t)) for t in terms)
    if len(terms) < 2 or not plain:
        return terms
    factors = [list(Mul.make_args(t.body)) for t in terms]
    common = [f for f in factors[0] if not f.is_Number and all(f in other for other in factors[1:])]
    if not common:
        return terms
    rest = [Mul(*(f for f in own if f not in common)) for own in factors]
    return (replace(terms[0], body=Mul(*common, Add(*rest))),)


def results(last: Step, pairs: tuple[dict[Symbol, Symbol], ...], program: Program) -> tuple[Result, ...]:
    """The last row in its final names, and what it becomes where its divisibility brackets always hold."""
    result = _forward_names(last, pairs)
    lead: Words = () if result.left == last.left else ("In the names of the forward equation:",)
    results = [Result(result, recognise(result.terms, result.notation, program), lead)]
    moduli = sorted(
        {d.modulus for t in result.terms for d in t.divisibilities if isinstance(d.modulus, Symbol)},
        key=lambda s: s.name,
    )
    if moduli:
        where = tuple((m, Integer(1)) for m in moduli)
        terms = tuple(_without_trivial(t.substitute(dict(where))) for t in result.terms)
        special = replace(result, rule="specialise", terms=terms, where=where)
        clause: Words = ("For ", *joined([Equals(m, Integer(1)) for m in moduli]), " the brackets always hold:")
        results.append(Result(special, recognise(terms, result.notation, program), clause))
    return tuple(results)


def _without_trivial(term: Term) -> Term:
    return replace(term, divisibilities=tuple(d for d in term.divisibilities if d.modulus != 1))


def _forward_names(step: Step, pairs: tuple[dict[Symbol, Symbol], ...]) -> Step:
    """The row with the forward equation's index names, if every element index is just another name of one."""
    elements = list(step.left.indices)
    back: dict[Symbol, Symbol] = {}
    for renames in pairs:
        for gone, stays in renames.items():
            if stays in elements and back.setdefault(stays, gone) != gone:
                return step
    taken = {r.index for t in step.terms for r in t.bound}
    untouched = all(len(t.free) == len(back) and not taken & set(back.values()) for t in step.terms)
    if len(back) != len(elements) or len(set(back.values())) != len(back) or not untouched:
        return step
    return replace(step, left=step.left.xreplace(back), terms=tuple(t.rename(back) for t in step.terms))


def as_statement(section: Section, tensor: Tensor) -> Statement | None:
    """The section's result as a definition that later sections may insert; None unless it is one pointwise term."""
    terms = section.steps[-1].terms
    statement = Statement(tensor, terms[0]) if len(terms) == 1 else None
    return statement if statement is not None and is_pointwise(statement) else None
