"""The table of a network's layers: what each is, reads, makes and trains."""

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.composition.level import Level
from gradscribe.derive.composition.network import Network
from gradscribe.derive.composition.parameters import parameters
from gradscribe.derive.derivation.forward.displayed_settings import displayed
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.layer_record import LayerTable, Row
from gradscribe.derive.derivation.network.lettering import Lettering, lettered
from gradscribe.derive.ir.term import Access, Program


def layer_table(network: Network, program: Program, lettering: Lettering, notation: Notation) -> LayerTable:
    """The layers of `network`, as its displayed `program` has them."""
    labels = {node.name: level.label for level in lettering.levels for node in level.nodes}
    counts = parameters(network)
    rows = tuple(_row(level, labels, counts, network, program) for level in lettering.levels)
    return LayerTable(rows, _numbers(network, program), notation)


def network_table(network: Network) -> LayerTable:
    """The same before anything is derived."""
    shown = displayed(network).layer
    assert isinstance(shown, Network)  # of which it is a specialisation
    lettering = lettered(shown, shown.program)
    written = Notation(levels=lettering.letters, order=tuple(shown.program.tensors))
    return layer_table(network, shown.program, lettering, written)


def _row(level: Level, labels: dict[str, str], counts: dict[str, Expr], network: Network, program: Program) -> Row:
    parts = network.part
    names = {node.name for node in level.nodes}
    sources = (source for node in level.nodes for source in node.sources if source not in names)
    reads = (labels[source] if source in labels else Access(source) for source in sources)
    weights = [w for w in network.weights if parts[w].node in names]
    shapes = {w: network.program.tensors[w].shape for w in weights}
    value = dict(network.results)[level.nodes[-1].name]
    return Row(
        label=level.label,
        layers=tuple(node.layer.name for node in level.nodes),
        reads=tuple(dict.fromkeys(reads)),
        shape=program.tensors[value].shape,
        weights=tuple(shapes.items()),
        parameters=sympy.expand(sum((counts[w] for w in weights), Integer(0))),
    )


def _numbers(network: Network, program: Program) -> dict[Symbol, Expr]:
    """The sizes that the network fixes, those that follow from them among them."""
    numbers = {s: v for s, v in network.values if s.is_integer}
    for symbol, definition in program.sizes:
        value = sympy.expand(definition.xreplace(numbers))
        if value.is_Integer:
            numbers[symbol] = value
    return numbers
