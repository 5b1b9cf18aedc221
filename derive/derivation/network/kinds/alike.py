"""What a page does not print, as it is something else under other names: whether it is."""

from collections.abc import Mapping
from dataclasses import replace

from sympy import Expr

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.kinds.level_gradients import letter_and_level
from gradscribe.derive.derivation.network.kinds.likeness import Likeness, row
from gradscribe.derive.derivation.network.kinds.once import is_other, names_of
from gradscribe.derive.derivation.record.page_record import Definition, Derivation
from gradscribe.derive.derivation.record.section_record import LevelGradients
from gradscribe.derive.derivation.record.sentence import Equals


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
    return _not_repeated(derivation)


def _same(definition: Definition, other: Definition, names: Likeness) -> bool:
    return row(definition.left, definition.terms) == row(other.left, other.terms, names.names)


def _not_repeated(derivation: Derivation) -> str:
    """The first level that is not the one that it repeats when all levels are put as far from it; "" for none."""
    lines, places = derivation.levels, {line.label: place for place, line in enumerate(derivation.levels)}
    for repeat in derivation.repeated:
        for block in repeat.others:
            distance = places[block[0]] - places[repeat.first[0]]
            names = _further(derivation.notation, places, distance)
            for there, here in zip(repeat.first, block, strict=True):
                if not _repeats(lines[places[here]], lines[places[there]], names, derivation):
                    return f"level {here} does not repeat {there}"
    return ""


def _further(notation: Notation, places: Mapping[str, int], distance: int) -> dict[str, str]:
    """By tensor that of the same letter whose level is so far from its own."""
    tensors = (*notation.levels, *notation.deltas, *notation.quotients)
    seen = {tensor: letter_and_level(tensor, notation) for tensor in tensors}
    known = {(letter, places[label]): t for t, (letter, label) in seen.items() if label in places}
    moved = {t: (letter, places[label] + distance) for t, (letter, label) in seen.items() if label in places}
    return {tensor: known[place] for tensor, place in moved.items() if place in known}


def _repeats(own: LevelGradients, other: LevelGradients, names: Mapping[str, str], derivation: Derivation) -> bool:
    """Whether the gradients of a level, and what arrives there, are those of another one under these names."""
    sections = {s.wrt: s for s in derivation.sections}
    arriving, there = ([w for w in line.signal if isinstance(w, Equals)] for line in (own, other))
    renamed: dict[Expr, Expr] = Likeness("", tuple(names.items()), ()).names
    if len(own.sections) != len(other.sections) or [w.xreplace(renamed) for w in there] != arriving:
        return False
    for here, that in zip(own.sections, other.sections, strict=True):
        found = names_of(sections[that], sections[here])
        if found is None:
            return False
        read = replace(found, tensors=tuple((t, names.get(t, t)) for t, _ in found.tensors))
        if not is_other(sections[here], sections[that], read):
            return False
    return True
