"""What stands in the table of a network's layers: symbols, and the numbers that are fixed."""

from collections.abc import Sequence

from sympy import Expr

from gradscribe.derive.derivation.record import LayerTable, Row
from gradscribe.derive.typeset.terms.expression_writer import ExpressionWriter

HEAD = ("level", "layers", "reads", "value", "weights", "parameters")


def shape(extents: Sequence[Expr], t: ExpressionWriter, comma: str = ", ") -> str:
    """``(N, H, W, C)``."""
    return f"({comma.join(t.expr(e) for e in extents)})"


def parameters(table: LayerTable, row: Row, t: ExpressionWriter) -> str:
    """The number of parameters; nothing for none."""
    (number,) = table.number((row.parameters,))
    return t.expr(number) if number != 0 else ""
