"""The levels of a network: a layer and what belongs to it, the activation and the reshaping of its value.

A text on back-propagation counts so: level l computes u and passes it through the activation f; pooling, normalisation
and sums are levels of their own. The levels of a chain are l, l+1, ...; where the user named a node, they go by the
names of their nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sympy

from gradscribe.derive.calculus.passes.inline import inline, is_pointwise
from gradscribe.derive.composition.network import Node
from gradscribe.derive.ir.term import Access, Program, Statement, accesses
from gradscribe.derive.layer.interface import Layer


@dataclass(frozen=True)
class Level:
    """One level.

    Attributes:
        number: its place, from 1.
        label: what stands above its letters: "l", "l+1", or the name of its first node.
        nodes: the layer that makes it, then those that belong to it.
    """

    number: int
    label: str
    nodes: tuple[Node, ...]


def levels(nodes: Sequence[Node]) -> tuple[Level, ...]:
    """The levels of nodes that are ordered so that each comes after what it reads."""
    groups: list[list[Node]] = []
    group: dict[str, list[Node]] = {}
    for node in nodes:
        joined = group.get(node.inputs[0]) if len(node.inputs) == 1 else None
        if joined is None or not _belongs(node, joined):
            joined = []
            groups.append(joined)
        joined.append(node)
        group[node.name] = joined
    named = any(node.named for node in nodes)
    return tuple(
        Level(number, own[0].name if named else numbered(number), tuple(own)) for number, own in enumerate(groups, 1)
    )


def numbered(number: int) -> str:
    """The label of a level without a name: l, l+1, ..."""
    return "l" if number == 1 else f"l+{number - 1}"


def size_labels(nodes: Sequence[Node]) -> dict[str, str]:
    """What distinguishes the sizes of each node: its own name, or the number of its level."""
    found = {}
    for level in levels(nodes):
        for place, node in enumerate(level.nodes):
            found[node.name] = node.name if node.named else f"{level.number}{'abcdefgh'[place - 1] if place else ''}"
    return found


def _belongs(node: Node, before: Sequence[Node]) -> bool:
    """Whether a node continues the level of `before`, whose value it reads."""
    if is_rearrangement(node.layer):
        return True
    first = before[0]
    opened = node.inputs[0] == first.name and is_activation(node.layer) and not is_activation(first.layer)
    return opened and signal(first.layer.program) == first.layer.program.outputs[0]


def is_activation(layer: Layer) -> bool:
    """Whether a layer without weights is a function of its one input, element by element."""
    if layer.weights or len(layer.program.inputs) != 1 or any(s.target.constant for s in layer.program.statements):
        return False  # a constant inside: its gradient is not the slope of the function
    smaller = inline(layer.program)
    (given,) = layer.program.inputs
    return len(smaller.statements) == 1 and _function_of(smaller.statements[0], given.name)


def is_rearrangement(layer: Layer) -> bool:
    """Whether a layer has the elements of its one input, each once, in another order or shape."""
    program = layer.program
    if len(program.inputs) != 1 or len(program.statements) != 1:
        return False
    (given,), (statement,) = program.inputs, program.statements
    body = statement.term.body
    if not isinstance(body, Access) or statement.term.guards or statement.argument is not None:
        return False
    plain = len(set(body.indices)) == len(body.indices) and all(e.is_Symbol for e in body.indices)
    sizes = (sympy.prod(t.shape) for t in (given, statement.target))
    return plain and bool(statement.term.deltas) and sympy.expand(next(sizes) - next(sizes)) == 0


def signal(program: Program) -> str:
    """The tensor whose gradient is a layer's error signal: the output, or what an activation within makes it from."""
    name = program.outputs[0]
    found = program.definitions(name)
    if len(found) == 1:
        for access in accesses(found[0].term.body):
            own = program.definitions(access.tensor)
            if own and _function_of(found[0], access.tensor):
                return access.tensor
    return name


def _function_of(statement: Statement, name: str) -> bool:
    """Whether a statement is a function of the very element of tensor `name`, and not that element itself."""
    body, indices = statement.term.body, tuple(r.index for r in statement.term.free)
    read = accesses(body)
    return is_pointwise(statement) and not isinstance(body, Access) and read == (Access(name, *indices),)
