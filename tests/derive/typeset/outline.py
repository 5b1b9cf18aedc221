"""A printed format of the tests' own: the headings of a derivation and the numbers of its rows, a line each."""

from gradscribe.derive.derivation.certificate.certificate import Footer
from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Formula, Grid
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.block_writer import Writer
from gradscribe.derive.typeset.document.document import (
    Box,
    Closing,
    Contents,
    Equations,
    Heading,
    Listing,
    Paragraph,
    Rows,
    Source,
)
from gradscribe.derive.typeset.document.look import PLAIN, Look
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter


def render(derivation: Derivation, footer: Footer | None = None, look: Look = PLAIN) -> str:
    """The outline of a derivation."""
    parts = document(derivation, footer).parts
    return "\n".join(line for part in parts for block in part.blocks for line in Outline(part).block(block))


class Outline(Writer):
    """Leaves out what is neither a heading nor a numbered row."""

    def heading(self, heading: Heading) -> list[str]:
        return [TextTypesetter(self.part.notation).words(heading.words)]

    def contents(self, contents: Contents) -> list[str]:
        return []

    def rows(self, rows: Rows) -> list[str]:
        return [str(row.number) for row in rows.rows]

    def paragraph(self, paragraph: Paragraph) -> list[str]:
        return []

    def equations(self, equations: Equations) -> list[str]:
        return [str(e.number) for e in equations.equations if e.number is not None]

    def box(self, box: Box) -> list[str]:
        return [str(box.number)]

    def formula(self, formula: Formula) -> list[str]:
        return []

    def grid(self, grid: Grid) -> list[str]:
        return []

    def listing(self, listing: Listing) -> list[str]:
        return []

    def layers(self, table: LayerTable) -> list[str]:
        return []

    def source(self, source: Source) -> list[str]:
        return []

    def closing(self, closing: Closing) -> list[str]:
        return []
