"""The values that an option may take: an interval of numbers. An infinite end is never a value, nor is NaN."""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import quoted

LARGEST = 2**31 - 1
"""The largest size that an option may set: products of two sizes are then far from overflow."""

SHRUNK = 0.05
"""How much of its width an interval to draw from stays away from an end that is no value."""


@dataclass(frozen=True)
class Interval:
    """The finite numbers from `low` to `high`.

    Attributes:
        low: its lower end.
        high: its upper end.
        above: whether the lower end is left out.
        below: whether the upper end is left out.
        without: a number that is left out; None for none.
    """

    low: float = -inf
    high: float = inf
    above: bool = False
    below: bool = False
    without: float | None = None

    def __post_init__(self) -> None:
        """Raise where an end is no number, or there is nothing between them."""
        ends = (self.low, self.high, 0 if self.without is None else self.without)
        if not all(isinstance(e, int | float) and e == e for e in ends) or not self.low <= self.high or self.low == inf:
            raise EquationError(f"an interval: expected numbers, received {quoted(ends[0])} to {quoted(ends[1])}")

    def __contains__(self, value: Any) -> bool:
        higher = self.low < value if self.above else self.low <= value
        lower = value < self.high if self.below else value <= self.high
        return bool(-inf < value < inf) and higher and lower and value != self.without

    def meet(self, other: "Interval") -> "Interval":
        """The values that are in both; of two numbers left out the other's."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        sides = (self, other)
        return Interval(
            low,
            high,
            any(side.above for side in sides if side.low == low),
            any(side.below for side in sides if side.high == high),
            self.without if other.without is None else other.without,
        )

    @property
    def ends(self) -> str:
        """The ends in words: "at least 0 and less than 1"; "" for none."""
        parts = []
        if self.low > -inf:
            parts.append(f"{'greater than' if self.above else 'at least'} {_shown(self.low)}")
        if self.high < inf:
            parts.append(f"{'less than' if self.below else 'at most'} {_shown(self.high)}")
        return " and ".join(parts)

    @property
    def words(self) -> str:
        """A real number within in words: "a finite number, greater than 0"."""
        number = "a number" if isfinite(self.low) and isfinite(self.high) else "a finite number"
        other = [f"other than {_shown(self.without)}"] if self.without is not None else []
        return ", ".join([number, *([self.ends] if self.ends else []), *other])

    def within(self, low: float, high: float) -> tuple[float, float]:
        """The part from `low` to `high`, to draw from: not up to an end that is left out."""
        first, last = max(low, self.low), min(high, self.high)
        if first >= last:  # they do not overlap
            first = self.low if isfinite(self.low) else self.high - 1.0
            last = self.high if isfinite(self.high) else first + 1.0
        gap = SHRUNK * (last - first)
        return first + (gap if self.above and first == self.low else 0.0), last - (
            gap if self.below and last == self.high else 0.0
        )


def _shown(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


FINITE = Interval()
"""Any finite number."""
