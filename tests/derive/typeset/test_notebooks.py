"""What a notebook's cell can end with shows itself: a few lines, Markdown, and LaTeX for MathJax and nbconvert."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import gradscribe
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.printed import FEW, brief
from tests.cases.catalogue import TRIED, derived, layer
from tests.cases.together import together
from tests.derive.typeset import pages

DENSE = "y[n, k] = b[k] + sum(c) x[n, c] * w[c, k]"
SHOWN: dict[str, Callable[[], Any]] = {
    "layer": lambda: gradscribe.layer(DENSE, "dense"),
    "layer of the catalogue": lambda: layer("max_pool2d"),
    "network": NETWORKS["lenet5"],
    "optimiser": OPTIMISERS["adam"],
    "program": lambda: layer("lstm_cell").program,
    "statement": lambda: layer("conv2d").program.statements[0],
    "gradient": lambda: layer("batch_norm").differentiate(),
    "derivation": lambda: derived("conv2d"),
    "derivation of a network": lambda: pages.derivation(pages.CHAINS[0]),
    "step": lambda: derived("dense").sections[0].steps[1],
    "section": lambda: derived("dense").sections[0],
    "section that is another one": lambda: next(s for s in derived("lstm_cell").sections if s.like),
    "box": lambda: derived("conv2d").sections[0].results[0],
    "closed form": lambda: derived("batch_norm").sections[3].results[-1],
}
LOADED = (
    r"\documentclass[11pt]{article}",
    r"\usepackage[margin=1in]{geometry}",
    r"\usepackage{amsmath,amssymb,xcolor}",
)


@pytest.mark.parametrize("record", SHOWN)
def test_a_record_is_a_few_lines_and_all_of_it(record: str) -> None:
    shown = SHOWN[record]()
    lines = repr(shown).splitlines()
    assert 1 <= len(lines) <= FEW
    assert "\n\n\n" not in str(shown)
    assert not any(word in repr(shown) for word in ("Symbol(", "Range(", "Term(", "object at"))
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == str(shown)
    assert {"text/plain", "text/latex"} <= set(bundle) <= {"text/plain", "text/latex", "text/markdown"}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_any_latex_compiles_what_notebooks_get(tmp_path: Path) -> None:
    """With amsmath and xcolor alone; it is what nbconvert puts into its document, and MathJax has no definitions."""
    parts = [SHOWN[record]()._repr_mimebundle_()["text/latex"] for record in SHOWN]
    for part in parts:
        assert not re.search(r"\\(?:documentclass|usepackage|def|newcommand|setlength|tag|new|why|section)\b", part)
    page = "\n".join([*LOADED, r"\begin{document}", "\n\n".join(parts), r"\end{document}"])
    (tmp_path / "cells.tex").write_text(page, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "cells.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:].decode("utf-8", "replace")


@together("name", TRIED)
def test_a_gradient_has_the_letters_of_its_equations(name: str) -> None:
    """No index that an axis got because nothing runs over it: dy[n, K g + k] for [u_3 = K g + k] dy[n, u_3]."""
    gradient = layer(name).differentiate()
    shown = str(gradient)
    assert not re.search(r"(?<=[\[,=({+−])[a-z]+_[0-9]", shown)
    assert all(f"∂E/∂{a.tensor.name}[" in shown for a in gradient.adjoints if a.tensor.shape and a.tensor.name in "xw")


@together(
    ("name", "rows"),
    [
        ("lstm_cell", ["∂E/∂z[n,k] = dz[n,k] + ∂E/∂s[n,k] (1−s[n,k]²)"]),
        ("dense", ["∂E/∂x[e,c] = Σ_{k=0..K−1} δ[e,k] w[c,k]", "∂E/∂b[k] = Σ_{e=0..E−1} δ[e,k]"]),
        ("conv2d", ["∂E/∂b[Kg+k] = Σ_{n=0..N−1} Σ_{i=0..H′−1} Σ_{j=0..W′−1} δ[n, i, j, Kg+k]"]),
        ("pixel_shuffle", ["∂E/∂x[n, i, j, s²c+sr+t] = δ[n, si+r, sj+t, c]"]),
        ("concatenation", ["∂E/∂x[e,c] = δ[e,c]", "∂E/∂z[e,d] = δ[e, d+C]"]),
    ],
)
def test_a_gradient_has_no_delta_that_only_renames(name: str, rows: list[str]) -> None:
    shown = str(layer(name).differentiate())
    assert all(f"  {row}\n" in f"{shown}\n" for row in rows), shown


def test_a_plan_is_a_few_lines() -> None:
    found = plan(kernels(layer("group_norm"))[1])
    assert repr(found) == brief(str(found))
    assert len(str(found).splitlines()) > FEW
    assert "print shows them" in repr(found)


def test_a_kernel_is_what_it_is_given_and_returns() -> None:
    found = next(k for k in kernels(gradscribe.layer(DENSE, "dense")) if k.wrt == ("w",))
    assert str(found).splitlines()[:3] == ["dense_grad_weight(dy, x) -> dw", "", f"  {found.program.statements[0]}"]
    assert repr(found) == str(found)


def test_a_network_without_a_title_has_none() -> None:
    shown = str(gradscribe.network("input x[N, C]; dense(4) -> tanh -> dense(3)"))
    assert shown.splitlines()[0] == "network"
    assert str(NETWORKS["lenet5"]()).splitlines()[0] == "lenet5: LeNet-5 as published"


def test_a_derivation_says_what_it_is_in_a_line() -> None:
    assert repr(derived("tanh")) == (
        "<Derivation of tanh: hyperbolic tangent: 1 gradient; print it, or show it in a notebook>"
    )


def test_what_is_not_well_formed_is_shown_too() -> None:
    """Whoever looks for what is wrong with a record prints it."""
    wrong = replace(LAYERS["tanh"]().program, statements=(None,))  # type: ignore[arg-type]
    assert repr(wrong).startswith("<gradscribe.derive.ir.term.Program object")


def test_a_layer_in_markdown_has_its_title_and_equations() -> None:
    page = gradscribe.layer(DENSE, "dense", title="all with **all**")._repr_mimebundle_()["text/markdown"]
    assert page.startswith("#### dense: all with \\*\\*all\\*\\*\n")
    assert r"y_{n,k} &= b_{k}+\sum_{c=0}^{C-1}\,x_{n,c}\,w_{c,k}" in page


@pytest.mark.parametrize("form", ["text/latex", "text/markdown"])
def test_reasons_do_not_break_a_product(form: str) -> None:
    """Long ones stand above their rows: beside them no product would have room."""
    page = gradscribe.network("input x[N, C]; dense(4) -> tanh -> dense(3)").derivation()
    text = page._repr_mimebundle_()[form]
    assert r"\sum_{n,k}\,\delta^{(l+1)}_{n,k}\,\frac{\partial u" in text
    assert not re.search(r"\\sum_\{[^}]*\} \\\\", text)
