"""Names of results follow from the signs of indices alone."""

import pytest
from sympy import Expr, Integer

from gradscribe.derive.derivation.gradient.recognise import mixed_signs, recognise
from gradscribe.derive.derivation.notation import Notation
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import exact, integers
from gradscribe.derive.ir.term import Access, Divisibility, Program, Range, Statement, Tensor, Term
from gradscribe.derive.typeset.text.text_symbols import TextTypesetter

q, v, i, r, k, N, R, s, d, p = integers("q v i r k N R s d p")
DY, W, X = Tensor("dy", (N,)), Tensor("w", (R,)), Tensor("x", (N,))
DY2, W2, X2 = Tensor("dy", (N, N)), Tensor("w", (R, N)), Tensor("x", (N, R))
NOTATION = Notation(deltas={"dy": "l"}, order=("x", "w"))


def name(body: Expr, free: Expr = (q,), bound: Expr = (r,), inputs: Expr = (DY, W, X), **brackets: Expr) -> str:
    term = Term(tuple(Range(f, N) for f in free), tuple(Range(b, R) for b in bound), body, **brackets)
    program = Program(inputs, (Statement(Tensor("dx", (N,) * len(free)), term),), ("dx",))
    return TextTypesetter(NOTATION).words(recognise((term,), NOTATION, program))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (DY(q - r) * W(r), "full convolution of δ⁽ˡ⁾ with the kernel w rotated by π"),
        (DY(q + p - d * r) * W(r), "full convolution of δ⁽ˡ⁾ with the kernel w rotated by π and dilated by d"),
        (DY(q - r), "full convolution of δ⁽ˡ⁾ with a kernel of ones"),
        (DY(q - r) / R, "full convolution of δ⁽ˡ⁾ with the constant kernel 1/R"),
        (DY(r) * X(q + r), "correlation of x with δ⁽ˡ⁾"),
        (DY(r) * X(s * r + q), "correlation of x with δ⁽ˡ⁾ dilated by s"),
        (DY(r), "sum of δ⁽ˡ⁾"),
        (DY(r) * X(r) * W(r), "contraction of δ⁽ˡ⁾ with x and w over r"),
    ],
)
def test_the_sign_of_the_summed_and_the_free_index_decides(body: Expr, expected: str) -> None:
    assert name(body) == expected


def test_a_divisibility_bracket_is_a_transposed_convolution() -> None:
    found = name(DY(exact(q - r, s)) * W(r), divisibilities=(Divisibility(q - r, s),))
    assert found == "transposed convolution of δ⁽ˡ⁾ with w"


def test_what_moves_with_the_signal_multiplies_it_and_is_no_kernel() -> None:
    y, v1 = Tensor("y", (N,)), Tensor("v", (N, R))
    given = (DY, W, X, y, v1)
    assert name(DY(q - r) * y(q - r), inputs=given) == "full convolution of δ⁽ˡ⁾ times y with a kernel of ones"
    found = name(DY(q - r) * y(q - r) * W(r), inputs=given)
    assert found == "full convolution of δ⁽ˡ⁾ times y with the kernel w rotated by π"
    assert name(DY(q + r) * y(q + r) * W(r), inputs=given) == "correlation of δ⁽ˡ⁾ times y with w"
    place = exact(q - r, s)
    found = name(DY(place) * y(place) * W(r), inputs=given, divisibilities=(Divisibility(q - r, s),))
    assert found == "transposed convolution of δ⁽ˡ⁾ times y with w"
    # a kernel of every place has an axis of its own
    assert name(DY(q - r) * v1(q - r, r), inputs=given) == "full convolution of δ⁽ˡ⁾ with the kernel v rotated by π"


def test_two_matrices_with_one_summed_index_are_a_matrix_product() -> None:
    inputs = (DY2, W2, X2)
    assert name(DY2(q, r) * W2(v, r), (q, v), inputs=inputs) == "matrix product δ⁽ˡ⁾ wᵀ"
    assert name(DY2(r, v) * X2(r, q), (q, v), inputs=inputs) == "matrix product xᵀ δ⁽ˡ⁾"
    assert name(DY2(r, v) * X2(q, r), (q, v), inputs=inputs) == "matrix product x δ⁽ˡ⁾"


def test_without_a_sum_it_is_pointwise() -> None:
    assert name(DY(q), bound=()) == "δ⁽ˡ⁾ itself"
    assert name(DY(q) * X(q), bound=()) == "δ⁽ˡ⁾ times the slope, element by element"
    assert name(DY(2 * q), bound=()) == "the elements of δ⁽ˡ⁾ put back in their places"


def test_a_recorded_maximum_routes_the_signal() -> None:
    argument = Tensor("where", (N,), integer=True)
    found = name(DY(q - r) * equal(r, argument(q - r)), inputs=(DY, argument))
    assert found == "δ⁽ˡ⁾ passed back to where where points, summed over r"


def test_several_contributions_are_called_a_sum() -> None:
    term = Term((Range(q, N),), (), DY(q))
    assert recognise((term, term), NOTATION, Program((DY,), (), ())) == ("sum of 2 contributions",)


def test_mixed_signs_are_per_axis() -> None:
    term = Term((Range(q, N), Range(v, N)), (Range(r, R), Range(i, R)), DY2(q - r, v + 2 * i))
    assert mixed_signs(Access("dy", q - r, v + 2 * i), term) == [-1, 1]
    assert mixed_signs(Access("dy", r - q, v), term) == [-1]
    assert mixed_signs(Access("dy", N - q - r, Integer(3)), term) == [1]
    assert name(term.body, (q, v), (r, i), (DY2,)) == "convolution along some axes, correlation along others"
