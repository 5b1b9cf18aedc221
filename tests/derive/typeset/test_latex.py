"""LaTeX: every document compiles without a line in the margin; what changed is coloured; notebooks get mathematics."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.notation import Notation
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.latex import latex_writer
from gradscribe.derive.typeset.latex.latex_lines import broken
from gradscribe.derive.typeset.mathematics.latex_letters import prose
from gradscribe.derive.typeset.mathematics.latex_symbols import LatexTypesetter
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.terms.expression_writer import Part
from gradscribe.derive.typeset.terms.typesetter import Piece
from tests.cases.catalogue import derived
from tests.derive.typeset import pages

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def test_a_line_never_ends_with_a_sum_sign_or_a_constant() -> None:
    """Not even where nothing fits: every other piece then stands on a line of its own."""
    written = [
        ("u", ""),
        ("b", "+"),
        (r"\sum_{r}", "S"),
        ("w", " "),
        ("x", " "),
        ("a", "-"),
        (r"\sum_{c}", "S"),
        ("z", " "),
    ]
    pieces = [Piece((Part(text),), glue) for text, glue in written]
    assert broken(pieces, 0.0) == ["u", r"{}+b\,\sum_{r}\,w", r"{}\,x", r"{}-a\,\sum_{c}\,z"]
    assert broken(pieces, 99.0) == [r"u+b\,\sum_{r}\,w\,x-a\,\sum_{c}\,z"]


@needs_pdflatex
@pytest.mark.parametrize("group", ["FIRST", "SECOND", "OF_NETWORKS", "CORRELATIONS"])
def test_pages_compile_within_the_margins(group: str, tmp_path: Path) -> None:
    assert not overfull({label(name): pages.text(name, "latex") for name in getattr(pages, group)}, tmp_path)


def overfull(documents: dict[str, str], folder: Path) -> list[tuple[str, str]]:
    """The lines in the margin, by document; all of them as one, for most of a run of pdflatex is its start."""
    begin, end = r"\begin{document}", r"\end{document}"
    assert {d.partition(begin)[0] for d in documents.values()} == {latex_writer.PREAMBLE}
    bodies = [
        rf"\typeout{{{MARK}{name}}}{d.partition(begin)[2].partition(end)[0]}\clearpage" for name, d in documents.items()
    ]
    log = compile_latex("\n".join([latex_writer.PREAMBLE + begin, *bodies, end]), folder)
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


def rows(document: str) -> list[str]:
    return [line for line in document.splitlines() if line.startswith(r"\why")]


def test_what_a_step_changed_is_coloured() -> None:
    found = rows(latex_writer.render(derive(LAYERS["conv2d"](), wrt=("x",))))
    chain, definition, kronecker, renamed, solved = found[:5]
    assert r"\new" not in chain
    assert re.findall(r"\\new\{", definition) == [r"\new{"]
    assert r"\new{\frac{\partial x_{n,\,s i+d r-p,\,s j+d t-p,\,c}}{\partial x_{m,q,v,e}}}" in definition
    assert r"\new{[n=m]}\new{[c=e]}\new{[q=s i+d r-p]}\new{[v=s j+d t-p]}" in kronecker
    assert r"\delta^{(l)}_{\new{m},i,j,k}" in renamed
    assert r"w_{r,t,\new{e},k}" in renamed
    assert r"\new{[s\mid q+p-d r]}" in solved


def test_reasons_stand_beside_the_rows() -> None:
    found = rows(latex_writer.render(derive(LAYERS["conv2d"](), wrt=("x",))))
    reasons = [re.match(r"\\why\{(.*?)\} &&", row) for row in found[:5]]
    assert [r.group(1) for r in reasons if r] == [
        "chain rule", "definition of $u$", "same element?", "$n$, $c$ collapse", "solved for $i$, $j$",
    ]  # fmt: skip


def test_the_result_is_boxed_with_its_name() -> None:
    document = latex_writer.render(derive(LAYERS["conv2d"](), settings={"stride": "1", "dilation": "1"}))
    assert r"\textbf{Full convolution} of $\delta^{(l)}$ with the kernel $w$ rotated by $\pi$" in document
    assert (
        r"\boxed{\;\frac{\partial E}{\partial x_{m,q,v,e}} = \sum_{r,t,k}\,\delta^{(l)}_{m,\,q+p-r,\,v+p-t,\,k}"
        in document
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a_h", "a^{h}"),
        ("argmax", r"\operatorname{argmax}"),
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


def test_lines_of_short_summands_are_filled() -> None:
    """A line may end before any of them: each but the last holds as many as fit behind its margin of 2 em."""
    pieces = [Piece((Part(f"a_{{{k}}}"),), "+" if k else "") for k in range(10)]
    summand = width("+a_{1}")
    budget = 2 + 3.2 * summand
    lines = broken(pieces, budget)
    assert "".join(lines).replace("{}", "") == "+".join(f"a_{{{k}}}" for k in range(10))
    rooms = [budget - width(line) - 2 * line.startswith("{}") for line in lines]
    assert len(rooms) > 2
    assert all(0 <= room < summand for room in rooms[:-1])


def test_markdown_uses_no_macro_of_its_own() -> None:
    for name in (*pages.FIRST, *pages.SECOND):
        rendered = pages.text(name, "markdown")
        assert "\\new" not in rendered, name
        assert "alignat" not in rendered, name
        assert rendered.count("$$") % 2 == 0, name
        assert rendered.count(r"\begin{aligned}") == rendered.count(r"\end{aligned}"), name


def test_notebooks_show_equations_steps_and_derivations() -> None:
    derivation = derived("dense")
    bundle = derivation._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/markdown", "text/latex"}
    assert bundle["text/plain"] == str(derivation)
    step = derivation.sections[0].steps[-1]
    assert step._repr_mimebundle_()["text/latex"] == (
        r"$\displaystyle \frac{\partial E}{\partial x_{m,q}} = \sum_{k}\,\delta^{(l)}_{m,k}\,w_{q,k}$"
    )
    program = derivation.program
    assert program._repr_mimebundle_()["text/latex"] == (
        r"$\displaystyle \begin{aligned}u_{e,k} &= b_{k}+\sum_{c=0}^{C-1}\,x_{e,c}\,w_{c,k}\end{aligned}$"
    )
    assert program.statements[1]._repr_mimebundle_()["text/latex"] == r"$\displaystyle u_{e,k} = b_{k}$"
