"""`constant(...)` within an equation: the tensor that it becomes, what is said of it, where it must not be read."""

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.second_order import second_order
from gradscribe.derive.ir.term import Program, accesses
from gradscribe.derive.language import LanguageError
from gradscribe.derive.typeset.writers.text import text_writer


def of(text: str) -> Program:
    return gradscribe.layer(text, "own").program


def page(text: str) -> str:
    return " ".join(text_writer.render(gradscribe.layer(text, "own").derivation()).split())


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (
            "y[n] = x[n] + constant([x[n] > 0] - x[n])",
            "c1[n] = [x[n] > 0] - x[n]; y[n] = x[n] + c1[n]; constant c1",
        ),
        (
            "y[n,k] = x[n,k] / constant(sum(j) x[n,j]^2) - constant(sum(j) x[n,j]^2)",
            "c1[n] = sum(j) x[n,j]^2; y[n,k] = x[n,k]/c1[n] - c1[n]; constant c1",
        ),
        (
            "y[i] = sum(j) constant([j <= i] * x[j] + b[i]) * x[j]",
            "c1[i,j] = [j <= i] * x[j] + b[i]; y[i] = sum(j) c1[i,j] * x[j]; constant c1",
        ),
        ("y[n] = x[n] * constant(2 * 3)", "y[n] = 6 * x[n]"),
        ("a = 0.5; y[n] = x[n] * constant(n + a)", "a = 0.5; y[n] = x[n] * (n + a)"),
        ("c1 = 2; y[n] = x[n] * constant(x[n + c1])", "c1 = 2; c2[n] = x[n + c1]; y[n] = x[n] * c2[n]; constant c2"),
        ("t[n] = constant(x[n]^2); y[n] = x[n] * t[n]", "t[n] = x[n]^2; y[n] = x[n] * t[n]; constant t"),
        (
            "e = sum(n) x[n]; y[n] = x[n] * constant(1 + e)",
            "e = sum(n) x[n]; c1 = 1 + e; y[n] = x[n] * c1; constant c1",
        ),
    ],
)
def test_it_is_an_equation_of_its_own(text: str, same: str) -> None:
    assert of(text) == of(same)


def test_no_place_of_a_constant_maximum_is_recorded() -> None:
    program = of("y[n,k] = x[n,k] * constant(1 + max(j) x[n,j])")
    assert all(s.argument is None for s in program.statements)


def test_a_result_is_differentiable_though_it_is_constant() -> None:
    gradient = differentiate(of("y[n] = constant(x[n])"))
    assert list(gradient.zeros) == ["x"]


def test_a_maximum_that_a_constant_makes_up_for_is_differentiated() -> None:
    """The value of y does not depend on m, its derivative does."""
    (m, *_) = of("m[n] = max(k) x[n,k]; y[n,k] = x[n,k] - m[n] + constant(m[n])").statements
    assert m.argument is not None


def test_second_order_does_not_read_a_constant_for_what_has_its_value() -> None:
    program = of(
        "z[n] = sum(k) exp(x[n,k]); y[n] = sum(k) constant(exp(x[n,k])/z[n])*x[n,k] + sum(k) u[n,k]*exp(x[n,k])/z[n]"
    )
    (by_u,) = (s for s in second_order(program).order_1.statements if s.target.name == "du")
    assert "c1" not in {a.tensor for a in accesses(by_u.term.body)}


def test_the_page_says_that_it_is_by_decree() -> None:
    text = page("y[n] = x[n]*w[n] + constant([x[n] > 0] - x[n])")
    assert "c counts as a constant by decree: what would pass through it is no part of a gradient, so that" in text
    assert "what is derived here is not the derivative of y as a function of x." in text
    assert "∂E/∂x[n] = δ[n] w[n]" in text


def test_a_constant_that_only_constants_read_is_not_spoken_of() -> None:
    text = page("y[n] = x[n] * constant(exp(x[n]) + constant(tanh(x[n])) * x[n])")
    assert text.count("counts as a constant") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y[n] = x[n] + constant(x[n], 2)", "constant takes 1 argument; found 2"),
        ("y[n] = x[n] + constant()", "constant takes 1 argument; found 0"),
        (
            "y[n] = constant(x[n]) x[n]",
            r"constant\(...\) stands before a factor; expected sum, max, min, prod, argmax, argmin or \*",
        ),
        ("y[n] = constnat(x[n])", "unknown function constnat; did you mean constant"),
        ("y[n] = x[constant(n)]", "not an integer"),
        ("y[n] = x[n] * constant(z[j])", "index j is neither on the left side nor reduced over"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(LanguageError, match=message):
        gradscribe.layer(text)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_any_number_of_examples(n: int) -> None:
    module = gradscribe.layer("y[n] = sum(k) x[n,k] * constant(x[n,k])", "own").compile()
    x = np.arange(2.0 * n).reshape(n, 2)
    y, c = module.own_forward(x)
    np.testing.assert_array_equal(y, (x * x).sum(1))
    np.testing.assert_array_equal(module.own_grad_input(np.ones(n), c), x)
