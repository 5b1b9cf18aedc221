"""Nodes -> Network: one program out of many, every tensor and size under a name of its own.

A layer's input is the tensor of the node that it reads; its size symbols become that tensor's extents. What is left
open stays a symbol called after the node: K_1, or K_c1 of a node that the user named.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gradscribe.derive.composition.concrete import concrete
from gradscribe.derive.composition.joining.judge import judges
from gradscribe.derive.composition.joining.node_order import ordered
from gradscribe.derive.composition.joining.program_builder import INPUT, Builder
from gradscribe.derive.composition.level import size_labels
from gradscribe.derive.composition.network import LOSS, Judged, Network, NetworkError, Node
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import Layer


def compose(
    name: str,
    nodes: Sequence[Node],
    output: str,
    *,
    inputs: Mapping[str, Sequence[Any] | None] | None = None,
    loss: Layer | None = None,
    outputs: Sequence[str] = (),
    losses: Sequence[Judged] = (),
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
        outputs: other nodes whose values are the network's, or ``node.tensor``.
        losses: what judges the outputs, instead of one loss.
        **interface: fields of `Network` such as title, class_name, source.

    Raises:
        NetworkError: when shapes do not meet, nodes depend on each other in a circle, a name is used twice or a setting
            makes no sense.
    """
    outputs, losses = (output, *outputs), losses or ([Judged(loss)] if loss is not None else [])
    doubled = next((o for o in outputs if outputs.count(o) > 1), None)
    if doubled is not None:
        raise NetworkError(f"{name}: {doubled} is an output twice; expected each once")
    named = {v for node in nodes for _, v in node.settings if isinstance(v, str)}
    builder = Builder(name, dict(inputs or {}), named)
    nodes = ordered(name, nodes, outputs, set(builder.shapes) or {INPUT})
    labels = size_labels(nodes)
    for node in nodes:
        with _blamed(node.name):
            _check_positions(name, node)
            builder.add(node, node.layer.program, labels[node.name])
    evaluation = None
    if any(node.layer.evaluation is not None for node in nodes):
        other = Builder(name, dict(inputs or {}), named)
        for node in nodes:
            other.add(node, node.layer.evaluation or node.layer.program, labels[node.name])
        evaluation = other.program(outputs, ())
    network = builder.network(nodes, outputs, interface)
    if losses:
        values = dict(zip(outputs, network.own_outputs, strict=True))
        with _blamed(LOSS):
            builder.check_losses(network, values, losses)
            alone = len(losses) == losses[0].weight == 1
            loss = losses[0].layer if alone else _together(name, values, losses)
    return replace(network, evaluation=evaluation, loss=loss, losses=tuple(losses))


def _check_positions(name: str, node: Node) -> None:
    """Raise where a layer has checkpoints: the functions of a network would keep every position all the same."""
    if node.layer.checkpoint:
        every = node.layer.checkpoint
        told = f"a network keeps every position; expected {node.layer.name} without checkpoint={every}"
        raise NetworkError(f"{name}: {node.layer.name} has checkpoint {every}, but {told}")


def _together(name: str, values: Mapping[str, Tensor], losses: Sequence[Judged]) -> Layer:
    """Several losses as one layer: its inputs are the values that are judged, then the labels."""
    letters: dict[Any, str] = {}
    fresh = fresh_names({"N"})
    first = next(iter(values))
    judged = {loss.source or first for loss in losses}
    shapes = {}
    for source, tensor in values.items():
        for extent in tensor.shape:
            letters.setdefault(extent, "N" if not letters else next(fresh).upper())
        if source in judged:
            shapes[source] = tuple(integer(letters[e]) for e in tensor.shape)
    words = {source: source.replace(".", "_") for source in shapes}
    named = [replace(loss, source=words[loss.source or first]) for loss in losses]
    given = {words[source]: Tensor(words[source], shape) for source, shape in shapes.items()}
    nodes, labels = judges(named, given, words.values(), True)
    inputs: dict[str, Any] = {n: tuple(map(str, t.shape)) for n, t in given.items()} | labels
    whole = concrete(compose(f"{name}_loss", nodes, nodes[-1].name, inputs=inputs))
    return Layer(whole.name, whole.class_name, "the sum of the losses", whole.program)


@contextmanager
def _blamed(node: str) -> Iterator[None]:
    """Say of an error which node it speaks of."""
    try:
        yield
    except NetworkError as error:
        error.node = error.node or node
        raise
