"""What every Program must be: indices bound once, tensors defined before they are read, subscripts affine."""

from collections.abc import Mapping, Set

import sympy
from sympy import Symbol
from sympy.core.function import Application

from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.functions import FUNCTIONS, admitted, is_indicator
from gradscribe.derive.ir.index import NotAffineError, affine, at_least_one, floordiv, mod, same
from gradscribe.derive.ir.interpret.recurrence import Recurrence, stages
from gradscribe.derive.ir.quote import shown
from gradscribe.derive.ir.reductions import REDUCTIONS, SUM
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, Term, accesses
from gradscribe.kept import kept

INTEGER = (at_least_one, floordiv, mod)
"""Functions of indices and sizes that are values, too."""


def check(program: Program) -> Program:
    """Verify that `program` is well formed and return it; called after every pass.

    Raises:
        EquationError: naming the tensor or index at fault.
    """
    tensors = program.tensors
    defined = {t.name for t in program.inputs}
    given = {t.name for t in program.inputs}
    if written := next((s.target.name for s in program.statements if s.target.name in given), None):
        raise EquationError(f"{written} is an input and cannot be defined")
    both = {v for s in program.statements for v in s.term.indices} & program.symbols()
    if both:
        raise EquationError(f"{min(v.name for v in both)} is both an index and a size; rename one")
    _check_order(program)
    _check_reductions(program)
    for stage in stages(program):
        together = stage.statements if isinstance(stage, Recurrence) else (stage,)
        if isinstance(stage, Recurrence):
            defined |= {name for s in together for name in s.written}
        for statement in together:
            _check_accesses(statement, tensors, defined)
            defined |= set(statement.written)
    missing = [name for name in program.outputs if name not in defined]
    if missing:
        raise EquationError(f"output {missing[0]} is never defined")
    return program


def _check_accesses(statement: Statement, tensors: Mapping[str, Tensor], defined: Set[str]) -> None:
    """Indices are bound, and what is read is there, has as many axes, and is addressed by affine expressions."""
    term, target = statement.term, statement.target
    _check_indices(target, term)
    for access in accesses(term.body):
        if access.tensor not in defined:
            raise EquationError(f"{target.name} uses {access.tensor}, which is not defined before it")
        if len(access.indices) != len(tensors[access.tensor].shape):
            raise EquationError(
                f"{access.tensor} has {len(tensors[access.tensor].shape)} axes, but is used as {shown(access)}"
            )
        _check_affine(target.name, term.indices, access)


def _check_order(program: Program) -> None:
    """A tensor is complete before it is read, unless it is a recurrence's."""
    recurs = {name for s in stages(program) if isinstance(s, Recurrence) for name in s.axes}
    read: set[str] = set()
    defined: set[str] = set()
    for statement in program.statements:
        name = statement.target.name
        if name in (read & defined) - recurs:
            raise EquationError(f"{name} is read before its last definition")
        defined.add(name)
        read |= {a.tensor for a in accesses(statement.term.body)}


def _check_reductions(program: Program) -> None:
    """All but a sum has its tensor to itself; what counts ties is a constant tensor of that shape, and defined."""
    for statement in program.statements:
        name, term, ties = statement.target.name, statement.term, statement.ties
        if term.op not in REDUCTIONS:
            raise EquationError(
                f"{name}: reduction {shown(term.op)} is unknown; expected one of {', '.join(REDUCTIONS)}"
            )
        if (term.body if term.is_sum else term.value).has(admitted):
            others = " or ".join(row.noun for row in REDUCTIONS.values() if row is not SUM)
            raise EquationError(f"{name}: brackets exclude elements of a whole {others} only")
        if not term.is_sum and len(program.definitions(name)) > 1:
            raise EquationError(f"{name}: a {term.reduction.noun} cannot be added to; give it a name of its own")
        if ties is None:
            continue
        if not term.reduction.selects or statement.argument is not None:
            raise EquationError(f"{name}: ties are counted for an extremum, one without a recorded argument")
        if not ties.constant or ties.shape != statement.target.shape or not program.definitions(ties.name):
            raise EquationError(f"{name}: its ties {ties.name} must be a constant tensor of its shape and be defined")


@kept(20_000)  # a pass leaves most statements as they were
def _check_affine(target: str, indices: tuple[Symbol, ...], access: Access) -> None:
    for expression in access.indices:
        if expression.has(sympy.Function):
            continue
        try:
            affine(expression, indices)
        except NotAffineError as error:
            raise EquationError(f"{target}: {shown(access)} is not affine: {error}") from error


@kept(5_000)
def _check_indices(target: Tensor, term: Term) -> None:
    names = [v.name for v in term.indices]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise EquationError(f"{target.name}: index {doubled[0]} is bound twice")
    shape = tuple(r.extent for r in term.free)
    if len(shape) != len(target.shape) or not all(map(same, shape, target.shape)):
        raise EquationError(
            f"{target.name}: extents {shown(shape)} of its indices differ from its shape {shown(target.shape)}"
        )
    read = accesses(term.body)
    compared = [a for f in term.body.atoms(Application) if is_indicator(f) for a in f.args if a.is_integer]
    positions = {e: Symbol("a") for e in (*read, *compared) if e in read or not accesses(e)}
    values = term.body.xreplace(positions)  # sizes in subscripts and conditions may be quotients
    unknown = [f.func for f in values.atoms(Application) if f.func not in {*FUNCTIONS, *INTEGER, admitted}]
    if unknown:
        known = ", ".join(sorted(f.__name__ for f in FUNCTIONS))
        raise EquationError(f"{target.name}: function {shown(unknown[0].__name__)} is unknown; expected one of {known}")
