"""Lines of a network's text -> its nodes: chains, residual sums, and blocks, which are written out where they stand."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import count
from typing import Any

from lark import Token, Tree

from gradscribe.derive.composition.joining.program_builder import INPUT
from gradscribe.derive.composition.network import LOSS, NetworkError, Node
from gradscribe.derive.composition.parsing.tokens import branch, place, settings, token
from gradscribe.derive.ir.quote import listed, quoted, shown
from gradscribe.derive.language.syntax.tree import Place
from gradscribe.derive.layer.interface import REQUIRED, Layer
from gradscribe.derive.layer.letters import read_letters

LONGEST_NUMBER = 12
MOST_NODES, DEEPEST = 4_000, 8
"""Layers of a network, and blocks within blocks: they grow fast."""


@dataclass(frozen=True)
class Block:
    """``block NAME(parameters) = chain``: what stands where the name stands."""

    name: str
    parameters: tuple[str, ...]
    chain: Tree[Token]


@dataclass(frozen=True)
class Surroundings:
    """The block that a step stands in; at the top of a text there is none.

    Attributes:
        prefix: what the names of its nodes begin with.
        bound: values of the parameters by name.
        block: the outermost block.
        instance: what its place in the network is called.
        depth: of how many blocks it is within.
    """

    prefix: str = ""
    bound: Mapping[str, Any] = field(default_factory=dict)
    block: str = ""
    instance: str = ""
    depth: int = 0


@dataclass
class NodeReader:
    """The nodes so far; a step without a name of its own is called after its layer or block.

    Attributes:
        made: the names of the nodes.
        numbers: by what names begin with the number that the last one was given; those before it are taken.
    """

    name: str
    layers: Mapping[str, Callable[[], Layer]]
    declared: set[str]
    nodes: list[Node] = field(default_factory=list)
    inputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)
    last: str | None = None
    loss: Layer | None = None
    places: dict[str, Place] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    written_out: bool = False
    letters: str = ""

    def line(self, line: Tree[Token]) -> None:
        """One line of the text."""
        if line.data == "input":
            _, given, *extents = [token(child) for child in line.children]
            if str(given) in self.inputs:
                raise self._wrong(given, f"input {shown(given)} is declared twice")
            self.inputs[str(given)] = tuple(self._extent(str(given), e) for e in extents)
        elif line.data == "loss":
            _, step = line.children
            with _pointing(branch(step).children[1]):
                layer, arguments = self._layer(branch(step), Surroundings())
            self.places[LOSS] = place(branch(step).children[1])
            if arguments:
                raise NetworkError(f"{self.name}: loss {layer.name}: takes no settings here")
            self.loss = layer
        elif line.data == "letters":
            self._ask(token(line.children[0]))
        elif line.data == "block":
            _, name, *parameters, chain = line.children
            self._define(token(name), [token(p) for p in parameters if p is not None], branch(chain))
        elif line.data == "named":
            name, chain = line.children
            self.names[str(name)] = self._chain(branch(chain), (self._before(),), Surroundings())
            self.last = self.names[str(name)]
        else:
            self.last = self._chain(line, (self._before(),), Surroundings())

    def _ask(self, request: Token) -> None:
        """What derivations are written with; which names there are, the composed network knows."""
        text = str(request).removeprefix("letters").strip()
        read_letters(text, f"{self._at(request)}: letters")
        self.letters = ", ".join(filter(None, (self.letters, text)))

    def _define(self, name: Token, parameters: list[Token], chain: Tree[Token]) -> None:
        if str(name) in {*self.layers, *self.blocks}:
            known = "a layer" if str(name) in self.layers else "another block"
            raise self._wrong(name, f"block {shown(name)}: that is the name of {known}")
        words = tuple(map(str, parameters))
        if len(set(words)) < len(words):
            raise self._wrong(name, f"block {shown(name)}: two parameters have one name")
        self.blocks[str(name)] = Block(str(name), words, chain)

    def _extent(self, name: str, given: Token) -> int | str:
        """The extent of an axis of an input: a number, or the name of a size."""
        if given.type != "NUMBER":
            return str(given)
        if not re.fullmatch(r"-?[0-9]+", given) or len(given) > LONGEST_NUMBER:
            raise self._wrong(given, f"input {name}: expected an integer or a name, received {shown(given)}")
        return int(given)

    def _wrong(self, given: Token, said: str) -> NetworkError:
        """A mistake in a word of the text."""
        return NetworkError(f"{self.name}: {said}", place=place(given))

    def _at(self, given: Token) -> str:
        return f"{self.name}: line {given.line}, column {given.column}"

    def _before(self) -> str:
        """What a chain begins with that names nothing."""
        return self.last or next(iter(self.inputs), INPUT)

    def _chain(self, chain: Tree[Token], before: tuple[str, ...], around: Surroundings) -> str:
        """Append the nodes of a chain that starts from the values `before`; the name of its value."""
        current = before
        for number, part in enumerate(map(branch, chain.children)):
            if part.data == "sources":
                current = tuple(self._reference(str(t), around) for t in part.children)
            elif part.data == "residual":
                current = (self._residual(part, current[0], around),)
            elif number == 0 and self._is_reference(part, around):
                current = (self._reference(str(part.children[1]), around),)
            else:
                made = self._block if str(part.children[1]) in self.blocks else self._node
                with _pointing(part.children[1]):
                    current = (made(part, current, around),)
        if len(current) > 1:
            raise NetworkError(
                f"{self.name}: a chain ends with {len(current)} values; expected a layer that joins them"
            )
        return current[0]

    def _is_reference(self, step: Tree[Token], around: Surroundings) -> bool:
        own, name, *arguments = step.children
        if own is not None or any(a is not None for a in arguments) or str(name) in {*self.layers, *self.blocks}:
            return False
        known = str(name) in {*self.declared, *self.inputs, INPUT}
        return known or any(n in self.made or n in self.names for n in (str(name), around.prefix + str(name)))

    def _reference(self, name: str, around: Surroundings) -> str:
        """What a name stands for: within a block first for what is in it."""
        inner = around.prefix + name
        found = inner if inner in self.names or inner in self.made else name
        return self.names.get(found, found)

    def resolved(self, node: Node) -> Node:
        """A node may read a value that is named further down; in a network with blocks levels have numbers."""
        inputs = tuple(self.names.get(source, source) for source in node.inputs)
        return replace(node, inputs=inputs, named=node.named and not self.written_out)

    def _residual(self, part: Tree[Token], before: str, around: Surroundings) -> str:
        """Around a branch: the sum of its value and of its input, which may pass a chain of its own."""
        own, word, inner, shortcut = part.children
        value = self._chain(branch(inner), (before,), around)
        other = self._chain(branch(shortcut), (before,), around) if shortcut is not None else before
        return self._append(own, self.layers["residual_add"](), (value, other), (), word, around)

    def _node(self, step: Tree[Token], inputs: tuple[str, ...], around: Surroundings) -> str:
        layer, given = self._layer(step, around)
        return self._append(step.children[0], layer, inputs, given, step.children[1], around)

    def _append(
        self,
        own: Any,
        layer: Layer,
        inputs: tuple[str, ...],
        given: tuple[tuple[str, Any], ...],
        word: Any,
        around: Surroundings,
    ) -> str:
        if len(self.nodes) >= MOST_NODES:
            raise NetworkError(f"{self.name}: more than {MOST_NODES} layers; blocks within blocks multiply")
        name = self._called(own, layer.name, around)
        self.places[name] = place(word)
        self.made.add(name)
        self.nodes.append(
            Node(name, layer, inputs, given, named=own is not None, block=around.block, instance=around.instance)
        )
        return name

    def _block(self, step: Tree[Token], inputs: tuple[str, ...], around: Surroundings) -> str:
        """Write a block out: its nodes, under names that begin with what its place is called; the name of its value."""
        own, word, *arguments = step.children
        block = self.blocks[str(word)]
        where = f"{self.name}, {block.name}"
        given = settings(arguments, block.parameters, around.bound, where)
        if set(given) != set(block.parameters):
            received = listed(list(given)) or "none"
            raise NetworkError(f"{where}: expected the settings {listed(block.parameters)}, received {received}")
        if around.depth == DEEPEST:
            raise NetworkError(f"{where}: stands within {DEEPEST} blocks; expected fewer")
        instance = self._called(own, block.name, around)
        outer = around.block or block.name, around.instance or instance
        inner = Surroundings(f"{instance}_", given, *outer, around.depth + 1)
        self.written_out, before = True, len(self.nodes)
        known, self.blocks = self.blocks, dict(self._above(block))
        self.names[instance] = self._chain(block.chain, inputs, inner)
        self.blocks = known
        if len(self.nodes) == before:
            raise NetworkError(f"{where}: has no layer")
        return self.names[instance]

    def _above(self, block: Block) -> list[tuple[str, Block]]:
        """The blocks that were defined before another one: those that it may consist of."""
        return list(self.blocks.items())[: list(self.blocks).index(block.name)]

    def _layer(self, step: Tree[Token], around: Surroundings) -> tuple[Layer, tuple[tuple[str, Any], ...]]:
        """The layer that a step names, and its settings."""
        _, name, *arguments = step.children
        if str(name) not in self.layers:
            close = get_close_matches(str(name).lower(), [*self.blocks, *self.layers], n=1)
            hint = f"did you mean {close[0]}?" if close else "expected a layer that `gradscribe list` shows"
            raise NetworkError(f"{self.name}: unknown layer {quoted(name)}: {hint}")
        layer = self.layers[str(name)]()
        positional = [f for f, _ in layer.features if not _inferred(f)]
        positional += [o.name for o in layer.options if o.default is REQUIRED]
        positional += [o.name for o in layer.options if o.default is not REQUIRED and o.name not in positional]
        given = settings(arguments, positional, around.bound, f"{self.name}, {layer.name}")
        return layer, tuple(given.items())

    def _called(self, own: Any, stem: str, around: Surroundings) -> str:
        """The name of a step: its own, or one made from that of its layer or block."""
        if own is not None:
            return around.prefix + str(own)
        stem = around.prefix + stem
        numbered = ((k, f"{stem}{k}") for k in count(self.numbers.get(stem, 0) + 1))
        taken = self.declared, self.names, self.made
        self.numbers[stem], name = next((k, n) for k, n in numbered if not any(n in names for names in taken))
        return name


@contextmanager
def _pointing(word: Any) -> Iterator[None]:
    """Say of a mistake which word of the text it is in."""
    try:
        yield
    except NetworkError as error:
        error.place = error.place or place(word)
        raise


def _inferred(feature: str) -> bool:
    """Whether a number of features is that of the input: it follows from what the layer reads."""
    return feature.startswith("in") or feature in ("channels", "num_features", "num_channels", "num_parameters")
