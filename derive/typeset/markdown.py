"""Derivations as Markdown with mathematics that KaTeX and GitHub render."""

import re
from collections.abc import Iterable
from itertools import groupby

from gradscribe.derive.derivation.certificate.certificate import Footer
from gradscribe.derive.derivation.record import Derivation, Formula, Grid, LayerTable, Words
from gradscribe.derive.ir.quote import visible
from gradscribe.derive.typeset.document.arrange import capitalised, document
from gradscribe.derive.typeset.document.block_writer import Writer
from gradscribe.derive.typeset.document.document import (
    Box,
    Closing,
    Equations,
    Heading,
    Paragraph,
    Part,
    Row,
    Rows,
    Source,
)
from gradscribe.derive.typeset.document.layer_cells import HEAD
from gradscribe.derive.typeset.mathematics.latex_formulas import formula as on_one_line
from gradscribe.derive.typeset.mathematics.latex_letters import prose
from gradscribe.derive.typeset.mathematics.latex_symbols import InlineTypesetter, LatexTypesetter, joined
from gradscribe.derive.typeset.mathematics.latex_words import layer_cells, measured, sentence
from gradscribe.derive.typeset.terms.sides import OVER, Sides, left, sides

_ESCAPED = {
    **{c: f"\\{c}" for c in "\\`*_|$#~"},
    **{"<": "&lt;", ">": "&gt;", "&": "&amp;", "](": "]&#40;"},  # not \[ nor \(: for many that is mathematics
    **{"->": "→", "rotated by pi": r"rotated by $\pi$"},
}


def render(derivation: Derivation, footer: Footer | None = None) -> str:
    """The whole derivation; a footer becomes its last line."""
    writers = [MarkdownWriter(part) for part in document(derivation, footer).parts]
    blocks = ("\n".join(writer.block(block)) for writer in writers for block in writer.part.blocks)
    return "\n\n".join(blocks) + "\n"


def plain(text: str) -> str:
    """Words; what Markdown, HTML or mathematics would take for markup is escaped."""
    return re.sub(r"rotated by pi|->|]\(|[\\`*_|$#~<>&]", lambda m: _ESCAPED[m[0]], visible(text))


class MarkdownWriter(Writer):
    """Blank lines between blocks, mathematics between dollars."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self.t = LatexTypesetter(part.notation)
        self.inline = InlineTypesetter(part.notation)

    def heading(self, heading: Heading) -> list[str]:
        """As many signs as it is deep."""
        return [f"{'#' * heading.level} {self._words(heading.words)}"]

    def paragraph(self, paragraph: Paragraph) -> list[str]:
        """Each sentence on a line of the source."""
        return [self._words(words) for words in paragraph.sentences]

    def equations(self, equations: Equations) -> list[str]:
        """Aligned."""
        return _aligned(_equation(sides(e.equation, self.t), e.number) for e in equations.equations)

    def rows(self, rows: Rows) -> list[str]:
        """Aligned, the number in the last column: tags are for equations that are no part of another."""
        return _aligned(self._row(row) for row in rows.rows)

    def box(self, box: Box) -> list[str]:
        """The name before the box."""
        result = box.result
        name = self._words(result.name if result.lead else capitalised(result.name))
        lead = f"{self._words(result.lead)} " if result.lead else ""
        row = f"{left(result.step, self.t)} = {joined(self.t.row(result.step))}"
        return [f"{lead}**{name}**", "", "$$", rf"\boxed{{\;{row}\;}} \qquad ({box.number})", "$$"]

    def formula(self, formula: Formula) -> list[str]:
        """A display."""
        return ["$$", on_one_line(formula, self.t), "$$"]

    def grid(self, grid: Grid) -> list[str]:
        """A table of pipes."""
        head = _piped(self._words(cell) for cell in grid.head)
        rows = (_piped(f"${self.inline.expr(e)}$" for e in row) for row in grid.rows)
        return [head, "|" + " --- |" * len(grid.head), *rows]

    def layers(self, table: LayerTable) -> list[str]:
        """A table of pipes."""
        rows = (_piped("<br>".join(cell) for cell in row) for row in layer_cells(table, plain))
        return [_piped(HEAD), "|" + " --- |" * (len(HEAD) - 1) + " ---: |", *rows]

    def source(self, source: Source) -> list[str]:
        """A paragraph."""
        return [self._words(source.words)]

    def closing(self, closing: Closing) -> list[str]:
        """Slanted."""
        return [f"*{measured(closing.footer, self.inline)}*"]

    def _row(self, row: Row) -> str:
        shown = "" if row.continued else left(row.step, self.t)
        return rf"{self._reason(row.step.reason)} && {shown} &= {joined(self.t.row(row.step))} && ({row.number})"

    def _reason(self, words: Words) -> str:
        r"""Words beside a row: prose in ``\text``, mathematics outside it."""
        runs = ((is_text, list(run)) for is_text, run in groupby(words, key=lambda word: isinstance(word, str)))
        return "".join(
            rf"\text{{{''.join(map(prose, run))}}}" if is_text else "".join(map(self.inline.expr, run))
            for is_text, run in runs
        )

    def _words(self, words: Words) -> str:
        return sentence(words, self.inline, plain)


def _equation(both: Sides, number: int | None) -> str:
    over = rf" \quad\text{{{OVER} }}" + r",\; ".join(both.conditions) if both.conditions else ""
    return f"{both.left} &= {joined(both.right)}{over}" + (f" && ({number})" if number is not None else "")


def _aligned(rows: Iterable[str]) -> list[str]:
    return ["$$", r"\begin{aligned}", " \\\\\n".join(rows), r"\end{aligned}", "$$"]


def _piped(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
