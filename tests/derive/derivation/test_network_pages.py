"""Pages of networks: certificates, golden files, notation, errors."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sympy import Symbol

from gradscribe import network
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.boxes import back_propagated
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.derive.typeset.writers import markdown
from gradscribe.derive.typeset.writers.text import text_lines, text_writer
from tests.cases.random_networks import random_network
from tests.cases.thorough import some
from tests.derive.derivation.network_chains import (
    CHAINS,
    STRIDED,
    delta,
    derived,
)


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
    if not certificate.shapes:
        return  # larger than what is evaluated: 64 words of an image
    assert certificate.holds, certificate
    assert certificate.chain_rows > len(derived(name).sections)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", some([0, 8, 22, 26], 1))
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


@pytest.mark.parametrize("name", some([*CHAINS, STRIDED, *NETWORKS], 3, first=2))
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
