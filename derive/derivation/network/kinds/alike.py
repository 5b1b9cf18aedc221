"""What a page does not print, as it is something else under other names: whether it is."""

from gradscribe.derive.derivation.network.kinds.likeness import Likeness, row
from gradscribe.derive.derivation.network.kinds.once import is_other
from gradscribe.derive.derivation.record import Definition, Derivation


def not_alike(derivation: Derivation) -> str:
    """The first gradient or equation that is not the one that stands for it; "" where all are."""
    sections = {s.wrt: s for s in derivation.sections}
    for section in derivation.sections:
        names, other = section.likeness, sections.get(section.like)
        if names is None:
            continue
        if other is None or other.likeness is not None or not is_other(section, other, names):
            return f"{section.wrt} is not like {section.like}"
    printed = [d for d in derivation.definitions if d.likeness is None]
    for definition in derivation.definitions:
        names = definition.likeness
        if names is not None and not any(_same(definition, d, names) for d in printed if d.left.tensor == names.of):
            return f"the equation of {definition.left.tensor} is not that of {names.of}"
    return ""


def _same(definition: Definition, other: Definition, names: Likeness) -> bool:
    return row(definition.left, definition.terms) == row(other.left, other.terms, names.names)
