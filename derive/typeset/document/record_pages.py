"""Layer, network, program, gradient, section -> Document: what is shown of a record by itself."""

from collections.abc import Iterable

from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.calculus.reduced_sizes import reduced
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.forward.forward_equations import definitions
from gradscribe.derive.derivation.letters.notation import Notation, gradient_notation
from gradscribe.derive.derivation.network.layer_table import network_table
from gradscribe.derive.derivation.record.section_record import Formula, Result, Section
from gradscribe.derive.ir.term import Access, Program
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.derive.typeset.document.document import Block, Document, Equations, Heading, Numbered, Part
from gradscribe.derive.typeset.document.parts.gradient_parts import one_box_of, one_section

_DEEP = 4
"""The level of a heading in the output of a notebook's cell."""


def layer(source: Layer) -> Document:
    """Its name and title, the equations of a layer, the layers of a network."""
    own = "" if source.title == f"network {source.name}" else source.title  # of a network that has none
    title = f"{source.name}: {own}" if own else source.name
    heading = Heading("title", _DEEP, (title,))
    if isinstance(source, Network):
        table = network_table(source)
        return _document(table.notation, heading, table)
    return _document(_notation(source.program), heading, *_equations(source.program))


def optimiser(source: Optimiser) -> Document:
    """Its equations, in the letters of its page."""
    heading = Heading("title", _DEEP, (f"{source.name}: {source.layer.title}" if source.layer.title else source.name,))
    return _document(derive(source.layer).notation, heading, *_equations(source.layer.program))


def program(source: Program) -> Document:
    """Its equations."""
    return _document(_notation(source), *_equations(source))


def gradient(source: Gradient) -> Document:
    """The equations of all gradients, in order of computation."""
    names = [Access(a.tensor.name) for a in source.adjoints]
    commas = [word for name in names for word in (", ", name)][1:]
    heading = Heading("gradient", _DEEP, ("Gradient with respect to ", *commas))
    return _document(gradient_notation(source), heading, *_equations(source.program))


def section(source: Section) -> Document:
    """The derivation of one gradient."""
    return Document((one_section(source),))


def result(source: Result) -> Document:
    """A box."""
    return Document((one_box_of(source),))


def _equations(source: Program) -> Iterable[Block]:
    """The equations, and what the sizes are in them."""
    equations = [Numbered(definition) for definition in definitions(source)]
    sizes = [Numbered(Formula(size, reduced(value))) for size, value in source.sizes]
    return (Equations((*equations, *sizes)),) if equations else ()


def _notation(source: Program) -> Notation:
    return Notation(order=tuple(source.tensors))


def _document(notation: Notation, *blocks: Block) -> Document:
    return Document((Part(notation, (blocks,)),))
