"""Equations and numbered rows as LaTeX, aligned, each on as many lines as the page is too narrow for."""

from collections.abc import Sequence

from gradscribe.derive.derivation.record import Definition, Formula, Step
from gradscribe.derive.typeset.document.document import Numbered, Row
from gradscribe.derive.typeset.latex.latex_lines import broken
from gradscribe.derive.typeset.mathematics.latex_formulas import formula
from gradscribe.derive.typeset.mathematics.latex_symbols import InlineTypesetter, LatexTypesetter
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.mathematics.latex_words import sentence, sentence_width
from gradscribe.derive.typeset.terms.expression_writer import QUOTIENT
from gradscribe.derive.typeset.terms.sides import OVER, left, sides
from gradscribe.derive.typeset.terms.typesetter import Piece, changed

# in em of the row's font: the text width of the page is 483 pt, rows are set in 10 pt, the number takes the last part
_LINE = 48.3 - 4.2
_EQUATION = 39.0


def equation_lines(equations: Sequence[Numbered], t: LatexTypesetter) -> list[str]:
    """Equations with their numbers; formulas stand beside the only one, or on one line below, where they fit."""
    found = [(_equation(e.equation, t), e.number) for e in equations if not isinstance(e.equation, Formula)]
    rows = [(r" \\&\qquad ").join(lines) for lines, _ in found]
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
    return [*lines, r"\begin{gather*}", "\\\\\n".join(beside), r"\end{gather*}"]


def _equation(equation: Definition | Step, t: LatexTypesetter) -> list[str]:
    """The lines of one equation."""
    both = sides(equation, t)
    lines = broken(both.right, _EQUATION - width(both.left))
    tail = width(lines[-1])
    lines[0] = f"{both.left} &= {lines[0]}"
    if both.conditions:
        over = rf"\quad\text{{{OVER} }}" + r",\; ".join(both.conditions)
        if tail + width(over) + width(both.left) < 38:
            lines[-1] += over
        else:
            lines.append(over)
    return lines


def row_lines(rows: Sequence[Row], t: LatexTypesetter, inline: InlineTypesetter) -> list[str]:
    """The rows, in a smaller font where a piece that cannot be broken is too wide."""
    widest = max(width(piece.text) for row in rows for piece in t.row(row.step))
    fits = widest + 3.5 < _space(rows, t, inline, _LINE)
    font, line = (r"{\small", _LINE) if fits else (r"{\footnotesize", _LINE / 0.9)
    space = _space(rows, t, inline, line)
    return [font, r"\begin{alignat*}{2}", *_aligned(rows, t, inline, space), r"\end{alignat*}}%"]


def _space(rows: Sequence[Row], t: LatexTypesetter, inline: InlineTypesetter, line: float) -> float:
    """What reasons and left sides leave of a line for the right sides."""
    column = max(0.9 * sentence_width(row.step.reason, inline) for row in rows) + 1
    return line - column - max(width(left(row.step, t)) for row in rows) - 1.4


def _aligned(rows: Sequence[Row], t: LatexTypesetter, inline: InlineTypesetter, space: float) -> list[str]:
    lines: list[str] = []
    before: list[Piece] = []
    for row in rows:
        pieces = t.row(row.step)
        parts = broken(pieces, space, _new(row.step, pieces, before))
        right = (r" \\" + "\n&&&\\qquad ").join(parts)
        shown = "" if row.continued else left(row.step, t)
        last = row is rows[-1]
        end = "" if last else r"\\[4pt]" if len(parts) > 1 else r"\\"  # a broken row is set apart from the next
        lines.append(rf"\why{{{sentence(row.step.reason, inline)}}} && {shown} &= {right}\tag{{{row.number}}}{end}")
        before = pieces
    return lines


def _new(step: Step, pieces: Sequence[Piece], before: Sequence[Piece]) -> frozenset[str]:
    """What a row has that the one above has not; of a definition, which is all new, only the quotients."""
    new = changed(pieces, before) if before else set()
    return frozenset(key for key in new if step.rule != "definition" or key.startswith(QUOTIENT))
