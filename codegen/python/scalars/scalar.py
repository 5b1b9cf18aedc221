"""SymPy scalars as expressions of Python: sizes as integers, constants, the factors of products in order."""

from collections.abc import Callable, Sequence

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
    negated,
    signed,
)
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.ir.functions import larger
from gradscribe.derive.ir.index import at_least_one, choose, exact, floordiv, minimum, mod
from gradscribe.derive.ir.term import Access, EquationError

DTYPE = Name("dtype")
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
    if isinstance(e, at_least_one):
        return call("max", a[0], ONE)
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


def number(e: Expr) -> Expression:
    """A constant; a quotient of integers stays one: both are exact in floating point, one rounding is left."""
    if e.is_Integer:
        return Literal(int(e))
    if e.is_Rational:
        return Binary("/", Literal(int(e.p)), Literal(int(e.q)))
    return Literal(_float(e))


def _float(e: Expr) -> float:
    """The nearest float, also of sqrt(2/pi)."""
    return float(e.evalf(30))


def may_vanish(e: Expr) -> bool:
    """Whether a divisor may be 0, as one of sizes is where a batch is empty."""
    if not e.free_symbols and not e.has(Access):
        return False
    return not any(f.is_positive for f in (e, *(e.args if isinstance(e, larger) else ())) if not f.has(Access))


def fraction(e: Expr) -> tuple[list[Expr], list[Expr]]:
    """Factors above and below the line, scalars first, then arrays, each in SymPy's stable order."""
    above: list[Expr] = []
    below: list[Expr] = []
    factors = e.as_ordered_factors()
    numbers = [f for f in factors if f.is_number and f.is_comparable]
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
