"""A network and its loss as one network, whose value is the number E that is minimised."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sympy import Expr, Symbol

from derive.composition.compose import compose
from derive.composition.record import Network, NetworkError, Node
from derive.term import Tensor


def with_loss(network: Network) -> Network:
    """The network that evaluates `network` and judges its value by `network.loss`.

    The loss is one more node, called loss; its second input, the labels, is an input of the network under the loss's
    own name for it, such as t.

    Raises:
        NetworkError: when the network has no loss, or shapes do not meet.
    """
    if network.loss is None:
        raise NetworkError(f"{network.name}: has no loss; add a line such as loss softmax_cross_entropy")
    output = next(node for node, tensor in reversed(network.results) if tensor == network.program.outputs[0])
    taken = {node.name for node in network.nodes} | {t.name for t in network.given}
    given = [t for t in network.loss.program.inputs[1:] if not t.optional]
    name = next(n for n in ("loss", *(f"loss{k}" for k in range(1, 99))) if n not in taken)
    labels = {t.name: _unused(t.name, taken) for t in given}
    named = any(node.named for node in network.nodes)
    node = Node(name, network.loss, (output, *labels.values()), named=named)
    inputs: dict[str, Any] = {t.name: _shape(t.shape, dict(network.values)) for t in network.given}
    inputs |= {labels[t.name]: _stretched(t, network.loss.program.inputs[0], network.output) for t in given}
    whole = compose(
        network.name,
        (*network.nodes, node),
        name,
        inputs=inputs,
        class_name=network.class_name,
        title=network.title,
        source=network.source,
    )
    if whole.output.shape:
        raise NetworkError(
            f"{network.name}: loss {network.loss.name}: expected a number, received {whole.output.name} of "
            f"{len(whole.output.shape)} axes; use a loss of the catalogue such as softmax_cross_entropy"
        )
    return replace(whole, evaluation=None)


def _unused(name: str, taken: set[str]) -> str:
    return next(n for n in (name, *(f"{name}{k}" for k in range(1, 99))) if n not in taken)


def _stretched(label: Tensor, judged: Tensor, output: Tensor) -> tuple[Expr, ...] | None:
    """The shape of labels of any number of axes, after the output that is judged; None leaves it to the loss."""
    if label.ravel is None or judged.ravel is None:
        return None
    more = len(output.shape) - len(judged.shape)
    stretch = output.shape[judged.ravel : judged.ravel + more + 1]
    plain = (e for axis, e in enumerate(judged.shape) if axis != judged.ravel)
    known = dict(zip(plain, output.shape[: judged.ravel] + output.shape[judged.ravel + more + 1 :], strict=True))
    return tuple(
        part
        for axis, e in enumerate(label.shape)
        for part in (stretch if axis == label.ravel else (e.xreplace(known),))
    )


def _shape(shape: tuple[Any, ...], values: Mapping[Symbol, Any]) -> tuple[Any, ...]:
    """Extents as a user writes them: integers and names."""
    return tuple(int(v) if (v := e.xreplace(values)).is_Integer else str(e) for e in shape)
