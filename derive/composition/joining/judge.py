"""The nodes by which losses judge a network's values, and the labels that they ask for."""

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sympy import Expr

from gradscribe.derive.composition.network import Judged, Node
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer


def judges(
    losses: Sequence[Judged], values: Mapping[str, Tensor], taken: Collection[str], named: bool
) -> tuple[tuple[Node, ...], dict[str, tuple[Any, ...] | None]]:
    """The losses as nodes, the last one E, and the shapes of their labels by the names that they have as inputs.

    Args:
        losses: what judges.
        values: the network's values by what makes them.
        taken: names that the network has already.
        named: whether nodes have names of their own.
    """
    used, found, shapes = set(taken), list[Node](), dict[str, tuple[Any, ...] | None]()
    first = next(iter(values))
    for loss in losses:
        source, own = loss.source or first, loss.layer.program.inputs
        name = _unused("loss", used)
        used.add(name)
        labels: dict[str, str] = {}
        for t in own[1:]:
            if not t.optional:
                labels[t.name] = _unused(t.name, used)
                used.add(labels[t.name])
                shapes[labels[t.name]] = _stretched(t, own[0], values[source])
        found.append(Node(name, loss.layer, (source, *labels.values()), named=named))
    if len(losses) > 1 or losses[0].weight != 1:
        layer = _weighted([loss.weight for loss in losses])
        found.append(Node(_unused("total", used), layer, tuple(n.name for n in found), named=named))
    return tuple(found), shapes


def _weighted(weights: Sequence[float]) -> Layer:
    """The sum of numbers, each times its weight."""
    names = [f"x{k}" for k in range(1, len(weights) + 1)]
    terms = " + ".join(name if w == 1 else f"{_fraction(w)} * {name}" for w, name in zip(weights, names, strict=True))
    return read(f"input {', '.join(names)}\ny = {terms}", "weighted_sum", title="the weighted sum of the losses")


def _fraction(weight: float) -> str:
    near = Fraction(weight).limit_denominator(1000)
    return f"{near}" if float(near) == weight else repr(weight)


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
