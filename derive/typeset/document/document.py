"""A page of a derivation before any format: what stands on it, in which order, under which numbers.

`arrange` makes it, once; a `Writer` per format prints it. Mathematics stays what it is in `derive.derivation.record`
until a writer's typesetter prints it, and words stay words, which the writer escapes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.section_record import Formula, Grid, Result, Step
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.term import Access
from gradscribe.said import ENGLISH


@dataclass(frozen=True)
class Heading:
    """A heading.

    Attributes:
        kind: of a document of several derivations, of a book and a chapter of it, of a whole derivation, of a layer of
            a network, or of one gradient.
        level: how deep it is nested, from 1; that of a gradient depends on whether it stands below a layer.
        words: what it says.
        number: of a derivation among several, in a book behind that of its chapter; None where it stands alone.
    """

    kind: Literal["document", "book", "chapter", "title", "layer", "gradient"]
    level: int
    words: Words
    number: int | str | None = None


@dataclass(frozen=True)
class Contents:
    """The table of contents of a document of several derivations: their headings, and those of chapters."""

    headings: tuple[Heading, ...]


@dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    sentences: tuple[Words, ...]


@dataclass(frozen=True)
class Numbered:
    """An equation; `number` is that by which pages and generated code refer to it, None where nothing does."""

    equation: Definition | Step | Formula
    number: int | None = None


@dataclass(frozen=True)
class Equations:
    """Equations below each other, without reasons: those of the forward pass, with numbers, what sizes are."""

    equations: tuple[Numbered, ...]


@dataclass(frozen=True)
class Row:
    """One row of a derivation.

    Attributes:
        number: by which the page refers to it, the same in every format.
        step: the row, and the reason beside it.
        continued: whether its left side is that of the row above, and so is not repeated.
    """

    number: int
    step: Step
    continued: bool


def consecutive(rows: Sequence[Row]) -> Iterator[tuple[Row, Step | None]]:
    """Each row with the step before it, None before the first."""
    return zip(rows, (None, *(row.step for row in rows)), strict=False)


@dataclass(frozen=True)
class Rows:
    """Rows that follow from each other, a reason beside each."""

    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Box:
    """A result in a box with its name, its number, and the same in whole tensors, if there is such a form.

    Attributes:
        number: by which the page refers to it.
        result: the row.
        form: the same in whole tensors.
        matrices: the same as products of matrices, for pages that show forms beside each other.
    """

    number: int
    result: Result
    form: Formula | None = None
    matrices: Formula | None = None


@dataclass(frozen=True)
class Source:
    """The literature, in small print."""

    words: Words


@dataclass(frozen=True)
class Closing:
    """The last line: what was measured."""

    words: Words


@dataclass(frozen=True)
class Listing:
    """A table of sentences with a heading for each column; pages may break it."""

    head: tuple[Words, ...]
    rows: tuple[tuple[Words, ...], ...]


Block = (
    Heading | Contents | Paragraph | Equations | Rows | Box | Formula | Grid | Listing | LayerTable | Source | Closing
)
"""A `Formula` stands on a line of its own, `Grid`, `Listing` and `LayerTable` are tables."""
Passage = tuple[Block, ...]
"""What belongs together: formats that separate by blank lines have one before it and none within."""


@dataclass(frozen=True)
class Part:
    """Passages that one notation writes and whose rows are aligned alike: the introduction, or one gradient.

    Attributes:
        notation: how tensors are written.
        passages: what stands in it.
        form: "matrix" where it is about this form alone.
    """

    notation: Notation
    passages: tuple[Passage, ...]
    form: Literal["", "matrix"] = ""

    @property
    def blocks(self) -> Iterator[Block]:
        """What stands in it, from top to bottom."""
        return (block for passage in self.passages for block in passage)

    @property
    def rows(self) -> Iterator[Row]:
        """Its numbered rows."""
        return (row for block in self.blocks if isinstance(block, Rows) for row in block.rows)


@dataclass(frozen=True)
class Document:
    """A derivation, or several, as it is printed, from top to bottom.

    Equations of the forward pass, rows and boxes are numbered from 1 on, through the whole document.

    Attributes:
        parts: what it consists of.
        likes: of what is not printed, as it is something else under other names, the tensor, and that whose equation
            is printed.
        language: in which it is written.
    """

    parts: tuple[Part, ...]
    likes: tuple[tuple[str, str], ...] = ()
    language: str = ENGLISH

    @property
    def blocks(self) -> Iterator[Block]:
        """What stands in it, from top to bottom."""
        return (block for part in self.parts for block in part.blocks)

    @property
    def numbers(self) -> dict[str, int]:
        """The number of the equation that says what a tensor is: of a box the first one, of other rows the last one."""
        rows: dict[str, int] = {}
        boxes: dict[str, int] = {}
        for block in self.blocks:
            match block:
                case Equations(equations):
                    says = (e for e in equations if not isinstance(e.equation, Definition) or not e.equation.becomes)
                    named = ((e.equation.left, e.number) for e in says if e.number is not None)
                    rows |= {left.tensor: number for left, number in named if isinstance(left, Access)}
                case Rows(steps):
                    rows |= {row.step.left.tensor: row.number for row in steps}
                case Box(number, result, _):
                    boxes.setdefault(result.step.left.tensor, number)
        return self._of_all(rows | boxes)

    @property
    def closed_numbers(self) -> dict[str, int]:
        """The number of a gradient's closed form, for those that have one."""
        closed = (b for b in self.blocks if isinstance(b, Box) and b.result.closed)
        return self._of_all({box.result.step.left.tensor: box.number for box in closed})

    def _of_all(self, found: dict[str, int]) -> dict[str, int]:
        """With the tensors whose equations stand there under other names."""
        return {**{own: found[other] for own, other in self.likes if other in found}, **found}
