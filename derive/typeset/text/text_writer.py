"""Derivations as Unicode text for the terminal."""

from sympy import ImmutableMatrix

from gradscribe.derive.derivation.certificate.certificate import Footer
from gradscribe.derive.derivation.record import Derivation, Formula, Grid, LayerTable, Words
from gradscribe.derive.typeset.document.arrange import document
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
from gradscribe.derive.typeset.terms.sides import left
from gradscribe.derive.typeset.text.text_lines import WIDTH, broken, equation_lines, numbered, wrapped
from gradscribe.derive.typeset.text.text_symbols import TextTypesetter
from gradscribe.derive.typeset.text.text_tables import grid_lines, layer_lines, matrix_lines

UNDER = {"title": "", "layer": "═", "gradient": "─"}
"""What headings are underlined with."""


def render(derivation: Derivation, footer: Footer | None = None) -> str:
    """The whole derivation; a footer becomes its last line."""
    lines: list[str] = []
    for part in document(derivation, footer).parts:
        writer = TextWriter(part)
        for passage in part.passages:
            another = isinstance(passage[0], Heading) and passage[0].kind == "title"
            lines += ["", "─" * 40, ""] if lines and another else [""] if lines else []
            lines += (line for block in passage for line in writer.block(block))
    return "\n".join(line.rstrip() for line in lines) + "\n"


class TextWriter(Writer):
    """Blank lines between passages, none within; reasons in a column, numbers at the margin."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self.t = TextTypesetter(part.notation)
        self.column = max((len(self.t.words(row.step.reason)) for row in part.rows), default=0)

    def heading(self, heading: Heading) -> list[str]:
        """The words, and below them a line, or nothing."""
        words = self.t.words(heading.words)
        return [words, UNDER[heading.kind] * len(words)]

    def paragraph(self, paragraph: Paragraph) -> list[str]:
        """Each sentence begins a line."""
        return [line for words in paragraph.sentences for line in self._wrapped(words)]

    def equations(self, equations: Equations) -> list[str]:
        """Each on lines of its own."""
        return [line for e in equations.equations for line in equation_lines(e.equation, self.t, number=e.number)]

    def rows(self, rows: Rows) -> list[str]:
        """Reason, row, number."""
        return [line for row in rows.rows for line in self._row(row)]

    def box(self, box: Box) -> list[str]:
        """What leads to it; then, beside a bar, the row and its name."""
        result = box.result
        lead = self._wrapped(result.lead) if result.lead else []
        row = broken(self.t.row(result.step), f"  │ {left(result.step, self.t)} = ", WIDTH - 6)
        first, *others = numbered(row, box.number)
        name = self._wrapped(result.name, WIDTH - 4)
        return [*lead, first, *("  │" + line[3:] for line in others), *("  │ " + line for line in name)]

    def formula(self, formula: Formula) -> list[str]:
        """Like the equations; a matrix in brackets."""
        if isinstance(formula.right, ImmutableMatrix):
            return matrix_lines(formula.right, f"  {self.t.expr(formula.left)} = ", self.t, WIDTH)
        return equation_lines(formula, self.t)

    def grid(self, grid: Grid) -> list[str]:
        """Columns."""
        return grid_lines(grid, self.t, WIDTH)

    def layers(self, table: LayerTable) -> list[str]:
        """Columns."""
        return layer_lines(table, WIDTH)

    def source(self, source: Source) -> list[str]:
        """As a sentence."""
        return self._wrapped(source.words)

    def closing(self, closing: Closing) -> list[str]:
        """As a sentence."""
        return wrapped(closing.footer.sentence(self.t.figure, self.t.rounded))

    def _row(self, row: Row) -> list[str]:
        name = left(row.step, self.t)
        shown = " " * len(name) if row.continued else name
        head = f"  {self.t.words(row.step.reason):<{self.column}}  {shown} = "
        return numbered(broken(self.t.row(row.step), head, WIDTH - 6), row.number)

    def _wrapped(self, words: Words, width: int = WIDTH) -> list[str]:
        return wrapped(self.t.words(words), width)
