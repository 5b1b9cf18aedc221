"""Functions of -x written with those of x where a sum gets shorter by it: a (1 - t) - t (1 - a) is a - t."""

from collections.abc import Collection

import sympy
from sympy import Add, Expr, Function, Mul

from gradscribe.derive.calculus.closed.rewrites.nested import measure, normal
from gradscribe.derive.ir.functions import FUNCTIONS

Identity = tuple[Expr, Expr]
"""A function of -x, and what it is."""


def mirrored(expression: Expr, signals: Collection[str]) -> tuple[Expr, tuple[Identity, ...]]:
    """The expression without functions of -x, multiplied out, if that is shorter; and what they were replaced by."""
    identities = {f: value for f in expression.atoms(Function) if (value := _other(f)) is not None}
    found = normal(Mul(*(_multiplied_out(f, identities) for f in Mul.make_args(expression))), signals)
    return (found, tuple(identities.items())) if measure(found) < measure(expression) else (expression, ())


def _other(f: Expr) -> Expr | None:
    row = FUNCTIONS.get(f.func)
    if row is None or row.mirrored is None or not f.args[0].could_extract_minus_sign():
        return None
    return row.mirrored(f.func(-f.args[0]))


def _multiplied_out(factor: Expr, identities: dict[Expr, Expr]) -> Expr:
    put = factor.xreplace(identities)
    return sympy.expand_mul(put) if isinstance(factor, Add) and put != factor else put
