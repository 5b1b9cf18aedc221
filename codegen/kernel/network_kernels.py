"""Network -> the programs of its functions: forward with what is kept for backward, evaluation, backward.

All gradients come from one program, so that what several of them need is computed once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gradscribe.codegen.kernel.blocks.block_kernel import Roles, whole
from gradscribe.codegen.kernel.blocks.parts import Alike, Part, alike, parts
from gradscribe.codegen.kernel.blocks.places import crossing, places
from gradscribe.codegen.kernel.kernel import Kernel, Purpose, assemble, kernels
from gradscribe.codegen.kernel.second_order_kernels import double_backward, hessian_vector
from gradscribe.derive.calculus.closed.closed_program import closed_gradients
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.programs.computed_program import computed_gradient
from gradscribe.derive.calculus.programs.gradient_program import (
    computed_again,
    forward_program,
    gradient_program,
    without_idle,
)
from gradscribe.derive.composition import Network, NetworkError, concrete, with_loss
from gradscribe.derive.ir.term import Program, Statement, Tensor, accesses


@dataclass(frozen=True)
class NetworkKernels:
    """The functions of a network's module.

    Attributes:
        source: the network with symbols for its sizes.
        network: the network, numbers put in.
        forward: the outputs, new state, and what backward needs.
        predict: the outputs alone, as they are after training.
        backward: the gradients of the weights, then those of the inputs.
        kept: the tensors that forward keeps for backward, inputs among them.
        trained: the weights that have a gradient, in the order of the results.
        inputs: the inputs that have a gradient, in the order of the results.
        loss: the functions of the loss, forward and the gradient by each value that it judges.
        double_backward: the gradients of the gradients; None at order 1.
        hessian_vector: the Hessian of the loss, or of sum(dy * output) where there is none, times a vector; likewise.
        parts: what each of the functions forward, predict and backward consists of, by its name, and what the equations
            of the network do, by that of the network.
        blocks: place that a function computes -> what its functions are called after.
        slopes: tensor -> its gradient in backward.
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
    parts: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    blocks: Mapping[str, str] = field(default_factory=dict)
    slopes: Mapping[str, str] = field(default_factory=dict)

    @property
    def shaped(self) -> tuple[Tensor, ...]:
        """The inputs of which forward keeps only the shape."""
        second = self.double_backward.shaped if self.double_backward else ()
        return tuple(dict.fromkeys((*self.backward.shaped, *second)))

    @property
    def forward_outputs(self) -> tuple[str, ...]:
        """The names of what a call returns."""
        return tuple(t.name for t in self.network.own_outputs)

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
    gradient = computed_gradient(differentiate(network.program))
    program = gradient.forward
    if not gradient.seeds:
        raise NetworkError(f"{network.name}: its value holds integers; there is nothing to differentiate")
    trained = tuple(w for w in network.weights if not program.tensors[w].constant)
    inputs = tuple(t.name for t in network.given if not t.integer and not t.constant)
    slopes = {a.tensor.name: a.gradient.name for a in gradient.adjoints} | {
        o: t.name for o, t in gradient.seeds.items()
    }
    border = crossing(network)
    edges = border | {slopes[name] for name in border if name in slopes}
    signals = {slopes[name] for name in dict(network.results).values() if name in slopes}
    backward = gradient_program(
        gradient, [*trained, *inputs], computed_again(program), frugal=True, keep=edges, whole=signals
    )
    held = {*network.weights, *dict(network.constants), *(s for s, _, _ in network.state)}
    seeds = {t.name for t in gradient.seeds.values()}
    second = double_backward(network) if order == 2 else None
    directions = {name for name, _ in second.directions} if second else set()
    read = dict.fromkeys((*backward.inputs, *(second.arguments if second else ())))
    kept = tuple(t for t in read if t.name not in seeds | held | directions)
    given = {t.name for t in program.inputs}
    extra = [t.name for t in kept if t.name not in given and t.name not in program.outputs]
    results = (*program.outputs, *extra)
    outputs = tuple(t.name for t in network.own_outputs)
    forward = forward_program(program, results, border)
    evaluation = without_idle(forward_program(network.evaluation or program, outputs, border))
    found = NetworkKernels(
        source=source,
        network=network,
        forward=assemble(f"{network.name}_forward", Purpose.FORWARD, network, forward, results),
        predict=assemble(f"{network.name}_predict", Purpose.EVALUATION, network, evaluation, outputs),
        backward=replace(
            assemble(f"{network.name}_backward", Purpose.GRADIENT, network, backward, backward.outputs),
            wrt=(*trained, *inputs),
            seeds=tuple((t.name, name) for name, t in gradient.seeds.items()),
            closed=closed_gradients(gradient, backward.outputs, signals),
        ),
        kept=kept,
        trained=trained,
        inputs=inputs,
        loss=_loss(network),
        double_backward=second,
        hessian_vector=_hessian_vector(source) if order == 2 else None,
    )
    return _in_parts(found, slopes)


def _in_parts(k: NetworkKernels, slopes: Mapping[str, str]) -> NetworkKernels:
    """The functions with their statements in parts: those of the places of blocks, and the network's own between."""
    network = k.network
    given = {t.name for t in network.program.inputs}
    kept = tuple(t.name for t in k.kept if t.name not in given)
    weights, state = frozenset(network.weights), frozenset(name for name, _, _ in network.state)
    new, gradients = {n: name for name, n, _ in network.state}, {slopes[w]: w for w in k.trained if w in slopes}
    output, own = frozenset(t.name for t in network.own_outputs), frozenset(k.backward.results[len(k.trained) :])
    forward, predict, backward = (frozenset(kernel.results) for kernel in (k.forward, k.predict, k.backward))
    wholes = (
        whole(k.forward.program, network, {}, Roles(forward, output, kept, weights, state, new, keeps=True)),
        whole(k.predict.program, network, {}, Roles(predict, output, (), weights, state, {})),
        whole(k.backward.program, network, slopes, Roles(backward, own, kept, weights, state, gradients)),
        whole(network.program, network, {}, Roles(frozenset(new), frozenset(), (), weights, state, new)),
    )
    groups = alike(places(network, slopes, _sums(k.backward.program, slopes)), wholes, network, k.source)
    kernels = (k.forward, k.predict, k.backward)
    names = (*(kernel.name for kernel in kernels), network.name)
    divided = {name: parts(n, wholes[n], groups) for n, name in enumerate(names)}
    made = [
        replace(kernel, program=replace(kernel.program, statements=_statements(divided[kernel.name])))
        for kernel in kernels
    ]
    return replace(
        k, forward=made[0], predict=made[1], backward=made[2], parts=divided, blocks=_called(groups), slopes=slopes
    )


def _sums(backward: Program, slopes: Mapping[str, str]) -> dict[str, str]:
    """The sums that closed forms read, and the gradients that these are of."""
    known = {*slopes.values(), *(t.name for t in backward.inputs)}
    return {
        a.tensor: s.target.name for s in backward.statements for a in accesses(s.term.body) if a.tensor not in known
    }


def _statements(found: Sequence[Part]) -> tuple[Statement, ...]:
    return tuple(s for part in found for s in part.statements)


def _called(groups: Sequence[Alike]) -> dict[str, str]:
    """What the functions of a place are called after: its block, with a number where places of one differ."""
    taken, found = {place.block for group in groups for place in group.places}, dict[str, str]()
    for group in groups:
        block = group.places[0].block
        numbered = (f"{block}{k}" for k in range(2, len(groups) + len(taken) + 2))
        word = block if block not in found.values() else next(n for n in numbered if n not in taken)
        taken.add(word)
        found |= {place.name: word for place in group.places}
    return found


def _hessian_vector(source: Network) -> Kernel:
    judged = with_loss(source) if source.loss is not None else source
    return hessian_vector(concrete(judged))


def _loss(network: Network) -> tuple[Kernel, ...]:
    """The loss's forward function and its gradients with respect to the network's outputs that it judges."""
    if network.loss is None:
        return ()
    forward, *gradients = kernels(replace(network.loss, name=f"{network.name}_loss"))
    values = [t.name for t in network.loss.program.inputs][: len(network.judged) or 1]
    return forward, *(k for name in values for k in gradients if k.wrt == (name,))
