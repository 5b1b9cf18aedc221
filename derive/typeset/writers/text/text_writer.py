"""Derivations as Unicode text for the terminal."""

from collections.abc import Sequence

from sympy import ImmutableMatrix

from gradscribe.derive.derivation.certificate.certificate import Footer
from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Formula, Grid
from gradscribe.derive.derivation.record.sentence import Words
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
    Paragraph,
    Part,
    Row,
    Rows,
    Source,
    consecutive,
)
from gradscribe.derive.typeset.document.look import PLAIN, Look
from gradscribe.derive.typeset.terms.row_pieces import Piece
from gradscribe.derive.typeset.terms.sides import left
from gradscribe.derive.typeset.writers.text.text_lines import (
    NUMBER,
    Ink,
    columns,
    equation_lines,
    laid,
    numbered,
    set_out,
    wrapped,
)
from gradscribe.derive.typeset.writers.text.text_listing import listing_lines
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from gradscribe.derive.typeset.writers.text.text_tables import grid_lines, layer_lines, matrix_lines
from gradscribe.said import ENGLISH

SHORT = 2
"""The most lines that a reason takes beside its row."""
UNDER = {"document": "═", "book": "═", "chapter": "═", "title": "", "layer": "═", "gradient": "─"}
"""What headings are underlined with."""
REASON = 44
"""The most columns that reasons take beside rows; where one is longer all stand above them."""
NEW = "\x1b[36m{}\x1b[39m"
"""Cyan, which can be read on dark and on light grounds."""


def render(derivation: Derivation, footer: Footer | None = None, look: Look = PLAIN) -> str:
    """The whole derivation; a footer becomes its last line."""
    return page(document(derivation, footer), look)


def page(document: Document, look: Look = PLAIN) -> str:
    """Any page."""
    lines: list[str] = []
    for part in document.parts:
        writer = TextWriter(part, look, document.language)
        for passage in part.passages:
            first = next(iter(passage), None)
            another = isinstance(first, Heading) and first.kind == "title"
            lines += ["", "─" * 40, ""] if lines and another else [""] if lines else []
            lines += (line for block in passage for line in writer.block(block))
    return "\n".join(line.rstrip() for line in lines) + "\n"


Way = tuple[list[str], tuple[int, ...]]
"""A row as it may be printed, and how much speaks against that: see `Laid`."""


def _cost(ways: Sequence[Way]) -> tuple[int, ...]:
    """That of all rows."""
    return tuple(map(sum, zip(*(cost for _, cost in ways), strict=True)))


def widest(text: str) -> int:
    """How many columns the widest line of a page takes; its colours take none."""
    codes = NEW.partition("{}")
    return max(columns(line) - line.count(codes[0]) * len(codes[0] + codes[2]) for line in text.splitlines())


class TextWriter(Writer):
    """Blank lines between passages, none within; reasons beside rows or above them, numbers at the margin."""

    def __init__(self, part: Part, look: Look = PLAIN, language: str = ENGLISH) -> None:
        super().__init__(part, language)
        self.t = TextTypesetter(part.notation, language=language)
        self.width = look.width
        self.ink: Ink = NEW.format if look.colour else str

    def heading(self, heading: Heading) -> list[str]:
        """The words, and below them a line, or nothing."""
        number = f"{heading.number}  " if heading.number is not None else ""
        lines = wrapped(number + self.t.tied(heading.words), self.width)
        return [*lines, UNDER[heading.kind] * max(map(columns, lines))]

    def contents(self, contents: Contents) -> list[str]:
        """A line for each heading, behind its number."""
        numbers = [f"{heading.number}  " for heading in contents.headings]
        margin = max(map(len, numbers)) + 2
        entries = (wrapped(self.t.tied(heading.words), self.width - margin) for heading in contents.headings)
        return [
            f"{'' if n else number:>{margin}}{line}"
            for number, entry in zip(numbers, entries, strict=True)
            for n, line in enumerate(entry)
        ]

    def paragraph(self, paragraph: Paragraph) -> list[str]:
        """Each sentence begins a line."""
        return [line for words in paragraph.sentences for line in self._wrapped(words)]

    def equations(self, equations: Equations) -> list[str]:
        """Each on lines of its own."""
        return [
            line
            for e in equations.equations
            for line in equation_lines(e.equation, self.t, number=e.number, width=self.width)
        ]

    def rows(self, rows: Rows) -> list[str]:
        """Reason, row, number; reasons stand above their rows where a product would be broken beside them."""
        rights = [self.t.row(row.step, before) for row, before in consecutive(rows.rows)]
        column = max(columns(self.t.words(row.step.reason)) for row in rows.rows)
        above = [self._above(row, right) for row, right in zip(rows.rows, rights, strict=True)]
        beside = [self._beside(row, right, column) for row, right in zip(rows.rows, rights, strict=True)]
        ways = (beside, above) if column <= REASON else (above,)
        return [line for lines, _ in min(ways, key=_cost) for line in lines]

    def box(self, box: Box) -> list[str]:
        """What leads to it; then, beside a bar, the row and its name."""
        result = box.result
        lead = self._wrapped(result.lead) if result.lead else []
        row = set_out("", left(result.step, self.t), self.t.row(result.step), self.width - NUMBER - 4, number=NUMBER)
        name = wrapped(self.t.tied(result.name), self.width - 4) if result.name else []
        form = self.formula(box.form) if box.form is not None else []
        return [*lead, *(f"  │ {line}" for line in (*numbered(row.lines, box.number, self.width - 4), *name)), *form]

    def formula(self, formula: Formula) -> list[str]:
        """Like the equations; a matrix in brackets."""
        if isinstance(formula.right, ImmutableMatrix):
            return matrix_lines(formula.right, f"  {self.t.expr(formula.left)} = ", self.t, self.width)
        return equation_lines(formula, self.t, width=self.width)

    def grid(self, grid: Grid) -> list[str]:
        """Columns."""
        return grid_lines(grid, self.t, self.width)

    def listing(self, listing: Listing) -> list[str]:
        """Columns."""
        return listing_lines(listing, self.t, self.width)

    def layers(self, table: LayerTable) -> list[str]:
        """Columns."""
        return layer_lines(table, self.width, self.language)

    def source(self, source: Source) -> list[str]:
        """As a sentence."""
        return self._wrapped(source.words)

    def closing(self, closing: Closing) -> list[str]:
        """As a sentence."""
        return self._wrapped(closing.words)

    def _beside(self, row: Row, right: Sequence[Piece], column: int) -> Way:
        """A row behind its reason, which is in a column of its own."""
        reason, name = self.t.words(row.step.reason), left(row.step, self.t)
        shown = " " * columns(name) if row.continued else name
        head = f"  {reason}{' ' * (column - columns(reason))}  {shown} = "
        found = laid(head, right, self.width - NUMBER, self.ink, NUMBER)
        return numbered(found.lines, row.number, self.width), found.cost

    def _above(self, row: Row, right: Sequence[Piece]) -> Way:
        """A row below its reason."""
        reason = wrapped(self.t.tied(row.step.reason), self.width - 2)
        room = self.width - NUMBER
        if row.continued:
            found = laid("    = ", right, room, self.ink, NUMBER)
        else:
            found = set_out("    ", left(row.step, self.t), right, room, ink=self.ink, number=NUMBER, indent=0)
        return [*(f"  {line}" for line in reason), *numbered(found.lines, row.number, self.width)], found.cost

    def _wrapped(self, words: Words) -> list[str]:
        return wrapped(self.t.tied(words), self.width)
