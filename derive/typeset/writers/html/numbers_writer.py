"""The numbers of an example as HTML: matrices whose elements point at those that they are made of.

Elements are cells with their tensor and place in `data-cell`; what they are made of stands in `elements` as data, for a
script that lights up one when another is pointed at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gradscribe.derive.derivation.forms.example.chosen.numbers import Axes, Numbers, has_numbers, numbers
from gradscribe.derive.derivation.forms.example.example import setup
from gradscribe.derive.derivation.forms.example.sheets import Sheet, cell, entry
from gradscribe.derive.derivation.forms.example.worked_elements import Element, Table, tables
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.interpret.plain import Array
from gradscribe.derive.typeset.mathematics.latex_symbols import InlineTypesetter, LatexTypesetter, joined
from gradscribe.derive.typeset.terms.sides import left
from gradscribe.derive.typeset.writers.html.html_writer import LINE_MAY_END, data, sentences, tex


@dataclass(frozen=True)
class NumbersOnPage:
    """An example: its elements of HTML, and JSON that says of each element how it is made, and of which."""

    lines: tuple[str, ...]
    elements: str


def numbers_on_page(page: Derivation) -> NumbersOnPage | None:
    """The example of a page; None where there is none."""
    found = numbers(page) if has_numbers(page) else ""
    if isinstance(found, str):
        return None
    every = tuple(tables(page, found))
    t = InlineTypesetter(page.notation, language=page.language)
    said = [f"<p>{sentences(tuple(setup(found, page)), t)}</p>"]
    made = {cell(table.name, e.at): _made(e) for table in every for e in table.elements}
    return NumbersOnPage((*said, *(line for table in every for line in _table(table, found, t))), data(made))


def _table(table: Table, found: Numbers, t: InlineTypesetter) -> Iterator[str]:
    array = found.values[table.name]
    most = max((abs(float(value)) for value in array.numbers), default=0.0) or 1.0
    axes = found.axes.get(table.name, Axes())
    for sheet in table.sheets:
        yield f'<figure class="sheet"><figcaption>{tex(t.expr(sheet.left))}</figcaption>'
        yield f'<table class="cells{" made" if table.elements else ""}">'
        yield from (_row(table, sheet, row, array, most, axes, t) for row in range(len(sheet.places)))
        yield "</table></figure>"


def _row(table: Table, sheet: Sheet, row: int, array: Array, most: float, axes: Axes, t: InlineTypesetter) -> str:
    cells = (
        f'<td data-cell="{cell(table.name, at)}" style="--share:{float(array[at]) / most:.2f}">'
        f"{tex(t.expr(entry(array, at, axes)))}</td>"
        for at in sheet.places[row]
    )
    return f"<tr>{''.join(cells)}</tr>"


def _made(element: Element) -> dict[str, Any]:
    return {"tex": _equation(element.steps), "reads": [cell(name, at) for name, at in element.reads]}


def _equation(steps: tuple[Step, ...]) -> str:
    """The rows of an element as one equation; "" for none."""
    if not steps:
        return ""
    t = LatexTypesetter(steps[0].notation)
    rights = (joined(t.row(step), may_end=LINE_MAY_END) for step in steps)
    return " = ".join((left(steps[0], t), *rights))
