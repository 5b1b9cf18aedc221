"""Derivations as HTML: elements without a look of their own, and mathematics as LaTeX in elements of class `tex`.

It is what stands between `<main>` and `</main>`: `codegen.page` puts the look, the script and KaTeX around it. What has
a number has it as `id`, so that code and pictures can point at it.
"""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from gradscribe.derive.derivation.certificate.certificate import Footer
from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Formula, Grid
from gradscribe.derive.derivation.record.sentence import Words, level_of
from gradscribe.derive.ir.quote import visible
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.block_writer import Writer
from gradscribe.derive.typeset.document.document import (
    Box,
    Closing,
    Contents,
    Document,
    Equations,
    Heading,
    Listing,
    Numbered,
    Paragraph,
    Part,
    Row,
    Rows,
    Source,
    consecutive,
)
from gradscribe.derive.typeset.document.layer_cells import headings, span
from gradscribe.derive.typeset.document.look import PLAIN, Look
from gradscribe.derive.typeset.document.parts.gradient_parts import LAYER
from gradscribe.derive.typeset.mathematics.latex_formulas import formula as on_one_line
from gradscribe.derive.typeset.mathematics.latex_symbols import InlineTypesetter, LatexTypesetter, joined
from gradscribe.derive.typeset.mathematics.latex_words import layer_cells
from gradscribe.derive.typeset.terms.row_pieces import Piece
from gradscribe.derive.typeset.terms.sides import OVER, left, sides
from gradscribe.said import Message, begun, say_number

INDEX, OPERATOR, MATRIX = Message("index form"), Message("operator form"), Message("matrix form")
CLASSES = {OPERATOR: "operator", MATRIX: "matrix"}
LINE_MAY_END = r"\allowbreak "
LEVEL = "layer-"
"""What the ids of headings of layers begin with; the label of the level comes behind it."""


def render(derivation: Derivation, footer: Footer | None = None, look: Look = PLAIN) -> str:
    """The whole derivation; a footer becomes its last line. Nothing of `look` concerns it."""
    return page(document(derivation, footer))


def page(whole: Document, look: Look = PLAIN) -> str:
    """Any page: a section for each part."""
    return "\n".join(line for part in whole.parts for line in _section(part, whole.language)) + "\n"


def _section(part: Part, language: str) -> Iterable[str]:
    first = next(part.blocks, None)
    kind = first.kind if isinstance(first, Heading) else f"text {part.form}".rstrip()
    yield f'<section class="{kind}">'
    writer = HtmlWriter(part, language)
    for block in part.blocks:
        yield from writer.block(block)
    yield "</section>"


class HtmlWriter(Writer):
    """A line of the source for each element."""

    def __init__(self, part: Part, language: str) -> None:
        super().__init__(part, language)
        self.t = LatexTypesetter(part.notation, language=language)
        self.inline = InlineTypesetter(part.notation, language=language)

    def heading(self, heading: Heading) -> list[str]:
        """As deep as it is."""
        level = min(heading.level, 6)
        number = f"{heading.number} " if heading.number is not None else ""
        name = _anchor(heading)
        anchor = f' id="{escape(name)}"' if name else ""
        return [f"<h{level}{anchor}>{number}{self._words(heading.words)}</h{level}>"]

    def contents(self, contents: Contents) -> list[str]:
        """A list of links."""
        links = (f'<li><a href="#{_anchor(h)}">{self._words(h.words)}</a></li>' for h in contents.headings)
        return ["<ol>", *links, "</ol>"]

    def paragraph(self, paragraph: Paragraph) -> list[str]:
        """Its sentences."""
        return [f"<p>{sentences(paragraph.sentences, self.inline)}</p>"]

    def equations(self, equations: Equations) -> list[str]:
        """One below the other."""
        return ['<div class="equations">', *(self._equation(e) for e in equations.equations), "</div>"]

    def rows(self, rows: Rows) -> list[str]:
        """A list that folds."""
        many = len(rows.rows)
        numbers = span(rows.rows[0].number, rows.rows[-1].number)
        steps = self._words(
            say_number(many, "1 step, {numbers}", "{steps} steps, {numbers}", steps=str(many), numbers=numbers)
        )
        shown = (self._row(row, self.t.row(row.step, before)) for row, before in consecutive(rows.rows))
        return [f'<details class="steps" open><summary>{steps}</summary>', *shown, "</details>"]

    def box(self, box: Box) -> list[str]:
        """What leads to it, the formula, its name, and the same in whole tensors."""
        result = box.result
        element = left(result.step, self.t)
        plain = f"{element} = {joined(self.t.row(result.step))}"
        formula = display(f"{element} = {_breakable(self.t.row(result.step))}", plain)
        found = [f'<p class="lead">{self._words(result.lead)}</p>'] if result.lead else []
        found += [
            f'<div class="box" id="eq-{box.number}">',
            f'<div class="line">{self._which(INDEX)}{formula}{_number(box.number)}</div>',
        ]
        if result.name:
            found += [f'<p class="name">{self._words(begun(result.name))}</p>']
        forms = {OPERATOR: box.form, MATRIX: box.matrices}
        return [*found, *(self._form(kind, form) for kind, form in forms.items() if form is not None), "</div>"]

    def _form(self, kind: Message, form: Formula) -> str:
        """The same in another form; which one it is says its class."""
        shown = display(on_one_line(form, self.t))
        return f'<div class="line form {CLASSES[kind]}">{self._which(kind)}{shown}</div>'

    def _which(self, form: Message) -> str:
        """What a form is called, where forms stand beside each other."""
        return f'<span class="which">{self._words((form,))}</span>'

    def formula(self, formula: Formula) -> list[str]:
        """A line."""
        return [f'<div class="line">{display(on_one_line(formula, self.t))}</div>']

    def grid(self, grid: Grid) -> list[str]:
        """A table."""
        return _table(map(self._words, grid.head), ([tex(self.inline.expr(e)) for e in row] for row in grid.rows))

    def listing(self, listing: Listing) -> list[str]:
        """A table."""
        return _table(map(self._words, listing.head), (map(self._words, row) for row in listing.rows))

    def layers(self, table: LayerTable) -> list[str]:
        """A table."""
        rows = layer_cells(table, self.language, plain, tex)
        return _table(map(self._words, headings(table)), (map("<br>".join, row) for row in rows))

    def source(self, source: Source) -> list[str]:
        """In small print."""
        return [f'<p class="source">{self._words(source.words)}</p>']

    def closing(self, closing: Closing) -> list[str]:
        """In small print."""
        return [f'<p class="closing">{self._words(closing.words)}</p>']

    def _equation(self, numbered: Numbered) -> str:
        both = sides(numbered.equation, self.t)
        word = self.t.prose(self.t.words(OVER))
        over = rf" \quad\text{{{word} }}" + r",\; ".join(both.conditions) if both.conditions else ""
        head = f"{both.left} {both.sign} "
        formula = display(f"{head}{_breakable(both.right)}{over}", f"{head}{joined(both.right)}{over}")
        if numbered.number is None:
            return f'<div class="line">{formula}</div>'
        return f'<div class="line" id="eq-{numbered.number}">{formula}{_number(numbered.number)}</div>'

    def _row(self, row: Row, right: Sequence[Piece]) -> str:
        """A row: the reason, the formula, its number. A copy of it has its left side in any case."""
        element = left(row.step, self.t)
        shown = "" if row.continued else element
        formula = display(f"{shown} = {_breakable(right)}", f"{element} = {joined(right)}")
        reason = f'<span class="why">{self._words(row.step.reason)}</span>'
        return f'<div class="line step" id="eq-{row.number}">{reason}{formula}{_number(row.number)}</div>'

    def _words(self, words: Words) -> str:
        return sentences((words,), self.inline)


def sentences(said: Iterable[Words], t: InlineTypesetter) -> str:
    """Words, and formulas within them."""
    return " ".join(
        "".join(plain(w) if isinstance(w, str) else tex(t.among(words).expr(w)) for w in t.spoken(words))
        for words in said
    )


def plain(text: str) -> str:
    """Words; what HTML would take for markup is escaped."""
    return escape(visible(text)).replace("-&gt;", "→").replace("rotated by pi", "rotated by π")


def data(found: Any) -> str:
    """JSON within an element of a page: nothing in it ends that."""
    return json.dumps(found, separators=(",", ":")).replace("<", "\\u003c")


def tex(text: str) -> str:
    """A formula within words."""
    return f'<span class="tex">{escape(text)}</span>'


def display(shown: str, copied: str = "") -> str:
    """A formula in display style; `copied` is what it is without marks of what is new, where that is another text."""
    other = f' data-tex="{escape(copied)}"' if copied and copied != shown else ""
    return f'<span class="tex display"{other}>{escape(shown)}</span>'


def _breakable(pieces: Sequence[Piece]) -> str:
    """Pieces between which a line may end, what a step changed in a colour that the look of the page gives it."""
    return joined(pieces, lambda text: rf"\textcolor{{teal}}{{{text}}}", LINE_MAY_END)


def _number(number: int) -> str:
    return f'<a class="number" href="#eq-{number}">({number})</a>'


def _anchor(heading: Heading) -> str:
    """The id of a heading with a number, or of a layer on a network's own page; "" of others."""
    label = level_of(heading.words) if heading.level == LAYER else ""
    return f"section-{heading.number}" if heading.number is not None else f"{LEVEL}{label}" if label else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = ("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    head_row = f"<thead><tr>{heads}</tr></thead>"
    return ['<div class="table"><table>', head_row, "<tbody>", *lines, "</tbody></table></div>"]
