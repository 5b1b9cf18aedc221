"""Tables and matrices as columns of text."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from sympy import ImmutableMatrix

from gradscribe.derive.derivation.network.layer_record import LayerTable, Row
from gradscribe.derive.derivation.record.section_record import Grid
from gradscribe.derive.derivation.record.sentence import Label
from gradscribe.derive.ir.quote import visible
from gradscribe.derive.typeset.document.columns import blocks
from gradscribe.derive.typeset.document.layer_cells import (
    EQUATIONS,
    headings,
    parameters,
    shape,
    spans,
    values,
)
from gradscribe.derive.typeset.writers.text.text_lines import wrapped
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter


def matrix_lines(matrix: ImmutableMatrix, head: str, t: TextTypesetter, line: int) -> list[str]:
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


def grid_lines(grid: Grid, t: TextTypesetter, line: int) -> list[str]:
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


def layer_lines(table: LayerTable, width: int) -> list[str]:
    """Columns of text, of more and more lines where `width` is too small; paragraphs where nothing else helps."""
    head = headings(table)
    plain = (_columns(table, head, *most) for most in ((2, 99, 99), (1, 99, 99), (1, 1, 99), (1, 1, 1)))
    lines = next((way for way in (*plain, _stacked(table, head)) if _wide(way) <= width), None)
    if lines is None:
        return [line for row in table.shown for line in _paragraph(row, table, width)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    first, *rows = [_aligned(line, widths) for line in lines]
    return [first, "  " + "─" * (_wide(lines) - 2), *rows]


def _paragraph(row: Row, table: LayerTable, width: int) -> list[str]:
    """A layer without columns: what it is and reads, its value, its weights."""
    t = TextTypesetter(table.notation)
    label, layers, reads, extents, weights, *equations, count = _cells(row, table, t)
    parts = [f"{', '.join(layers)} of {', '.join(reads)}" if reads else ", ".join(layers), ", ".join(extents)]
    parts += [f"{', '.join(weights)}; parameters: {count[0]}"] if weights else []
    parts += [f"equations {numbers[0]}" for numbers in equations if row.equations]
    return [f"  {label[0]}", *(f"    {line}" for part in parts for line in wrapped(part, width - 4))]


def _parts(text: str, room: int) -> list[str]:
    """A sum in lines that begin with a sign."""
    lines = [""]
    for summand in re.split("(?<=.)(?=[+−])", text):
        if lines[-1] and len(lines[-1]) + len(summand) > room:
            lines.append("  ")
        lines[-1] += summand
    return lines


def _columns(table: LayerTable, head: tuple[str, ...], names: int, sources: int, weights: int) -> list[tuple[str, ...]]:
    """The cells of every line; at most so many layers, of what they read, and weights on one line."""
    t = TextTypesetter(table.notation)
    most = (1, names, sources, 1, weights, 1, 1)
    lines: list[tuple[str, ...]] = [head]
    for row in table.shown:
        cells = (
            [", ".join(cell[k : k + n]) for k in range(0, len(cell), n)]
            for cell, n in zip(_cells(row, table, t), most, strict=False)
        )
        lines += zip_longest(*cells, fillvalue="")
    return lines


def _stacked(table: LayerTable, head: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Fewer columns: what a layer reads stands below its name, its weights below its value."""
    t = TextTypesetter(table.notation)
    level, layers, _, value, weights, *others = head
    lines: list[tuple[str, ...]] = [(level, layers, f"{value}, {weights}", *others)]
    for row in table.shown:
        label, names, reads, extents, trained, *rest = _cells(row, table, t)
        below = [f"of {', '.join(reads)}"] if reads else []
        lines += zip_longest(label, [*names, *below], [*extents, *trained], *rest, fillvalue="")
    return lines


def _cells(row: Row, table: LayerTable, t: TextTypesetter) -> list[list[str]]:
    """What stands in each column."""
    weights = [f"{t.letter(letter)} {shape(table.number(s), t)}" for letter, s in row.weights]
    extents = [shape(v, t) for v in values(table, row)]
    layers = list(map(visible, row.layers))
    reads = [t.expr(Label(name) if isinstance(name, str) else name) for name in row.reads]
    equations = [[spans(row.equations)]] if EQUATIONS in headings(table) else []
    return [[t.expr(Label(row.label))], layers, reads, extents, weights, *equations, [parameters(table, row, t)]]


def _wide(lines: Sequence[tuple[str, ...]]) -> int:
    return sum(max(len(line[column]) + 2 for line in lines) for column in range(len(lines[0])))


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    *left, last = zip(cells, widths, strict=True)
    return "  " + "  ".join([*(f"{cell:<{width}}" for cell, width in left), f"{last[0]:>{last[1]}}"])
