"""Layer -> Kernels of second order: the double backward function, and the Hessian-vector product.

Both compute gradients of S, the sum of direction * first gradient (`derive.calculus.second_order`). Double backward
goes with the first backward functions: it is given what the forward function returned, and yields the gradients by the
seeds too. The Hessian-vector product stands alone: it is given the inputs. A direction that is absent counts as 0.
"""

from dataclasses import replace

from gradscribe.codegen.kernel.kernel import Kernel, Purpose, assemble, kernels
from gradscribe.derive.calculus.programs.second_order_program import double_backward_program, hessian_vector_program
from gradscribe.derive.calculus.second_order import SecondOrder, checked_order, second_order
from gradscribe.derive.ir.term import EquationError, Program, Tensor
from gradscribe.derive.layer.interface import Layer
from gradscribe.kept import kept


def kernels_of_order(layer: Layer, order: int) -> tuple[tuple[Kernel, ...], tuple[Kernel, ...]]:
    """The functions of first order, the forward one in front, and those of second order: none at order 1.

    At order 2 the forward function also returns what double backward reads. Where nothing is differentiable, there is
    nothing of second order.

    Raises:
        EquationError: for an order other than 1 and 2, and as `codegen.kernel.kernel.kernels` does.
    """
    if checked_order(layer.name, order) == 1 or not layer.differentiable:
        return kernels(layer), ()
    if layer.checkpoint:
        raise EquationError(
            f"{layer.name}: checkpoint {layer.checkpoint}: expected order 1; functions of order 2 keep every position"
        )
    return _of_order_2(layer, repr(layer.options))


@kept(128)
def _of_order_2(layer: Layer, options: str) -> tuple[tuple[Kernel, ...], tuple[Kernel, ...]]:
    """See `kernels`; `options` tells defaults apart that are equal."""
    second = (double_backward(layer), hessian_vector(layer))
    return kernels(layer, {t.name for k in second for t in k.arguments}), second


def double_backward(layer: Layer) -> Kernel:
    """Directions, seeds, what is read -> the gradient of S by every seed, then by every differentiable input."""
    found = second_order(layer.program)
    program = double_backward_program(found, _differentiable(layer))
    wrt = (*(t.name for t in found.first.seeds.values()), *layer.differentiable)
    kernel = _kernel("double_backward", Purpose.DOUBLE_BACKWARD, layer, found, program, wrt)
    return replace(kernel, summary=f"Compute the gradient of the gradient: {layer.words}.")


def hessian_vector(layer: Layer) -> Kernel:
    """Seeds, the layer's inputs, directions -> the Hessian of E by the differentiable inputs, times the directions."""
    found = second_order(layer.program, wrt=layer.differentiable, direction="v", prefix="h")
    program = hessian_vector_program(found, _differentiable(layer))
    kernel = _kernel("hessian_vector", Purpose.HESSIAN_VECTOR, layer, found, program, layer.differentiable)
    return replace(kernel, summary=f"Compute the Hessian times a vector: {layer.words}.")


def _differentiable(layer: Layer) -> tuple[Tensor, ...]:
    return tuple(t for t in layer.program.inputs if t.name in layer.differentiable)


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
