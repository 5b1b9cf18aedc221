"""Layers' pages: what is said step by step once, and which boxes stand together."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gradscribe import layer
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.ir.term import accesses
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from tests.cases.catalogue import derived
from tests.cases.thorough import some

TWO = """
weight w, v
u[n, k] = sum(c) x[n, c]*w[k, c]
y[n, l] = sum(k) u[n, k]*v[l, k]
"""


def rules(page: Derivation) -> dict[str, list[str]]:
    return {section.wrt: [step.rule for step in section.steps] for section in page.sections}


def test_steps_that_stand_above_take_fewer_rows() -> None:
    """By x it is the gradient by u under other names; that by w is another one, reached by the same steps."""
    page = derive(layer(TWO, "two"))
    steps = rules(page)
    assert steps["u"] == steps["x"] == ["chain rule", "definition", "kronecker", "rename"]
    assert steps["w"] == steps["v"] == ["chain rule", "rename"]
    assert [s.like for s in page.sections[:4]] == ["", "u", "", "w"]
    assert certify(page, shapes=2).holds


def test_other_steps_keep_their_rows() -> None:
    steps = rules(derived("conv2d"))
    assert steps["x"][:4] == ["chain rule", "definition", "kronecker", "rename"]
    assert steps["w"] == ["chain rule", "definition", "kronecker", "rename"]  # no index is solved for
    assert steps["b"] == ["chain rule", "rename"]


def test_all_rows_are_printed_where_they_are_asked_for() -> None:
    steps = rules(derive(layer(TWO, "two"), full=True))
    assert all(steps[name] == ["chain rule", "definition", "kronecker", "rename"] for name in ("u", "x", "w", "v"))


def test_a_row_that_inserts_is_the_box() -> None:
    page = derived("simple_rnn_cell")
    text = text_writer.render(page)
    assert "∂E/∂u inserted\n" not in text
    assert text.count("With ∂E/∂u inserted:\n  │ ") == 3
    assert page.layer is not None
    assert "∂E/∂u inserted\n" in text_writer.render(derive(page.layer, full=True))


def test_boxes_of_one_row_stand_together() -> None:
    """No gradient stands before one that it reads."""
    page = derived("lstm_cell")
    assert [s.wrt for s in page.sections][:8] == ["s", "o", "z", "g", "f", "i", "c", "u"]
    made: set[str] = set()
    gradients = {s.steps[-1].left.tensor for s in page.sections}
    for section in page.sections:
        read = {a.tensor for term in section.steps[-1].terms for a in accesses(term.body)}
        assert read & gradients <= made
        made.add(section.steps[-1].left.tensor)


def test_a_box_with_a_closed_form_behind_it_has_a_heading_of_its_own() -> None:
    """Else the box that follows would seem to be reached by what leads to the closed form."""
    text = "a[n] = 2*x[n]; b[n] = 3*x[n]; y[n] = a[n]*sigmoid(b[n])"
    page = text_writer.render(derive(layer(text, "gated")))
    assert "Gradient with respect to b\n" in page
    assert "Gradient with respect to a\n" in page


def pages(page: Derivation, folder: Path) -> int:
    """How many pages pdfLaTeX makes of it."""
    (folder / "page.tex").write_text(latex_writer.render(page, certify(page)), "utf-8")
    for _ in range(2):  # a longtable knows its columns when it is read a second time
        command = ["pdflatex", "-interaction=batchmode", "page.tex"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    found = re.search(r"Output written on page\.pdf \((\d+) pages", (folder / "page.log").read_text("latin-1"))
    assert found is not None
    return int(found[1])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdfLaTeX")
@pytest.mark.parametrize("name", some(["lstm_cell", "gru_cell"], 1))
def test_a_cell_takes_two_pages(name: str, tmp_path: Path) -> None:
    assert pages(derived(name), tmp_path) == 2


@pytest.mark.thorough
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdfLaTeX")
@pytest.mark.parametrize(("name", "most"), [("resnet20", 8), ("lenet5", 6)])
def test_a_network_takes_a_few_pages(name: str, most: int, tmp_path: Path) -> None:
    assert pages(derive(NETWORKS[name]()), tmp_path) <= most
