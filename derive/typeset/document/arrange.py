"""Derivation -> Document: every heading, sentence and table of a page, their order and the numbers of its rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Literal

from sympy import Expr, ImmutableMatrix

from gradscribe.derive.derivation.certificate.certificate import Footer, marked
from gradscribe.derive.derivation.forms.caption.words.signs import Same
from gradscribe.derive.derivation.forward.displayed_settings import SCALARS
from gradscribe.derive.derivation.forward.quotients import Partial
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.kinds.level_gradients import exchanged
from gradscribe.derive.derivation.network.kinds.likeness import row
from gradscribe.derive.derivation.network.kinds.once import is_box, one_box
from gradscribe.derive.derivation.record import (
    Chapter,
    Derivation,
    Equals,
    Formula,
    Grid,
    Premise,
    Remark,
    Result,
    Scalar,
    Section,
    Step,
    Update,
    Words,
    Worked,
    joined,
)
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.document.document import (
    Block,
    Box,
    Closing,
    Contents,
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
from gradscribe.derive.typeset.document.every_level import every_level, explained, likes, with_equations

E = Scalar(SCALARS[0])


class _Numbers:
    """The numbers of a page's rows, and by tensor those of every gradient's rows and of its last box."""

    def __init__(self) -> None:
        self.last = 0
        self.rows: dict[str, tuple[int, int]] = {}
        self.boxes: dict[str, int] = {}

    def next(self) -> int:
        """The number of the next row."""
        self.last += 1
        return self.last


LAYER = 2
"""The level of the headings of a layer's gradients; those of a network's are deeper."""
Page = tuple[Derivation, Footer | None]
"""A derivation, and what closes it."""


def document(derivation: Derivation, footer: Footer | None = None) -> Document:
    """The page of a derivation; a footer becomes its last line."""
    return Document(tuple(_page(derivation, footer, _Numbers())), likes(derivation))


def chapter(title: str, pages: Sequence[Page]) -> Document:
    """Several pages as one document, with a table of contents; rows are counted through."""
    numbers = _Numbers()
    parts: list[Part] = []
    headings: list[Heading] = []
    for number, (derivation, footer) in enumerate(pages, start=1):
        for part in _page(derivation, footer, numbers):
            lower = _lowered(part, number)
            headings += (block for block in lower.blocks if isinstance(block, Heading) and block.number is not None)
            parts.append(lower)
    front = ((Heading("document", 1, (title,)),), (Contents(tuple(headings)),))
    return Document((Part(Notation(), front), *parts))


def _page(derivation: Derivation, footer: Footer | None, numbers: _Numbers) -> Iterator[Part]:
    shown = marked(derivation, footer)
    yield from _parts(shown, numbers)
    if footer is not None:
        yield Part(shown.notation, ((Closing(footer),),))


def _lowered(part: Part, number: int) -> Part:
    """A part below the heading of a document, its title with a number."""

    def lower(block: Block) -> Block:
        if not isinstance(block, Heading):
            return block
        return replace(block, level=block.level + 1, number=number if block.kind == "title" else None)

    return replace(part, passages=tuple(tuple(map(lower, passage)) for passage in part.passages))


def capitalised(words: Words) -> Words:
    """The words as the beginning of a sentence."""
    first, *rest = words
    return (first[0].upper() + first[1:], *rest) if isinstance(first, str) else words


def _parts(derivation: Derivation, numbers: _Numbers) -> Iterator[Part]:
    yield Part(derivation.notation, tuple(filter(None, _introduction(derivation, numbers))))
    for chapter in derivation.chapters if derivation.form != "matrix" else ():
        yield Part(derivation.notation, (_headed(chapter),))
        yield from _sections(chapter.sections, LAYER + 1, derivation, numbers)
    if derivation.table is None or derivation.form == "matrix":
        yield from _sections(derivation.sections, LAYER, derivation, numbers)
    if derivation.levels and derivation.form != "matrix":
        yield every_level(derivation, numbers.boxes)
    if derivation.update is not None:
        yield _updated(derivation.update, "gradient" if derivation.table is None else "layer", numbers)
    if derivation.remarks:
        yield _remarked(derivation)
    if derivation.source:
        yield Part(derivation.notation, ((Source(("Source: ", derivation.source, ".")),),))


def _introduction(derivation: Derivation, numbers: _Numbers) -> Iterator[Passage]:
    """What stands before the first gradient: shapes, the layers of a network, the forward equations."""
    yield (Heading("title", 1, (derivation.heading,)), *_paragraph(derivation.setup))
    yield _paragraph(derivation.glossary)
    if derivation.table is not None:
        table = with_equations(derivation.table, derivation, numbers.last + 1)
        yield (table,)
        yield _paragraph([*explained(table), ("Trained in all: ", *table.number((table.parameters,)), ".")])
    forward = (Numbered(definition, numbers.next()) for definition in derivation.equations)
    sizes = (Numbered(Formula(symbol, expression)) for symbol, expression in derivation.sizes)
    yield (Equations((*forward, *sizes)), *_paragraph(derivation.notes))
    yield _paragraph(_arriving(derivation))
    if (example := derivation.example) is not None:
        yield _paragraph(example.setup)
        yield from ((formula,) for formula in example.given)
    yield from _premises(derivation.premises)
    yield from _premises(derivation.matrix)


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


def _sections(sections: Sequence[Section], level: int, page: Derivation, numbers: _Numbers) -> Iterator[Part]:
    """The gradients; of those that follow each other and are one row each, the rows below one heading."""
    for reason, group in groupby(sections, key=lambda s: one_box(s) if page.form == "index" else ()):
        found = list(group)
        if reason and len(found) > 1:
            yield _together(found, level, numbers)
            yield from (part for section in found for part in _example(section, page, numbers))
        else:
            yield from (part for section in found for part in _derived(section, level, page, numbers))


def _derived(section: Section, level: int, page: Derivation, numbers: _Numbers) -> Iterator[Part]:
    """One gradient, and the same in numbers; of a page of matrix forms the numbers alone."""
    if page.form != "matrix":
        yield _section(section, level, numbers, page.form)
    yield from _example(section, page, numbers)


def _example(section: Section, page: Derivation, numbers: _Numbers) -> Iterator[Part]:
    """A gradient in numbers, if the page has an example."""
    found = page.example.of(section.wrt) if page.example is not None else None
    if found is not None:
        yield _in_numbers(found, section.steps[0].notation, numbers)


def _together(sections: Sequence[Section], level: int, numbers: _Numbers) -> Part:
    """Gradients of one row each."""
    names = [Access(s.wrt) for s in sections]
    (reason,) = {s.steps[0].reason for s in sections}
    heading = Heading("gradient", level, ("Gradients with respect to ", *joined(names, " and ")))
    boxes = []
    for section in sections:
        numbers.rows[section.wrt] = numbers.last + 1, numbers.last + 1
        boxes += [passage for result in section.results for passage in _boxed(result, numbers)]
        numbers.boxes[section.wrt] = numbers.last
    return Part(sections[0].steps[0].notation, ((heading, *_paragraph([(*capitalised(reason), ":")])), *boxes))


def _section(section: Section, level: int, numbers: _Numbers, form: str) -> Part:
    """One gradient: its lemmas and its own rows, then the boxes; of rows that stand above already their numbers.

    Where operator forms alone are asked for there are no rows.
    """
    heading = Heading("gradient", level, capitalised(section.title))
    if form == "operator":
        short = tuple(tuple(_without_rows(result, numbers)) for result in section.results)
        setup = _paragraph(section.setup) if len(section.steps) == 1 else ()  # else it leads to rows
        return Part(section.steps[0].notation, ((heading, *setup), *short))
    if section.like:
        first, last = numbers.rows[section.like]
        rows = f"row {first}" if first == last else f"rows {first} to {last}"
        other = (", as for ", Access(section.like), f" ({rows})")
        names = exchanged([section], section.steps[0].notation)
        passages: list[Passage] = [
            _paragraph([(*capitalised(section.title), *other, *((" with ", *names) if names else ()), ":")])
        ]
        closed = [replace(result, steps=()) for result in section.results if result.closed]
        first_, *others = closed or section.results
        several = first_.caption is not None and first_.form is None and len(first_.caption.summands) > 1
        name = () if several else first_.name  # words that list what no form says
        section = replace(section, results=(replace(first_, lead=(), name=name), *others))
    elif is_box(section):
        numbers.rows[section.wrt] = numbers.last + 1, numbers.last + 1
        passages = [(heading, *_paragraph([(*capitalised(section.steps[0].reason), ":")]))]
    else:
        before = numbers.last
        own = section.steps[:-1] if _is_boxed_at_once(section) else section.steps
        passages = [
            (*_paragraph(part.setup), Rows(tuple(_rows(steps, numbers))), *_paragraph(part.caption))
            for part, steps in (*((lemma, lemma.steps) for lemma in section.lemmas), (section, own))
        ]
        passages[0] = (heading, *passages[0])
        numbers.rows[section.wrt] = before + 1, numbers.last
    boxes = [passage for result in _shown(section, level) for passage in _boxed(result, numbers)]
    numbers.boxes[section.wrt] = numbers.last
    return Part(section.steps[0].notation, (*passages, *boxes))


def _is_boxed_at_once(section: Section) -> bool:
    """Whether a clause leads from the rows to a box that is the last of them."""
    return bool(section.results and section.results[0].lead) and _is_repeated(section)


def _is_repeated(section: Section) -> bool:
    """Whether the first box is the last row."""
    last, first = section.steps[-1], section.results[0].step
    return len(section.steps) > 1 and row(last.left, last.terms) == row(first.left, first.terms)


def _shown(section: Section, level: int) -> tuple[Result, ...]:
    """The boxes; in a network none that repeats the last row, and no form of it, where a closed form follows."""
    if section.closed is None or level == LAYER:
        return section.results
    return tuple(replace(r, form=r.form if r.closed else None) for r in section.results[_is_repeated(section) :])


def _updated(update: Update, kind: Literal["gradient", "layer"], numbers: _Numbers) -> Part:
    """The update, headed as what stands above it is."""
    equations = tuple(Numbered(equation, numbers.next()) for equation in update.equations)
    heading = Heading(kind, 2, capitalised(update.title))
    return Part(update.notation, ((heading, *_paragraph(update.setup), Equations(equations)),))


def _remarked(derivation: Derivation) -> Part:
    """How the code does it, below a heading of its own."""
    kind: Literal["gradient", "layer"] = "gradient" if derivation.table is None else "layer"
    heading = Heading(kind, 2, ("Implementation",))
    first, *others = (_remark(remark) for remark in derivation.remarks)
    return Part(derivation.notation, ((heading, *first), *others))


def _remark(remark: Remark) -> Passage:
    equations = (Equations(tuple(map(Numbered, remark.equations))),) if remark.equations else ()
    return (*_paragraph([remark.words]), *equations)


def _in_numbers(found: Worked, notation: Notation, numbers: _Numbers) -> Part:
    """The matrices of a gradient, each on lines of its own, then one element of it."""
    passages: list[Passage] = [(formula,) for formula in found.matrices]
    passages += [(Rows(tuple(_rows(found.steps, numbers))),)] if found.steps else []
    return Part(notation, tuple(passages))


def _boxed(result: Result, numbers: _Numbers) -> Iterator[Passage]:
    """The rows that lead from the box above to this one, if there are any, the box, and the same in whole tensors."""
    if result.steps:
        yield (Rows(tuple(_rows(result.steps, numbers))),)
    yield (Box(numbers.next(), result, _form(result.form) if result.form is not None else None),)


def _without_rows(result: Result, numbers: _Numbers) -> Iterator[Block]:
    """The operator form and its words; the box where there is no such form."""
    if result.form is None:
        yield Box(numbers.next(), result)
        return
    yield from _paragraph([(*capitalised((*result.lead, " ")), *result.name)] if result.name and result.lead else [])
    yield from _paragraph([capitalised(result.name)] if result.name and not result.lead else [])
    yield _form(result.form)


def _form(form: Expr) -> Formula:
    left, *right = form.args
    return Formula(left, right[0] if len(right) == 1 else Same(*right))


def _rows(steps: Iterable[Step], numbers: _Numbers) -> Iterator[Row]:
    before: Access | None = None
    for step in steps:
        yield Row(numbers.next(), step, continued=step.left == before)
        before = step.left
