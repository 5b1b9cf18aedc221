"""The derivation of F(m, r): rows, matrix products and tables by value, the closing figures, golden files."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Expr, ImmutableMatrix, Rational

from gradscribe.derive.catalogue.winograd import CookToom, cook_toom
from gradscribe.derive.catalogue.winograd.closing import close
from gradscribe.derive.catalogue.winograd.cook_toom import z
from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd
from gradscribe.derive.catalogue.winograd.points import ERRORS
from gradscribe.derive.derivation.certificate.certificate import figure
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.forms.caption.words.signs import Elementwise, Matrices, Transposed
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Formula, Grid, Section
from gradscribe.derive.derivation.record.sentence import Equals, Measured
from gradscribe.derive.ir.interpret import evaluate, interpret
from gradscribe.derive.ir.term import Access, EquationError
from gradscribe.derive.typeset.document.columns import blocks
from gradscribe.derive.typeset.document.look import WIDTH
from gradscribe.derive.typeset.writers import markdown
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from tests.cases.english import english
from tests.cases.thorough import some
from tests.derive.catalogue.test_winograd import rationals

Array = np.ndarray


@st.composite
def small(draw: st.DrawFn) -> tuple[CookToom, int]:
    """F(m, r) at random points, and how many axes it is nested along."""
    dims = draw(st.integers(1, 2))
    m, r = (draw(st.integers(1, 4 if dims == 1 else 3)) for _ in range(2))
    points: list[Expr] = draw(st.lists(rationals, min_size=m + r - 1, max_size=m + r - 1, unique=True))
    if draw(st.booleans()):
        points[-1] = sympy.oo
    return cook_toom(m, r, points), dims


def correlation(d: Array, g: Array, m: int) -> Array:
    """By loops over outputs and taps."""
    y = np.zeros((m,) * d.ndim)
    for at, tap in product(np.ndindex(y.shape), np.ndindex(g.shape)):
        y[at] += g[tap] * d[tuple(np.add(at, tap))]
    return y


def gradients(d: Array, g: Array, dy: Array) -> tuple[Array, Array]:
    """Those of d and g, by the same loops."""
    dd, dg = np.zeros_like(d), np.zeros_like(g)
    for at, tap in product(np.ndindex(dy.shape), np.ndindex(g.shape)):
        read = tuple(np.add(at, tap))
        dd[read] += dy[at] * g[tap]
        dg[tap] += dy[at] * d[read]
    return dd, dg


def numbers(matrix: ImmutableMatrix) -> Array:
    return np.array(matrix.tolist(), dtype=float)


def drawn(derivation: Derivation, f: CookToom, dims: int) -> dict[str, Array]:
    """The matrices, random g, d and gradient of y, and all that follows from them."""
    rng = np.random.default_rng(f.n)
    gradient = derivation.sections[1].gradient
    assert gradient is not None
    seed = next(t.name for t in gradient.inputs if t.name not in derivation.program.tensors)
    given = {"A": numbers(f.output.T), "G": numbers(f.kernel), "B": numbers(f.data.T)}
    given |= {name: rng.normal(size=(size,) * dims) for name, size in (("g", f.r), ("d", f.n), (seed, f.m))}
    return interpret(gradient, interpret(derivation.program, given, {}) | given, {}) | {"dy": given[seed]}


def of_matrices(e: Expr, values: dict[str, Array]) -> Array:
    """A product of matrices as it is printed."""
    if isinstance(e, Matrices):
        first, *others = (of_matrices(factor, values) for factor in e.args)
        for other in others:
            first = first @ other
        return first
    if isinstance(e, Elementwise):
        left, right = (of_matrices(side, values) for side in e.args)
        return left * right
    return of_matrices(e.args[0], values).T if isinstance(e, Transposed) else values[e.tensor]


def boxed(section: Section, values: dict[str, Array]) -> Array:
    return np.asarray(sum(evaluate(term, values, {})[0] for term in section.results[0].step.terms))


@pytest.mark.thorough
@settings(deadline=None, max_examples=25)
@given(small())
def test_what_is_derived_is_the_correlation_and_its_gradients(drawn_: tuple[CookToom, int]) -> None:
    f, dims = drawn_
    derivation = derive_winograd(f, dims)
    values = drawn(derivation, f, dims)
    dd, dg = gradients(values["d"], values["g"], values["dy"])
    y = correlation(values["d"], values["g"], f.m)
    scale = 1e-12 * max(1.0, *(float(np.abs(v).max()) for v in values.values())) ** 2
    np.testing.assert_allclose(values["y"], y, rtol=0, atol=scale)
    found = [section.results[0] for section in derivation.sections]
    assert [r.step.left.tensor for r in found] == ["y", "dv", "du", "dg", "dd", "dg", "dd"]
    for section in derivation.sections:
        tensor = section.results[0].step.left.tensor
        expected = {"y": y, "dg": dg, "dd": dd}.get(tensor, values[tensor])
        np.testing.assert_allclose(boxed(section, values), expected, rtol=0, atol=scale)
        (name, *_) = section.results[0].name
        if isinstance(name, Equals):
            np.testing.assert_allclose(of_matrices(name.args[1], values), expected, rtol=0, atol=scale)


@pytest.mark.thorough
@settings(deadline=None, max_examples=25)
@given(small())
def test_the_tables_before_the_rows_are_true(drawn_: tuple[CookToom, int]) -> None:
    f, dims = drawn_
    premises = derive_winograd(f, dims).premises
    (grid,) = (p for p in premises if isinstance(p, Grid))
    for number, (at, p, numerator, denominator) in enumerate(grid.rows):
        assert (at, p) == (number, f.points[number])
        assert denominator > 0
        polynomial = sympy.Poly(numerator.as_expr() / denominator, z)
        for q in f.points:
            value = polynomial.coeff_monomial(z ** (f.n - 1)) if q is sympy.oo else polynomial.eval(q)
            assert value == int(q == p)
    matrices = [(p.left, p.right) for p in premises if isinstance(p, Formula) and isinstance(p.right, ImmutableMatrix)]
    (vandermonde, inverse), transforms = (m for _, m in matrices[:2]), dict(matrices[2:])
    assert vandermonde * inverse == sympy.eye(f.n)
    assert transforms == {Transposed(Access("A")): f.output, Access("G"): f.kernel, Transposed(Access("B")): f.data}
    for a, (_, _, numerator, denominator) in enumerate(grid.rows):
        assert list(inverse[:, a] * denominator) == coefficients(numerator, f.n)


def coefficients(numerator: sympy.Poly, length: int) -> list[Rational]:
    """The coefficients of z^0, z^1, ..."""
    return [numerator.coeff_monomial(z**k) for k in range(length)]


@pytest.mark.thorough
@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize(("m", "r"), some([(2, 3), (1, 1), (1, 3), (3, 1), (4, 3), (2, 5)], 2))
def test_every_row_holds(m: int, r: int, dims: int) -> None:
    certificate = certify(derive_winograd(cook_toom(m, r), dims))
    assert certificate.holds
    assert certificate.shapes == 6
    assert certificate.rows > 25
    assert certificate.chain_rows == 4


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["output", "kernel", "data"])
def test_one_wrong_number_is_found(name: str) -> None:
    """By the rows whose identity it breaks, and by the proof."""
    f = cook_toom(2, 3)
    matrix = getattr(f, name).as_mutable()
    matrix[1, 1] += Rational(1, 1000)
    wrong = CookToom(**{**vars(f), name: matrix.as_immutable()})
    derivation = derive_winograd(wrong, 1)
    assert not certify(derivation).holds
    with pytest.raises(EquationError, match="differs from the correlation"):
        close(derivation, wrong, 1)


@pytest.mark.thorough
def test_the_closing_figures() -> None:
    f = cook_toom(4, 3)
    for dims, few, many in ((1, 6, 12), (2, 36, 144)):
        closing = close(derive_winograd(f, dims), f, dims)
        words = english(closing.words)
        assert closing.rows.holds
        assert "rows compared with the row before on 6 random inputs. All are polynomials: " in words
        assert "Proved in symbols: the outputs of F(4, 3), expanded, are those of the correlation" in words
        assert f"Multiplications: {few} instead of {many}, " in words
        assert closing.plain < closing.error < 1e-5
    assert closing.error == ERRORS[4, 3]
    assert "2.5e-6; of the plain correlation" in words


@pytest.mark.thorough
def test_where_two_axes_are_too_large_for_the_oracle_one_is_evaluated() -> None:
    f = cook_toom(5, 6)
    closing = close(derive_winograd(f, 2), f, 2)
    assert closing.rows.shapes == 6
    assert "on 6 random inputs along one axis. All are polynomials" in english(closing.words)


def test_two_digits() -> None:
    assert [figure(v, 2) for v in (2.54e-6, 1.0, 9.96e-7)] == [
        Measured("2.5", -6),
        Measured("1.0", 0),
        Measured("1.0", -6),
    ]


@pytest.mark.parametrize("dims", [0, 3])
def test_axes_that_it_is_not_nested_along(dims: int) -> None:
    with pytest.raises(EquationError, match=rf"F\(2, 3\): expected 1 axis or 2 to nest it along, received {dims}"):
        derive_winograd(cook_toom(2, 3), dims)


# ----- golden files ---------------------------------------------------------------------------------------------------
def test_golden_files(golden: Callable[[str, str], None]) -> None:
    derivation = derive_winograd(cook_toom(4, 3))
    golden("winograd_4_3.txt", text_writer.render(derivation))
    golden("winograd_4_3.tex", latex_writer.render(derivation))
    golden("winograd_4_3.md", markdown.render(derivation))
    golden("winograd_2_3_along_one_axis.txt", text_writer.render(derive_winograd(cook_toom(2, 3), 1)))


@pytest.mark.thorough
def test_wide_tables_and_matrices_are_continued_below(golden: Callable[[str, str], None]) -> None:
    derivation = derive_winograd(cook_toom(8, 3), 1)
    golden("winograd_8_3_along_one_axis.txt", text_writer.render(derivation))
    golden("winograd_8_3_along_one_axis.tex", latex_writer.render(derivation))
    for m in (10, 14):
        lines = text_writer.render(derive_winograd(cook_toom(m, 3), 2)).splitlines()
        assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize(
    ("widths", "room", "expected"),
    [
        ([3, 3, 3], 9, [range(3)]),
        ([3, 3, 3], 8, [range(2), range(2, 3)]),
        ([9, 1, 1, 9], 4, [range(1), range(1, 3), range(3, 4)]),
        ([9], 4, [range(1)]),
    ],
)
def test_columns_in_blocks(widths: list[float], room: float, expected: list[range]) -> None:
    assert blocks(widths, room) == expected
