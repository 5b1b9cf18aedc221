"""Trees of tuples and dictionaries: what calls are given, and what they return."""

from collections.abc import Callable
from typing import Any


def leaves(value: Any) -> list[Any]:
    """What a tree of tuples and dictionaries has at its ends, and the names of these."""
    found: list[Any] = []
    _gather(value, found)
    return found


def _gather(value: Any, found: list[Any]) -> None:
    kind = type(value)
    if kind is dict:
        found.append(tuple(value))
        for part in value.values():
            _gather(part, found)
    elif kind is tuple:
        for part in value:
            _gather(part, found)
    else:
        found.append(value)


def rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same tree with other ends."""
    if type(value) is dict:
        return {name: rebuilt(part, change) for name, part in value.items()}
    if type(value) is tuple:
        return tuple([rebuilt(part, change) for part in value])
    return change(value)
