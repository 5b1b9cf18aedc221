"""The table of a network's layers in text, LaTeX and Markdown: symbols, and below them the numbers that are fixed."""

from collections.abc import Callable, Sequence

from sympy import Expr

from derive.derivation.record import LayerTable, Row
from derive.typeset.expressions import ExpressionWriter
from derive.typeset.latex_symbols import InlineTypesetter, level
from derive.typeset.text_symbols import TextTypesetter

HEAD = ("layer", "is", "reads", "value", "weights", "parameters")


def text_table(table: LayerTable) -> list[str]:
    """Columns of text; the last line has the sum."""
    t = TextTypesetter(table.notation)
    lines: list[tuple[str, ...]] = [HEAD]
    for row in table.rows:
        numbers = _shape(table.number(row.shape), t)
        values = [_shape(row.shape, t), *([numbers] if numbers != _shape(row.shape, t) else [])]
        weights = [", ".join(f"{t.letter(letter)} {_shape(table.number(s), t)}" for letter, s in row.weights)]
        layers = [", ".join(row.layers[k : k + 2]) for k in range(0, len(row.layers), 2)]
        count = _count(table, row, t)
        cells = [[row.label], layers, [", ".join(row.reads)], values, weights, [count]]
        for number in range(max(map(len, cells))):
            lines.append(tuple(c[number] if number < len(c) else "" for c in cells))
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    rows = [_aligned(line, widths) for line in lines]
    total = f"trained in all: {t.expr(table.number((table.parameters,))[0])}"
    return [rows[0], "  " + "─" * (sum(widths) + 2 * len(widths) - 2), *rows[1:], "", f"  {total}"]


def latex_table(table: LayerTable, escape: Callable[[str], str]) -> list[str]:
    """A table of fixed columns that pages may break."""
    widths = (1.3, 3.7, 1.5, 3.8, 3.3)
    columns = "".join(rf">{{\raggedright\arraybackslash}}p{{{w}cm}}" for w in widths)
    count = r">{\raggedleft\arraybackslash}p{2.4cm}"
    lines = [r"{\footnotesize\setlength{\tabcolsep}{2pt}", rf"\begin{{longtable}}[l]{{@{{}}{columns}{count}@{{}}}}"]
    lines += [" & ".join(HEAD) + r" \\ \hline \endhead"]
    for row in _cells(table, escape):
        lines.append(" & ".join(r" \newline ".join(cell) for cell in row) + r" \\")
    total = InlineTypesetter(table.notation).expr(table.number((table.parameters,))[0])
    return [*lines, r"\hline", r"\end{longtable}}", rf"Trained in all: ${total}$.", ""]


def markdown_table(table: LayerTable, escape: Callable[[str], str]) -> list[str]:
    """A table of pipes."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * (len(HEAD) - 1) + " ---: |"]
    lines += ["| " + " | ".join("<br>".join(cell) for cell in row) + " |" for row in _cells(table, escape)]
    total = InlineTypesetter(table.notation).expr(table.number((table.parameters,))[0])
    return [*lines, "", f"Trained in all: ${total}$."]


def _cells(table: LayerTable, escape: Callable[[str], str]) -> list[list[list[str]]]:
    """Per row and column the lines of a cell, mathematics between dollars."""
    t = InlineTypesetter(table.notation)
    rows = []
    for row in table.rows:
        value, number = _shape(row.shape, t), _shape(table.number(row.shape), t)
        weights = [f"${t.letter(letter)}$ ${_shape(table.number(s), t)}$" for letter, s in row.weights]
        count = _count(table, row, t)
        rows.append(
            [
                [_label(row.label, escape)],
                [escape(", ".join(row.layers))],
                [", ".join(_label(name, escape) for name in row.reads)],
                [f"${value}$", *([f"${number}$"] if number != value else [])],
                weights,
                [f"${count}$"] if count else [],
            ]
        )
    return rows


def _label(label: str, escape: Callable[[str], str]) -> str:
    """A number such as l+1 is mathematics, a name is not."""
    return f"${label}$" if level(label) == label and label.startswith("l") else escape(label)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    *left, last = zip(cells, widths, strict=True)
    return "  " + "  ".join([*(f"{cell:<{width}}" for cell, width in left), f"{last[0]:>{last[1]}}"])


def _count(table: LayerTable, row: Row, t: ExpressionWriter) -> str:
    """The number of parameters; nothing for none."""
    (count,) = table.number((row.parameters,))
    return t.expr(count) if row.weights else ""


def _shape(shape: Sequence[Expr], t: ExpressionWriter) -> str:
    return f"({', '.join(t.expr(e) for e in shape)})"
