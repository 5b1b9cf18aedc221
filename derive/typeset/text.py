"""Derivations as Unicode text for the terminal."""

from collections.abc import Sequence

from sympy import ImmutableMatrix

from derive.derivation.certificate import Footer, marked
from derive.derivation.record import Chapter, Derivation, Formula, Grid, Result, Section, Step
from derive.term import Access, Term
from derive.typeset.display import text_grid, text_matrix
from derive.typeset.layer_table import text_table
from derive.typeset.text_symbols import TextTypesetter
from derive.typeset.typesetter import Piece, Typesetter, chapters

WIDTH = 110
_BRACKETS = 66
"""The longest row of brackets that no line ends within."""


def render(derivation: Derivation, certificate: Footer | None = None) -> str:
    """The whole derivation; a certificate becomes its last line."""
    derivation = marked(derivation, certificate)
    t = TextTypesetter(derivation.notation)
    lines = [t.prose(derivation.heading), ""]
    for sentence in derivation.setup:
        lines += _wrapped(t.words(sentence))
    if derivation.table is not None:
        lines += ["", *text_table(derivation.table, WIDTH)]
    lines.append("")
    lines += _forward(derivation, t)
    for sentence in derivation.notes:
        lines += _wrapped(t.words(sentence))
    if derivation.sections and derivation.notation.seeds:
        lines += ["", *_seed_lines(derivation, t)]
    lines += _premises(derivation, t)
    number = 1
    for heading, sections in chapters(derivation):
        lines += _heading(heading, t)
        for section in sections:
            body, number = _section(section, number)
            lines += ["", *body]
    if derivation.source:
        lines += ["", *_wrapped(f"Source: {t.prose(derivation.source)}.")]
    for identity in derivation.appendix:
        lines += ["", "─" * 40, "", render(identity).rstrip("\n")]
    if certificate is not None:
        figures = certificate.sentence(lambda f: t.power_of_ten(*f) if f[1] else f[0], t.rounded)
        lines += ["", *_wrapped(figures)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def row(step: Step) -> str:
    """One row on one line."""
    t = TextTypesetter(step.notation)
    return f"{_left(step)} = {_joined(t.row(step))}"


def row_lines(step: Step, width: int = WIDTH) -> list[str]:
    """One row on as many lines as it needs."""
    return _broken(TextTypesetter(step.notation).row(step), f"{_left(step)} = ", width)


def definition_row(t: Typesetter, left: str, pieces: Sequence[Piece], conditions: Sequence[str]) -> list[str]:
    """A forward equation, wrapped."""
    lines = _broken(pieces, f"  {left} = ", WIDTH)
    if conditions:
        lines[-1] += f"   over {', '.join(conditions)}"
    return lines


def _forward(derivation: Derivation, t: TextTypesetter) -> list[str]:
    lines: list[str] = []
    for d in derivation.definitions:
        inner = t.within(d.terms[0])
        conditions = [c for term in d.terms for c in t.within(term).conditions(term)]
        lines += definition_row(inner, inner.expr(d.left), t.definition(d), conditions)
    for symbol, expression in derivation.sizes:
        lines.append(f"  {t.expr(symbol)} = {t.expr(expression)}")
    return lines


def _seed_lines(derivation: Derivation, t: TextTypesetter) -> list[str]:
    seeds = derivation.notation.seeds
    names = [f"{t.expr(Access(seed))} = ∂E/∂{t.expr(Access(output))}" for seed, output in seeds.items()]
    gradients = "gradient that arrives" if len(seeds) == 1 else "gradients that arrive"
    return _wrapped(f"With {', '.join(names)}, the {gradients} from above.")


def _heading(chapter: Chapter | None, t: TextTypesetter) -> list[str]:
    """The heading of a layer of a network, and its sentences."""
    if chapter is None:
        return []
    title = t.words(chapter.title)
    return ["", title, "═" * len(title), *(line for s in chapter.setup for line in _wrapped(t.words(s)))]


def _premises(derivation: Derivation, t: TextTypesetter) -> list[str]:
    lines: list[str] = []
    for premise in derivation.premises:
        if isinstance(premise, Step):
            lines += _broken(t.row(premise), f"  {_left(premise)} = ", WIDTH)
        elif isinstance(premise, Formula):
            lines += ["", *_formula(premise, t)] if isinstance(premise.right, ImmutableMatrix) else _formula(premise, t)
        elif isinstance(premise, Grid):
            lines += ["", *text_grid(premise, t, WIDTH)]
        else:
            lines += ["", *_wrapped(t.words(premise))]
    return lines


def _formula(formula: Formula, t: TextTypesetter) -> list[str]:
    head = f"  {t.expr(formula.left)} = "
    if isinstance(formula.right, ImmutableMatrix):
        return text_matrix(formula.right, head, t, WIDTH)
    if isinstance(formula.right, Term):
        return _broken(t.within(formula.right).summand(formula.right, (), False), head, WIDTH)
    return [head + t.expr(formula.right)]


def _section(section: Section, number: int) -> tuple[list[str], int]:
    t = TextTypesetter(section.steps[0].notation)
    title = t.words(section.title)
    lines = [title[0].upper() + title[1:], "─" * len(title)]
    column = max(len(t.words(step.reason)) for part in section.parts for step in part.steps)
    for place, part in enumerate(section.parts):
        lines += [""] if place else []
        for sentence in part.setup:
            lines += _wrapped(t.words(sentence))
        rows, number = _rows(part.steps, t, column, number)
        lines += rows
        for sentence in part.caption:
            lines += _wrapped(t.words(sentence))
    for result in section.results:
        lines += ["", *_result(result, t)]
    return lines, number


def _rows(steps: Sequence[Step], t: TextTypesetter, column: int, number: int) -> tuple[list[str], int]:
    lines: list[str] = []
    previous = ""
    for step in steps:
        left = _left(step)
        shown = left if left != previous else " " * len(left)
        previous = left
        head = f"  {t.words(step.reason):<{column}}  {shown} = "
        broken = _broken(t.row(step), head, WIDTH - 6)
        broken[0] = f"{broken[0]:<{WIDTH - 5}} ({number})"
        lines += broken
        number += 1
    return lines, number


def _result(result: Result, t: TextTypesetter) -> list[str]:
    lead = _wrapped(t.words(result.lead)) if result.lead else []
    name = t.words(result.name)
    lines = _broken(t.row(result.step), f"  │ {_left(result.step)} = ", WIDTH)
    lines = [lines[0], *("  │" + line[3:] for line in lines[1:])]
    return [*lead, *lines, *("  │ " + line for line in _wrapped(name, WIDTH - 4))]


def _left(step: Step) -> str:
    return TextTypesetter(step.notation, step.left.indices).expr(step.left)


def _joined(pieces: Sequence[Piece]) -> str:
    return "".join(_broken(pieces, "", 10**6))


def _chunks(pieces: Sequence[Piece]) -> list[list[str]]:
    """The summands, each as strings between which a line may end: none ends with a constant or a sum sign."""
    summands: list[list[str]] = []
    text, previous = "", "start"
    for piece in pieces:
        sign = {"+": "+ ", "-": "− "}.get(piece.glue)
        if sign is not None or previous == "start":
            if previous != "start":
                summands[-1].append(text)
            text = (sign if summands else (sign or "").strip()) or ""
            text += piece.text
            summands.append([])
        elif previous in ("S", "head"):
            text += " " + piece.text
        elif previous == "[" and piece.glue == "[" and len(text) + len(piece.text) <= _BRACKETS:
            text += piece.text
        else:
            summands[-1].append(text)
            text = piece.text
        previous = "S" if "Σ" in piece.text[:1] else "head" if text == piece.text and _is_head(piece) else piece.glue
    summands[-1].append(text)
    return summands


def _is_head(piece: Piece) -> bool:
    """A constant in front of a sum."""
    return "[" not in piece.text and "/" in piece.text


def _broken(pieces: Sequence[Piece], head: str, width: int) -> list[str]:
    """Pieces after `head`, on several lines where they are too long; a new summand rather starts a line."""
    lines = [head]
    for summand in _chunks(pieces):
        whole = " ".join(summand)
        starts = lines[-1] == head
        if not starts and len(lines[-1]) + 1 + len(whole) > width:
            lines.append(" " * (len(head) + 2))
            starts = True
        for chunk in summand:
            if not starts and len(lines[-1]) + 1 + len(chunk) > width:
                lines.append(" " * max(4, min(len(head) + 2, max(width, WIDTH) - len(chunk))))
                starts = True
            lines[-1] += ("" if starts else " ") + chunk
            starts = False
    return lines


def _wrapped(text: str, width: int = WIDTH) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines
