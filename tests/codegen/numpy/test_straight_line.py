"""Straight-line statements against their matrix, in fractions; how many operations they take."""

import re
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import ImmutableMatrix, Rational

from gradscribe.codegen.numpy.package.straight_line import StraightLine, straight_line
from gradscribe.codegen.python.expression import Binary, parts
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.catalogue.winograd import cook_toom

elements = st.sampled_from([Rational(p, q) for p, q in [(0, 1), (1, 1), (-1, 1), (5, 8), (-5, 8), (9, 4), (-9, 4)]])


@st.composite
def matrices(draw: st.DrawFn) -> ImmutableMatrix:
    """With zeros, equal sizes, and rows and columns that differ in signs."""
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    made = [draw(st.lists(elements, min_size=columns, max_size=columns)) for _ in range(rows)]
    if draw(st.booleans()):
        made.append([draw(st.sampled_from([v, -v])) for v in made[0]])
    if draw(st.booleans()):
        made = [[*row, draw(st.sampled_from([row[0], -row[0]]))] for row in made]
    assume(all(any(row) for row in made))
    return ImmutableMatrix(made)


def applied(line: StraightLine, x: list[Fraction], size: int) -> list[Fraction]:
    """What the statements compute, run as Python."""
    names = {f"x{k}": value for k, value in enumerate(x)}
    for name, value in [*line.constants, *((text(s.target), s.value) for s in line.statements)]:
        assert name not in names, "assigned twice"
        names[name] = eval(re.sub(r"\b\d+\b", r"Fraction(\g<0>)", text(value)), {"Fraction": Fraction}, names)
    return [names[f"y{k}"] for k in range(size)]


def check(matrix: ImmutableMatrix) -> None:
    rows, columns = matrix.shape
    x = [Fraction(k * k + 3, 2 * k + 1) for k in range(columns)]
    expected = [sum(Fraction(int(v.p), int(v.q)) * x[k] for k, v in enumerate(row)) for row in matrix.tolist()]
    assert applied(straight_line(matrix), x, rows) == expected


def operations(matrix: ImmutableMatrix) -> tuple[int, int]:
    """Multiplications, and additions and subtractions."""
    found = Counter(p.operator for p in parts(straight_line(matrix).statements) if isinstance(p, Binary))
    return found["*"], found["+"] + found["-"]


@pytest.mark.thorough
@settings(deadline=None, max_examples=200)
@given(matrices())
def test_statements_apply_the_matrix(matrix: ImmutableMatrix) -> None:
    check(matrix)


@settings(deadline=None, max_examples=100)
@given(matrices())
def test_there_are_no_more_operations_than_by_rows(matrix: ImmutableMatrix) -> None:
    rows = [[v for v in row if v] for row in matrix.tolist()]
    times, plus = operations(matrix)
    assert times <= sum(abs(v) != 1 for row in rows for v in row)
    assert plus <= sum(len(row) - 1 for row in rows)


@pytest.mark.parametrize(("m", "r"), [(2, 3), (4, 3), (4, 2), (2, 5), (3, 5), (2, 7), (6, 3)])
def test_the_transforms_of_algorithms(m: int, r: int) -> None:
    f = cook_toom(m, r)
    for matrix in (f.data, f.output, f.kernel, f.data.T, f.output.T, f.kernel.T):
        check(matrix)


@pytest.mark.parametrize(
    ("name", "most"), [("data", (0, 4)), ("output", (0, 4)), ("kernel", (3, 3))], ids=["data", "output", "kernel"]
)
def test_f_2_3_takes_no_more_than_by_hand(name: str, most: tuple[int, int]) -> None:
    """4 additions for data and 4 for outputs; the kernel takes (g0 + g2)/2 and its sum and difference with g1/2."""
    times, plus = operations(getattr(cook_toom(2, 3), name))
    assert times <= most[0]
    assert plus <= most[1]


@pytest.mark.parametrize("name", ["data", "output", "kernel"])
def test_opposite_points_share_their_work(name: str) -> None:
    """Of F(4, 3) the rows of 5/8 and -5/8, and of 3/2 and -3/2, take less than twice one row."""
    matrix = getattr(cook_toom(4, 3), name)
    times, plus = operations(matrix)
    elements_ = [v for v in matrix if v]
    assert times <= 0.7 * sum(abs(v) != 1 for v in elements_)
    assert plus < len(elements_) - matrix.shape[0]
