"""Network -> the programs of its functions: forward with what is kept for backward, evaluation, backward.

All gradients come from one program, so that what several of them need is computed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from sympy import Add

from gradscribe.codegen.kernel.kernel import Kernel, Purpose, assemble, kernels
from gradscribe.codegen.kernel.second_order_kernels import double_backward, hessian_vector
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.gradient_program import forward_program, gradient_program, without_idle, without_inputs
from gradscribe.derive.calculus.passes.inline import is_pointwise
from gradscribe.derive.composition import Network, NetworkError, concrete, with_loss
from gradscribe.derive.ir.term import Program, Statement, Tensor


@dataclass(frozen=True)
class NetworkKernels:
    """The functions of a network's module.

    Attributes:
        source: the network with symbols for its sizes.
        network: the network, numbers put in.
        forward: the output, new state, and what backward needs.
        predict: the output alone, as it is after training.
        backward: the gradients of the weights, then those of the inputs.
        kept: the tensors that forward keeps for backward, inputs among them.
        trained: the weights that have a gradient, in the order of the results.
        inputs: the inputs that have a gradient, in the order of the results.
        loss: the functions of the loss, forward and gradient.
        double_backward: the gradients of the gradients; None at order 1.
        hessian_vector: the Hessian of the loss, or of sum(dy * output) where there is none, times a vector; likewise.
    """

    source: Network
    network: Network
    forward: Kernel
    predict: Kernel
    backward: Kernel
    kept: tuple[Tensor, ...]
    trained: tuple[str, ...]
    inputs: tuple[str, ...]
    loss: tuple[Kernel, ...] = ()
    double_backward: Kernel | None = None
    hessian_vector: Kernel | None = None

    @property
    def shaped(self) -> tuple[Tensor, ...]:
        """The inputs of which forward keeps only the shape."""
        second = self.double_backward.shaped if self.double_backward else ()
        return tuple(dict.fromkeys((*self.backward.shaped, *second)))

    @property
    def seeds(self) -> tuple[str, ...]:
        """The names of the gradients that backward is given."""
        return tuple(name for name, _ in self.backward.seeds)


def network_kernels(source: Network, order: int = 1) -> NetworkKernels:
    """The functions of a network, with order 2 also that of double backward.

    Raises:
        NetworkError: when the network's value does not depend on what it would learn, and for another order.
    """
    if order not in (1, 2):
        raise NetworkError(f"{source.name}: order: expected 1 or 2, received {order}")
    network = concrete(source)
    program = network.program
    gradient = differentiate(program)
    if not gradient.seeds:
        raise NetworkError(f"{network.name}: its value holds integers; there is nothing to differentiate")
    trained = tuple(w for w in network.weights if not program.tensors[w].constant)
    inputs = tuple(t.name for t in network.given if not t.integer and not t.constant)
    wanted = gradient_program(gradient, [*trained, *inputs], without_inputs(program), frugal=True)
    backward = _summed_first(wanted)
    held = {*network.weights, *dict(network.constants), *(s for s, _, _ in network.state)}
    seeds = {t.name for t in gradient.seeds.values()}
    second = double_backward(network) if order == 2 else None
    directions = {name for name, _ in second.directions} if second else set()
    read = dict.fromkeys((*backward.inputs, *(second.arguments if second else ())))
    kept = tuple(t for t in read if t.name not in seeds | held | directions)
    given = {t.name for t in program.inputs}
    extra = [t.name for t in kept if t.name not in given and t.name not in program.outputs]
    results = (*program.outputs, *extra)
    output = program.outputs[0]
    forward = _summed_first(forward_program(program, results))
    evaluation = forward_program(network.evaluation or program, (output,))
    return NetworkKernels(
        source=source,
        network=network,
        forward=assemble(f"{network.name}_forward", Purpose.FORWARD, network, forward, results),
        predict=assemble(f"{network.name}_predict", Purpose.EVALUATION, network, without_idle(evaluation), (output,)),
        backward=replace(
            assemble(f"{network.name}_backward", Purpose.GRADIENT, network, backward, backward.outputs),
            wrt=(*trained, *inputs),
            seeds=tuple((t.name, name) for name, t in gradient.seeds.items()),
        ),
        kept=kept,
        trained=trained,
        inputs=inputs,
        loss=_loss(network),
        double_backward=second,
        hessian_vector=_hessian_vector(source) if order == 2 else None,
    )


def _hessian_vector(source: Network) -> Kernel:
    judged = with_loss(source) if source.loss is not None else source
    return hessian_vector(concrete(judged))


def _loss(network: Network) -> tuple[Kernel, ...]:
    """The loss's forward function and its gradient with respect to the network's output."""
    if network.loss is None:
        return ()
    forward, gradient, *_ = kernels(replace(network.loss, name=f"{network.name}_loss"))
    return forward, gradient


def _summed_first(program: Program) -> Program:
    """Neighbouring statements with one target: what is pointwise as one expression, behind what sums.

    So a GEMM writes its result where it belongs.
    """
    groups = groupby(program.statements, key=lambda s: s.target.name)
    return replace(program, statements=tuple(s for _, group in groups for s in _merged(list(group))))


def _merged(group: Sequence[Statement]) -> list[Statement]:
    pointwise = [s for s in group if is_pointwise(s)]
    rest = [s for s in group if not is_pointwise(s)]
    if not pointwise:
        return rest
    first = pointwise[0]
    names = [r.index for r in first.term.free]
    renamed = [s.term.rename(dict(zip((r.index for r in s.term.free), names, strict=True))) for s in pointwise]
    body = Add(*(t.body for t in renamed))
    return [*rest, replace(first, term=replace(first.term, body=body))]
