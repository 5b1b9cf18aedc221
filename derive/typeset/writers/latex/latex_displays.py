r"""Pages as LaTeX for the output of a notebook's cell: what MathJax shows in a browser and any LaTeX compiles.

It is Markdown's mathematics with LaTeX's words: no command is defined, and no package asked for but amsmath and xcolor.
"""

from collections.abc import Iterable, Sequence

from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.section_record import Grid
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.typeset.document.block_writer import blocks
from gradscribe.derive.typeset.document.document import Closing, Document, Heading, Listing
from gradscribe.derive.typeset.document.layer_cells import headings
from gradscribe.derive.typeset.mathematics.latex_words import layer_cells, sentence
from gradscribe.derive.typeset.writers.markdown import MarkdownWriter


def page(document: Document) -> str:
    """The document as words and displays."""
    return "\n\n".join(blocks(DisplayWriter(part, document.language) for part in document.parts)) + "\n"


class DisplayWriter(MarkdownWriter):
    """Words, and mathematics between dollars."""

    def heading(self, heading: Heading) -> list[str]:
        """Bold: mathematics, for MathJax has no other bold words."""
        parts = (
            rf"\textbf{{{self.inline.prose(word)}}}" if isinstance(word, str) else self.inline.expr(word)
            for word in self.inline.spoken(heading.words)
        )
        return [f"${''.join(parts)}$"]

    def grid(self, grid: Grid) -> list[str]:
        """An array."""
        head = (self._reason(cell) for cell in grid.head)
        return _array(head, [[self.inline.expr(e) for e in row] for row in grid.rows])

    def layers(self, table: LayerTable) -> list[str]:
        """An array of words."""
        rows = [[_stacked(cell) for cell in row] for row in layer_cells(table, self.language, self.inline.prose)]
        return _array(map(self._reason, headings(table)), rows)

    def listing(self, listing: Listing) -> list[str]:
        """An array of words."""
        rows = [[self._reason(cell) for cell in row] for row in listing.rows]
        return _array(map(self._reason, listing.head), rows)

    def closing(self, closing: Closing) -> list[str]:
        """A sentence."""
        return [self._words(closing.words)]

    def _bold(self, words: Words) -> str:
        return self._words(words)

    def _words(self, words: Words) -> str:
        return sentence(words, self.inline)


def _stacked(cell: Sequence[str]) -> str:
    """The lines of a cell below each other."""
    lines = r" \\ ".join(rf"\text{{{line}}}" for line in cell)
    return rf"\begin{{array}}{{l}}{lines}\end{{array}}" if len(cell) > 1 else lines


def _array(head: Iterable[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [" & ".join(head) + r" \\ \hline", " \\\\\n".join(" & ".join(row) for row in rows)]
    return ["$$", rf"\begin{{array}}{{{'l' * len(rows[0])}}}", *lines, r"\end{array}", "$$"]
