"""Derivations of networks: recurrences by name and by value, certificates, golden files, notation, errors."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sympy import Symbol

from gradscribe import network
from gradscribe.codegen.tool.find import find
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import Derivation, Section, derive
from gradscribe.derive.derivation.certificate.boxes import back_propagated
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, interpret, shape_of
from gradscribe.derive.ir.term import Access, EquationError
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.derive.typeset import markdown
from gradscribe.derive.typeset.text import text_lines, text_writer
from gradscribe.derive.typeset.text.text_symbols import TextTypesetter
from tests.cases.random_networks import random_network
from tests.cases.thorough import some

RESIDUAL = "input x[N, H, W, C]; conv2d(4, 3, padding=1) -> relu -> residual(conv2d(4, 3, padding=1)) -> conv2d"
CHAINS = {
    "conv_tanh_conv": "conv2d -> tanh -> conv2d",
    "conv_relu_max_pool_conv": "conv2d -> relu -> max_pool2d -> conv2d",
    "conv_tanh_avg_pool_conv": "conv2d -> tanh -> avg_pool2d -> conv2d",
    "conv_tanh_subsampling_conv": "conv2d -> tanh -> subsampling2d -> conv2d",
    "conv_tanh_flatten_dense": "conv2d -> tanh -> flatten -> dense",
    "dense_relu_dense": "input x[N, C]; dense -> relu -> dense",
    "conv_norm_relu_conv": "conv2d -> batch_norm -> relu -> conv2d",
    "residual": RESIDUAL,
}
BRANCHES = "input x[N, C]; a = x -> dense(4) -> tanh; b = x -> dense(4); (a, b) -> residual_add -> dense(3)"
STRIDED = "conv2d -> sigmoid -> conv2d(4, 3, stride=2, padding=1) -> max_pool2d(3, stride=2) -> silu -> conv2d"


@cache
def derived(name: str, **settings: str) -> Derivation:
    """The derivation of a chain of this file, of a shipped network, or of a text."""
    return derive(find(CHAINS.get(name, name)), settings=settings)


def sections(derivation: Derivation) -> dict[str, Section]:
    """By tensor, the lemmas among them."""
    return {part.wrt: part for s in derivation.sections for part in s.parts}


def delta(derivation: Derivation, label: str) -> Section:
    (name,) = (n for n, own in derivation.notation.deltas.items() if own == label)
    return next(s for s in derivation.sections if s.steps[-1].left.tensor == name)


def written(derivation: Derivation, label: str, number: int = 0) -> tuple[str, str]:
    """A boxed recurrence and its operator form; where it has none, the words that name it."""
    result = delta(derivation, label).results[number]
    t = TextTypesetter(derivation.notation)
    return text_lines.row(result.step), t.words(result.name) if result.form is None else t.expr(result.form)


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


# ----- certificates ---------------------------------------------------------------------------------------------------
def every_row_of_a_chain_holds(name: str) -> None:
    certificate = certify(derived(name), shapes=2)
    assert certificate.holds, certificate
    assert certificate.rows >= 12


@pytest.mark.thorough
@pytest.mark.parametrize(
    "chain",
    [
        "input x[N, 6, 3]; dense(4) -> tanh -> log_softmax -> tanh",
        "input x[N, 6, 6, 3]; conv2d(4, 1) -> tanh -> group_norm(2) -> lp_pool2d(2) -> conv2d(3, 2)",
        "input x[N, 6, 6, 3]; conv2d(4, 1) -> pixel_shuffle(2) -> relu -> upsample_nearest2d(2) -> prelu",
        "input x[N, 6, 6, 3]; conv2d(4, 1) -> zero_pad2d(1) -> adaptive_max_pool2d(2) -> flatten -> rbf(3)",
        "input x[N, C]; dense(4) -> sigmoid; loss binary_cross_entropy",
        "input x[N, C]; input z[N, C]; a = x -> dense(4) -> relu; b = z -> dense(3); (a, b) -> concatenation -> tanh",
    ],
)
def test_every_row_of_other_layers_holds(chain: str) -> None:
    certificate = certify(derive(network(chain)), shapes=1)
    assert certificate.holds, certificate


def every_row_of_a_shipped_network_holds(name: str) -> None:
    certificate = certify(derived(name), shapes=1)
    assert certificate.holds, certificate
    assert certificate.chain_rows > len(derived(name).sections)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", some([0, 12, 22, 26], 1))
def test_every_row_of_random_networks_holds(seed: int) -> None:
    """12, 22 and 26 have branches that end in an activation and share the sum's error signal."""
    certificate = certify(derive(network(random_network(np.random.default_rng(seed)), "random")), shapes=1, seed=seed)
    assert certificate.holds, certificate


def broken(derivation: Derivation, label: str, factor: int) -> Derivation:
    """The derivation with the boxed recurrence of a level multiplied by a number, and all rows before it as well."""
    found = delta(derivation, label)

    def scaled(terms: tuple) -> tuple:  # type: ignore[type-arg]
        return tuple(replace(t, body=factor * t.body) for t in terms)

    steps = tuple(s if s.rule == "chain rule" else replace(s, terms=scaled(s.terms)) for s in found.steps)
    results = tuple(replace(r, step=replace(r.step, terms=scaled(r.step.terms))) for r in found.results)
    wrong = replace(found, steps=steps, results=results, raw=scaled(found.raw))
    return replace(derivation, sections=tuple(wrong if s is found else s for s in derivation.sections))


def test_a_wrong_box_is_found() -> None:
    derivation = derived("conv_relu_max_pool_conv")
    found = delta(derivation, "l")
    first, second = found.results
    (term,) = second.step.terms
    wrong = replace(second, step=replace(second.step, terms=(replace(term, body=-term.body),)))
    sections_ = tuple(replace(s, results=(first, wrong)) if s is found else s for s in derivation.sections)
    certificate = certify(replace(derivation, sections=sections_), shapes=1)
    assert certificate.difference > 0.1
    assert "insert" in certificate.worst


def test_a_wrong_chain_rule_is_found() -> None:
    """Consistent among its rows, but twice the gradient: finite differences tell."""
    certificate = certify(broken(derived("conv_tanh_conv"), "l", 2), shapes=1)
    assert certificate.difference < 1e-10
    assert certificate.chain_difference > 1e-2


def test_boxed_rows_back_propagate_the_whole_network() -> None:
    """Each gradient comes from the boxes above it: a wrong error signal reaches the weights below it, no others."""
    derivation = broken(derived("conv_tanh_conv"), "l", 2)
    right, wrong = (gradients(d, rng=np.random.default_rng(1))[1] for d in (derived("conv_tanh_conv"), derivation))
    assert np.allclose(2 * right["dconv2d1_w"], wrong["dconv2d1_w"])
    assert np.allclose(right["dconv2d2_w"], wrong["dconv2d2_w"])


def gradients(derivation: Derivation, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values of a network at random sizes, and everything that the boxed rows back-propagate."""
    sizes = complete_sizes(derivation.program, sample_sizes(derivation.layer or derivation.program, rng))
    values = interpret(derivation.program, sample_values(derivation.program, sizes, rng), sizes)
    return values, back_propagated(derivation, values, sizes, rng)


# ----- notation -------------------------------------------------------------------------------------------------------
def no_two_tensors_are_written_alike_and_no_index_like_a_tensor(name: str) -> None:
    derivation = derived(name)
    notation = derivation.notation
    assert len(set(notation.levels.values())) == len(notation.levels)
    inputs = {t.name for t in derivation.program.inputs} - set(notation.levels)
    assert not any((letter, "") in notation.levels.values() for letter in inputs)
    checked = 0
    for part in (part for s in derivation.printed_sections for part in s.parts):
        for step in (*part.steps, *(r.step for r in part.results)):
            assert not letters(step) & {v.name for t in step.terms for v in t.indices}, text_lines.row(step)
            checked += 1
    for d in derivation.definitions:
        step = Step("", (), d.left, d.terms, notation=notation)
        assert not letters(step) & {v.name for t in d.terms for v in t.indices}, text_lines.row(step)
    assert checked > 10


def letters(step: Step) -> set[str]:
    """What is printed before subscripts, levels aside: w of ``w⁽ˡ⁺¹⁾[r]``."""
    return set(re.findall(r"(\w+?)(?:⁽[^⁾]*⁾)?\[", text_lines.row(step)))


def lines_fit_a_terminal(name: str) -> None:
    assert max(map(len, text_writer.render(derived(name)).splitlines())) <= 112


@pytest.mark.parametrize("name", some([*CHAINS, STRIDED, *NETWORKS], 4, first=2))
def test_a_page(name: str, golden: Callable[[str, str], None]) -> None:
    """All claims of one page, which is derived once."""
    (every_row_of_a_shipped_network_holds if name in NETWORKS else every_row_of_a_chain_holds)(name)
    no_two_tensors_are_written_alike_and_no_index_like_a_tensor(name)
    if name in (*CHAINS, "lenet5"):
        golden(f"network_{name}.txt", text_writer.render(derived(name)))
    if name in (*CHAINS, "lenet5", "lenet", "vgg11"):
        lines_fit_a_terminal(name)


def test_golden_markdown(golden: Callable[[str, str], None]) -> None:
    golden("network_conv_tanh_flatten_dense.md", markdown.render(derived("conv_tanh_flatten_dense")))


def test_sizes_may_be_set() -> None:
    derivation = derived("lenet", K_c1="3")
    assert derivation.table is not None
    assert derivation.table.rows[0].shape[-1] == 3
    assert Symbol("K_c1", integer=True, nonnegative=True) not in derivation.program.symbols()
    assert certify(derivation, shapes=1).holds


def test_only_what_is_asked_for_is_derived() -> None:
    lenet = find("lenet")
    weights = [s.wrt for s in derive(lenet, ("c3.w", "f6_b")).sections if s.wrt in lenet.weights]
    assert weights == ["f6_b", "c3_w"]
    assert [s.wrt for s in derive(lenet, ("x",)).sections][-1] == "x"
    assert "c1_u" not in [s.wrt for s in derive(lenet, ("c3.w",)).sections]


def test_what_is_unknown_is_named() -> None:
    with pytest.raises(EquationError, match=r"lenet: cannot differentiate .* 'c1\.v'; expected one of c1\.w, c1\.b"):
        derive(find("lenet"), ("c1.v",))
    with pytest.raises(EquationError, match=r"\.\.\. \(\d+ in all\); did you mean"):
        derive(find("resnet20"), ("conv2d1.q",))
    with pytest.raises(EquationError, match="unknown setting 'Q'"):
        derive(find("lenet"), settings={"Q": "3"})


def test_a_network_without_weights_is_differentiated_by_its_input() -> None:
    derivation = derive(find("max_pool2d(2) -> tanh"))
    assert [s.wrt for s in derivation.sections][-1] == "x"
    assert certify(derivation, shapes=2).holds


def test_markdown_has_the_table_and_its_formulas_are_closed() -> None:
    page = markdown.render(derived("lenet5"))
    assert "| c1 | conv2d, scaled\\_tanh | $x$ | $(N, \\allowbreak 28, \\allowbreak 28, " in page
    assert "Trained in all: $60000$." in page
    assert page.count("$$") % 2 == 0
    assert page.count(r"\begin{aligned}") == page.count(r"\end{aligned}")
    assert not re.search(r"\^\{[^{}]*\}\^", page)  # no double superscript


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
