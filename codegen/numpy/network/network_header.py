"""What the docstring of a network's module says: its text and its layers; of a block once for all places."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy
from sympy import Expr, Integer

from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.kernel.page.provenance import page, page_numbers
from gradscribe.codegen.numpy.function.docstring import WIDTH, module_doc, wrapped
from gradscribe.codegen.numpy.network.blocks.block_functions import page_rows, words
from gradscribe.derive.composition import Level, as_derived, levels
from gradscribe.derive.composition.network import owner
from gradscribe.derive.derivation.network.layer_record import LayerTable, Row
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from gradscribe.derive.typeset.writers.text.text_tables import layer_lines


@dataclass(frozen=True)
class Layers:
    """The table of a network's layers, and of which level each row is.

    Attributes:
        table: the table of the network's page.
        levels: its levels.
        homes: node -> what the row is called that it belongs to: its level's first node, or the place of its block.
        blocks: place with one row -> the equations of its block.
    """

    table: LayerTable
    levels: tuple[Level, ...]
    homes: Mapping[str, str]
    blocks: Mapping[str, PlacedPart]


def network_doc(k: NetworkKernels) -> str:
    """The docstring of the module."""
    layers, numbers = _layers(k), page_numbers(k.source)
    written = [f"  {line}".rstrip() for line in k.source.text.split("\n")] if k.source.text else []
    head = [*written, *([""] if written else []), *_lines(layers.table, _rows(k, layers))]
    blocks: list[str] = []
    for word, alike in _alike(k).items():
        blocks += [*([""] if blocks else []), *_block(k, layers, word, alike, numbers)]
    return module_doc(k.network, [head, *([blocks] if blocks else [])])


def _alike(k: NetworkKernels) -> dict[str, list[PlacedPart]]:
    """The equations of places by what the functions are called that compute them, in order."""
    found: dict[str, list[PlacedPart]] = {}
    for part in k.parts.get(k.network.name, ()):
        if isinstance(part, PlacedPart):
            found.setdefault(k.blocks[part.place.name], []).append(part)
    return found


def _layers(k: NetworkKernels) -> Layers:
    """A place has one row, unless one of its layers belongs to a level that begins outside."""
    table = next(block for block in page(k.source).blocks if isinstance(block, LayerTable))
    found = levels(as_derived(k.source).nodes)
    mixed = {node.instance for level in found if len({n.instance for n in level.nodes}) > 1 for node in level.nodes}
    placed = {part.place.name: part for alike in _alike(k).values() for part in alike}
    blocks = {name: part for name, part in placed.items() if name not in mixed}
    homes = {
        node.name: node.instance if node.instance in blocks else level.nodes[0].name
        for level in found
        for node in level.nodes
    }
    return Layers(table, found, homes, blocks)


def _rows(k: NetworkKernels, layers: Layers) -> list[Row]:
    """A row per level, and one per place of a block."""
    rows: dict[str, Row] = {}
    for level, row in zip(layers.levels, layers.table.rows, strict=True):
        home = layers.homes[level.nodes[0].name]
        sources = (layers.homes.get(i, i) for node in level.nodes for i in node.sources)
        reads = dict.fromkeys(source for source in sources if source != home)
        own = replace(row, label=home, reads=tuple(reads), shape=layers.table.number(row.shape), equations=())
        if home in layers.blocks:
            before = rows.get(home, replace(own, reads=(), parameters=Integer(0)))
            total = before.parameters + layers.table.number((row.parameters,))[0]
            reads = dict.fromkeys((*before.reads, *reads))
            own = replace(own, layers=(k.blocks[home],), reads=tuple(reads), weights=(), parameters=total)
        rows[home] = own
    return list(rows.values())


def _block(
    k: NetworkKernels, layers: Layers, word: str, alike: Sequence[PlacedPart], numbers: Mapping[str, int]
) -> list[str]:
    """Where a block stands, and its layers under its own names."""
    first = alike[0]
    called = "; ".join(_where(same, layers.table, numbers) for same in _together(alike, numbers))
    inner = [_inner_row(k, layers, level, row, first) for level, row in _own(layers, first)]
    table = _lines(replace(layers.table, numbers={}), inner) if inner else []
    return [*wrapped(f"Block {word}: {called}.", ""), *([""] if inner else []), *table]


def _together(alike: Sequence[PlacedPart], numbers: Mapping[str, int]) -> Iterable[list[PlacedPart]]:
    """Places of a block in order, those with the same rows of the page and sizes as one."""
    found: dict[Any, list[PlacedPart]] = {}
    for part in alike:
        found.setdefault((*page_rows(part, numbers), *part.sizes.items()), []).append(part)
    return found.values()


def _where(alike: Sequence[PlacedPart], table: LayerTable, numbers: Mapping[str, int]) -> str:
    """Which rows of the page places of one size are, and what the sizes are there."""
    t = TextTypesetter(table.notation)
    given = ", ".join(f"{t.expr(symbol)} = {number}" for symbol, number in alike[0].sizes.items())
    return f"{words(alike, numbers)} ({given})" if given else words(alike, numbers)


def _own(layers: Layers, part: PlacedPart) -> list[tuple[Level, Row]]:
    found = zip(layers.levels, layers.table.rows, strict=True)
    return [(level, row) for level, row in found if layers.homes[level.nodes[0].name] == part.place.name]


def _inner_row(k: NetworkKernels, layers: Layers, level: Level, row: Row, part: PlacedPart) -> Row:
    """The row of a level of a block, with the block's names and sizes."""
    place, tensors, network = part.place, part.kernel.program.tensors, k.network
    results, inside = dict(network.results), {node.name for node in level.nodes}
    labels = {node.name: other.nodes[0].name for other, _ in _own(layers, part) for node in other.nodes}
    sources = [i for node in level.nodes for i in node.inputs if i not in inside]
    weights = [w for w in network.weights if network.part[w].node in inside]
    shapes: list[tuple[Expr, ...]] = [tensors[place.names[w]].shape for w in weights]
    return Row(
        label=place.within(level.nodes[0].name),
        layers=row.layers,
        reads=tuple(
            dict.fromkeys(
                place.within(labels[owner(i)]) if owner(i) in labels else place.names[results.get(i, i)]
                for i in sources
            )
        ),
        shape=tensors[place.names[results[level.nodes[-1].name]]].shape,
        weights=tuple((letter, own) for (letter, _), own in zip(row.weights, shapes, strict=True)),
        parameters=sympy.Add(*(sympy.prod(own, start=Integer(1)) for own in shapes)),
    )


def _lines(table: LayerTable, rows: Sequence[Row]) -> list[str]:
    return [line.rstrip() for line in layer_lines(replace(table, rows=tuple(rows), repeats=()), WIDTH)]
