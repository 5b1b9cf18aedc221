"""Pages of networks with recurrences: every gradient that a box reads is derived, and stands in the table."""

from dataclasses import replace
from functools import cache

import pytest

from gradscribe import network
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.boxes import underived
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.network.kinds.alike import not_alike
from gradscribe.derive.ir.term import accesses
from gradscribe.derive.typeset.writers.text.text_writer import render

STACKED = "input x[N, T, 3]; x -> a: lstm(3) -> b: share(a) -> dense(2)"
ALONE = "input x[N, T, 3]; x -> simple_rnn(4)"


@cache
def page_of(text: str) -> Derivation:
    return derive(network(text, "recurrent"))


@pytest.mark.parametrize("text", [STACKED, ALONE])
def test_what_a_box_reads_of_another_position_has_a_section(text: str) -> None:
    page = page_of(text)
    made = {s.steps[-1].left.tensor for s in page.sections}
    read = {a.tensor for s in page.sections for t in s.results[0].step.terms for a in accesses(t.body)}
    assert {name for name in read if name.endswith("_before") and name.startswith("d")} <= made
    assert certify(page).holds


def test_a_page_that_lacks_a_gradient_has_failed() -> None:
    page = page_of(ALONE)
    name = "simple_rnn1_h_before"
    without = tuple(s for s in page.sections if s.wrt != name)
    chapters = tuple(replace(c, sections=tuple(s for s in c.sections if s.wrt != name)) for c in page.chapters)
    lacking = replace(page, sections=without, chapters=chapters)
    assert (underived(page), underived(lacking)) == ("", f"d{name}")
    found = certify(lacking)
    assert not found.holds
    assert found.worst == f"recurrent: nothing derives d{name}"


def test_a_level_lists_what_its_boxes_read() -> None:
    page = page_of(STACKED)
    listed = {line.label: line.sections for line in page.levels}
    assert listed["b"] == ("b_h", "b_c", "b_c_before", "b_u", "b_h_before")
    assert listed["a"] == ("a_h", "a_c", "a_c_before", "a_u", "a_h_before", "a_w", "a_r", "a_b")


def test_places_of_other_letters_are_the_same_in_whole_tensors() -> None:
    """shift(z, t+1) on one level, shift(z, q+1) on another one."""
    page = page_of(STACKED)
    assert next(s for s in page.sections if s.wrt == "a_c").likeness is not None
    assert not_alike(page) == ""


def test_a_gradient_that_equals_another_one_goes_by_the_name_of_that() -> None:
    text = render(page_of(STACKED))
    assert "By the chain rule, element by element, ∂E/∂v⁽ᵇ⁾=∂E/∂u⁽ᵇ⁾." in text
    assert "│ ∂E/∂u⁽ᵇ⁾[n,t,a,k]" in text
    assert "│ ∂E/∂v" not in text


def test_an_output_that_a_recurrence_reads_is_passed_on() -> None:
    page = page_of(ALONE)
    assert "The error signal δ⁽ˡ⁺¹⁾=∂E/∂y⁽ˡ⁺¹⁾ arrives from above." in render(page)
    assert [row.layers for row in page.table.rows] == [("simple_rnn",), ("output",)] if page.table else False
