"""Scalar expressions as C computes them, element by element.

NaN and ties come out as in NumPy: where a comparison decides, the branch that NaN takes is the one that keeps it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Symbol
from sympy.codegen.cfunctions import expm1, log1p

from gradscribe.codegen.python.expression import (
    Binary,
    Choice,
    Comparison,
    Expression,
    Literal,
    Name,
    Part,
    call,
    chain,
    negated,
)
from gradscribe.codegen.python.scalars.scalar import fraction, total
from gradscribe.derive.ir.functions import (
    at_least,
    equal,
    greater,
    is_indicator,
    larger,
    relu,
    sigmoid,
    smaller,
    softplus,
    step,
    unequal,
)
from gradscribe.derive.ir.index import IntegerFunction
from gradscribe.derive.ir.term import Access, accesses

COMPARED = {equal: "==", unequal: "!=", greater: ">", at_least: ">="}


@dataclass(frozen=True)
class Looped:
    """How loops reduce numbers.

    Attributes:
        operator: that of two numbers; "" of one that selects.
        wins: of one that selects: the function that says whether a number replaces the best one so far.
        into: the function that goes on with a number along a row; "" where no row is gone along, but windows are.
        found: the function that says what has come together.
        of_two: of one that selects: the function of two numbers.
    """

    operator: str = ""
    wins: str = ""
    into: str = ""
    found: str = ""
    of_two: str = ""


LOOPED: Mapping[str, Looped] = {
    "sum": Looped("+", into="add_to", found="sum_of"),
    "max": Looped(wins="above", into="raise_to", found="largest_of", of_two="larger"),
    "min": Looped(wins="below", into="lower_to", found="smallest_of", of_two="smaller"),
    "prod": Looped("*"),
}
"""The reductions that loops are written for; others are left to NumPy."""

CALLED: Mapping[type[Expr], str] = {
    sympy.exp: "exp_of",
    sympy.log: "log_of",
    sympy.tanh: "tanh_of",
    sympy.erf: "erf_of",
    expm1: "expm1_of",
    log1p: "log1p_of",
    sympy.sin: "sin_of",
    sympy.cos: "cos_of",
    sympy.tan: "tan_of",
    sympy.asin: "asin_of",
    sympy.acos: "acos_of",
    sympy.atan: "atan_of",
    sympy.sinh: "sinh_of",
    sympy.cosh: "cosh_of",
    sympy.asinh: "asinh_of",
    sympy.acosh: "acosh_of",
    sympy.atanh: "atanh_of",
    sigmoid: "sigmoid_of",
    softplus: "softplus_of",
}
"""The functions of one number that loops call, see ``functions.h``."""

EXACT: Mapping[type[Expr], str] = {sympy.Abs: "absolute", sympy.sign: "sign_of"}
"""The same of ``loops.c``: a few operations of a processor."""

_MOST = 4
"""The highest power that is written as a product."""
ZERO, ONE = Integer(0), Integer(1)


def computable(body: Expr, indices: Collection[Symbol]) -> bool:
    """Whether a body can be printed: functions that there are, an index only where integers are compared."""
    if isinstance(body, Access) or is_number(body, indices):
        return True
    if is_indicator(body):
        return all(is_position(a, indices) or computable(a, indices) for a in body.args)
    if isinstance(body, Pow):
        power = 2 * body.exp if body.exp.is_Rational else body.exp
        return power.is_Integer and 1 <= abs(int(power)) <= 2 * _MOST and computable(body.base, indices)
    if isinstance(body, Add | Mul) or body.func in (relu, larger, smaller, *EXACT, *CALLED):
        return all(computable(a, indices) for a in body.args)
    return False


@lru_cache(maxsize=5_000)
def is_cheap(body: Expr) -> bool:
    """Whether a body takes no function, root or quotient but by an element: a few operations of a processor."""
    powers = [e for e in body.atoms(Pow) if accesses(e)]
    products = all(e.exp.is_Integer and (e.exp > 0 or isinstance(e.base, Access)) for e in powers)
    return products and not any(accesses(e) for e in body.atoms(*CALLED))


def is_number(e: Expr, indices: Collection[Symbol]) -> bool:
    """Whether an expression is one number for the whole array: sizes, options and scalar arguments only."""
    return not any(a.indices for a in accesses(e)) and not e.free_symbols & set(indices)


def is_plain(body: Expr) -> bool:
    """Whether a body is a product of at most two elements and a number."""
    factors = [f for f in Mul.make_args(body) if f.has(Access)]
    return len(factors) <= 2 and all(isinstance(f, Access) for f in factors)


def integers(body: Expr, indices: Collection[Symbol]) -> set[str]:
    """The arrays that are compared with positions: theirs are integers."""
    brackets = (e for e in sympy.preorder_traversal(body) if is_indicator(e))
    compared = (e for e in brackets if any(is_position(side, indices) for side in e.args))
    return {a.tensor for e in compared for a in accesses(e)}


def is_position(e: Expr, indices: Collection[Symbol]) -> bool:
    """Whether an expression is an integer made of indices."""
    divided = e.has(IntegerFunction)  # no operation of vectors
    return bool(e.is_integer) and not divided and not accesses(e) and bool(e.free_symbols & set(indices))


class ScalarPrinter:
    """A body as an expression.

    Args:
        access: that of an access.
        number: that of a number.
        position: that of an integer made of indices.
        hold: puts an expression into a variable before.
        indices: the indices of the loops.
    """

    def __init__(
        self,
        access: Callable[[Access], Expression],
        number: Callable[[Expr], Expression],
        position: Callable[[Expr], Expression],
        hold: Callable[[Expression], Expression],
        indices: Collection[Symbol],
    ) -> None:
        self.access, self.number, self.position, self.hold = access, number, position, hold
        self.indices = indices

    def value(self, e: Expr) -> Expression:
        """The code of `e`."""
        if isinstance(e, Access) and e.indices:
            return self.access(e)
        if is_number(e, self.indices):
            return self.number(e)
        if isinstance(e, Add):
            return total(e, self.operand)
        if isinstance(e, Mul):
            return self._product(e)
        if isinstance(e, Pow):
            whole, half = divmod(abs(2 * e.exp), 2)
            one = self.operand(e.base)
            base = chain("*", [*[one] * int(whole), *([call("root_of", one)] if half else [])])
            return base if e.exp.is_positive else Binary("/", self.number(ONE), base)
        if is_indicator(e):
            return Choice(self.number(ONE), self.bracket(e), self.number(ZERO))
        return self._function(e)

    def operand(self, e: Expr) -> Expression:
        """The same as a part of an expression: a choice is made before."""
        found = self.value(e)
        return self.hold(found) if isinstance(found, Choice) else found

    def _before(self, e: Expr) -> Expression:
        """The same where it is used twice, or under a condition: what may not be computed cannot be in vectors."""
        found = self.value(e)
        return found if isinstance(found, Name | Part | Literal) else self.hold(found)

    def _product(self, e: Mul) -> Expression:
        brackets = [f for f in e.args if is_indicator(f)]
        if brackets:
            condition = chain("&", [self.bracket(f) for f in brackets])
            rest = Mul(*(f for f in e.args if f not in brackets))
            return Choice(self._before(rest), condition, self.number(ZERO))
        if e.as_coeff_Mul()[0] == -1:
            return negated(self.operand(-e))
        number = Mul(*(f for f in e.args if is_number(f, self.indices)))
        above, below = fraction(Mul(*(f for f in e.args if not is_number(f, self.indices))))
        factors = [self.number(number)] if number != 1 or not above else []
        numerator = chain("*", [*factors, *(self.operand(f) for f in above)])
        return Binary("/", numerator, chain("*", [self.operand(f) for f in below])) if below else numerator

    def bracket(self, e: Expr) -> Expression:
        """The condition of a bracket."""
        if isinstance(e, step):
            return Comparison((self.operand(e.args[0]), self.number(ZERO)), (">",))
        sides = (self.position(a) if is_position(a, self.indices) else self.operand(a) for a in e.args)
        return Comparison(tuple(sides), (COMPARED[e.func],))

    def _function(self, e: Expr) -> Expression:
        if e.func in CALLED:
            return call(CALLED[e.func], self.operand(e.args[0]))
        if e.func in EXACT:
            return call(EXACT[e.func], self.operand(e.args[0]))
        if isinstance(e, relu):
            zero, value = self.number(ZERO), self._before(e.args[0])
            return Choice(zero, Comparison((value, zero), ("<",)), value)
        a, b = map(self.operand, e.args)
        return call("larger" if isinstance(e, larger) else "smaller", a, b)
