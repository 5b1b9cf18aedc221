"""How much the tests try: `make test` a sample that reaches nearly every line, `make test-all` everything.

GRADSCRIBE_THOROUGH=1 is what `make test-all` sets; GRADSCRIBE_FUZZ=N, so many examples of fuzzers, takes all in too.
It adds the tests that are marked as thorough, and every case where a test has more of one kind than it tries otherwise.
"""

import os
from collections.abc import Iterable
from typing import TypeVar

THOROUGH = os.environ.get("GRADSCRIBE_THOROUGH", "0") != "0" or "GRADSCRIBE_FUZZ" in os.environ
Case = TypeVar("Case")


def some(cases: Iterable[Case], most: int, first: int = 0) -> list[Case]:
    """At most so many cases, evenly chosen; all of them in a thorough run.

    Args:
        cases: in any order that stays the same.
        most: how many.
        first: which one the choice begins with; tests of one list begin with different ones and together try more.
    """
    found = list(cases)
    if THOROUGH or len(found) <= most:
        return found
    step = -(-len(found) // most)
    return found[first % step :: step]


def draws(few: int, many: int) -> int:
    """How many random examples are drawn."""
    return many if THOROUGH else few
