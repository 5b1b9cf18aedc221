"""Tables that are wider than a page: as many columns at a time as there is room for."""

from collections.abc import Sequence


def blocks(widths: Sequence[float], room: float) -> list[range]:
    """The columns of a table, as many at a time as there is room for, at least one."""
    found: list[range] = []
    start, used = 0, 0.0
    for column, width_ in enumerate(widths):
        if column > start and used + width_ > room:
            found.append(range(start, column))
            start, used = column, 0.0
        used += width_
    return [*found, range(start, len(widths))]
