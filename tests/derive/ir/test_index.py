"""Affine forms, signs and integer functions against plain arithmetic on random values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Expr, Integer, Symbol

from gradscribe.derive.ir.index import (
    Affine,
    NotAffineError,
    affine,
    choose,
    exact,
    floordiv,
    fresh_names,
    integer,
    integers,
    minimum,
    mod,
    sign,
)
from gradscribe.derive.ir.interpret import number

i, j, k, s, d, p = integers("i j k s d p")
INDICES = (i, j, k)


def test_a_name_is_one_symbol() -> None:
    assert integer("H_out") is integer("H_out")
    assert integers("a b") == (integer("a"), integer("b"))
    assert integer("N").is_integer
    assert integer("N").is_nonnegative


def evaluated(expression: Expr, values: dict[Symbol, int]) -> int:
    return int(expression.xreplace({v: Integer(x) for v, x in values.items()}))


@given(st.lists(st.integers(-5, 5), min_size=8, max_size=8), st.lists(st.integers(0, 9), min_size=6, max_size=6))
def test_affine_form_keeps_the_value(numbers: list[int], point: list[int]) -> None:
    a, b, c, e, f, g, h, o = numbers
    expression = (a * i + b * s * j) * e + (c * k - d * i) * f - g * p + h * (j - o)
    form = affine(expression, INDICES)
    values = dict(zip((i, j, k, s, d, p), point, strict=True))
    assert evaluated(form.expression(), values) == evaluated(expression, values)
    assert not {v for part in (form.offset, *(c for _, c in form.terms)) for v in part.free_symbols} & set(INDICES)
    assert all(c != 0 for _, c in form.terms)
    assert all(form.coefficient(v) == c for v, c in form.terms)


def test_affine_keeps_the_order_of_the_indices_given() -> None:
    assert affine(k + 2 * i + 3 * j, (j, k, i)).indices == (j, k, i)
    assert affine(k, INDICES).coefficient(i) == 0


@pytest.mark.parametrize("expression", [i * j, i**2, floordiv(i, 2), i * (s + j), exact(i + p, s), 2**i])
def test_other_expressions_are_refused(expression: Expr) -> None:
    with pytest.raises(NotAffineError, match="is not affine in"):
        affine(expression, INDICES)


def test_functions_of_sizes_are_constants() -> None:
    assert affine(i + floordiv(p, s), INDICES).offset == floordiv(p, s)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Affine(Integer(0), ((i, Integer(1)),)), i),
        (Affine(Integer(1), ((i, Integer(1)),)), None),
        (Affine(Integer(0), ((i, Integer(-1)),)), None),
        (Affine(Integer(0), ((i, s),)), None),
        (Affine(Integer(0), ((i, Integer(1)), (j, Integer(1)))), None),
        (Affine(Integer(0), ()), None),
    ],
)
def test_plain_index(form: Affine, expected: Symbol | None) -> None:
    assert form.plain() == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (s + 2 * d, 1),
        (-s * d - 3, -1),
        (s - d, 0),
        (Integer(0), 0),
        (Integer(-4), -1),
        (s * (d + 1), 1),
        (s - s + d, 1),
    ],
)
def test_sign(expression: Expr, expected: int) -> None:
    assert sign(expression) == expected


@given(st.integers(-20, 20), st.integers(1, 7))
def test_integer_functions_compute_as_python_does(a: int, b: int) -> None:
    symbols = {integer("a"): a, integer("b"): b}
    # numbers given at once, and numbers given to the interpreter
    for build, expected in (
        (floordiv, a // b),
        (mod, a % b),
        (minimum, min(a, b)),
        (lambda x, y: choose(1, x, y), a),
        (lambda x, y: choose(0, x, y), b),
    ):
        assert build(Integer(a), Integer(b)) == expected
        assert number(build(*symbols), symbols) == expected
    assert number(exact(*(integer(n) for n in "ab")), {integer("a"): a * b, integer("b"): b}) == a
    assert number(choose(integer("b"), Integer(3), Integer(4)), {integer("b"): int(b > 3)}) == (3 if b > 3 else 4)


def test_trivial_calls_vanish() -> None:
    assert floordiv(i, Integer(1)) == i
    assert mod(i, Integer(1)) == 0
    assert exact(i + p, Integer(1)) == i + p
    assert choose(s, i, i) == i
    assert floordiv(i, s).is_integer


def test_fresh_names_are_new_and_endless() -> None:
    names = fresh_names({"m", "v", "q1"})
    found = [next(names) for _ in range(30)]
    assert found[:3] == ["q", "e", "a"]
    assert len(set(found)) == 30
    assert not {"m", "v", "q1"} & set(found)


def test_random_forms_with_many_terms() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        c = [int(v) for v in rng.integers(-3, 4, size=4)]
        form = affine(c[0] * i + c[1] * j + c[2] * k + c[3] * s, INDICES)
        assert dict(form.terms) == {v: x for v, x in zip(INDICES, c, strict=False) if x}
        assert form.offset == c[3] * s
