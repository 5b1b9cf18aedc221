"""What a row has that the row before it has not: factors, brackets, indices, told apart by what they stand for."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

from gradscribe.derive.typeset.terms.row_pieces import Piece, Unit

Summand = Sequence[Piece]


def marked(summands: Sequence[Summand], before: Sequence[Summand]) -> list[Summand]:
    """The summands of a row; what the summand of the row `before` that each comes from has not is marked as new."""
    known = set(map(tuple, before))
    origins = [_units(summand) for summand in before]
    return [
        summand if tuple(summand) in known else _marked(summand, _origin(_units(summand), place, origins))
        for place, summand in enumerate(summands)
    ]


def _units(summand: Summand) -> list[Unit]:
    """What stands for something in a summand."""
    return [unit for piece in summand for unit in piece.units if unit.key is not None]


def _origin(units: Sequence[Unit], place: int, before: Sequence[Sequence[Unit]]) -> Sequence[Unit]:
    """The summand of the row before that has the most in common; of several the one in the same place."""

    def likeness(other: int) -> tuple[int, int, bool]:
        return _common(before[other], units, "key"), _common(before[other], units, "kind"), other == place

    return before[max(range(len(before)), key=likeness)] if before else ()


def _common(one: Sequence[Unit], other: Sequence[Unit], field: str) -> int:
    """How many units have the same key, or kind."""
    first, second = (Counter(found for u in units if (found := getattr(u, field))) for units in (one, other))
    return (first & second).total()


def _marked(summand: Summand, origin: Sequence[Unit]) -> Summand:
    """The pieces of a summand beside where it comes from: each unit there accounts for one here."""
    mine, theirs = (Counter(unit.key for unit in units) for units in (_units(summand), origin))
    fresh, gone = mine - theirs, theirs - mine
    spare = [unit for unit in origin if gone[unit.key]]
    return [_piece(piece, fresh, spare) for piece in summand]


def _piece(piece: Piece, fresh: Counter[Hashable], spare: list[Unit]) -> Piece:
    """A piece with its units marked; those of `fresh` and `spare` that are accounted for are taken out."""
    units: list[Unit] = []
    for unit in piece.units:
        new = unit.key is not None and fresh[unit.key] > 0
        fresh[unit.key] -= new
        units.append(_unit(unit, spare) if new else unit)
    said = [unit for unit in units if unit.key is not None]
    if said and all(part.new for unit in said for part in unit.parts):  # a fraction with its line
        return replace(piece, units=tuple(_new(unit) for unit in units))
    return replace(piece, units=tuple(units))


def _unit(unit: Unit, spare: list[Unit]) -> Unit:
    """A unit that is new: as a whole or, where one of its kind was there, the parts that this one had not."""
    other = next((u for u in spare if u.kind == unit.kind), None) if unit.kind else None
    if other is None:
        return _new(unit)
    spare.remove(other)
    known = {part.key for part in other.parts}
    return replace(unit, parts=tuple(replace(p, new=p.key is not None and p.key not in known) for p in unit.parts))


def _new(unit: Unit) -> Unit:
    return replace(unit, parts=tuple(replace(part, new=True) for part in unit.parts))
