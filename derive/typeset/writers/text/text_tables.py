"""Tables and matrices as columns of text."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from sympy import ImmutableMatrix

from gradscribe.derive.derivation.network.layer_record import LayerTable, Row
from gradscribe.derive.derivation.record.section_record import Grid
from gradscribe.derive.derivation.record.sentence import Label, Words
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
from gradscribe.derive.typeset.writers.text.text_lines import columns, wrapped
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from gradscribe.said import ENGLISH, in_words, say


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
    widths = [max(columns(row[column]) for row in table) for column in range(len(grid.head))]
    widest = widths.index(max(widths))
    widths[widest] = min(widths[widest], line - 2 * len(widths) - sum(widths) + widths[widest])
    lines = []
    for row in table:
        parts = _parts(row[widest], widths[widest])
        for number, part in enumerate(parts):
            cells = [part if c == widest else "" if number else cell for c, cell in enumerate(row)]
            text = "  ".join(padded(c, w) for c, w in zip(cells, widths, strict=True))
            lines.append(f"  {text}".rstrip())
    return [lines[0], "  " + "─" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]]


def layer_lines(table: LayerTable, width: int, language: str = ENGLISH) -> list[str]:
    """Columns of text, of more and more lines where `width` is too small; paragraphs where nothing else helps."""
    t = TextTypesetter(table.notation, language=language)
    head = tuple(map(t.words, headings(table)))
    plain = (_columns(table, head, t, *most) for most in ((2, 99, 99), (1, 99, 99), (1, 1, 99), (1, 1, 1)))
    lines = next((way for way in (*plain, _stacked(table, head, t)) if _wide(way) <= width), None)
    if lines is None:
        return [line for row in table.shown for line in _paragraph(row, table, t, width)]
    widths = [max(columns(line[column]) for line in lines) for column in range(len(lines[0]))]
    first, *rows = [_aligned(line, widths) for line in lines]
    return [first, "  " + "─" * (_wide(lines) - 2), *rows]


def _paragraph(row: Row, table: LayerTable, t: TextTypesetter, width: int) -> list[str]:
    """A layer without columns: what it is and reads, its value, its weights."""
    label, layers, reads, extents, weights, *equations, count = _cells(row, table, t)
    own = ", ".join(layers)
    what = say("{layers} of {sources}", layers=own, sources=", ".join(reads)) if reads else (own,)
    said: list[Words] = [what, (", ".join(extents),)]
    said += [say("{weights}; parameters: {number}", weights=", ".join(weights), number=count[0])] if weights else []
    said += [say("equations {numbers}", numbers=numbers[0]) for numbers in equations if row.equations]
    parts = [in_words(words, t.language) for words in said]  # what somebody wrote is visible already
    return [f"  {label[0]}", *(f"    {line}" for part in parts for line in wrapped(part, width - 4))]


def _parts(text: str, room: int) -> list[str]:
    """A sum in lines that begin with a sign."""
    lines = [""]
    for summand in re.split("(?<=.)(?=[+−])", text):
        if lines[-1] and len(lines[-1]) + len(summand) > room:
            lines.append("  ")
        lines[-1] += summand
    return lines


def _columns(
    table: LayerTable, head: tuple[str, ...], t: TextTypesetter, names: int, sources: int, weights: int
) -> list[tuple[str, ...]]:
    """The cells of every line; at most so many layers, of what they read, and weights on one line."""
    most = (1, names, sources, 1, weights, 1, 1)
    lines: list[tuple[str, ...]] = [head]
    for row in table.shown:
        cells = (
            [", ".join(cell[k : k + n]) for k in range(0, len(cell), n)]
            for cell, n in zip(_cells(row, table, t), most, strict=False)
        )
        lines += zip_longest(*cells, fillvalue="")
    return lines


def _stacked(table: LayerTable, head: tuple[str, ...], t: TextTypesetter) -> list[tuple[str, ...]]:
    """Fewer columns: what a layer reads stands below its name, its weights below its value."""
    level, layers, _, value, weights, *others = head
    lines: list[tuple[str, ...]] = [(level, layers, f"{value}, {weights}", *others)]
    for row in table.shown:
        label, names, reads, extents, trained, *rest = _cells(row, table, t)
        below = [in_words(say("of {sources}", sources=", ".join(reads)), t.language)] if reads else []
        lines += zip_longest(label, [*names, *below], [*extents, *trained], *rest, fillvalue="")
    return lines


def _cells(row: Row, table: LayerTable, t: TextTypesetter) -> list[list[str]]:
    """What stands in each column."""
    weights = [f"{t.letter(letter)} {shape(table.number(s), t)}" for letter, s in row.weights]
    extents = [shape(v, t) for v in values(table, row)]
    layers = list(map(visible, row.layers))
    reads = [t.expr(Label(name) if isinstance(name, str) else name) for name in row.reads]
    equations = [[t.words(spans(row.equations))]] if EQUATIONS in headings(table) else []
    return [[t.expr(Label(row.label))], layers, reads, extents, weights, *equations, [parameters(table, row, t)]]


def _wide(lines: Sequence[tuple[str, ...]]) -> int:
    return sum(max(columns(line[column]) + 2 for line in lines) for column in range(len(lines[0])))


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    *left, last = zip(cells, widths, strict=True)
    return "  " + "  ".join([*(padded(cell, width) for cell, width in left), padded(*last, before=True)])


def padded(cell: str, width: int, before: bool = False) -> str:
    """A cell with spaces behind it, or `before` it, so that it takes `width` columns of a terminal."""
    spaces = " " * (width - columns(cell))
    return spaces + cell if before else cell + spaces
