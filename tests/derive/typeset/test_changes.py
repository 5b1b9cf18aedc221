"""What a step changed, and nothing else, is marked: factors, brackets, indices, sum signs."""

import re
from itertools import pairwise

import pytest

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.typeset.document.look import Look
from gradscribe.derive.typeset.formats import FORMATS, rendered
from gradscribe.derive.typeset.terms.row_pieces import Piece
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import derived, layer
from tests.cases.thorough import some
from tests.cases.together import together
from tests.derive.typeset import pages

LONG = 10**6


def pairs(derivation: Derivation) -> list[tuple[Step, Step]]:
    """All steps of a layer's gradients, each with the one before it."""
    return [pair for s in derivation.sections for part in s.parts for pair in pairwise(part.steps)]


def marked(before: Step, step: Step) -> str:
    """A row of text, what is new between « and »."""
    return "".join(f"«{p.text}»" if p.new else p.text for piece in row(before, step) for p in piece.parts)


def row(before: Step, step: Step) -> list[Piece]:
    return TextTypesetter(step.notation).row(step, before)


@together(
    ("layer", "wrt", "rule", "expected"),
    [
        ("max_pool2d", "x", "slope", "«[(r,t)=(r*,t*)["),
        ("avg_pool2d", "x", "definition", "«1/(RT)»Σ"),
        ("relu", "x", "by value", "«[y[e′]>0]»"),
        ("conv2d", "w", "definition", ",«r»,«t»,«c»}"),
        ("batch_norm", "v", "insert", "−«γ["),
    ],
)
def test_what_is_new_is_marked(layer: str, wrt: str, rule: str, expected: str) -> None:
    page = derive(LAYERS[layer](), full=True)
    found = [marked(a, b) for a, b in pairs(page) if b.rule == rule and b.left.tensor == f"d{wrt}"]
    assert expected in found[0]


def test_all_rows_of_an_activation_are_marked() -> None:
    """Where they are asked for: by themselves they are one."""
    found = {b.rule: marked(a, b) for a, b in pairs(derive(layer("relu"), full=True))}
    assert found["definition"] == "Σ_{e}δ[e]«[x[e]>0]»«∂x[e]/∂x[e′]»"
    assert found["kronecker"] == "Σ_{e}δ[e][x[e]>0]«[e=e′]»"
    assert found["rename"] == "δ[«e′»]«[x[e′]>0]»"


@pytest.mark.parametrize("page", some(pages.FIRST, 8))
def test_what_is_not_marked_was_there(page: str) -> None:
    """The text that is not marked occurs in the row above; a row that only lost something has no mark."""
    for before, step in pairs(pages.derivation(page)):
        above = "".join(p.text for p in TextTypesetter(step.notation).row(before))
        for piece in row(before, step):
            for unit in piece.units:
                kept = [part for part in unit.parts if part.key is not None and not part.new]
                assert all(part.text in above for part in kept), (unit.text, above)
        new = {part.text for piece in row(before, step) for part in piece.parts if part.new}
        assert new or set(words(marked(before, step))) <= set(words(above))


def words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_⁰¹²³⁴-⁹]+", text)


def test_a_row_beside_itself_has_no_mark() -> None:
    for step, _ in pairs(derived("lstm_cell")):
        assert "«" not in marked(step, step)


def test_every_format_marks_the_same() -> None:
    page = derived("conv2d")
    text = rendered(page, "text", None, Look(width=LONG, colour=True))
    marks = {"text": r"\x1b\[36m", "latex": r"\\new\{", "markdown": r"\\color\{teal\}"}
    written = {form: text if form == "text" else rendered(page, form) for form in FORMATS}
    counts = {form: len(re.findall(marks[form], page_)) for form, page_ in written.items()}
    assert len(set(counts.values())) == 1
    assert min(counts.values()) > 20


def test_text_is_coloured_only_where_that_is_asked_for() -> None:
    assert not any("\x1b" in rendered(derived(name), "text") for name in list(LAYERS)[:10])
