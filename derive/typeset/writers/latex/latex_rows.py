"""Equations and numbered rows as LaTeX, aligned, each on as many lines as the page is too narrow for."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.section_record import Formula, Step
from gradscribe.derive.typeset.document.columns import blocks
from gradscribe.derive.typeset.document.document import Numbered, Row, consecutive
from gradscribe.derive.typeset.mathematics.latex_formulas import formula
from gradscribe.derive.typeset.mathematics.latex_symbols import InlineTypesetter, LatexTypesetter
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.mathematics.latex_words import sentence, sentence_width
from gradscribe.derive.typeset.terms.row_breaks import Line
from gradscribe.derive.typeset.terms.sides import OVER, left, sides
from gradscribe.derive.typeset.writers.latex.latex_lines import MARGIN, broken, cost, written

# in em of the row's font: the text width of the page is 483 pt, rows are set in 10 pt, the number takes the last part
_LINE = 48.3 - 4.8
_EQUATION = 39.0
REASON = 10.2
"""What reasons take beside rows that need all room, 3.6 cm; longer ones have several lines there."""
ABOVE = 40.0
"""What a line above a row holds."""
WHY_ABOVE = r"\whyabove"
WIDEST = 18.0
"""What they take at most where rows are short."""


def equation_lines(equations: Sequence[Numbered], t: LatexTypesetter) -> list[str]:
    """Equations with their numbers; formulas stand beside the only one, or on one line below, where they fit."""
    found = [(_equation(e.equation, t), e.number) for e in equations if not isinstance(e.equation, Formula)]
    rows = [" \\\\\n&".join(lines) for lines, _ in found]
    beside = [formula(e.equation, t) for e in equations if isinstance(e.equation, Formula)]
    below = sum(width(f) + 2 for f in beside)
    if len(found) == len(found[0][0]) == 1 and width(rows[0]) + below < 38:
        rows[0] += "".join(rf" \qquad {f}" for f in beside)
        beside = []
    tags = (rf"\tag{{{number}}}" if number is not None else "" for _, number in found)
    rows = [row + tag for row, tag in zip(rows, tags, strict=True)]
    lines = [r"\begin{align*}", "\\\\\n".join(rows), r"\end{align*}"]
    if not beside:
        return lines
    if below < 40:
        return [*lines, r"\[", r" \qquad ".join(beside), r"\]"]
    together = [r" \qquad ".join(beside[c] for c in block) for block in blocks([width(f) + 2 for f in beside], 38)]
    return [*lines, r"\begin{gather*}", "\\\\\n".join(together), r"\end{gather*}"]


def _equation(equation: Definition | Step, t: LatexTypesetter) -> list[str]:
    """The lines of one equation."""
    both = sides(equation, t)
    lines = broken(both.right, _EQUATION - width(both.left))
    first, *others = written(lines)
    found = [f"{both.left} &{both.sign} {first}", *others]
    if not both.conditions:
        return found
    over = rf"\quad\text{{{t.prose(t.words(OVER))} }}" + r",\; ".join(both.conditions)
    beside = lines[-1].width + width(over) + width(both.left) < 38
    return [*found[:-1], found[-1] + over] if beside else [*found, rf"\qquad {over}"]


@dataclass(frozen=True)
class _Way:
    """A font, how wide a line is in its em, and whether reasons stand beside the rows."""

    font: str
    line: float
    beside: bool


_WAYS = (
    _Way(r"\small", _LINE, True),
    _Way(r"\small", _LINE, False),
    _Way(r"\footnotesize", _LINE / 0.9, True),
    _Way(r"\footnotesize", _LINE / 0.9, False),
)


def row_lines(rows: Sequence[Row], t: LatexTypesetter, inline: InlineTypesetter) -> list[str]:
    """The rows with their reasons beside them; where a product would be broken, above them or in a smaller font.

    Above them, too, where that takes fewer lines in all.
    """
    rights = [t.row(row.step, before) for row, before in consecutive(rows)]
    names = max(width(left(row.step, t)) for row in rows)
    reasons = max(0.9 * sentence_width(row.step.reason, inline) for row in rows)
    laid: list[tuple[tuple[int, int, int, int], _Way, list[list[Line]]]] = []
    for way in _WAYS:
        room = way.line - names - (min(reasons, REASON) + 2.4 if way.beside else 1.4)
        lines = [broken(right, room) for right in rights]
        wide, within = map(sum, zip(*(cost(found, room) for found in lines), strict=True))
        height = sum(map(len, lines)) + (0 if way.beside else len(rows))
        laid.append(((wide, within, _WAYS.index(way) // 2, height), way, lines))
    _, way, lines = min(laid, key=lambda found: found[0])
    spare = (
        way.line - names - 2.4 - max(line.width + MARGIN * (n > 0) for found in lines for n, line in enumerate(found))
    )
    beside = min(max(spare, REASON), WIDEST)
    why = r"\why" if reasons <= beside or not way.beside else rf"\whylines{{{beside:.1f}}}"
    written_rows: list[str] = []
    for row, right in zip(rows, lines, strict=True):
        long = not way.beside and 0.9 * sentence_width(row.step.reason, inline) > ABOVE
        reason = f"{WHY_ABOVE if long else why}{{{sentence(row.step.reason, inline)}}}"
        shown = "" if row.continued else left(row.step, t)
        before, column = (f"{reason} && {shown} &= ", "&&&") if way.beside else (f"&{reason}\\\\*\n{shown} &= ", "&")
        apart = "[4pt]" if len(right) > 1 or not way.beside else ""
        end = "" if row is rows[-1] else rf"\\{apart}"
        written_rows.append(before + f" \\\\\n{column}".join(written(right)) + rf"\tag{{{row.number}}}{end}")
    name = "alignat*" if way.beside else "align*"
    begin = rf"\begin{{{name}}}{'{2}' if way.beside else ''}"
    return [f"{{{way.font}\\near", begin, *written_rows, rf"\end{{{name}}}}}%"]
