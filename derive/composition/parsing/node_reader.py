"""Chains of a network's text -> its nodes: joins, sums, repetitions; blocks are written out where they stand."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import count
from typing import Any

from lark import Token, Tree

from gradscribe.derive.composition.joining.node_settings import open_features
from gradscribe.derive.composition.joining.program_builder import INPUT
from gradscribe.derive.composition.network import NetworkError, Node
from gradscribe.derive.composition.parsing.named_axes import REARRANGE, rearranged
from gradscribe.derive.composition.parsing.tokens import Reference, branch, place, settings
from gradscribe.derive.composition.parsing.written_blocks import Block, Surroundings, Written
from gradscribe.derive.ir.quote import listed, quoted, shown
from gradscribe.derive.language.syntax.tree import Place
from gradscribe.derive.layer.interface import REQUIRED, Layer

MOST_NODES, DEEPEST = 4_000, 8
"""Layers of a network, and blocks within blocks: they grow fast."""
SHARE = "share"
"""The word for a layer or block that is used again, with the weights that it has."""


@dataclass
class NodeReader:
    """The nodes so far; a step without a name of its own is called after its layer or block.

    Attributes:
        name: the network's.
        layers: what makes a layer, by the word for it.
        joins: what makes one of any number of inputs, likewise.
        declared: the names of lines.
        inputs: the network's, with the extents of their axes.
        nodes: in the order of the text.
        made: the same by name.
        names: what is called otherwise than its node: lines and places of blocks.
        numbers: by what names begin with the number that the last one was given; those before it are taken.
        places: where the nodes stand.
        blocks: those defined so far.
        written: those written out, by what their places are called.
    """

    name: str
    layers: Mapping[str, Callable[[], Layer]]
    joins: Mapping[str, Callable[[int], Layer]]
    declared: set[str]
    inputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    made: dict[str, Node] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    written: dict[str, Written] = field(default_factory=dict)

    def chain(self, chain: Tree[Token], before: str) -> str:
        """Append the nodes of a chain that starts from the value `before`; the name of its value."""
        return self._one(chain, (before,), Surroundings())

    def _one(self, chain: Tree[Token], before: tuple[str, ...], around: Surroundings) -> str:
        """The value of a chain that should have one."""
        values = self._values(chain, before, around)
        if len(values) > 1:
            said = f"a chain ends with {len(values)} values; expected a layer that joins them"
            first = next(iter(branch(chain.children[-1]).scan_values(lambda v: isinstance(v, Token))))
            raise NetworkError(f"{self.name}: {said}", place=place(first))
        return values[0]

    def _values(self, chain: Tree[Token], before: tuple[str, ...], around: Surroundings) -> tuple[str, ...]:
        """Append the nodes of a chain that starts from the values `before`; the names of its values."""
        current = before
        for number, part in enumerate(map(branch, chain.children)):
            if number == 0 and part.data == "step" and self._is_reference(part, around):
                current = (self._reference(str(part.children[1]), around),)
            else:
                current = self._part(part, current, around)
        return current

    def _part(self, part: Tree[Token], before: tuple[str, ...], around: Surroundings) -> tuple[str, ...]:
        """Append the nodes of what stands between two arrows; the names of its values."""
        if part.data == "join":
            return tuple(v for inner in map(branch, part.children) for v in self._branch(inner, before, around))
        if part.data == "residual":
            return (self._residual(part, before, around),)
        if part.data == "repeat":
            return self._repeated(part, before, around)
        word = str(part.children[1])
        with pointing(part.children[1]):
            if word in self.blocks:
                return self._block(part, before, around)
            if word == SHARE and word not in self.layers:
                return self._share(part, before, around)
            return (self._node(part, before, around),)

    def _branch(self, chain: Tree[Token], before: tuple[str, ...], around: Surroundings) -> tuple[str, ...]:
        """One of the chains in parentheses; a name alone is that of a value, which may be named further down."""
        first = branch(chain.children[0])
        if len(chain.children) == 1 and first.data == "step" and self._is_bare(first):
            word = str(first.children[1])
            if word not in {*self.layers, *self.joins, *self.blocks} or self._is_known(word, around):
                self.places.setdefault(word, place(first.children[1]))
                return (self._reference(word, around),)
        return self._values(chain, before, around)

    @staticmethod
    def _is_bare(step: Tree[Token]) -> bool:
        own, _, *arguments = step.children
        return own is None and all(a is None for a in arguments)

    def is_value(self, step: Tree[Token]) -> bool:
        """Whether a step at the top of a text is the name of a value, and no layer."""
        return self._is_reference(step, Surroundings())

    def _is_reference(self, step: Tree[Token], around: Surroundings) -> bool:
        word = str(step.children[1])
        layer = word in {*self.layers, *self.blocks} and word not in around.given
        return self._is_bare(step) and not layer and ("." in word or self._is_known(word, around))

    def _is_known(self, word: str, around: Surroundings) -> bool:
        """Whether a value goes by a name."""
        known = word in {*self.declared, *self.inputs, INPUT, *around.given}
        return known or any(n in self.made or n in self.names for n in _candidates(word, around))

    def _reference(self, word: str, around: Surroundings) -> str:
        """What a name stands for: within a block first for what is in it; ``cell.z`` is another output of a layer."""
        base, dot, output = word.partition(".")
        if base in around.given:
            return around.given[base] + dot + output
        found = next((n for n in _candidates(base, around) if n in self.names or n in self.made), base)
        return self.names.get(found, found) + dot + output

    def resolved(self, node: Node) -> Node:
        """A node may read a value that is named further down; in a network with blocks levels have numbers."""
        return replace(
            node,
            inputs=tuple(map(self.resolve, node.inputs)),
            shared=tuple((weight, self.resolve(source)) for weight, source in node.shared),
            named=node.named and not self.written,
        )

    def resolve(self, source: str) -> str:
        """The node, or the output of one, that a name stands for in the end."""
        base, dot, output = source.partition(".")
        return self.names.get(base, base) + dot + output

    def _residual(self, part: Tree[Token], before: tuple[str, ...], around: Surroundings) -> str:
        """Around a branch: the sum of its value and of its input, which may pass a chain of its own."""
        own, word, inner, shortcut = part.children
        if len(before) > 1:
            raise NetworkError(f"{self.name}: a residual reads one value, received {listed(before)}", place=place(word))
        value = self._one(branch(inner), before, around)
        other = self._one(branch(shortcut), before, around) if shortcut is not None else before[0]
        return self._append(own, self.layers["residual_add"](), (value, other), (), word, around)

    def _repeated(self, part: Tree[Token], before: tuple[str, ...], around: Surroundings) -> tuple[str, ...]:
        """``repeat 3: block: basic(8)``: the same several times, what is named in it numbered."""
        _, times, inner = part.children
        number = around.bound.get(str(times), str(times))
        if not str(number).isdecimal() or not 1 <= int(number) <= MOST_NODES:
            said = f"repeat: expected a number of times from 1 to {MOST_NODES}, received {shown(number)}"
            raise NetworkError(f"{self.name}: {said}", place=place(times))
        current = before
        for turn in range(1, int(number) + 1):
            current = self._part(branch(inner), current, around.turn(turn))
        return current

    def _node(self, step: Tree[Token], inputs: tuple[str, ...], around: Surroundings) -> str:
        layer, given = self.layer(step, around, len(inputs))
        taken = {("b" if key == "bias" else key): value for key, value in given if isinstance(value, Reference)}
        for key, value in taken.items():
            if key not in layer.weights:
                expected = listed(layer.weights) or "none, as it has no weights"
                raise NetworkError(f"{self.name}, {layer.name}: {key}={value}: expected a weight of it: {expected}")
        plain = tuple((key, value) for key, value in given if not isinstance(value, Reference))
        shared = tuple((weight, self._reference(source, around)) for weight, source in taken.items())
        return self._append(step.children[0], layer, inputs, plain, step.children[1], around, shared)

    def _append(
        self,
        own: Any,
        layer: Layer,
        inputs: tuple[str, ...],
        given: tuple[tuple[str, Any], ...],
        word: Any,
        around: Surroundings,
        shared: tuple[tuple[str, str], ...] = (),
    ) -> str:
        if len(self.nodes) >= MOST_NODES:
            raise NetworkError(f"{self.name}: more than {MOST_NODES} layers; blocks within blocks multiply")
        name = self._called(own, layer.name, around)
        twin = around.shared(name)
        self.places[name] = place(word)
        node = Node(
            name,
            layer,
            inputs,
            given,
            named=own is not None,
            block=around.block,
            instance=around.instance,
            shared=shared if twin is None else _held(self.made[twin]),
        )
        self.nodes.append(node)
        self.made[name] = node
        return name

    def _share(self, step: Tree[Token], inputs: tuple[str, ...], around: Surroundings) -> tuple[str, ...]:
        """``share(a)``: the layer or block a again, with its weights."""
        own, word, *arguments = step.children
        given = settings(arguments, ["of"], {}, f"{self.name}, {SHARE}")
        of = given.get("of")
        if set(given) != {"of"} or not isinstance(of, str):
            said = "expected the name of a layer or block, as share(a); its settings are those that a has"
            raise NetworkError(f"{self.name}, {SHARE}: {said}")
        found = next((n for n in _candidates(of, around) if n in {*self.made, *self.names, *self.written}), of)
        if found in self.written:
            before = self.written[found]
            return self._write_out(own, before.block, before.given, inputs, around, word, before.prefix)
        node = self.made.get(self.names.get(found, found))
        if node is None:
            close = get_close_matches(of, [*self.made, *self.written, *self.names], n=1)
            hint = f"did you mean {close[0]}?" if close else "expected a layer or block above that has a name"
            raise NetworkError(f"{self.name}, {SHARE}: nothing is called {quoted(of)}: {hint}")
        if not node.layer.weights:
            raise NetworkError(f"{self.name}, {SHARE}: {of} is {node.layer.name}, which has no weights to share")
        return (self._append(own, node.layer, inputs, node.settings, word, around, _held(node)),)

    def _block(self, step: Tree[Token], inputs: tuple[str, ...], around: Surroundings) -> tuple[str, ...]:
        """What a block's name stands for."""
        own, word, *arguments = step.children
        block = self.blocks[str(word)]
        where = f"{self.name}, {block.name}"
        given = settings(arguments, block.parameters, around.bound, where)
        if set(given) != set(block.parameters):
            received = listed(list(given)) or "none"
            raise NetworkError(f"{where}: expected the settings {listed(block.parameters)}, received {received}")
        return self._write_out(own, block, given, inputs, around, word, None)

    def _write_out(
        self,
        own: Any,
        block: Block,
        given: Mapping[str, Any],
        inputs: tuple[str, ...],
        around: Surroundings,
        word: Any,
        twin: str | None,
    ) -> tuple[str, ...]:
        """Write a block out: its nodes, under names that begin with what its place is called; the names of its values.

        `twin` is what the names of the nodes begin with whose weights it has, None where it has weights of its own.
        """
        where = f"{self.name}, {block.name}"
        if around.depth == DEEPEST:
            raise NetworkError(f"{where}: stands within {DEEPEST} blocks; expected fewer")
        if block.inputs and len(block.inputs) != len(inputs):
            several = f"({listed(block.inputs)}) -> {block.name}" if len(block.inputs) > 1 else "one value"
            raise NetworkError(f"{where}: expected {several}, received {listed(inputs)}")
        instance = self._called(own, block.name, around)
        shared = around.shared(instance)
        inner = Surroundings(
            prefix=f"{instance}_",
            bound=given,
            given=dict(zip(block.inputs, inputs, strict=False)),
            block=around.block or block.name,
            instance=around.instance or instance,
            depth=around.depth + 1,
            twin=twin if shared is None else f"{shared}_",
        )
        before, known = len(self.nodes), self.blocks
        self.places[instance] = place(word)
        self.written[instance] = Written(block, given, inner.twin or inner.prefix)
        self.blocks = dict(block.above)
        values = self._values(block.chain, inputs, inner)
        self.blocks = known
        if len(self.nodes) == before:
            raise NetworkError(f"{where}: has no layer")
        if len(values) == 1:
            self.names[instance] = values[0]
        return values

    def layer(self, step: Tree[Token], around: Surroundings, inputs: int) -> tuple[Layer, tuple[tuple[str, Any], ...]]:
        """The layer that a step names, for so many inputs, and its settings."""
        _, word, *arguments = step.children
        if str(word) == REARRANGE and REARRANGE not in self.layers:
            given = settings(arguments, ["pattern"], around.bound, f"{self.name}, {REARRANGE}")
            pattern = given.pop("pattern", None)
            return rearranged(pattern, list(given), f"{self.name}, {REARRANGE}"), tuple(given.items())
        if str(word) not in self.layers:
            close = get_close_matches(str(word).lower(), [*self.blocks, *self.layers, SHARE, REARRANGE], n=1)
            hint = f"did you mean {close[0]}?" if close else "expected a layer that `gradscribe list` shows"
            raise NetworkError(f"{self.name}: unknown layer {quoted(word)}: {hint}")
        more = inputs > 2 and str(word) in self.joins
        layer = self.joins[str(word)](inputs) if more else self.layers[str(word)]()
        positional = [f for f, _ in open_features(layer) if not _inferred(f)]
        positional += [o.name for o in layer.options if o.default is REQUIRED and o.name not in positional]
        positional += [o.name for o in layer.options if o.default is not REQUIRED and o.name not in positional]
        given = settings(arguments, positional, around.bound, f"{self.name}, {layer.name}")
        return layer, tuple(given.items())

    def _called(self, own: Any, stem: str, around: Surroundings) -> str:
        """The name of a step: its own, or one made from that of its layer or block."""
        if own is not None:
            return around.called(str(own))
        stem = around.prefix + stem
        numbered = ((k, f"{stem}{k}") for k in count(self.numbers.get(stem, 0) + 1))
        taken = self.declared, self.names, self.made, self.written
        self.numbers[stem], name = next((k, n) for k, n in numbered if not any(n in names for names in taken))
        return name


def _candidates(word: str, around: Surroundings) -> tuple[str, ...]:
    """What a name may be in full, the nearest first."""
    return tuple(dict.fromkeys((around.called(word), around.prefix + word, word)))


def _held(node: Node) -> tuple[tuple[str, str], ...]:
    """Weights and statistics of a node, and whose they are."""
    own = (*node.layer.weights, *(name for name, _, _ in node.layer.state))
    return tuple(({name: f"{node.name}.{name}" for name in own} | dict(node.shared)).items())


@contextmanager
def pointing(word: Any) -> Iterator[None]:
    """Say of a mistake which word of the text it is in."""
    try:
        yield
    except NetworkError as error:
        error.place = error.place or place(word)
        raise


def _inferred(feature: str) -> bool:
    """Whether a number of features is that of the input: it follows from what the layer reads."""
    return feature.startswith("in") or feature in ("channels", "num_features", "num_channels", "num_parameters")
