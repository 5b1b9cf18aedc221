"""Entries of a network's tables, one per node, weight or array kept -> runs, in which those of a block stand once.

``{"conv1.w": ..., **rt.placed(_basic_weights(C=16), "stage1_block1", "stage1_block2")}``: the entries of two places.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, TypeVar

from sympy import Integer, Symbol

from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.blocks.unify import put
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.python.expression import Expression, Literal, Name, call

Value = TypeVar("Value")


@dataclass(frozen=True)
class Entry(Generic[Value]):
    """An entry of a table: what it is called, the node that it is about ("" for none), what the table says of it."""

    key: str
    node: str
    value: Value


@dataclass(frozen=True)
class Run(Generic[Value]):
    """Entries that stand together: those of the network itself, or of places of a block with the same sizes.

    Attributes:
        entries: the entries; of places those of the first.
        block: what the block's functions are called after; "" for the network itself.
        places: what the places are called.
        sizes: what their sizes are.
    """

    entries: tuple[Entry[Value], ...]
    block: str = ""
    places: tuple[str, ...] = ()
    sizes: Mapping[Symbol, Integer] | None = None


@dataclass(frozen=True)
class Table(Generic[Value]):
    """A table: its runs, and by block the entries of all its places, with the block's sizes and names."""

    runs: tuple[Run[Value], ...]
    blocks: Mapping[str, tuple[Entry[Value], ...]]


def table(
    k: NetworkKernels, entries: Sequence[Entry[Value]], general: Callable[[PlacedPart, Entry[Value]], Value]
) -> Table[Value]:
    """Entries in order, those of places of a block together where several places have the same ones.

    Args:
        k: the functions of the network.
        entries: the entries.
        general: what the table says of an entry of a place with the block's sizes.
    """
    instances = {node.name: node.instance for node in k.network.nodes}
    parts = {p.place.name: p for p in k.parts.get(k.network.name, ()) if isinstance(p, PlacedPart)}

    def home(entry: Entry[Value]) -> str:
        place = instances.get(entry.node, "")
        return place if place in parts else ""

    runs = [(name, tuple(found)) for name, found in groupby(entries, home)]
    blocks: dict[str, tuple[Entry[Value], ...]] = {}
    for name, found in runs:
        if name and k.blocks[name] not in blocks:
            blocks[k.blocks[name]] = tuple(_within(parts[name], e, general(parts[name], e)) for e in found)
    fitting: dict[int, str] = {}
    for number, (name, found) in enumerate(runs):
        word = k.blocks[name] if name else ""
        if word and [_within(parts[name], e, e.value) for e in found] == [
            put(e, parts[name].sizes) for e in blocks[word]
        ]:
            fitting[number] = word
    often = {word for word in fitting.values() if list(fitting.values()).count(word) > 1}
    made: list[Run[Value]] = []
    for number, (name, found) in enumerate(runs):
        word, last = fitting.get(number, ""), made[-1] if made else Run[Value](())
        if word not in often:
            made.append(Run(found))
        elif last.block == word and last.sizes == parts[name].sizes:
            made[-1] = Run(last.entries, word, (*last.places, name), last.sizes)
        else:
            made.append(Run(found, word, (name,), parts[name].sizes))
    return Table(tuple(made), {word: own for word, own in blocks.items() if word in often})


def _within(part: PlacedPart, entry: Entry[Value], value: Value) -> Entry[Value]:
    """The entry as it is called within its place."""
    return Entry(part.place.within(entry.key), part.place.within(entry.node), value)


def rows(
    found: Table[Value],
    alone: Callable[[Entry[Value]], Expression],
    placed: Callable[[Run[Value]], Expression],
    function: str = "rt.placed",
) -> Iterator[tuple[str | None, Expression]]:
    """What stands in a table: an entry under its key, or under None what stands for all entries of places."""
    for run in found.runs:
        if run.block:
            yield None, call(function, placed(run), *map(Literal, run.places))
        else:
            yield from ((entry.key, alone(entry)) for entry in run.entries)


def constant(block: str, what: str) -> Name:
    """The variable of the module that says something of a block."""
    return Name(f"_{block}_{what}".upper())
