"""SymPy scalars -> Python text: sizes as integers, bodies as NumPy expressions.

Operators follow Python's precedence; scalars come before arrays in a product, so that they are multiplied first, and a
division by a size divides an array (never 0 by 0 in Python integers). A bracket in a product becomes `np.where`: it is
a strong zero.
"""

from collections.abc import Callable, Collection, Sequence

import sympy
from sympy import Add, Expr, Float, Integer, Mul, Pow, Symbol

from gradscribe.codegen.python.expression import (
    Binary,
    Choice,
    Expression,
    Group,
    Literal,
    Name,
    call,
    chain,
    method,
    negated,
    signed,
)
from gradscribe.codegen.python.scalars.numpy_table import MIRRORED, NUMPY_FUNCTIONS
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.index import choose, exact, floordiv, minimum, mod
from gradscribe.derive.ir.term import Access, EquationError

DTYPE, INFINITY = Name("dtype"), Name("np.inf")
ZERO, ONE = Literal(0), Literal(1)


def variable(symbol: Symbol) -> Expression:
    """A symbol under its own name."""
    return Name(symbol.name)


def size(e: Expr, name: Callable[[Symbol], Expression] = variable) -> Expression:
    """An integer expression; `name` says what its symbols are called."""
    if isinstance(e, Symbol):
        return name(e)
    if e.is_Integer:
        return Literal(int(e))
    if isinstance(e, Add):
        return total(e, lambda t: size(t, name))
    if isinstance(e, Mul):
        coefficient, rest = e.as_coeff_Mul()
        if not coefficient.is_Integer:
            raise _no_integer(e)
        if coefficient.is_negative:
            return negated(size(-e, name))
        factors = [size(f, name) for f in rest.as_ordered_factors()]
        return chain("*", [*([Literal(int(coefficient))] if coefficient != 1 else []), *factors])
    if isinstance(e, Pow) and not e.exp.is_negative:
        return Binary("**", size(e.base, name), size(e.exp, name))
    a = [size(x, name) for x in e.args]
    if isinstance(e, floordiv | exact):
        return Binary("//", a[0], a[1])
    if isinstance(e, mod):
        return Binary("%", a[0], a[1])
    if isinstance(e, minimum):
        return call("min", *a)
    if isinstance(e, choose):
        return Choice(a[1], a[0], a[2])
    raise _no_integer(e)


def shape(extents: Sequence[Expr]) -> Group:
    """A tuple of sizes."""
    return Group(tuple(size(e) for e in extents))


def size_text(e: Expr) -> str:
    """An integer expression in words about code."""
    return text(size(e))


def _no_integer(e: Expr) -> EquationError:
    return EquationError(f"{e} is no integer; a quotient of sizes is written floordiv(a, b)")


def ordered_terms(e: Add) -> list[Expr]:
    """Positive terms first, each group in SymPy's stable print order."""
    terms = e.as_ordered_terms()
    return sorted(terms, key=lambda t: bool(t.as_coeff_Mul()[0].is_negative))


def total(e: Add, value: Callable[[Expr], Expression]) -> Expression:
    """A sum, in the order of `ordered_terms`; `value` is the code of a term without its sign."""
    terms = [(bool(t.as_coeff_Mul()[0].is_negative), t) for t in ordered_terms(e)]
    return signed((negative, value(-t if negative else t)) for negative, t in terms)


class ArrayPrinter:
    """A body as a NumPy expression.

    Args:
        access: that of an access.
        index: that of an index used as a value; the flag tells whether an integer will do.
        vectors: the indices that stand for arrays when used as values.
    """

    def __init__(
        self,
        access: Callable[[Access], Expression],
        index: Callable[[Symbol, bool], Expression],
        vectors: Collection[Symbol] = (),
    ) -> None:
        self.access, self.index, self.vectors = access, index, frozenset(vectors)

    def is_scalar(self, e: Expr) -> bool:
        """Whether an expression is a Python number: sizes, options and scalar arguments only."""
        return not (e.free_symbols & self.vectors) and not any(a.indices for a in e.atoms(Access))

    def value(self, e: Expr, whole: bool = False) -> Expression:
        """The code of `e`; `whole`: an integer value is wanted."""
        if isinstance(e, Access):
            return self.access(e)
        if isinstance(e, Symbol):
            return self.index(e, whole)
        if e.is_Number or e.is_comparable:  # a constant such as sqrt(2/pi) becomes one number
            return number(e)
        if isinstance(e, Add):
            return total(e, lambda t: self.value(t, whole))
        if isinstance(e, Mul):
            return self._product(e, whole)
        if isinstance(e, Pow):
            return self._power(e)
        if e.func in NUMPY_FUNCTIONS:
            if is_indicator(e):
                bracket = self._bracket(e)
                return call("dtype", bracket) if self.is_scalar(e) else method(bracket, "astype", DTYPE)
            found = NUMPY_FUNCTIONS[e.func](*(self.value(a) for a in e.args))
            # a NumPy scalar would turn float32 arrays into float64
            return call("float", found) if self.is_scalar(e) else found
        raise TypeError(f"no scalar expression: {e}")

    def product(self, factors: Sequence[Expr], whole: bool = False) -> Expression:
        """The product of factors in this order."""
        return chain("*", [self.value(f, whole) for f in factors] or [ONE])

    def _product(self, e: Mul, whole: bool) -> Expression:
        brackets = [f for f in e.args if is_indicator(f)]
        if brackets:
            condition = self.condition(brackets)
            rest = Mul(*(f for f in e.args if f not in brackets))
            if self.is_scalar(rest):
                return call("np.where", condition, call("dtype", self.value(rest)), call("dtype", ZERO))
            above, below = fraction(rest)
            if any(f.has(Access) for f in below):
                # where the bracket is false the divisor may be 0, which must not even warn
                return call("rt.share", condition, self.value(Mul(*above)), self.value(Mul(*below)))
            return call("np.where", condition, self.value(rest), ZERO)
        if e.as_coeff_Mul()[0].is_negative:
            return negated(self.value(-e, whole))
        above, below = fraction(e)
        numerator = self.product(above, whole)
        if not below:
            return numerator
        denominator = self.product(below, whole)
        if any(f.free_symbols or f.has(Access) for f in below) and self.is_scalar(e):
            # Python would raise on an empty batch, whose value nobody reads
            return call("rt.ratio", numerator, denominator)
        return Binary("/", numerator, denominator)

    def condition(self, brackets: Sequence[Expr]) -> Expression:
        """Whether all `brackets` hold."""
        return chain("&", [self._bracket(f) for f in brackets])

    def _bracket(self, f: Expr) -> Expression:
        """The condition; positions in it stay integers, values are computed as they are elsewhere."""
        parts = [self.value(a, bool(a.is_integer)) for a in f.args]
        rules = MIRRORED if f.func in MIRRORED and f.args[0].is_number else NUMPY_FUNCTIONS
        return rules[f.func](*parts)

    def _power(self, e: Pow) -> Expression:
        base, power = e.base, e.exp
        if self.is_scalar(e) and power.is_negative and (base.free_symbols or base.has(Access)):
            return call("rt.ratio", ONE, self.value(base**-power))
        if self.is_scalar(e):
            if power.is_Integer or (base.is_nonnegative and power.is_nonnegative):
                return Binary("**", self.value(base), self.value(power))
            # NaN where Python's power is a complex number
            return call("float", call("np.float_power", self.value(base), self.value(power)))
        if power == 2:
            return call("np.square", self.value(base))
        if power == 3 and isinstance(base, Access):  # NumPy's own power takes several times as long
            return Binary("*", call("np.square", self.access(base)), self.access(base))
        if power == sympy.Rational(1, 2):
            return call("np.sqrt", self.value(base))
        if power.is_negative:
            return Binary("/", ONE, self.value(base**-power))
        return Binary("**", self.value(base), self.value(power))


def number(e: Expr) -> Expression:
    """A constant; a quotient of integers stays one: both are exact in floating point, one rounding is left."""
    if e.is_Integer:
        return Literal(int(e))
    if e.is_infinite:
        return INFINITY if e.is_positive else negated(INFINITY)
    if e.is_Rational:
        return Binary("/", Literal(int(e.p)), Literal(int(e.q)))
    return Literal(_float(e))


def _float(e: Expr) -> float:
    """The nearest float, also of sqrt(2/pi)."""
    return float(e.evalf(30))


def fraction(e: Expr) -> tuple[list[Expr], list[Expr]]:
    """Factors above and below the line, scalars first, then arrays, each in SymPy's stable order."""
    above: list[Expr] = []
    below: list[Expr] = []
    factors = e.as_ordered_factors()
    numbers = [f for f in factors if f.is_comparable]
    if not all(f.is_Number for f in numbers):  # 2/sqrt(pi) as one number
        above.append(Float(_float(Mul(*numbers)), 17))
        factors = [f for f in factors if f not in numbers]
    for factor in factors:
        if factor.is_Rational and not factor.is_Integer:
            above += [Integer(factor.p)] if factor.p != 1 else []
            below.append(Integer(factor.q))
        elif isinstance(factor, Pow) and factor.exp.is_negative:
            below.append(factor.base**-factor.exp)
        elif factor != 1:
            above.append(factor)
    return sorted(above, key=lambda f: f.has(Access)), sorted(below, key=lambda f: f.has(Access))
