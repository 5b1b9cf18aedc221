"""The order of a network's nodes: each after what it reads; circles, doubled names and loose ends are found here."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from gradscribe.derive.composition.network import NetworkError, Node, owner
from gradscribe.derive.ir.quote import MOST_LISTED, listed, shown


def ordered(name: str, nodes: Sequence[Node], outputs: Sequence[str], inputs: set[str]) -> list[Node]:
    """The nodes that the outputs depend on, each after what it reads.

    Raises:
        NetworkError: when a name is used twice or is no node's, nodes read each other in a circle, or one is not read.
    """
    by_name: dict[str, Node] = {}
    for node in nodes:
        if node.name in by_name or node.name in inputs:
            said = f"two nodes are called {node.name}; their weights would be one. Give each a name of its own"
            raise NetworkError(f"{name}: {said}", node.name)
        by_name[node.name] = node
    for node in nodes:
        for source in (*node.sources, *node.owners):
            if source not in by_name and source not in inputs:
                known = listed([*sorted(inputs), *by_name])
                said = f"reads {source}, which is no node; expected one of {known}"
                raise NetworkError(f"{name}, {node.name}: {said}", node.name)
    sorter = TopologicalSorter({n.name: [s for s in (*n.sources, *n.owners) if s in by_name] for n in nodes})
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        circle = shown(" -> ".join(reversed(error.args[1])), MOST_LISTED)
        raise NetworkError(f"{name}: the nodes {circle} read each other in a circle") from None
    needed = {owner(output) for output in outputs}
    for node in reversed([by_name[n] for n in order]):
        needed |= set(node.sources) if node.name in needed else set()
    unused = [n.name for n in nodes if n.name not in needed]
    if unused:
        said = f"nothing reads {unused[0]}; remove it or make it part of the output {listed(outputs)}"
        raise NetworkError(f"{name}: {said}", unused[0])
    found: list[Node] = []
    waiting = list(nodes)
    while waiting:  # of the nodes that are ready, the one that was written first
        done = {n.name for n in found} | inputs
        node = next(n for n in waiting if done.issuperset((*n.sources, *n.owners)))
        found.append(node)
        waiting.remove(node)
    return found
