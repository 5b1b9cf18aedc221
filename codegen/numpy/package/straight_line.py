"""A matrix of numbers -> straight-line statements that apply it with few operations.

Interpolation at p and at -p makes pairs of rows, or of columns, that agree but for the signs of some elements. What two
such rows have in common is computed once, y1 = even + odd and y2 = even - odd; of two such columns the sum and the
difference are taken first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from sympy import ImmutableMatrix, Rational

from gradscribe.codegen.python.expression import Binary, Expression, Name, signed
from gradscribe.codegen.python.scalars.scalar import number
from gradscribe.codegen.python.statement import Assign, let

Row = Mapping[str, Rational]
"""Coefficients by the name of what they multiply; none is 0."""
ONE = Rational(1)


@dataclass(frozen=True)
class StraightLine:
    """Statements that compute y0, y1, ... from x0, x1, ...

    Attributes:
        constants: the numbers that occur: (name, value).
        statements: in order; each gives another variable a value.
    """

    constants: tuple[tuple[str, Expression], ...]
    statements: tuple[Assign, ...]


def straight_line(matrix: ImmutableMatrix) -> StraightLine:
    """Statements for ``y = matrix @ x``."""
    columns, rows = _folded([{f"x{k}": v for k, v in enumerate(row)} for row in matrix.tolist()])
    sums = {**columns, **dict(_shared({f"y{k}": row for k, row in enumerate(rows)}))}
    sizes = {abs(v) for row in sums.values() for v in row.values()} - {1}
    names = {size: f"c{k}" for k, size in enumerate(sorted(sizes))}
    constants = tuple((name, number(v)) for v, name in names.items())
    return StraightLine(constants, tuple(let(name, _sum(row, names)) for name, row in sums.items()))


def _folded(rows: Sequence[Row]) -> tuple[dict[str, Row], list[Row]]:
    """Sums and differences of paired columns, and the rows in terms of these."""
    names = list(rows[0])
    sums: dict[str, Row] = {}
    made = [dict(row) for row in rows]
    for k, (a, b) in enumerate(_pairs([tuple(row[name] for row in rows) for name in names])):
        first, second = names[a], names[b]
        sums |= {f"sum{k}": {first: ONE, second: ONE}, f"difference{k}": {first: ONE, second: -ONE}}
        for row in made:
            x, y = row.pop(first), row.pop(second)
            row[f"sum{k}" if x == y else f"difference{k}"] = x
    return sums, [{name: v for name, v in row.items() if v} for row in made]


def _shared(rows: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
    """The rows by name, after what paired ones have in common."""
    columns = sorted({name for row in rows.values() for name in row})
    names = list(rows)
    done: dict[str, Row] = {}
    for k, (a, b) in enumerate(_pairs([tuple(rows[name].get(c, Rational(0)) for c in columns) for name in names])):
        first, second = rows[names[a]], rows[names[b]]
        yield f"even{k}", {c: v for c, v in first.items() if second[c] == v}
        yield f"odd{k}", {c: v for c, v in first.items() if second[c] == -v}
        done |= {names[a]: {f"even{k}": ONE, f"odd{k}": ONE}, names[b]: {f"even{k}": ONE, f"odd{k}": -ONE}}
    for name, row in rows.items():
        yield name, done.get(name, row)


def _pairs(vectors: Sequence[Sequence[Rational]]) -> list[tuple[int, int]]:
    """Disjoint pairs of vectors that differ by the signs of some elements, not of all that are not 0."""
    found: list[tuple[int, int]] = []
    for a, b in combinations(range(len(vectors)), 2):
        elements = [(x, y) for x, y in zip(vectors[a], vectors[b], strict=True) if x or y]
        alike = all(x in (y, -y) for x, y in elements) and len({x == y for x, y in elements}) == 2
        if alike and not {a, b} & {k for pair in found for k in pair}:
            found.append((a, b))
    return found


def _sum(row: Row, names: Mapping[Rational, str]) -> Expression:
    """A sum of multiples, positive ones first; the coefficients 1 and -1 take no multiplication."""
    return signed(
        (bool(v < 0), Name(name) if abs(v) == 1 else Binary("*", Name(names[abs(v)]), Name(name)))
        for name, v in sorted(row.items(), key=lambda term: bool(term[1] < 0))
    )
