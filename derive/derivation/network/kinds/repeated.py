"""Blocks of levels that a table lists once: the same layers with the same sizes, wired alike; the same gradients."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

from sympy.core.symbol import Str

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.kinds.level_gradients import letter_and_level
from gradscribe.derive.derivation.network.kinds.once import names_of
from gradscribe.derive.derivation.network.layer_record import LayerTable, Repeat, Row
from gradscribe.derive.derivation.record.section_record import LevelGradients, Section
from gradscribe.derive.derivation.record.sentence import Equals


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
    reads = tuple(place - places[source] if isinstance(source, str) else source for source in row.reads)
    weights = tuple(table.number(shape) for _, shape in row.weights)
    return row.layers, reads, table.number(row.shape), weights, equations.get(row.label)


SHORTEST = 3
"""Levels that a block of gradients has at least: of fewer the lines are as quickly read as a sentence about them."""


def repeated_levels(
    levels: Sequence[LevelGradients], sections: Mapping[str, Section], notation: Notation
) -> tuple[Repeat, ...]:
    """Blocks of levels whose gradients are those of a block above, every level as far from them as there.

    Args:
        levels: the lines of the table of all levels.
        sections: the gradients by tensor.
        notation: the levels of tensors.
    """
    places = {line.label: place for place, line in enumerate(levels)}
    tokens = [_gradients(line, place, places, sections, notation) for place, line in enumerate(levels)]
    found: dict[tuple[int, int], list[tuple[str, ...]]] = {}
    listed: list[int] = []
    labels, at = [line.label for line in levels], 0
    while at < len(tokens):
        first, length = _longest(tokens, at, listed)
        if length < SHORTEST:
            listed.append(at)
            at += 1
            continue
        found.setdefault((first, length), []).append(tuple(labels[at : at + length]))
        at += length
    return tuple(Repeat(tuple(labels[f : f + length]), tuple(others)) for (f, length), others in found.items())


def _longest(tokens: Sequence[Hashable], at: int, listed: Sequence[int]) -> tuple[int, int]:
    """Where the longest block stands that is listed and begins like what follows, and its length."""
    best = at, 0
    for first in listed:
        length = 0
        while at + length < len(tokens) and first + length in listed and tokens[first + length] == tokens[at + length]:
            length += 1
        best = max(best, (first, length), key=lambda block: block[1])
    return best


def _gradients(
    line: LevelGradients,
    place: int,
    places: Mapping[str, int],
    sections: Mapping[str, Section],
    notation: Notation,
) -> Hashable:
    """What tells the gradients of a level from others: whose rows they are, and what is read in these, how far away."""

    def seen(tensor: str) -> str:
        letter, label = letter_and_level(tensor, notation)
        return f"{letter} {places[label] - place}" if label in places else f"{letter} of {label}"

    found: list[Hashable] = []
    for section in (sections[name] for name in line.sections):
        names = section.likeness or names_of(section, section)
        read = frozenset((there, seen(here)) for there, here in names.tensors) if names is not None else None
        found.append((names.of if names is not None else section.wrt, read))
    for word in line.signal:
        if isinstance(word, Equals):
            found.append(word.xreplace({s: Str(seen(s.name)) for s in word.atoms(Str)}))
    return tuple(found)
