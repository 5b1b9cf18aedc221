"""The scalar functions an equation may use, one row each.

A row says how a function is computed by the interpreter, and what its derivative is in terms of its own value where
that is cheaper (so that a kernel need not keep the input). Derivatives in terms of the input come from SymPy, or from
`fdiff` of the classes below; `real_derivative` puts them together. Functions that are piecewise constant have
derivative 0 and stand here too, so that silence never means "forgotten". A row is computed by functions under NumPy's
names: those of NumPy, for arrays, or of `derive.ir.interpret.scalars`, for single numbers. How NumPy computes it in a
kernel stands in `codegen.numpy.print.numpy_table`.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import sympy
from sympy import Add, Atom, Expr, Function, Integer, Mul, Symbol
from sympy.codegen.cfunctions import expm1, log1p


class Indicator(Function):
    """An Iverson bracket: 0 or 1, piecewise constant, its own power."""

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(0)

    def _eval_power(self, exponent: Expr) -> Expr | None:
        return self if exponent.is_positive else None


class relu(Function):
    """``max(x, 0)``; its derivative at 0 is 0, as in PyTorch; NaN stays NaN."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return step(self.args[0])


class step(Indicator):
    """``[x > 0]``, the derivative of relu."""

    nargs = (1,)


class sigmoid(Function):
    """``1 / (1 + exp(-x))``, computed without overflow."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return self * (1 - self)


class softplus(Function):
    """``log(1 + exp(x))``, computed without overflow."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return sigmoid(self.args[0])


def _are_real_numbers(*found: Expr) -> bool:
    """Whether functions of these are numbers."""
    return all(e.is_number and e.is_real and e.is_finite for e in found)


class larger(Function):
    """The larger of two reals, NaN if one is; at a tie the derivative goes to the first."""

    nargs = (2,)

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        return sympy.Max(a, b) if _are_real_numbers(a, b) else None

    def fdiff(self, argindex: int = 1) -> Expr:
        a, b = self.args
        return at_least(a, b) if argindex == 1 else greater(b, a)


class smaller(Function):
    """The smaller of two reals, NaN if one is; at a tie the derivative goes to the first."""

    nargs = (2,)

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        return sympy.Min(a, b) if _are_real_numbers(a, b) else None

    def fdiff(self, argindex: int = 1) -> Expr:
        a, b = self.args
        return at_least(b, a) if argindex == 1 else greater(a, b)


class Stepped(Function):
    """A function of one number whose value changes in steps: its derivative is 0. That of a number is a number."""

    nargs = (1,)
    step: ClassVar[Callable[[Expr], Any]] = Integer

    @classmethod
    def eval(cls, value: Expr) -> Expr | None:
        return Integer(cls.step(value)) if _are_real_numbers(value) else None

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(0)


class floor(Stepped):
    """The largest integer that is not above a number; unlike SymPy's it stays as it is written."""

    step = math.floor


class ceil(Stepped):
    """The smallest integer that is not below a number."""

    step = math.ceil


class rounded(Stepped):
    """The nearest integer, the even one of two that are as near."""

    step = round


class whole(Stepped):
    """A number that has no fraction as an element of a tensor of integers; NaN and infinity are no position there."""


class greater(Indicator):
    """The Iverson bracket ``[a > b]``."""

    nargs = (2,)


class at_least(Indicator):
    """The Iverson bracket ``[a >= b]``."""

    nargs = (2,)


class unequal(Indicator):
    """The Iverson bracket ``[a != b]``, true where one is NaN."""

    nargs = (2,)


class equal(Indicator):
    """The Iverson bracket ``[a = b]`` as a factor, of integers or of a value and its extremum."""

    nargs = (2,)


class divides(Indicator):
    """The Iverson bracket ``[m | a]`` of integers as a factor of one summand of a body; display form only."""

    nargs = (2,)


class admitted(Function):
    """``admitted(condition, value)``: an element of a reduction, `value` where all brackets of `condition` hold.

    Elsewhere there is no element, whatever its value. It stands for the whole body of a reduction other than a sum.
    """

    nargs = (2,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return self.args[0] if argindex == 2 else Integer(0)


class constant(Function):
    """``constant(value)``: a value through which no gradient flows; a Program has a tensor instead."""

    nargs = (1,)
    is_real = True  # or SymPy writes its absolute value with conjugates

    @classmethod
    def eval(cls, value: Expr) -> Expr | None:
        """A number is constant as it is."""
        return value if value.is_number else None


class Rule(Atom):
    """A function that equations define, with the slopes that it has by decree.

    Attributes:
        name: what it is called.
        parameters: what stands for its arguments in the value and the slopes, then what they read besides.
        value: its value.
        slopes: its slope by each argument, whatever its derivative is.
    """

    __slots__ = ("name", "parameters", "slopes", "value")
    name: str
    parameters: tuple[Symbol, ...]
    value: Expr
    slopes: tuple[Expr, ...]

    def __new__(cls, name: str, parameters: tuple[Symbol, ...], value: Expr, slopes: tuple[Expr, ...]) -> "Rule":
        """SymPy compares what `_hashable_content` gives."""
        rule = Atom.__new__(cls)
        rule.name, rule.parameters, rule.value, rule.slopes = name, parameters, value, slopes
        return rule

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self._hashable_content()

    def _hashable_content(self) -> tuple[Any, ...]:
        return self.name, self.parameters, self.value, self.slopes

    def _sympystr(self, printer: Any) -> str:
        return f"{self.name}: {printer.doprint(self.value)}, {', '.join(map(printer.doprint, self.slopes))}"


class decreed(Expr):
    """``decreed(rule, *arguments)``: the value of a function whose slopes are those of its `Rule`."""

    is_commutative = True
    is_real = True

    @property
    def rule(self) -> Rule:
        """What its value and its slopes are."""
        return self.args[0]

    @property
    def given(self) -> tuple[Expr, ...]:
        """The arguments of the function; what its rule reads besides stands behind them."""
        return tuple(self.args[1 : len(self.rule.slopes) + 1])

    @property
    def value(self) -> Expr:
        """What it is computed as."""
        return self._at(self.rule.value)

    @property
    def slopes(self) -> tuple[Expr, ...]:
        """Its slope by each argument, here."""
        return tuple(map(self._at, self.rule.slopes))

    def _at(self, expression: Expr) -> Expr:
        return expression.xreplace(dict(zip(self.rule.parameters, self.args[1:], strict=True)))

    def _sympystr(self, printer: Any) -> str:
        return f"{self.rule.name}({', '.join(map(printer.doprint, self.given))})"

    def _eval_derivative(self, variable: Symbol) -> Expr:
        return Add(*(s * a.diff(variable) for s, a in zip(self.slopes, self.given, strict=True) if a.has(variable)))


def computed(e: Expr) -> Expr:
    """The expression with the values of functions in place of these: what is not differentiated any more."""
    if not e.has(decreed):
        return e
    found = e.func(*map(computed, e.args))
    return found.value if isinstance(found, decreed) else found


class activation(Function):
    """An activation function ``f`` left open, for recurrences that hold whatever it is."""

    nargs = (1,)

    def fdiff(self, argindex: int = 1) -> Expr:
        return activation_prime(self.args[0])


class activation_prime(Function):
    """``f'``, the derivative of the open activation function."""

    nargs = (1,)


@dataclass(frozen=True)
class ScalarFunction:
    """One row.

    Attributes:
        compute: the value, for the interpreter: of NumPy or what stands for it, and the arguments.
        by_value: the derivative written with the function's own value.
        indicator: marks brackets: 0 or 1, and a 0 wins over infinity and NaN beside it.
        mirrored: f(-x) written with f(x), where SymPy does not do so itself.
    """

    compute: Callable[..., Any]
    by_value: Callable[[Expr], Expr] | None = None
    indicator: bool = False
    mirrored: Callable[[Expr], Expr] | None = None


# ----- smooth ---------------------------------------------------------------------------------------------------
FUNCTIONS: dict[type[Expr], ScalarFunction] = {
    sympy.exp: ScalarFunction(lambda m, x: m.exp(x), lambda y: y),
    sympy.log: ScalarFunction(lambda m, x: m.log(x)),
    sympy.tanh: ScalarFunction(lambda m, x: m.tanh(x), lambda y: 1 - y**2),
    sympy.sin: ScalarFunction(lambda m, x: m.sin(x)),
    sympy.cos: ScalarFunction(lambda m, x: m.cos(x)),
    sympy.atan: ScalarFunction(lambda m, x: m.arctan(x)),
    sympy.tan: ScalarFunction(lambda m, x: m.tan(x), lambda y: 1 + y**2),
    sympy.asin: ScalarFunction(lambda m, x: m.arcsin(x)),
    sympy.acos: ScalarFunction(lambda m, x: m.arccos(x)),
    sympy.sinh: ScalarFunction(lambda m, x: m.sinh(x)),
    sympy.cosh: ScalarFunction(lambda m, x: m.cosh(x)),
    sympy.asinh: ScalarFunction(lambda m, x: m.arcsinh(x)),
    sympy.acosh: ScalarFunction(lambda m, x: m.arccosh(x)),
    sympy.atanh: ScalarFunction(lambda m, x: m.arctanh(x)),
    expm1: ScalarFunction(lambda m, x: m.expm1(x)),  # by value, y + 1, it would cancel
    log1p: ScalarFunction(lambda m, x: m.log1p(x)),
    sympy.erf: ScalarFunction(lambda m, x: m.vectorize(math.erf, otypes=[float])(x)),
    sigmoid: ScalarFunction(lambda m, x: 1.0 / (1.0 + m.exp(-x)), lambda y: y * (1 - y), mirrored=lambda y: 1 - y),
    softplus: ScalarFunction(lambda m, x: m.logaddexp(0.0, x)),  # 1 - exp(-y) would cancel
    # ----- piecewise ------------------------------------------------------------------------------------------------
    relu: ScalarFunction(lambda m, x: m.maximum(x, 0.0), step),
    sympy.Abs: ScalarFunction(lambda m, x: m.abs(x)),
    larger: ScalarFunction(lambda m, a, b: m.maximum(a, b)),
    smaller: ScalarFunction(lambda m, a, b: m.minimum(a, b)),
    # ----- derivative 0 everywhere it exists ------------------------------------------------------------------------
    sympy.sign: ScalarFunction(lambda m, x: m.sign(x)),
    floor: ScalarFunction(lambda m, x: m.floor(x)),
    ceil: ScalarFunction(lambda m, x: m.ceil(x)),
    rounded: ScalarFunction(lambda m, x: m.rint(x)),
    whole: ScalarFunction(lambda m, x: x),
    step: ScalarFunction(lambda m, x: m.greater(x, 0) * 1.0, indicator=True),
    equal: ScalarFunction(lambda m, a, b: m.equal(a, b) * 1.0, indicator=True),
    divides: ScalarFunction(lambda m, divisor, a: m.equal(a % divisor, 0) * 1.0, indicator=True),
    unequal: ScalarFunction(lambda m, a, b: m.not_equal(a, b) * 1.0, indicator=True),
    greater: ScalarFunction(lambda m, a, b: m.greater(a, b) * 1.0, indicator=True),
    at_least: ScalarFunction(lambda m, a, b: m.greater_equal(a, b) * 1.0, indicator=True),
    # ----- left open: for display, and computed as tanh when a row is checked -----
    activation: ScalarFunction(lambda m, x: m.tanh(x)),
    activation_prime: ScalarFunction(lambda m, x: 1 - m.tanh(x) ** 2),
}


def is_indicator(expression: Expr) -> bool:
    """Whether `expression` is a 0/1 bracket, the strong zero of a product."""
    row = FUNCTIONS.get(expression.func)
    return row is not None and row.indicator


def either(conditions: Iterable[Expr]) -> Expr:
    """The bracket ``[a or b]`` of conditions, brackets and products of these: ``[a + b > 0]``."""
    found = tuple(dict.fromkeys(conditions))
    return found[0] if len(found) == 1 else step(Add(*found))


def contrary(condition: Expr) -> Expr:
    """The bracket ``[not a]`` of a condition, ``[1 - a > 0]``: it holds where `a` does not, beside NaN as well."""
    return step(1 - condition)


def connected(bracket: Expr) -> tuple[str, tuple[Expr, ...]] | None:
    """The word and the conditions of what `either` and `contrary` make; None for any other bracket."""
    if not isinstance(bracket, step):
        return None
    rest = 1 - bracket.args[0]
    if _is_condition(rest):
        return "not", (rest,)
    summands = Add.make_args(bracket.args[0])
    return ("or", summands) if len(summands) > 1 and all(map(_is_condition, summands)) else None


def _is_condition(e: Expr) -> bool:
    return all(is_indicator(f) for f in Mul.make_args(e))


def admission(body: Expr) -> tuple[tuple[Expr, ...], Expr]:
    """The brackets that say which elements a reduction of `body` has, and their value."""
    if isinstance(body, admitted):
        return Mul.make_args(body.args[0]), body.args[1]
    return (), body


def among(body: Expr) -> Expr:
    """The product `body` as an element of a reduction: its brackets exclude, if there is anything beside them.

    A number is nothing to exclude: the maximum of brackets alone is 1 where one holds, else 0.
    """
    factors = Mul.make_args(body)
    brackets = [f for f in factors if is_indicator(f)]
    rest = Mul(*(f for f in factors if f not in brackets))
    return admitted(Mul(*brackets), rest) if brackets and not rest.is_number else body
