"""Derivations as Markdown with mathematics that KaTeX and GitHub render."""

import re
from collections.abc import Iterable, Sequence

from sympy import ImmutableMatrix

from gradscribe.derive.derivation.certificate.certificate import Footer
from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Formula, Grid
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.quote import visible
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.block_writer import Writer, blocks
from gradscribe.derive.typeset.document.document import (
    Box,
    Closing,
    Contents,
    Document,
    Equations,
    Heading,
    Listing,
    Paragraph,
    Part,
    Row,
    Rows,
    Source,
    consecutive,
)
from gradscribe.derive.typeset.document.layer_cells import headings
from gradscribe.derive.typeset.document.look import PLAIN, Look
from gradscribe.derive.typeset.mathematics.latex_expansions import displays
from gradscribe.derive.typeset.mathematics.latex_formulas import formula as on_one_line
from gradscribe.derive.typeset.mathematics.latex_symbols import InlineTypesetter, LatexTypesetter
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.mathematics.latex_words import layer_cells, lines_of, sentence, sentence_width
from gradscribe.derive.typeset.terms.row_breaks import Line
from gradscribe.derive.typeset.terms.sides import OVER, Sides, left, sides
from gradscribe.derive.typeset.writers.latex.latex_lines import broken, cost, written
from gradscribe.said import ENGLISH, begun

_ESCAPED = {
    **{c: f"\\{c}" for c in "\\`*_|$#~"},
    **{"<": "&lt;", ">": "&gt;", "&": "&amp;", "](": "]&#40;"},  # not \[ nor \(: for many that is mathematics
    **{"->": "→", "rotated by pi": r"rotated by $\pi$"},
}
_LINE = 36.0
"""What a reason, a left side and a right side take on a line, in em; the number stands beside them."""


def render(derivation: Derivation, footer: Footer | None = None, look: Look = PLAIN) -> str:
    """The whole derivation; a footer becomes its last line. Nothing of `look` concerns it."""
    return page(document(derivation, footer))


def page(document: Document, look: Look = PLAIN) -> str:
    """Any page."""
    return "\n\n".join(blocks(MarkdownWriter(part, document.language) for part in document.parts)) + "\n"


def plain(text: str) -> str:
    """Words; what Markdown, HTML or mathematics would take for markup is escaped."""
    return re.sub(r"rotated by pi|->|]\(|[\\`*_|$#~<>&]", lambda m: _ESCAPED[m[0]], visible(text))


class MarkdownWriter(Writer):
    """Blank lines between blocks, mathematics between dollars."""

    def __init__(self, part: Part, language: str = ENGLISH) -> None:
        super().__init__(part, language)
        self.t = LatexTypesetter(part.notation, language=language)
        self.inline = InlineTypesetter(part.notation, language=language)

    def heading(self, heading: Heading) -> list[str]:
        """As many signs as it is deep; what has a number is what the table of contents leads to."""
        head = f"{'#' * heading.level} "
        if heading.number is None:
            return [head + self._words(heading.words)]
        anchor = f'<a id="{_anchor(heading)}"></a>'
        return [anchor, "", f"{head}{heading.number} {self._words(heading.words)}"]

    def contents(self, contents: Contents) -> list[str]:
        """A list of links."""
        return [f"{h.number}. [{self._words(h.words)}](#{_anchor(h)})" for h in contents.headings]

    def paragraph(self, paragraph: Paragraph) -> list[str]:
        """Each sentence on a line of the source."""
        return [self._words(words) for words in paragraph.sentences]

    def equations(self, equations: Equations) -> list[str]:
        """Aligned."""
        found = [(sides(e.equation, self.t), e.number) for e in equations.equations]
        room = _LINE - max(width(both.left) for both, _ in found)
        return _aligned(_equation(both, number, room, self.t.prose(self.t.words(OVER))) for both, number in found)

    def rows(self, rows: Rows) -> list[str]:
        """Aligned, the number in the last column: tags are for equations that are no part of another.

        Reasons stand beside the rows or, where a product would be broken for them, above.
        """
        rights = [self.t.row(row.step, before) for row, before in consecutive(rows.rows)]
        reasons = max(sentence_width(row.step.reason, self.inline) for row in rows.rows)
        room = _LINE - max(width(left(row.step, self.t)) for row in rows.rows)
        lines = {beside: [broken(right, room - reasons * beside) for right in rights] for beside in (True, False)}
        whole = all(cost(found, room - reasons) == (0, 0) for found in lines[True])
        beside = whole and sum(map(len, lines[True])) <= len(rights) + sum(map(len, lines[False]))
        shown = zip(rows.rows, lines[beside], strict=True)
        return _aligned(self._row(row, right, 0.0 if beside else room) for row, right in shown)

    def box(self, box: Box) -> list[str]:
        """The name before the box."""
        result = box.result
        name = self._bold(result.name if result.lead else begun(result.name)) if result.name else ""
        lead = f"{self._words(result.lead)} " if result.lead else ""
        element = left(result.step, self.t)
        first, *others = written(broken(self.t.row(result.step), _LINE - width(element)), _new)
        before = [f"{lead}{name}", ""] if lead or name else []
        form = ["", *self.formula(box.form)] if box.form is not None else []
        *above, last = _boxes(element, first, others)
        shown = (*above, rf"{last} \qquad ({box.number})")
        return [*before, *_apart(["$$", text, "$$"] for text in shown), *form]

    def formula(self, formula: Formula) -> list[str]:
        """A display; a matrix stays on one line."""
        if not isinstance(formula.right, ImmutableMatrix):
            both = sides(formula, self.t)
            lines = _equation(both, None, _LINE - width(both.left))
            if len(lines) > 1:
                return _aligned([lines])
        return ["$$", on_one_line(formula, self.t), "$$"]

    def grid(self, grid: Grid) -> list[str]:
        """A table of pipes."""
        head = _piped(self._words(cell) for cell in grid.head)
        rows = (_piped(f"${self.inline.expr(e)}$" for e in row) for row in grid.rows)
        return [head, "|" + " --- |" * len(grid.head), *rows]

    def listing(self, listing: Listing) -> list[str]:
        """A table of pipes."""
        rows = (_piped(map(self._words, row)) for row in listing.rows)
        return [_piped(map(self._words, listing.head)), "|" + " --- |" * len(listing.head), *rows]

    def layers(self, table: LayerTable) -> list[str]:
        """A table of pipes."""
        rows = (_piped("<br>".join(cell) for cell in row) for row in layer_cells(table, self.language, plain))
        head = headings(table)
        return [_piped(map(self._words, head)), "|" + " --- |" * (len(head) - 1) + " ---: |", *rows]

    def source(self, source: Source) -> list[str]:
        """A paragraph."""
        return [self._words(source.words)]

    def closing(self, closing: Closing) -> list[str]:
        """Slanted."""
        return [f"*{self._words(closing.words)}*"]

    def _row(self, row: Row, lines: Sequence[Line], room: float) -> list[str]:
        """The lines of a row, its reason beside it or, where there is `room` above, there."""
        shown = "" if row.continued else left(row.step, self.t)
        reasons = lines_of(row.step.reason, self.inline, room) if room else [row.step.reason]
        said = [self._reason(words) for words in reasons]
        first, *others = written(lines, _new)
        above = [f"&{words}" for words in said] if room else []
        before, column = (shown, "&") if room else (f"{said[0]} && {shown}", "&&&")
        found = [*above, f"{before} &= {first}", *(f"{column}{line}" for line in others)]
        return [*found[:-1], f"{found[-1]} && ({row.number})"]

    def _reason(self, words: Words) -> str:
        r"""Words beside a row: prose in ``\text``, mathematics outside it."""
        spoken, inline = self.inline.spoken(words), self.inline.among(words)
        return "".join(
            rf"\text{{{inline.prose(word)}}}" if isinstance(word, str) else inline.expr(word) for word in spoken
        )

    def _bold(self, words: Words) -> str:
        return f"**{self._words(words)}**"

    def _words(self, words: Words) -> str:
        return sentence(words, self.inline, plain)


def _anchor(heading: Heading) -> str:
    return f"section-{heading.number}"


def _new(text: str) -> str:
    """What a step changed. GitHub, KaTeX, MathJax and LaTeX all know this colour by its name."""
    return rf"{{\color{{teal}}{{{text}}}}}"


def _equation(both: Sides, number: int | None, room: float, word: str = "") -> list[str]:
    """The lines of an equation."""
    over = rf" \quad\text{{{word} }}" + r",\; ".join(both.conditions) if both.conditions else ""
    first, *others = written(broken(both.right, room), _new)
    found = [f"{both.left} &{both.sign} {first}", *(f"&{line}" for line in others)]
    return [*found[:-1], found[-1] + over + (f" && ({number})" if number is not None else "")]


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Displays of rows of lines."""
    every = (" \\\\\n".join(line for row in shown for line in row) for shown in displays(rows))
    return _apart(["$$", r"\begin{aligned}", text, r"\end{aligned}", "$$"] for text in every)


def _apart(shown: Iterable[Sequence[str]]) -> list[str]:
    """Displays with a blank line between them."""
    return [line for n, lines in enumerate(shown) for line in ([""] if n else []) + [*lines]]


def _boxes(element: str, first: str, others: Sequence[str]) -> list[str]:
    """An equation in a box, or on several lines in as many boxes as there are displays."""
    if not others:
        return [rf"\boxed{{\;{element} = {first}\;}}"]
    lines = (f"{element} &= {first}", *(f"&{line}" for line in others))
    every = (r" \\ ".join(line for (line,) in shown) for shown in displays([line] for line in lines))
    return [rf"\boxed{{\;\begin{{aligned}}{text}\end{{aligned}}\;}}" for text in every]


def _piped(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
