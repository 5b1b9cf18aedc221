"""The table of a network's layers in text, LaTeX and Markdown: symbols, and below them the numbers that are fixed."""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from sympy import Expr

from derive.derivation.record import LayerTable, Row
from derive.quote import visible
from derive.typeset.expressions import ExpressionWriter
from derive.typeset.latex_symbols import InlineTypesetter, level
from derive.typeset.text_symbols import TextTypesetter

LINE_MAY_END = r", \allowbreak "
HEAD = ("level", "layers", "reads", "value", "weights", "parameters")


def text_table(table: LayerTable, width: int) -> list[str]:
    """Columns of text; the last line has the sum. Layers stand below each other where `width` is too small."""
    lines = next(c for names in (2, 1) if _wide(c := _columns(table, names)) <= width or names == 1)
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    head, *rows = [_aligned(line, widths) for line in lines]
    total = TextTypesetter(table.notation).expr(table.number((table.parameters,))[0])
    return [head, "  " + "─" * (_wide(lines) - 2), *rows, "", f"  trained in all: {total}"]


def _columns(table: LayerTable, names: int) -> list[tuple[str, ...]]:
    """The cells of every line; `names` layers on one line."""
    t = TextTypesetter(table.notation)
    lines: list[tuple[str, ...]] = [HEAD]
    for row in table.rows:
        value, number = _shape(row.shape, t), _shape(table.number(row.shape), t)
        layers = [visible(", ".join(row.layers[k : k + names])) for k in range(0, len(row.layers), names)]
        weights = ", ".join(f"{t.letter(letter)} {_shape(table.number(s), t)}" for letter, s in row.weights)
        values = [value, number] if number != value else [value]
        reads = [visible(", ".join(row.reads))]
        cells = [[visible(row.label)], layers, reads, values, [weights], [_count(table, row, t)]]
        lines += zip_longest(*cells, fillvalue="")
    return lines


def _wide(lines: Sequence[tuple[str, ...]]) -> int:
    return sum(max(len(line[column]) + 2 for line in lines) for column in range(len(HEAD)))


def latex_table(table: LayerTable, escape: Callable[[str], str]) -> list[str]:
    """A table of fixed columns that pages may break."""
    widths = (1.3, 3.7, 1.5, 3.8, 3.3)
    columns = "".join(rf">{{\raggedright\arraybackslash}}p{{{w}cm}}" for w in widths)
    count = r">{\raggedleft\arraybackslash}p{2.4cm}"
    lines = [r"{\footnotesize\setlength{\tabcolsep}{2pt}", rf"\begin{{longtable}}[l]{{@{{}}{columns}{count}@{{}}}}"]
    lines += [" & ".join(HEAD) + r" \\ \hline \endhead"]
    for row in _cells(table, lambda text: escape(text).replace(r"\_", r"\_\allowbreak ")):
        lines.append(" & ".join(r" \newline ".join(cell) for cell in row) + r" \\")
    total = _breakable(InlineTypesetter(table.notation).expr(table.number((table.parameters,))[0]))
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
        value, number = (_shape(s, t, LINE_MAY_END) for s in (row.shape, table.number(row.shape)))
        weights = [f"${t.letter(letter)}$ ${_shape(table.number(s), t, LINE_MAY_END)}$" for letter, s in row.weights]
        count = _count(table, row, t)
        rows.append(
            [
                [_label(row.label, escape)],
                [escape(", ".join(row.layers))],
                [", ".join(_label(name, escape) for name in row.reads)],
                [f"${value}$", *([f"${number}$"] if number != value else [])],
                weights,
                [f"${_breakable(count)}$"] if count else [],
            ]
        )
    return rows


def _breakable(product: str) -> str:
    """A product that a line may end within."""
    return product.replace(r"\,", r"\,\allowbreak ")


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


def _shape(shape: Sequence[Expr], t: ExpressionWriter, comma: str = ", ") -> str:
    return f"({comma.join(t.expr(e) for e in shape)})"
