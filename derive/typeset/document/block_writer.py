"""What a printed format is: how it writes each block of a document. Which blocks there are, `arrange` has decided."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.section_record import Formula, Grid
from gradscribe.derive.typeset.document.document import (
    Block,
    Box,
    Closing,
    Contents,
    Equations,
    Heading,
    Listing,
    Paragraph,
    Part,
    Rows,
    Source,
)
from gradscribe.said import ENGLISH


class Writer(ABC):
    """Writes a part of a document as lines; a format is a subclass."""

    def __init__(self, part: Part, language: str = ENGLISH) -> None:
        self.part = part
        self.language = language

    def block(self, block: Block) -> list[str]:
        """The lines of one block."""
        match block:
            case Heading():
                return self.heading(block)
            case Contents():
                return self.contents(block)
            case Paragraph():
                return self.paragraph(block)
            case Equations():
                return self.equations(block)
            case Rows():
                return self.rows(block)
            case Box():
                return self.box(block)
            case Formula():
                return self.formula(block)
            case Grid():
                return self.grid(block)
            case Listing():
                return self.listing(block)
            case LayerTable():
                return self.layers(block)
            case Source():
                return self.source(block)
            case Closing():
                return self.closing(block)

    @abstractmethod
    def heading(self, heading: Heading) -> list[str]:
        """A heading."""

    @abstractmethod
    def contents(self, contents: Contents) -> list[str]:
        """The table of contents."""

    @abstractmethod
    def paragraph(self, paragraph: Paragraph) -> list[str]:
        """Sentences."""

    @abstractmethod
    def equations(self, equations: Equations) -> list[str]:
        """Equations, some with numbers."""

    @abstractmethod
    def rows(self, rows: Rows) -> list[str]:
        """Rows with reasons and numbers."""

    @abstractmethod
    def box(self, box: Box) -> list[str]:
        """A boxed row, its number, what it is called and what leads to it."""

    @abstractmethod
    def formula(self, formula: Formula) -> list[str]:
        """An equation, or a matrix of numbers, on lines of its own."""

    @abstractmethod
    def grid(self, grid: Grid) -> list[str]:
        """A table of expressions."""

    @abstractmethod
    def listing(self, listing: Listing) -> list[str]:
        """A table of sentences."""

    @abstractmethod
    def layers(self, table: LayerTable) -> list[str]:
        """The table of a network's layers."""

    @abstractmethod
    def source(self, source: Source) -> list[str]:
        """The literature."""

    @abstractmethod
    def closing(self, closing: Closing) -> list[str]:
        """What was measured."""


def blocks(writers: Iterable[Writer]) -> Iterator[str]:
    """Every block of some parts, for formats that separate all of them alike."""
    return ("\n".join(writer.block(block)) for writer in writers for block in writer.part.blocks)
