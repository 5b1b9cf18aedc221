"""Sections -> Derivation: what every derivation says of its layer."""

from collections.abc import Iterable, Sequence

from gradscribe.derive.calculus.reduced_sizes import reduced
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.forms.caption.words.glossary import glossary
from gradscribe.derive.derivation.forward.displayed_settings import Display
from gradscribe.derive.derivation.forward.forward_equations import both_ways, definitions, setup
from gradscribe.derive.derivation.forward.insertion import Rewritten
from gradscribe.derive.derivation.forward.remarks.constants import unchanging
from gradscribe.derive.derivation.forward.remarks.notes import notes
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Section
from gradscribe.derive.ir.term import Program, Statement, Term


def quotients(program: Program, sections: Iterable[Section]) -> tuple[Statement, ...]:
    """What the sections read besides the tensors of a program: the p that stands for h/z."""
    lets = dict.fromkeys(let for s in sections for part in s.parts for let in part.lets)
    return tuple(let for let in lets if let.target.name not in program.tensors)


def terms(sections: Iterable[Section]) -> tuple[Term, ...]:
    """What stands in the rows of sections."""
    return tuple(t for s in sections for part in s.parts for step in part.steps for t in step.terms)


def assembled(
    display: Display, program: Program, rewritten: Rewritten, notation: Notation, sections: Sequence[Section]
) -> Derivation:
    """The derivation of a layer with these forward equations that consists of these sections."""
    layer = display.layer
    lets = () if isinstance(layer, Network) else rewritten.lets  # a network has no letters for them
    fixed = unchanging(program)
    equations = definitions(program) if isinstance(layer, Network) else both_ways(program)
    return Derivation(
        name=layer.name,
        title=layer.title,
        source=layer.source,
        setup=setup(display, program),
        glossary=glossary(sections, program.statements),
        definitions=equations,
        sizes=tuple((size, reduced(value)) for size, value in program.sizes),
        notes=notes(
            *(program, lets, rewritten.idealised, fixed),
            quotients=quotients(program, sections),
            equations=equations,
            rows=terms(sections),
        ),
        sections=tuple(sections),
        program=program,
        rewritten=rewritten,
        notation=notation,
        layer=layer,
        mapping=display.mapping,
        unchanging=fixed,
    )
