"""How NumPy computes what equations say: a row for every scalar function and for every reduction of `derive`.

`derive.ir.functions` and `derive.ir.reductions` say what these are; the code of generated modules stands here only.
What NumPy computes badly or not at all is a function of the runtime, ``rt``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy
from sympy import Expr
from sympy.codegen.cfunctions import expm1, log1p

from gradscribe.codegen.python.expression import (
    Binary,
    Call,
    Comparison,
    Literal,
    Name,
    call,
    method,
    parts,
)
from gradscribe.codegen.python.scalars.array_printer import Rule, Words
from gradscribe.codegen.python.scalars.scalar import DTYPE
from gradscribe.derive.ir import functions as f


def _called(name: str) -> Rule:
    return lambda *arguments: call(name, *arguments)


def _compared(operator: str) -> Rule:
    return lambda left, *right: Comparison((left, *(right or (Literal(0),))), (operator,))


NUMPY_FUNCTIONS: Mapping[type[Expr], Rule] = {
    sympy.exp: _called("np.exp"),
    sympy.log: _called("np.log"),
    sympy.tanh: _called("np.tanh"),
    sympy.sin: _called("np.sin"),
    sympy.cos: _called("np.cos"),
    sympy.atan: _called("np.arctan"),
    sympy.tan: _called("np.tan"),
    sympy.asin: _called("np.arcsin"),
    sympy.acos: _called("np.arccos"),
    sympy.sinh: _called("np.sinh"),
    sympy.cosh: _called("np.cosh"),
    sympy.asinh: _called("np.arcsinh"),
    sympy.acosh: _called("np.arccosh"),
    sympy.atanh: _called("np.arctanh"),
    expm1: _called("np.expm1"),
    log1p: _called("np.log1p"),
    sympy.erf: _called("rt.erf"),
    f.sigmoid: _called("rt.sigmoid"),
    f.softplus: _called("rt.softplus"),
    f.relu: lambda x: call("np.maximum", x, Literal(0)),
    sympy.Abs: _called("np.abs"),
    f.larger: _called("np.maximum"),
    f.smaller: _called("np.minimum"),
    sympy.sign: _called("np.sign"),
    f.floor: _called("np.floor"),
    f.ceil: _called("np.ceil"),
    f.rounded: _called("np.rint"),
    f.whole: _called("rt.whole"),
    f.step: _compared(">"),
    f.equal: _compared("=="),
    f.unequal: _compared("!="),
    f.divides: lambda m, a: Comparison((Binary("%", a, m), Literal(0)), ("==",)),
    f.greater: _compared(">"),
    f.at_least: _compared(">="),
    f.activation: _called("np.tanh"),
    f.activation_prime: lambda x: Binary("-", Literal(1), Binary("**", call("np.tanh", x), Literal(2))),
}
"""The code of a function's value by its arguments; of an indicator a condition."""
MIRRORED: Mapping[type[Expr], Rule] = {
    f.greater: lambda left, right: Comparison((right, left), ("<",)),
    f.at_least: lambda left, right: Comparison((right, left), ("<=",)),
}
"""The same condition from the other side: ``x <= 0`` reads better than ``0 >= x``."""


def takes_target(function: type[Expr]) -> bool:
    """Whether NumPy writes the values of a function into an array that it is given."""
    rule = NUMPY_FUNCTIONS.get(function)
    if rule is None:
        return False
    made = rule(*(Name("x") for _ in range(max(function.nargs))))
    return isinstance(made, Call) and made.name.startswith("np.")


def called() -> set[str]:
    """The functions of NumPy that the rules call."""
    made = (rule(*(Name("x") for _ in range(max(function.nargs)))) for function, rule in NUMPY_FUNCTIONS.items())
    names = {p.name for rule in made for p in parts(rule) if isinstance(p, Call)}
    return {name.removeprefix("np.") for name in names if name.startswith("np.")}


@dataclass(frozen=True)
class NumpyReduction:
    """One row for a reduction.

    Attributes:
        ufunc: NumPy's function of two arrays.
        along: its function along axes of one array, with ``axis`` and ``initial``; sums have ``rt.total``.
        recorded: of one that selects: the function of the runtime that exchanges elements and records the position.
        searched: likewise: the one that searches along the last axes.
    """

    ufunc: str
    along: str = ""
    recorded: str = ""
    searched: str = ""


NUMPY_REDUCTIONS: Mapping[str, NumpyReduction] = {
    "sum": NumpyReduction("np.add"),
    "max": NumpyReduction("np.maximum", "np.max", "rt.maximise", "rt.first_max"),
    "min": NumpyReduction("np.minimum", "np.min", "rt.minimise", "rt.first_min"),
    "prod": NumpyReduction("np.multiply", "np.prod"),
}

WORDS = Words(
    NUMPY_FUNCTIONS,
    MIRRORED,
    where="np.where",
    ratio="rt.ratio",
    divisor="rt.divisor",
    share="rt.share",
    square="np.square",
    root="np.sqrt",
    power="np.float_power",
    number=_called("dtype"),
    numbers=lambda condition: method(condition, "astype", DTYPE),
    scalar=_called("float"),  # a NumPy scalar would turn float32 arrays into float64
)
