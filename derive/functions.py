"""The scalar functions an equation may use, one row each.

A row says how a function is computed, what its derivative is in terms of its own value where that is cheaper (so that
a kernel need not keep the input), and how it is written. Derivatives in terms of the input come from SymPy, or from
`fdiff` of the classes below. Functions that are piecewise constant have derivative 0 and stand here too, so that
silence never means "forgotten".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Function, Integer


class relu(Function):
    """``max(x, 0)``; its derivative at 0 is 0, as in PyTorch; NaN stays NaN."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return step(self.args[0])


class step(Function):
    """``[x > 0]``, the derivative of relu; piecewise constant."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(0)

    def _eval_power(self, exponent: Expr) -> Expr | None:
        return self if exponent.is_positive else None


class sigmoid(Function):
    """``1 / (1 + exp(-x))``, computed without overflow."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return self * (1 - self)


class equal(Function):
    """The Iverson bracket ``[a = b]`` of two integers as a factor; piecewise constant."""

    nargs = (2,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(0)

    def _eval_power(self, exponent: Expr) -> Expr | None:
        return self if exponent.is_positive else None


class activation(Function):
    """An activation function ``f`` left open, for recurrences that hold whatever it is."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return activation_prime(self.args[0])


class activation_prime(Function):
    """``f'``, the derivative of the open activation function."""

    nargs = (1,)


def _sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


@dataclass(frozen=True)
class ScalarFunction:
    """One row.

    Attributes:
        compute: the value, for the interpreter.
        numpy: the text that a kernel uses, with ``{0}``, ``{1}`` for the arguments.
        by_value: the derivative written with the function's own value.
        indicator: marks brackets: 0 or 1, and a 0 wins over infinity and NaN beside it.
    """

    compute: Callable[..., Any]
    numpy: str
    by_value: Callable[[Expr], Expr] | None = None
    indicator: bool = False


# ----- smooth ---------------------------------------------------------------------------------------------------
FUNCTIONS: dict[type[Expr], ScalarFunction] = {
    sympy.exp: ScalarFunction(np.exp, "np.exp({0})", lambda y: y),
    sympy.log: ScalarFunction(np.log, "np.log({0})"),
    sympy.tanh: ScalarFunction(np.tanh, "np.tanh({0})", lambda y: 1 - y**2),
    sympy.sin: ScalarFunction(np.sin, "np.sin({0})"),
    sympy.cos: ScalarFunction(np.cos, "np.cos({0})"),
    sigmoid: ScalarFunction(_sigmoid, "rt.sigmoid({0})", lambda y: y * (1 - y)),
    # ----- piecewise ------------------------------------------------------------------------------------------------
    relu: ScalarFunction(lambda x: np.maximum(x, 0.0), "np.maximum({0}, 0)", step),
    sympy.Abs: ScalarFunction(np.abs, "np.abs({0})"),
    # ----- derivative 0 everywhere it exists ------------------------------------------------------------------------
    sympy.sign: ScalarFunction(np.sign, "np.sign({0})"),
    step: ScalarFunction(lambda x: np.greater(x, 0) * 1.0, "({0} > 0)", indicator=True),
    equal: ScalarFunction(lambda a, b: np.equal(a, b) * 1.0, "({0} == {1})", indicator=True),
    # ----- left open: for display, and computed as tanh when a row is checked -----
    activation: ScalarFunction(np.tanh, "np.tanh({0})"),
    activation_prime: ScalarFunction(lambda x: 1 - np.tanh(x) ** 2, "(1 - np.tanh({0}) ** 2)"),
}


def is_indicator(expression: Expr) -> bool:
    """Whether `expression` is a 0/1 bracket, the strong zero of a product."""
    row = FUNCTIONS.get(expression.func)
    return row is not None and row.indicator
