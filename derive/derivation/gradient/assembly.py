"""Sections -> Derivation: what every derivation says of its layer, and the identities that its sections use."""

from collections.abc import Sequence

from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.forward.displayed_settings import Display
from gradscribe.derive.derivation.forward.forward_equations import definitions, notes, setup
from gradscribe.derive.derivation.forward.insertion import Rewritten
from gradscribe.derive.derivation.gradient.identity import rotation_identity
from gradscribe.derive.derivation.gradient.recognise import ROTATED
from gradscribe.derive.derivation.notation import Notation
from gradscribe.derive.derivation.record import Derivation, Section
from gradscribe.derive.ir.term import Program


def assembled(
    display: Display, program: Program, rewritten: Rewritten, notation: Notation, sections: Sequence[Section]
) -> Derivation:
    """The derivation of a layer with these forward equations that consists of these sections."""
    layer = display.layer
    rotated = any(ROTATED in result.name for s in sections for result in s.results)
    return Derivation(
        name=layer.name,
        title=layer.title,
        source=layer.source,
        setup=setup(display, program),
        definitions=definitions(program),
        sizes=program.sizes,
        notes=notes(program, () if isinstance(layer, Network) else rewritten.lets),  # a network has no letters for them
        sections=tuple(sections),
        program=program,
        rewritten=rewritten,
        notation=notation,
        layer=layer,
        mapping=display.mapping,
        appendix=(rotation_identity(),) if rotated else (),
    )
