"""The node by which a loss judges a network's value, and the labels that it asks for."""

from collections.abc import Collection
from typing import Any

from sympy import Expr

from gradscribe.derive.composition.network import Node
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import Layer


def judge(
    loss: Layer, output: str, value: Tensor, taken: Collection[str], named: bool
) -> tuple[Node, dict[str, tuple[Any, ...] | None]]:
    """The loss as a node, and the shapes of its labels by the names that they have as inputs of the network.

    Args:
        loss: the layer; its first input is the value judged, the others are labels under its own names for them.
        output: the node that makes the value.
        value: the value.
        taken: names that the network has already.
        named: whether nodes have names of their own.
    """
    given = [t for t in loss.program.inputs[1:] if not t.optional]
    name = _unused("loss", taken)
    labels = {t.name: _unused(t.name, taken) for t in given}
    node = Node(name, loss, (output, *labels.values()), named=named)
    return node, {labels[t.name]: _stretched(t, loss.program.inputs[0], value) for t in given}


def _unused(name: str, taken: Collection[str]) -> str:
    return next(n for n in (name, *(f"{name}{k}" for k in range(1, 99))) if n not in taken)


def _stretched(label: Tensor, judged: Tensor, output: Tensor) -> tuple[Expr, ...] | None:
    """The shape of labels, after the output that is judged; None leaves it to the loss."""
    more = len(output.shape) - len(judged.shape)
    if label.ravel is None and judged.ravel is None and more == 0:
        extents = {e: actual for e, actual in zip(judged.shape, output.shape, strict=True) if e.is_Symbol}
        own = set().union(*(e.free_symbols for e in label.shape), set()) - set(extents)
        return None if own else tuple(e.xreplace(extents) for e in label.shape)
    if label.ravel is None or judged.ravel is None or more < 0:
        return None
    stretch = output.shape[judged.ravel : judged.ravel + more + 1]
    plain = (e for axis, e in enumerate(judged.shape) if axis != judged.ravel)
    known = dict(zip(plain, output.shape[: judged.ravel] + output.shape[judged.ravel + more + 1 :], strict=True))
    return tuple(
        part
        for axis, e in enumerate(label.shape)
        for part in (stretch if axis == label.ravel else (e.xreplace(known),))
    )
