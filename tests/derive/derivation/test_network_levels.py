"""Pages of deep networks: what is derived once for a kind, what stands for the others, and that it does."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sympy import Integer, Symbol

from gradscribe import network
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.networks.resnet import shortcut
from gradscribe.derive.derivation import Derivation, Section, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.certificate.rows import row_value
from gradscribe.derive.derivation.network.kinds.alike import not_alike
from gradscribe.derive.derivation.network.kinds.repeated import with_repeats
from gradscribe.derive.derivation.network.layer_record import LayerTable, Row
from gradscribe.derive.ir.functions import divides
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.ir.term import Access
from gradscribe.derive.layer import sampling
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.look import Look
from gradscribe.derive.typeset.writers.text import text_writer

CHAIN = (
    "input x[N, 6, C]; conv1d(4, 3, padding=1) -> tanh -> conv1d(4, 3, padding=1) -> tanh -> conv1d(2, 3, padding=1)"
)

STRIDED = (
    "input x[N, 5, C]; conv1d(4, 3, padding=1) -> tanh"
    " -> residual(conv1d(4, 3, stride=2, padding=1), conv1d(4, 1, stride=2)) -> dense(2)"
)


@cache
def derived(name: str) -> Derivation:
    return derive(find(name))


def hidden(page: Derivation) -> list[Section]:
    return [s for s in page.sections if s.likeness is not None]


# ----- gradients ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [CHAIN, "lenet5"])
def test_a_printed_box_under_other_names_is_the_gradient(name: str) -> None:
    """Beside what the interpreter makes of the differentiated network, which knows of no page."""
    page = derived(name)
    assert page.rewritten is not None
    rng = np.random.default_rng(3)
    gradient = page.rewritten.shown
    sizes = complete_sizes(page.program, sample_sizes(page.layer or page.program, rng, limit=60_000))
    values = interpret(page.program, sample_values(page.program, sizes, rng), sizes)
    seeds = {
        s.name: rng.normal(size=values[o].shape) for o, s in gradient.seeds.items() if o in gradient.forward.outputs
    }
    values = interpret(gradient.program, {**values, **seeds}, sizes)
    printed = {s.wrt: s for s in page.printed_sections}
    assert len(hidden(page)) >= 4
    for section in hidden(page):
        assert section.likeness is not None
        box = next(r for r in printed[section.like].results if not r.step.where).step
        terms = [t.substitute(section.likeness.names) for t in box.terms]
        found = row_value(terms, values, sizes)
        assert np.allclose(found, values[section.steps[-1].left.tensor], atol=1e-12), section.wrt


def test_names_that_are_not_those_are_found() -> None:
    page = derived(CHAIN)
    section = hidden(page)[0]
    assert section.likeness is not None
    (first, here), (second, there), *rest = section.likeness.tensors
    swapped = replace(section.likeness, tensors=((first, there), (second, here), *rest))
    wrong = replace(page, sections=tuple(replace(s, likeness=swapped) if s is section else s for s in page.sections))
    assert not not_alike(page)
    assert not_alike(wrong) == f"{section.wrt} is not like {section.like}"
    certificate = certify(wrong, shapes=1)
    assert not certificate.holds
    assert certificate.worst.endswith(not_alike(wrong))


def test_a_hidden_gradient_that_is_another_one_is_found() -> None:
    page = derived(CHAIN)
    section = hidden(page)[0]
    (result, *others) = section.results
    terms = tuple(replace(t, body=2 * t.body) for t in result.step.terms)
    broken = replace(section, results=(replace(result, step=replace(result.step, terms=terms)), *others))
    assert not certify(replace(page, sections=tuple(broken if s is section else s for s in page.sections)), 1).holds


def test_an_equation_that_is_not_that_of_its_kind_is_found() -> None:
    page = derived(CHAIN)
    folded = next(d for d in page.definitions if d.likeness is not None)
    terms = tuple(replace(t, body=3 * t.body) for t in folded.terms)
    wrong = replace(page, definitions=tuple(replace(d, terms=terms) if d is folded else d for d in page.definitions))
    assert not_alike(wrong).startswith(f"the equation of {folded.left.tensor} is not that of")
    assert not certify(wrong, shapes=1).holds


def test_every_gradient_of_a_level_is_printed_where_it_is_asked_for() -> None:
    whole = derive(find(CHAIN), full=True)
    assert not whole.levels
    assert whole.equations == whole.definitions
    assert whole.printed_sections == whole.sections
    assert not any(s.like for s in whole.sections)
    rules = {step.rule for s in whole.sections for part in s.parts for step in part.steps}
    assert {"chain rule", "definition", "kronecker", "rename", "solve"} <= rules


# ----- the page -------------------------------------------------------------------------------------------------------
@pytest.mark.thorough
def test_every_kind_of_a_deep_network_is_derived_once() -> None:
    page = derived("resnet20")
    assert len(page.sections) > 150
    assert len(page.printed_sections) < 25
    assert len(page.equations) < 20 < 130 < len(page.definitions)
    assert [line.label for line in page.levels] == ["l" if n == 0 else f"l+{n}" for n in range(51, -1, -1)]
    text = text_writer.render(page)
    assert len(text.splitlines()) < 600
    assert "Levels l+7 to l+11, l+12 to l+16 repeat l+2 to l+6.\n" in text
    assert "∂E/∂y⁽ˡ⁺⁴⁷⁾=δ⁽ˡ⁺⁴⁸⁾" in text
    assert "Levels l+21 to l+17 repeat l+37 to l+33.\n" in text
    assert "<H_34]" not in text.partition("All levels")[0].replace(
        "0≤i<H_34, 0≤j<W_34", ""
    )  # brackets that always hold
    assert not not_alike(page)
    assert "as for w⁽ˡ⁺⁴⁶⁾ (rows " in text  # that of a stride of 2


@pytest.mark.thorough
def test_a_level_says_what_is_read_in_the_boxes_of_another() -> None:
    page = text_writer.render(derived("lenet5"), look=Look(width=160))
    lines = {line.split()[0]: line for line in page.splitlines() if line.startswith("  ")}
    assert lines["s2"].endswith("δ: c3 for c5, s⁽ᶜ³⁾ for w⁽ᶜ⁵⁾")
    assert lines["c1"].endswith("δ: s2 for s4, c3 for c5, s⁽ᶜ³⁾ for w⁽ᶜ⁵⁾; w: x for z⁽ˢ⁴⁾")
    assert "levels 5 lower" in text_writer.render(replace(derived("resnet20"), repeated=()))


@pytest.mark.thorough
def test_a_gradient_is_as_for_another_of_its_letter_only() -> None:
    text = text_writer.render(derived("resnet20"), look=Look(width=160))
    assert re.search(r"Gradient with respect to γ⁽ˡ⁺⁴⁷⁾, by the steps of rows \d+ to \d+:", text)
    found = re.findall(r"(?:with respect to |∂E/∂)(\w+)⁽\S+⁾, as for (\w+)⁽", text)
    assert found
    assert all(one == other for one, other in found)


REFERRED = (
    "input x[N, 5, C]; dense(4) -> residual(layer_norm -> conv1d(4, 1))"
    " -> residual(layer_norm -> dense(6) -> relu -> dense(4))"
)


def test_rows_that_are_referred_to_are_printed() -> None:
    sections = {s.wrt: s for s in derived(REFERRED).sections}
    assert not any(sections[s.like].like for s in sections.values() if s.like and s.likeness is None)
    assert "by the steps of rows" in text_writer.render(derived(REFERRED))


SHORTCUTS = """
input x[N, 16, 16, 3]
block down(k, added) = residual(conv1: conv2d(k, 3, stride=2, padding=1), around: shortcut(added)) -> relu2: relu
conv1: conv2d(16, 3, padding=1) -> relu1: relu -> first: down(32, 8) -> second: down(64, 16) -> global_avg_pool
"""


def test_the_table_has_the_letters_of_the_boxes() -> None:
    page = derive(network(SHORTCUTS, "shortcuts", layers={"shortcut": shortcut}))
    text = text_writer.render(page, look=Look(width=160))
    for signal in (  # below a box, and in the table
        "f′(y⁽ˡ⁺³⁾) ⊙ (shift(δ⁽ˡ⁺⁶⁾↑2, c+16) + (δ⁽ˡ⁺⁶⁾↑2 ∗ w⁽ˡ⁺⁴⁾))",
        "f′(u⁽ˡ⁾) ⊙ (shift(δ⁽ˡ⁺³⁾↑2, c+8) + (δ⁽ˡ⁺³⁾↑2 ∗ w⁽ˡ⁺¹⁾))",
    ):
        assert text.count(signal) == 2


def test_what_is_not_printed_has_the_number_of_what_stands_for_it() -> None:
    page = derived("lenet5")
    numbers = document(page).numbers
    assert numbers["c1_u"] == numbers["c5_u"] == 1
    assert numbers["s2_u"] == numbers["s4_u"] == 4
    assert numbers["dc1_u"] == numbers["dc3_u"]
    assert {s.target.name for s in page.program.statements} <= set(numbers)


def test_a_slope_stands_in_front_where_paths_meet() -> None:
    page = derived("input x[N, 5, C]; conv1d(4, 3, padding=1) -> tanh -> residual(conv1d(4, 3, padding=1)) -> dense(2)")
    assert re.search(r"= \(1−z⁽ˡ⁾\[n,\w,\w\]²\) \(δ⁽ˡ⁺²⁾\[n,\w,\w\] \+ Σ", text_writer.render(page))
    assert certify(page, shapes=2).holds


def test_brackets_of_divisibility_go_with_their_summand() -> None:
    """Where a stride leaves elements out, the slope stands in front, too; each summand has brackets of its own."""
    page = derived(STRIDED)
    (box,) = (s.results[-1].step for s in page.sections if s.wrt == "conv1d1_u")
    (term,) = box.terms
    assert term.body.has(divides)
    assert not term.divisibilities
    text = text_writer.render(page)
    assert "(1−z⁽ˡ⁾[n,j,c]²) (Σ_{t,k} [2 | j+1−t] δ⁽ˡ⁺³⁾[n, (j+1−t)/2, k] w⁽ˡ⁺¹⁾[t,c,k]" in text
    assert certify(page, shapes=2).holds


def test_a_wrong_bracket_of_a_summand_is_found() -> None:
    page = derived(STRIDED)
    (section,) = (s for s in page.sections if s.wrt == "conv1d1_u")
    (box,) = section.results
    (term,) = box.step.terms
    even = next(b for b in term.body.atoms(divides) if b.args[1].is_Symbol)
    other = replace(box.step, terms=(term.substitute({even: Integer(1)}),))
    broken = replace(section, results=(replace(box, step=other),))
    sections = tuple(broken if s is section else s for s in page.sections)
    assert not certify(replace(page, sections=sections), shapes=2).holds


def test_an_axis_of_one_element_has_no_bracket() -> None:
    """The gradient of a kernel of one element is that of w[0,c,k]: no index of it is asked whether it is 0."""
    page = derived(STRIDED)
    (section,) = (s for s in page.sections if s.wrt == "conv1d3_w")
    assert not any(t.deltas for step in section.steps for t in step.terms)
    assert "∂E/∂w⁽ˡ⁺²⁾[0,c,k] = " in text_writer.render(page)


# ----- blocks ---------------------------------------------------------------------------------------------------------
def rows(*layers: str) -> LayerTable:
    """A chain of levels a, b, ... that read the level before."""
    shape = (Symbol("N"),)
    table = [
        Row(chr(97 + n), (layer,), (chr(96 + n) if n else Access("x"),), shape, (), Symbol("N"))
        for n, layer in enumerate(layers)
    ]
    return LayerTable(tuple(table), {}, derived(CHAIN).notation)


@pytest.mark.parametrize(
    ("layers", "first", "others"),
    [
        ("p q r q r s", "bc", ["de"]),
        ("p q q q r", "b", ["c", "d"]),
        ("p q r s", "", []),
        ("p q r q r q r p", "bc", ["de", "fg"]),
        ("p q r p r q", "", []),
    ],
)
def test_blocks_that_follow_each_other_are_listed_once(layers: str, first: str, others: list[str]) -> None:
    table = with_repeats(rows(*layers.split()), {})
    found = [("".join(r.first), ["".join(block) for block in r.others]) for r in table.repeats]
    assert found == ([(first, others)] if first else [])
    kept = [row.label for row in table.shown]
    assert kept == [row.label for row in table.rows if row.label not in "".join(others)]


def test_blocks_of_other_equations_are_no_repetition() -> None:
    table = rows("p", "q", "q")
    assert with_repeats(table, {"b": "x", "c": "x"}).repeats
    assert not with_repeats(table, {"b": "x", "c": "y"}).repeats


def test_a_network_of_names_repeats_its_layers_by_name() -> None:
    page = derive(network("input x[N, C]; a: dense(4) -> b: dense(4) -> c: dense(4) -> d: dense(4)"))
    assert page.table is not None
    assert [(r.first, r.others) for r in page.table.repeats] == [(("b",), (("c",), ("d",)))]
    assert "Levels c, d repeat b." in text_writer.render(page)


def test_one_level_that_repeats_one_is_singular() -> None:
    chain = "input x[N, L, 8]; q = dense(8); k = dense(8); v = dense(8); (q, k, v) -> scaled_dot_product_attention"
    page = text_writer.render(derive(network(chain)))
    assert "Level l+2 repeats l+1." in page


# ----- blocks of levels that repeat others ----------------------------------------------------------------------------
BLOCKS = """
input x[N, 6, 4]
block basic(k) = sum: residual(a: conv1d(k, 3, padding=1) -> tanh -> b: conv1d(k, 3, padding=1)) -> act: tanh
one: basic(4) -> two: basic(4) -> three: basic(4) -> four: basic(4) -> conv1d(2, 3, padding=1)
"""


def test_blocks_of_levels_that_repeat_others_are_listed_once() -> None:
    page = derived(BLOCKS)
    (repeat,) = page.repeated
    labels = [line.label for line in page.levels]
    at = labels.index(repeat.first[0])
    assert len(repeat.first) == 3
    assert repeat.others[0] == tuple(labels[at + 3 : at + 6])
    text = text_writer.render(page)
    assert "Levels l+7 to l+5, l+4 to l+2 repeat l+10 to l+8." in text
    table = text.partition("All levels")[2]
    assert not any(f"\n  {label} " in table for block in repeat.others for label in block)
    assert not not_alike(page)


def test_a_level_that_does_not_repeat_what_is_said_is_found() -> None:
    page = derived(BLOCKS)
    (repeat,) = page.repeated
    first, *_ = repeat.others
    labels = [line.label for line in page.levels]
    later = labels.index(first[0]) + 1
    wrong = replace(page, repeated=(replace(repeat, others=(tuple(labels[later : later + 3]),)),))
    assert not_alike(wrong) == f"level {labels[later]} does not repeat {repeat.first[0]}"
    assert not certify(wrong, shapes=1).holds


def test_a_signal_that_a_tensor_within_the_level_above_has_is_listed() -> None:
    """A logarithm of a softmax subtracts the maximum first: the error signal of the layer before is that of u - m."""
    page = derive(network("input x[N, 6]; dense(4) -> tanh -> dense(3) -> log_softmax; loss nll_loss"))
    text = text_writer.render(page, None, Look(width=120))
    assert re.search(r"l\+1 +δ⁽ˡ⁺¹⁾ = \(p⁽ˡ⁺²⁾−onehot\(t\)\) ⊙ p⁽ˡ⁺³⁾ +δ \(\d+\), w \(\d+\), b \(\d+\)", text)
    assert "p⁽ˡ⁺³⁾[n] stands for" in text  # a quotient of another level may have its letter


def test_sizes_that_ranges_alone_have_are_introduced() -> None:
    page = derive(
        network(
            "block pre(k) = s: residual(n1: batch_norm -> r1: relu -> c1: conv2d(k, 3, padding=1, bias=false) -> "
            "n2: batch_norm -> r2: relu -> c2: conv2d(k, 3, padding=1, bias=false))\n"
            "input x[N, 8, 8, 4]; b1: pre(4) -> b2: pre(4) -> global_avg_pool -> dense(3)\nloss softmax_cross_entropy"
        )
    )
    text = text_writer.render(page, None, Look(width=120))
    used = set(re.findall(r"<(K_\d+)", text))
    assert used
    assert not used - set(re.findall(r"(K_\d+)=\d", text))


def test_operator_forms_alone_have_no_numbers_in_the_table() -> None:
    text = text_writer.render(derive(find("lenet5"), form="operator"))
    assert "For one element" not in text
    table = text[text.index("All levels") : text.index("Update")]
    assert re.search(r"c5 .* δ, w, b", table)
    assert not re.search(r"\(\d+\)", table)


def test_what_is_read_in_one_box_of_a_level_is_said_of_that_box() -> None:
    """lenet: the error signal of f6 has a box of its own, its w is read in one of the output; f5 has both elsewhere."""
    text = " ".join(text_writer.render(derived("lenet"), look=Look(width=200)).split())
    assert "δ (33), w (26), b (29) w: f5 for f6" in text
    assert "δ (33), w (26), b (29) δ: f6 for output; w: s⁽ˢ⁴⁾ for z⁽ᶠ⁶⁾" in text


@pytest.mark.parametrize("name", ["lenet", "vgg11"])
def test_a_size_that_is_introduced_is_read(name: str) -> None:
    text = text_writer.render(derived(name))
    sizes = re.findall(r"\b([A-Z]_\w+)=", text)
    assert len(sizes) > 5
    assert all(len(re.findall(rf"\b{size}\b", text)) > 1 for size in sizes)


def test_numbers_that_a_network_fixes_are_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patches and heads are of so many elements: a box with a delta for each pair of them has too many points."""
    monkeypatch.setattr(sampling, "LARGEST", 60_000)
    text = (
        "input x[N, 12, 12, 3]; rearrange('n (h p) (w q) c -> n (h w) (p q c)', p=4, q=4) -> dense(40)"
        " -> rearrange('n l (h d) -> n h l d', h=4) -> tanh -> rearrange('n h l d -> n l (h d)') -> dense(8)"
    )
    found = certify(derive(network(text, "patches")))
    assert (found.shapes, found.holds) == (6, True)
