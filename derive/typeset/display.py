"""What stands on lines of its own between sentences: formulas, matrices of numbers and tables, in all formats."""

import re
from collections.abc import Callable, Sequence

from sympy import ImmutableMatrix

from derive.derivation.record import Formula, Grid, Words
from derive.term import Term
from derive.typeset.latex_symbols import InlineTypesetter, LatexTypesetter, joined
from derive.typeset.latex_width import width
from derive.typeset.text_symbols import TextTypesetter

_LINE = 42.0
"""Of a page of LaTeX, in em."""
FONTS = (("", 1.0), (r"\small", 0.9), (r"\footnotesize", 0.8), (r"\scriptsize", 0.7))


def blocks(widths: Sequence[float], room: float) -> list[range]:
    """The columns of a table, as many at a time as there is room for, at least one."""
    found: list[range] = []
    start, used = 0, 0.0
    for column, width_ in enumerate(widths):
        if column > start and used + width_ > room:
            found.append(range(start, column))
            start, used = column, 0.0
        used += width_
    return [*found, range(start, len(widths))]


def text_matrix(matrix: ImmutableMatrix, head: str, t: TextTypesetter, line: int) -> list[str]:
    """The rows after `head`; as many columns at a time as a line holds, the others below them."""
    cells = [[t.expr(v) for v in row] for row in matrix.tolist()]
    widths = [max(len(row[column]) for row in cells) for column in range(matrix.shape[1])]
    lines: list[str] = []
    for block in blocks([w + 2 for w in widths], line - len(head) - 2):
        rows = ["  ".join(f"{row[c]:>{widths[c]}}" for c in block) for row in cells]
        left, right = ("⎡⎢⎣", "⎤⎥⎦") if len(rows) > 1 else ("[[[", "]]]")
        lines += [""] if block.start else []
        for number, row in enumerate(rows):
            at = 0 if number == 0 else 2 if number == len(rows) - 1 else 1
            before = head if number == len(rows) // 2 and block.start == 0 else " " * len(head)
            ends = ("⎢" if block.start else left[at], "⎥" if block.stop < len(widths) else right[at])
            lines.append(f"{before}{ends[0]} {row} {ends[1]}" if len(rows) > 1 else f"{before}{left[0]}{row}{right[0]}")
    return lines


def text_grid(grid: Grid, t: TextTypesetter, line: int) -> list[str]:
    """Columns of text; sums in the widest one go on below where a line does not hold them."""
    table = [[t.words(cell) for cell in grid.head], *([t.expr(e) for e in row] for row in grid.rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(grid.head))]
    widest = widths.index(max(widths))
    widths[widest] = min(widths[widest], line - 2 * len(widths) - sum(widths) + widths[widest])
    lines = []
    for row in table:
        parts = _parts(row[widest], widths[widest])
        for number, part in enumerate(parts):
            cells = [part if c == widest else "" if number else cell for c, cell in enumerate(row)]
            text = "  ".join(f"{c:<{w}}" for c, w in zip(cells, widths, strict=True))
            lines.append(f"  {text}".rstrip())
    return [lines[0], "  " + "─" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]]


def _parts(text: str, room: int) -> list[str]:
    """A sum in lines that begin with a sign."""
    lines = [""]
    for summand in re.split("(?<=.)(?=[+−])", text):
        if lines[-1] and len(lines[-1]) + len(summand) > room:
            lines.append("  ")
        lines[-1] += summand
    return lines


def formula(f: Formula, t: LatexTypesetter) -> str:
    """A formula as LaTeX without delimiters."""
    if isinstance(f.right, ImmutableMatrix):
        right = _array(f.right, range(f.right.shape[1]), t)
    elif isinstance(f.right, Term):
        right = joined(t.within(f.right).summand(f.right, (), False))
    else:
        right = t.expr(f.right)
    return f"{t.expr(f.left)} = {right}"


def _array(matrix: ImmutableMatrix, block: range, t: LatexTypesetter) -> str:
    """Some columns of a matrix; the bracket stays open where others stand before or after them."""
    rows = r" \\[3pt] ".join(" & ".join(t.expr(v) for v in row[block.start : block.stop]) for row in matrix.tolist())
    left, right = "." if block.start else "[", "." if block.stop < matrix.shape[1] else "]"
    return rf"\left{left}\begin{{array}}{{{'r' * len(block)}}}{rows}\end{{array}}\right{right}"


def latex_formula(f: Formula, t: LatexTypesetter) -> list[str]:
    """A formula between the lines of a document; a wide matrix in a smaller font, a wider one in several parts."""
    if not isinstance(f.right, ImmutableMatrix):
        return [r"\[", formula(f, t), r"\]%"]
    inline = InlineTypesetter(t.notation, t.indices)
    widths = [max(width(inline.expr(v)) for v in column) + 1 for column in f.right.T.tolist()]
    head = width(t.expr(f.left)) + 2
    font, scale = next((x for x in FONTS if (head + sum(widths)) * x[1] <= _LINE), FONTS[-1])
    parts = [_array(f.right, block, t) for block in blocks(widths, _LINE / scale - head)]
    parts[0] = f"{t.expr(f.left)} = {parts[0]}"
    lines = [line for part in parts for line in (r"\[", part, r"\]%")]
    return [f"{{{font}%", *lines, "}%"] if font else lines


def latex_grid(grid: Grid, t: LatexTypesetter, words: Callable[[Words], str]) -> list[str]:
    """A table between the lines of a document; the widest column has several lines where the page is too narrow."""
    head = " & ".join(words(cell) for cell in grid.head)
    rows = [" & ".join(f"${t.expr(e)}$" for e in row) for row in grid.rows]
    widths = [max(width(t.expr(e)) for e in column) + 1.2 for column in zip(*grid.rows, strict=True)]
    widest = widths.index(max(widths))
    room = _LINE - sum(widths) + widths[widest]
    broken = rf">{{\raggedright\arraybackslash}}p{{{room:.0f}em}}"
    columns = "".join(broken if c == widest and room < w else "l" for c, w in enumerate(widths))
    body = " \\\\[2pt]\n".join(rows)
    return [
        rf"\begin{{longtable}}{{{columns}}}",
        rf"{head} \\ \hline \endhead",
        r"\rule{0pt}{12pt}" + body,
        r"\end{longtable}",
    ]


def markdown_grid(grid: Grid, t: LatexTypesetter, words: Callable[[Words], str]) -> list[str]:
    """A table of pipes."""
    lines = ["| " + " | ".join(words(cell) for cell in grid.head) + " |", "|" + " --- |" * len(grid.head)]
    return [*lines, *("| " + " | ".join(f"${t.expr(e)}$" for e in row) + " |" for row in grid.rows)]
