"""Derivations as stand-alone LaTeX documents: rows aligned, a reason beside each, what a step changed in colour."""

from collections.abc import Sequence
from itertools import groupby

from sympy import ImmutableMatrix, Pow

from gradscribe.derive.derivation.certificate.certificate import Footer
from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.page_record import Definition, Derivation
from gradscribe.derive.derivation.record.section_record import Formula, Grid
from gradscribe.derive.derivation.record.sentence import Place, Reference, Rounded, Words
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.block_writer import Writer
from gradscribe.derive.typeset.document.document import (
    Box,
    Closing,
    Contents,
    Document,
    Equations,
    Heading,
    Listing,
    Paragraph,
    Part,
    Rows,
    Source,
)
from gradscribe.derive.typeset.document.look import PLAIN, Look
from gradscribe.derive.typeset.mathematics.latex_formulas import formula as on_one_line
from gradscribe.derive.typeset.mathematics.latex_symbols import FONTS, InlineTypesetter, LatexTypesetter
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.mathematics.latex_words import sentence, sentence_width
from gradscribe.derive.typeset.terms.sides import left, sides
from gradscribe.derive.typeset.writers.latex.latex_lines import broken
from gradscribe.derive.typeset.writers.latex.latex_lines import written as lines_of
from gradscribe.derive.typeset.writers.latex.latex_rows import equation_lines, row_lines
from gradscribe.derive.typeset.writers.latex.latex_tables import grid_lines, layer_lines, listing_lines, matrix_lines
from gradscribe.said import ENGLISH, begun

PACKAGES = r"\usepackage{amsmath,amssymb,array,longtable,xcolor}"
SETTINGS = r"""\definecolor{new}{RGB}{0,90,160}
\def\new#1{{\color{new}#1}}% what this step changed
\def\why#1{\text{\footnotesize\color{black!60}#1}\quad}% the reason of a step
\def\whyabove#1{\parbox{40em}{\raggedright\footnotesize\color{black!60}#1}}
\def\whylines#1#2{\parbox{#1em}{\raggedleft\footnotesize\color{black!60}#2}\quad}
\setlength{\parindent}{0pt}
\setlength{\parskip}{3pt plus 2pt}
\setlength{\jot}{2pt}
\def\near{\abovedisplayskip4pt plus 2pt minus 2pt\belowdisplayskip\abovedisplayskip}% fonts set these, too
\near
\makeatletter
\def\subsection{\@startsection{subsection}{2}{\z@}{-9pt plus -3pt}{3pt}{\normalfont\large\bfseries}}
\makeatother
\allowdisplaybreaks[4]
\emergencystretch=3em
"""
"""What a page sets; all of it ends with the group that it stands in."""
COMMANDS = {
    ("title", 1): r"\section*",
    ("layer", 2): r"\subsection*",
    ("title", 2): r"\section",
    ("layer", 3): r"\subsubsection*",
    ("title", 3): r"\section",
    ("layer", 4): r"\subsection*",
}
"""Headings by kind and level; below that of a document of several derivations they are one deeper, in a book two."""
DISPLAYS = Equations | Rows | Formula | Grid | Box
"""What continues a paragraph; a box begins one by itself where words lead to it."""
_BOX = 39.0
"""What a box holds, in em; its number stands beside it."""


def packages(language: str = ENGLISH) -> list[str]:
    """The packages that a document in a language asks for."""
    return [PACKAGES, *([FONTS[language]] if language in FONTS else [])]


def preamble(language: str = ENGLISH) -> str:
    """What stands before the text of a document."""
    asked = "\n".join(packages(language))
    return rf"""\documentclass[11pt,a4paper]{{article}}
\usepackage[margin=2cm]{{geometry}}
{asked}
\raggedbottom
{SETTINGS}"""


def book_preamble(language: str = ENGLISH) -> str:
    """What stands before the text of a book: heads of pages, sections that begin a page, numbers that lead on."""
    asked = "\n".join(packages(language))
    return rf"""\documentclass[11pt,a4paper,oneside]{{book}}
\usepackage[margin=2cm,headsep=8mm,includehead]{{geometry}}
{asked}
\usepackage[hidelinks,hypertexnames=false]{{hyperref}}
\raggedbottom
{SETTINGS}\makeatletter
\def\ps@headings{{\def\@oddhead{{\small\setbox0\hbox{{\leftmark\qquad\rightmark}}\ifdim\wd0>\hsize\else\leftmark\fi\hfil\rightmark}}\def\@oddfoot{{\hfil\thepage\hfil}}%
  \def\chaptermark##1{{\markboth{{\thechapter\enspace##1}}{{}}}}\def\sectionmark##1{{\markright{{\thesection\enspace##1}}}}}}
\def\titleofbook#1{{\thispagestyle{{empty}}\null\vskip.28\textheight{{\centering\Huge\bfseries#1\par}}\vskip2cm}}
\newif\ifbegun % the first section of a chapter stands below its heading, all others begin a page
\let\headchapter\chapter \def\chapter{{\global\begunfalse\headchapter}}
\let\headsection\section \def\section{{\ifbegun\clearpage\fi\global\beguntrue\headsection}}
\def\lettered{{\def\@chapapp{{\appendixname}}}}
\def\linked#1{{\hbox{{\hyperref[#1]{{#1}}}}}}
\def\place#1{{\hbox{{\phantomsection\label{{#1}}#1}}}}
\makeatother
\pagestyle{{headings}}
\setcounter{{tocdepth}}{{1}}
"""


def fragment(language: str = ENGLISH) -> str:
    """What stands before a text that documents read."""
    asked = "\n".join(f"%   {package}" for package in packages(language))
    return rf"""% To be read by \input. The document that reads it has in its preamble:
{asked}
% and lines of at least 17 cm, such as \usepackage[margin=2cm]{{geometry}} gives to A4.
\begingroup
{SETTINGS}"""


def render(derivation: Derivation, footer: Footer | None = None, look: Look = PLAIN) -> str:
    """The derivation as a document for any LaTeX, or to be read into one; a footer becomes its last line."""
    return page(document(derivation, footer), look)


def page(whole: Document, look: Look = PLAIN) -> str:
    """A document."""
    lines: list[str] = []
    for part in whole.parts:
        writer = LatexWriter(part, whole.language)
        for is_boxes, passages in groupby(part.passages, key=lambda p: all(isinstance(block, Box) for block in p)):
            if is_boxes:
                lines += writer.boxes([block for p in passages for block in p if isinstance(block, Box)])
                continue
            for passage in passages:
                if look.fragment and isinstance(passage[0], Contents):
                    continue  # the document that reads it has its own
                lines += [""] if lines and not isinstance(passage[0], DISPLAYS) else []
                lines += [line for block in passage for line in writer.block(block)]
    if look.fragment:
        return "\n".join([f"{fragment(whole.language)}%", *lines, "", r"\endgroup"]) + "\n"
    is_book = any(isinstance(block, Heading) and block.kind == "book" for block in whole.blocks)
    before = (book_preamble if is_book else preamble)(whole.language)
    return "\n".join([before + r"\begin{document}", *lines, r"\end{document}"]) + "\n"


class LinkingTypesetter(InlineTypesetter):
    """With numbers that lead to what has them, by commands of a book."""

    def reference(self, e: Reference | Place) -> str:
        """A command."""
        return rf"\{'place' if isinstance(e, Place) else 'linked'}{{{e.word}}}"


class LatexWriter(Writer):
    """Blank lines between paragraphs; displays continue them."""

    def __init__(self, part: Part, language: str = ENGLISH) -> None:
        super().__init__(part, language)
        self.t = LatexTypesetter(part.notation, language=language)
        self.inline = LinkingTypesetter(part.notation, language=language)

    def heading(self, heading: Heading) -> list[str]:
        """A section or what is below it."""
        words = self._words(heading.words)
        if heading.kind == "document":
            return [r"\begin{center}", rf"{{\LARGE {words}\par}}", r"\end{center}"]
        if heading.kind == "book":
            return [rf"\hypersetup{{pdftitle={{{words}}}}}", rf"\titleofbook{{{words}}}"]
        if heading.kind == "chapter":
            kind = "" if str(heading.number).isdecimal() else r"\lettered"
            return [rf"{kind}\def\thechapter{{{heading.number}}}\chapter{{{words}}}"]
        if heading.kind == "gradient":  # a paragraph begins with it
            return [rf"\medskip\textbf{{{words}.}}"]
        label = rf"\label{{{heading.number}}}" if isinstance(heading.number, str) else ""
        return [f"{COMMANDS[heading.kind, heading.level]}{{{words}}}{label}"]

    def contents(self, contents: Contents) -> list[str]:
        """LaTeX makes it of the numbered headings."""
        return [r"\tableofcontents"]

    def paragraph(self, paragraph: Paragraph) -> list[str]:
        """Each sentence on a line of the source."""
        return [self._words(words) for words in paragraph.sentences]

    def equations(self, equations: Equations) -> list[str]:
        """Aligned; an update whose only quotients are gradients on one line each."""
        return equation_lines(equations.equations, self.inline if _is_plain_update(equations) else self.t)

    def rows(self, rows: Rows) -> list[str]:
        """Aligned, with tags."""
        return row_lines(rows.rows, self.t, self.inline)

    def box(self, box: Box) -> list[str]:
        """The name and the form beside the box where they fit on a line, else before and below it."""
        return self.boxes([box])

    def boxes(self, boxes: Sequence[Box]) -> list[str]:
        """Boxes that follow each other; those in one display that have nothing before and below them."""
        lines: list[str] = []
        for alone, run in groupby(map(self._boxed, boxes), key=lambda parts: not parts[0] and not parts[2]):
            found = list(run)
            if alone and len(found) > 1:
                lines += [r"\begin{gather*}", "\\\\\n".join(line for _, line, _ in found), r"\end{gather*}"]
            else:
                lines += [
                    text
                    for before, line, below in found
                    for text in (*before, r"\begin{equation*}", line, r"\end{equation*}", *below)
                ]
        return lines

    def _boxed(self, box: Box) -> tuple[list[str], str, list[str]]:
        """What stands before a box, the box with its number, and what stands below it."""
        result = box.result
        name = left(result.step, self.t)
        parts = lines_of(broken(self.t.row(result.step), _BOX - width(name) - 1.4))
        inner = f"{name} = {parts[0]}"
        if len(parts) > 1:
            inner = rf"\begin{{aligned}}{name} &= " + r" \\ &".join(parts) + r"\end{aligned}"
        boxed = rf"\boxed{{\;{inner}\;}}"
        lead = [self._words(result.lead)] if result.lead else []
        below = self.formula(box.form) if box.form is not None else []
        used = width(inner) + 5
        if box.form is not None and len(parts) == 1 and used + width(beside := on_one_line(box.form, self.t)) < 40:
            boxed += rf"\qquad {beside}"
            used += width(beside) + 2
            below = []
        if result.name and all(isinstance(word, Rounded) for word in result.name):
            boxed += rf"\quad{self.t.rounded}"
            before = ["", *lead] if lead else []
        elif not result.name:
            before = ["", *lead] if lead else []
        elif len(parts) == 1 and used + 0.95 * sentence_width(result.name, self.inline) < 40:
            boxed += rf"\qquad\text{{{self._named(result.name)}}}"
            before = ["", *lead] if lead else []
        else:
            named = self._named(result.name if lead else begun(result.name))
            before = ["", " ".join([*lead, named if lead else f"{named}:"])]  # a clause has its colon
        return before, rf"{boxed}\tag{{{box.number}}}", below

    def formula(self, formula: Formula) -> list[str]:
        """A display."""
        if isinstance(formula.right, ImmutableMatrix):
            return matrix_lines(formula.left, formula.right, self.t, self.inline)
        both = sides(formula, self.t)
        parts = lines_of(broken(both.right, _BOX - width(both.left)))
        if len(parts) == 1:
            return [r"\[", f"{both.left} {both.sign} {parts[0]}", r"\]%"]
        lines = r" \\ &".join(parts)
        return [r"\[", rf"\begin{{aligned}}{both.left} &{both.sign} {lines}\end{{aligned}}", r"\]%"]

    def grid(self, grid: Grid) -> list[str]:
        """A table."""
        return grid_lines(grid, self.inline)

    def listing(self, listing: Listing) -> list[str]:
        """A table."""
        return listing_lines(listing, self.inline)

    def layers(self, table: LayerTable) -> list[str]:
        """A table."""
        return layer_lines(table, self.inline)

    def source(self, source: Source) -> list[str]:
        """Small."""
        return [r"\medskip", rf"{{\footnotesize {self._words(source.words)}\par}}"]

    def closing(self, closing: Closing) -> list[str]:
        """Small."""
        return [r"\bigskip", rf"{{\footnotesize {self._words(closing.words)}\par}}"]

    def _named(self, name: Words) -> str:
        """The name with its kind in bold: full convolution of ..."""
        first, *rest = self.inline.spoken(name)
        if isinstance(first, str) and first.endswith(" of "):
            return rf"\textbf{{{self.inline.prose(first[:-4])}}} of {self._words(tuple(rest))}"
        return self._words(name)

    def _words(self, words: Words) -> str:
        return sentence(words, self.inline)


def _is_plain_update(equations: Equations) -> bool:
    found = [e.equation for e in equations.equations if isinstance(e.equation, Definition) and e.equation.becomes]
    powers = (p for d in found for t in d.terms for p in t.body.atoms(Pow))
    return len(found) == len(equations.equations) > 1 and not any(p.exp.is_negative for p in powers)
