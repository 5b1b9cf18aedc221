"""Derivatives by SymPy of functions of real numbers, without what it says of complex ones."""

import sympy
from sympy import Dummy, Expr, Function, Integer, Pow, Symbol

from gradscribe.derive.ir.functions.function_table import unequal


class _power(Function):
    """``base**exponent``; SymPy's derivative divides by the base, which is 0/0 where the base is 0."""

    nargs = (2,)

    def fdiff(self, argindex: int = 1) -> Expr:
        base, exponent = self.args
        if argindex == 2:  # 0**e does not change with e > 0, but log(0) is infinite
            return sympy.log(base) * self * (1 if base.is_positive else unequal(base, 0))
        outer = exponent * _power(base, exponent - 1)
        may_vanish = exponent.is_zero is None and (exponent.is_integer or exponent.has(Dummy))
        return outer * unequal(exponent, 0) if may_vanish else outer


class _magnitude(Function):
    """``Abs(x)``; SymPy splits what it cannot prove real, such as log(x), into real and imaginary parts."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return _direction(self.args[0])


class _direction(Function):
    """``sign(x)``, whose jump has slope 0 here instead of SymPy's DiracDelta."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(0)


_BUILT_IN = {_power: Pow, _magnitude: sympy.Abs, _direction: sympy.sign}


def real_derivative(expression: Expr, variable: Symbol) -> Expr:
    """d(expression)/d(variable) over the reals; elements of tensors are Dummies, parameters are not."""
    return _finished(sympy.diff(_opened(expression), variable))


def _opened(e: Expr) -> Expr:
    """Powers and absolute values as functions of this file."""
    arguments = [_opened(a) for a in e.args]
    if isinstance(e, Pow) and not e.exp.is_Integer:
        return _power(*arguments)
    if isinstance(e, sympy.Abs):
        return _magnitude(*arguments)
    if isinstance(e, sympy.sign):
        return _direction(*arguments)
    return e.func(*arguments) if tuple(arguments) != e.args else e


def _finished(e: Expr) -> Expr:
    """The inverse of `_opened`."""
    arguments = [_finished(a) for a in e.args]
    return _BUILT_IN.get(e.func, e.func)(*arguments) if tuple(arguments) != e.args or e.func in _BUILT_IN else e
