"""Recurrences of networks by name and by value, and rows by hand."""

import re

import numpy as np
import pytest

from gradscribe import network
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, interpret, shape_of
from gradscribe.derive.ir.term import Access
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.derive.typeset.writers.text import text_lines, text_writer
from tests.derive.derivation.network_chains import BRANCHES, CHAINS, RESIDUAL, delta, derived, sections, written

FULL = "(δ⁽ˡ⁺¹⁾ ∗ w⁽ˡ⁺¹⁾)"
FURTHER = FULL.replace("⁺¹", "⁺²")
RECURRENCES = [
    (
        "conv_tanh_conv",
        0,
        "δ⁽ˡ⁾[n,i,j,c] = (1−z⁽ˡ⁾[n,i,j,c]²) Σ_{r,t,k} δ⁽ˡ⁺¹⁾[n, i−r, j−t, k] w⁽ˡ⁺¹⁾[r,t,c,k]",
        f"δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ {FULL}",
    ),
    (
        "conv_relu_max_pool_conv",
        0,
        "δ⁽ˡ⁾[n,i,j,c] = δ⁽ˡ⁺¹⁾[n, ⌊i/R_2⌋, ⌊j/T_2⌋, c] [z⁽ˡ⁾[n,i,j,c]>0]"
        "[(i mod R_2,j mod T_2)=(r*,t*)⁽ˡ⁺¹⁾[n, ⌊i/R_2⌋, ⌊j/T_2⌋, c]]",
        "δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ unpool(δ⁽ˡ⁺¹⁾, (r*,t*)⁽ˡ⁺¹⁾)",
    ),
    (
        "conv_relu_max_pool_conv",
        1,
        "δ⁽ˡ⁾[n,i,j,c] = [z⁽ˡ⁾[n,i,j,c]>0][(i mod R_2,j mod T_2)=(r*,t*)⁽ˡ⁺¹⁾[n, ⌊i/R_2⌋, ⌊j/T_2⌋, c]] "
        "Σ_{r,t,k} δ⁽ˡ⁺²⁾[n, ⌊i/R_2⌋−r, ⌊j/T_2⌋−t, k] w⁽ˡ⁺²⁾[r,t,c,k]",
        "δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ unpool(δ⁽ˡ⁺²⁾ ∗ w⁽ˡ⁺²⁾, (r*,t*)⁽ˡ⁺¹⁾)",
    ),
    (
        "conv_tanh_avg_pool_conv",
        1,
        "δ⁽ˡ⁾[n,i,j,c] = 1/(R_2·T_2) (1−z⁽ˡ⁾[n,i,j,c]²) Σ_{r,t,k} δ⁽ˡ⁺²⁾[n, ⌊i/R_2⌋−r, ⌊j/T_2⌋−t, k] w⁽ˡ⁺²⁾[r,t,c,k]",
        f"δ⁽ˡ⁾ = 1/(R_2·T_2) (f′(u⁽ˡ⁾) ⊙ ({FURTHER} ⊗ 1_{{R_2×T_2}}))",
    ),
    (
        "conv_tanh_subsampling_conv",
        0,
        "δ⁽ˡ⁾[n,i,j,c] = δ⁽ˡ⁺¹⁾[n, ⌊i/R_2⌋, ⌊j/T_2⌋, c] a⁽ˡ⁺¹⁾[c] (1−z⁽ˡ⁾[n,i,j,c]²)",
        "δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ (δ⁽ˡ⁺¹⁾ ⊗ 1_{R_2×T_2}) ⊙ a⁽ˡ⁺¹⁾",
    ),
    (
        "conv_tanh_subsampling_conv",
        1,
        "δ⁽ˡ⁾[n,i,j,c] = AS a⁽ˡ⁺¹⁾[c] (1−z⁽ˡ⁾[n,i,j,c]²) (1−z⁽ˡ⁺¹⁾[n, ⌊i/R_2⌋, ⌊j/T_2⌋, c]²/A²) "
        "Σ_{r,t,k} δ⁽ˡ⁺²⁾[n, ⌊i/R_2⌋−r, ⌊j/T_2⌋−t, k] w⁽ˡ⁺²⁾[r,t,c,k]",
        f"δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ ((f′(u⁽ˡ⁺¹⁾) ⊙ {FURTHER}) ⊗ 1_{{R_2×T_2}}) ⊙ a⁽ˡ⁺¹⁾",
    ),
    (
        "conv_tanh_flatten_dense",
        0,
        "δ⁽ˡ⁾[n,i,j,c] = (1−z⁽ˡ⁾[n,i,j,c]²) Σ_{k} δ⁽ˡ⁺¹⁾[n,k] w⁽ˡ⁺¹⁾[K_1·W_1·i+K_1·j+c, k]",
        "δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ reshape(δ⁽ˡ⁺¹⁾ w⁽ˡ⁺¹⁾ᵀ)",
    ),
    (
        "dense_relu_dense",
        0,
        "δ⁽ˡ⁾[n,c] = [z⁽ˡ⁾[n,c]>0] Σ_{k} δ⁽ˡ⁺¹⁾[n,k] w⁽ˡ⁺¹⁾[c,k]",
        "δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ (δ⁽ˡ⁺¹⁾ w⁽ˡ⁺¹⁾ᵀ)",
    ),
    (
        "residual",
        0,
        "δ⁽ˡ⁾[n,i,j,c] = [z⁽ˡ⁾[n,i,j,c]>0] (δ⁽ˡ⁺²⁾[n,i,j,c] + Σ_{r,t,k} δ⁽ˡ⁺²⁾[n, i+1−r, j+1−t, k] w⁽ˡ⁺¹⁾[r,t,c,k])",
        "δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ (δ⁽ˡ⁺²⁾ + (δ⁽ˡ⁺²⁾ ∗ w⁽ˡ⁺¹⁾))",
    ),
    (
        "input x[N, C]; dense -> tanh",
        0,
        "δ⁽ˡ⁾[n,k] = ∂E/∂z⁽ˡ⁾[n,k] (1−z⁽ˡ⁾[n,k]²)",
        "δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ ∂E/∂z⁽ˡ⁾",
    ),
    (BRANCHES, 0, "δ⁽ˡ⁾[n,c] = δ⁽ˡ⁺²⁾[n,c] (1−z⁽ˡ⁾[n,c]²)", "δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ δ⁽ˡ⁺²⁾"),
    (
        BRANCHES,
        1,
        "δ⁽ˡ⁾[n,c] = (1−z⁽ˡ⁾[n,c]²) Σ_{k} δ⁽ˡ⁺³⁾[n,k] w⁽ˡ⁺³⁾[c,k]",
        "δ⁽ˡ⁾ = f′(u⁽ˡ⁾) ⊙ (δ⁽ˡ⁺³⁾ w⁽ˡ⁺³⁾ᵀ)",
    ),
]


@pytest.mark.parametrize(("name", "number", "formula", "words"), RECURRENCES)
def test_recurrences_are_those_of_textbooks(name: str, number: int, formula: str, words: str) -> None:
    assert written(derived(name), "l", number) == (formula, words)


def test_an_output_that_names_a_quotient_keeps_its_letter() -> None:
    """y of a softmax is what the rows of its gradient call h / z; the forward pass writes it the same way."""
    page = text_writer.render(derived("input x[N, C]; softmax -> dense"))
    assert "  y⁽ˡ⁾[n,k] = exp(" in page
    assert "matrix product y⁽ˡ⁾ᵀ δ⁽ˡ⁺¹⁾" in page


def test_a_sum_passes_its_error_signal_on() -> None:
    """The branch's last layer has no section for its error signal: it is the sum's, and the page says so."""
    derivation = derived("residual")
    assert "l+1" not in derivation.notation.deltas.values()
    assert "  l+1    ∂E/∂u⁽ˡ⁺¹⁾ = δ⁽ˡ⁺²⁾" in text_writer.render(derivation)
    whole = derive(find(RESIDUAL), full=True)
    assert "∂E/∂u⁽ˡ⁺¹⁾=δ⁽ˡ⁺²⁾: the level above passes it on unchanged." in text_writer.render(whole)
    assert text_lines.row(sections(whole)["conv2d2_b"].results[0].step) == "∂E/∂b⁽ˡ⁺¹⁾[k] = Σ_{n,i,j} δ⁽ˡ⁺²⁾[n,i,j,k]"


def test_a_signal_that_a_layer_passes_on_unchanged_is_headed_by_what_it_is_of() -> None:
    """By x - m, m constant, the gradient is that by x: log_softmax's own u has the error signal of the level below."""
    page = text_writer.render(derive(network("input x[N, C]; dense(4) -> tanh -> dense(3) -> log_softmax")))
    assert "Error signal δ⁽ˡ⁺¹⁾ = ∂E/∂u⁽ˡ⁺²⁾\n" in page
    assert "∂E/∂u⁽ˡ⁺¹⁾=δ⁽ˡ⁺¹⁾: the level above passes it on unchanged." in page
    assert "d/d" not in page


def test_rows_lead_from_the_chain_rule_to_the_activation() -> None:
    found = delta(derived("conv_tanh_conv"), "l")
    (lemma,) = found.lemmas
    assert [s.rule for s in lemma.steps] == ["chain rule", "rename", "solve"]
    assert [s.rule for s in found.steps] == ["rename"]
    full = delta(derive(find(CHAINS["conv_tanh_conv"]), full=True), "l")
    assert [s.rule for s in full.lemmas[0].steps] == ["chain rule", "definition", "kronecker", "rename", "solve"]
    assert [s.rule for s in full.steps] == ["chain rule", "definition", "by value"]
    assert full.steps[-1].terms == found.steps[-1].terms
    assert text_lines.row(found.steps[-1]) == "δ⁽ˡ⁾[n′,i′,j′,c′] = ∂E/∂z⁽ˡ⁾[n′,i′,j′,c′] (1−z⁽ˡ⁾[n′,i′,j′,c′]²)"


def test_back_propagation_starts_from_the_loss() -> None:
    row, words = written(derived("lenet"), "output")
    assert row == "δ⁽ᵒᵘᵗᵖᵘᵗ⁾[n,k] = 1/N (p⁽ˡᵒˢˢ⁾[n,k]−[k=τ[n]])"
    assert words == "δ⁽ᵒᵘᵗᵖᵘᵗ⁾ = 1/N (p⁽ˡᵒˢˢ⁾−onehot(τ))"
    row, _ = written(derived("lenet5"), "output")
    assert row == "δ⁽ᵒᵘᵗᵖᵘᵗ⁾[n,k] = 1/N ([k=τ[n]]−h⁽ˡᵒˢˢ⁾[n,k]/z⁽ˡᵒˢˢ⁾[n])"


def test_the_table_counts_lenet5() -> None:
    table = derived("lenet5").table
    assert table is not None
    assert table.parameters == 60_000
    rows = {row.label: row for row in table.rows}
    assert rows["c3"].parameters == 1_516
    assert table.number(rows["c1"].shape)[1:] == (28, 28, 6)
    assert rows["c5"].layers == ("conv2d", "scaled_tanh", "flatten")


# ----- by hand --------------------------------------------------------------------------------------------------------
def test_a_row_of_the_golden_chain_by_hand() -> None:
    """delta of conv -> tanh -> conv by loops, as a textbook defines it."""
    derivation = derived("conv_tanh_conv")
    rng = np.random.default_rng(3)
    sizes = complete_sizes(derivation.program, sample_sizes(derivation.layer or derivation.program, rng))
    values = interpret(derivation.program, sample_values(derivation.program, sizes, rng), sizes)
    z, w = values["tanh1_y"], values["conv2d2_w"]
    values["dy"] = rng.normal(size=values["conv2d2_u"].shape)
    expected = np.zeros_like(z)
    for n, i, j, k in np.ndindex(*values["dy"].shape):
        for r, t in np.ndindex(*w.shape[:2]):
            expected[n, i + r, j + t] += values["dy"][n, i, j, k] * w[r, t, :, k]
    step = delta(derivation, "l").results[0].step
    found = sum(evaluate(term, values, sizes)[0] for term in step.terms)
    assert np.allclose(found, expected * (1 - z**2), atol=1e-12)
    assert shape_of(tuple(r.extent for r in step.terms[0].free), sizes) == z.shape
    assert isinstance(step.left, Access)


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [
        ("dense -> tanh -> dense", "The error signal δ⁽ˡ⁺¹⁾=∂E/∂u⁽ˡ⁺¹⁾ arrives from above."),
        ("dense -> batch_norm", "The error signal δ⁽ˡ⁺¹⁾=∂E/∂y⁽ˡ⁺¹⁾ arrives from above."),
        ("dense -> tanh", "The gradient ∂E/∂z⁽ˡ⁾ arrives from above."),
    ],
)
def test_what_arrives_is_an_error_signal_unless_an_activation_comes_last(chain: str, sentence: str) -> None:
    assert sentence in text_writer.render(derive(network(f"input x[N, C]; {chain}"))).splitlines()


def test_a_gradient_of_digits_is_put_in_nowhere() -> None:
    """Flattened pixels of one channel, shuffled before: their gradient has the digits of one axis for indices."""
    page = derive(network("input x[N, 4, 4, 2]; conv2d(4, 3, padding=1) -> pixel_shuffle(2) -> flatten -> dense(5)"))
    assert certify(page, shapes=2).holds


@pytest.mark.parametrize("text", [NETWORKS["lenet"]().text, "input x[N, C]; dense(4); loss softmax_cross_entropy"])
def test_what_is_minimised_is_said_before_the_first_row_reads_it(text: str) -> None:
    page = " ".join(text_writer.render(derive(network(text))).split())
    said = re.search(r"The number E that is minimised is y\S+, so that (∂E/∂y\S+)=1\.", page)
    assert said is not None
    assert page.count(said[0]) == 1
    assert said.end() < page.index(f"{said[1]} inserted")


def test_what_arrives_is_said_though_its_level_has_no_rows() -> None:
    """A level that has none has no chapter where a table lists all; its sentence goes to the first row."""
    page = text_writer.render(derived("conv2d -> tanh -> conv2d -> tanh -> conv2d -> max_pool2d"))
    assert "Layer l+3" not in page
    assert page.index("δ⁽ˡ⁺³⁾=∂E/∂y⁽ˡ⁺³⁾ arrives from above") < page.index("chain rule")
