"""What a row of print consists of, before it is put on lines: pieces of units of parts, each with what it stands for.

A key is a record (a factor, an index, a bracket), so that two rows are compared as mathematics and not as text.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, groupby, repeat

LEVELS = 4


@dataclass(frozen=True)
class Part:
    """Text, and what it stands for within its unit: an index of delta, say; `new` where the row above has it not.

    A line may begin with it where its piece is wider than a line, if `begins` is not 0: with a part of 1 rather than
    with one of 2, and so on to LEVELS: the sign of a fraction, of a summand, of one within a function, an index.
    """

    text: str
    key: Hashable = None
    new: bool = False
    begins: int = 0


@dataclass(frozen=True)
class Operand:
    """A part of an operator form with its sign, before which a line may end; `inner` within parentheses."""

    text: str
    inner: bool = False


SUM = "sum"
"""The kind of the sign of a reduction."""


@dataclass(frozen=True)
class Unit:
    """A factor, a bracket or a sum sign; the line of a fraction, which stands for nothing and has no key.

    Attributes:
        parts: what it is written with.
        key: what it stands for.
        kind: what it has in common with one that differs in some of its parts only: its tensor, SUM; "" where it is
            new as a whole or not at all.
    """

    parts: tuple[Part, ...]
    key: Hashable = None
    kind: str = ""

    @cached_property
    def text(self) -> str:
        """All parts, nothing marked."""
        return text_of(self.parts)


def text_of(parts: Iterable[Part | Operand | Unit]) -> str:
    """All texts, one behind the other."""
    return "".join(part.text for part in parts)


def plain(text: str) -> Unit:
    """Text that stands for nothing."""
    return Unit((Part(text),))


def between(parts: Sequence[Part], sign: str) -> tuple[Part, ...]:
    """Parts with a sign between them."""
    return tuple(found for n, part in enumerate(parts) for found in ((Part(sign), part) if n else (part,)))


@dataclass(frozen=True)
class Piece:
    """Units that stay on one line.

    `glue` says what stands before it: "" nothing, "+" or "-" a sign, " " a space; "~" nothing, within a sum. Nothing
    stands between one `bracket` and the next. One that is `nested` is a factor of a summand within parentheses.
    """

    units: tuple[Unit, ...]
    glue: str = " "
    bracket: bool = False
    nested: bool = False

    @property
    def parts(self) -> Iterator[Part]:
        """The texts of all units, what is new apart from what is not."""
        every = (part for unit in self.units for part in unit.parts)
        for new, run in groupby(every, key=lambda part: part.new):
            yield Part(text_of(run), new=new)

    def cut(self, level: int) -> "list[Piece]":
        """The piece as those between which a line may end, at the parts of a level."""
        found: list[list[Unit]] = [[]]
        for unit in self.units:
            run: list[Part] = []
            for part in unit.parts:
                if part.begins == level and (run or found[-1]):
                    found[-1] += [replace(unit, parts=tuple(run))] if run else []
                    found.append([])
                    run = []
                run.append(part)
            found[-1].append(replace(unit, parts=tuple(run)))
        glues = chain((self.glue,), repeat("~"))
        return [replace(self, units=tuple(units), glue=glue) for units, glue in zip(found, glues, strict=False)]

    @cached_property
    def text(self) -> str:
        """All parts, nothing marked."""
        return text_of(self.units)

    @property
    def is_sum_sign(self) -> bool:
        """Whether it stands for nothing without what follows."""
        return self.units[-1].kind == SUM
