"""Words with LaTeX mathematics between dollars: what LaTeX and Markdown have in common."""

import re
from collections.abc import Callable, Iterator

from sympy import Expr

from gradscribe.derive.derivation.letters.name import NUMBERED
from gradscribe.derive.derivation.network.layer_record import LayerTable
from gradscribe.derive.derivation.record.sentence import Label, Words
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.document.layer_cells import (
    EQUATIONS,
    headings,
    parameters,
    shape,
    spans,
    values,
)
from gradscribe.derive.typeset.mathematics.latex_symbols import BreakableTypesetter, InlineTypesetter
from gradscribe.derive.typeset.mathematics.latex_width import parted, width
from gradscribe.said import Said

Escape = Callable[[str], str]
LINE_MAY_END = r", \allowbreak "
_SPACE = re.compile(r"(?<= )")
_DOLLAR = re.compile(r"(?<!\\)\$")


def sentence(words: Words, t: InlineTypesetter, escape: Escape | None = None) -> str:
    """Words, and mathematics between dollars. In LaTeX what ends a sentence is not alone on a line."""
    spoken, inner = t.spoken(words), t.among(words)
    tied = escape is None and len(spoken) > 1 and not isinstance(spoken[-1], str)
    escape = escape or t.prose
    parts = [escape(w) if isinstance(w, str) else f"${inner.expr(w)}$" for w in spoken]
    if tied and parts[-2].endswith(" "):
        parts[-2] = f"{parts[-2][:-1]}~"
    return "".join(parts)


def sentence_width(words: Words, t: InlineTypesetter) -> float:
    """How wide words are, roughly, in em of mathematics."""
    inner = t.among(words)
    return width("".join(t.prose(w) if isinstance(w, str) else inner.expr(w) for w in t.spoken(words)))


def unbroken_width(words: Words, t: InlineTypesetter) -> float:
    """The same of the widest part of them within which LaTeX ends no line."""
    parts = _DOLLAR.split(sentence(words, t))
    formulas = ("\n".join(parted(part)) if n % 2 else part.replace(" ", "\n") for n, part in enumerate(parts))
    return max(map(width, "".join(formulas).split("\n")))


def lines_of(words: Words, t: InlineTypesetter, room: float) -> list[Words]:
    """Words on lines of at most so much, in em, that end at a space between words."""
    pieces: Words = tuple(
        piece for w in t.spoken(words) for piece in ([p for p in _SPACE.split(w) if p] if isinstance(w, str) else [w])
    )
    lines: list[list[str | Expr | Said]] = [[]]
    for group in _unbroken(pieces):
        if lines[-1] and sentence_width((*lines[-1], *group), t) > room:
            lines.append([])
        lines[-1] += group
    return [(*line[:-1], line[-1].rstrip(" ")) if isinstance(line[-1], str) else tuple(line) for line in lines]


def _unbroken(pieces: Words) -> Iterator[Words]:
    """What stands between two spaces; the space behind it belongs to it."""
    group: Words = ()
    for piece in pieces:
        group = (*group, piece)
        if isinstance(piece, str) and piece.endswith(" "):
            yield group
            group = ()
    if group:
        yield group


def dollars(formula: str) -> str:
    """A formula within words."""
    return f"${formula}$"


def layer_cells(table: LayerTable, language: str, escape: Escape, enclose: Escape = dollars) -> list[list[list[str]]]:
    """Per layer of a network and column the lines of a cell; `enclose` makes words of a formula."""
    t, narrow = InlineTypesetter(table.notation, language=language), BreakableTypesetter(table.notation)
    rows = []

    def label(name: str | Access) -> str:
        """A number such as l+1 is mathematics, and so is a tensor; the name of a layer is not."""
        if not isinstance(name, str):
            return enclose(t.expr(name))
        return enclose(t.expr(Label(name))) if NUMBERED.fullmatch(name) else escape(name)

    for row in table.shown:
        extents = [enclose(shape(s, t, LINE_MAY_END)) for s in values(table, row)]
        weights = [f"{enclose(t.letter(w))} {enclose(shape(table.number(s), t, LINE_MAY_END))}" for w, s in row.weights]
        trained = parameters(table, row, narrow)
        rows.append(
            [
                [label(row.label)],
                [escape(", ".join(row.layers))],
                [", ".join(label(name) for name in row.reads)],
                extents,
                [", ".join(weights)] if EQUATIONS in headings(table) else weights,
                *([[escape(t.words(spans(row.equations)))]] if EQUATIONS in headings(table) else []),
                [enclose(trained)] if trained else [],
            ]
        )
    return rows
