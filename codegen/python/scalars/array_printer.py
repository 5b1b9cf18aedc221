"""SymPy scalars -> expressions of arrays, in the words of a backend: NumPy's, or those of another library like it.

Operators follow Python's precedence; scalars come before arrays in a product, so that they are multiplied first, and a
division by a size divides an array (never 0 by 0 in Python integers). A bracket in a product becomes a choice: it is
a strong zero.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import sympy
from sympy import Add, Expr, Mul, Pow, Symbol

from gradscribe.codegen.python.expression import Binary, Expression, call, chain, negated
from gradscribe.codegen.python.scalars.scalar import ONE, ZERO, fraction, may_vanish, number, size, total
from gradscribe.derive.ir.functions import connected, is_indicator
from gradscribe.derive.ir.functions import whole as whole_number
from gradscribe.derive.ir.index import IntegerFunction
from gradscribe.derive.ir.term import Access

Rule = Callable[..., Expression]


@dataclass(frozen=True)
class Words:
    """How a backend says what is computed of arrays, element by element.

    Attributes:
        functions: the code of a function's value by its arguments; of an indicator a condition.
        mirrored: the same condition from the other side: ``x <= 0`` reads better than ``0 >= x``.
        where: the function of a condition, the value where it holds and the one where it does not.
        ratio: the quotient of two numbers, also by 0.
        divisor: the function of a size that arrays are divided by, which may be 0.
        share: the function of a condition and a numerator and denominator; 0 where it does not hold.
        square: the function of a square.
        root: that of a square root.
        power: that of a power of two numbers, NaN where Python's is complex.
        number: the code of a number as one of the arrays' type.
        numbers: that of a condition of arrays as numbers of their type.
        scalar: that of a function's value, one number, as a number of Python.
    """

    functions: Mapping[type[Expr], Rule]
    mirrored: Mapping[type[Expr], Rule]
    where: str
    ratio: str
    divisor: str
    share: str
    square: str
    root: str
    power: str
    number: Rule
    numbers: Rule
    scalar: Rule


class ArrayPrinter:
    """A body as an expression of arrays, in the words of a backend.

    Args:
        words: those of the backend.
        access: that of an access.
        index: that of an index used as a value; the flag tells whether an integer will do.
        vectors: the indices that stand for arrays when used as values.
    """

    def __init__(
        self,
        words: Words,
        access: Callable[[Access], Expression],
        index: Callable[[Symbol, bool], Expression],
        vectors: Collection[Symbol] = (),
    ) -> None:
        self.words, self.access, self.index, self.vectors = words, access, index, frozenset(vectors)

    def is_scalar(self, e: Expr) -> bool:
        """Whether an expression is a Python number: sizes, options and scalar arguments only."""
        return not (e.free_symbols & self.vectors) and not any(a.indices for a in e.atoms(Access))

    def value(self, e: Expr, whole: bool = False) -> Expression:
        """The code of `e`; `whole`: an integer value is wanted."""
        if isinstance(e, Access):
            return self.access(e)
        if isinstance(e, Symbol):
            return self.index(e, whole)
        if e.is_number and e.is_comparable:  # a constant such as sqrt(2/pi) becomes one number
            return number(e)
        if isinstance(e, Add):
            return total(e, lambda t: self.value(t, whole))
        if isinstance(e, Mul):
            return self._product(e, whole)
        if isinstance(e, Pow):
            return self._power(e)
        if isinstance(e, IntegerFunction):
            found = size(e, lambda s: self.index(s, True))
            return found if whole or self.is_scalar(e) else self.words.numbers(found)
        if e.func in self.words.functions:
            if is_indicator(e):
                bracket = self._bracket(e)
                return self.words.number(bracket) if self.is_scalar(e) else self.words.numbers(bracket)
            exact = isinstance(e, whole_number) and not e.has(Access)
            found = self.words.functions[e.func](*(self.value(a, exact) for a in e.args))
            return self.words.scalar(found) if self.is_scalar(e) and not isinstance(e, whole_number) else found
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
                return call(self.words.where, condition, self.words.number(self.value(rest)), self.words.number(ZERO))
            above, below = fraction(rest)
            if any(f.has(Access) for f in below):
                # where the bracket is false the divisor may be 0, which must not even warn
                return call(self.words.share, condition, self.value(Mul(*above)), self.divisor(below))
            return call(self.words.where, condition, self.value(rest), ZERO)
        if e.as_coeff_Mul()[0].is_negative:
            return negated(self.value(-e, whole))
        above, below = fraction(e)
        numerator = self.product(above, whole)
        if not below:
            return numerator
        if any(map(may_vanish, below)) and self.is_scalar(e):
            # Python would raise on an empty batch, whose value nobody reads
            return call(self.words.ratio, numerator, self.product(below, whole))
        return Binary("/", numerator, self.divisor(below, whole))

    def divisor(self, factors: Sequence[Expr], whole: bool = False) -> Expression:
        """The product of factors that an array is divided by: a size may be 0, and then must not even warn."""
        sizes = [f for f in factors if self._is_size(f) and may_vanish(f)]
        if not sizes:
            return self.product(factors, whole)
        others = [self.value(f, whole) for f in factors if f not in sizes]
        return chain("*", [call(self.words.divisor, self.product(sizes, True)), *others])

    def _is_size(self, e: Expr) -> bool:
        """Whether an expression is made of sizes alone, which arrays have."""
        return all(s.is_integer for s in e.free_symbols) and self.is_scalar(e) and not e.has(Access)

    def condition(self, brackets: Sequence[Expr]) -> Expression:
        """Whether all `brackets` hold."""
        return chain("&", [self._bracket(f) for f in brackets])

    def _bracket(self, f: Expr) -> Expression:
        """The condition; positions in it stay integers, values are computed as they are elsewhere."""
        found = connected(f)
        if found is not None and found[0] == "or":
            return chain("|", [self.condition(Mul.make_args(part)) for part in found[1]])
        parts = [self.value(a, bool(a.is_integer)) for a in f.args]
        rules = self.words.mirrored if f.func in self.words.mirrored and f.args[0].is_number else self.words.functions
        return rules[f.func](*parts)

    def _power(self, e: Pow) -> Expression:
        base, power = e.base, e.exp
        if self.is_scalar(e) and power.is_negative and may_vanish(base):
            return call(self.words.ratio, ONE, self.value(base**-power))
        if self.is_scalar(e):
            if power.is_number and power.is_negative:
                return Binary("/", ONE, self.value(base**-power))
            if power.is_Integer or (base.is_nonnegative and power.is_nonnegative):
                return Binary("**", self.value(base), self.value(power))
            # NaN where Python's power is a complex number
            return self.words.scalar(call(self.words.power, self.value(base), self.value(power)))
        if power == 2:
            return call(self.words.square, self.value(base))
        if power == 3 and isinstance(base, Access):  # a power takes several times as long
            return Binary("*", call(self.words.square, self.access(base)), self.access(base))
        if power == sympy.Rational(1, 2):
            return call(self.words.root, self.value(base))
        if power.is_negative:
            return Binary("/", ONE, self.value(base**-power))
        return Binary("**", self.value(base), self.value(power))
