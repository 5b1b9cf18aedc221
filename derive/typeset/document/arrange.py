"""Derivation -> Document: every heading, sentence and table of a page, their order and the numbers of its rows."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, groupby

from sympy import ImmutableMatrix

from gradscribe.derive.derivation.certificate.certificate import Footer, marked
from gradscribe.derive.derivation.forward.displayed_settings import SCALARS
from gradscribe.derive.derivation.record import (
    Chapter,
    Derivation,
    Equals,
    Formula,
    Grid,
    Partial,
    Premise,
    Section,
    Step,
    Words,
    joined,
)
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.document.document import (
    Block,
    Box,
    Closing,
    Document,
    Equations,
    Heading,
    Numbered,
    Paragraph,
    Part,
    Passage,
    Row,
    Rows,
    Source,
)

E = Access(SCALARS[0])


def document(derivation: Derivation, footer: Footer | None = None) -> Document:
    """The page of a derivation; a footer becomes its last line."""
    shown = marked(derivation, footer)
    closing = [Part(shown.notation, ((Closing(footer),),))] if footer is not None else []
    return Document((*_parts(shown), *closing))


def capitalised(words: Words) -> Words:
    """The words as the beginning of a sentence."""
    first, *rest = words
    return (first[0].upper() + first[1:], *rest) if isinstance(first, str) else words


def _parts(derivation: Derivation) -> Iterator[Part]:
    numbers = count(1)
    yield Part(derivation.notation, tuple(filter(None, _introduction(derivation, numbers))))
    for chapter in derivation.chapters:
        yield Part(derivation.notation, (_headed(chapter),))
        yield from (_section(section, 3, numbers) for section in chapter.sections)
    if derivation.table is None:
        yield from (_section(section, 2, numbers) for section in derivation.sections)
    if derivation.source:
        yield Part(derivation.notation, ((Source(("Source: ", derivation.source, ".")),),))
    for identity in derivation.appendix:
        yield from _parts(identity)


def _introduction(derivation: Derivation, numbers: Iterator[int]) -> Iterator[Passage]:
    """What stands before the first gradient: shapes, the layers of a network, the forward equations."""
    yield (Heading("title", 1, (derivation.heading,)), *_paragraph(derivation.setup))
    if (table := derivation.table) is not None:
        yield (table,)
        yield _paragraph([("Trained in all: ", *table.number((table.parameters,)), ".")])
    forward = (Numbered(definition, next(numbers)) for definition in derivation.definitions)
    sizes = (Numbered(Formula(symbol, expression)) for symbol, expression in derivation.sizes)
    yield (Equations((*forward, *sizes)), *_paragraph(derivation.notes))
    yield _paragraph(_arriving(derivation))
    yield from _premises(derivation.premises)


def _paragraph(sentences: Sequence[Words]) -> tuple[Paragraph, ...]:
    """The sentences as one paragraph; none where there are none."""
    return (Paragraph(tuple(sentences)),) if sentences else ()


def _arriving(derivation: Derivation) -> tuple[Words, ...]:
    """What the gradients given from outside stand for; nothing where none is derived or the last layer says so."""
    if derivation.table is not None or not derivation.sections:
        return ()
    seeds = derivation.notation.seeds
    if seeds:
        named = [Equals(Access(seed), Partial(E, Access(output))) for seed, output in seeds.items()]
        gradients = "gradient that arrives" if len(seeds) == 1 else "gradients that arrive"
        return (("With ", *joined(named), f", the {gradients} from above."),)
    if derivation.notation.quotients:
        output = Access(derivation.program.outputs[0])
        above = " arrives from above; it is 1 where "
        return (("The gradient ", Partial(E, output), above, output, " is ", E, " itself."),)
    return ()


def _premises(premises: Sequence[Premise]) -> Iterator[Passage]:
    """A sentence and the equations that it leads to; tables and matrices apart."""
    passage: list[Block] = []
    for block, apart in _displayed(premises):
        if apart and passage:
            yield tuple(passage)
            passage = []
        passage.append(block)
    yield tuple(passage)


def _displayed(premises: Sequence[Premise]) -> Iterator[tuple[Block, bool]]:
    """The blocks that premises become, and whether each begins a passage."""
    for rows, group in groupby(premises, key=lambda premise: isinstance(premise, Step)):
        if rows:
            yield Equations(tuple(Numbered(step) for step in group if isinstance(step, Step))), False
            continue
        for premise in group:
            if isinstance(premise, Formula):
                yield premise, isinstance(premise.right, ImmutableMatrix)
            elif isinstance(premise, Grid):
                yield premise, True
            elif isinstance(premise, tuple):
                yield Paragraph((premise,)), True


def _headed(chapter: Chapter) -> Passage:
    """The heading of a layer of a network, and its sentences."""
    return (Heading("layer", 2, chapter.title), *_paragraph(chapter.setup))


def _section(section: Section, level: int, numbers: Iterator[int]) -> Part:
    """One gradient: its lemmas and its own rows, then the boxes."""
    passages: list[Passage] = [
        (*_paragraph(part.setup), Rows(tuple(_rows(part.steps, numbers))), *_paragraph(part.caption))
        for part in section.parts
    ]
    passages[0] = (Heading("gradient", level, capitalised(section.title)), *passages[0])
    boxes = ((Box(next(numbers), result),) for result in section.results)
    return Part(section.steps[0].notation, (*passages, *boxes))


def _rows(steps: Iterable[Step], numbers: Iterator[int]) -> Iterator[Row]:
    before: Access | None = None
    for step in steps:
        yield Row(next(numbers), step, continued=step.left == before)
        before = step.left
