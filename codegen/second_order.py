"""Layer -> Kernels of second order: the double backward function, and the Hessian-vector product.

Both compute gradients of S, the sum of direction * first gradient (`derive.second_order`). Double backward goes with
the first backward functions: it is given what the forward function returned, and yields the gradients by the seeds too.
The Hessian-vector product stands alone: it is given the layer's inputs. A direction that is absent counts as 0.
"""

from collections.abc import Sequence
from dataclasses import replace

from gradscribe.codegen.kernel import Kernel, Purpose, assemble, closure, forward_program, kernels, without_inputs, zero
from gradscribe.derive.interface import Layer
from gradscribe.derive.second_order import SecondOrder, checked_order, second_order
from gradscribe.derive.term import Program, Tensor, accesses


def kernels_of_order(layer: Layer, order: int) -> tuple[tuple[Kernel, ...], tuple[Kernel, ...]]:
    """The functions of first order, the forward one in front, and those of second order: none at order 1.

    At order 2 the forward function also returns what double backward reads. Where nothing is differentiable, there is
    nothing of second order.

    Raises:
        EquationError: for an order other than 1 and 2, and as `codegen.kernel.kernels` does.
    """
    if checked_order(layer, order) == 1 or not layer.differentiable:
        return kernels(layer), ()
    second = (double_backward(layer), hessian_vector(layer))
    return kernels(layer, {t.name for k in second for t in k.arguments}), second


def double_backward(layer: Layer) -> Kernel:
    """Directions, seeds, what is read -> the gradient of S by every seed, then by every differentiable input."""
    found = second_order(layer.program)
    forward = layer.program
    program = _with_zeros(found, (*found.first.seeds.values(), *_differentiable(layer)), "grad_")
    again = closure(forward.statements, _read(program) & without_inputs(forward))
    made = {s.target.name for s in again}
    seeds = tuple(found.first.seeds.values())
    given = tuple(t for t in forward.tensors.values() if t.name in _read(program) - made and t not in seeds)
    inputs = (*_directions(found), *seeds, *given)
    program = replace(program, inputs=inputs, statements=(*again, *program.statements))
    wrt = (*(t.name for t in seeds), *layer.differentiable)
    kernel = _kernel("double_backward", Purpose.DOUBLE_BACKWARD, layer, found, program, wrt)
    return replace(kernel, summary=f"Compute the gradient of the gradient: {layer.words}.")


def hessian_vector(layer: Layer) -> Kernel:
    """Seeds, the layer's inputs, directions -> the Hessian of E by the differentiable inputs, times the directions."""
    found = second_order(layer.program, wrt=layer.differentiable, direction="v", prefix="h")
    forward = layer.program
    program = _with_zeros(found, _differentiable(layer), "h")
    computed = {s.target.name for s in forward.statements} | {s.argument.name for s in forward.statements if s.argument}
    again = forward_program(forward, tuple(name for name in forward.tensors if name in _read(program) & computed))
    statements = (*again.statements, *program.statements)
    known = _read(replace(program, statements=statements)) | set(layer.differentiable)
    point = tuple(t for t in forward.inputs if t.name in known)
    program = replace(program, inputs=(*found.first.seeds.values(), *point, *_directions(found)), statements=statements)
    kernel = _kernel("hessian_vector", Purpose.HESSIAN_VECTOR, layer, found, program, layer.differentiable)
    return replace(kernel, summary=f"Compute the Hessian times a vector: {layer.words}.")


def _differentiable(layer: Layer) -> tuple[Tensor, ...]:
    return tuple(t for t in layer.program.inputs if t.name in layer.differentiable)


def _directions(found: SecondOrder) -> tuple[Tensor, ...]:
    return tuple(replace(t, optional=True) for t in found.directions.values())


def _read(program: Program) -> set[str]:
    return {a.tensor for s in program.statements for a in accesses(s.term.body)}


def _with_zeros(found: SecondOrder, wanted: Sequence[Tensor], prefix: str) -> Program:
    """The gradients of S by the tensors `wanted`, in their order; one that is 0 whatever the numbers are is written."""
    program = found.order_2
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
    return replace(program, statements=(*program.statements, *zeros), outputs=tuple(results))


def _kernel(
    name: str, purpose: Purpose, layer: Layer, found: SecondOrder, program: Program, wrt: tuple[str, ...]
) -> Kernel:
    first, second = found.counts
    kernel = assemble(f"{layer.name}_{name}", purpose, layer, program, program.outputs)
    return replace(
        kernel,
        seeds=tuple((seed.name, output) for output, seed in found.first.seeds.items()),
        directions=tuple((t.name, name) for name, t in found.directions.items()),
        wrt=wrt,
        preface=(f"{_scalars(found)}.", f"Statements: {second}; of the gradients of E: {first}."),
    )


def _scalars(found: SecondOrder) -> str:
    """What is differentiated: E of the seeds and outputs, S of the directions and the gradients of E."""
    outputs = (f"sum({seed.name} * {output})" for output, seed in found.first.seeds.items())
    watched = (f"sum({direction.name} * dE/d{name})" for name, direction in found.directions.items())
    return f"S = {' + '.join(watched) or '0'}, where E = {' + '.join(outputs)}"
