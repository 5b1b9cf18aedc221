"""Which delta is used up how: the policy of a derivation, on top of the rewrites of `derive.calculus.collapse`.

A gather form is wanted: the sum over the forward output goes, the sum over the kernel stays. Hence an index of the
forward output is solved for where there is a choice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.calculus.collapse import digits, discharge, divide, identify, implying_access, proved, solve
from gradscribe.derive.derivation.forms.caption.remainder import settled
from gradscribe.derive.ir.index import Affine, affine, exact, sign
from gradscribe.derive.ir.term import Guard, Program, Term

Vanishing = tuple[str, Symbol, Expr]
"""A tensor whose zero extension stands for the range of an index: (tensor, index, extent)."""

Made = tuple[Term, dict[Symbol, Expr | None]] | None
Rule = Callable[[Term, Expr, Sequence[Symbol]], Made]
"""How one delta is used up: the new term and the indices that went, with what they are where that is one expression;
or None where the rule does not apply."""


@dataclass(frozen=True)
class Elimination:
    """What became of the deltas of one term: the new term, the indices that went, and guards that became implicit.

    An index that went has beside it what it is, where that is one expression.
    """

    term: Term
    gone: Mapping[Symbol, Expr | None] = field(default_factory=dict)
    vanishing: tuple[Vanishing, ...] = ()


def eliminate(term: Term, rule: Rule, preferred: Sequence[Symbol], program: Program) -> Elimination:
    """Use up deltas of a term by `rule`, which prefers to eliminate `preferred` indices, and discharge guards."""
    gone: dict[Symbol, Expr | None] = {}
    guards: dict[Guard, Symbol] = {}
    extents = {r.index: r.extent for r in term.bound}
    current = term
    while True:
        identified = identify(current)
        made = next((m for d in identified.deltas if (m := rule(identified, d, preferred)) is not None), None)
        if made is None:
            break
        current, found = made
        gone |= found
        guards |= {g: next(iter(found)) for g in current.guards if g not in identified.guards}
    if not gone:
        return Elimination(term)
    plain, dropped = discharge(current, program)
    vanishing = []
    for guard in dropped:
        access = implying_access(current, guard, program.tensors)
        if access is not None and guard in guards and not proved(current, guard, program):
            vanishing.append((access.tensor, guards[guard], extents[guards[guard]]))
    bound = tuple(sorted(plain.bound, key=lambda r: r.index in preferred))
    ranges = tuple(g if g.extent.is_Symbol else replace(g, extent=settled(g.extent, program)) for g in plain.guards)
    return Elimination(replace(plain, bound=bound, guards=ranges), gone, tuple(vanishing))


def by_digits(term: Term, delta: Expr, preferred: Sequence[Symbol]) -> Made:
    """[q == a*u + v] by division with remainder."""
    split = digits(term, delta) if len(affine(delta, term.indices).terms) > 2 else None
    if split is None:
        return None
    kept = {r.index for r in split.bound}
    return split, {r.index: None for r in term.bound if r.index not in kept}


def by_solving(term: Term, delta: Expr, preferred: Sequence[Symbol]) -> Made:
    """An index with coefficient 1 or -1 by solving, else by division with a divisibility bracket."""
    form = affine(delta, term.indices)
    bound = {r.index for r in term.bound}
    unit = [v for v in form.indices if v in bound and form.coefficient(v) in (1, -1)]
    first = next((v for v in preferred if v in unit), None)
    if first is not None:
        return solve(term, delta, first), {first: _value(form, first)}
    known_sign = next((v for v in preferred if v in bound and sign(form.coefficient(v)) != 0), None)
    if known_sign is not None:
        return divide(term, delta, known_sign), {known_sign: _value(form, known_sign)}
    return (solve(term, delta, unit[0]), {unit[0]: _value(form, unit[0])}) if unit else None


def _value(form: Affine, index: Symbol) -> Expr:
    """What an index is where the form is 0; a quotient where it has another coefficient than 1 or -1."""
    coefficient = form.coefficient(index)
    rest = form.offset + sum((c * v for v, c in form.terms if v != index), Integer(0))
    if coefficient in (1, -1):
        return sympy.expand(-rest / coefficient)
    negative = sign(coefficient) < 0
    return exact(sympy.expand(rest if negative else -rest), -coefficient if negative else coefficient)
