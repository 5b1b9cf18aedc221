"""Which gradients of a network are derived by the same rows: those are printed once."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from gradscribe.derive.derivation.network.lettering import Lettering
from gradscribe.derive.derivation.record import Chapter, Section


def once_for_a_kind(chapters: Sequence[Chapter], lettering: Lettering) -> tuple[Chapter, ...]:
    """The chapters, in which a section of a kind that was met before says so and keeps its boxes."""
    first: dict[Hashable, str] = {}
    return tuple(
        replace(chapter, sections=tuple(_once(section, first, lettering) for section in chapter.sections))
        for chapter in chapters
    )


def _once(section: Section, first: dict[Hashable, str], lettering: Lettering) -> Section:
    met = first.setdefault(_kind(section, lettering), section.wrt)
    return section if met == section.wrt or not section.results else replace(section, like=met)


def _kind(section: Section, lettering: Lettering) -> Hashable:
    """The layers of a tensor's level, its letter, and what the rows are made by, summand by summand."""
    level = next((v for v in lettering.levels if section.wrt in lettering.tensors(v, [section.wrt])), None)
    layers = tuple(node.layer.name for node in level.nodes) if level is not None else ()
    letter = lettering.letters.get(section.wrt, (section.wrt, ""))[0]
    return layers, letter, tuple((step.rule, len(step.terms)) for part in section.parts for step in part.steps)
