"""A source of randomness without NumPy, of the one method of Python's that stays the same in all its versions."""

from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Random numbers, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random

    def integers(self, low: int, high: int) -> int:
        """An integer from `low` to below `high`."""
        return low + int((high - low) * self._random())

    def uniform(self, low: float, high: float) -> float:
        """A real number between two."""
        return low + (high - low) * self._random()

    def shuffled(self, count: int) -> list[int]:
        """The integers from 0 to below `count`, in any order."""
        return sorted(range(count), key=lambda _: self._random())
