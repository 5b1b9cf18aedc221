"""Statement -> Form: which index every Kronecker delta eliminates.

A gather solves a delta for an index that is summed over; a scatter leaves it on the target: ``dx[s*i + r - p] += ...``.
Both come from the same exact rewrites as the printed derivation (`derive.collapse`); the choice is by the number of
summands, estimated with size hints. No delta is left afterwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce

import sympy
from sympy import Expr, Integer, Symbol

from derive.collapse import discharge, rename, solve
from derive.differentiate import position
from derive.index import affine, floordiv, sign
from derive.term import Guard, Program, Range, Statement, Tensor, Term

LARGE, MEDIUM, SMALL = 64, 16, 3


@dataclass(frozen=True)
class Form:
    """``target[place] op= body`` for every point of the box where the guards hold.

    Attributes:
        target: the tensor written.
        place: one affine index expression per axis of the target; writes outside are dropped.
        box: the indices and extents iterated over.
        body: the scalar added, or maximised over.
        guards: range brackets.
        op: "sum" or "max".
        argument: the tensor that records where a maximum is, if wanted.
        position: the number recorded there.
    """

    target: Tensor
    place: tuple[Expr, ...]
    box: tuple[Range, ...]
    body: Expr
    guards: tuple[Guard, ...] = ()
    op: str = "sum"
    argument: Tensor | None = None
    position: Expr = sympy.S.Zero

    @property
    def indices(self) -> tuple[Symbol, ...]:
        """All indices, in order."""
        return tuple(r.index for r in self.box)

    @property
    def placed(self) -> set[Symbol]:
        """The indices that the target sees."""
        return set().union(*(e.free_symbols for e in self.place)) & set(self.indices)

    @property
    def contracted(self) -> tuple[Symbol, ...]:
        """The indices that the target does not see."""
        return tuple(v for v in self.indices if v not in self.placed)

    def range(self, index: Symbol) -> Range:
        """The index with its extent."""
        return next(r for r in self.box if r.index == index)


@dataclass(frozen=True)
class _Partial:
    """A term on its way: the places of free indices solved for, and the position recorded by a maximum."""

    term: Term
    place: dict[Symbol, Expr]
    position: Expr

    def put(self, term: Term, index: Symbol, value: Expr) -> "_Partial":
        mapping = {index: value}
        place = {v: sympy.expand(e.xreplace(mapping)) for v, e in self.place.items()}
        return _Partial(term, place, self.position.xreplace(mapping))


def choose_form(statement: Statement, program: Program, hints: Mapping[Symbol, int]) -> Form:
    """The form of `statement` with the fewest summands; among equals the one that gathers."""
    recorded = position(statement.term.bound)
    term, renamed = rename(statement.term)
    free = tuple(r.index for r in statement.term.free)
    start = _Partial(term, {}, recorded.xreplace(dict(renamed)))
    best = min(_candidates(start, program), key=lambda p: _cost(p, hints))
    return Form(
        statement.target,
        tuple(best.place.get(v, v) for v in free),
        best.term.ranges,
        best.term.body,
        best.term.guards,
        best.term.op,
        statement.argument,
        best.position,
    )


def _candidates(partial: _Partial, program: Program) -> Iterator[_Partial]:
    term = partial.term
    if not term.deltas:
        kept, _ = discharge(term, program)
        yield replace(partial, term=kept)
        return
    delta = term.deltas[0]
    form = affine(delta, term.indices)
    bound = {r.index for r in term.bound}
    unit = [v for v, c in form.terms if c in (1, -1)]
    for index in unit:
        solution = sympy.expand(index - delta / form.coefficient(index))
        if index in bound:
            yield from _candidates(partial.put(solve(term, delta, index), index, solution), program)
        else:
            rest = replace(
                term,
                free=tuple(r for r in term.free if r.index != index),
                deltas=tuple(d for d in term.deltas if d != delta),
            )
            moved = partial.put(rest.substitute({index: solution}), index, solution)
            yield from _candidates(replace(moved, place=moved.place | {index: solution}), program)
    if not unit:
        # a constraint on indices with larger coefficients: a range bracket of extent 1 says the same
        rest = replace(term, deltas=term.deltas[1:], guards=(*term.guards, Guard(delta, Integer(1))))
        yield from _candidates(replace(partial, term=rest), program)


def _cost(partial: _Partial, hints: Mapping[Symbol, int]) -> tuple[float, int, int]:
    volume = reduce(lambda v, r: v * estimate(r.extent, hints), partial.term.ranges, 1.0)
    return volume, len(partial.term.guards), len(partial.place)


def estimate(extent: Expr, hints: Mapping[Symbol, int]) -> float:
    """A typical value of an extent."""
    value = extent.xreplace({s: Integer(h) for s, h in hints.items()})
    return float(value) if value.is_number else float(MEDIUM)


def size_hints(program: Program) -> dict[Symbol, int]:
    """Typical sizes: derived extents are large (images), what a derived extent shrinks by is small (kernels)."""
    hints = dict.fromkeys(sorted(program.symbols(), key=lambda s: s.name), MEDIUM)
    by_sign = {1: LARGE, -1: SMALL, 0: 1}
    for symbol, definition in program.sizes:
        for quotient in sorted(definition.atoms(floordiv), key=sympy.default_sort_key):
            space, step = (sympy.expand(a) for a in quotient.args)
            hints |= {s: by_sign[sign(space.coeff(s, 1))] for s in space.free_symbols}
            hints |= dict.fromkeys(step.free_symbols, 1)
        hints[symbol] = LARGE
    return hints
