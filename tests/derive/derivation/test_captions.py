"""Captions: what they say of a row, computed from the definitions; beside NumPy's own."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce

import numpy as np
from sympy import Add, Expr, Mul, Pow, Symbol

from gradscribe import layer
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.derivation import Derivation, Result, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.certificate.rows import environment, row_value
from gradscribe.derive.derivation.forms.caption.by_definition import caption_value
from gradscribe.derive.derivation.forms.caption.operation import Axis, Caption, Digits
from gradscribe.derive.derivation.forms.caption.words.signs import (
    Added,
    Elementwise,
    Kronecker,
    Matrices,
    OneHot,
    Scaled,
    Total,
    Transposed,
)
from gradscribe.derive.ir.functions import FUNCTIONS
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.interpret import complete_sizes
from gradscribe.derive.ir.term import Access, Tensor
from gradscribe.derive.layer.sampling import sample_sizes
from gradscribe.derive.typeset.writers.text import text_writer
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import TRIED, derived
from tests.cases.together import together


def box(page: Derivation, wrt: str, number: int = 0) -> Result:
    return next(s for s in page.sections if s.wrt == wrt).results[number]


def words(page: Derivation, wrt: str, number: int = 0) -> str:
    found = box(page, wrt, number)
    return TextTypesetter(found.step.notation).words(found.name)


def form(page: Derivation, wrt: str, number: int = 0) -> str:
    found = box(page, wrt, number)
    return TextTypesetter(found.step.notation).expr(found.form) if found.form is not None else ""


def value(page: Derivation, wrt: str, sizes: dict[str, int], **tensors: np.ndarray) -> np.ndarray:
    caption = box(page, wrt).operation
    assert caption is not None
    known = complete_sizes(page.program, {integer(name): number for name, number in sizes.items()})
    return caption_value(caption, tensors, known)


# ----- beside NumPy ---------------------------------------------------------------------------------------------------
def test_convolution_and_correlation_are_numpys() -> None:
    """NumPy's `convolve` and `correlate` say what the words mean: y[i] = sum x[i - r] w[r] and sum x[i + r] w[r]."""
    rng = np.random.default_rng(0)
    correlated, convolved = (derive(layer(f"y[i] = sum(r) x[i {sign} r] * w[r]")) for sign in "+-")
    for length, taps in ((7, 3), (4, 4), (5, 1)):
        x, w = rng.normal(size=length), rng.normal(size=taps)
        sizes = {"X0": length, "R": taps}
        seed = rng.normal(size=length - taps + 1)
        assert words(correlated, "x").startswith("full convolution of δ with w,")
        assert np.allclose(value(correlated, "x", sizes, dy=seed, w=w), np.convolve(seed, w))
        assert words(correlated, "w") == "valid correlation of x with δ"
        assert np.allclose(value(correlated, "w", sizes, dy=seed, x=x), np.correlate(x, seed))
        seed = rng.normal(size=length + taps - 1)
        assert words(convolved, "x") == "valid correlation of δ with w"
        assert np.allclose(value(convolved, "x", sizes, dy=seed, w=w), np.correlate(seed, w))
        assert words(convolved, "w") == "valid correlation of δ with x"
        assert np.allclose(value(convolved, "w", sizes, dy=seed, x=x), np.correlate(seed, x))


def test_padding_and_zeros_between_are_those_of_dumoulin_and_visin() -> None:
    """A kernel of 3 with padding 1 and stride 2, relationship 14: p' = k - p - 1, s - 1 zeros between, a behind."""
    page = derived("conv1d", stride="2", padding="1", kernel_size="3", dilation="1")
    assert words(page, "x") == (
        "convolution of δ with w, that is the correlation of δ with rot_π w, one zero between the elements of "
        "δ, padded by 1, at the end by ((W−1) mod 2) more, summed over k"
    )


# ----- words and forms ------------------------------------------------------------------------------------------------
@together(
    ("name", "wrt", "words_", "form_"),
    [
        ("dense", "x", "matrix product δ wᵀ", "∂E/∂x = δ wᵀ"),
        ("dense", "w", "matrix product xᵀ δ", "∂E/∂w = xᵀ δ"),
        ("dense", "b", "", "∂E/∂b = Σ_{e} δ"),
        ("tanh", "x", "", "∂E/∂x = δ ⊙ (1−y²)"),
        ("flatten", "x", "δ in another shape", ""),
        ("embedding", "w", "matrix product onehot(t)ᵀ δ", "∂E/∂w = onehot(t)ᵀ δ"),
        ("upsample_nearest1d", "x", "valid correlation of δ with 1_{s}, stride s", "∂E/∂x = (δ ⋆ 1_{s})↓s"),
        ("scaled_dot_product_attention", "p", "matrix product δ vᵀ, for every e", "∂E/∂p = δ vᵀ"),
        ("scaled_dot_product_attention", "q", "1/√D times the matrix product (∂E/∂u) k, for every e",
         "∂E/∂q = 1/√D ((∂E/∂u) k)"),
        ("scaled_dot_product_attention", "k", "1/√D times the matrix product (∂E/∂u)ᵀ q, for every e",
         "∂E/∂k = 1/√D ((∂E/∂u)ᵀ q)"),
        ("scaled_dot_product_attention", "v", "matrix product pᵀ δ, for every e", "∂E/∂v = pᵀ δ"),
        ("bilinear", "x", "contraction of δ with z and w over k, d", ""),
        ("conv_transpose1d", "x", "correlation of δ with w, w dilated by d, stride s, padded by p, summed over k",
         "∂E/∂x = (δ ⋆ w↑d)↓s"),
        ("max_pool1d", "x",
         "every element of δ added at the place t* of its window, windows of T elements, "
         "stride s, dilated by d, padded by p", "∂E/∂x = unpool(δ, t*)"),
        ("rbf", "x", "",
         "∂E/∂x = 2 (x ⊙ Σ_{k} δ − δ w)"),
        ("prelu", "x", "", "∂E/∂x = δ ⊙ [x≤0] ⊙ a + δ ⊙ [x>0]"),
        ("batch_norm", "v", "", "∂E/∂v = −1/2 (γ ⊙ 1/(ε+v)^(3/2) ⊙ Σ_{e} δ ⊙ (x−m))"),
        ("conv1d", "u_prev", "", "δ⁽ˡ⁻¹⁾ = f′(u⁽ˡ⁻¹⁾) ⊙ (δ⁽ˡ⁾↑s ∗ w⁽ˡ⁾↑d)"),
        ("depthwise_conv1d", "w",
         "correlation of x with δ, δ dilated by s, stride d, padded by p, at the end by "
         "((W+2p−d(T−1)−1) mod s) less, summed over n, for every c", "∂E/∂w = (x ⋆ δ↑s)↓d"),
    ],
)  # fmt: skip
def test_words_and_operator_forms(name: str, wrt: str, words_: str, form_: str) -> None:
    page = derived(name)
    assert (words(page, wrt), form(page, wrt)) == (words_, form_)


def whole(e: Expr, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, float]) -> np.ndarray | float:
    """An operator form without windows as NumPy has it: @, *, transposes, scalar functions of whole arrays."""
    args = [whole(a, values, sizes) for a in e.args] if not isinstance(e, Access | OneHot | Total) else []
    match e:
        case Access():
            return values[e.tensor]
        case OneHot():
            return values[f"onehot {e.args[0].tensor}"]
        case Matrices():
            return reduce(np.matmul, args)
        case Transposed():
            return np.swapaxes(args[0], -1, -2)
        case Total():  # over the first axes
            return np.sum(whole(e.args[0], values, sizes), axis=tuple(range(len(e.args) - 1)))
        case Added():
            return reduce(np.add, args)
        case Elementwise() | Scaled() | Mul():
            return reduce(np.multiply, args)
        case Add():
            return reduce(np.add, args)
        case Pow():
            return np.power(np.asarray(args[0], float), args[1])
        case Symbol():
            return sizes[e]
    return float(e) if e.is_number else FUNCTIONS[e.func].compute(np, *args)


BATCHED = {
    "attention": "p[n,h,i,j] = sum(d) q[n,h,i,d] * k[n,h,j,d]; y[n,h,i,f] = sum(j) p[n,h,i,j] * v[n,h,j,f]",
    "shared": "u[n,i,k] = sum(c) x[n,i,c] * w[n,c,k]",
    "turned": "u[n,k,i] = sum(c) x[n,c,i] * w[n,k,c]",
    "one matrix for all": "u[n,i,k] = sum(c) x[n,i,c] * w[c,k]",
}


@together("name", BATCHED)
def test_products_of_matrices_for_every_index_are_numpys(name: str) -> None:
    rng, page, seen = np.random.default_rng(3), derive(layer(BATCHED[name], name)), 0
    for part in page.sections:
        known = complete_sizes(part.forward, sample_sizes(part.forward, rng))
        values = environment(part, known, rng)
        for found in (r for r in part.results if r.form is not None and r.form.has(Matrices) and r.name):
            assert found.form is not None
            said = TextTypesetter(found.step.notation).words(found.name)
            assert "for every n" in said or (found.form.has(Total) and "over n, i" in said)
            assert np.allclose(whole(found.form.args[1], values, known), row_value(found.step.terms, values, known))
            seen += 1
    assert seen == {"attention": 4}.get(name, 2)


def test_other_axes_make_no_product_of_matrices() -> None:
    """Heads that stand between the rows and the columns; axes that are summed besides."""
    page = derive(layer("u[i,h,j] = sum(d) q[i,h,d] * k[j,h,d]"))
    assert "matrix product" not in text_writer.render(page)
    page = derive(layer("u[n,i,k] = sum(c) x[n,i,c] * w[c,k]"), ["w"])
    assert "contraction of δ with x over n, i" in text_writer.render(page)


FLAT = ["dense", "tanh", "prelu", "gelu", "relu", "batch_norm", "lstm_cell", "gru_cell", "simple_rnn_cell", "embedding",
        "mean_squared_error", "softmax_cross_entropy"]  # fmt: skip
"""Layers in whose forms NumPy broadcasts as the page says: axes that a tensor lacks come first."""


@together("name", FLAT)
def test_operator_forms_are_what_numpy_computes(name: str) -> None:
    """Every form without windows, read as a formula of whole arrays, is the row in its box."""
    rng, seen = np.random.default_rng(1), 0
    page = derived(name)
    for part in page.sections:
        known = complete_sizes(part.forward, sample_sizes(part.forward, rng))
        values = environment(part, known, rng)
        if part.forward.tensors.get("t", Tensor("", ())).integer:  # labels
            count = next(known[s] for s in known if s.name in ("K", "V"))
            values["onehot t"] = np.eye(count)[values["t"].astype(int)]
        for found in (r for r in part.results if r.form is not None and not r.form.has(Kronecker)):
            assert found.form is not None
            expected = row_value(found.step.terms, values, known)
            assert np.allclose(whole(found.form.args[1], values, known) + np.zeros(expected.shape), expected)
            seen += 1
    assert seen


def test_a_matrix_whose_rows_are_images_takes_another_shape() -> None:
    """Flattened before a dense layer: the form, read with NumPy's own reshape, is the row in the box."""
    page = derive(find("input x[N, H, W, C]\nx -> conv2d(2, 3) -> flatten -> dense(3)"))
    (part,) = (s for s in page.sections if s.wrt == "conv2d1_u")
    found, rng = part.results[0], np.random.default_rng(4)
    assert found.form is not None
    assert TextTypesetter(found.step.notation).expr(found.form) == "δ⁽ˡ⁾ = reshape(δ⁽ˡ⁺¹⁾ w⁽ˡ⁺¹⁾ᵀ)"
    known = complete_sizes(part.forward, sample_sizes(part.forward, rng))
    values = environment(part, known, rng)
    expected = row_value(found.step.terms, values, known)
    assert np.allclose(np.reshape(whole(found.form.args[1].args[0], values, known), expected.shape), expected)
    assert any("row-major order in the shape" in TextTypesetter(page.notation).words(words) for words in page.glossary)
    swapped = replace(part, results=(replace(found, caption=broken_order(found.operation)),))
    assert not certify(replace(page, sections=(swapped,)), shapes=4).holds


def broken_order(caption: Caption | None) -> Caption:
    """The digits of an axis, the least significant first."""
    assert caption is not None
    (p,) = caption.summands

    def axis(a: Axis) -> Axis:
        return Digits(a.labels[::-1]) if isinstance(a, Digits) else a

    operands = (
        replace(o, reads=tuple((e, replace(r, axes=tuple(map(axis, r.axes)))) for e, r in o.reads)) for o in p.operands
    )
    return Caption((replace(p, operands=tuple(operands)),))


def test_it_is_said_which_operand_loses_elements() -> None:
    said = words(derive(layer("u[n,i] = sum(r) w[r] * x[n, 2*i + r]")), "w")
    assert re.fullmatch(
        r"correlation of x with δ, δ dilated by 2, x without the last \(\(\w+−R\) mod 2\) elements, summed over n", said
    )


SKIP = "i < (H-1)//2 + 1; j < (W-1)//2 + 1; k < 2*C; input x[N, H, W, C]; y[n,i,j,k] = x[n, 2*i, 2*j, k - 3]"


def test_what_is_read_at_other_places_is_shifted() -> None:
    """ResNet's shortcut without weights: every second pixel, channels between zeros."""
    page = derive(layer(SKIP.replace("; ", "\n")))
    assert form(page, "x") == "∂E/∂x = shift(δ↑2, k+3)"
    assert words(page, "x").endswith(" along i and j, read at k+3, 0 outside")
    rng = np.random.default_rng(0)
    dy = rng.normal(size=(2, 3, 2, 10))
    expected = np.zeros((2, 5, 4, 5))
    expected[:, ::2, ::2] = dy[..., 3:8]
    assert np.allclose(value(page, "x", {"N": 2, "H": 5, "W": 4, "C": 5}, dy=dy), expected)
    difference = derive(layer("y[i] = x[i+1] - x[i]"))
    assert form(difference, "x") == "∂E/∂x = shift(δ, i−1) − δ"
    assert words(difference, "x") == "minus δ, plus δ read at i−1, 0 outside"
    assert form(derived("zero_pad2d"), "x") == "∂E/∂x = shift(δ, i+p, j+p)"
    assert "shift(a, i+m) has at i what a has at i+m" in str(derived("concatenation"))


def test_what_stands_beside_a_sign_has_one_pair_of_parentheses() -> None:
    page = derive(layer("y[n,i,k] = x[n,i,k] * sigmoid(g[n,k])"))
    assert form(page, "g") == "∂E/∂g = (1−σ(g)) ⊙ σ(g) ⊙ Σ_{i} δ ⊙ x"
    attention = derive(layer("u[i,j] = sum(d) q[i,d] * k[j,d]; h[i,j] = exp(u[i,j]); y[i,f] = sum(j) h[i,j] * v[j,f]"))
    assert form(attention, "k") == "∂E/∂k = (∂E/∂h ⊙ h)ᵀ q"


@together("name", TRIED)
def test_tensors_side_by_side_are_a_product_of_matrices_only(name: str) -> None:
    """`x exp(x)` in a form of whole tensors would be one: products element by element have their sign everywhere."""
    boxes = [r for s in derived(name).sections for part in s.parts for r in part.results]
    shown = [e for r in boxes for e in (r.form, *r.name) if isinstance(e, Expr)]
    products = [p for e in shown for p in e.atoms(Mul)]
    tensors = [[f for f in p.args if f.has(Access) and not (f.is_Pow and f.exp.is_negative)] for p in products]
    assert all(len(found) < 2 for found in tensors)


def test_formulas_within_forms() -> None:
    """What stands within a function, a sum or a bracket has the sign, too; [...] with no relation in it is not used."""
    texts = {
        ("gelu", "x"): "∂E/∂x = 1/2 (δ ⊙ (s + √(2/π) (x ⊙ exp(−x²/2))))",
        ("huber_loss", "x"): "∂E/∂x = 1/M (∂E/∂y ⊙ (r ⊙ [|r|≤δ] + δ (sign(r) ⊙ [|r|>δ])))",
        ("hinge_loss", "x"): "∂E/∂x = −1/M (∂E/∂y ⊙ [1 − t ⊙ x > 0] ⊙ t)",
        ("cross_entropy", "x"): "∂E/∂x = ∂E/∂y ⊙ (a ⊙ p − q) ⊙ 1/s",
        ("simple_rnn_cell", "w"): "∂E/∂w = xᵀ (δ ⊙ (1−y²))",
    }
    for (name, wrt), expected in texts.items():
        assert form(derived(name), wrt) == expected


def test_windows_of_three_axes() -> None:
    assert "windows of A × R × T elements, stride s" in words(derived("max_pool3d"), "x")


def test_a_row_is_named_as_it_is_where_it_can_be() -> None:
    """h times a sum stays so; what is multiplied out is so only where the row alone has no name."""
    page = derive(layer("y[n, k] = tanh(x[n, k])^3"))
    assert form(page, "x") == "∂E/∂x = 3 (δ ⊙ tanh²(x) ⊙ (1−tanh²(x)))"


@together("name", ["locally_connected1d", "reflection_pad1d", "adaptive_avg_pool1d"])
def test_what_has_no_name_has_no_caption(name: str) -> None:
    """A kernel of every place is no convolution; a sum of three contributions is not said to be one."""
    found = box(derived(name), "x")
    assert (found.caption, found.name, found.form) == (None, (), None)


# ----- definitions at the top of a page -------------------------------------------------------------------------------
@together(
    ("name", "defined"),
    [
        (
            "conv2d",
            ["bracket", "correlation", "neither padding", "Padding", "↑", "↓", "⊙"],
        ),
        ("dense", ["bracket", "⊙"]),
        ("upsample_nearest2d", ["bracket", "neither padding", "Valid", "↓", "1_{", "⊙"]),
        ("tanh", ["⊙"]),
        ("scaled_dot_product_attention", ["bracket", "last two", "⊙"]),
        ("residual_add", []),  # the chain rule in one row
    ],
)
def test_a_page_defines_what_it_uses_once(name: str, defined: list[str]) -> None:
    page = derived(name)
    t = TextTypesetter(page.notation)
    sentences = [t.words(words) for words in page.glossary]
    assert len(sentences) == len(defined)
    assert all(word in sentence for word, sentence in zip(defined, sentences, strict=True))


def test_a_tensor_that_two_factors_read_at_one_place_is_named_once() -> None:
    """``g (1 - g)`` behind a logistic function: not multiplied out into two products of matrices."""
    page = derive(layer("weight v; g[n,c] = sigmoid(sum(k) h[n,k]*v[k,c]); y[n,c] = x[n,c]*g[n,c]", "gate"))
    text = text_writer.render(page)
    assert "\n  ∂E/∂h = (δ ⊙ x ⊙ g ⊙ (1−g)) vᵀ\n" in text
    assert "minus the matrix product" not in text
    assert certify(page, shapes=2).holds


@together(
    "text",
    [
        "y[i] = x[i,i]*w[i]; weight w",
        "y[i,j] = x[i,i]*w[i,j]; weight w",
        "y[i] = sum(j) x[i,j,j]*w[j]; weight w",
        "y[i] = sum(j) x[i,i]*w[i,j]; weight w",
    ],
)
def test_a_diagonal_has_no_form(text: str) -> None:
    """x is a matrix: δ ⊙ x is not made of δ[i] x[i,i]."""
    page = derive(layer(text, "own"))
    assert [(r.name, r.form) for s in page.sections for r in s.results if s.wrt == "w"] == [((), None)]
    assert certify(page, shapes=2).holds


def test_tensors_of_a_difference_are_told_apart() -> None:
    """In u - m each is a reading of its own: were both one letter, the difference would vanish, and v with it."""
    skewness = """u[n,k] = sum(c) x[n,c] * w[c,k]; m[n] = sum(k) u[n,k] / K; v[n] = sum(k) (u[n,k] - m[n])^2 / K
    y[n] = sum(k) ((u[n,k] - m[n]) / sqrt(v[n] + 1))^3 / K"""
    page = str(derive(layer(skewness), wrt=["x"]))
    assert "∂E/∂x = (∂E/∂u) wᵀ" in page
    assert "∂E/∂v = −3/(2K) (δ ⊙ 1/(1+v)^(5/2) ⊙ Σ_{k} (u−m)³)" in page
