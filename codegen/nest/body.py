"""Scalar expressions as numba computes them, element by element: no NumPy function, no Python number.

NaN and ties come out as in NumPy: where a comparison decides, the branch that NaN takes is the one that keeps it.
"""

from collections.abc import Callable, Collection

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Symbol

from gradscribe.codegen.scalar import ATOM, POWER, PRODUCT, SUM, fraction, ordered_terms
from gradscribe.derive.functions import at_least, equal, greater, is_indicator, larger, relu, smaller, step, unequal
from gradscribe.derive.term import Access, accesses

_COMPARED = {equal: "==", unequal: "!=", greater: ">", at_least: ">="}
CHOICE = SUM - 1
"""The precedence of a conditional expression."""
_MOST = 4
"""The highest power that is written as a product."""


def computable(body: Expr, indices: Collection[Symbol]) -> bool:
    """Whether a body can be printed: no transcendental function, an index only where integers are compared."""
    if isinstance(body, Access) or is_number(body, indices):
        return True
    if is_indicator(body):
        return all(is_position(a, indices) or computable(a, indices) for a in body.args)
    if isinstance(body, Pow):
        return body.exp.is_Integer and 1 <= abs(int(body.exp)) <= _MOST and computable(body.base, indices)
    if isinstance(body, Add | Mul) or body.func in (relu, larger, smaller, sympy.Abs):
        return all(computable(a, indices) for a in body.args)
    return False


def is_number(e: Expr, indices: Collection[Symbol]) -> bool:
    """Whether an expression is one number for the whole array: sizes, options and scalar arguments only."""
    return not e.free_symbols & set(indices) and not any(a.indices for a in e.atoms(Access))


def is_plain(body: Expr) -> bool:
    """Whether a body is a product of at most two elements and a number."""
    factors = [f for f in Mul.make_args(body) if f.has(Access)]
    return len(factors) <= 2 and all(isinstance(f, Access) for f in factors)


def is_position(e: Expr, indices: Collection[Symbol]) -> bool:
    """Whether an expression is an integer made of indices."""
    return bool(e.is_integer) and not accesses(e) and bool(e.free_symbols & set(indices))


class ScalarPrinter:
    """Prints a body.

    Args:
        access: text of an access.
        number: name of the argument that holds a number.
        position: text of an integer expression of indices.
        hold: puts an expression into a variable before; its name.
        indices: the indices of the loops.
    """

    def __init__(
        self,
        access: Callable[[Access], str],
        number: Callable[[Expr], str],
        position: Callable[[Expr], str],
        hold: Callable[[str], str],
        indices: Collection[Symbol],
    ) -> None:
        self.access, self.number, self.position, self.hold = access, number, position, hold
        self.indices = indices

    def text(self, e: Expr, level: int = SUM) -> str:
        """The text of `e` for a context of precedence `level`."""
        text, own = self._print(e)
        if own < level and own == CHOICE:
            return self.hold(text)
        return text if own >= level else f"({text})"

    def _atom(self, e: Expr) -> str:
        """The text of what is used twice."""
        text, own = self._print(e)
        return text if own == ATOM else self.hold(text)

    def _print(self, e: Expr) -> tuple[str, int]:
        if isinstance(e, Access) and e.indices:
            return self.access(e), ATOM
        if is_number(e, self.indices):
            return self.number(e), ATOM
        if isinstance(e, Add):
            return self._sum(e), SUM
        if isinstance(e, Mul):
            return self._product(e)
        if isinstance(e, Pow):
            base = " * ".join([self.text(e.base, POWER)] * abs(int(e.exp)))
            if e.exp.is_positive:
                return base, PRODUCT
            return f"{self.number(Integer(1))} / {base if e.exp == -1 else f'({base})'}", PRODUCT
        if is_indicator(e):
            return f"{self.number(Integer(1))} if {self.bracket(e)} else {self.number(Integer(0))}", CHOICE
        return self._choice(e)

    def _sum(self, e: Add) -> str:
        parts: list[str] = []
        for term in ordered_terms(e):
            negative = bool(term.as_coeff_Mul()[0].is_negative)
            sign = ("-" if negative else "") if not parts else (" - " if negative else " + ")
            parts.append(sign + self.text(-term if negative else term, PRODUCT))
        return "".join(parts)

    def _product(self, e: Mul) -> tuple[str, int]:
        brackets = [f for f in e.args if is_indicator(f)]
        if brackets:
            condition = " & ".join(self.bracket(f) for f in brackets)
            rest = Mul(*(f for f in e.args if f not in brackets))
            return f"{self.text(rest)} if {condition} else {self.number(Integer(0))}", CHOICE
        if e.as_coeff_Mul()[0] == -1:
            return f"-{self.text(-e, PRODUCT)}", PRODUCT
        number = Mul(*(f for f in e.args if is_number(f, self.indices)))
        above, below = fraction(Mul(*(f for f in e.args if not is_number(f, self.indices))))
        factors = [self.number(number)] if number != 1 or not above else []
        numerator = " * ".join([*factors, *(self.text(f, POWER) for f in above)])
        if not below:
            return numerator, PRODUCT if len(above) + len(factors) > 1 else POWER
        denominator = " * ".join(self.text(f, POWER) for f in below)
        return f"{numerator} / {f'({denominator})' if len(below) > 1 else denominator}", PRODUCT

    def bracket(self, e: Expr) -> str:
        """The condition of a bracket."""
        if isinstance(e, step):
            return f"({self.text(e.args[0], POWER)} > {self.number(Integer(0))})"
        texts = [self.position(a) if is_position(a, self.indices) else self.text(a, POWER) for a in e.args]
        return f"({texts[0]} {_COMPARED[e.func]} {texts[1]})"

    def _choice(self, e: Expr) -> tuple[str, int]:
        if isinstance(e, sympy.Abs):
            return f"abs({self.text(e.args[0])})", ATOM
        if isinstance(e, relu):
            zero, value = self.number(Integer(0)), self._atom(e.args[0])
            return f"{zero} if {value} < {zero} else {value}", CHOICE
        a, b = (self._atom(x) for x in e.args)
        return f"{a} if ({a} {'>=' if isinstance(e, larger) else '<='} {b}) | ({a} != {a}) else {b}", CHOICE
