"""Products over indices and places of extrema: what their gradients and pages are, and which texts are refused."""

from math import prod

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.calculus.programs.products.running_products import running
from gradscribe.derive.calculus.second_order import second_order
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.language.syntax.located_error import LanguageError
from gradscribe.derive.typeset.formats import rendered
from gradscribe.facade import Layer
from tests.cases.together import together

TEXTS = (
    "y[n] = b[n] * prod(i,j) [i <= j] x[n,i,j] * w[i]",
    "y[n,i] = v[n,i] * (prod(j) [j < i] x[n,j]) * prod(j) [j > i] (1 - x[n,j])",
    "i < J + 1; y[n,i] = prod(j) [j < i] (1 - a[n,j]); input a[N,J]",
    "y[n,i] = v[n,i] * prod(j) [j <= i] [x[n,j] > -1] x[n,j]",
    "i < J; k < J; y[i,k] = prod(j) [j < i] [j > k] x[j]",
    "integer t; y[v] = prod(e) [t[e] == v] x[e]; v < 3",
    "integer t; y[n] = prod(j) [j <= t[n]] x[n,j]",
    "optional b; y[n] = prod(j) (x[n,j] + b[j])",
    "y[n] = exp(prod(j) (sum(k) x[n,j,k] * w[k,j])) + log(1 + (prod(j) x[n,j,0])^2)",
    "k[n] = argmax(j) x[n,j]; y[n] = x[n,k[n]] * prod(j) [j != k[n]] x[n,j]; output y, k",
    "k = argmin(j) x[j]; y[c] = e[k,c] * v[c]",
    "k[n] = argmax(e) g[n,e]; y[n,o] = sum(c) x[n,c] * w[k[n],c,o]",
    "k[n] = argmax(j) [a[n,j] > 0] a[n,j]; y[n,j] = [k[n] == j] * a[n,j] * g[n]",
    "m[i] = max(j) (a[j] + t[j,i]); k[i] = argmax(j) (a[j] + t[j,i]); output m, k",
)


def layer_of(text: str) -> Layer:
    return gradscribe.layer(text.replace("; ", "\n"), "own")


@together("text, order", [(text, order) for text in TEXTS for order in (1, 2)])
def test_kernels_pages_oracle_and_differences_agree(text: str, order: int) -> None:
    assert all(line.passed for line in verify_layer(layer_of(text), shapes=2, order=order))


# ----- the product of the others --------------------------------------------------------------------------------------
def test_the_others_are_a_product_of_their_own() -> None:
    """Of a program that is differentiated; its values are those of the definition, with factors that are 0."""
    gradient = layer_of("y[n] = prod(i,j) x[n,i,j]").differentiate()
    (statement, others) = gradient.forward.statements
    assert statement.others == others.target
    x = np.random.default_rng(0).integers(-1, 2, (4, 2, 3)).astype(float)
    sizes = dict(zip(gradient.forward.inputs[0].shape, x.shape, strict=True))
    found = interpret(gradient.forward, {"x": x}, sizes)["others"]
    for n, i, j in np.ndindex(*x.shape):
        assert found[n, i, j] == prod(float(x[n, a, b]) for a, b in np.ndindex(2, 3) if (a, b) != (i, j))


def test_what_is_not_differentiated_has_no_others() -> None:
    layer = layer_of("z[n] = prod(j) x[n,j]\ny[n] = z[n] * w[n]\nconstant z")
    assert len(layer.differentiate().forward.statements) == len(layer.program.statements) == 2
    assert len(layer_of("y[n] = prod(j) x[n,j]").differentiate(wrt=["x"]).forward.statements) == 2


def test_second_order_names_the_others_once() -> None:
    """Those of the first derivative are there already; those of the others are new."""
    found = second_order(layer_of("y[n] = prod(j) x[n,j]").program)
    names = [s.target.name for s in found.second.forward.statements]
    assert sorted(names) == sorted(set(names))
    assert [n for n in names if n.startswith("others")] == ["others", "others_others"]


def test_a_product_that_grows_by_one_factor_is_seen() -> None:
    terms = {
        "j < i": ("i < J", 0, False),
        "j <= i": ("i < J", 1, False),
        "j < i - 2": ("i < J", -2, False),
        "j > i": ("i < J", 1, True),
        "j >= i + 3": ("i < J", 3, True),
        "i >= j": ("i < J", 1, False),
    }
    for bracket, (line, first, backwards) in terms.items():
        (statement,) = layer_of(f"input x[N,J]\n{line}\ny[n,i] = prod(j) [{bracket}] x[n,j]").program.statements
        found = running(statement.term)
        assert found is not None
        assert (found.first, found.backwards, found.axis) == (first, backwards, 1)
    for text in ("y[n,i] = prod(j) [j <= i] x[n,i,j]", "i < J\ny[n,i] = prod(j) [j < 2*i] x[n,j]\ninput x[N,J]"):
        (statement,) = layer_of(text).program.statements
        assert running(statement.term) is None  # other factors, two more each


# ----- pages ----------------------------------------------------------------------------------------------------------
def test_a_page_says_what_the_others_are() -> None:
    page = str(layer_of("y[n] = prod(i,j) x[n,i,j] * w[j]").derivation())
    assert "others[n,i,j] = Π_{m,q} x[n,m,q] w[q]   over (m,q)≠(i,j)" in page
    assert "others[n,i,j] is y[n] without the factor of i, j, and so the rate" in page
    assert "∂E/∂x[n,i,j] = δ[n] w[j] others[n,i,j]" in page
    again = str(layer_of("y[n] = prod(j) x[n,j]").derivation(order=2))
    assert "others_others[n,j,m] = Π_{q} x[n,q]   over q≠j, q≠m" in again


def test_a_page_says_what_a_place_is() -> None:
    derivation = layer_of("k[n] = argmin(i,j) x[n,i,j]\ny[n] = k[n] * w[n]").derivation()
    page = str(derivation)
    assert "k is the place of the minimum, of several the first one in row-major order of i, j." in page
    assert "k is a place, which jumps where it changes" in page
    assert r"\operatorname{argmin}_{i,j}" in rendered(derivation, "latex")


# ----- errors ---------------------------------------------------------------------------------------------------------
WRONG = {
    "y[n, 2*i + a] = argmax(k) x[n,i,a,k]\na < 2": "argmax has one place for each element; expected single indices",
    "y[n] = e[argmax(j) x[n,j]]": "argmax stands in a subscript or size; give it an equation of its own",
    "m[n] = max(j) x[n,j]\ny[n] = e[m[n]]": "m stands in a subscript; make it integers",
    "y[n] = e[m[n]]": "m stands in a subscript; declare it: integer m",
    "y[n] = argmax(x[n,0], x[n,1])": "argmax does not stand for a value here; expected argmax(i) x[i]",
    "y[n] = product(j) x[n,j]": "unknown function product; did you mean prod",
}


@pytest.mark.parametrize("text", WRONG)
def test_mistakes_say_what_to_write(text: str) -> None:
    with pytest.raises(LanguageError) as caught:
        gradscribe.layer(text, "wrong")
    assert WRONG[text] in str(caught.value)
    assert "\n" in str(caught.value)
    assert "^" in str(caught.value)
