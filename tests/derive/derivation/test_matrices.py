"""The operator form and the matrix form of a page: products of matrices, folded gradients, Toeplitz matrices."""

from dataclasses import replace

import numpy as np
import pytest
from sympy import ImmutableMatrix, Symbol

from gradscribe import layer
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.forms.caption.matrices.passage import matrix_gradient
from gradscribe.derive.derivation.forms.caption.page_form import with_matrices
from gradscribe.derive.derivation.record.section_record import Formula
from gradscribe.derive.ir.term import Access, EquationError
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.together import together

OWN = {
    "convolution": "y[n,i] = sum(r) x[n,i-r] * w[r]",
    "groups": "y[i,K*g+k] = sum(r,c) a[i+r,C*g+c]*f[r,c,K*g+k]\ninput a[L,C*G], f[R,C,K*G]\n"
    "g < G\nk < K\nc < C\ni < I\nr < R",
    "strided": "u[i,k] = sum(r,c) img[2*i-r+1,c]*mask[R-1-r,c,k]\ninput img[L,C], mask[R,C,K]\ni < I\nr < R",
    "shared": "u[n,k] = sum(c) x[n,c]*w[c,k]\ng[n,k] = sum(c) x[n,c]*v[c,k]\ny[n,k] = u[n,k]*sigmoid(g[n,k])",
    "read elsewhere": "y[n,k] = x[n,k] + sum(c) x[n,c]*w[c,k]",
    "gram": "y[i,k] = sum(c) x[i,c]*x[k,c]",
    "two products": "u[n,k] = b[k] + sum(c) x[n,c]*w[c,k] + sum(l) h[n,l]*v[l,k]",
}


def page(name: str, form: str = "matrix") -> Derivation:
    return derive(layer(OWN[name], "own") if name in OWN else LAYERS[name](), form=form)


def formulas(found: Derivation) -> list[str]:
    t = TextTypesetter(found.notation)
    shown = [p for p in found.matrix if isinstance(p, Formula) and not isinstance(p.left, Symbol)]
    return [f"{t.expr(p.left)} = {t.expr(p.right)}" for p in shown]


@together("name", ["conv1d", "conv2d", "depthwise_conv1d", "dense", "simple_rnn_cell", *OWN])
def test_matrix_forms_hold(name: str) -> None:
    """The product of matrices beside the program, both gradients beside the boxes, the example beside the equation."""
    found = page(name)
    certificate = certify(found, shapes=2)
    assert certificate.holds, certificate
    assert certificate.captions > certify(derive(found.layer or layer(OWN[name])), shapes=1).captions


def test_a_matrix_that_several_equations_read_has_a_part_of_its_gradient_from_each() -> None:
    """No line says of a part that it is all."""
    found = page("shared")
    assert formulas(found) == ["Û = X̂ Ŵ", "∂E/∂Ŵ = X̂ᵀ ∂E/∂Û", "Ĝ = X̂ V̂", "∂E/∂V̂ = X̂ᵀ ∂E/∂Ĝ"]
    words = text_writer.render(found)
    assert "The part of ∂E/∂X̂ that comes through u is (∂E/∂Û) Ŵᵀ." in words
    assert "The part of ∂E/∂X̂ that comes through g is (∂E/∂Ĝ) V̂ᵀ." in words


@pytest.mark.parametrize(
    ("name", "tensor", "said"),
    [
        ("conv2d", "x", "∂E/∂X̂ = δ̂ Ŵᵀ"),
        ("conv2d", "w", "∂E/∂Ŵ = X̂ᵀ δ̂"),
        ("conv2d", "b", None),
        ("shared", "x", "∂E/∂X̂ = (∂E/∂Û) Ŵᵀ + (∂E/∂Ĝ) V̂ᵀ"),
        ("read elsewhere", "x", None),
        ("gram", "x", None),  # once it is the matrix on the left, once that on the right
    ],
)
def test_the_matrix_form_of_a_box_is_the_whole_gradient(name: str, tensor: str, said: str | None) -> None:
    found = with_matrices(page(name, "index"))
    form, t = matrix_gradient(found.matrices, found.program, tensor), TextTypesetter(found.notation)
    assert (form and f"{t.expr(form.left)} = {t.expr(form.right)}") == said


def test_a_wrong_part_of_a_gradient_is_noticed() -> None:
    found = page("shared")
    (first, second) = found.matrices
    wrong = replace(first, gradient=second.gradient)
    assert not certify(replace(found, matrices=(wrong, second)), shapes=2).holds


def test_a_convolution_is_im2col() -> None:
    assert formulas(page("conv2d")) == ["Û = X̂ Ŵ + b", "∂E/∂Ŵ = X̂ᵀ δ̂", "∂E/∂X̂ = δ̂ Ŵᵀ"]
    words = text_writer.render(page("conv2d"))
    assert "a row for every n, i, j and a column for every r, t, c, the element x[n, si+dr−p, sj+dt−p, c]" in words
    assert formulas(page("two products"))[0] == "Û = Ĥ V̂ + X̂ Ŵ + b"


@together("name", ["convolution", "conv1d"])
def test_the_toeplitz_matrix_is_numpys_convolution(name: str) -> None:
    found = page(name)
    matrix = next(p.right for p in found.matrix if isinstance(p, Formula) and isinstance(p.right, ImmutableMatrix))
    assert isinstance(matrix, ImmutableMatrix)
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=matrix.shape[1]), rng.normal(size=2)
    numbers = {a: w[int(a.indices[0])] for a in matrix.atoms(Access)}
    computed = np.array(matrix.xreplace(numbers).tolist(), float) @ x
    assert np.allclose(computed, np.convolve(x, w) if name == "convolution" else np.correlate(x, w))
    assert "This is a Toeplitz matrix" in text_writer.render(found)


def test_a_wrong_matrix_form_is_found() -> None:
    found = page("conv1d")
    (form,) = found.matrices
    (part,) = form.parts
    wrong = replace(form, parts=(replace(part, inner=part.inner[::-1], weights=replace(part.weights)),), added=())
    certificate = certify(replace(found, matrices=(wrong,)), shapes=2)
    assert not certificate.holds
    assert certificate.worst.endswith("matrix form")


def test_forms_choose_what_a_page_shows() -> None:
    index, operator, matrix, every = (
        text_writer.render(page("conv1d", f)) for f in ("index", "operator", "matrix", "all")
    )
    row, form, product = "chain rule", "∂E/∂w = (x ⋆ δ↑s)↓d", "∂E/∂Ŵ = X̂ᵀ δ̂"
    shown = [[part in text for part in (row, form, product)] for text in (index, operator, matrix, every)]
    assert shown == [[True, True, False], [False, True, False], [False, False, True], [True, True, True]]
    assert r"\hat{W}" in latex_writer.render(page("conv1d"))
    assert layer(OWN["convolution"]).derivation(form="matrix").form == "matrix"


@together(
    ("name", "form", "message"),
    [
        ("max_pool1d", "matrix", "max_pool1d: no equation is a product of two matrices; expected form 'index' or"),
        ("dense", "matrx", "dense: unknown form 'matrx'; expected one of index, operator, matrix, all; did you mean m"),
        ("residual_add", "operator", "residual_add: no gradient is an operation on whole tensors"),
    ],
)  # fmt: skip
def test_a_form_that_a_layer_has_not_is_an_error(name: str, form: str, message: str) -> None:
    with pytest.raises(EquationError) as caught:
        page(name, form)
    assert str(caught.value).startswith(message)
