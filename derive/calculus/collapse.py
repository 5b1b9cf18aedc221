"""Kronecker deltas away: small exact rewrites of one Term, each a step that a derivation can show.

    rename    [q == v], v bound:             v becomes q
    digits    [q == a*u + v], extent(v) = a:  u becomes q div a, v becomes q mod a
    solve     [e == 0], v with coefficient 1: v becomes the rest, with its range as a guard
    divide    [e == 0], v with coefficient a: v becomes rest/a, with the bracket [a | rest] and its range as a guard
    discharge a guard that the ranges prove or that a multiplying access of that extent implies
    identify  [q == e]:                       an access index e becomes q

`digits` and `divide` leave the affine forms and are for display only.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import sympy
from sympy import Expr, Integer, Mul, Pow, Symbol

from gradscribe.derive.ir.index import affine, bounds, exact, floordiv, minimum, mod, same, sign
from gradscribe.derive.ir.term import Access, Divisibility, Guard, Program, Tensor, Term, accesses


def rename_pairs(term: Term) -> dict[Symbol, Symbol]:
    """The renames that deltas between two single indices ask for: bound index -> index that stays."""
    pairs: dict[Symbol, Symbol] = {}
    bound = {r.index for r in term.bound}
    for delta in term.deltas:
        form = affine(delta, term.indices)
        if form.offset != 0 or len(form.terms) != 2:
            continue
        (a, c), (b, e) = form.terms
        if c not in (1, -1) or e != -c:
            continue
        a, b = _resolve(pairs, a), _resolve(pairs, b)
        if a == b:
            continue
        gone, stays = (b, a) if b in bound else (a, b)
        if gone in bound:
            pairs[gone] = stays
            pairs.update({k: stays for k, v in pairs.items() if v == gone})
    return pairs


def _resolve(pairs: Mapping[Symbol, Symbol], index: Symbol) -> Symbol:
    return pairs.get(index, index)


def rename(term: Term) -> tuple[Term, dict[Symbol, Symbol]]:
    """Collapse every delta between two indices at once; returns the renames done."""
    pairs = rename_pairs(term)
    if not pairs:
        return term, {}
    guards = tuple(
        Guard(stays, term.extent(gone))
        for gone, stays in pairs.items()
        if not same(term.extent(gone), term.extent(stays))
    )
    renamed = term.substitute(pairs).without(*pairs)
    return replace(renamed, deltas=_nonzero(renamed.deltas), guards=renamed.guards + guards), pairs


def solve(term: Term, delta: Expr, index: Symbol) -> Term:
    """Eliminate bound `index`, which has coefficient 1 or -1 in `delta`, by solving the delta for it."""
    form = affine(delta, term.indices)
    coefficient = form.coefficient(index)
    solution = sympy.expand(index - delta / coefficient)
    guard = Guard(solution, term.extent(index))
    rest = tuple(d for d in term.deltas if d != delta)
    term = replace(term, deltas=rest).substitute({index: solution}).without(index)
    return replace(expanded(term), guards=(*expanded(term).guards, guard), deltas=_nonzero(term.deltas))


def divide(term: Term, delta: Expr, index: Symbol) -> Term:
    """Eliminate bound `index` with any positive coefficient a from `delta`: index = rest/a with [a | rest]."""
    form = affine(delta, term.indices)
    coefficient = form.coefficient(index)
    if sign(coefficient) < 0:
        coefficient, delta_signed = -coefficient, delta
    else:
        delta_signed = -delta
    rest = sympy.expand(delta_signed + coefficient * index)
    quotient = exact(rest, coefficient)
    others = tuple(d for d in term.deltas if d != delta)
    term = replace(term, deltas=())
    indices = term.indices

    def put(e: Expr) -> Expr:
        """a*index becomes the rest itself; another multiple uses the quotient."""
        if index not in e.free_symbols:
            return e
        inner = affine(e, indices) if not e.has(sympy.Function) else None
        if inner is None:
            return e.xreplace({index: quotient})
        ratio = sympy.cancel(inner.coefficient(index) / coefficient)
        value = ratio * rest if sympy.denom(sympy.together(ratio)) == 1 else inner.coefficient(index) * quotient
        return sympy.expand(e - inner.coefficient(index) * index) + sympy.expand(value)

    def scaled(e: Expr) -> Expr:
        """The delta e times a, so that it stays fraction-free."""
        inner = affine(e, indices)
        c = inner.coefficient(index)
        return sympy.expand(coefficient * (e - c * index) + c * rest) if c != 0 else e

    body = term.body.xreplace({a: Access(a.tensor, *(put(e) for e in a.indices)) for a in accesses(term.body)})
    return replace(
        term,
        bound=tuple(r for r in term.bound if r.index != index),
        body=body.xreplace({index: quotient}),
        deltas=tuple(scaled(d) for d in others),
        guards=(*(Guard(put(g.value), g.extent) for g in term.guards), Guard(quotient, term.extent(index))),
        divisibilities=(
            *(Divisibility(put(d.value), d.modulus) for d in term.divisibilities),
            Divisibility(rest, coefficient),
        ),
    )


def digits(term: Term, delta: Expr) -> Term | None:
    """Collapse ``[q == a*u + v]`` with bound digits u, v by division with remainder; None when it has not that form."""
    form = affine(delta, term.indices)
    free = [(v, c) for v, c in form.terms if v in {r.index for r in term.free} and c in (1, -1)]
    if len(free) != 1:
        return None
    value, unit = free[0]
    places = [(v, -c / unit) for v, c in form.terms if v != value]
    base = Integer(1)
    mapping: dict[Symbol, Expr] = {}
    ordered = radix_order(term, places)
    others = [d for d in term.deltas if d != delta]
    if ordered and any(v in d.free_symbols for v in ordered for d in others):
        return None  # deltas stay affine
    if not ordered or form.offset != 0 or any(v not in {r.index for r in term.bound} for v in ordered):
        return None
    for place, index in enumerate(ordered):
        high = floordiv(value, base)
        mapping[index] = high if place == len(ordered) - 1 else mod(high, term.extent(index))
        base = sympy.expand(base * term.extent(index))
    top = ordered[-1]
    guards = () if same(base, term.extent(value)) else (Guard(mapping[top], term.extent(top)),)
    rest = tuple(d for d in term.deltas if d != delta)
    term = replace(term, deltas=rest).substitute(mapping).without(*mapping)
    return replace(term, guards=term.guards + guards)


def radix_order(term: Term, places: list[tuple[Symbol, Expr]]) -> list[Symbol] | None:
    """The indices from the lowest digit up when their coefficients are the products of the extents below; else None."""
    ordered: list[Symbol] = []
    base: Expr = Integer(1)
    rest = dict(places)
    while rest:
        digit = next((v for v, c in rest.items() if same(c, base)), None)
        if digit is None:
            return None
        ordered.append(digit)
        base = base * term.extent(digit)
        del rest[digit]
    return ordered


def identify(term: Term) -> Term:
    """Write a free index q for an access index e wherever a delta says q == e: f(x[s*i + r]) becomes f(x[q])."""
    free = {r.index for r in term.free}
    known: dict[Expr, Symbol] = {}
    for delta in term.deltas:
        for index, coefficient in affine(delta, term.indices).terms:
            if index in free and coefficient in (1, -1):
                known.setdefault(sympy.expand(index - delta / coefficient), index)
                break
    found = accesses(term.body)
    mapping = {a: Access(a.tensor, *(known.get(sympy.expand(e), e) for e in a.indices)) for a in found}
    return replace(term, body=term.body.xreplace(mapping))


def discharge(term: Term, program: Program) -> tuple[Term, tuple[Guard, ...]]:
    """Drop the guards that always hold or that an access implies; returns the dropped ones too."""
    kept: list[Guard] = []
    dropped: list[Guard] = []
    tensors = program.tensors
    for guard in dict.fromkeys(term.guards):
        implied = implying_access(term, guard, tensors) is not None or proved(term, guard, program)
        (dropped if implied else kept).append(guard)
    return replace(term, guards=tuple(kept)), tuple(dropped)


def implying_access(term: Term, guard: Guard, tensors: Mapping[str, Tensor]) -> Access | None:
    """A factor that reads outside its tensor, and hence is 0, wherever the guard is false."""
    if not term.is_sum or not _finite_beyond_tensors(term.body):
        return None
    for access in vanishing_accesses(term.body):
        shape = tensors[access.tensor].shape
        for expression, extent in zip(access.indices, shape, strict=True):
            if same(expression, guard.value) and same(extent, guard.extent):
                return access
    return None


def reaching_access(term: Term, guard: Guard, program: Program) -> Access | None:
    """A factor that leaves its tensor wherever the guard is false, as it reads near by: with y = x[i + r], [i < H].

    At ``value - distance``, with 0 <= distance <= extent of the guard - extent of the axis, it is 0 there.
    """
    if not term.is_sum or not _finite_beyond_tensors(term.body):
        return None
    tensors, ranges = program.tensors, {r.index: r.extent for r in term.ranges}
    for access in vanishing_accesses(term.body):
        for expression, extent in zip(access.indices, tensors[access.tensor].shape, strict=True):
            distance = sympy.expand(guard.value - expression)
            reach = bounds(distance, ranges) if not distance.has(sympy.Function) else None
            if reach is None or not never_negative(reach[0], term, program):
                continue
            if never_negative(guard.extent - extent - reach[1], term, program):
                return access
    return None


@lru_cache(maxsize=5_000)
def _finite_beyond_tensors(body: Expr) -> bool:
    """Whether no divisor and no argument of a logarithm is 0 because accesses read 0 outside their tensors."""
    zero = dict.fromkeys(accesses(body), Integer(0))
    critical = [p.base for p in body.atoms(Pow) if not p.exp.is_nonnegative]
    critical += [call.args[0] for call in body.atoms(sympy.log)]
    return all(e.xreplace(zero) != 0 for e in critical if e.has(Access))


@lru_cache(maxsize=5_000)
def vanishing_accesses(body: Expr) -> tuple[Access, ...]:
    """The accesses whose being 0 makes the whole body 0: factors of the product, or of positive powers in it."""
    found = []
    for factor in Mul.make_args(body):
        base = factor.base if isinstance(factor, Pow) and factor.exp.is_positive else factor
        found += [f for f in Mul.make_args(base) if isinstance(f, Access)]
    return tuple(found)


def proved(term: Term, guard: Guard, program: Program) -> bool:
    """Whether the ranges and the definitions of the derived extents imply the guard."""
    if guard.value.has(sympy.Function):
        return False
    reach = bounds(guard.value, {r.index: r.extent for r in term.ranges})
    if reach is None:
        return False
    low, high = reach
    return never_negative(low, term, program) and never_negative(guard.extent - 1 - high, term, program)


def never_negative(expression: Expr, term: Term, program: Program) -> bool:
    """Whether `expression` >= 0 follows from the ranges of `term` being non-empty and from the derived extents."""
    expression = sympy.expand(expression)
    nonempty = {
        r.extent: r.extent + 1
        for r in term.ranges
        if isinstance(r.extent, Symbol) and r.extent not in dict(program.sizes)
    }
    for candidate in (expression, *_with_facts(expression, program)):
        shifted = sympy.expand(candidate.xreplace(nonempty))
        # a function such as floordiv may be negative itself
        if all(c >= 0 and not m.has(sympy.Function) for m, c in shifted.as_coefficients_dict().items()):
            return True
    return False


def _with_facts(expression: Expr, program: Program) -> list[Expr]:
    """Lower bounds of `expression` from ``extent = floor(space/step) + 1``, that is step*(extent - 1) <= space."""
    found = [expression]
    for symbol, definition in program.sizes:
        if not definition.has(sympy.Function):
            found += [sympy.expand(e.xreplace({symbol: definition})) for e in found if symbol in e.free_symbols]
            continue
        for part in definition.args if definition.func is minimum else (definition,):
            for quotient in part.atoms(floordiv):
                if part - quotient != 1:
                    continue
                space, step = quotient.args
                found += [
                    sympy.expand(e.xreplace({symbol: (space + step) / step}))
                    for e in found
                    if sign(e.coeff(symbol, 1)) < 0 and not e.coeff(symbol, 2)
                ]
    return found[1:]


def _nonzero(deltas: tuple[Expr, ...]) -> tuple[Expr, ...]:
    return tuple(d for d in dict.fromkeys(deltas) if d != 0)


def expanded(term: Term) -> Term:
    """Index expressions in normal form, so that equal ones are equal trees."""
    mapping = {a: normal_access(a) for a in accesses(term.body)}
    return replace(
        term,
        body=term.body.xreplace(mapping),
        guards=tuple(Guard(sympy.expand(g.value), g.extent) for g in term.guards),
    )


def normal_access(access: Access) -> Access:
    """The access with expanded indices."""
    return Access(access.tensor, *(sympy.expand(e) for e in access.indices))
