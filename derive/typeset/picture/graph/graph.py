"""A network's graph before it is drawn: its levels, what they read, and the error signals that come back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Expr

from gradscribe.derive.composition.network import Network, Node
from gradscribe.derive.derivation.network.layer_record import LayerTable, Row
from gradscribe.derive.derivation.network.lettering import Lettering, lettered
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.sentence import Label, Scalar, Words, joined, level_of
from gradscribe.derive.ir.quote import shown
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.document.layer_cells import shape
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from gradscribe.said import say

END = "E"
"""What is differentiated, as a box; keys of inputs have a space in them, so that no level's label is one of these."""
SCALAR = Scalar("E")


@dataclass(frozen=True)
class Layer:
    """A layer within a box: its name in the catalogue, and its settings."""

    name: str
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Box:
    """A level, an input, or E.

    Attributes:
        key: what it goes by: the label of a level.
        heading: what stands in it, as it is written.
        layers: those of a level.
        value: what it hands on, with its shape; "" for E.
        chapter: the label of the level below whose heading its gradients are derived; "" where none are.
    """

    key: str
    heading: str
    layers: tuple[Layer, ...] = ()
    value: str = ""
    chapter: str = ""


@dataclass(frozen=True)
class Edge:
    """A box reads another one; `back` is the error signal with which a gradient comes back, "" where none does."""

    source: str
    target: str
    back: str


@dataclass(frozen=True)
class Stage:
    """Boxes that stand for others, too: how often the network has them, and the labels of the others."""

    keys: tuple[str, ...]
    times: int
    others: Words


@dataclass(frozen=True)
class Graph:
    """Boxes in an order in which each comes after what it reads."""

    name: str
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    stages: tuple[Stage, ...]


def graph(page: Derivation) -> Graph | None:
    """The graph of a network's page; None for what is no network."""
    if page.table is None or not isinstance(page.layer, Network):
        return None
    return _Reading(page, page.layer, page.table, lettered(page.layer, page.program)).graph()


@dataclass(frozen=True)
class _Reading:
    page: Derivation
    network: Network
    table: LayerTable
    lettering: Lettering

    def graph(self) -> Graph:
        rows = self.table.shown
        edges = tuple(dict.fromkeys(self._edges()))  # a stage that is drawn once may be read several times
        inputs = (self._input(e.source) for e in edges if " " in e.source)
        boxes = (*dict.fromkeys(inputs), *map(self._level, rows), Box(END, self._t.expr(SCALAR)))
        return Graph(self.page.name, boxes, edges, tuple(self._stages()))

    @cached_property
    def _t(self) -> TextTypesetter:
        return TextTypesetter(self.page.notation)

    def _level(self, row: Row) -> Box:
        nodes = self._nodes[row.label]
        called = f", {shown(nodes[0].name)}" if nodes[0].block else ""
        value = f"{self._t.expr(Access(self._value(row.label)))} {self._shape(row.shape)}"
        layers = tuple(Layer(shown(n.layer.name), tuple(_settings(n))) for n in nodes)
        return Box(row.label, f"{self._t.expr(Label(row.label))}{called}", layers, value, self._chapter(row.label))

    def _input(self, key: str) -> Box:
        tensor = self.page.program.tensors[key.partition(" ")[2]]
        letter = self._t.expr(Access(tensor.name))
        return Box(key, letter, value=self._shape(tensor.shape))

    def _shape(self, extents: tuple[Expr, ...]) -> str:
        return shape(self.table.number(extents), self._t)

    # ----- who reads whom; a level of a stage that is not drawn is the one that it repeats ---------------------------
    def _edges(self) -> Iterator[Edge]:
        drawn = {label: label for label in self._nodes} | {
            other: label
            for repeat in self.table.repeats
            for block in repeat.others
            for other, label in zip(block, repeat.first, strict=True)
        }
        for row in self.table.shown:
            for read in row.reads:
                key = drawn[read] if isinstance(read, str) else f"input {read.tensor}"
                yield Edge(key, row.label, self._back(read, row.label))
        for output in self.page.program.outputs:
            last = self.network.part[output].node
            label = next(level.label for level in self.lettering.levels if any(n.name == last for n in level.nodes))
            yield Edge(drawn[label], END, self._gradient(self._value(label)) if self.page.sections else "")

    def _back(self, read: str | Access, reader: str) -> str:
        """The error signal of the level that reads; of what has none, as a loss, the gradient by what it reads."""
        value = self._value(read) if isinstance(read, str) else read.tensor
        own = self._tensors[read] if isinstance(read, str) else [value]
        if not any(reader in self._readers(tensor) for tensor in own):
            return ""
        signal = self._gradients.get(self.lettering.signals[reader], "")
        return self._gradient(self.lettering.signals[reader] if signal in self.page.notation.deltas else value)

    def _gradient(self, tensor: str) -> str:
        return self._t.expr(Access(self._gradients[tensor])) if tensor in self._gradients else ""

    @cached_property
    def _gradients(self) -> Mapping[str, str]:
        """What the gradient by a tensor is called; of a copy of another gradient, as that."""
        if self.page.rewritten is None:
            return {}
        whole = self.page.rewritten.shown
        return {t: seed.name for t, seed in whole.seeds.items()} | {
            a.tensor.name: a.gradient.name for a in whole.adjoints
        }

    def _readers(self, tensor: str) -> set[str]:
        """The levels from which a gradient comes back to a tensor."""
        if self.page.rewritten is None:
            return set()
        adjoint = next((a for a in self.page.rewritten.shown.adjoints if a.tensor.name == tensor), None)
        if adjoint is not None:
            return {self.page.notation.level(c.reader.target.name) for c in adjoint.contributions}
        copied = tensor in self.page.rewritten.shown.seeds  # of the signal of the only level that reads it
        return {row.label for row in self.table.rows if copied and self.page.notation.level(tensor) in row.reads}

    # ----- levels ----------------------------------------------------------------------------------------------------
    @cached_property
    def _nodes(self) -> Mapping[str, tuple[Node, ...]]:
        return {level.label: level.nodes for level in self.lettering.levels}

    @cached_property
    def _tensors(self) -> Mapping[str, list[str]]:
        return {level.label: self.lettering.tensors(level, self._gradients) for level in self.lettering.levels}

    def _value(self, label: str) -> str:
        return dict(self.network.results)[self._nodes[label][-1].name]

    def _chapter(self, label: str) -> str:
        """The level whose heading is above its gradients: its own, that of one like it, or that whose signal it has."""
        headed = {level_of(chapter.title) for chapter in self.page.chapters}
        level = self.page.notation.level
        signal = self._gradients.get(self.lettering.signals[label], "")
        likes = {level(s.wrt): level(s.like) for s in self.page.sections if s.like}
        own = (label, self.page.notation.deltas.get(signal, ""))
        return next((found for name in own for found in (name, likes.get(name, "")) if found in headed), "")

    def _stages(self) -> Iterator[Stage]:
        for repeat in self.table.repeats:
            others = joined([self._span(block[0], block[-1]) for block in repeat.others])
            yield Stage(repeat.first, len(repeat.others) + 1, others)

    def _span(self, *ends: str) -> Words:
        first, last = (self._t.expr(Label(label)) for label in ends)
        return say("{first} to {last}", first=first, last=last) if first != last else (first,)


def _settings(node: Node) -> Iterator[str]:
    for name, value in node.settings:
        yield shown(f"{name}={_setting(value)}")


def _setting(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(_setting, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
