"""A formula of an element whose index is divided with remainder, for the element that the forward equations name.

dx[n, o] = f(o div C, o mod C)   becomes   dx[n', C*g' + c'] = f(g', c')

The element has primes as it has on pages, so that what it is summed over may keep the letters of the equations.
"""

from dataclasses import replace

import sympy
from sympy import Expr, Symbol

from gradscribe.derive.calculus.collapse import radix_order
from gradscribe.derive.derivation.letters.element import primed_letters
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.derivation.record.sentence import Equals, joined
from gradscribe.derive.ir.index import affine, floordiv, integer, mod
from gradscribe.derive.ir.term import Access, Guard, Program, Range, Term, accesses
from gradscribe.said import say


def in_digits(step: Step, name: str, program: Program) -> Step | None:
    """The row for the element of tensor `name` as a forward equation reads it; None where no index is divided.

    The elements are the same in the same order: one axis of extent G*C has become two of extents G and C.
    """
    if not any(t.body.has(floordiv) for t in step.terms):
        return None
    for term in (_primed(s.term, program) for s in program.statements):
        for access in (a for a in accesses(term.body) if a.tensor == name):
            ranges = _digits(access, term, program)
            values = dict(zip(step.left.indices, access.indices, strict=True))
            if ranges is None or any(r.index in {v.index for v in ranges} for t in step.terms for r in t.bound):
                continue
            terms = tuple(_for_digits(t, values, ranges) for t in step.terms)
            if not any(t.body.has(floordiv, mod) for t in terms):
                changed = [Equals(old, new) for old, new in values.items() if not isinstance(new, Symbol)]
                left = Access(step.left.tensor, *access.indices)
                return replace(
                    step,
                    rule="split",
                    reason=say("with {equations}", equations=joined(changed)),
                    left=left,
                    terms=terms,
                )
    return None


def _primed(term: Term, program: Program) -> Term:
    names = {integer(name) for name in program.names()}
    return term.rename(dict(zip(term.indices, primed_letters(term.indices, names), strict=True)))


def _digits(access: Access, term: Term, program: Program) -> tuple[Range, ...] | None:
    """The ranges of the indices by which an access names every element of its tensor once."""
    ranges: list[Range] = []
    for expression, extent in zip(access.indices, program.tensors[access.tensor].shape, strict=True):
        form = affine(expression, term.indices)
        ordered = radix_order(term, list(form.terms))
        if not ordered or form.offset != 0:
            return None
        found = [Range(v, term.extent(v)) for v in reversed(ordered)]
        if sympy.expand(sympy.prod([r.extent for r in found]) - extent) != 0:
            return None
        ranges += found
    return tuple(ranges) if len({r.index for r in ranges}) == len(ranges) else None


def _for_digits(term: Term, values: dict[Expr, Expr], ranges: tuple[Range, ...]) -> Term:
    """The term for such an element; a digit is in its range."""
    guards = (Guard(_joined(g.value.xreplace(values), ranges), g.extent) for g in term.guards)
    kept = tuple(g for g in guards if Range(g.value, g.extent) not in ranges)
    return replace(term, free=ranges, body=_joined(term.body.xreplace(values), ranges), guards=kept)


def _joined(body: Expr, ranges: tuple[Range, ...]) -> Expr:
    """The body with quotients and remainders of ``C*g + c`` by C as g and c."""
    extents = {r.index: r.extent for r in ranges}
    found: dict[Expr, Expr] = {}
    for quotient in body.atoms(floordiv, mod):
        value, divisor = quotient.args
        low = next((v for v in extents if extents[v] == divisor and sympy.expand(value).coeff(v) == 1), None)
        if low is not None:
            high = sympy.expand((value - low) / divisor)
            found[quotient] = high if isinstance(quotient, floordiv) else low
    return body.xreplace(found)
