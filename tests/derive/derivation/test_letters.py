"""Letters: none has two meanings, the element has those of its axes, readers choose them, sizes are introduced."""

import re
from pathlib import Path

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.letters.element import axis_letters
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.letters import NOTATIONS
from gradscribe.derive.typeset.formats import FORMATS, rendered
from gradscribe.derive.typeset.mathematics.latex_symbols import LatexTypesetter
from gradscribe.derive.typeset.writers import markdown
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import derived, layer
from tests.cases.random_networks import random_network
from tests.cases.random_programs import random_case
from tests.cases.thorough import some
from tests.cases.together import together
from tests.derive.typeset.page_letters import clashes, meanings, unintroduced

TEXTS = [
    "E[n] = sum(l) f[n,l]*delta[l]",
    "S[n] = sum(l) x[n,l]*A[l]",
    "y[n,k] = sigma[k]*sigmoid(x[n,k])",
    "y1[n,k] = x[n,k]*y2[k]; y3[n] = sum(k) y1[n,k]; z[n] = y3[n]*y3[n]",
    "t[n] = log(sum(i) exp(a[n,i])); y[n,k] = t[n]*b[k] + sum(i) exp(a[n,i])",
    "u[n,l] = exp(x[n,l]); y[n] = sum(l) u[n,l]*u[n,l]",
    "q[m,v] = sum(e) a[m,e]*o[e,v]",
    "s = 2; u[n, s*i + a] = x[n,i]*w[a]",
    "y[e] = x[e]^2",
]


MIXED = ["conv2d -> flatten -> dense", "conv2d(8, 3) -> relu -> pixel_shuffle(2) -> conv2d -> softmax"]
"""Networks with levels whose layers have different channels."""


def of_text(text: str, order: int = 1) -> Derivation:
    return derive(gradscribe.layer(text), order=order)


@together("text", TEXTS)
def test_no_letter_of_an_equation_has_two_meanings(text: str) -> None:
    for order in (1, 2):
        page = of_text(text, order)
        assert not clashes(page)
        assert not unintroduced(page)


@pytest.mark.thorough
def test_no_letter_of_random_programs_and_networks_has_two_meanings() -> None:
    rng = np.random.default_rng(5)
    for page in [derive(random_case(seed).layer) for seed in range(6)]:
        assert not clashes(page)
    for text in [random_network(rng) for _ in range(2)]:
        assert not clashes(derive(gradscribe.network(text))), text


def test_letters_that_give_way_are_told() -> None:
    page = str(of_text("E[n] = sum(l) f[n,l]*delta[l]"))
    assert "E is written v, as E is the scalar that is differentiated." in page
    assert "l is written m, as l is the layer's number." in page
    assert "φ′(u⁽ˡ⁻¹⁾" in page  # f is a tensor


@pytest.mark.thorough
def test_the_letters_of_lenet5() -> None:
    """Labels t beside a kernel's columns t, the criterion's j beside columns j, and z of the loss beside values z."""
    found = meanings(derive(find("lenet5")))
    assert found["t"] == {("index", "t")}
    assert found[r"\tau"] == {("tensor", "t")}
    assert found["j"] == {("index", "j")}


# ----- the element ----------------------------------------------------------------------------------------------------
ELEMENTS = {
    "conv2d": {"x": "nijc", "w": "rtck", "b": "k"},
    "conv_transpose2d": {"x": "nijc", "w": "rtkc"},
    "scaled_dot_product_attention": {"q": "eid", "k": "ejd", "v": "ejf", "p": "eij"},
    "dense": {"x": "ec", "w": "ck"},
    "flatten": {"x": "nijc"},
}


@together("name", ELEMENTS)
def test_the_element_has_the_letters_of_its_axes(name: str) -> None:
    """With a prime in every row, without in every box."""
    sections = {s.wrt: s for s in derived(name).sections}
    for wrt, letters in ELEMENTS[name].items():
        if wrt not in sections:
            continue
        assert all([v.name for v in s.left.indices] == [f"{c}_prime" for c in letters] for s in sections[wrt].steps)
        assert all([v.name for v in r.step.left.indices] == [*letters] for r in sections[wrt].results)


def test_a_box_keeps_the_primes_where_a_letter_is_taken() -> None:
    """Along y[i,j] = sum(k) x[i,k] x[k,j] both axes of x have other letters in the two accesses."""
    page = of_text("y[i,j] = sum(k) x[i,k]*x[k,j]")
    box = page.sections[0].results[0].step
    bound = {v.name for t in box.terms for v in t.indices} - {v.name for v in box.left.indices}
    assert {v.name.removesuffix("_prime") for v in box.left.indices} & bound
    assert all(v.name.endswith("_prime") for v in box.left.indices)
    assert certify(page, shapes=2).holds


def test_the_letters_of_an_activation_are_those_of_its_value_further_on() -> None:
    network = gradscribe.network("conv2d -> tanh -> conv2d")
    letters = axis_letters(derive(network).program)
    assert [v.name for v in letters["conv2d1_u"]] == [*"nijc"]
    assert [v.name for v in letters["conv2d2_u"]] == [*"nijk"]


def test_a_group_is_no_letter_for_its_channels() -> None:
    page = str(derived("conv2d", groups="G"))
    assert "g<G" in page
    assert "g′" not in page
    elements = set(re.findall(r"For one element x\[n′,i′,j′,(\w)′\]", page))
    assert elements == set(re.findall(r"δ⁽ˡ⁻¹⁾\[n′,i′,j′,(\w+)′\]", page))
    assert " is a number." not in page
    assert " is written " not in page


def test_levels_are_marked_everywhere_or_nowhere() -> None:
    page = str(derived("conv2d"))
    before, after = page.split("The error signal of the layer before")
    assert "⁽ˡ" not in before
    assert "If x⁽ˡ⁾=f(u⁽ˡ⁻¹⁾)" in after
    assert "δ[" not in after.split("Source:")[0]


def test_what_an_activation_reads_has_a_letter_that_the_layer_has_not() -> None:
    inner = "u[n,k] = sum(c) x[n,c]*w[c,k]; y[n,k] = 2*u[n,k] + a[k]"
    for text in (inner, "y[n,k] = sum(c) x[n,c]*u[c,k]*a[k]", "y[n,k] = sum(c) x[n,c]*w[c,k]"):
        page = of_text(text)
        (letter,) = set(re.findall(r"f′\((\w+)⁽ˡ⁻¹⁾", text_writer.render(page)))
        assert letter not in page.program.tensors


def test_numbers_are_no_powers() -> None:
    page = latex_writer.render(of_text("y1[n,k] = x[n,k]*y2[k]; z[n] = sum(k) y1[n,k]*y1[n,k]"))
    assert r"\mathrm{y2}_{k}" in page
    assert "y^{1}" not in page
    assert "y^{2}" not in page
    inner = latex_writer.render(of_text("z[n] = log(sum(i) exp(a[n,i]))"))
    assert "t_{n} &= " in inner or "t_{n} = " in inner  # nobody has named it t1


# ----- what is said of sizes and sums ---------------------------------------------------------------------------------
def test_ranges_are_stated_once() -> None:
    page = str(derived("conv2d"))
    assert page.count("Sums run over n<N, i<H′, j<W′, k<K, r<R, t<T, c<C.") == 1
    assert "Σ_{r=0" not in page
    network = str(derive(gradscribe.network("conv2d -> max_pool2d")))
    assert "at level l+1 over i<H_2, j<W_2, c<K_1, r<R_2, t<T_2" in " ".join(network.split())


def test_sizes_are_introduced() -> None:
    assert "Kernel size R×T." in str(derived("max_pool2d"))
    assert "Scale factor s." in str(derived("upsample_nearest2d"))
    lenet5 = str(derive(find("lenet5")))
    assert "R_c1=T_c1=5, R_s2=T_s2=2, R_c3=T_c3=5" in lenet5
    assert "m⁽ᶜ³⁾ = ⎢ 0  1  1  1  0  0  1  1  1  1  0  0  1  0  1  1 ⎥" in lenet5
    assert "Kernel size of max_pool2d R_2×T_2." in str(derive(gradscribe.network("conv2d -> max_pool2d")))
    assert "Stride of conv2d s." in str(derive(gradscribe.network("conv2d(stride=s) -> tanh")))


# ----- what readers choose --------------------------------------------------------------------------------------------
@pytest.mark.thorough
@together("notation", NOTATIONS)
def test_notations_have_no_clash(notation: str) -> None:
    for name in ("conv2d", "max_pool2d", "lstm_cell", "layer_norm"):
        page = derive(layer(name), letters=notation)
        found = meanings(page)
        assert notation == "pytorch" or not clashes(page), name  # C_in and C_out are one letter with two marks
        assert found


def test_definitions_of_signs_have_letters_of_their_own() -> None:
    """m counts channels in the founding text, a and g are tensors of an equation: a definition takes others."""
    founding = " ".join(str(derive(layer("conv2d"), letters="founding")).split())
    assert "a_{i+r}·g_{r}" in founding
    assert "a↑m is a" not in founding
    own = of_text("y[n,i] = sum(r) a[n,i+r]*g[r]; weight g")
    t = TextTypesetter(own.notation)
    sentence = next(t.words(words) for words in own.glossary if "The correlation" in t.words(words))
    assert "a ⋆" not in sentence
    assert "⋆ g" not in sentence
    assert "[i+r]" in sentence  # as in the equation
    assert not clashes(own)


def test_named_notations() -> None:
    founding = latex_writer.render(derive(layer("conv2d"), letters="founding"))
    for part in (r"u_{nijm}", r"b_{m}", r"w_{rtkm}", r"\delta^{l-1}_{nijk}"):
        assert part in founding
    assert "w is (H, W, K, M), b is (M)" in str(derive(layer("conv2d"), letters="founding"))
    goodfellow = str(derive(layer("conv2d"), letters="goodfellow"))
    assert "Z[e,j,k,i] = b[i] + Σ_{m,n,l} V[e, sj+dm−p, sk+dn−p, l] K[m,n,l,i]" in goodfellow
    assert "With G = ∂J/∂Z" in goodfellow
    assert "weight is (kH, kW, C_in, C_out)" in str(derive(layer("conv2d"), letters="pytorch"))


def test_letters_one_by_one_and_index_sets() -> None:
    page = derive(layer("dense"), letters="c=q, E=L, delta=g, brackets")
    assert "∂L/∂x[e,q] = Σ_{k} g[e,k] w[q,k]" in str(page)
    t = LatexTypesetter(page.notation)
    assert t.expr(page.definitions[0].left) == "u[e,k]"
    below = derive(layer("dense"), letters="subscripts")
    assert "u_{e,k} = b_{k}" in text_writer.render(below)
    assert "padding v, q_w" in str(derive(layer("conv2d"), settings={"padding": "p_h,p_w"}, letters="p=q,p_h=v"))
    assert certify(page, shapes=1).holds


@together(
    ("letters", "words"),
    [
        ("q=z", ["dense: letters", "no name 'q'", "expected one of", "c"]),
        ("c=k", ["c cannot be written 'k'", "the index k", "k=..."]),
        ("x=w", ["x cannot be written 'w'", "the tensor w"]),
        ("c=q,k=q", ["c and k cannot both be written 'q'"]),
        ("c=E", ["the scalar that is differentiated"]),
        ("c=1", ["'c' cannot be written '1'"]),
        (r"c=\alpha", ["cannot be written"]),
        ("goodfelow", ["'goodfelow'", "did you mean goodfellow?"]),
        ("goodfellow,founding", ["two notations"]),
        ("c=q,c=r", ["'c' is given two letters"]),
    ],
)
def test_what_cannot_be_written_is_said_on_one_line(letters: str, words: list[str]) -> None:
    with pytest.raises(EquationError) as error:
        derive(layer("dense"), letters=letters)
    assert "\n" not in str(error.value)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_letters_in_files(tmp_path: Path) -> None:
    own = tmp_path / "own.eq"
    own.write_text("letters founding, n=q  # as in class\ny[n,k] = sum(c) x[n,c]*w[c,k]\n")
    assert "y_{qm} = Σ_{k} x_{qk} w_{km}" in str(derive(find(str(own))))
    assert "y[z,m] = Σ_{a} x[z,a] w[a,m]" in str(derive(find(str(own)), letters="n=z, c=a, brackets"))
    net = tmp_path / "net.net"
    net.write_text("input x[N, C]\nletters c=m\nletters delta=g\ndense(3) -> tanh -> dense(2)\n")
    assert "g⁽ˡ⁾[n,m] = (1−z⁽ˡ⁾[n,m]²) Σ_{k} g⁽ˡ⁺¹⁾[n,k] w⁽ˡ⁺¹⁾[m,k]" in str(derive(find(str(net))))
    own.write_text("letters q=z\ny[n,k] = sum(c) x[n,c]*w[c,k]\n")
    with pytest.raises(EquationError, match=r"own.eq:1:1: letters: unknown name q"):
        find(str(own))
    net.write_text("letters goodfelow\ndense -> tanh\n")
    with pytest.raises(EquationError, match=r"line 1, column 1: letters: 'goodfelow'"):
        find(str(net))


def test_an_axis_that_only_sums_of_indices_name_has_a_free_letter() -> None:
    """And the tensor keeps its own: y[h], not v[y_0] as y were an index."""
    text = text_writer.render(derive(gradscribe.layer("y[s*i + t] = x[i] * w[t]; s = 2", "scatter")))
    assert "y[h] = Σ_{i,t} x[i] w[t] [h=si+t]" in text
    assert "is written" not in text
    two = text_writer.render(derive(gradscribe.layer("y[2*i + r, 3*j + t] = x[i, j] * w[r, t]", "two")))
    assert "y[h,v] = " in two
    whole = text_writer.render(derived("upsample_nearest2d"))
    assert "y[n, si+r, sj+t, c] = x[n,i,j,c]" in whole  # every element is met once


def test_sizes_that_differ_by_one_are_factored() -> None:
    text = text_writer.render(
        derive(gradscribe.layer("u[n,i] = sum(r) x[n, s*i + d*r - p] * w[r]; s = 1; d = 1; p = 0", "slide"))
    )
    assert "I = ⌊(X1+2p−d(R−1)−1)/s⌋+1" in text
    assert "y is (T+s(I−1))" in text_writer.render(
        derive(gradscribe.layer("y[s*i + t] = x[i] * w[t]; s = 2", "scatter"))
    )


def test_what_is_of_integers_is_said_and_indices_have_ranges_where_nothing_is_summed() -> None:
    assert "t is (N) of integers" in text_writer.render(derived("softmax_cross_entropy"))
    assert "t has M integers (of any shape)" in text_writer.render(derived("embedding"))
    assert "Indices run over e<M.\n" in text_writer.render(derived("gelu"))
    assert "τ is (N) of integers" in text_writer.render(derive(NETWORKS["lenet5"]()))


def test_an_input_in_the_table_of_layers_has_its_letter() -> None:
    page = derive(gradscribe.network("input x[N, C]; dense(3); loss softmax_cross_entropy"), letters="t=tau")
    assert re.search(r"l\+1 +softmax_cross_entropy +l, τ", text_writer.render(page))
    assert r"softmax\_cross\_entropy | $l$, $\tau$ |" in markdown.render(page)


@together("name", [*some(NETWORKS, 1), *MIXED])
def test_no_index_has_two_ranges_in_one_place(name: str) -> None:
    """A level whose layers have different channels says for each tensor what its letters run over."""
    page = derive(NETWORKS[name]() if name in NETWORKS else gradscribe.network(name))
    t = TextTypesetter(page.notation)
    (said,) = (words for words in map(t.words, page.setup) if " run over " in words)
    for place in said.split(";"):
        indices = re.findall(r"([^\s,]+)<", place)
        assert len(indices) == len(set(indices)), place


@together("form", FORMATS)
def test_the_table_of_layers_has_the_letter_of_the_levels(form: str) -> None:
    """In a notation in which l is an index, levels are q, q+1, in what they read as well."""
    page = rendered(derive(gradscribe.network("conv2d(8, 3) -> relu -> dense"), letters="goodfellow"), form)
    table = page[page.index("level") : page.index("Trained in all")]
    assert len(re.findall(r"(?<!\w)q(?!\w)", table)) >= 3
    assert not re.search(r"(?<!\w)l\+1", table)
