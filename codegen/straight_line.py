"""A matrix of numbers -> straight-line statements that apply it with few operations.

Interpolation at p and at -p makes pairs of rows, or of columns, that agree but for the signs of some elements. What two
such rows have in common is computed once, y1 = even + odd and y2 = even - odd; of two such columns the sum and the
difference are taken first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from sympy import ImmutableMatrix, Rational

from gradscribe.codegen.cook_toom import number

Row = Mapping[str, Rational]
"""Coefficients by the name of what they multiply; none is 0."""


@dataclass(frozen=True)
class StraightLine:
    """Statements that compute y0, y1, ... from x0, x1, ...

    Attributes:
        constants: the numbers that occur: (name, value).
        statements: (name, expression), in order.
    """

    constants: tuple[tuple[str, str], ...]
    statements: tuple[tuple[str, str], ...]


def straight_line(matrix: ImmutableMatrix) -> StraightLine:
    """Statements for ``y = matrix @ x``."""
    columns, rows = _folded([{f"x{k}": v for k, v in enumerate(row)} for row in matrix.tolist()])
    sums = list(_shared({f"y{k}": row for k, row in enumerate(rows)}))
    sizes = {abs(v) for _, _, row in sums for v in row.values()} - {1}
    names = {size: f"c{k}" for k, size in enumerate(sorted(sizes))}
    written = [(name, head + _written(row, names)) for name, head, row in sums]
    return StraightLine(tuple((name, number(v)) for v, name in names.items()), (*columns, *written))


def _folded(rows: Sequence[Row]) -> tuple[list[tuple[str, str]], list[Row]]:
    """Sums and differences of paired columns, and the rows in terms of these."""
    names = list(rows[0])
    statements: list[tuple[str, str]] = []
    made = [dict(row) for row in rows]
    for k, (a, b) in enumerate(_pairs([tuple(row[name] for row in rows) for name in names])):
        first, second = names[a], names[b]
        statements += [(f"sum{k}", f"{first} + {second}"), (f"difference{k}", f"{first} - {second}")]
        for row in made:
            x, y = row.pop(first), row.pop(second)
            row[f"sum{k}" if x == y else f"difference{k}"] = x
    return statements, [{name: v for name, v in row.items() if v} for row in made]


def _shared(rows: Mapping[str, Row]) -> Iterator[tuple[str, str, Row]]:
    """The rows, after what paired ones have in common: name, what is computed already, what is added to it."""
    columns = sorted({name for row in rows.values() for name in row})
    names = list(rows)
    done: dict[str, str] = {}
    for k, (a, b) in enumerate(_pairs([tuple(rows[name].get(c, Rational(0)) for c in columns) for name in names])):
        first, second = rows[names[a]], rows[names[b]]
        yield f"even{k}", "", {c: v for c, v in first.items() if second[c] == v}
        yield f"odd{k}", "", {c: v for c, v in first.items() if second[c] == -v}
        done |= {names[a]: f"even{k} + odd{k}", names[b]: f"even{k} - odd{k}"}
    for name, row in rows.items():
        yield (name, done[name], {}) if name in done else (name, "", row)


def _pairs(vectors: Sequence[Sequence[Rational]]) -> list[tuple[int, int]]:
    """Disjoint pairs of vectors that differ by the signs of some elements, not of all that are not 0."""
    found: list[tuple[int, int]] = []
    for a, b in combinations(range(len(vectors)), 2):
        elements = [(x, y) for x, y in zip(vectors[a], vectors[b], strict=True) if x or y]
        alike = all(x in (y, -y) for x, y in elements) and len({x == y for x, y in elements}) == 2
        if alike and not {a, b} & {k for pair in found for k in pair}:
            found.append((a, b))
    return found


def _written(row: Row, names: Mapping[Rational, str]) -> str:
    """A sum of multiples, positive ones first; the coefficients 1 and -1 take no multiplication."""
    text = ""
    for name, value in sorted(row.items(), key=lambda term: bool(term[1] < 0)):
        size = abs(value)
        product = name if size == 1 else f"{names[size]} * {name}"
        sign = (" - " if text else "-") if value < 0 else (" + " if text else "")
        text += sign + product
    return text
