"""The programs of second order that functions run: double backward, and the Hessian times a vector."""

from collections.abc import Sequence
from dataclasses import replace

from gradscribe.derive.calculus.programs.computed_program import computed_program
from gradscribe.derive.calculus.programs.gradient_program import (
    computed_again,
    forward_program,
    recomputation,
    zero,
)
from gradscribe.derive.calculus.programs.products.empty_sums import with_empty_sums
from gradscribe.derive.calculus.second_order import SecondOrder
from gradscribe.derive.ir.term import Program, Tensor, accesses


def double_backward_program(found: SecondOrder, wrt: Sequence[Tensor]) -> Program:
    """Directions, seeds, what is read of the forward pass -> the gradients of S by the seeds, then by `wrt`."""
    forward = computed_program(found.first.forward)
    seeds = tuple(found.first.seeds.values())
    program = _with_zeros(found, (*seeds, *wrt), "grad_")
    again = recomputation(forward, _read(program), computed_again(forward))
    program = replace(program, statements=(*again, *program.statements))
    made = {s.target.name for s in again}
    given = tuple(t for t in forward.tensors.values() if t.name in _read(program) - made and t not in seeds)
    return replace(program, inputs=(*_directions(found), *seeds, *given))


def hessian_vector_program(found: SecondOrder, wrt: Sequence[Tensor]) -> Program:
    """Seeds, the inputs, directions -> the Hessian of E by `wrt`, times the directions."""
    forward = found.first.forward
    program = _with_zeros(found, wrt, "h")
    computed = {s.target.name for s in forward.statements} | {s.argument.name for s in forward.statements if s.argument}
    again = forward_program(forward, tuple(name for name in forward.tensors if name in _read(program) & computed))
    statements = (*again.statements, *program.statements)
    known = _read(replace(program, statements=statements)) | {t.name for t in wrt}
    point = tuple(t for t in forward.inputs if t.name in known)
    return replace(program, inputs=(*found.first.seeds.values(), *point, *_directions(found)), statements=statements)


def _with_zeros(found: SecondOrder, wanted: Sequence[Tensor], prefix: str) -> Program:
    """The gradients of S by the tensors `wanted`, in their order; one that is 0 whatever the numbers are is written."""
    program = computed_program(found.order_2)
    taken = program.names()
    results, zeros = [], []
    for tensor in wanted:
        adjoint = found.second.adjoint(tensor.name)
        if adjoint is not None:
            results.append(adjoint.gradient.name)
            continue
        name = f"{prefix}{tensor.name}"
        while name in taken:
            name = f"{prefix}{name}"
        taken.add(name)
        zeros.append(zero(Tensor(name, tensor.shape, ravel=tensor.ravel)))
        results.append(name)
    return with_empty_sums(replace(program, statements=(*program.statements, *zeros), outputs=tuple(results)))


def _directions(found: SecondOrder) -> tuple[Tensor, ...]:
    return tuple(replace(t, optional=True) for t in found.directions.values())


def _read(program: Program) -> set[str]:
    return {a.tensor for s in program.statements for a in accesses(s.term.body)}
