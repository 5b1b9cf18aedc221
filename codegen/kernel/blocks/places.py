"""Where the blocks of a network's text stand, and what the block calls the tensors of the network there."""

from collections.abc import Mapping
from dataclasses import dataclass

from gradscribe.derive.composition import Network, Node
from gradscribe.derive.composition.network import owner


@dataclass(frozen=True, eq=False)
class Place:
    """A place of the network where a block stands.

    Attributes:
        name: what it is called.
        block: the block.
        names: tensor of the network, gradient, or sum that one reads -> what the block calls it.
        inner: what it computes and nothing outside of it reads.
    """

    name: str
    block: str
    names: Mapping[str, str]
    inner: frozenset[str]

    @property
    def tensors(self) -> dict[str, str]:
        """The block's name -> the network's."""
        return {own: name for name, own in self.names.items()}

    def within(self, name: str) -> str:
        """What a node, or something of a node, is called within the place: "conv1.w"."""
        return name.removeprefix(f"{self.name}_")


def crossing(network: Network) -> set[str]:
    """The tensors that are read across the border of a place: they are computed, whatever could be put in for them."""
    results, instance = dict(network.results), {node.name: node.instance for node in network.nodes}
    found = {
        source
        for node in network.nodes
        for source in node.inputs
        if source in results and instance.get(owner(source), "") != node.instance
    }
    ends = {name for name, tensor in network.results if tensor in network.program.outputs and instance[owner(name)]}
    return {results[source] for source in found | ends}


def places(network: Network, gradients: Mapping[str, str], sums: Mapping[str, str]) -> tuple[Place, ...]:
    """Where blocks stand in a network.

    Args:
        network: the network.
        gradients: tensor -> its gradient.
        sums: sum that the closed form of a gradient reads -> that gradient.
    """
    results, border = dict(network.results), crossing(network)
    computed = set(network.program.tensors) - {t.name for t in network.program.inputs}
    nodes: dict[str, list[Node]] = {}
    for node in network.nodes:
        if node.block:
            nodes.setdefault(node.instance, []).append(node)
    made = []
    for name, inside in nodes.items():
        called = {node.name for node in inside}
        own = {t: f"{p.node.removeprefix(f'{name}_')}_{p.name}" for t, p in network.parts if p.node in called}
        outer = dict.fromkeys(source for node in inside for source in node.inputs if owner(source) not in called)
        around = {results.get(source, source): f"x{k}" if k > 1 else "x" for k, source in enumerate(outer, 1)}
        names = {**around, **own}
        slopes = {gradients[t]: f"d{word}" for t, word in names.items() if t in gradients}
        parts = {t: f"{slopes[g]}_{t.removeprefix(f'{g}_')}" for t, g in sums.items() if g in slopes}
        made.append(Place(name, inside[0].block, {**names, **slopes, **parts}, frozenset(own) & computed - border))
    return tuple(made)
