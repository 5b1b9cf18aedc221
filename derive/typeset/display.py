"""What stands on lines of its own between sentences: formulas, matrices of numbers and tables, in all formats."""

from collections.abc import Callable

from sympy import ImmutableMatrix

from derive.derivation.record import Formula, Grid, Words
from derive.term import Term
from derive.typeset.latex_symbols import InlineTypesetter, LatexTypesetter, joined
from derive.typeset.latex_width import width
from derive.typeset.text_symbols import TextTypesetter

_LINE = 42.0
"""Of a page of LaTeX, in em."""


def text_matrix(matrix: ImmutableMatrix, head: str, t: TextTypesetter, line: int) -> list[str]:
    """The rows after `head`; as many columns at a time as a line holds, the others below them."""
    cells = [[t.expr(v) for v in row] for row in matrix.tolist()]
    widths = [max(len(row[column]) for row in cells) for column in range(matrix.shape[1])]
    room = line - len(head) - 4
    lines: list[str] = []
    start = 0
    while start < len(widths):
        stop = start + 1
        while stop < len(widths) and sum(w + 2 for w in widths[start : stop + 1]) - 2 <= room:
            stop += 1
        rows = ["  ".join(f"{row[c]:>{widths[c]}}" for c in range(start, stop)) for row in cells]
        left, right = ("⎡⎢⎣", "⎤⎥⎦") if len(rows) > 1 else ("[[[", "]]]")
        for number, row in enumerate(rows):
            at = 0 if number == 0 else 2 if number == len(rows) - 1 else 1
            before = head if number == len(rows) // 2 and start == 0 else " " * len(head)
            ends = ("⎢" if start else left[at], "⎥" if stop < len(widths) else right[at])
            lines.append(f"{before}{ends[0]} {row} {ends[1]}" if len(rows) > 1 else f"{before}{left[0]}{row}{right[0]}")
        start = stop
        lines += [""] if start < len(widths) else []
    return lines


def text_grid(grid: Grid, t: TextTypesetter) -> list[str]:
    """Columns of text."""
    lines = [[t.words(cell) for cell in grid.head], *([t.expr(e) for e in row] for row in grid.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(grid.head))]
    aligned = ["  " + "  ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
    return [aligned[0], "  " + "─" * (sum(widths) + 2 * len(widths) - 2), *aligned[1:]]


def formula(f: Formula, t: LatexTypesetter) -> str:
    """A formula as LaTeX without delimiters."""
    if isinstance(f.right, ImmutableMatrix):
        rows = r" \\[3pt] ".join(" & ".join(t.expr(v) for v in row) for row in f.right.tolist())
        columns = "r" * f.right.shape[1]
        right = rf"\left[\begin{{array}}{{{columns}}}{rows}\end{{array}}\right]"
    elif isinstance(f.right, Term):
        right = joined(t.within(f.right).summand(f.right, (), False))
    else:
        right = t.expr(f.right)
    return f"{t.expr(f.left)} = {right}"


def latex_formula(f: Formula, t: LatexTypesetter) -> list[str]:
    """A formula between the lines of a document, in a smaller font where it is too wide."""
    inline = InlineTypesetter(t.notation, t.indices)
    size = 0.0
    if isinstance(f.right, ImmutableMatrix):
        columns = zip(*([width(inline.expr(v)) for v in row] for row in f.right.tolist()), strict=True)
        size = width(t.expr(f.left)) + 2 + sum(max(column) + 1 for column in columns)
    fonts = ((1.0, ""), (0.9, r"\small"), (0.8, r"\footnotesize"), (0.7, r"\scriptsize"), (0.5, r"\tiny"))
    font = next((name for scale, name in fonts if size * scale <= _LINE), r"\tiny")
    open_, close = (f"{{{font}", "}%") if font else ("", "")
    return [open_ + r"\[", formula(f, t), r"\]" + close]


def latex_grid(grid: Grid, t: LatexTypesetter, words: Callable[[Words], str]) -> list[str]:
    """A table between the lines of a document."""
    head = " & ".join(words(cell) for cell in grid.head)
    rows = [" & ".join(f"${t.expr(e)}$" for e in row) for row in grid.rows]
    columns = "l" * len(grid.head)
    body = " \\\\[2pt]\n".join(rows)
    return [
        r"\begin{center}",
        rf"\begin{{tabular}}{{{columns}}}",
        rf"{head} \\ \hline",
        r"\rule{0pt}{12pt}" + body,
        r"\end{tabular}",
        r"\end{center}",
    ]


def markdown_grid(grid: Grid, t: LatexTypesetter, words: Callable[[Words], str]) -> list[str]:
    """A table of pipes."""
    lines = ["| " + " | ".join(words(cell) for cell in grid.head) + " |", "|" + " --- |" * len(grid.head)]
    return [*lines, *("| " + " | ".join(f"${t.expr(e)}$" for e in row) + " |" for row in grid.rows)]
