"""What functions have computed, kept for their next call with equal arguments."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

Result = TypeVar("Result")


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
