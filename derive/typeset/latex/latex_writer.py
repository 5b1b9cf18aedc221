"""Derivations as stand-alone LaTeX documents: rows aligned, a reason beside each, what a step changed in colour."""

from sympy import ImmutableMatrix

from gradscribe.derive.derivation.certificate.certificate import Footer
from gradscribe.derive.derivation.record import Derivation, Formula, Grid, LayerTable, Words
from gradscribe.derive.typeset.document.arrange import capitalised, document
from gradscribe.derive.typeset.document.block_writer import Writer
from gradscribe.derive.typeset.document.document import Box, Closing, Equations, Heading, Paragraph, Part, Rows, Source
from gradscribe.derive.typeset.latex.latex_lines import broken
from gradscribe.derive.typeset.latex.latex_rows import equation_lines, row_lines
from gradscribe.derive.typeset.latex.latex_tables import grid_lines, layer_lines, matrix_lines
from gradscribe.derive.typeset.mathematics.latex_formulas import formula as on_one_line
from gradscribe.derive.typeset.mathematics.latex_letters import prose
from gradscribe.derive.typeset.mathematics.latex_symbols import InlineTypesetter, LatexTypesetter
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.mathematics.latex_words import measured, sentence, sentence_width
from gradscribe.derive.typeset.terms.sides import left

PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath,amssymb,array,longtable,xcolor}
\definecolor{new}{RGB}{0,90,160}
\newcommand{\new}[1]{{\color{new}#1}} % what this step changed
\newcommand{\why}[1]{\text{\footnotesize\color{black!55}#1}\quad}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt plus 2pt}
\raggedbottom
\allowdisplaybreaks[1]
\emergencystretch=3em
"""
COMMANDS = {"title": r"\section*", "layer": r"\section*", "gradient": r"\subsection*"}
DISPLAYS = Equations | Rows | Formula | Grid | Box
"""What continues a paragraph; a box begins one by itself where words lead to it."""
_BOX = 39.0
"""What a box holds, in em; its number stands beside it."""


def render(derivation: Derivation, footer: Footer | None = None) -> str:
    """The derivation as a document that pdflatex compiles; a footer becomes its last line."""
    lines: list[str] = []
    for part in document(derivation, footer).parts:
        writer = LatexWriter(part)
        for passage in part.passages:
            lines += [""] if lines and not isinstance(passage[0], DISPLAYS) else []
            lines += [line for block in passage for line in writer.block(block)]
    return "\n".join([PREAMBLE + r"\begin{document}", *lines, r"\end{document}"]) + "\n"


class LatexWriter(Writer):
    """Blank lines between paragraphs; displays continue them."""

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self.t = LatexTypesetter(part.notation)
        self.inline = InlineTypesetter(part.notation)

    def heading(self, heading: Heading) -> list[str]:
        """A section or what is below it."""
        return [f"{COMMANDS[heading.kind]}{{{self._words(heading.words)}}}"]

    def paragraph(self, paragraph: Paragraph) -> list[str]:
        """Each sentence on a line of the source."""
        return [self._words(words) for words in paragraph.sentences]

    def equations(self, equations: Equations) -> list[str]:
        """Aligned."""
        return equation_lines(equations.equations, self.t)

    def rows(self, rows: Rows) -> list[str]:
        """Aligned, with tags."""
        return row_lines(rows.rows, self.t, self.inline)

    def box(self, box: Box) -> list[str]:
        """The name beside the box where both fit on a line, else before it."""
        result = box.result
        name = left(result.step, self.t)
        parts = broken(self.t.row(result.step), _BOX - width(name) - 1.4)
        inner = f"{name} = {parts[0]}"
        if len(parts) > 1:
            inner = rf"\begin{{aligned}}{name} &= " + r" \\ &\qquad ".join(parts) + r"\end{aligned}"
        boxed = rf"\boxed{{\;{inner}\;}}"
        lead = [self._words(result.lead)] if result.lead else []
        if len(parts) == 1 and width(inner) + 0.95 * sentence_width(result.name, self.inline) + 5 < 40:
            boxed += rf"\qquad\text{{{self._named(result.name)}}}"
            before = ["", *lead] if lead else []
        else:
            named = self._named(result.name if lead else capitalised(result.name))
            before = ["", " ".join([*lead, f"{named}:"])]
        return [*before, r"\begin{equation*}", rf"{boxed}\tag{{{box.number}}}", r"\end{equation*}"]

    def formula(self, formula: Formula) -> list[str]:
        """A display."""
        if isinstance(formula.right, ImmutableMatrix):
            return matrix_lines(formula.left, formula.right, self.t, self.inline)
        return [r"\[", on_one_line(formula, self.t), r"\]%"]

    def grid(self, grid: Grid) -> list[str]:
        """A table."""
        return grid_lines(grid, self.inline)

    def layers(self, table: LayerTable) -> list[str]:
        """A table."""
        return layer_lines(table)

    def source(self, source: Source) -> list[str]:
        """Small."""
        return [r"\medskip", rf"{{\footnotesize {self._words(source.words)}\par}}"]

    def closing(self, closing: Closing) -> list[str]:
        """Small."""
        return [r"\bigskip", rf"{{\footnotesize {measured(closing.footer, self.inline)}\par}}"]

    def _named(self, name: Words) -> str:
        """The name with its kind in bold: full convolution of ..."""
        first, *rest = name
        if isinstance(first, str) and first.endswith(" of "):
            return rf"\textbf{{{prose(first[:-4])}}} of {self._words(tuple(rest))}"
        return self._words(name)

    def _words(self, words: Words) -> str:
        return sentence(words, self.inline)
