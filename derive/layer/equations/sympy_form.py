"""Program -> SymPy equations."""

from collections.abc import Mapping
from typing import Any

from sympy import Eq, Expr, Idx, IndexedBase, Integer, Mul, Symbol

from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.term import Access, Program, accesses
from gradscribe.derive.layer.equations.written_objects import REDUCED, inside


def to_sympy(source: Program) -> tuple[Eq, ...]:
    """The program as SymPy equations; an accumulating statement repeats its target on the right.

    Args:
        source: a layer's `program`, or that of a gradient.

    Returns:
        One equation per statement, in order.
    """
    tensors = source.tensors
    bases = {name: IndexedBase(name, shape=t.shape, real=True) for name, t in tensors.items()}
    equations, written = [], set()
    for statement in source.statements:
        term = statement.term
        idx: dict[Expr, Expr] = {r.index: Idx(r.index.name, r.extent) for r in term.ranges}
        body = Mul(*term.admission, term.value)
        body = body.xreplace({a: _indexed(bases, a, idx) for a in accesses(term.body)}).xreplace(idx)
        for delta in term.deltas:
            body *= equal(delta.xreplace(idx), Integer(0))
        for guard in term.guards:
            body *= inside(guard.value.xreplace(idx), guard.extent)
        bound = [idx[r.index] for r in term.bound]
        if bound:
            body = REDUCED[term.op](body, *bound)
        left = bases[statement.target.name][tuple(idx[r.index] for r in term.free)] if term.free else None
        left = left if left is not None else Symbol(statement.target.name)
        equations.append(Eq(left, (left if statement.target.name in written else 0) + body, evaluate=False))
        written.add(statement.target.name)
    return tuple(equations)


def _indexed(bases: Mapping[str, IndexedBase], access: Access, idx: Mapping[Expr, Expr]) -> Any:
    indices = tuple(e.xreplace(dict(idx)) for e in access.indices)
    return bases[access.tensor][indices] if indices else Symbol(access.tensor)
