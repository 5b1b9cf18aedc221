"""Network text -> Network: ``conv2d -> tanh -> max_pool2d -> conv2d``. Nothing is evaluated as text."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput
from lark.lark import PostLex

from gradscribe.derive.composition.joining.compose import compose
from gradscribe.derive.composition.joining.program_builder import INPUT
from gradscribe.derive.composition.network import LOSS, Data, Network, NetworkError, Node, Start
from gradscribe.derive.ir.quote import quoted, shown
from gradscribe.derive.language.syntax.located_error import pointed
from gradscribe.derive.language.syntax.tree import Place
from gradscribe.derive.layer.interface import REQUIRED, Layer

LONGEST, LONGEST_NUMBER = 20_000, 12
LONGEST_WORD = 60
FLAGS = {"true": True, "false": False}


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
    data: Mapping[str, Data] | None = None,
    starts: Mapping[str, Start] | None = None,
    **interface: Any,
) -> Network:
    """The network that a text describes; docs/networks.md is its reference.

    Args:
        text: chains of layers, such as ``conv2d(8, 3, padding=1) -> relu -> flatten -> dense(10)``.
        name: the network's name, also the stem of its functions.
        layers: all layers that the text may name, or functions that make them; ``residual`` adds by "residual_add".
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
    lines = [_branch(line) for line in _tree(text, name).children]
    declared = {str(line.children[0]) for line in lines if line.data == "named"}
    known = {word: _made(found) for word, found in layers.items()}
    reader = _Reader(name, known, declared)
    for line in lines:
        reader.line(line)
    if reader.last is None or not reader.nodes:
        raise NetworkError(f"{name}: the text has no layer; expected such as 'conv2d -> tanh -> conv2d'")
    nodes = [_with_extras(reader.resolved(node), data or {}, starts or {}) for node in reader.nodes]
    _check_extras(name, nodes, data or {}, starts or {})
    try:
        written = dedent(text).strip()
        return compose(name, nodes, reader.last, inputs=reader.inputs, loss=reader.loss, text=written, **interface)
    except NetworkError as error:
        place = reader.places.get(error.node)
        if place is None:
            raise
        where = f"line {place.line}, column {place.column}"
        raise NetworkError(f"{error}\n  {where}:\n{pointed(place, text)}") from None


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
        raise NetworkError(
            f"{name}: line {line}, column {column}: found {found}; expected layers joined by ->, such as "
            f"conv2d(6, 5) -> tanh -> flatten -> dense(10)"
        ) from None


@dataclass
class _Reader:
    """The nodes so far; a step without a name of its own is called after its layer."""

    name: str
    layers: Mapping[str, Callable[[], Layer]]
    declared: set[str]
    nodes: list[Node] = field(default_factory=list)
    inputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    last: str | None = None
    loss: Layer | None = None
    places: dict[str, Place] = field(default_factory=dict)

    def line(self, line: Tree[Token]) -> None:
        """One line of the text."""
        if line.data == "input":
            _, given, *extents = [_token(child) for child in line.children]
            if str(given) in self.inputs:
                raise NetworkError(f"{self._at(given)}: input {shown(given)} is declared twice")
            self.inputs[str(given)] = tuple(self._extent(str(given), e) for e in extents)
        elif line.data == "loss":
            _, step = line.children
            _, layer, arguments = self._step(_branch(step))
            self.places[LOSS] = _place(_branch(step).children[1])
            if arguments:
                raise NetworkError(f"{self.name}: loss {layer.name}: takes no settings here")
            self.loss = layer
        elif line.data == "named":
            name, chain = line.children
            self.names[str(name)] = self._chain(_branch(chain), self._before())
            self.last = self.names[str(name)]
        else:
            self.last = self._chain(line, self._before())

    def _extent(self, name: str, token: Token) -> int | str:
        """The extent of an axis of an input: a number, or the name of a size."""
        if token.type != "NUMBER":
            return str(token)
        if not re.fullmatch(r"-?[0-9]+", token) or len(token) > LONGEST_NUMBER:
            raise NetworkError(
                f"{self._at(token)}: input {name}: expected an integer or a name, received {shown(token)}"
            )
        return int(token)

    def _at(self, token: Token) -> str:
        return f"{self.name}: line {token.line}, column {token.column}"

    def _before(self) -> str:
        """What a chain begins with that names nothing."""
        return self.last or next(iter(self.inputs), INPUT)

    def _chain(self, chain: Tree[Token], before: str) -> str:
        """Append the nodes of a chain that starts from value `before`; the name of its value."""
        current: tuple[str, ...] = (before,)
        for number, part in enumerate(map(_branch, chain.children)):
            if part.data == "sources":
                current = tuple(self._reference(str(t)) for t in part.children)
            elif part.data == "residual":
                current = (self._residual(part, current[0]),)
            elif number == 0 and self._is_reference(part):
                current = (self._reference(str(part.children[1])),)
            else:
                current = (self._node(part, current),)
        if len(current) > 1:
            raise NetworkError(
                f"{self.name}: a chain ends with {len(current)} values; expected a layer that joins them"
            )
        return current[0]

    def _is_reference(self, step: Tree[Token]) -> bool:
        own, name, *arguments = step.children
        known = {*self.declared, *self.inputs, *(n.name for n in self.nodes), INPUT}
        return own is None and not any(a is not None for a in arguments) and str(name) in known - set(self.layers)

    def _reference(self, name: str) -> str:
        return self.names.get(name, name)

    def resolved(self, node: Node) -> Node:
        """A node may read a value that is named further down."""
        return replace(node, inputs=tuple(self._reference(source) for source in node.inputs))

    def _residual(self, part: Tree[Token], before: str) -> str:
        """Around a branch: the sum of its value and of its input, which may pass a chain of its own."""
        _, branch, shortcut = part.children
        value = self._chain(_branch(branch), before)
        around = self._chain(_branch(shortcut), before) if shortcut is not None else before
        name = self._fresh("residual_add")
        self.places[name] = _place(part.children[0])
        self.nodes.append(Node(name, self.layers["residual_add"](), (value, around), named=False))
        return name

    def _node(self, step: Tree[Token], inputs: tuple[str, ...]) -> str:
        own, layer, settings = self._step(step)
        name = own or self._fresh(layer.name)
        self.places[name] = _place(step.children[1])
        self.nodes.append(Node(name, layer, inputs, settings, named=own is not None))
        return name

    def _step(self, step: Tree[Token]) -> tuple[str | None, Layer, tuple[tuple[str, Any], ...]]:
        own, name, *arguments = step.children
        if str(name) not in self.layers:
            close = get_close_matches(str(name).lower(), self.layers, n=1)
            hint = f"did you mean {close[0]}?" if close else "expected a layer that `gradscribe list` shows"
            raise NetworkError(f"{self.name}: unknown layer {quoted(name)}: {hint}")
        layer = self.layers[str(name)]()
        positional = [f for f, _ in layer.features if not _inferred(f)]
        positional += [o.name for o in layer.options if o.default is REQUIRED]
        positional += [o.name for o in layer.options if o.default is not REQUIRED and o.name not in positional]
        settings: dict[str, Any] = {}
        for place, argument in enumerate(_branch(a) for a in arguments if a is not None):
            key, value = argument.children
            if key is None and place >= len(positional):
                raise NetworkError(f"{self.name}, {layer.name}: at most {len(positional)} settings without a name")
            word = str(key) if key is not None else positional[place]
            if word in settings:
                raise NetworkError(f"{self.name}, {layer.name}: {word} is given twice")
            settings[word] = _read(value)
        return (str(own) if own is not None else None), layer, tuple(settings.items())

    def _fresh(self, stem: str) -> str:
        taken = {*self.declared, *(n.name for n in self.nodes)}
        numbered = (f"{stem}{k}" for k in range(1, len(taken) + 2))
        return next(n for n in numbered if n not in taken)


def _inferred(feature: str) -> bool:
    """Whether a number of features is that of the input: it follows from what the layer reads."""
    return feature.startswith("in") or feature in ("channels", "num_features", "num_channels", "num_parameters")


def _read(value: Any) -> Any:
    """A setting as a number, a flag, a name, a text or a tuple of these."""
    if isinstance(value, Tree):
        return tuple(_read(v) for v in value.children if v is not None)
    text = str(value)
    if value.type == "NUMBER":
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    if value.type == "STRING":
        return text[1:-1]
    return FLAGS.get(text.lower(), text)


def _with_extras(node: Node, data: Mapping[str, Data], starts: Mapping[str, Start]) -> Node:
    inputs = [t.name for t in node.layer.program.inputs]
    start = {w: starts[w] for w in node.layer.weights if w in starts}
    start |= {w: starts[f"{node.name}.{w}"] for w in node.layer.weights if f"{node.name}.{w}" in starts}
    own = {t: data[f"{node.name}.{t}"] for t in inputs if f"{node.name}.{t}" in data}
    return Node(node.name, node.layer, node.inputs, node.settings, tuple(own.items()), tuple(start.items()), node.named)


def _check_extras(name: str, nodes: Sequence[Node], data: Mapping[str, Any], starts: Mapping[str, Any]) -> None:
    known = {f"{n.name}.{t.name}" for n in nodes for t in n.layer.program.inputs}
    weights = {w for n in nodes for w in n.layer.weights}
    for key in (*data, *starts):
        if key not in known and key not in weights:
            raise NetworkError(f"{name}: {shown(key)} is no input of a node; expected NODE.INPUT, such as c1.w")


def _branch(tree: Any) -> Tree[Token]:
    assert isinstance(tree, Tree)
    return tree


def _place(value: Any) -> Place:
    token = _token(value)
    return Place(token.line or 1, token.column or 1, token.end_column or 2)


def _token(value: Any) -> Token:
    assert isinstance(value, Token)
    return value
