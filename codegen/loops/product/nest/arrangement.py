"""Form -> in which order its loops stand, which ranges they have, and what is asked within them.

All of that follows from strides: the innermost loop runs along memory where an index does so in all arrays, so that a
row of the target is added to; otherwise sums are made one by one, in the order of the equation's indices.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import sympy
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form, joined
from gradscribe.codegen.loops.product.nest.c_scalars import is_whole
from gradscribe.codegen.loops.writing.addresses import Constraint, address
from gradscribe.derive.calculus.collapse import proved, vanishing_accesses
from gradscribe.derive.ir.functions import admission, equal
from gradscribe.derive.ir.index import affine, same, sign
from gradscribe.derive.ir.term import Access, Guard, Program, Range, Tensor, Term, accesses


@dataclass(frozen=True)
class Arrangement:
    """The loops of a statement, from the outermost to the innermost one.

    Attributes:
        form: the form, without the brackets that look indices up.
        conditions: the brackets on values that say which elements there are.
        outer: the indices of the loops around an element, or a row, of the target.
        inner: those of the loops within which it is added to.
        row: the index of the innermost loop, along a row of the target; None where elements are made one by one.
        looked_up: index -> the element of an array of integers that it is; there is no loop over it.
        clear: whether the target is filled first, as what follows does not write all of it.
        ranges: what restricts an index, by index.
        tests: what is asked within all loops.
        reads: access -> the brackets outside of which 0 is read.
    """

    form: Form
    conditions: tuple[Expr, ...]
    outer: tuple[Symbol, ...]
    inner: tuple[Symbol, ...]
    row: Symbol | None
    looked_up: Mapping[Symbol, Expr]
    clear: bool
    ranges: Mapping[Symbol, tuple[Constraint, ...]] = field(default_factory=dict)
    tests: tuple[Guard, ...] = ()
    reads: Mapping[Access, tuple[Guard, ...]] = field(default_factory=dict)

    @property
    def adds(self) -> bool:
        """Whether an element of the target is met several times, outer loops aside."""
        return bool(self.inner) or any(v not in self.form.placed for v in self.looked_up)


def arranged(
    form: Form,
    program: Program,
    counted: Collection[str],
    positive: Collection[Symbol],
    around: Mapping[Symbol, Expr] = MappingProxyType({}),
) -> Arrangement:
    """The loops of a form.

    Args:
        form: the form.
        program: that of the kernel.
        counted: the arrays of integers.
        positive: the sizes that are at least 1 once settings have been checked.
        around: indices of loops around the statement, with their extents; all of them write all of the target.
    """
    form = joined(form, program.tensors)
    conditions, value = admission(form.body)
    form, looked_up = _looked_up(_with(form, value), counted) if form.is_sum else (_with(form, value), {})
    if not form.is_sum and not _covers(form, around):
        return _scattered(form, program, conditions, positive, around)
    placed = [v for v in form.indices if v in form.placed and v not in looked_up]
    lifted = _lifted(form, looked_up)
    row = _row(form, program, looked_up, conditions)
    outer = tuple(v for v in form.indices if (v in placed or v in lifted) and v != row)
    inner = tuple(v for v in form.indices if v not in outer and v != row and v not in looked_up)
    if row is not None and not inner and not any(v not in form.placed for v in looked_up):
        outer, row = (*outer, row), None
    order = (*outer, *inner, *([row] if row is not None else []))
    guards, reads = _brackets(form, program, conditions, around, [a for e in looked_up.values() for a in accesses(e)])
    ranges, tests = _restricted(form, guards, order, (inner, row), looked_up, positive)
    whole = (
        _covers(form, around) and not any(v in ranges for v in outer) and not any(v in form.placed for v in looked_up)
    )
    asked = bool(tests) and not inner and row is None
    return Arrangement(
        form,
        conditions,
        outer,
        inner,
        row,
        looked_up,
        form.is_sum and (not whole or bool(lifted) or asked),
        ranges,
        tests,
        reads,
    )


def _scattered(
    form: Form,
    program: Program,
    conditions: tuple[Expr, ...],
    positive: Collection[Symbol],
    around: Mapping[Symbol, Expr],
) -> Arrangement:
    """An extremum that is compared at its place: in the order of the box, so that the first of ties is met first."""
    guards, reads = _brackets(form, program, conditions, around)
    ranges, tests = _restricted(form, guards, form.indices, (form.indices, None), {}, positive)
    return Arrangement(form, conditions, form.indices, (), None, {}, True, ranges, tests, reads)


def reading(
    body: Expr,
    ranges: Sequence[Range],
    program: Program,
    conditions: tuple[Expr, ...] = (),
    guards: tuple[Guard, ...] = (),
) -> Arrangement:
    """Loops over indices within which an expression is read where brackets hold, and nothing is written."""
    form = Form(Tensor("", ()), (), tuple(ranges), body, guards, op="max")
    _, reads = _brackets(form, program, conditions, {})
    return Arrangement(form, conditions, form.indices, (), None, {}, False, tests=guards, reads=reads)


def _with(form: Form, body: Expr) -> Form:
    return Form(form.target, form.place, form.box, body, form.guards, form.op, form.argument, form.position)


def _looked_up(form: Form, counted: Collection[str]) -> tuple[Form, dict[Symbol, Expr]]:
    """The form without its brackets ``[v = t[n]]`` of an index and an element of integers, and what v is by index."""
    found: dict[Symbol, Expr] = {}
    rest = []
    for factor in Mul.make_args(form.body):
        pair = next((p for p in _sides(factor, counted) if _may_be(p, form, found)), None)
        if pair is None:
            rest.append(factor)
        else:
            found[pair[0]] = pair[1]
    return (_with(form, Mul(*rest)), found) if found else (form, found)


def _sides(factor: Expr, counted: Collection[str]) -> Iterator[tuple[Symbol, Expr]]:
    if isinstance(factor, equal):
        for index, other in (factor.args, factor.args[::-1]):
            if index.is_Symbol and other.has(Access) and is_whole(other, counted):
                yield index, other


def _may_be(pair: tuple[Symbol, Expr], form: Form, found: Mapping[Symbol, Expr]) -> bool:
    """Whether an index may be looked up: it is one of the box, and what it is depends on no other such index."""
    index, other = pair
    known = set(found) | {index}
    others = set().union(*(e.free_symbols for e in found.values()), set())
    return index in form.indices and index not in others and not other.free_symbols & known


def _lifted(form: Form, looked_up: Mapping[Symbol, Expr]) -> set[Symbol]:
    """The indices that the target does not see, but by what a place of it is looked up by."""
    read = set().union(*(e.free_symbols for v, e in looked_up.items() if v in form.placed), set())
    return read & set(form.contracted)


def _row(form: Form, program: Program, looked_up: Mapping[Symbol, Expr], conditions: Collection[Expr]) -> Symbol | None:
    """The index that goes along the target's rows and, in all arrays that are read, along memory or nowhere."""
    shapes = {name: t.shape for name, t in program.tensors.items()}
    where = address(form.place, form.target.shape, form.indices)
    found = [v for v in form.indices if where.step(v) == 1 and v not in looked_up]
    read = [address(a.indices, shapes[a.tensor], form.indices) for e in (form.body, *conditions) for a in accesses(e)]
    labels = {a for e in looked_up.values() for a in accesses(e)}
    seen = set().union(*(a.free_symbols for a in labels), set())
    fine = [v for v in found if v not in seen and all(r.step(v) in (0, 1) for r in read)]
    return fine[-1] if fine else None


def _covers(form: Form, around: Collection[Symbol]) -> bool:
    """Whether the loops over what the target sees write each of its elements."""
    seen: set[Symbol] = set()
    for place, extent in zip(form.place, form.target.shape, strict=True):
        digits = form.digits(place, extent)
        plain = place in around or (place in form.indices and same(form.range(place).extent, extent))
        if not plain and digits is None and not (place == 0 and extent == 1):
            return False
        if seen & place.free_symbols:
            return False
        seen |= place.free_symbols
    return True


def _brackets(
    form: Form,
    program: Program,
    conditions: Collection[Expr],
    around: Mapping[Symbol, Expr],
    labels: Collection[Access] = (),
) -> tuple[list[Guard], dict[Access, tuple[Guard, ...]]]:
    """What restricts the box: brackets, where the target and its factors end; and where else 0 is read.

    Labels by which an index is looked up are read before anything is asked.
    """
    free = tuple(r for r in form.box if r.index in form.placed)
    bound = tuple(r for r in form.box if r.index not in form.placed)
    term = Term(free, bound, form.body, guards=form.guards, op=form.op)

    def within(place: tuple[Expr, ...], shape: tuple[Expr, ...]) -> tuple[Guard, ...]:
        found = (Guard(sympy.expand(e), extent) for e, extent in zip(place, shape, strict=True))
        return tuple(g for g in found if not _holds(g, form, around) and not proved(term, g, program))

    guards = [*form.guards, *within(form.place, form.target.shape)]
    vanishing = set(vanishing_accesses(form.body)) if form.is_sum else set()
    reads: dict[Access, tuple[Guard, ...]] = {}
    for access in dict.fromkeys(a for e in (form.body, *conditions) for a in accesses(e)):
        needed = within(access.indices, program.tensors[access.tensor].shape)
        if access in vanishing:
            guards += needed
        elif left := tuple(g for g in needed if g not in guards):
            reads[access] = left
    for label in labels:
        if needed := within(label.indices, program.tensors[label.tensor].shape):
            reads[label] = needed
    return list(dict.fromkeys(guards)), reads


def _holds(guard: Guard, form: Form, around: Mapping[Symbol, Expr]) -> bool:
    """Whether an index within its own range, or digits within theirs, are all that a bracket asks for."""
    value = guard.value
    if value in around:
        return same(around[value], guard.extent)
    if value.is_Symbol and value in form.indices:
        return same(form.range(value).extent, guard.extent)
    return guard.is_true or form.digits(value, guard.extent) is not None


def _restricted(
    form: Form,
    guards: Collection[Guard],
    order: tuple[Symbol, ...],
    within: tuple[Collection[Symbol], Symbol | None],
    looked_up: Mapping[Symbol, Expr],
    positive: Collection[Symbol],
) -> tuple[dict[Symbol, tuple[Constraint, ...]], tuple[Guard, ...]]:
    """What brackets say of the innermost of their indices, by index; those that are asked instead.

    Of what selects, only loops `within` an element or a row of the target may be shorter: all elements are written.
    """
    inner, row = within
    ranges: dict[Symbol, tuple[Constraint, ...]] = {}
    tests: list[Guard] = []
    for guard in guards:
        parts = affine(guard.value, order)
        index = parts.indices[-1] if parts.terms else None
        asked = index is None or bool(guard.value.free_symbols & set(looked_up))
        if asked or index is None or not (form.is_sum or index in inner or index == row):
            tests.append(guard)
            continue
        factor = parts.coefficient(index)
        around = {form.range(v).extent for v in order[: order.index(index)]}
        if sign(factor) == 0 or not all(_is_positive(f, {*positive, *around}) for f in Mul.make_args(factor)):
            tests.append(guard)
            continue
        rest = sympy.expand(guard.value - factor * index)
        ranges[index] = (*ranges.get(index, ()), Constraint(index, factor, rest, guard.extent))
    return ranges, tuple(tests)


def _is_positive(factor: Expr, positive: Collection[Expr]) -> bool:
    """Whether a factor is no 0: a number, or a size that is at least 1."""
    return (factor.is_Integer and factor != Integer(0)) or factor in positive
