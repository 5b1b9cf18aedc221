"""Subscripts as kernels write them, of positions in numbers."""

from collections.abc import Iterable, Sequence
from typing import Any


def subscript(offset: int, steps: Iterable[tuple[str, int]]) -> str:
    """The position along an axis; the offset, which may be 0, says that it is no index alone."""
    return "".join(f"{step:+d}{name}" for name, step in steps) + f"{offset:+d}"


def subscripts(positions: Iterable[Sequence[Any]], names: Sequence[str]) -> str:
    """Those of all axes, each given as an offset and the numbers and steps of its indices."""
    return " ".join(subscript(offset, ((names[v], step) for v, step in moves)) for offset, *moves in positions)
