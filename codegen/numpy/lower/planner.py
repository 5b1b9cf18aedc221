"""The planner: picks a strategy for every statement of a program."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from sympy import Add, Integer, Symbol, prod

from gradscribe.codegen.kernel.form import Form, chosen_forms, estimate, joined, size_hints
from gradscribe.codegen.kernel.page.equation import equation
from gradscribe.codegen.loops import FEWEST_STEPS, Nest
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.lookup import adds_at_labels, lower_lookups
from gradscribe.codegen.numpy.lower.nests import nested, within
from gradscribe.codegen.numpy.lower.products.contract import (
    contractible,
    is_product,
    lower_contract,
    pointwise_operands,
)
from gradscribe.codegen.numpy.lower.products.radix import split_axes, split_target
from gradscribe.codegen.numpy.lower.slices.blocks import scattered
from gradscribe.codegen.numpy.lower.slices.taps import choose_loops, lower_sums, lower_taps
from gradscribe.codegen.numpy.lower.slices.windows import is_small, lower_windows
from gradscribe.codegen.numpy.lower.special import unit_groups, where
from gradscribe.codegen.numpy.plan import Allocate, Branch, Compiled, Plan, Present, Record, Split
from gradscribe.derive.ir.term import Guard, Program, Statement, accesses

FEW_TAPS = 200
"""Elements of a window from which on other ways to sum products over it are faster than loops, though compiled."""


def lower(
    program: Program,
    name: str,
    given: Sequence[str],
    reserved: Iterable[str] = (),
    numbers: Mapping[str, int] | None = None,
    sizes: Mapping[Symbol, Sequence[int]] | None = None,
) -> Plan:
    """Plan the computation of `program`.

    Args:
        program: the statements to compute, in order.
        name: the function's name, for the plan's print.
        given: names of the tensors that exist already.
        reserved: names that no temporary may take (sizes, options).
        numbers: those of a derivation's equations by tensor.
        sizes: what size symbols are at several places, in their order, where that is known.
    """
    known = sizes or {}
    hints = _hints(program, known)
    most = {symbol: Integer(max(values)) for symbol, values in known.items()}
    scope = Scope(dict(program.tensors), hints, program, set(reserved) | set(program.names()), most=most)
    records: list[Record] = []
    written = set(given)
    order = (*given, *(s.target.name for s in program.statements))
    for statement, form in _ordered(zip(program.statements, chosen_forms(program, hints), strict=True)):
        fresh = statement.target.name not in written
        records.append(equation(statement, form, fresh, order, numbers or {}))
        absent = [a.tensor for a in accesses(statement.term.body) if scope.tensors[a.tensor].optional]
        if absent and fresh:
            records.append(Allocate(statement.target.name, statement.target.shape, 0))
            fresh = False
        lowered = _statement(statement, joined(form, scope.tensors), program, scope, fresh)
        written.add(statement.target.name)
        records += [Present(absent[0], tuple(lowered))] if absent else lowered
    return Plan(name, tuple(records))


def _hints(program: Program, known: Mapping[Symbol, Sequence[int]]) -> dict[Symbol, int]:
    """Typical sizes; where they are known those of the place with the most summands, which decides for the others."""
    typical = size_hints(program)
    places = [typical | dict(zip(known, numbers, strict=True)) for numbers in zip(*known.values(), strict=True)]

    def summands(hints: dict[Symbol, int]) -> float:
        return sum(prod(estimate(r.extent, hints) for r in form.box) for form in chosen_forms(program, hints))

    return max(places, key=summands, default=typical)


def _ordered(statements: Iterable[tuple[Statement, Form]]) -> list[tuple[Statement, Form]]:
    """Of consecutive statements with one target first those that write all of it, then those that add to a part."""
    groups = groupby(statements, key=lambda pair: pair[0].target.name)
    return [pair for _, group in groups for pair in sorted(group, key=lambda pair: adds_at_labels(pair[0]))]


def _statement(statement: Statement, form: Form, program: Program, scope: Scope, fresh: bool) -> list[Record]:
    if statement.term.body == 0 and statement.term.is_sum:
        return [Allocate(statement.target.name, statement.target.shape, 0)] if fresh else []
    parts = _summands(form, scope)
    if len(parts) > 1:
        return [r for k, part in enumerate(parts) for r in _form(part, scope, fresh and k == 0)]
    lowered = _unit_steps(_form(form, scope, fresh), (), statement, program, scope)
    special = unit_groups(statement, form, program, scope)
    if special is None:
        return lowered
    loops = _form(special.form, special.scope, fresh, gemm=False)
    *views, compiled = _unit_steps(loops, special.ones, statement, program, special.scope)
    if not isinstance(compiled, Compiled):
        return lowered
    taps = prod((special.form.range(v).extent for v in choose_loops(special.form, special.scope)), start=Integer(1))
    cases = (*(Guard(size - 1, Integer(1)) for size in special.ones), *compiled.within, Guard(taps, Integer(FEW_TAPS)))
    return [replace(compiled, within=cases, then=(*views, *compiled.then), otherwise=tuple(lowered))]


def _unit_steps(
    lowered: list[Record], ones: tuple[Symbol, ...], statement: Statement, program: Program, scope: Scope
) -> list[Record]:
    """Where windows move in steps of 1, what they add to is a sum over windows, too: loops that gather instead."""
    branch = lowered[-1]
    loops = branch.then[-1] if isinstance(branch, Compiled) else None
    if not isinstance(branch, Compiled) or not isinstance(loops, Nest) or not loops.steps:
        return lowered
    special = where((*ones, *loops.steps), statement, program, scope)
    *views, other = _form(special.form, special.scope, fresh=True, gemm=False)
    gathered = other.then[-1] if isinstance(other, Compiled) else None
    if not isinstance(gathered, Nest) or gathered.kind != "gather":
        return lowered
    either = Branch(loops.steps, (gathered,), (loops,))
    return [*lowered[:-1], *views, replace(branch, then=(*branch.then[:-1], either))]


def _summands(form: Form, scope: Scope) -> list[Form]:
    """One form per summand of a sum that is reduced or may be clipped: each summand is clipped by itself."""
    if not form.is_sum or not isinstance(form.body, Add):
        return [form]
    if not form.contracted and not form.guards and all(scope.plain(a, form) for a in accesses(form.body)):
        return [form]
    return [replace(form, body=part) for part in form.body.as_ordered_terms()]


def _form(form: Form, scope: Scope, fresh: bool, gemm: bool = True) -> list[Record]:
    windows = lower_windows(form, scope, fresh) if is_small(form, scope) else None
    if windows is not None:
        return _or_loops(windows, form, form, [], scope, fresh)
    form, views = split_axes(form, scope)
    split_form, view = split_target(form, scope)
    if view is not None:
        lowered = _into_view(form, split_form, view, scope, fresh, gemm)
    else:
        lowered = _strategy(form, scope, fresh, gemm)
    if gemm and is_product(split_form, scope):
        return [*views, *lowered]
    return [*views, *_or_loops(lowered, form, split_form, [view] if view is not None else [], scope, fresh)]


def _or_loops(
    lowered: list[Record], form: Form, inner: Form, view: list[Record], scope: Scope, fresh: bool
) -> list[Record]:
    """What NumPy does and, where there are loops for the `inner` form, whose target is a `view`, these instead."""
    loops = nested(inner, scope) if fresh else []
    inside = within(inner, scope) if loops else None
    if inside is None or (view and not isinstance(loops[-1], Nest)):
        return lowered
    made: list[Record] = []
    if isinstance(loops[-1], Nest):
        made = [Allocate(form.target.name, form.target.shape, None), *view]
        made += [Allocate(a.name, a.shape, None, integer=True) for a in [form.argument] if a is not None]
    steps = prod((r.extent for r in form.box), start=Integer(1))
    most = steps.xreplace(dict(scope.most))
    if most.is_Integer and int(most) < FEWEST_STEPS:
        return lowered
    return [Compiled(steps, inside, (*made, *loops), tuple(lowered))]


def _into_view(form: Form, inner: Form, view: Split, scope: Scope, fresh: bool, gemm: bool) -> list[Record]:
    """Allocate the target, then compute into a view of it whose axes are split."""
    if not fresh:
        return [view, *_strategy(inner, scope, False, gemm)]
    lowered = _strategy(inner, scope, True, gemm)
    made = next((r for r in lowered if isinstance(r, Allocate) and r.name == inner.target.name), None)
    if made is None:  # a definition: the target is a reshape of what it yields
        return [*lowered, Split(form.target.name, inner.target.name, form.target.shape)]
    allocate = replace(made, name=form.target.name, shape=form.target.shape)
    rest = [r for r in lowered if r is not made]
    return [allocate, view, *rest]


def _strategy(form: Form, scope: Scope, fresh: bool, gemm: bool) -> list[Record]:
    looked_up = lower_lookups(form, scope, fresh, partial(_strategy, gemm=gemm))
    if looked_up is not None:
        return looked_up
    if gemm and contractible(form, scope):
        return lower_contract(form, scope, fresh)
    windows = lower_windows(form, scope, fresh)
    if windows is not None:
        return windows
    if _scatters(form, scope):
        allocate = [Allocate(form.target.name, form.target.shape, 0)] if fresh else []
        return [*allocate, *scattered(form, scope, _scatter)]
    return lower_sums(form, scope, fresh)


def _scatter(form: Form, scope: Scope) -> list[Record]:
    """Loops over taps that add slices."""
    reduced, factors = pointwise_operands(form, scope)
    return [*factors, *lower_taps(reduced, scope, fresh=False)]


def _scatters(form: Form, scope: Scope) -> bool:
    return form.is_sum and not all(scope.fits(e, s, form) for e, s in zip(form.place, form.target.shape, strict=True))
