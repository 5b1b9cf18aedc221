"""The table of a network's layers in text, LaTeX and Markdown: symbols, and below them the numbers that are fixed."""

from collections.abc import Sequence

from sympy import Expr

from derive.derivation.record import LayerTable, Row
from derive.typeset.expressions import ExpressionWriter
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


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    *left, last = zip(cells, widths, strict=True)
    return "  " + "  ".join([*(f"{cell:<{width}}" for cell, width in left), f"{last[0]:>{last[1]}}"])


def _count(table: LayerTable, row: Row, t: ExpressionWriter) -> str:
    """The number of parameters; nothing for none."""
    (count,) = table.number((row.parameters,))
    return t.expr(count) if row.weights else ""


def _shape(shape: Sequence[Expr], t: ExpressionWriter) -> str:
    return f"({', '.join(t.expr(e) for e in shape)})"
