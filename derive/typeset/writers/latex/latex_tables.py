"""Tables and matrices between the lines of a LaTeX document."""

from collections.abc import Sequence
from math import ceil

from sympy import Expr, ImmutableMatrix

from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.section_record import Grid
from gradscribe.derive.typeset.document.columns import blocks
from gradscribe.derive.typeset.document.document import Listing
from gradscribe.derive.typeset.document.layer_cells import EQUATIONS, headings
from gradscribe.derive.typeset.mathematics.latex_formulas import array
from gradscribe.derive.typeset.mathematics.latex_letters import prose
from gradscribe.derive.typeset.mathematics.latex_symbols import InlineTypesetter, LatexTypesetter
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.mathematics.latex_words import layer_cells, sentence, sentence_width, unbroken_width

_LINE = 42.0
"""Of a page, in em."""
_NARROW = 5.0
"""What a column of sentences has at least."""
FONTS = (("", 1.0), (r"\small", 0.9), (r"\footnotesize", 0.8), (r"\scriptsize", 0.7))


def matrix_lines(left: Expr, matrix: ImmutableMatrix, t: LatexTypesetter, inline: InlineTypesetter) -> list[str]:
    """A matrix, where it is wide in a smaller font, where it is wider in several parts."""
    widths = [max(width(inline.expr(v)) for v in column) + 1 for column in matrix.T.tolist()]
    head = width(t.expr(left)) + 2
    font, scale = next((x for x in FONTS if (head + sum(widths)) * x[1] <= _LINE), FONTS[-1])
    parts = [array(matrix, block, t) for block in blocks(widths, _LINE / scale - head)]
    parts[0] = f"{t.expr(left)} = {parts[0]}"
    lines = [line for part in parts for line in (r"\[", part, r"\]%")]
    return [f"{{{font}%", *lines, "}%"] if font else lines


def grid_lines(grid: Grid, t: InlineTypesetter) -> list[str]:
    """A table whose widest column has several lines where the page is too narrow; it stays on one page."""
    head = " & ".join(sentence(cell, t) for cell in grid.head)
    rows = [" & ".join(f"${t.expr(e)}$" for e in row) for row in grid.rows]
    widths = [max(width(t.expr(e)) for e in column) + 1.2 for column in zip(*grid.rows, strict=True)]
    widest = widths.index(max(widths))
    room = _LINE - sum(widths) + widths[widest]
    broken = rf">{{\raggedright\arraybackslash}}p{{{room:.0f}em}}"
    columns = "".join(broken if c == widest and room < w else "l" for c, w in enumerate(widths))
    body = " \\\\[2pt]\n".join(rows)
    return [
        r"\begin{center}",  # a longtable knows its columns when it is read a second time
        rf"\begin{{tabular}}{{{columns}}}",
        rf"{head} \\ \hline",
        r"\rule{0pt}{12pt}" + body,
        r"\end{tabular}",
        r"\end{center}",
    ]


def listing_lines(listing: Listing, t: InlineTypesetter) -> list[str]:
    """A table that pages may break; its columns share the room of a line so that it has few lines.

    A column is narrower than a part of a formula only where there is no room for it.
    """
    cells = (listing.head, *listing.rows)
    table = [[sentence(cell, t) for cell in row] for row in cells]
    needed = [[sentence_width(cell, t) for cell in row] for row in cells]
    least = [max(_NARROW, *(unbroken_width(cell, t) for cell in column)) for column in zip(*cells, strict=True)]
    widths = [max(column) for column in zip(*needed, strict=True)]
    line = (_LINE / FONTS[2][1] - 1.4 * len(widths)) / 1.25
    while sum(widths) > line:
        wide = [n for n, w in enumerate(widths) if w > least[n]] or [n for n, w in enumerate(widths) if w > _NARROW]
        choices = [[w - 0.5 * (c == n) for c, w in enumerate(widths)] for n in wide]
        if not choices:
            break
        widths = min(choices, key=lambda choice: (_height(needed, choice), max(choice)))
    columns = "".join(rf">{{\raggedright\arraybackslash}}p{{{1.25 * w + 0.5:.1f}em}}" for w in widths)
    lines = [r"{\footnotesize\setlength{\tabcolsep}{0.4em}", rf"\begin{{longtable}}[l]{{@{{}}{columns}@{{}}}}"]
    lines += [" & ".join(table[0]) + r" \\ \hline \endhead"]
    lines += [_no_option(" & ".join(row)) + r" \\" for row in table[1:]]
    return [*lines, r"\hline", r"\end{longtable}}"]


def _no_option(row: str) -> str:
    """A row that cannot be read as an option of the end of the row above."""
    return f"{{}}{row}" if row.startswith(("[", "*")) else row


def _height(needed: Sequence[Sequence[float]], widths: Sequence[float]) -> int:
    """How many lines rows take, by what their cells need."""
    return sum(max(ceil(w / width) for w, width in zip(row, widths, strict=True)) for row in needed)


def layer_lines(table: LayerTable, t: InlineTypesetter) -> list[str]:
    """A table of fixed columns that pages may break."""
    head = headings(table)
    widths = (1.1, 3.2, 2.0, 2.9, 3.1, 1.9) if EQUATIONS in head else (1.3, 3.7, 1.5, 3.8, 3.3)
    columns = "".join(rf">{{\raggedright\arraybackslash}}p{{{w}cm}}" for w in widths)
    columns += r">{\raggedleft\arraybackslash}p{" + ("1.7cm}" if EQUATIONS in head else "2.4cm}")
    lines = [r"{\footnotesize\setlength{\tabcolsep}{2pt}", rf"\begin{{longtable}}[l]{{@{{}}{columns}@{{}}}}"]
    lines += [" & ".join(sentence(cell, t) for cell in head) + r" \\ \hline \endhead"]
    cells = layer_cells(table, t.language, _narrow)
    lines += [" & ".join(r" \newline ".join(cell) for cell in row) + r" \\" for row in cells]
    return [*lines, r"\hline", r"\end{longtable}}"]


def _narrow(name: str) -> str:
    """A name after whose underscores a line may end."""
    return r"\_\allowbreak ".join(prose(part) for part in name.split("_"))
