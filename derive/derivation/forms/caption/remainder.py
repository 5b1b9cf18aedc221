"""How far windows reach beyond the end of an axis, in terms of what the division by a stride leaves over."""

import sympy
from sympy import Dummy, Expr, Symbol

from gradscribe.derive.ir.index import IntegerFunction, floordiv, mod
from gradscribe.derive.ir.term import Program


def expanded(expression: Expr) -> Expr:
    """The expression as a sum of products; what stands in remainders and quotients stays as it is written."""
    functions = sorted(expression.atoms(IntegerFunction), key=sympy.default_sort_key)
    marks = {f: Dummy(integer=True) for f in functions}
    return sympy.expand(expression.xreplace(marks)).xreplace({mark: f for f, mark in marks.items()})


def settled(expression: Expr, program: Program) -> Expr:
    """A size without derived extents where these cancel: ``s (H' - 1)`` is N less the remainder of N by s."""
    found = expanded(expression)
    for symbol, definition in reversed(program.sizes):
        if symbol in found.free_symbols:
            found = _without(found, symbol, definition)
    return found


def _without(expression: Expr, symbol: Symbol, definition: Expr) -> Expr:
    """``c floor(N/s)`` as ``c/s (N - N mod s)``; the expression itself where s does not divide c."""
    quotients = sorted(definition.atoms(floordiv), key=sympy.default_sort_key)
    marks = [Dummy(integer=True) for _ in quotients]
    opened = definition.xreplace(dict(zip(quotients, marks, strict=True)))
    if opened.has(IntegerFunction):
        return expression
    found = expanded(expression.xreplace({symbol: opened}))
    for quotient, mark in zip(quotients, marks, strict=True):
        value, divisor = quotient.args
        ratio = sympy.cancel(found.coeff(mark, 1) / divisor)
        if sympy.denom(sympy.together(ratio)) != 1:
            return expression
        found = expanded(found - found.coeff(mark, 1) * mark + ratio * value) - ratio * mod(value, divisor)
    return expression if found.has(*marks) else found
