"""Network text -> Network: ``conv2d -> tanh -> max_pool2d -> conv2d``. Nothing is evaluated as text."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput
from lark.lark import PostLex

from gradscribe.derive.composition.joining.compose import compose
from gradscribe.derive.composition.network import Data, Network, NetworkError, Node, Start
from gradscribe.derive.composition.parsing.line_reader import LineReader
from gradscribe.derive.composition.parsing.node_reader import NodeReader
from gradscribe.derive.composition.parsing.tokens import branch
from gradscribe.derive.ir.quote import quoted, shown
from gradscribe.derive.language.syntax.located_error import pointed
from gradscribe.derive.layer.interface import Layer

LONGEST = 20_000
LONGEST_WORD = 60


class _Brackets(PostLex):
    """A line does not end within parentheses."""

    always_accept = ("_END",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Leave such ends of lines out."""
        depth = 0
        for token in stream:
            depth += {"LPAR": 1, "RPAR": -1}.get(token.type, 0)
            if token.type != "_END" or depth <= 0:
                yield token


@cache
def _parser() -> Lark:
    grammar = Path(__file__).with_name("network.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=True, postlex=_Brackets())


def read_network(
    text: str,
    name: str,
    layers: Mapping[str, Layer | Callable[[], Layer]],
    *,
    joins: Mapping[str, Callable[[int], Layer]] | None = None,
    data: Mapping[str, Data] | None = None,
    starts: Mapping[str, Start] | None = None,
    **interface: Any,
) -> Network:
    """The network that a text describes; docs/networks.md is its reference.

    Args:
        text: chains of layers, such as ``conv2d(8, 3, padding=1) -> relu -> flatten -> dense(10)``.
        name: the network's name, also the stem of its functions.
        layers: all layers that the text may name, or functions that make them; ``residual`` adds by "residual_add".
        joins: layers of any number of inputs by name, given that number.
        data: constants by "node.input", numbers in nested tuples: LeNet-5's table of connections.
        starts: how weights start, by "node.weight", or by "weight" for all nodes.
        **interface: fields of `Network` such as title, class_name, source.

    Raises:
        NetworkError: for any mistake; the message names the network, the node, what was expected and received.
    """
    if len(text) > LONGEST:
        raise NetworkError(f"{name}: the text has {len(text)} characters; expected at most {LONGEST}")
    long = next((w for w in re.findall(r"#[^\n]*|\w+", text) if w[0] != "#" and len(w) > LONGEST_WORD), None)
    if long is not None:
        raise NetworkError(f"{name}: a word of {len(long)} characters, {quoted(long)}; expected at most {LONGEST_WORD}")
    lines = [branch(line) for line in _tree(text, name).children]
    declared = {str(line.children[0]) for line in lines if line.data == "named"}
    known = {word: _made(found) for word, found in layers.items()}
    nodes = NodeReader(name, known, joins or {}, declared)
    reader = LineReader(nodes)
    try:
        for line in lines:
            reader.line(line)
        if reader.last is None or not nodes.nodes:
            raise NetworkError(f"{name}: the text has no layer; expected such as 'conv2d -> tanh -> conv2d'")
        found = [_with_extras(nodes.resolved(node), data or {}, starts or {}) for node in nodes.nodes]
        _check_extras(name, found, data or {}, starts or {})
        output, *more = reader.values()
        fields = {"letters": reader.letters, "text": dedent(text).strip(), **interface}
        losses = [replace(loss, source=nodes.resolve(loss.source)) for loss in reader.losses]
        return compose(name, found, output, outputs=more, inputs=nodes.inputs, losses=losses, **fields)
    except NetworkError as error:
        place = error.place or nodes.places.get(error.node)
        if place is None:
            raise
        where = f"line {place.line}, column {place.column}"
        pointing = NetworkError(f"{error}\n  {where}:\n{pointed(place, text)}")
        raise pointing.placed(str(error), place.line, place.column, place.end) from None


def _made(layer: Layer | Callable[[], Layer]) -> Callable[[], Layer]:
    """What makes the layer, once."""
    return (lambda: layer) if isinstance(layer, Layer) else cache(layer)


def _tree(text: str, name: str) -> Tree[Token]:
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        line, column = max(error.line, 1), max(error.column, 1)
        lines = text.split("\n")
        shown = lines[min(line, len(lines)) - 1]
        found = quoted(shown[column - 1 : column + 11]) if column <= len(shown) else "the end of the text"
        said = f"found {found}; expected layers joined by ->, such as conv2d(6, 5) -> tanh -> flatten -> dense(10)"
        wrong = NetworkError(f"{name}: line {line}, column {column}: {said}")
        raise wrong.placed(said, line, column, column + 1) from None


def _with_extras(node: Node, data: Mapping[str, Data], starts: Mapping[str, Start]) -> Node:
    inputs = [t.name for t in node.layer.program.inputs]
    start = {w: starts[w] for w in node.layer.weights if w in starts}
    start |= {w: starts[f"{node.name}.{w}"] for w in node.layer.weights if f"{node.name}.{w}" in starts}
    own = {t: data[f"{node.name}.{t}"] for t in inputs if f"{node.name}.{t}" in data}
    return replace(node, data=tuple(own.items()), start=tuple(start.items()))


def _check_extras(name: str, nodes: Sequence[Node], data: Mapping[str, Any], starts: Mapping[str, Any]) -> None:
    known = {f"{n.name}.{t.name}" for n in nodes for t in n.layer.program.inputs}
    weights = {w for n in nodes for w in n.layer.weights}
    for key in (*data, *starts):
        if key not in known and key not in weights:
            raise NetworkError(f"{name}: {shown(key)} is no input of a node; expected NODE.INPUT, such as c1.w")
