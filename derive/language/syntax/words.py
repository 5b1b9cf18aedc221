"""The words of the language that stand for something in SymPy: functions, constants and paddings."""

from collections.abc import Callable
from functools import reduce

import sympy
from sympy import Expr
from sympy.codegen.cfunctions import expm1, log1p

from gradscribe.derive.ir.functions import larger, relu, sigmoid, smaller, softplus
from gradscribe.derive.ir.reductions import REDUCTIONS

FUNCTIONS: dict[str, Callable[..., Expr]] = {
    "abs": sympy.Abs,
    "acos": sympy.acos,
    "acosh": sympy.acosh,
    "asin": sympy.asin,
    "asinh": sympy.asinh,
    "atan": sympy.atan,
    "atanh": sympy.atanh,
    "cos": sympy.cos,
    "cosh": sympy.cosh,
    "erf": sympy.erf,
    "exp": sympy.exp,
    "expm1": expm1,
    "log": sympy.log,
    "log1p": log1p,
    "relu": relu,
    "sigmoid": sigmoid,
    "sign": sympy.sign,
    "sin": sympy.sin,
    "sinh": sympy.sinh,
    "softplus": softplus,
    "sqrt": sympy.sqrt,
    "tan": sympy.tan,
    "tanh": sympy.tanh,
}
"""Functions of one argument."""

FOLDED: dict[str, Callable[..., Expr]] = {
    "max": lambda *a: reduce(larger, a),
    "min": lambda *a: reduce(smaller, a),
}
"""Functions of two or more arguments."""

CONSTANT = "constant"
"""What a value is wrapped into through which no gradient flows: ``constant(x[n])``."""

CONSTANTS: dict[str, Expr] = {"pi": sympy.pi}

PADDINGS = {"zero": 1, "reflect": 1, "replicate": 1, "circular": 1, "value": 2}
"""What a subscript may be wrapped into, and how many arguments it takes: ``x[n, reflect(i + r - p), c]``."""

PAIRED = ("re", "im", "conj", "complex")
"""The parts of a complex value, its conjugate, and one of two real values."""

KNOWN = {"choose", CONSTANT, *PAIRED, *REDUCTIONS, *FUNCTIONS, *FOLDED, *PADDINGS}
"""All that may stand before a parenthesis."""
