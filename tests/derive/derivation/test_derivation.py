"""Derivations: every row evaluated, the steps in their order, the results by name, golden files."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sympy import Eq, Idx, IndexedBase, Integer, Sum, sin

from gradscribe import layer as layer_of_text
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import Derivation, Section, Step, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.forward.quotients import Partial
from gradscribe.derive.ir.functions import activation_prime
from gradscribe.derive.ir.index import exact, integer, integers
from gradscribe.derive.ir.term import Access, EquationError, accesses
from gradscribe.derive.layer.equations import program
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.typeset.writers import markdown
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_lines, text_writer
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import derived
from tests.cases.random_programs import random_case
from tests.cases.thorough import some

SETTINGS: list[tuple[str, dict[str, str]]] = [
    ("conv2d", {"stride": "1"}),
    ("conv2d", {"stride": "1", "dilation": "1"}),
    ("conv2d", {"stride": "2", "kernel_size": "3", "padding": "1", "dilation": "1"}),
    ("conv2d", {"stride": "s_h,s_w", "padding": "p_h,p_h_end,p_w,p_w_end", "dilation": "d_h,d_w", "groups": "G"}),
    ("conv2d", {"groups": "G", "stride": "1", "dilation": "1", "padding": "0"}),
    ("max_pool2d", {"stride": "kernel_size", "padding": "0", "dilation": "1"}),
    ("max_pool2d", {"ceil_mode": "true"}),
    ("avg_pool2d", {"stride": "kernel_size", "padding": "0"}),
    ("avg_pool2d", {"count_include_pad": "false"}),
    ("avg_pool2d", {"ceil_mode": "true", "stride": "s_h,s_w"}),
    ("scaled_tanh", {"amplitude": "1.7159", "slope": "2/3"}),
    ("softmax_cross_entropy", {"K": "10"}),
]


def section(derivation: Derivation, wrt: str) -> Section:
    return next(s for s in derivation.sections if s.wrt == wrt)


def named(derivation: Derivation, wrt: str, number: int = 0) -> str:
    """The words that name a result."""
    found = section(derivation, wrt)
    writer = TextTypesetter(found.steps[0].notation)
    return writer.words(found.results[number].name)


@pytest.mark.parametrize(
    ("name", "settings"), some(SETTINGS, 3), ids=lambda v: "-".join(v.values()) if isinstance(v, dict) else v
)
def test_every_row_holds_under_settings(name: str, settings: dict[str, str]) -> None:
    certificate = certify(derived(name, **settings), shapes=3)
    assert certificate.holds, certificate


@pytest.mark.parametrize("seed", some(range(12), 2, first=1))
def test_rows_of_random_programs_hold(seed: int) -> None:
    derivation = derive(random_case(seed).layer)
    text_writer.render(derivation)
    latex_writer.render(derivation)
    certificate = certify(derivation, shapes=2, seed=seed)
    assert certificate.difference <= 1e-9, certificate


def test_steps_of_the_convolution_come_in_the_textbook_order() -> None:
    found = section(derived("conv2d"), "x")
    assert [s.rule for s in found.steps] == ["chain rule", "definition", "kronecker", "rename", "solve"]
    assert [s.rule for s in section(derived("conv2d"), "w").steps] == [
        "chain rule",
        "definition",
        "kronecker",
        "rename",
    ]


def test_rows_are_what_the_rewrites_made() -> None:
    """The Kronecker row has four deltas, renaming leaves the two strided ones, solving none."""
    steps = {s.rule: s.terms[0] for s in section(derived("conv2d"), "x").steps}
    assert [len(steps[rule].deltas) for rule in ("kronecker", "rename", "solve")] == [4, 2, 0]
    assert len(steps["solve"].divisibilities) == 2
    assert not steps["solve"].guards  # delta's zero extension implies them
    assert [r.index.name for r in steps["solve"].bound] == ["r", "t", "k"]
    assert steps["solve"].body.has(exact)


def test_names_of_the_convolution_gradients() -> None:
    derivation = derived("conv2d")
    convolution = "convolution of δ with w, that is the correlation of δ with rot_π w"
    padded = "padded by d(R−1)−p and d(T−1)−p"
    rest = "((H+2p−d(R−1)−1) mod s) and ((W+2p−d(T−1)−1) mod s)"
    zeros = "s−1 zeros between the elements of δ"
    assert named(derivation, "x") == (
        f"{convolution}, {zeros}, w dilated by d, {padded}, at the end by {rest} more, summed over k"
    )
    assert named(derivation, "x", 1) == f"{convolution}, w dilated by d, {padded}, summed over k"
    assert named(derivation, "w") == (
        f"correlation of x with δ, δ dilated by s, stride d, padded by p, at the end by {rest} less, summed over n"
    )
    assert named(derivation, "b") == ""
    (box,) = next(s for s in derivation.sections if s.wrt == "b").results
    assert TextTypesetter(box.step.notation).expr(box.form) == "∂E/∂b = Σ_{n,i,j} δ"
    plain = derived("conv2d", stride="1", dilation="1", padding="0")
    full = "full convolution of δ with w, that is the full correlation of δ with rot_π w, summed over k"
    assert named(plain, "x") == full
    assert named(plain, "w") == "valid correlation of x with δ, summed over n"


def test_boxes_are_in_the_names_of_the_forward_equation() -> None:
    result = section(derived("conv2d"), "w").results[0].step
    assert [e.name for e in result.left.indices] == ["r", "t", "c", "k"]
    assert [e.name for e in section(derived("conv2d"), "x").results[0].step.left.indices] == ["n", "i", "j", "c"]


def test_the_special_case_is_claimed_for_stride_one_only() -> None:
    special = section(derived("conv2d"), "x").results[1].step
    assert special.where == ((integer("s"), Integer(1)),)
    assert not special.terms[0].divisibilities
    # the first shape fulfils the condition, so that the special row is evaluated
    wrong = replace(special, terms=(replace(special.terms[0], body=2 * special.terms[0].body),))
    first = derived("conv2d").sections[0]
    results = (first.results[0], replace(first.results[1], step=wrong))
    broken = replace(derived("conv2d"), sections=(replace(first, results=results),))
    assert not certify(broken, shapes=1, seed=2).holds


def test_average_of_a_window_is_its_number_of_positions() -> None:
    R, T = integers("R T")
    body = section(derived("avg_pool2d"), "x").results[0].step.terms[0].body
    assert isinstance(body * R * T, Access)
    assert {a.tensor for a in accesses(body)} == {"dy"}
    excluded = section(derived("avg_pool2d", count_include_pad="false"), "x").results[0].step.terms[0].body
    assert {a.tensor for a in accesses(excluded)} == {"dy", "a_h", "a_w"}


def test_softmax_with_cross_entropy_is_probability_minus_label() -> None:
    found = section(derived("softmax_cross_entropy"), "x")
    writer = text_lines.row(found.results[0].step)
    assert writer == "∂E/∂x[n,k] = 1/N ∂E/∂y (p[n,k]−[k=t[n]])"
    assert [s.rule for s in found.steps] == [
        "chain rule", "definition", "kronecker", "rename", "by value", "insert", "fold", "collect",
    ]  # fmt: skip


def test_the_saved_output_gives_the_slope() -> None:
    assert text_lines.row(section(derived("tanh"), "x").results[0].step) == "∂E/∂x[e] = δ[e] (1−y[e]²)"
    assert text_lines.row(section(derived("sigmoid"), "x").results[0].step) == "∂E/∂x[e] = δ[e] y[e] (1−y[e])"
    assert text_lines.row(section(derived("relu"), "x").results[0].step) == "∂E/∂x[e] = δ[e] [y[e]>0]"


def test_the_recurrence_has_the_open_slope() -> None:
    last = derived("conv2d").sections[-1]
    assert last.results[0].step.terms[0].body.has(activation_prime)
    assert last.wrt == "u_prev"
    assert all(s.wrt != "u_prev" for s in derived("relu").sections)  # an activation is not followed by another


def test_a_maximum_states_its_tie_policy() -> None:
    notes = " ".join(text_writer.render(derived("max_pool2d")).split())
    assert "(r*,t*) is the place of the maximum, of several the first one in row-major order of r, t." in notes


def test_only_what_is_asked_for_is_derived() -> None:
    derivation = derive(LAYERS["conv2d"](), wrt=("b",))
    assert [s.wrt for s in derivation.sections] == ["b"]
    with pytest.raises(EquationError, match="cannot differentiate with respect to 'q'"):
        derive(LAYERS["conv2d"](), wrt=("q",))


def test_a_layer_outside_the_catalogue() -> None:
    """A 1-D convolution of a squared input: the slope is written at the element itself."""
    N, R, M, s = integers("N R M s")
    x, w, y = IndexedBase("x", shape=(N,)), IndexedBase("w", shape=(R,)), IndexedBase("y", shape=(M,))
    i, r = Idx("i", M), Idx("r", R)
    equations = program(Eq(y[i], Sum(sin(x[s * i + r]) * w[r], r)), inputs=(x, w))
    layer = Layer("wave", "Wave", "a test", equations, weights=("w",), options=(Option("stride", (s,), Kind.SIZE),))
    derivation = derive(layer)
    row = text_lines.row(section(derivation, "x").results[0].step)
    assert row == "∂E/∂x[i] = cos(x[i]) Σ_{r} [s | i−r] δ[(i−r)/s] w[r]"
    assert certify(derivation, shapes=3).holds


def test_a_wrong_row_is_found() -> None:
    derivation = derived("conv2d")
    first = derivation.sections[0]
    step = first.steps[-1]
    (term,) = step.terms
    wrong = replace(step, terms=(replace(term, divisibilities=term.divisibilities[:1]),))
    broken = replace(derivation, sections=(replace(first, steps=(*first.steps[:-1], wrong)), *derivation.sections[1:]))
    certificate = certify(broken, shapes=4)
    assert not certificate.holds
    assert "solve" in certificate.worst


def test_the_chain_rule_is_compared_with_finite_differences() -> None:
    derivation = derived("tanh")
    first = derivation.sections[0]
    doubled = tuple(replace(t, body=2 * t.body) for t in first.raw)
    steps = tuple(
        replace(s, terms=tuple(replace(t, body=2 * t.body) for t in s.terms))
        for s in first.steps
        if s.rule != "chain rule"
    )
    results = tuple(replace(r, step=steps[-1]) for r in first.results)
    broken = replace(derivation, sections=(replace(first, raw=doubled, steps=steps, results=results),))
    certificate = certify(broken, shapes=2)
    assert certificate.difference < 1e-9
    assert certificate.chain_difference > 1e-3


def test_quotients_occur_in_the_first_two_rows_only() -> None:
    first, second, brief = (
        [any(t.body.has(Partial) for t in s.terms) for s in found.steps] for found in derived("conv2d").sections[:3]
    )
    for kinds in (first, second):
        assert kinds == [True, True, *[False] * (len(kinds) - 2)]
    assert brief == [True, False]


@pytest.mark.parametrize("name", ["conv2d", "softmax_cross_entropy"])
def test_golden_latex_and_markdown(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.tex", latex_writer.render(derived(name)))
    golden(f"{name}.md", markdown.render(derived(name)))


def test_golden_plain_convolution(golden: Callable[[str, str], None]) -> None:
    golden("conv2d_plain.txt", text_writer.render(derived("conv2d", stride="1", dilation="1")))
    golden("conv2d_grouped.txt", text_writer.render(derived("conv2d", groups="G", stride="s_h,s_w")))


def test_the_convolution_is_derived_in_half_a_second() -> None:
    layer = LAYERS["conv2d"]()
    derive(layer)
    took = []
    for number in range(3):
        another = replace(layer, title=f"{layer.title} {number}")  # what is derived is kept
        start = time.perf_counter()
        derive(another)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.5


def test_a_step_reads_as_one_line() -> None:
    step: Step = section(derived("dense"), "x").steps[-1]
    assert str(step) == "∂E/∂x[e′,c′] = Σ_{k} δ[e′,k] w[c′,k]"
    assert isinstance(step.left, Access)


def test_certificates_are_repeatable() -> None:
    page = derived("dense")
    assert certify(page, shapes=2, seed=3) == certify(replace(page), shapes=2, seed=3)
    assert np.isfinite(certify(page, shapes=2, seed=4).difference)


def test_nothing_arrives_at_an_output_that_is_infinite() -> None:
    """Where no rank is as high as k, log(0) makes e infinite: a finite difference of it says nothing."""
    text = "integer r; z[n,k] = log(sum(j) [r[n,j] >= k] exp(s[n,j])); e[n] = sum(k) z[n,k] - sum(j) s[n,j]; k < J"
    assert certify(derive(layer_of_text(f"{text}; input s[N,J], r[N,J]", "ranks")), shapes=8).holds


def test_sizes_at_which_equations_divide_by_0_are_not_compared() -> None:
    """Pairs of one element: nothing is left of the sum, and 1/(N (N - 1)) in front of it makes 0/0 of that."""
    text = "k[i,j] = exp(-(x[i] - x[j])^2/h^2); e = sum(i,j) [i != j] k[i,j]/(N*(N - 1)); input x[N], h"
    assert certify(derive(layer_of_text(text, "pairs")), shapes=20).holds


def test_a_page_is_derived_and_evaluated_once_for_all_its_formats() -> None:
    page = derive(LAYERS["dense"](), ["w"], letters="e=g")
    assert derive(LAYERS["dense"](), ("w",), letters={"e": "g"}) is page
    assert derive(LAYERS["dense"](), ["w"]) is not page
    found = certify(page)
    assert certify(page) is found
    assert certify(page, 2) is not found
    assert certify(replace(page)) is not found
    wrong = replace(page, sections=(replace(page.sections[0], raw=page.sections[0].raw * 2),))
    assert not certify(wrong).holds


def test_a_size_that_is_called_like_what_is_differentiated_is_said_to_have_another_name() -> None:
    sentence = "E is written M, as E is the scalar that is differentiated."
    assert sentence in str(derive(layer_of_text("input x[E]; y[n] = x[n]^2")))
    assert sentence not in str(derive(layer_of_text("y[e] = x[e]^2")))  # its extent was given that name by us


def test_equations_that_are_written_out_are_said() -> None:
    """A name for a size alone, as a window's extent is, is none of which anything is to be said."""
    assert "written out" not in text_writer.render(derived("avg_pool2d"))
    one = "c[i] = i + 1; y[i] = c[i] * x[i]"
    assert "c[i]=i+1 is written out." in text_writer.render(derive(layer_of_text(one)))
    two = "c[i] = i + 1; d[i] = 2*i + 1; y[i] = c[i] * d[i] * x[i]"
    assert "c[i]=i+1 and d[i]=2i+1 are written out." in text_writer.render(derive(layer_of_text(two)))


def test_a_bracket_whose_coefficients_cannot_be_ordered_stays_a_bracket() -> None:
    """1 and s + 1 in o' = -m' - j' - s j', where s may be 0."""
    text = "y[j,o] = x[j, o - s*j, -o - j]\ninput x[A,B,C]\no < O\ns = 1"
    page = derive(layer_of_text(text, "diagonal"))
    assert "δ[j, sj+o] [o=−j−sj−m]" in text_writer.render(page)
    assert certify(page, shapes=2).holds
