"""The records of a network: its nodes, and the network itself, which is a Layer with a program composed of theirs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sympy import Expr, Symbol

from gradscribe.derive.ir.term import EquationError, Program, Tensor
from gradscribe.derive.language.syntax.tree import Place
from gradscribe.derive.layer.interface import Layer

Data = tuple[Any, ...]
"""Numbers in nested tuples, one level per axis."""


class NetworkError(EquationError):
    """A network that is not well formed; the message names the network, the node, shapes and what is expected.

    Attributes:
        node: the node at fault, LOSS for the loss; "" where it is no single one.
        place: the word at fault, where it was not yet a node.
    """

    def __init__(self, message: str, node: str = "", place: Place | None = None) -> None:
        super().__init__(message)
        self.node, self.place = node, place


LOSS = "loss:"
"""What stands for the loss where nodes are named; no node can be called so."""


@dataclass(frozen=True)
class Uniform:
    """Weights drawn within ``gain / fan_in**power``.

    PyTorch's default is gain 1 and power 1/2 (He et al. 2015 with a = sqrt(5)); LeCun et al. 1998, appendix A, has gain
    2.4 and power 1.
    """

    gain: float = 1.0
    power: float = 0.5


@dataclass(frozen=True)
class Normal:
    """Weights drawn from a normal distribution of standard deviation ``sqrt(gain / fan_in)``.

    He et al., Delving deep into rectifiers, 2015, eq. 10: gain 2 before a rectifier.
    """

    gain: float = 2.0


Start = float | Uniform | Normal
"""How a weight starts: as a constant or at random."""


@dataclass(frozen=True)
class Node:
    """One layer of a network.

    Attributes:
        name: unique in the network; its weights are called ``name.w``.
        layer: the layer's equations.
        inputs: names of what its first inputs are given: nodes, the network's inputs, or ``node.tensor`` for what a
            node computes besides its first output.
        settings: options and features by name, such as ("out_channels", 6).
        data: constants, (input of the layer, numbers): LeNet-5's table of connections.
        start: how weights start, (weight, Start); the layer's own way where nothing is said.
        named: whether levels go by names: this one is the user's own, and no block has made it long.
        block: the block of the text that it stands in; "" for none. Of blocks within blocks it is the outermost.
        instance: what that block's place is called: the name begins with it.
        shared: weights and statistics that are those of other nodes, (input of the layer, ``node.weight``).
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    settings: tuple[tuple[str, Any], ...] = ()
    data: tuple[tuple[str, Data], ...] = ()
    start: tuple[tuple[str, Start], ...] = ()
    named: bool = True
    block: str = ""
    instance: str = ""
    shared: tuple[tuple[str, str], ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The nodes and inputs of the network that it reads, whichever of their tensors."""
        return tuple(owner(source) for source in self.inputs)

    @property
    def owners(self) -> tuple[str, ...]:
        """The nodes whose weights it has."""
        return tuple(dict.fromkeys(owner(source) for _, source in self.shared))


def owner(source: str) -> str:
    """The node in ``node.tensor``, or the node itself."""
    return source.partition(".")[0]


@dataclass(frozen=True)
class Judged:
    """One loss of a network.

    Attributes:
        layer: its first input is the value judged, the others are labels.
        source: the output that it judges: a node, or ``node.tensor``; "" for the first output.
        weight: what it counts beside the others.
    """

    layer: Layer
    source: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class Part:
    """Where a tensor of the composed program comes from: tensor `name` of the layer of node `node`."""

    node: str
    name: str

    @property
    def key(self) -> str:
        """What a weight is called in `params`."""
        return f"{self.node}.{self.name}"


@dataclass(frozen=True, repr=False)
class Network(Layer):
    """A layer composed of layers.

    The sizes that the network fixes stay symbols in `program`, for the derivation; `derive.composition.concrete` puts
    their numbers in.

    Attributes:
        nodes: the layers in an order in which each comes after what it reads.
        values: numbers of size symbols and of real parameters.
        parts: where the tensors come from, (tensor, Part).
        starts: how every weight starts, (tensor, Start).
        fans: how many products an output sums through a weight, (tensor, extent).
        constants: data by tensor, the inputs that are part of the network.
        results: tensor that holds the value of a node, (node, tensor).
        flattened: weights whose first axis is a flattened image, (tensor, extents of the image).
        evaluation: the forward equations after training; those of training where a network has no others.
        loss: the layer whose inputs are the network's outputs that are judged, and labels; None for none.
        losses: what it consists of.
        text: the lines that it was read from; "" where it was composed otherwise.
        general: whether functions are asked for that take any sizes in place of the numbers of `values`.
    """

    nodes: tuple[Node, ...] = ()
    values: tuple[tuple[Symbol, Expr], ...] = ()
    parts: tuple[tuple[str, Part], ...] = ()
    starts: tuple[tuple[str, Start], ...] = ()
    fans: tuple[tuple[str, Expr], ...] = ()
    constants: tuple[tuple[str, Data], ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    flattened: tuple[tuple[str, tuple[Expr, ...]], ...] = ()
    evaluation: Program | None = None
    loss: Layer | None = field(default=None)
    losses: tuple[Judged, ...] = ()
    text: str = ""
    general: bool = False

    def with_checkpoint(self, every: int) -> Self:
        """Not for networks, which keep every position.

        Raises:
            EquationError: always.
        """
        raise EquationError(f"{self.name}: checkpoint {every}: a network keeps every position; expected a layer")

    @property
    def part(self) -> Mapping[str, Part]:
        """Where each tensor comes from."""
        return dict(self.parts)

    def key(self, name: str) -> str:
        """What weight `name` is called in `params`."""
        return self.part[name].key

    @property
    def own_outputs(self) -> tuple[Tensor, ...]:
        """What a call returns: the outputs but for running statistics."""
        state = {new for _, new, _ in self.state}
        return tuple(t for t in self.outputs if t.name not in state)

    @property
    def sources(self) -> tuple[str, ...]:
        """The nodes that make these, or ``node.tensor``."""
        made = {tensor: source for source, tensor in self.results}
        return tuple(made[t.name] for t in self.own_outputs)

    @property
    def judged(self) -> tuple[str, ...]:
        """The outputs that the loss judges, in the order of its inputs."""
        found = {loss.source or self.sources[0] for loss in self.losses}
        return tuple(t.name for s, t in zip(self.sources, self.own_outputs, strict=True) if s in found)

    @property
    def given(self) -> tuple[Tensor, ...]:
        """The arrays that a call takes: the inputs that are neither weights, nor state, nor constants."""
        held = {*self.weights, *(name for name, _, _ in self.state), *dict(self.constants)}
        return tuple(t for t in self.program.inputs if t.name not in held)
