"""What functions have computed, kept for their next call with equal arguments, or with the same record."""

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

Result = TypeVar("Result")
Record = TypeVar("Record")
Given = ParamSpec("Given")
_KEPT = "_kept"


def kept(most: int) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """`functools.lru_cache` for arguments that anybody may have made: of those without a hash nothing is kept.

    A record of one's own, or one with a list where a number belongs, is then refused, or not, by the function itself.

    Args:
        most: so many results; the ones least asked for are forgotten.
    """

    def decorated(function: Callable[..., Result]) -> Callable[..., Result]:
        known = lru_cache(maxsize=most)(function)

        @wraps(function)
        def called(*given: Any) -> Result:
            try:
                hash(given)
            except TypeError:
                return function(*given)
            return known(*given)

        return called

    return decorated


def kept_with(
    function: Callable[Concatenate[Record, Given], Result],
) -> Callable[Concatenate[Record, Given], Result]:
    """What a function makes of a record that nobody changes, kept as long as the record: a frozen dataclass.

    For records that have no hash, or one that would take as long as the function. An equal record, and one that
    `dataclasses.replace` makes, has nothing yet. The other arguments have hashes.
    """

    @wraps(function)
    def called(record: Record, /, *given: Given.args, **named: Given.kwargs) -> Result:
        known: dict[Hashable, Result] = vars(record).setdefault(_KEPT, {})
        key = (function, given, tuple(sorted(named.items())))
        if key not in known:
            known[key] = function(record, *given, **named)
        return known[key]

    return called
