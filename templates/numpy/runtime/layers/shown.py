"""How layers and networks show themselves: a line, or a table of their weights."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..arguments.arrays import Array

Row = tuple[str, str, str, int]
"""What it is called, what it is, the shapes of its weights, how many numbers it has."""
HEAD = ("", "layer", "weights", "parameters")
FEW = 20
"""The most rows that `repr` shows."""
_OWN = ("params", "grads", "state", "buffers", "flattened")


def called(layer: Any) -> str:
    """A layer with its options, as it was made: ``Layer(stride=2)``."""
    given = getattr(layer, "__dict__", {})
    options = (f"{k}={v!r}" for k, v in given.items() if k[0] != "_" and k not in _OWN and _plain(v))
    return f"{type(layer).__name__}({', '.join(options)})"


def _plain(value: Any) -> bool:
    """Whether it is a number or a text, or numbers in brackets."""
    return isinstance(value, bool | int | float | str) or (isinstance(value, tuple) and all(map(_plain, value)))


def shapes(params: Mapping[str, Array]) -> str:
    """``w (3, 3, 1, 8), b (8,)``."""
    return ", ".join(f"{name} {array.shape}" for name, array in params.items())


def size(params: Mapping[str, Array]) -> int:
    """How many numbers there are."""
    return sum(array.size for array in params.values())


def line(layer: Any) -> str:
    """A layer in a line."""
    trained = f": {shapes(layer.params)}, {size(layer.params):,} parameters" if layer.params else ""
    return f"{called(layer)}{trained}"


def table(title: str, rows: Sequence[Row], most: int | None = None) -> str:
    """Rows below each other, the last one with what all have; of more than `most` the first ones."""
    shown = rows if most is None or len(rows) <= most else rows[: most - 1]
    cells = [HEAD, *map(_cells, shown), ("", "", "", f"{sum(row[3] for row in rows):,}")]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    lines = [f"  {_aligned(row, widths)}".rstrip() for row in cells]
    if len(shown) < len(rows):
        lines.insert(-1, f"  … {len(rows) - len(shown)} more layers; print shows them")
    return "\n".join([title, *lines])


def html(title: str, rows: Iterable[Row]) -> str:
    """The same for a notebook."""
    from html import escape

    found = list(rows)
    every = [*map(_cells, found), ("", "", "", f"{sum(row[3] for row in found):,}")]
    head = "".join(f"<th>{word}</th>" for word in HEAD)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in every)
    return f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def latex(title: str, rows: Iterable[Row]) -> str:
    """The same for what a notebook is printed with; long options take several lines."""
    found = list(rows)
    every = [HEAD, *map(_cells, found), ("", "", "", f"{sum(row[3] for row in found):,}")]
    body = " \\\\\n".join(" & ".join(map(_escaped, row)) for row in every)
    columns = r"lp{0.42\linewidth}p{0.3\linewidth}r"
    begin = f"\\par\\noindent\\textbf{{{_escaped(title)}}}\\par\\noindent\\begin{{tabular}}{{{columns}}}"
    return f"{begin}\n{body}\n\\end{{tabular}}"


def _escaped(text: str) -> str:
    """Text in which nothing is a command of LaTeX."""
    signs = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(signs.get(c, f"\\{c}" if c in "#$%&_{}" else c) for c in text)


def _cells(row: Row) -> tuple[str, ...]:
    return (*row[:3], f"{row[3]:,}" if row[3] else "")


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    *left, last = zip(cells, widths, strict=True)
    return "  ".join([*(f"{cell:<{width}}" for cell, width in left), f"{last[0]:>{last[1]}}"])
