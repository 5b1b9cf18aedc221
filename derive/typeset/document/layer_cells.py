"""What stands in the table of a network's layers: symbols, and the numbers that are fixed."""

from collections.abc import Iterable, Sequence

from sympy import Expr

from gradscribe.derive.derivation.network.layer_record import LayerTable, Row
from gradscribe.derive.derivation.record.sentence import Words, joined
from gradscribe.derive.typeset.terms.expressions.expression_writer import ExpressionWriter
from gradscribe.said import say

HEAD: tuple[Words, ...] = (
    *(say("level"), say("layers"), say("reads"), say("value"), say("weights")),
    say("parameters"),
)
EQUATIONS: Words = say("equations")


def headings(table: LayerTable) -> tuple[Words, ...]:
    """Those of the columns that a table has."""
    return (*HEAD[:-1], EQUATIONS, HEAD[-1]) if any(row.equations for row in table.rows) else HEAD


def span(first: int, last: int) -> Words:
    """``(2) to (6)``, or one number."""
    return say("({first}) to ({last})", first=str(first), last=str(last)) if first != last else (f"({first})",)


def spans(numbers: Iterable[int]) -> Words:
    """``(2) to (6), (9)``."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        first, last = found[-1] if found else (number, number - 2)
        found[len(found) - (last == number - 1) :] = [(first if last == number - 1 else number, number)]
    return joined([span(*ends) for ends in found])


def shape(extents: Sequence[Expr], t: ExpressionWriter, comma: str = ", ") -> str:
    """``(N, H, W, C)``."""
    return f"({comma.join(t.expr(e) for e in extents)})"


def values(table: LayerTable, row: Row) -> tuple[tuple[Expr, ...], ...]:
    """The extents of a value in symbols and, where they differ, numbers; beside shared equations in numbers alone."""
    number = table.number(row.shape)
    return (number,) if number == row.shape or EQUATIONS in headings(table) else (row.shape, number)


def parameters(table: LayerTable, row: Row, t: ExpressionWriter) -> str:
    """The number of parameters; nothing for none."""
    (number,) = table.number((row.parameters,))
    return t.expr(number) if number != 0 else ""
