"""What was measured of a derivation: rows compared exactly, rows compared in float64, slopes; and how it is said."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Protocol

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Result, Section, Step
from gradscribe.derive.derivation.record.sentence import Rounded, Words

PRIME = 2**31 - 1
"""What polynomials are compared modulo: a product of two residues fits into an int64."""

ROWS_TOLERANCE = 1e-10
CHAIN_TOLERANCE = 1e-5

Figure = tuple[str, int]
"""A mantissa and a power of ten."""
Label = tuple[str, str, Words]
"""What tells a row from others: the gradient that it is equal to, the rewrite that made it, the words beside it."""


def label(step: Step) -> Label:
    """The label of a row."""
    return step.left.tensor, step.rule, step.reason


def marked(derivation: Derivation, footer: "Footer | None") -> Derivation:
    """The derivation with a mark beside every row that was evaluated in float64; as it is where there is no footer."""
    if footer is None or not footer.rounded:
        return derivation
    rounded = footer.rounded

    def step(row: Step) -> Step:
        return replace(row, reason=(*row.reason, " ", Rounded())) if label(row) in rounded else row

    def result(box: Result) -> Result:
        rows = tuple(map(step, box.steps))
        if label(box.step) not in rounded:
            return replace(box, steps=rows)
        if box.name:
            return replace(box, name=(*box.name, " ", Rounded()), steps=rows)
        # a box without words repeats the last row, which has the mark
        return replace(box, lead=_with_mark(box.lead) if box.lead else (), steps=rows)

    def section(s: Section) -> Section:
        lemmas = tuple(map(section, s.lemmas))
        return replace(s, steps=tuple(map(step, s.steps)), results=tuple(map(result, s.results)), lemmas=lemmas)

    return replace(
        derivation,
        sections=tuple(map(section, derivation.sections)),
        chapters=tuple(replace(c, sections=tuple(map(section, c.sections))) for c in derivation.chapters),
    )


def _with_mark(lead: Words) -> Words:
    """A clause with the mark before its colon."""
    *words, last = lead
    return (*words, str(last).removesuffix(":"), " ", Rounded(), ":")


def figure(value: float) -> Figure:
    """One digit and the power of ten: 4e-16 is ("4", -16)."""
    if value == 0 or not isfinite(value):
        return ("0" if value == 0 else str(value)), 0
    mantissa, exponent = f"{value:.0e}".split("e")
    return mantissa, int(exponent)


class Footer(Protocol):
    """What closes a derivation."""

    @property
    def notation(self) -> Notation:
        """For printing."""

    @property
    def rounded(self) -> frozenset[Label]:
        """The rows that are marked, as they were evaluated in float64 and others exactly."""

    def sentence(self, write: Callable[[Figure], str], mark: str = "†") -> str:
        """The figures in words; `write` formats mantissa and power of ten, `mark` stands beside what is rounded."""


@dataclass(frozen=True)
class Certificate:
    """What was measured.

    Attributes:
        shapes: how many random shapes the rows were evaluated on.
        rows: how many rows were compared with the row before, per shape.
        difference: the greatest difference between neighbouring rows in float64, relative to the greatest entry;
            infinite where two rows differ that were compared exactly.
        chain_rows: how many rows were compared with finite differences.
        chain_difference: the greatest difference to them, relative to the greatest entry or 1.
        exact: how many of the rows are polynomials and were compared in integers modulo a prime.
        degree: the greatest degree among these.
        rounded: the rows that were compared in float64, where others were compared exactly.
        worst: the row with the greatest difference.
        notation: for printing.
        captions: how many captions were computed from their definitions.
        caption_difference: the greatest difference of one from its row, relative to the greatest entry.
        drawn: what was random: sizes, or only values where sizes are numbers.
        alike: how many gradients are others under other names: their rows are the same expressions, see `alike`, and
            were evaluated on one shape each.
    """

    shapes: int
    rows: int
    difference: float
    chain_rows: int
    chain_difference: float
    exact: int = 0
    degree: int = 0
    rounded: frozenset[Label] = frozenset()
    worst: str = ""
    notation: Notation = field(default_factory=Notation)
    drawn: str = "random shapes"
    captions: int = 0
    caption_difference: float = 0.0
    alike: int = 0

    @property
    def holds(self) -> bool:
        """Whether rows were compared, none and no caption differs by more than rounding, and slopes are as measured."""
        compared = self.shapes and self.rows
        exact = max(self.difference, self.caption_difference) <= ROWS_TOLERANCE
        return bool(compared and exact and self.chain_difference <= CHAIN_TOLERANCE)

    @property
    def chance(self) -> float:
        """At most so probable is it that a false row passed which was compared exactly (Schwartz and Zippel)."""
        return max(self.degree, 1) / PRIME

    def sentence(self, write: Callable[[Figure], str], mark: str = "†") -> str:
        """The figures in words; `write` formats mantissa and power of ten, `mark` stands beside what is rounded."""
        if not self.shapes:
            return "Not evaluated: the sizes are too large for the oracle."
        parts = [f"{_counted(self.rows, 'row')} compared with the row before on {self.shapes} {self.drawn}."]
        if self.exact:
            parts.append(
                f"{self._subject(self.exact, 'polynomial')}: equal in integers modulo the prime {PRIME}; the "
                f"probability that a false row passes is at most {write(figure(self.chance))} (Schwartz and Zippel)."
            )
        if self.exact < self.rows:
            which = f"{self.rows - self.exact}, marked {mark}, in" if self.exact else "All in"
            parts.append(f"{which} float64: greatest difference {write(figure(self.difference))}.")
        if self.alike:
            one = "1 gradient is another one" if self.alike == 1 else f"{self.alike} gradients are other ones"
            parts.append(f"{one} under other names: the same expressions, evaluated on one shape each.")
        if self.captions:
            named = write(figure(self.caption_difference))
            parts.append(f"{_counted(self.captions, 'caption')} computed by definition: greatest difference {named}.")
        if self.chain_rows:
            slopes = write(figure(self.chain_difference))
            parts.append(f"The chain rule against finite differences: greatest difference {slopes}.")
        return " ".join(parts)

    def _subject(self, number: int, kind: str) -> str:
        every = number == self.rows
        if number == 1:
            return f"{'It' if every else '1'} is a {kind}"
        return f"{'All' if every else number} are {kind}s"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
