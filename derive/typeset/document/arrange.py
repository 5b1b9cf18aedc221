"""Derivation -> Document: every heading, sentence and table of a page, their order and the numbers of its rows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Literal

from sympy import ImmutableMatrix

from gradscribe.derive.derivation.certificate.certificate import Footer, marked
from gradscribe.derive.derivation.forward.displayed_settings import SCALARS
from gradscribe.derive.derivation.forward.quotients import Partial
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Derivation, Remark, Update
from gradscribe.derive.derivation.record.section_record import Chapter, Formula, Grid, Premise, Step
from gradscribe.derive.derivation.record.sentence import Equals, Scalar, Words, joined
from gradscribe.derive.ir.term import Access, accesses
from gradscribe.derive.typeset.document.document import (
    Block,
    Closing,
    Contents,
    Document,
    Equations,
    Heading,
    Numbered,
    Paragraph,
    Part,
    Passage,
    Source,
)
from gradscribe.derive.typeset.document.parts.every_level import every_level, explained, likes, with_equations
from gradscribe.derive.typeset.document.parts.gradient_parts import (
    LAYER,
    Numbers,
    gradient_parts,
    paragraph,
)
from gradscribe.said import begun, say, say_number

E = Scalar(SCALARS[0])


Page = tuple[Derivation, Footer | None]
"""A derivation, and what closes it."""


def document(derivation: Derivation, footer: Footer | None = None) -> Document:
    """The page of a derivation; a footer becomes its last line."""
    return Document(tuple(_page(derivation, footer, Numbers())), likes(derivation), derivation.language)


def chapter(title: str, pages: Sequence[Page]) -> Document:
    """Several pages as one document, with a table of contents; rows are counted through."""
    numbers = Numbers()
    parts: list[Part] = []
    headings: list[Heading] = []
    for number, (derivation, footer) in enumerate(pages, start=1):
        for part in _page(derivation, footer, numbers):
            lower = lowered(part, number)
            headings += (block for block in lower.blocks if isinstance(block, Heading) and block.number is not None)
            parts.append(lower)
    front = ((Heading("document", 1, (title,)),), (Contents(tuple(headings)),))
    return Document((Part(Notation(), front), *parts), language=pages[0][0].language)


def _page(derivation: Derivation, footer: Footer | None, numbers: Numbers) -> Iterator[Part]:
    shown = marked(derivation, footer)
    yield from _parts(shown, numbers)
    if footer is not None:
        yield Part(shown.notation, ((Closing(footer.words),),))


def lowered(part: Part, number: int | str, levels: int = 1) -> Part:
    """A part so many levels below the heading of a document, its title with a number."""

    def lower(block: Block) -> Block:
        if not isinstance(block, Heading):
            return block
        return replace(block, level=block.level + levels, number=number if block.kind == "title" else None)

    return replace(part, passages=tuple(tuple(map(lower, passage)) for passage in part.passages))


def _parts(derivation: Derivation, numbers: Numbers) -> Iterator[Part]:
    yield Part(derivation.notation, tuple(filter(None, _introduction(derivation, numbers))))
    if derivation.matrix:
        yield Part(derivation.notation, tuple(filter(None, _premises(derivation.matrix))), "matrix")
    for chapter in derivation.chapters if derivation.form != "matrix" else ():
        yield Part(derivation.notation, (_headed(chapter),))
        yield from gradient_parts(chapter.sections, LAYER + 1, derivation, numbers)
    if derivation.table is None or derivation.form == "matrix":
        yield from gradient_parts(derivation.sections, LAYER, derivation, numbers)
    if derivation.levels and derivation.form != "matrix":
        yield every_level(derivation, numbers.boxes)
    if derivation.update is not None:
        yield _updated(derivation.update, "gradient" if derivation.table is None else "layer", numbers)
    if derivation.remarks:
        yield _remarked(derivation)
    if derivation.source:
        yield Part(derivation.notation, ((Source(say("Source: {source}.", source=derivation.source)),),))


def _introduction(derivation: Derivation, numbers: Numbers) -> Iterator[Passage]:
    """What stands before the first gradient: shapes, the layers of a network, the forward equations."""
    yield (Heading("title", 1, derivation.heading), *paragraph(derivation.setup))
    yield paragraph(derivation.glossary)
    if derivation.table is not None:
        table = with_equations(derivation.table, derivation, numbers.last + 1)
        yield (table,)
        trained = say("Trained in all: {number}.", number=table.number((table.parameters,)))
        yield paragraph([*explained(table), trained])
    forward = (Numbered(definition, numbers.next()) for definition in derivation.equations)
    sizes = (Numbered(Formula(symbol, expression)) for symbol, expression in derivation.sizes)
    yield (Equations((*forward, *sizes)), *paragraph(derivation.notes))
    yield paragraph(_arriving(derivation))
    if (example := derivation.example) is not None:
        yield paragraph(example.setup)
        yield from ((formula,) for formula in example.given)
    yield from _premises(derivation.premises)


def _arriving(derivation: Derivation) -> tuple[Words, ...]:
    """What the gradients given from outside stand for; nothing where none is derived or the last layer says so."""
    if derivation.table is not None or not derivation.sections:
        return ()
    seeds = derivation.notation.seeds
    if seeds:
        read = {a.tensor for s in derivation.program.statements for a in accesses(s.term.body)}
        named = [Equals(Access(s), Partial(E, Access(output))) for s, output in seeds.items() if output not in read]
        whole = say_number(
            len(named),
            "With {gradients}, the gradient that arrives from above.",
            "With {gradients}, the gradients that arrive from above.",
            gradients=joined(named),
        )
        parts = (_part(seed, output) for seed, output in seeds.items() if output in read)
        return (*((whole,) if named else ()), *parts)
    if derivation.notation.quotients:
        output = Access(derivation.program.outputs[0])
        return (
            say(
                "The gradient {gradient} arrives from above; it is 1 where {output} is {scalar} itself.",
                gradient=Partial(E, output),
                output=output,
                scalar=E,
            ),
        )
    return ()


def _part(seed: str, output: str) -> Words:
    """What arrives at an output that other equations read."""
    return say(
        "{part} is the part of {gradient} that arrives from above; the rest comes through the equations that read "
        "{output}.",
        part=Access(seed),
        gradient=Partial(E, Access(output)),
        output=Access(output),
    )


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
    return (Heading("layer", 2, chapter.title), *paragraph(chapter.setup))


def _updated(update: Update, kind: Literal["gradient", "layer"], numbers: Numbers) -> Part:
    """The update, headed as what stands above it is."""
    equations = tuple(Numbered(equation, numbers.next()) for equation in update.equations)
    heading = Heading(kind, 2, begun(update.title))
    return Part(update.notation, ((heading, *paragraph(update.setup), Equations(equations)),))


def _remarked(derivation: Derivation) -> Part:
    """How the code does it, below a heading of its own."""
    kind: Literal["gradient", "layer"] = "gradient" if derivation.table is None else "layer"
    heading = Heading(kind, 2, say("Implementation"))
    first, *others = (_remark(remark) for remark in derivation.remarks)
    return Part(derivation.notation, ((heading, *first), *others))


def _remark(remark: Remark) -> Passage:
    equations = (Equations(tuple(map(Numbered, remark.equations))),) if remark.equations else ()
    return (*paragraph([remark.words]), *equations)
