"""Scalars of equations as C computes them: of the arrays' type within loops, of doubles where sizes alone decide."""

from collections.abc import Callable, Collection, Sequence
from math import isinf

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Symbol
from sympy.codegen.cfunctions import expm1, log1p

from gradscribe.codegen.loops.writing.body import COMPARED, ScalarPrinter
from gradscribe.codegen.python.expression import (
    Binary,
    Choice,
    Comparison,
    Expression,
    Literal,
    Name,
    call,
    chain,
    every,
    negated,
)
from gradscribe.codegen.python.scalars.scalar import fraction, size, total
from gradscribe.derive.ir.functions import (
    ceil,
    floor,
    is_indicator,
    larger,
    relu,
    rounded,
    sigmoid,
    smaller,
    softplus,
    step,
    whole,
)
from gradscribe.derive.ir.index import IntegerFunction
from gradscribe.derive.ir.term import Access, EquationError

FUNCTIONS: dict[type[Expr], str] = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.tanh: "tanh",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.asin: "asin",
    sympy.acos: "acos",
    sympy.atan: "atan",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.asinh: "asinh",
    sympy.acosh: "acosh",
    sympy.atanh: "atanh",
    expm1: "expm1",
    log1p: "log1p",
    sympy.erf: "erf",
    sympy.Abs: "fabs",
    sigmoid: "sigmoid",
    softplus: "softplus",
    relu: "relu",
    larger: "larger",
    smaller: "smaller",
    sympy.sign: "sign_of",
    floor: "floor",
    ceil: "ceil",
    rounded: "rint",
    whole: "whole",
}
"""The functions by what C calls them, or a function of `templates/product/functions.jinja`."""

MATH = frozenset({*FUNCTIONS.values(), "sqrt", "pow", "square", "real"})
"""What expressions call: no variable may have these names."""

ZERO, ONE = Literal(0), Literal(1)
_MOST = 1 << 24
"""The largest integer that stands in code as one: all up to it are numbers of every type."""


def is_whole(e: Expr, counted: Collection[str] = ()) -> bool:
    """Whether an expression is an integer in C: of sizes, indices and elements of the arrays `counted`."""
    accesses = e.atoms(Access)
    if any(a.tensor not in counted for a in accesses):
        return False
    bare = e.xreplace({a: Integer(1) for a in accesses})
    return bool(bare.is_integer) and not bare.has(sympy.exp) and all(s.is_integer for s in bare.free_symbols)


class RealPrinter(ScalarPrinter):
    """A body as an expression of numbers of the arrays' type.

    Args:
        access: that of an access.
        symbol: that of a size or an index.
        hoist: the variable that holds a number which stays the same in all loops.
        indices: the indices of the loops.
        counted: the arrays of integers.
        order: all arrays, in the order in which products have them.
    """

    def __init__(
        self,
        access: Callable[[Access], Expression],
        symbol: Callable[[Symbol], Expression],
        hoist: Callable[[Expr], Expression],
        indices: Collection[Symbol],
        counted: Collection[str],
        order: Sequence[str],
    ) -> None:
        super().__init__(access, self._number, lambda e: size(e, symbol), lambda e: e, indices)
        self.symbol, self.hoist, self.counted, self.order = symbol, hoist, counted, order

    def value(self, e: Expr) -> Expression:
        """The code of `e`."""
        if isinstance(e, Access):
            return self.access(e)
        if not e.has(Access) and (not e.free_symbols & set(self.indices) or is_whole(e)):
            return self._number(e)
        if isinstance(e, Add):
            return total(e, self.value)
        if isinstance(e, Mul):
            return self._product(e)
        if isinstance(e, Pow):
            return self._power(e)
        if is_indicator(e):
            return Choice(ONE, self.bracket(e), ZERO)
        if e.func in FUNCTIONS:
            return call(FUNCTIONS[e.func], *map(self.wide, e.args))
        raise EquationError(f"{e.func.__name__} has no function in C")

    operand = value

    def wide(self, e: Expr) -> Expression:
        """The same as a number of the arrays' type where it is an integer of C: quotients and functions need that."""
        return call("real", self.value(e)) if is_whole(e, self.counted) else self.value(e)

    def condition(self, brackets: Collection[Expr]) -> Expression:
        """Whether all brackets hold."""
        return every([self.bracket(f) for f in brackets])

    def bracket(self, e: Expr) -> Expression:
        """The condition of a bracket; one of integers alone is not rounded."""
        if not is_indicator(e):
            return Comparison((self.value(e), ZERO), ("!=",))
        return super().bracket(e)

    def _number(self, e: Expr) -> Expression:
        """A number that is the same in all loops, or an integer made of indices."""
        if e.is_Integer and abs(int(e)) <= _MOST:
            return Literal(int(e))
        if is_whole(e) and not e.is_number:
            return size(e, self.symbol)
        if e.is_number:
            return constant(e)
        return self.hoist(e)

    def _product(self, e: Mul) -> Expression:
        brackets = [f for f in e.args if is_indicator(f)]
        if brackets:
            rest = Mul(*(f for f in e.args if f not in brackets))
            return Choice(self.value(rest), self.condition(brackets), ZERO)
        if e.as_coeff_Mul()[0] == -1:
            return negated(self.value(-e))
        number = Mul(*(f for f in e.args if not f.has(Access) and not f.free_symbols & set(self.indices)))
        above, below = fraction(Mul(*(f for f in e.args if f.has(Access) or f.free_symbols & set(self.indices))))
        if all(isinstance(f, Access) for f in above):
            above.sort(key=lambda f: self.order.index(f.tensor))
        factors = [self._number(number)] if number != 1 or not above else []
        if below and all(is_whole(f, self.counted) for f in (number, *above)):
            factors = [call("real", Literal(1)), *factors]
        numerator = chain("*", [*factors, *map(self.value, above)])
        return Binary("/", numerator, chain("*", list(map(self.value, below)))) if below else numerator

    def _power(self, e: Pow) -> Expression:
        base, power = e.base, e.exp
        if power.is_number and power.is_negative:
            return Binary("/", ONE, self.wide(Pow(base, -power)))
        if power == 2:
            return call("square", self.wide(base))
        if power == sympy.Rational(1, 2):
            return call("sqrt", self.wide(base))
        return call("pow", self.wide(base), self.wide(power))


class DoublePrinter(RealPrinter):
    """A number of sizes and options, which is computed once, in double; `symbol` is the code of both."""

    def __init__(self, symbol: Callable[[Symbol], Expression]) -> None:
        super().__init__(self._none, symbol, self._none, (), (), ())

    def value(self, e: Expr) -> Expression:
        """The code of `e`."""
        if isinstance(e, Symbol):
            return self.symbol(e)
        if e.is_number:
            return _double(e)
        if isinstance(e, IntegerFunction):
            return size(e, self.symbol)
        if isinstance(e, Add):
            return total(e, self.value)
        if isinstance(e, Mul):
            return self._product(e)
        if isinstance(e, Pow):
            return self._power(e)
        if is_indicator(e):
            return Choice(Literal(1.0), self.bracket(e), Literal(0.0))
        if e.func in FUNCTIONS:
            return call(FUNCTIONS[e.func], *map(self.wide, e.args))
        raise EquationError(f"{e.func.__name__} has no function in C")

    operand = value

    def wide(self, e: Expr) -> Expression:
        """The same as a double."""
        found = self.value(e)
        return Binary("*", Literal(1.0), found) if is_whole(e) and not e.is_number else found

    def bracket(self, e: Expr) -> Expression:
        """The condition of a bracket."""
        if isinstance(e, step):
            return Comparison((self.value(e.args[0]), Literal(0.0)), (">",))
        return Comparison(tuple(map(self.value, e.args)), (COMPARED[e.func],))

    def _product(self, e: Mul) -> Expression:
        brackets = [f for f in e.args if is_indicator(f)]
        if brackets:
            rest = Mul(*(f for f in e.args if f not in brackets))
            return Choice(self.value(rest), self.condition(brackets), Literal(0.0))
        if e.as_coeff_Mul()[0].is_negative:
            return negated(self.value(-e))
        above, below = fraction(e)
        first = [Literal(1.0)] if not above or (below and all(map(is_whole, above))) else []
        numerator = chain("*", [*first, *map(self.value, above)])
        return Binary("/", numerator, chain("*", list(map(self.value, below)))) if below else numerator

    def _power(self, e: Pow) -> Expression:
        if e.exp.is_number and e.exp.is_negative:
            return Binary("/", Literal(1.0), self.value(Pow(e.base, -e.exp)))
        if e.exp == sympy.Rational(1, 2):
            return call("sqrt", self.wide(e.base))
        return call("pow", self.wide(e.base), self.wide(e.exp))

    @staticmethod
    def _none(e: Expr) -> Expression:
        raise TypeError(f"no number of sizes and options: {e}")


def constant(e: Expr) -> Expression:
    """A number that no integer stands for, of the arrays' type."""
    if e in (sympy.oo, -sympy.oo):
        return Name("INFINITY") if e == sympy.oo else negated(Name("INFINITY"))
    return call("real", _double(e))


def _double(e: Expr) -> Expression:
    """A number as a double; a quotient of integers stays one."""
    if e.is_Rational and not e.is_Integer and int(e.q) & (int(e.q) - 1):
        return Binary("/", Literal(float(e.p)), Literal(float(e.q)))
    found = float(e.evalf(30))
    if isinf(found):
        raise EquationError(f"the number {e} is larger than any double")
    return Literal(found)
