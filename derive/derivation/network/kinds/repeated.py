"""Blocks of levels that a table lists once: the same layers with the same sizes, wired alike."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

from gradscribe.derive.derivation.network.layer_record import LayerTable, Repeat, Row


def with_repeats(table: LayerTable, equations: Mapping[str, Hashable]) -> LayerTable:
    """The table, which knows the blocks that follow each other and are alike.

    Args:
        table: the layers of a network.
        equations: by label, what tells the equations of a level from others.
    """
    places = {row.label: place for place, row in enumerate(table.rows)}
    tokens = [_token(row, place, places, table, equations) for place, row in enumerate(table.rows)]
    labels = [row.label for row in table.rows]
    repeats = tuple(
        Repeat(tuple(labels[start : start + length]), tuple(_blocks(labels, start + length, length, times - 1)))
        for start, length, times in runs(tokens, 0, len(tokens))
    )
    return replace(table, repeats=repeats)


def _blocks(labels: Sequence[str], start: int, length: int, times: int) -> Iterator[tuple[str, ...]]:
    return (tuple(labels[first : first + length]) for first in range(start, start + times * length, length))


Run = tuple[int, int, int]
"""Where a block begins, how long it is, and how often it stands there."""


def saved(run: Run) -> tuple[int, ...]:
    """How many levels need no line if those of a block need one."""
    _, length, times = run
    return (length * (times - 1),)


def runs(
    tokens: Sequence[Hashable], start: int, end: int, merit: Callable[[Run], tuple[int, ...]] = saved
) -> list[Run]:
    """The blocks that stand several times in a row: the best one, the first of these, those before and behind it."""
    found = [
        (first, length, times) for first in range(start, end) for length, times in _repetitions(tokens, first, end)
    ]
    if not found:
        return []
    first, length, times = max(found, key=lambda run: (*merit(run), -run[0], -run[1]))
    before, behind = (start, first), (first + length * times, end)
    return [*runs(tokens, *before, merit), (first, length, times), *runs(tokens, *behind, merit)]


def _repetitions(tokens: Sequence[Hashable], start: int, end: int) -> Iterator[tuple[int, int]]:
    """The lengths of the blocks that begin at a place and stand there more than once, and how often."""
    for length in range(1, (end - start) // 2 + 1):
        block, at, times = tokens[start : start + length], start + length, 1
        while at + length <= end and tokens[at : at + length] == block:
            at, times = at + length, times + 1
        if times > 1:
            yield length, times


def _token(
    row: Row, place: int, places: Mapping[str, int], table: LayerTable, equations: Mapping[str, Hashable]
) -> Hashable:
    """What the table says of a level, its sources by how far they lie before it."""
    reads = tuple(place - places[source] if source in places else source for source in row.reads)
    weights = tuple(table.number(shape) for _, shape in row.weights)
    return row.layers, reads, table.number(row.shape), weights, equations.get(row.label)
