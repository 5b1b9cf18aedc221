"""A name in parts, as it is printed: ``p_h_end`` is p with the marks h and end, ``H_out`` has a prime."""

import re
from dataclasses import dataclass

GREEK = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "rho",
    "sigma",
    "tau",
    "phi",
    "chi",
    "psi",
    "omega",
]
PRIME = "_prime"
"""How the names of primed indices end; a second prime ends them once more."""
NUMBERED = re.compile(r"l((?:[+-][0-9]+)?)")
"""The labels of levels that have no name."""


@dataclass(frozen=True)
class Name:
    """A letter or word with the marks beside it and the primes behind it.

    Attributes:
        base: the letter or word.
        marks: what stands below it, or behind it.
        primes: how many.
        near: whether the mark is a number that follows the letter at once, as in X1.
    """

    base: str
    marks: tuple[str, ...] = ()
    primes: int = 0
    near: bool = False

    @property
    def word(self) -> str:
        """Letter and marks on one line: X1, w_a."""
        return ("" if self.near else "_").join((self.base, *self.marks))


def letter_parts(letter: str) -> Name:
    """Split a letter as a reader asks for it: ``C_out`` is C with a mark, ``n'`` has a prime."""
    bare = letter.rstrip("'")
    base, *marks = bare.split("_")
    return Name(base, tuple(marks), len(letter) - len(bare))


def name_parts(name: str) -> Name:
    """Split a name as it is written in code."""
    bare, primes = name, 0
    while bare.endswith(PRIME) and bare != PRIME:
        bare, primes = bare.removesuffix(PRIME), primes + 1
    if bare.endswith("_out") and bare.count("_") == 1 and bare != "_out":
        bare, primes = bare.removesuffix("_out"), primes + 1
    base, *marks = bare.split("_")
    if not base or not all(marks):
        return Name(bare, (), primes)  # _x, x__1
    stem = base.rstrip("0123456789")
    if len(stem) == 1 and stem != base and not marks:
        return Name(stem, (base[len(stem) :],), primes, near=True)
    if len(base) > 1 and base.lower() not in GREEK:
        return Name(bare, (), primes)  # a word, such as count_include_pad
    return Name(base, tuple(marks), primes)
