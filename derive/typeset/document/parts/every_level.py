"""What a page of a network says of all levels at once: equations and gradients that are others under other names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gradscribe.derive.derivation.network.kinds.level_gradients import exchanged, gradient_letter
from gradscribe.derive.derivation.network.layer_record import LayerTable, Repeat, hidden
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import LevelGradients, Section
from gradscribe.derive.derivation.record.sentence import Label, Words, joined
from gradscribe.derive.typeset.document.document import Heading, Listing, Paragraph, Part
from gradscribe.said import say, say_number

TITLE: Words = say("All levels")
HEAD: tuple[Words, ...] = (say("level"), say("error signal"), say("boxes"), say("read there"))
EQUATIONS: Words = say(
    "The equations of a level are those with these numbers, in which its own level, its sizes and what it reads stand."
)
DISTANCES: Words = say("A level that repeats another one reads what is as far from it.")
LEAD: Words = say(
    "The gradients of a level are those in the boxes with these numbers, in which its own level and its sizes are read"
    " for those of the box, and what the last column says."
)


def likes(derivation: Derivation) -> tuple[tuple[str, str], ...]:
    """The tensors whose equation is not printed, and those whose equation stands for it."""
    forward = [(d.left.tensor, d.likeness.of) for d in derivation.definitions if d.likeness is not None]
    hidden = [part for s in derivation.sections if s.likeness is not None for part in _paired(s)]
    return (*forward, *hidden)


def _paired(section: Section) -> Iterator[tuple[str, str]]:
    """The gradients of a section and of its lemmas, and what they are called where they are printed."""
    assert section.likeness is not None
    there = {here: old for old, here in section.likeness.tensors}
    names = (part.steps[-1].left.tensor for part in section.parts)
    return ((name, there.get(name, name)) for name in names)


def with_equations(table: LayerTable, derivation: Derivation, first: int) -> LayerTable:
    """The table with the numbers of the equations of every level, if some levels share them.

    Args:
        table: the layers.
        derivation: the page.
        first: the number of its first equation.
    """
    if len(derivation.equations) == len(derivation.definitions):
        return table
    numbers = {d.left.tensor: first + place for place, d in enumerate(derivation.equations)}
    found: dict[str, dict[int, None]] = {}
    for d in derivation.definitions:
        number = numbers[d.likeness.of if d.likeness is not None else d.left.tensor]
        found.setdefault(derivation.notation.level(d.left.tensor), {})[number] = None
    return replace(table, rows=tuple(replace(row, equations=tuple(found.get(row.label, ()))) for row in table.rows))


def explained(table: LayerTable) -> list[Words]:
    """How to read the numbers of equations, and which blocks of levels are not listed."""
    shared = [EQUATIONS] if any(row.equations for row in table.rows) else []
    return shared + _repeating(table.repeats)


def _repeating(repeats: Iterable[Repeat]) -> list[Words]:
    """Which blocks of levels are not listed."""
    found: list[Words] = []
    for repeat in repeats:
        found.append(
            say_number(
                len(repeat.others) * len(repeat.first),
                "Level {levels} repeats {first}.",
                "Levels {levels} repeat {first}.",
                levels=joined([_span(block) for block in repeat.others]),
                first=_span(repeat.first),
            )
        )
    return found


def _span(labels: Sequence[str]) -> Words:
    first, last = Label(labels[0]), Label(labels[-1])
    return say("{first} to {last}", first=first, last=last) if len(labels) > 1 else (first,)


def every_level(derivation: Derivation, boxes: Mapping[str, int]) -> Part:
    """The table of all levels.

    Args:
        derivation: the page of a network.
        boxes: the number of the last box of every gradient that has one, by tensor.
    """
    sections = {s.wrt: s for s in derivation.sections}
    left_out = hidden(derivation.repeated)
    lines = [line for line in derivation.levels if line.label not in left_out]
    found = [(line, [sections[name] for name in line.sections]) for line in lines]
    rows = tuple(_row(line, own, derivation, boxes) for line, own in found)
    heading = Heading("layer", 2, TITLE)
    repeating = [*_repeating(derivation.repeated), DISTANCES] if derivation.repeated else []
    return Part(derivation.notation, ((heading, Paragraph((LEAD, *repeating)), Listing(HEAD, rows)),))


def _row(
    line: LevelGradients, sections: Sequence[Section], derivation: Derivation, boxes: Mapping[str, int]
) -> tuple[Words, ...]:
    notation = derivation.notation
    found: list[Words] = []
    for section in sections:
        number = boxes.get(section.like if section.likeness is not None else section.wrt)
        letter = gradient_letter(section, notation)
        found.append((letter, f" ({number})") if number is not None else (letter,))  # operator forms have none
    return (Label(line.label),), line.signal, joined(found), exchanged(sections, notation)
