"""Sizes that are often 1 at run time and then allow a better form: the channels of a group.

Each returns the form for that case, for loops that are compiled; in NumPy the runtime drops axes of extent 1 itself.
"""

from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.kernel.form import Form, choose_form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.derive.ir.index import affine, same
from gradscribe.derive.ir.term import Program, Statement, accesses


@dataclass(frozen=True)
class Special:
    """The form that applies where all `ones` are 1, and the scope with the shapes for that case."""

    ones: tuple[Symbol, ...]
    form: Form
    scope: Scope


def where(ones: tuple[Symbol, ...], statement: Statement, program: Program, scope: Scope) -> Special:
    """The case that all `ones` are 1."""
    values: dict[Symbol, Expr] = dict.fromkeys(ones, Integer(1))
    special = program.substitute(values)
    same = special.statements[program.statements.index(statement)]
    tensors = {name: replace(t, shape=tuple(e.xreplace(values) for e in t.shape)) for name, t in scope.tensors.items()}
    return Special(ones, choose_form(same, special, scope.hints), Scope(tensors, scope.hints, special, scope.taken))


def unit_groups(statement: Statement, form: Form, program: Program, scope: Scope) -> Special | None:
    """For a product in groups: with one channel a group nothing is left to a matrix product, and loops are faster."""
    if not form.is_sum or not form.contracted:
        return None
    groups = _groups(form)
    ones = tuple(dict.fromkeys(e for v, e in groups if isinstance(e, Symbol)))
    return where(ones, statement, program, scope) if ones else None


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
            if len(shared) == 1 and others and same(parts.coefficient(shared[0]), extents):
                found |= {v: form.range(v).extent for v in others}
    return list(found.items())
