"""Sizes that are often 1 at run time and then allow a better form: strides, and the channels of a group.

Each returns the form for that case; the planner emits a branch that costs a comparison.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Integer, Symbol

from codegen.form import Form, choose_form, estimate
from codegen.lower.contract import contractible
from codegen.lower.radix import split_axes, split_target
from codegen.lower.scope import Scope
from derive.index import affine
from derive.term import Program, Statement, accesses


@dataclass(frozen=True)
class Special:
    """The form that applies where all `ones` are 1, and the scope with the shapes for that case.

    It pays only where ``limit[0] <= limit[1]``, if there is a limit.
    """

    ones: tuple[Symbol, ...]
    form: Form
    scope: Scope
    limit: tuple[Expr, Expr] | None = None


def _where(ones: tuple[Symbol, ...], statement: Statement, program: Program, scope: Scope) -> Special:
    values: dict[Symbol, Expr] = dict.fromkeys(ones, Integer(1))
    special = program.substitute(values)
    same = special.statements[program.statements.index(statement)]
    tensors = {name: replace(t, shape=tuple(e.xreplace(values) for e in t.shape)) for name, t in scope.tensors.items()}
    return Special(ones, choose_form(same, special, scope.hints), Scope(tensors, scope.hints, scope.taken))


def _is_contractible(form: Form, scope: Scope) -> bool:
    trial = Scope(dict(scope.tensors), scope.hints, set(scope.taken))
    return contractible(split_target(split_axes(form, trial)[0], trial)[0], trial)


def unit_stride(statement: Statement, form: Form, program: Program, scope: Scope) -> Special | None:
    """For a scatter whose steps are symbols: with steps of 1 it gathers, and one GEMM over windows computes it."""
    steps = _steps(form, scope)
    if not steps or form.op != "sum":
        return None
    special = _where(steps, statement, program, scope)
    if not _is_contractible(special.form, special.scope):
        return None
    return replace(special, limit=_copied(special.form, form))


def _copied(gather: Form, scatter: Form) -> tuple[Expr, Expr]:
    """The elements that each copies, without common factors: windows, and products (which are added up, hence 4)."""
    windows = max((_volume(gather, a.free_symbols) for a in accesses(gather.body)), key=lambda e: len(e.free_symbols))
    above, below = sympy.fraction(sympy.cancel(windows / _volume(scatter, scatter.placed)))
    return above, 4 * below


def _volume(form: Form, indices: Collection[Symbol]) -> Expr:
    return sympy.prod([r.extent for r in form.box if r.index in indices], start=Integer(1))


def _steps(form: Form, scope: Scope) -> tuple[Symbol, ...]:
    """Per target position with several indices, none of step 1: the step of the index with the largest extent."""
    found: dict[Symbol, None] = {}
    for expression in form.place:
        terms = affine(expression, form.indices).terms
        if len(terms) > 1 and not any(c == 1 for _, c in terms):
            _, step = max(terms, key=lambda vc: estimate(form.range(vc[0]).extent, scope.hints))
            found |= {step: None} if isinstance(step, Symbol) else {}
    return tuple(found)


def unit_groups(statement: Statement, form: Form, program: Program, scope: Scope) -> Special | None:
    """For a product in groups: with one channel a group a GEMM has nothing to do, and slices are multiplied instead."""
    if form.op != "sum" or not form.contracted:
        return None
    groups = _groups(form)
    ones = tuple(dict.fromkeys(e for v, e in groups if isinstance(e, Symbol)))
    return _where(ones, statement, program, scope) if ones else None


def _groups(form: Form) -> list[tuple[Symbol, Expr]]:
    """The indices (with extents) that share an axis with a group index, one that the target and all accesses have."""
    everywhere = [v for v in form.indices if v in form.placed and all(v in a.free_symbols for a in accesses(form.body))]
    found: dict[Symbol, Expr] = {}
    for positions in (form.place, *(a.indices for a in accesses(form.body))):
        for expression in positions:
            parts = affine(expression, form.indices)
            shared = [v for v in parts.indices if v in everywhere]
            others = [v for v in parts.indices if v not in everywhere]
            extents = sympy.prod([form.range(v).extent for v in others], start=Integer(1))
            if len(shared) == 1 and others and sympy.expand(parts.coefficient(shared[0]) - extents) == 0:
                found |= {v: form.range(v).extent for v in others}
    return list(found.items())
