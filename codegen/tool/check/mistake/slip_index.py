"""Slips of indices, brackets and sums; see `codegen.tool.check.mistake.slip`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations, permutations

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.tool.check.mistake.slip import Rule, Slip, Surroundings
from gradscribe.derive.calculus.collapse import rename_pairs
from gradscribe.derive.derivation.record.sentence import Between, Equals, Spoken
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Guard, Range, Term, accesses


def other_sizes(term: Term, around: Surroundings) -> Iterator[Slip]:
    """A stride, dilation, padding or size is ignored, or another one stands in its place; two are exchanged."""
    used = [s for s in around.sizes if s in _symbols(term) - set(term.indices)]
    for symbol in used:
        for value in (Integer(1), Integer(0)):
            yield ("with ", Equals(symbol, value)), _put(term, {symbol: value})
        yield ("with ", -symbol, " in the place of ", symbol), _put(term, {symbol: -symbol})
    for a, b in combinations(used, 2):
        yield ("with ", a, " and ", b, " exchanged"), _put(term, {a: b, b: a})
    for symbol in used:
        for other in around.sizes:
            if other != symbol and other.is_integer == symbol.is_integer:
                yield ("with ", other, " in the place of ", symbol), _put(term, {symbol: other})


def one_axis(term: Term, around: Surroundings) -> Iterator[Slip]:
    """A stride, dilation or padding is ignored along one axis only."""
    expressions = dict.fromkeys([*(e for a in accesses(term.body) for e in a.indices), *term.deltas])
    for expression in expressions:
        for symbol in (s for s in around.sizes if s in expression.free_symbols):
            for value in (Integer(1), Integer(0)):
                new = sympy.expand(expression.xreplace({symbol: value}))
                words: Spoken = ("with ", Equals(symbol, value), " in ", _shown(expression, term), " only")
                yield words, _rewritten(term, {expression: new})


def _shown(expression: Expr, term: Term) -> Expr:
    """An index expression, or the bracket that it is the difference in, as an equation."""
    return _equation(expression, term) if expression in term.deltas else expression


def _symbols(term: Term) -> set[Symbol]:
    parts = [term.body, *term.deltas, *(g.value for g in term.guards)]
    return set().union(*(p.free_symbols for p in parts))


def _put(term: Term, mapping: Mapping[Symbol, Expr]) -> Term:
    """Sizes replaced in the formula, but not in the ranges of its indices."""
    m = dict(mapping)
    return replace(
        term,
        body=term.body.xreplace(m),
        deltas=tuple(sympy.expand(d.xreplace(m)) for d in term.deltas),
        guards=tuple(Guard(g.value.xreplace(m), g.extent) for g in term.guards),
    )


def turned(term: Term, around: Surroundings) -> Iterator[Slip]:
    """A tensor is read backwards along some of its axes: the kernel is rotated where it should not be, or not."""
    for access in accesses(term.body):
        present = [v for v in term.indices if any(v in e.free_symbols for e in access.indices)]
        plain = [v for v in present if v in access.indices]
        for candidates in (plain, [v for v in present if v not in plain]):
            for count in range(1, min(len(candidates), 3) + 1):
                for chosen in combinations(candidates, count):
                    back = {v: term.extent(v) - 1 - v for v in chosen}
                    new = Access(access.tensor, *(sympy.expand(e.xreplace(back)) for e in access.indices))
                    yield ("with ", new, " instead of ", access), _read(term, access, new)


def exchanged_axes(term: Term, around: Surroundings) -> Iterator[Slip]:
    """Two axes of a tensor are exchanged: a matrix is not transposed where it should be."""
    for access in accesses(term.body):
        for a, b in combinations(range(len(access.indices)), 2):
            order = list(access.indices)
            order[a], order[b] = order[b], order[a]
            new = Access(access.tensor, *order)
            yield ("with ", new, " instead of ", access), _read(term, access, new)


def shifted(term: Term, around: Surroundings) -> Iterator[Slip]:
    """An index expression is one too large or too small."""
    for step in (1, -1):
        for number, delta in enumerate(term.deltas):
            deltas = (*term.deltas[:number], delta + step, *term.deltas[number + 1 :])
            yield ("with the position off by one",), replace(term, deltas=deltas)
        for access in accesses(term.body):
            for axis, index in enumerate(access.indices):
                if not isinstance(index, Symbol):
                    places = (*access.indices[:axis], index + step, *access.indices[axis + 1 :])
                    new_access = Access(access.tensor, *places)
                    yield ("with ", new_access, " instead of ", access), _read(term, access, new_access)


def mixed_digits(term: Term, around: Surroundings) -> Iterator[Slip]:
    """Groups and the channels within them are mixed: G*k + g is read for K*g + k, everywhere or in one place."""
    expressions = tuple(dict.fromkeys([*(e for a in accesses(term.body) for e in a.indices), *term.deltas]))
    for u, v in permutations(term.indices, 2):
        mixed = {e: new for e in expressions if (new := _mixed(e, u, v, term)) is not None}
        right, wrong = term.extent(v) * u + v, u + term.extent(u) * v
        for chosen in dict.fromkeys((tuple(mixed), *((e,) for e in mixed))):
            if chosen:
                new = {e: mixed[e] for e in chosen}
                where: Spoken = () if len(chosen) == len(mixed) else (" in ", _shown(chosen[0], term), " only")
                yield ("with ", wrong, " instead of ", right, *where), _rewritten(term, new)


def _mixed(expression: Expr, u: Symbol, v: Symbol, term: Term) -> Expr | None:
    """An index with the digits u and v exchanged; None where it has not both as digits."""
    form = affine(expression, term.indices)
    high, low = form.coefficient(u), form.coefficient(v)
    if low not in (1, -1) or sympy.expand(high / low - term.extent(v)) != 0:
        return None
    return sympy.expand(expression - high * u - low * v + low * (u + term.extent(u) * v))


def _rewritten(term: Term, new: Mapping[Expr, Expr]) -> Term:
    """Whole index expressions replaced."""
    read = {a: Access(a.tensor, *(new.get(e, e) for e in a.indices)) for a in accesses(term.body)}
    return replace(term, body=term.body.xreplace(read), deltas=tuple(new.get(d, d) for d in term.deltas))


def lost_brackets(term: Term, around: Surroundings) -> Iterator[Slip]:
    """A bracket is forgotten: what should be 0 is not."""
    for delta in term.deltas:
        words: Spoken = ("without the bracket [", _equation(delta, term), "]")
        yield words, replace(term, deltas=tuple(d for d in term.deltas if d != delta))
    for guard in term.guards:
        kept = tuple(g for g in term.guards if g != guard)
        yield ("without the bracket [", Between(guard.value, guard.extent), "]"), replace(term, guards=kept)
    if len(term.guards) > 1:
        every = [w for guard in term.guards for w in ("[", Between(guard.value, guard.extent), "]")]
        yield ("without the brackets ", *every), replace(term, guards=())


def _equation(delta: Expr, term: Term) -> Expr:
    form = affine(delta, term.indices)
    free = [r.index for r in term.free]
    own = next((v for v, c in form.terms if v in free and c in (1, -1)), form.indices[0])
    return Equals(own, sympy.expand(own - delta / form.coefficient(own)))


def other_sums(term: Term, around: Surroundings) -> Iterator[Slip]:
    """Of a sum only the first or last summand is kept, one is left out, or it is divided by their number."""
    for bound in summed(term):
        index, extent = bound.index, bound.extent
        yield (
            ("divided by ", extent, ", as if a mean over ", index, " were asked for"),
            replace(term, body=term.body / extent),
        )
        yield ("with the last ", index, " only, not the sum over all"), _kept(term, index - extent + 1)
        yield ("with the first ", index, " only, not the sum over all"), _kept(term, index)
        yield ("without the last ", index), _guarded(term, Guard(index, extent - 1))
        yield ("without the first ", index), _guarded(term, Guard(index - 1, extent - 1))
        definition = around.definitions.get(extent, extent)
        for symbol in sorted(definition.free_symbols - {extent}, key=lambda s: s.name):
            for value in (Integer(0), Integer(1)):
                count = definition.xreplace({symbol: value})
                if not count.has(sympy.zoo, sympy.nan):
                    words: Spoken = ("with as many ", index, " as there were for ", Equals(symbol, value))
                    yield words, _guarded(term, Guard(index, count))


def summed(term: Term) -> tuple[Range, ...]:
    """The bound indices that no delta makes another name of a free one."""
    gone = rename_pairs(term)
    return tuple(r for r in term.bound if r.index not in gone)


def _kept(term: Term, delta: Expr) -> Term:
    return replace(term, deltas=(*term.deltas, sympy.expand(delta)))


def _guarded(term: Term, guard: Guard) -> Term:
    return replace(term, guards=(*term.guards, guard))


def _read(term: Term, old: Access, new: Access) -> Term:
    return replace(term, body=term.body.xreplace({old: new}))


INDEX: tuple[Rule, ...] = (
    other_sizes,
    one_axis,
    turned,
    exchanged_axes,
    mixed_digits,
    lost_brackets,
    other_sums,
    shifted,
)
