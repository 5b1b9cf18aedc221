"""What stands in the table of a network's layers: symbols, and the numbers that are fixed."""

from collections.abc import Iterable, Sequence

from sympy import Expr

from gradscribe.derive.derivation.network.layer_record import LayerTable, Row
from gradscribe.derive.typeset.terms.expressions.expression_writer import ExpressionWriter

HEAD = ("level", "layers", "reads", "value", "weights", "parameters")
EQUATIONS = "equations"


def headings(table: LayerTable) -> tuple[str, ...]:
    """Those of the columns that a table has."""
    return (*HEAD[:-1], EQUATIONS, HEAD[-1]) if any(row.equations for row in table.rows) else HEAD


def spans(numbers: Iterable[int]) -> str:
    """``(2) to (6), (9)``."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        first, last = found[-1] if found else (number, number - 2)
        found[len(found) - (last == number - 1) :] = [(first if last == number - 1 else number, number)]
    return ", ".join(f"({a})" if a == b else f"({a}) to ({b})" for a, b in found)


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
