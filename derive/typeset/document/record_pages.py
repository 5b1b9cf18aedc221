"""Layer, network, program, gradient, section -> Document: what is shown of a record by itself."""

from collections.abc import Iterable
from dataclasses import replace

from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.calculus.passes.left_side import scattered
from gradscribe.derive.calculus.reduced_sizes import reduced
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.forward.forward_equations import definitions
from gradscribe.derive.derivation.letters.element import axis_letters, primed_letters
from gradscribe.derive.derivation.letters.name import name_parts
from gradscribe.derive.derivation.letters.notation import Notation, gradient_notation
from gradscribe.derive.derivation.network.layer_table import network_table
from gradscribe.derive.derivation.record.section_record import Formula, Result, Section
from gradscribe.derive.derivation.record.sentence import Words, joined
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Program, Statement, Term
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.derive.typeset.document.document import Block, Document, Equations, Heading, Numbered, Part
from gradscribe.derive.typeset.document.parts.gradient_parts import one_box_of, one_section
from gradscribe.said import begun, say

_DEEP = 4
"""The level of a heading in the output of a notebook's cell."""


def layer(source: Layer) -> Document:
    """Its name and title, the equations of a layer, the layers of a network."""
    own = "" if source.title == f"network {source.name}" else source.title  # of a network that has none
    heading = Heading("title", _DEEP, _title(source.name, own))
    if isinstance(source, Network):
        table = network_table(source)
        return _document(table.notation, heading, table)
    return _document(_notation(source.program), heading, *_equations(source.program))


def optimiser(source: Optimiser) -> Document:
    """Its equations, in the letters of its page."""
    heading = Heading("title", _DEEP, _title(source.name, source.layer.title))
    return _document(derive(source.layer).notation, heading, *_equations(source.layer.program))


def program(source: Program) -> Document:
    """Its equations."""
    return _document(_notation(source), *_equations(source))


def gradient(source: Gradient) -> Document:
    """The equations of all gradients, in order of computation."""
    names = [Access(a.tensor.name) for a in source.adjoints]
    heading = Heading("gradient", _DEEP, begun(say("gradient with respect to {tensor}", tensor=joined(names))))
    return _document(gradient_notation(source), heading, *_equations(_in_letters(source)))


def _in_letters(source: Gradient) -> Program:
    """The program without deltas that rename or address, elements in the letters of the axes that they run over."""
    letters = axis_letters(source.forward)
    found: list[Statement] = []
    for adjoint in source.adjoints:
        own = source.program.definitions(adjoint.gradient.name)
        terms = [_addressed(s.term, source.program) for s in own]
        hidden = {index for t in terms for index, *_ in scattered(t)}
        taken = {v for t in terms for v in t.indices} - {r.index for t in terms for r in t.free}
        axes = letters[adjoint.tensor.name]
        shown = [v for v, r in zip(axes, terms[0].free, strict=True) if r.index not in hidden]
        names = dict(zip(shown, primed_letters(shown, taken) if taken & set(shown) else shown, strict=True))
        for statement, term in zip(own, terms, strict=True):
            places = zip(axes, term.free, strict=True)
            mapping = {r.index: names[v] for v, r in places if r.index not in hidden}
            found.append(replace(statement, term=term.rename(mapping)))
    return replace(source.program, statements=tuple(found))


def _addressed(term: Term, program: Program) -> Term:
    """A term in which an axis without a letter is what a delta says of it: not u_3 with [u_3 = K*g + k]."""
    term, _ = rename(term)
    for index in [r.index for r in term.bound if name_parts(r.index.name).marks]:
        delta = next((d for d in term.deltas if affine(d, term.indices).coefficient(index) in (1, -1)), None)
        term = discharge(solve(term, delta, index), program)[0] if delta is not None else term
    return term


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


def _title(name: str, title: str) -> Words:
    return (name, ": ", title) if title else (name,)


def _notation(source: Program) -> Notation:
    return Notation(order=tuple(source.tensors))


def _document(notation: Notation, *blocks: Block) -> Document:
    return Document((Part(notation, (blocks,)),))
