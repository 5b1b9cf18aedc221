"""The gradients of a page: headings, rows, boxes, and the numbers of these."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from sympy import Expr

from gradscribe.derive.derivation.forms.caption.matrices.passage import matrix_gradient
from gradscribe.derive.derivation.forms.caption.words.signs import Same
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.kinds.level_gradients import exchanged
from gradscribe.derive.derivation.network.kinds.likeness import row
from gradscribe.derive.derivation.network.kinds.once import is_box, one_box
from gradscribe.derive.derivation.record.page_record import Derivation, Worked
from gradscribe.derive.derivation.record.section_record import ELEMENT, Formula, Result, Section, Step
from gradscribe.derive.derivation.record.sentence import AND, Words, joined
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.document.document import Block, Box, Heading, Paragraph, Part, Passage, Row, Rows
from gradscribe.said import begun, is_said, say


class Numbers:
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


def gradient_parts(sections: Sequence[Section], level: int, page: Derivation, numbers: Numbers) -> Iterator[Part]:
    """The gradients; of those that follow each other and are one row each, the rows below one heading."""
    for reason, group in groupby(sections, key=lambda s: one_box(s) if page.form == "index" else ()):
        found = list(group)
        if reason and len(found) > 1:
            yield _together(found, level, page, numbers)
            yield from (part for section in found for part in _example(section, page, numbers))
        else:
            yield from (part for section in found for part in _derived(section, level, page, numbers))


def one_section(section: Section) -> Part:
    """One gradient by itself; its rows are printed though they stand above on its page, and counted from 1."""
    return _section(replace(section, like="", likeness=None), LAYER, None, Numbers())


def one_box_of(result: Result) -> Part:
    """A box by itself, with the rows that lead to it."""
    return Part(result.step.notation, tuple(_boxed(result, Numbers())))


def _derived(section: Section, level: int, page: Derivation, numbers: Numbers) -> Iterator[Part]:
    """One gradient, and the same in numbers; of a page of matrix forms the numbers alone."""
    if page.form != "matrix":
        yield _section(section, level, page, numbers)
    yield from _example(section, page, numbers)


def _example(section: Section, page: Derivation, numbers: Numbers) -> Iterator[Part]:
    """A gradient in numbers, if the page has an example."""
    found = page.example.of(section.wrt) if page.example is not None else None
    if found is not None:
        yield _in_numbers(found, section.steps[0].notation, numbers)


def _together(sections: Sequence[Section], level: int, page: Derivation, numbers: Numbers) -> Part:
    """Gradients of one row each."""
    names = [Access(s.wrt) for s in sections]
    (reason,) = {s.steps[0].reason for s in sections}
    heading = Heading("gradient", level, say("Gradients with respect to {tensors}", tensors=joined(names, AND)))
    boxes = []
    for section in sections:
        numbers.rows[section.wrt] = numbers.last + 1, numbers.last + 1
        boxes += _boxes(section, section.results, page, numbers)
        numbers.boxes[section.wrt] = numbers.last
    return Part(sections[0].steps[0].notation, ((heading, *paragraph([(*begun(reason), ":")])), *boxes))


def _section(section: Section, level: int, page: Derivation | None, numbers: Numbers) -> Part:
    """One gradient: its lemmas and its own rows, then the boxes; of rows that stand above already their numbers.

    Where operator forms alone are asked for there are no rows.
    """
    heading = Heading("gradient", level, begun(section.title))
    if page is not None and page.form == "operator":
        short = tuple(tuple(_without_rows(result, numbers)) for result in section.results)
        return Part(section.steps[0].notation, ((heading, *_functions(section)), *short))
    if section.like:
        first, last = numbers.rows[section.like]
        names = exchanged([section], section.steps[0].notation)
        if section.likeness is None and _letter(section, section.wrt) != _letter(section, section.like):
            # nobody looks for a gradient by w below one by gamma
            lead = say("{gradient}, by the steps of {rows}", gradient=section.title, rows=_numbered(first, last))
        else:
            lead = say(
                "{gradient}, as for {other} ({rows})",
                gradient=section.title,
                other=Access(section.like),
                rows=_numbered(first, last),
            )
        lead = say("{lead} with {names}", lead=lead, names=names) if names else lead
        passages: list[Passage] = [paragraph([(*begun(lead), ":")])]
        closed = [replace(result, steps=()) for result in section.results if result.closed]
        first_, *others = closed or section.results
        several = first_.operation is not None and len(first_.operation.summands) > 1
        name = () if several else first_.name  # a list in words: there is a form, or it says little
        section = replace(section, results=(replace(first_, lead=(), name=name), *others))
    elif is_box(section):
        numbers.rows[section.wrt] = numbers.last + 1, numbers.last + 1
        passages = [(heading, *_functions(section), *paragraph([(*begun(section.steps[0].reason), ":")]))]
    else:
        before = numbers.last
        own = section.steps[:-1] if _is_boxed_at_once(section) else section.steps
        passages = [
            (*paragraph(part.setup), Rows(tuple(_rows(steps, numbers))), *paragraph(part.caption))
            for part, steps in (*((lemma, lemma.steps) for lemma in section.lemmas), (section, own))
        ]
        passages[0] = (heading, *passages[0])
        numbers.rows[section.wrt] = before + 1, numbers.last
    boxes = _boxes(section, _shown(section, level), page, numbers)
    numbers.boxes[section.wrt] = numbers.last
    if section.closed is not None and not section.like:  # the rows that lead to the closed form, too
        numbers.rows[section.wrt] = numbers.rows[section.wrt][0], numbers.last - 1
    return Part(section.steps[0].notation, (*passages, *boxes))


def _functions(section: Section) -> Passage:
    """What is said before rows but for the element that they are about: which function f is."""
    return paragraph([words for words in section.setup if not any(is_said(word, ELEMENT) for word in words)])


def _numbered(first: int, last: int) -> Words:
    """``rows 8 to 12``."""
    if first == last:
        return say("row {number}", number=str(first))
    return say("rows {first} to {last}", first=str(first), last=str(last))


def _letter(section: Section, tensor: str) -> str:
    """What a tensor is called, whatever its level."""
    letter, _ = section.steps[0].notation.levels.get(tensor, (tensor, ""))
    return letter


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


def _in_numbers(found: Worked, notation: Notation, numbers: Numbers) -> Part:
    """The matrices of a gradient, each on lines of its own, then one element of it."""
    passages: list[Passage] = [(formula,) for formula in found.matrices]
    passages += [(Rows(tuple(_rows(found.steps, numbers))),)] if found.steps else []
    return Part(notation, tuple(passages))


def _boxes(section: Section, results: Sequence[Result], page: Derivation | None, numbers: Numbers) -> list[Passage]:
    """The boxes of a gradient; products of matrices equal the first one, which holds for all values."""
    matrices = matrix_gradient(page.matrices, page.program, section.wrt) if page is not None else None
    return [
        passage
        for number, result in enumerate(results)
        for passage in _boxed(result, numbers, None if number else matrices)
    ]


def _boxed(result: Result, numbers: Numbers, matrices: Formula | None = None) -> Iterator[Passage]:
    """The rows that lead from the box above to this one, if there are any, the box, and the same in other forms."""
    if result.steps:
        yield (Rows(tuple(_rows(result.steps, numbers))),)
    yield (Box(numbers.next(), result, _form(result.form) if result.form is not None else None, matrices),)


def _without_rows(result: Result, numbers: Numbers) -> Iterator[Block]:
    """The operator form and its words; the box where there is no such form."""
    if result.form is None:
        yield Box(numbers.next(), result)
        return
    yield from paragraph([(*begun(result.lead), " ", *result.name)] if result.name and result.lead else [])
    yield from paragraph([begun(result.name)] if result.name and not result.lead else [])
    yield _form(result.form)


def _form(form: Expr) -> Formula:
    left, *right = form.args
    return Formula(left, right[0] if len(right) == 1 else Same(*right))


def _rows(steps: Iterable[Step], numbers: Numbers) -> Iterator[Row]:
    before: Access | None = None
    for step in steps:
        yield Row(numbers.next(), step, continued=step.left == before)
        before = step.left


def paragraph(sentences: Sequence[Words]) -> tuple[Paragraph, ...]:
    """The sentences as one paragraph; none where there are none."""
    return (Paragraph(tuple(sentences)),) if sentences else ()
