"""What was measured of a derivation: rows compared exactly, rows compared in float64, slopes; and how it is said."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Protocol

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Result, Section, Step
from gradscribe.derive.derivation.record.sentence import AND, Measured, Rounded, Words, joined
from gradscribe.said import say, say_number

PRIME = 2**31 - 1
"""What polynomials are compared modulo: a product of two residues fits into an int64."""

ROWS_TOLERANCE = 1e-10
CHAIN_TOLERANCE = 1e-5
RANDOM_SHAPES: Words = say("random shapes")

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
    *words, colon = lead
    return (*words, " ", Rounded(), colon)


def figure(value: float, digits: int = 1) -> Measured:
    """A few digits and the power of ten: 4e-16 is 4 times ten to the -16."""
    if value == 0 or not isfinite(value):
        return Measured("0" if value == 0 else str(value), 0)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return Measured(mantissa, int(exponent))


class Footer(Protocol):
    """What closes a derivation."""

    @property
    def notation(self) -> Notation:
        """For printing."""

    @property
    def rounded(self) -> frozenset[Label]:
        """The rows that are marked, as they were evaluated in float64 and others exactly."""

    @property
    def words(self) -> Words:
        """The figures in words."""


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
        decreed: functions whose slopes are no derivatives; what they are stands in their place in finite differences.
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
    drawn: Words = RANDOM_SHAPES
    captions: int = 0
    caption_difference: float = 0.0
    alike: int = 0
    decreed: tuple[str, ...] = ()

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

    @property
    def words(self) -> Words:
        """The figures in words."""
        return joined(list(self._sentences()), " ", " ")

    def _sentences(self) -> Iterator[Words]:
        if not self.shapes:
            yield say("Not evaluated: the sizes are too large for the oracle.")
            return
        yield say_number(
            self.rows,
            "{rows} row compared with the row before on {shapes} {drawn}.",
            "{rows} rows compared with the row before on {shapes} {drawn}.",
            rows=str(self.rows),
            shapes=str(self.shapes),
            drawn=self.drawn,
        )
        if self.exact:
            yield say(
                "{polynomials}: equal in integers modulo the prime {prime}; the probability that a false row passes is "
                "at most {chance} (Schwartz and Zippel).",
                polynomials=self._polynomials(),
                prime=str(PRIME),
                chance=figure(self.chance),
            )
        difference = figure(self.difference)
        if not self.exact:
            yield say("All in float64: greatest difference {difference}.", difference=difference)
        elif self.exact < self.rows:
            others, mark = str(self.rows - self.exact), Rounded()
            yield say(
                "{number}, marked {mark}, in float64: greatest difference {difference}.",
                number=others,
                mark=mark,
                difference=difference,
            )
        if self.alike:
            yield say_number(
                self.alike,
                "1 gradient is another one under other names: the same expressions, evaluated on one shape each.",
                "{number} gradients are other ones under other names: the same expressions, evaluated on one shape "
                "each.",
                number=str(self.alike),
            )
        if self.captions:
            yield say_number(
                self.captions,
                "{number} caption computed by definition: greatest difference {difference}.",
                "{number} captions computed by definition: greatest difference {difference}.",
                number=str(self.captions),
                difference=figure(self.caption_difference),
            )
        if self.chain_rows:
            slopes = figure(self.chain_difference)
        if self.chain_rows and self.decreed:
            yield say(
                "The chain rule against finite differences, which take the slope of {functions} as decreed: greatest "
                "difference {difference}.",
                functions=joined(list(self.decreed), AND),
                difference=slopes,
            )
        elif self.chain_rows:
            yield say("The chain rule against finite differences: greatest difference {difference}.", difference=slopes)

    def _polynomials(self) -> Words:
        """Which rows were compared exactly."""
        if self.exact == self.rows:
            return say_number(self.exact, "It is a polynomial", "All are polynomials")
        number = str(self.exact)
        return say_number(self.exact, "1 is a polynomial", "{number} are polynomials", number=number)
