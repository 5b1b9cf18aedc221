"""What has an extent: an index, or an axis of a tensor; what messages call it, and its size."""

from collections.abc import Sequence

from gradscribe.derive.language.meaning.scope import DOTS

Key = tuple[str, int]
"""An index (name, -1) or an axis (tensor, number)."""


def called(key: Key) -> str:
    """The words for it."""
    name, axis = key
    return f"index {name}" if axis < 0 else f"axis {axis} of {name}"


def extent_of(index: str) -> str:
    """What stands for the extent of an index in a text, whatever that is called; no text can say it."""
    return f"Extent of {index}"


def name_for(members: Sequence[Key]) -> str:
    """The size's name: of the first index with it, else of its axis."""
    for name, axis in members:
        if axis < 0:
            return "E" if name == DOTS else name.upper()
    name, axis = members[0]
    return f"{name.upper()}{axis}"
