"""How many macros KaTeX expands in a display: viewers of Markdown refuse one of more than 1000.

Most commands are part of KaTeX itself and cost nothing there; a thin space is a macro of macros.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

MOST = 900
"""What one display is given; the rest is for what stands around its lines."""
_EXPANDED = {
    r"\,": 3, r"\;": 3, r"\quad": 1, r"\qquad": 1, r"\operatorname": 3, r"\bmod": 1, r"\ne": 5, r"\substack": 1,
    r"\boxed": 1, r"\dots": 2, r"\copyright": 4, r"\AA": 1, r"\aa": 1,
}  # fmt: skip
_MACRO = re.compile("|".join(rf"{re.escape(c)}{'(?![A-Za-z])' if c[1:].isalpha() else ''}" for c in _EXPANDED))


def expansions(latex: str) -> int:
    """How many macros are expanded in a piece of mathematics."""
    return sum(_EXPANDED[command] for command in _MACRO.findall(latex))


def displays(rows: Iterable[Sequence[str]]) -> Iterator[list[list[str]]]:
    """Rows of lines in as few displays as hold them; a row that no display holds is divided between its lines."""
    shown: list[list[str]] = []
    used = 0
    for part in (part for row in rows for part in _parts(row)):
        size = sum(map(expansions, part))
        if shown and used + size > MOST:
            yield shown
            shown, used = [], 0
        shown.append(part)
        used += size
    if shown:
        yield shown


def _parts(lines: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    used = 0
    for line in lines:
        size = expansions(line)
        if part and used + size > MOST:
            yield part
            part, used = [], 0
        part.append(line)
        used += size
    yield part
