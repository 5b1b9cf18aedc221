"""A network and its loss as one network, whose value is the number E that is minimised."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sympy import Symbol

from gradscribe.derive.composition.joining.compose import compose
from gradscribe.derive.composition.joining.judge import judges
from gradscribe.derive.composition.network import Judged, Network, NetworkError


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
    inputs: dict[str, Any] = {t.name: _shape(t.shape, dict(network.values)) for t in network.given}
    inputs |= labels
    whole = compose(
        network.name,
        (*network.nodes, *nodes),
        nodes[-1].name,
        inputs=inputs,
        class_name=network.class_name,
        title=network.title,
        source=network.source,
    )
    return replace(whole, evaluation=None)


def _shape(shape: tuple[Any, ...], values: Mapping[Symbol, Any]) -> tuple[Any, ...]:
    """Extents as a user writes them: integers and names."""
    return tuple(int(v) if (v := e.xreplace(values)).is_Integer else str(e) for e in shape)
