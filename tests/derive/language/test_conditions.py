"""Conditions with and, or, not and parentheses: what they mean beside NaN, in extrema, in print, and mistakes."""

import itertools

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.language import LanguageError
from gradscribe.derive.typeset.writers.latex import latex_writer
from tests.cases.together import together

NUMBERS = np.array([-1.0, 0.0, 0.5, 1.0, np.nan, np.inf, -np.inf])
PAIRS = np.array(list(itertools.product(NUMBERS, NUMBERS)))
A, B = PAIRS.T
CONDITIONS = {
    "a[n] > 0 or b[n] < 1": (A > 0) | (B < 1),
    "not a[n] > 0": ~(A > 0),
    "not (a[n] > 0 or b[n] < 1)": ~((A > 0) | (B < 1)),
    "not (a[n] > 0 and not b[n] < 1)": ~((A > 0) & ~(B < 1)),
    "a[n] > 0 and b[n] > 0 or a[n] == b[n]": ((A > 0) & (B > 0)) | (A == B),
    "a[n] > 0 and (b[n] > 0 or a[n] == b[n])": (A > 0) & ((B > 0) | (A == B)),
    "not a[n] == b[n], not not a[n] <= 1": (A != B) & (A <= 1),
    "not 0 <= a[n] < b[n]": ~((A >= 0) & (B > A)),
    "not a[n] != b[n] or a[n] >= 1 or not b[n] >= a[n]": (A == B) | (A >= 1) | ~(B >= A),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_is_that_of_numpy_beside_nan_and_a_strong_zero(condition: str) -> None:
    layer = gradscribe.layer(f"y[n] = [{condition}] * x[n]; input a[N], b[N], x[N]", "held")
    expected = np.where(CONDITIONS[condition], 2.0, 0.0)
    assert 0 < CONDITIONS[condition].sum() < len(A)
    x = np.where(CONDITIONS[condition], 2.0, np.nan)
    (size,) = layer.program.symbols()
    np.testing.assert_array_equal(interpret(layer.program, {"a": A, "b": B, "x": x}, {size: len(A)})["y"], expected)
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(layer.compile().held_forward(*(v.astype(dtype) for v in (A, B, x))), expected)


def test_what_is_false_never_wins() -> None:
    text = "y[n] = max(k) [k == 2 or not (x[n,k] < 1 or k == 0)] x[n,k]"
    layer = gradscribe.layer(text, "best")
    x = np.array([[9.0, 0.5, -5.0, -9.0], [9.0, 2.0, -5.0, 3.0], [9.0, 0.0, -np.inf, 0.0]])
    module = layer.compile()
    y, place = module.best_forward(x)
    assert y.tolist() == [-5.0, 3.0, -np.inf]
    dx = module.best_grad_input(np.ones(3), place, input_shape=x.shape)
    assert dx.tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    assert all(row.passed for row in verify_layer(layer, 3, order=2))


def test_the_derivative_of_a_condition_is_0() -> None:
    layer = gradscribe.layer("y[n] = [a[n] > 0 or not b[n] > 1] + 0*a[n]*b[n]*x[n]; input a[N], b[N], x[N]")
    assert derive(layer, ["a"]).sections
    assert "∂E/∂a[n] = 0" in str(derive(layer, ["a"]))


def test_powers_of_indices_are_compared() -> None:
    layer = gradscribe.layer("y[n] = [n*n > 3 or x[n] > n^2] * x[n] + [x[n] > n*n] * 2", "squares")
    found = layer.compile().squares_forward(np.array([1.0, 0.0, 3.0, 20.0]))
    assert found.tolist() == [3.0, 0.0, 3.0, 22.0]


def test_signs_of_logic_are_printed() -> None:
    layer = gradscribe.layer("y[n,k] = [x[n,k] > 1 and k != 2 or not x[n,k] < z[n]] * x[n,k]; input x[N,K], z[N]")
    assert "[(x[n,k]>1 ∧ k≠2) ∨ ¬(z[n]>x[n,k])]" in str(derive(layer, ["x"]))
    latex = latex_writer.render(derive(layer, ["x"]))
    assert all(sign in latex for sign in (r"\vee", r"\wedge", r"\neg", r"\ne"))


WRONG = [
    ("y[n] = [x[n] > 0 or] x[n]", 20, "found ']'"),
    ("y[n] = [not] x[n]", 12, "found ']'"),
    ("y[n] = [x[n] or z[n] > 0] x[n]", 14, "found 'or'"),
    ("y[n] = [(x[n] > 0 or z[n] > 0] x[n]", 30, "found ']'"),
    ("y[n] = [x[n] > 0 | z[n] > 0] x[n]", 18, "character '|' has no meaning here; write or"),
    ("y[n] = [x[n] > 0 && z[n] > 0] x[n]", 18, "character '&' has no meaning here; write and"),
    ("y[n] = [!(x[n] > 0)] x[n]", 9, "character '!' has no meaning here; write not"),
    ("or[n] = x[n]", 1, "or"),
    ("y[n] = [x[n] > 0 or q == 1] x[n]", 21, "unknown name q"),
]


@together("text, column, message", WRONG, ids=[text for text, *_ in WRONG])
def test_a_mistake_is_one_line_and_a_caret_at_the_place(text: str, column: int, message: str) -> None:
    with pytest.raises(LanguageError) as error:
        gradscribe.layer(text)
    first, _, caret = str(error.value).split("\n")
    assert message in first, first
    assert caret.index("^") == column + 3, str(error.value)
