"""LaTeX: every document compiles without a line in the margin; what changed is coloured; notebooks get mathematics."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.mathematics.latex_letters import prose
from gradscribe.derive.typeset.mathematics.latex_symbols import LatexTypesetter
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.writers.latex import latex_writer
from tests.cases.catalogue import derived
from tests.derive.typeset import pages

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def overfull(documents: dict[str, str], folder: Path) -> list[tuple[str, str]]:
    """The lines in the margin, by document; all of them as one, for most of a run of pdflatex is its start."""
    begin, end = r"\begin{document}", r"\end{document}"
    assert {d.partition(begin)[0] for d in documents.values()} == {latex_writer.preamble()}
    bodies = [
        rf"\typeout{{{MARK}{name}}}{d.partition(begin)[2].partition(end)[0]}\clearpage" for name, d in documents.items()
    ]
    log = compile_latex("\n".join([latex_writer.preamble() + begin, *bodies, end]), folder)
    parts = log.split(MARK)[1:]
    assert [part.partition("\n")[0] for part in parts] == list(documents)
    return [(part.partition("\n")[0], line) for part in parts for line in part.splitlines() if OVERFULL in line]


MARK, OVERFULL = "document: ", "Overfull \\hbox"


def label(page: str) -> str:
    """A name that the log prints in one line and as it is."""
    return page.replace("_", "")


@needs_pdflatex
def test_a_document_compiles_by_itself_and_a_line_in_the_margin_is_found(tmp_path: Path) -> None:
    document = pages.text("dense", "latex")
    assert OVERFULL not in compile_latex(document, tmp_path)
    wide = document.replace(r"\end{document}", r"\rule{1.5\textwidth}{1pt}\par\end{document}")
    assert OVERFULL in compile_latex(wide, tmp_path)


def compile_latex(document: str, folder: Path) -> str:
    """The log of pdflatex."""
    (folder / "derivation.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "derivation.tex"]
    environment = {**os.environ, "max_print_line": "1000"}
    run = subprocess.run(command, cwd=folder, capture_output=True, check=False, env=environment)
    log = (folder / "derivation.log").read_text(encoding="utf-8", errors="replace")
    assert run.returncode == 0, log[-2000:]
    assert (folder / "derivation.pdf").stat().st_size > 10_000
    return log


def test_what_a_step_changed_is_coloured() -> None:
    document = latex_writer.render(derive(LAYERS["conv2d"](), wrt=("x",)))
    chain, definition, kronecker, renamed, solved = re.split(r"\\tag\{\d+\}", document)[1:6]
    assert r"\new{" not in chain
    assert r"\new{\frac{\partial x_{n,\,s i+d r-p,\,s j+d t-p,\,c}}{\partial x_{n',i',j',c'}}}" in definition
    assert r"\new{w_{r,t,c,k}}" in definition
    assert r"\new{[n=n']}\new{[c=c']}\new{[i'=s i+d r-p]}\new{[j'=s j+d t-p]}" in kronecker
    assert r"\delta_{\new{n'},i,j,k}" in renamed
    assert r"w_{r,t,\new{c'},k}" in renamed
    assert r"\new{[s\mid i'+p-d r]}" in solved


SAME_ELEMENT = "derivative of $x$ by itself: 1 for the same element, else 0"


def test_reasons_stand_beside_the_rows_or_above_them() -> None:
    for layer, wide in (("dense", False), ("max_pool2d", True)):
        document = latex_writer.render(derive(LAYERS[layer](), wrt=("x",)))
        beside = re.findall(r"\\why(?:lines\{[\d.]+\})?\{(.*?)\} && ", document)
        above = re.findall(r"&\\why\{(.*?)\}\\\\\*\n.*= ", document)
        assert (SAME_ELEMENT in above) == wide
        assert (SAME_ELEMENT in beside) != wide


def test_the_result_is_boxed_with_its_name() -> None:
    document = latex_writer.render(derive(LAYERS["conv2d"](), settings={"stride": "1", "dilation": "1"}))
    assert r"\textbf{Convolution} of $\delta$ with $w$, that is the correlation of $\delta$ with" in document
    assert (
        r"\boxed{\;\frac{\partial E}{\partial x_{n,i,j,c}} = \sum_{r,t,k}\,\delta_{n,\,i+p-r,\,j+p-t,\,k}" in document
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a_h", r"\mathrm{a\_h}"),
        ("argmax", r"\mathrm{argmax}"),
        ("gamma", r"\gamma"),
        ("w_hat", r"\hat{w}"),
        ("dy", r"\delta^{(l)}"),
    ],
)
def test_names_of_tensors(name: str, expected: str) -> None:
    assert LatexTypesetter(Notation(deltas={"dy": "l"})).expr(Access(name)) == expected


def test_a_quotient_below_the_line_stands_in_parentheses() -> None:
    notation = Notation(quotients={"ddy": "dy", "dy": "y"}, scalars={"ddy": "S"})
    assert LatexTypesetter(notation).expr(Access("ddy")) == r"\frac{\partial S}{\partial (\partial E/\partial y)}"


def test_prose_is_escaped() -> None:
    assert prose("a_b & 50 % of {x}") == r"a\_b \& 50 \% of \{x\}"


def test_words_take_no_font_of_their_own() -> None:
    """XeLaTeX and LuaLaTeX have no sign for what pdfLaTeX makes of UTF-8 by itself, unless they have their fonts."""
    text = "Größe, Łódź, é ñ × · … – “q” 漢 ∇ ß æ 25° € ½"
    assert prose(text).isascii()
    assert prose("Łódź × ß") == r"\L{}\'{o}d\'{z} $\times$ \ss{}"


def test_width_grows_with_what_is_printed() -> None:
    assert width("x_{i}") < width("x_{i,j}") < width("x y z w v")
    assert width(r"\frac{a}{b}") < width("a+b")
    assert width(r"\sum_{i}") == width(r"\sum")
    assert width(r"\sum_{i,j,k,r,t,c,n,m}") > width(r"\sum")


@pytest.mark.parametrize("indices", ["i,j,k,r,t,c,n,m", "i,j,k,r,t,c,n,m,p,q,s,v"])
def test_below_a_long_row_of_indices_a_sum_sign_takes_no_room(indices: str) -> None:
    beside = width(f"x_{{{indices}}}") - width("x")
    assert beside > width(r"\sum")
    assert width(rf"\sum_{{{indices}}}") == pytest.approx(beside)
    smaller = width(rf"x^{{y_{{{indices}}}}}") - width("x^y")
    assert width(rf"x^{{\sum_{{{indices}}}}}") - width("x") == pytest.approx(smaller)


def test_notebooks_show_equations_steps_and_derivations() -> None:
    derivation = derived("dense")
    bundle = derivation._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/markdown", "text/latex"}
    assert bundle["text/plain"] == str(derivation)
    step = derivation.sections[0].steps[-1]
    assert step._repr_mimebundle_()["text/latex"] == (
        r"$\displaystyle \frac{\partial E}{\partial x_{e',c'}} = \sum_{k}\,\delta_{e',k}\,w_{c',k}$"
    )
    program = derivation.program
    assert program._repr_mimebundle_()["text/latex"] == (
        r"$\displaystyle \begin{aligned}u_{e,k} &= b_{k}+\sum_{c=0}^{C-1}\,x_{e,c}\,w_{c,k}\end{aligned}$"
    )
    assert program.statements[1]._repr_mimebundle_()["text/latex"] == r"$\displaystyle u_{e,k} = b_{k}$"
