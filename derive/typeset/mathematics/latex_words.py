"""Words with LaTeX mathematics between dollars: what LaTeX and Markdown have in common."""

from collections.abc import Callable

from gradscribe.derive.derivation.certificate.certificate import Footer
from gradscribe.derive.derivation.record import LayerTable, Words
from gradscribe.derive.typeset.document.layer_cells import parameters, shape
from gradscribe.derive.typeset.mathematics.latex_letters import prose
from gradscribe.derive.typeset.mathematics.latex_symbols import BreakableTypesetter, InlineTypesetter, level
from gradscribe.derive.typeset.mathematics.latex_width import width

Escape = Callable[[str], str]
LINE_MAY_END = r", \allowbreak "


def sentence(words: Words, t: InlineTypesetter, escape: Escape = prose) -> str:
    """Words, and mathematics between dollars."""
    return "".join(escape(w) if isinstance(w, str) else f"${t.expr(w)}$" for w in words)


def sentence_width(words: Words, t: InlineTypesetter) -> float:
    """How wide words are, roughly, in em of mathematics."""
    return width("".join(prose(w) if isinstance(w, str) else t.expr(w) for w in words))


def measured(footer: Footer, t: InlineTypesetter) -> str:
    """What was measured, the figures between dollars."""
    return footer.sentence(lambda figure: f"${t.figure(figure)}$", f"${t.rounded}$")


def layer_cells(table: LayerTable, escape: Escape) -> list[list[list[str]]]:
    """Per layer of a network and column the lines of a cell."""
    t, narrow = InlineTypesetter(table.notation), BreakableTypesetter(table.notation)
    rows = []
    for row in table.rows:
        value, number = (shape(s, t, LINE_MAY_END) for s in (row.shape, table.number(row.shape)))
        weights = [f"${t.letter(letter)}$ ${shape(table.number(s), t, LINE_MAY_END)}$" for letter, s in row.weights]
        trained = parameters(table, row, narrow)
        rows.append(
            [
                [_label(row.label, escape)],
                [escape(", ".join(row.layers))],
                [", ".join(_label(name, escape) for name in row.reads)],
                [f"${value}$", *([f"${number}$"] if number != value else [])],
                weights,
                [f"${trained}$"] if trained else [],
            ]
        )
    return rows


def _label(label: str, escape: Escape) -> str:
    """A number such as l+1 is mathematics, a name is not."""
    return f"${label}$" if level(label) == label and label.startswith("l") else escape(label)
