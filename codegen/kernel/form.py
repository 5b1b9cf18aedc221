"""Statement -> Form: which index every Kronecker delta eliminates.

A gather solves a delta for an index that is summed over; a scatter leaves it on the target: ``dx[s*i + r - p] += ...``.
Both come from the same exact rewrites as the printed derivation (`derive.calculus.collapse`); the choice is by the
number of summands, estimated with size hints. No delta is left afterwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import count

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.ir.index import affine, floordiv, integer, same, sign
from gradscribe.derive.ir.interpret.recurrence import Recurrence
from gradscribe.derive.ir.reductions import REDUCTIONS, SUM
from gradscribe.derive.ir.term import Guard, Program, Range, Statement, Tensor, Term, accesses, position
from gradscribe.kept import kept

LARGE, MEDIUM, SMALL = 64, 16, 3


@dataclass(frozen=True)
class Form:
    """``target[place] op= body`` for every point of the box where the guards hold.

    Attributes:
        target: the tensor written.
        place: one affine index expression per axis of the target; writes outside are dropped.
        box: the indices and extents iterated over.
        body: the scalar that is reduced.
        guards: range brackets.
        op: the word of the reduction.
        argument: the tensor that records where an extremum is, if wanted.
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
    def is_sum(self) -> bool:
        """Whether factors may leave the reduction and brackets are factors."""
        return REDUCTIONS[self.op] is SUM

    @cached_property
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
        placed = self.placed
        return tuple(v for v in self.indices if v not in placed)

    @property
    def scatters(self) -> bool:
        """Whether several points of the box may meet at one element of the target, besides those that are summed."""
        axes = zip(self.place, self.target.shape, strict=True)
        return any(not e.is_Symbol and not e.is_Integer and self.digits(e, extent) is None for e, extent in axes)

    @property
    def term(self) -> Term | None:
        """The same as a term; None where a place is more than an index of its own."""
        if not all(e.is_Symbol for e in self.place) or len(set(self.place)) < len(self.place):
            return None
        free, bound = (tuple(map(self.range, own)) for own in (self.place, self.contracted))
        return Term(free, bound, self.body, guards=self.guards, op=self.op)

    def of_term(self, term: Term) -> "Form":
        """This form with the values of another term that has the same free indices."""
        return replace(self, box=term.ranges, body=term.body, guards=term.guards)

    def range(self, index: Symbol) -> Range:
        """The index with its extent."""
        return next(r for r in self.box if r.index == index)

    def digits(self, position: Expr, extent: Expr) -> list[tuple[Expr, Expr]] | None:
        """``K*g + k`` with k < K as digits, (index, extent), of an axis of that extent; None where it has none."""
        parts = affine(position, self.indices)
        if parts.offset != 0 or len(parts.terms) < 2:
            return None
        rest = dict(parts.terms)
        base: Expr = Integer(1)
        found: list[tuple[Expr, Expr]] = []
        while rest:
            index = next((v for v, c in rest.items() if same(c, base)), None)
            if index is None:
                return None
            found.append((index, self.range(index).extent))
            base = sympy.expand(base * found[-1][1])
            del rest[index]
        return found[::-1] if same(base, extent) else None


@dataclass(frozen=True)
class _Partial:
    """A term on its way: the places of free indices solved for, and the position recorded by an extremum."""

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
    term, renamed = rename(_in_order(statement))
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


def chosen_forms(program: Program, hints: Mapping[Symbol, int]) -> tuple[Form, ...]:
    """The form of every statement of `program`, see `choose_form`."""
    return _chosen_forms(program, tuple(hints.items()))


@kept(8)  # a function and its docstring have the same ones
def _chosen_forms(program: Program, hints: tuple[tuple[Symbol, int], ...]) -> tuple[Form, ...]:
    return tuple(choose_form(statement, program, dict(hints)) for statement in program.statements)


def joined(form: Form, tensors: Mapping[str, Tensor]) -> Form:
    """Digits that are met together only, ``K*g + k`` wherever g or k is, as the one index that they make.

    Args:
        form: the form.
        tensors: those that it reads, by name.
    """
    axes = [*zip(form.place, form.target.shape, strict=True)]
    axes += [axis for a in accesses(form.body) for axis in zip(a.indices, tensors[a.tensor].shape, strict=True)]
    for whole, extent in dict.fromkeys(axes):
        digits = form.digits(whole, extent)
        if digits is None:
            continue
        own = {v for v, _ in digits}
        index = digits[-1][0]
        apart = form.body.xreplace({whole: extent}), *(e.xreplace({whole: extent}) for e in form.place)
        recorded = (form.position,) if form.argument else ()
        rest = (*apart, *recorded, *(e for g in form.guards for e in (g.value, g.extent)))
        if own & set().union(*(e.free_symbols for e in rest)):
            continue
        place = tuple(index if e == whole else e for e in form.place)
        box = tuple(Range(index, extent) if r.index == index else r for r in form.box if r.index not in own - {index})
        return joined(replace(form, place=place, box=box, body=form.body.xreplace({whole: index})), tensors)
    return form


def _in_order(statement: Statement) -> Term:
    """The term; where ties are decided by the order of the bound indices, no delta may take one of several away."""
    term = statement.term
    bound = {r.index for r in term.bound}
    coupled = tuple(d for d in term.deltas if statement.argument is not None and len(d.free_symbols & bound) > 1)
    return replace(
        term,
        deltas=tuple(d for d in term.deltas if d not in coupled),
        guards=(*term.guards, *(Guard(d, Integer(1)) for d in coupled)),
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
    """Typical sizes: derived extents are large (images), what they shrink or grow by is small (kernels).

    An extent that is only summed over and belongs to no tensor is small, too: a neighbourhood.
    """
    hints = dict.fromkeys(sorted(program.symbols(), key=lambda s: s.name), MEDIUM)
    by_sign = {1: LARGE, -1: SMALL, 0: 1}
    extents = {e for t in program.tensors.values() for e in t.shape}
    summed = {r.extent for s in program.statements for r in s.term.bound}
    hints |= {e: SMALL for e in sorted(summed - extents, key=sympy.default_sort_key) if isinstance(e, Symbol)}
    for symbol, definition in program.sizes:
        if symbol not in extents | summed:
            continue
        for quotient in sorted(definition.atoms(floordiv), key=sympy.default_sort_key):
            space, step = (sympy.expand(a) for a in quotient.args)
            hints |= {s: by_sign[sign(space.coeff(s, 1))] for s in space.free_symbols}
            hints |= dict.fromkeys(step.free_symbols, 1)
        if not definition.has(floordiv):
            hints |= _grown(definition, program)
        hints[symbol] = LARGE
    return hints


def _grown(definition: Expr, program: Program) -> dict[Symbol, int]:
    """An extent that grows from that of an image, as a transposed convolution's does, grows by what is small.

    Images have the batch, the first axis of the first input: nothing else tells ``s*(H - 1)`` from ``d*(R - 1)``.
    """
    batch = next((e for t in program.inputs for e in t.shape[:1]), None)
    images = {s for t in program.tensors.values() if batch in t.shape for e in t.shape for s in e.free_symbols}
    return {s: LARGE if s in images else SMALL for s in definition.free_symbols}


# ----- recurrences ----------------------------------------------------------------------------------------------------
def positioned(statement: Statement, recurrence: Recurrence, program: Program, index: Symbol) -> Statement:
    """A statement of a recurrence whose position is `index`, an axis of its target that no delta speaks of.

    Args:
        statement: the statement.
        recurrence: the recurrence.
        program: the program that it is a part of.
        index: what the position is called; no tensor and no size is called so.
    """
    own = recurrence.along(statement).index
    term, _ = rename(_gathered(statement.term, own, program))
    return replace(statement, term=_apart(term, own, index).rename({own: index}))


def _gathered(term: Term, own: Symbol, program: Program) -> Term:
    """The term without deltas in which its position stands: what they say of it is put in, or asked."""
    while delta := next((d for d in term.deltas if own in d.free_symbols), None):
        bound = [r.index for r in term.bound if affine(delta, term.indices).coefficient(r.index) in (1, -1)]
        if bound:
            term = solve(term, delta, bound[0])
        else:
            others = tuple(d for d in term.deltas if d != delta)
            term = replace(term, deltas=others, guards=(*term.guards, Guard(delta, Integer(1))))
    return discharge(term, program)[0]


def _apart(term: Term, own: Symbol, index: Symbol) -> Term:
    """The term with another letter for an index that is called as the position is."""
    taken = {r.index.name for r in term.ranges} | {index.name}
    clash = [r.index for r in term.ranges if r.index == index != own]
    return term.rename({v: integer(next(n for k in count(1) if (n := f"{v.name}{k}") not in taken)) for v in clash})
