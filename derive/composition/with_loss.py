"""The networks that derivations are of: with the loss as the last node, or with outputs that no other node reads."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sympy import Symbol

from gradscribe.derive.composition.joining.compose import compose
from gradscribe.derive.composition.joining.judge import judges
from gradscribe.derive.composition.network import Judged, Network, NetworkError, Node, owner
from gradscribe.derive.ir.interpret.recurrence import circles
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer


def with_loss(network: Network) -> Network:
    """The network that evaluates `network` and judges its value by `network.loss`.

    The loss is one more node, called loss; its second input, the labels, is an input of the network under the loss's
    own name for it, such as t. Several losses are several nodes, and one that adds them up.

    Raises:
        NetworkError: when the network has no loss, or shapes do not meet.
    """
    if network.loss is None:
        raise NetworkError(f"{network.name}: has no loss; add a line such as loss softmax_cross_entropy")
    values = dict(zip(network.sources, network.own_outputs, strict=True))
    taken = {node.name for node in network.nodes} | {t.name for t in network.given}
    named = any(node.named for node in network.nodes)
    nodes, labels = judges(network.losses or (Judged(network.loss),), values, taken, named)
    return _composed(network, nodes, (nodes[-1].name,), labels)


def as_derived(network: Network) -> Network:
    """What a derivation is of: the network from its loss down, or from its outputs where it has none."""
    return with_loss(network) if network.loss is not None else with_outputs_apart(network)


def with_outputs_apart(network: Network) -> Network:
    """The network, where an output that is read, too, by nodes or by a recurrence, is passed on by a node of its own.

    So the gradient that arrives there is one summand of that by the value, beside what comes from its readers.
    """
    inner = {source for node in network.nodes for source in node.inputs if len(network.own_outputs) > 1}
    again = set[str]().union(*circles(network.program.statements))
    inner |= {source for source, tensor in network.results if tensor in again}
    taken = {node.name for node in network.nodes} | {t.name for t in network.given}
    named = any(node.named for node in network.nodes)
    outputs, nodes = [], list[Node]()
    for source in network.sources:
        if source in inner:
            name = next(n for n in (f"out{k}" if k else "out" for k in range(99)) if n not in taken)
            taken.add(name)
            nodes.append(Node(name, _passed_on(), (source,), named=named))
        outputs.append(nodes[-1].name if source in inner else source)
    return _composed(network, nodes, outputs, {}) if nodes else network


def _passed_on() -> Layer:
    return read("y[...] = x[...]", "output", title="a value that is an output, too")


def _composed(
    network: Network, nodes: Sequence[Node], outputs: Sequence[str], labels: Mapping[str, tuple[Any, ...] | None]
) -> Network:
    """The network with more nodes, and other outputs; without what these do not depend on."""
    needed = {owner(output) for output in outputs}
    for node in reversed((*network.nodes, *nodes)):
        needed |= {*node.sources, *node.owners} if node.name in needed else set()
    inputs: dict[str, Any] = {t.name: _shape(t.shape, dict(network.values)) for t in network.given}
    first, *others = outputs
    whole = compose(
        network.name,
        [node for node in (*network.nodes, *nodes) if node.name in needed],
        first,
        outputs=others,
        inputs=inputs | dict(labels),
        class_name=network.class_name,
        title=network.title,
        source=network.source,
    )
    return replace(whole, evaluation=None)


def _shape(shape: tuple[Any, ...], values: Mapping[Symbol, Any]) -> tuple[Any, ...]:
    """Extents as a user writes them: integers and names."""
    return tuple(int(v) if (v := e.xreplace(values)).is_Integer else str(e) for e in shape)
