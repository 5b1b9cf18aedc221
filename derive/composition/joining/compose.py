"""Nodes -> Network: one program out of many, every tensor and size under a name of its own.

A layer's input is the tensor of the node that it reads; its size symbols become that tensor's extents. What is left
open stays a symbol called after the node: K_1, or K_c1 of a node that the user named.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gradscribe.derive.composition.joining.node_order import ordered
from gradscribe.derive.composition.joining.program_builder import INPUT, Builder
from gradscribe.derive.composition.level import size_labels
from gradscribe.derive.composition.network import LOSS, Network, NetworkError, Node
from gradscribe.derive.layer.interface import Layer


def compose(
    name: str,
    nodes: Sequence[Node],
    output: str,
    *,
    inputs: Mapping[str, Sequence[Any] | None] | None = None,
    loss: Layer | None = None,
    **interface: Any,
) -> Network:
    """The network of `nodes`.

    Args:
        name: the network's name, also the stem of its functions.
        nodes: its layers, in any order.
        output: the node whose value is the network's.
        inputs: shapes of the network's inputs, integers and names; what is left out or None follows from the layer that
            reads.
        loss: the layer that judges the output.
        **interface: fields of `Network` such as title, class_name, source.

    Raises:
        NetworkError: when shapes do not meet, nodes depend on each other in a circle, a name is used twice or a setting
            makes no sense.
    """
    named = {v for node in nodes for _, v in node.settings if isinstance(v, str)}
    builder = Builder(name, dict(inputs or {}), named)
    nodes = ordered(name, nodes, output, set(builder.shapes) or {INPUT})
    labels = size_labels(nodes)
    for node in nodes:
        with _blamed(node.name):
            builder.add(node, node.layer.program, labels[node.name])
    evaluation = None
    if any(node.layer.evaluation is not None for node in nodes):
        other = Builder(name, dict(inputs or {}), named)
        for node in nodes:
            other.add(node, node.layer.evaluation or node.layer.program, labels[node.name])
        evaluation = other.program(output, ())
    network = builder.network(nodes, output, interface)
    if loss is not None:
        with _blamed(LOSS):
            builder.check_loss(network, output, loss)
    return replace(network, evaluation=evaluation, loss=loss)


@contextmanager
def _blamed(node: str) -> Iterator[None]:
    """Say of an error which node it speaks of."""
    try:
        yield
    except NetworkError as error:
        error.node = error.node or node
        raise
