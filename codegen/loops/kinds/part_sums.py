"""Sums of parts: each value of the outermost index has some of its own, and a second sweep adds them up."""

from collections.abc import Callable

from sympy import Expr

from gradscribe.codegen.loops.text.c_function import APART, SUMS, CIf
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Binary, Expression, Literal, Name, Part
from gradscribe.codegen.python.statement import Return
from gradscribe.derive.ir.term import Range

ROWS = 32
"""Rows after which sums go to float64: a long sum in float32 would stop growing."""


def second_sweep(
    w: Writer,
    first: Range,
    number: Expr,
    finish: Callable[[Name], None],
    add_part: Callable[[Name, Expression], None] | None = None,
) -> None:
    """Write, before the loops, what is done with the sums at last.

    Args:
        w: the function.
        first: the outermost index.
        number: how many sums each value of it has.
        finish: writes what is done with all sums, given their name.
        add_part: writes what adds a part's sums to those before, given its number and where they begin.
    """
    w.sums = number
    parts, part, k = w.name("parts"), w.name("part_"), w.name("k")
    with w.apart() as last:
        with w.loop(part, Literal(1), w.integer(first.extent)):
            first_sum = _first(w, part, number)
            if add_part is not None:
                add_part(part, first_sum)
            else:
                with w.upto(k, w.integer(number), APART):
                    w.add(Part(parts, (k,)), Part(parts, (Binary("+", first_sum, k),)))
        finish(parts)
        w.put(Return(()))
    w.put(CIf(w.name("sweep"), tuple(last)))


def own_sums(w: Writer, first: Range) -> Name:
    """Write down where the sums of a value of the outermost index are; they are 0 at first."""
    sums = w.name("sums")
    assert w.sums is not None
    w.new(SUMS, sums, Binary("+", w.name("parts"), _first(w, w.index(first.index), w.sums)))
    return sums


def _first(w: Writer, part: Name, number: Expr) -> Expression:
    return Binary("*", part, w.integer(number))
