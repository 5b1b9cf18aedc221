"""Brackets on indices as factors of a body, and brackets that say nothing new.

``p[i, j] = [j <= i] * exp(u[i, j])`` has a guard beside its body. As a factor the bracket is compared and multiplied
like any other; and where p is a factor, another ``[j <= i]`` may go: p is 0 where that does not hold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import sympy
from sympy import Expr, Mul

from gradscribe.derive.calculus.collapse import vanishing_accesses
from gradscribe.derive.ir.functions import Indicator, divides, unequal
from gradscribe.derive.ir.term import Access, Divisibility, Guard, Program, Statement, Term


class within(Indicator):
    """``[0 <= value < extent]`` as a factor; only on the way from one Term to another."""

    nargs = (2,)
    is_real = True


def as_factors(term: Term) -> Term:
    """A sum with its guards as factors of the body; others stay as they are."""
    if not term.is_sum or not term.guards:
        return term
    brackets = (within(sympy.expand(g.value), g.extent) for g in term.guards)
    return replace(term, body=Mul(term.body, *brackets), guards=())


def as_guards(term: Term) -> Term:
    """The inverse of `as_factors`; brackets that are no factors of the whole body stay."""
    found = [f for f in Mul.make_args(term.body) if isinstance(f, within)]
    rest = Mul(*(f for f in Mul.make_args(term.body) if f not in found))
    return replace(term, body=rest, guards=(*term.guards, *(Guard(*f.args) for f in found)))


def with_divisors(term: Term) -> Term:
    """A sum with its brackets of divisibility as factors of the body."""
    return replace(
        term, body=Mul(term.body, *(divides(d.modulus, d.value) for d in term.divisibilities)), divisibilities=()
    )


def divisors_apart(term: Term) -> Term:
    """The inverse of `with_divisors`."""
    found = [f for f in Mul.make_args(term.body) if isinstance(f, divides)]
    rest = Mul(*(f for f in Mul.make_args(term.body) if f not in found))
    brackets = (Divisibility(value, modulus) for modulus, value in (f.args for f in found))
    return replace(term, body=rest, divisibilities=(*term.divisibilities, *brackets))


def bracketed(program: Program) -> Program:
    """The program with the guards of its sums as factors, for what compares bodies; it is not to be run."""
    if not any(s.term.guards for s in program.statements):
        return program
    return replace(program, statements=tuple(replace(s, term=as_factors(s.term)) for s in program.statements))


def implied(term: Term, program: Program) -> dict[Guard, Access]:
    """The guards of a sum that a factor implies, and that factor: by its definition it is 0 where they do not hold."""
    if not term.is_sum or not term.guards:
        return {}
    found: dict[Guard, Access] = {}
    for access in vanishing_accesses(term.body):
        statements = program.definitions(access.tensor)
        supports = [set(_guards_at(s, access)) for s in statements]
        shared = set.intersection(*supports) if supports else set()
        for guard in term.guards:
            if (sympy.expand(guard.value), guard.extent) in shared:
                found.setdefault(guard, access)
    return found


def idle(term: Term) -> dict[Expr, Access]:
    """The brackets [a != 0] of a sum beside a factor a, and that factor; what else reads a may be infinite there."""
    factors = Mul.make_args(term.body) if term.is_sum else ()
    found: dict[Expr, Access] = {}
    for bracket in (f for f in factors if isinstance(f, unequal) and f.args[1] == 0):
        value = bracket.args[0]
        reading = [f for f in factors if f is not bracket and f.has(value)]
        if isinstance(value, Access) and reading == [value]:
            found[bracket] = value
    return found


def without(term: Term, brackets: Mapping[Guard, Access] | Mapping[Expr, Access]) -> Term:
    """A term without these brackets."""
    if not brackets:
        return term
    body = Mul(*(f for f in Mul.make_args(term.body) if f not in brackets))
    return replace(term, body=body, guards=tuple(g for g in term.guards if g not in brackets))


def _guards_at(statement: Statement, access: Access) -> Iterator[tuple[Expr, Expr]]:
    """The guards of a tensor that hold where one of its elements is not 0; those on what is summed say less."""
    if not statement.term.is_sum or statement.term.deltas:
        return
    bound = {r.index for r in statement.term.bound}
    place: dict[Expr, Expr] = dict(zip((r.index for r in statement.term.free), access.indices, strict=True))
    for guard in statement.term.guards:
        if not bound & guard.value.free_symbols:
            yield sympy.expand(guard.value.xreplace(place)), guard.extent
