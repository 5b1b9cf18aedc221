"""Where lines end: before + and −; within a product where it alone is wider than a line, and then before a factor.

The factor has the sign of multiplication in front then, so that every line begins with a sign.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gradscribe.derive.typeset.terms.row_pieces import Piece

Measure = Callable[[Piece, Piece | None], float]
"""How wide a piece is, with what stands between it and the one before; None at the start of a line."""


@dataclass(frozen=True)
class Line:
    """Pieces on one line; `within` says that it goes on with a product, 2 with one that is a summand within another."""

    pieces: tuple[Piece, ...]
    width: float
    within: int = 0


def broken(pieces: Sequence[Piece], measure: Measure, room: float, hang: float, margin: float = 0) -> list[Line]:
    """The lines of a sum.

    Args:
        pieces: the sum.
        measure: how wide pieces are.
        room: what a line holds.
        hang: so much less is held by a line that goes on with a product: it begins farther right.
        margin: so much more is held by a line that has one product for itself.
    """
    lines: list[Line] = []
    for summand in _summands(pieces):
        ended = not lines or lines[-1].within  # a product of several lines has these for itself
        if not ended and lines[-1].width + _width(summand, measure, lines[-1].pieces[-1]) <= room:
            lines[-1] = _continued(lines[-1], summand, measure)
            continue
        start = len(lines)
        whole = _width(summand, measure) <= room + margin
        runs = [summand] if whole else _runs(summand, measure, room - hang, hang)
        for before, run, after in zip([[], *runs], runs, [*runs[1:], []], strict=False):
            space = room - hang * lines[-1].within if lines else room
            beside = any(other and other[0].nested for other in (before, after))
            opens = run[0].glue == "~" and beside  # a product that takes several lines has these for itself
            if (
                len(lines) > start
                and not opens
                and lines[-1].width + _width(run, measure, lines[-1].pieces[-1]) <= space
            ):
                lines[-1] = _continued(lines[-1], run, measure)
            else:
                depth = 0 if len(lines) == start else 2 if run[0].nested else 1
                lines.append(Line(tuple(run), _width(run, measure), depth))
    return lines


def _continued(line: Line, pieces: Sequence[Piece], measure: Measure) -> Line:
    width = line.width + _width(pieces, measure, line.pieces[-1])
    return Line((*line.pieces, *pieces), width, line.within)


def _width(pieces: Sequence[Piece], measure: Measure, before: Piece | None = None) -> float:
    return sum(measure(p, pieces[n - 1] if n else before) for n, p in enumerate(pieces))


def _summands(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The pieces from each sign to the next."""
    run: list[Piece] = []
    for piece in pieces:
        if run and piece.glue in ("+", "-"):
            yield run
            run = []
        run.append(piece)
    yield run


def _runs(summand: Sequence[Piece], measure: Measure, room: float, hang: float) -> list[list[Piece]]:
    """What no line ends within: a factor, and a sum sign with what stands beside it, unless that is too wide itself.

    A sum in parentheses ends a line before its signs, and within one of its products only if that alone is too wide;
    what is left of that begins by `hang` farther right.
    """
    runs: list[list[Piece]] = []
    for part in _parts(summand):
        whole = len(part) == 1 or _width(part, measure) <= room
        for found in [part] if whole else [[piece] for piece in part]:
            together = whole and found[0].glue == "~" and bool(runs) and not runs[-1][0].nested
            inner = together or (runs and runs[-1][-1].is_sum_sign)
            if inner and _width([*runs[-1], *found], measure) <= room - hang * runs[-1][0].nested:
                runs[-1] += found
            else:
                runs.append(list(found))
    for head, run in pairwise(runs):
        if run[0].is_sum_sign and run[0].glue != "~" and _width([*head, *run], measure) <= room:
            run[:0] = head
            head.clear()
    return [run for run in runs if run]


def _parts(summand: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The factors; of one that is a sum in parentheses its summands."""
    part: list[Piece] = []
    for piece in summand:
        if part and not piece.nested:
            yield part
            part = []
        part.append(piece)
    yield part
