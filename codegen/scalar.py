"""SymPy scalars -> Python text: sizes as integers, bodies as NumPy expressions.

Operators follow Python's precedence; scalars come before arrays in a product, so that they are multiplied first, and a
division by a size divides an array (never 0 by 0 in Python integers). A bracket in a product becomes `np.where`: it is
a strong zero.
"""

from collections.abc import Callable, Collection, Sequence

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Symbol

from derive.functions import FUNCTIONS, equal, is_indicator
from derive.index import choose, exact, floordiv, minimum, mod
from derive.term import Access, EquationError

SUM, PRODUCT, POWER, ATOM = range(4)


def size_text(expression: Expr, level: int = SUM, name: Callable[[Symbol], str] = lambda s: s.name) -> str:
    """An integer expression; `level` is the precedence that the context needs."""
    text, own = _size(expression, name)
    return text if own >= level else f"({text})"


def _size(e: Expr, name: Callable[[Symbol], str]) -> tuple[str, int]:
    if isinstance(e, Symbol):
        return name(e), ATOM
    if e.is_Integer:
        return str(int(e)), ATOM if int(e) >= 0 else POWER
    if isinstance(e, Add):
        terms, negative = _magnitudes(e), _signs(e)
        first = _negatable(terms[0], name) if negative[0] else size_text(terms[0], PRODUCT, name)
        return _signed([first, *(size_text(t, PRODUCT, name) for t in terms[1:])], negative), SUM
    if isinstance(e, Mul):
        coefficient, rest = e.as_coeff_Mul()
        if not coefficient.is_Integer:
            raise _no_integer(e)
        if coefficient.is_negative:
            return f"-{_negatable(-e, name)}", PRODUCT
        factors = ([str(int(coefficient))] if coefficient != 1 else []) + [
            size_text(f, POWER, name) for f in rest.as_ordered_factors()
        ]
        return " * ".join(factors), PRODUCT
    if isinstance(e, Pow) and not e.exp.is_negative:
        return f"{size_text(e.base, ATOM, name)}**{size_text(e.exp, ATOM, name)}", POWER
    a = e.args
    if isinstance(e, floordiv | exact):
        return f"{size_text(a[0], PRODUCT, name)} // {size_text(a[1], POWER, name)}", PRODUCT
    if isinstance(e, mod):
        return f"{size_text(a[0], POWER, name)} % {size_text(a[1], POWER, name)}", PRODUCT
    if isinstance(e, minimum):
        return f"min({size_text(a[0], SUM, name)}, {size_text(a[1], SUM, name)})", ATOM
    if isinstance(e, choose):
        then, otherwise = (size_text(x, SUM, name) for x in a[1:])
        return f"({then} if {size_text(a[0], ATOM, name)} else {otherwise})", ATOM
    raise _no_integer(e)


def _no_integer(e: Expr) -> EquationError:
    return EquationError(f"{e} is no integer; a quotient of sizes is written floordiv(a, b)")


def _negatable(e: Expr, name: Callable[[Symbol], str]) -> str:
    """The text of a term that a minus may stand before: ``-a // b`` is ``(-a) // b`` in Python."""
    return size_text(e, PRODUCT if isinstance(e, Mul) else POWER, name)


def _ordered(e: Add) -> list[Expr]:
    """Positive terms first, each group in SymPy's stable print order."""
    terms = e.as_ordered_terms()
    return sorted(terms, key=lambda t: bool(t.as_coeff_Mul()[0].is_negative))


def _magnitudes(e: Add) -> list[Expr]:
    return [-t if t.as_coeff_Mul()[0].is_negative else t for t in _ordered(e)]


def _signs(e: Add) -> list[bool]:
    return [bool(t.as_coeff_Mul()[0].is_negative) for t in _ordered(e)]


def _signed(texts: Sequence[str], negative: Sequence[bool]) -> str:
    first = f"-{texts[0]}" if negative[0] else texts[0]
    return first + "".join(f" {'-' if n else '+'} {t}" for t, n in zip(texts[1:], negative[1:], strict=True))


class ArrayPrinter:
    """Prints a body as a NumPy expression.

    Args:
        access: text of an access.
        index: text of an index used as a value; the flag tells whether an integer will do.
        vectors: the indices that stand for arrays when used as values.
    """

    def __init__(
        self, access: Callable[[Access], str], index: Callable[[Symbol, bool], str], vectors: Collection[Symbol] = ()
    ) -> None:
        self.access, self.index, self.vectors = access, index, frozenset(vectors)

    def is_scalar(self, e: Expr) -> bool:
        """Whether an expression is a Python number: sizes, options and scalar arguments only."""
        return not (e.free_symbols & self.vectors) and not any(a.indices for a in e.atoms(Access))

    def text(self, e: Expr, level: int = SUM, whole: bool = False) -> str:
        """The text of `e` for a context of precedence `level`; `whole`: an integer value is wanted."""
        text, own = self._print(e, whole)
        return text if own >= level else f"({text})"

    def _print(self, e: Expr, whole: bool) -> tuple[str, int]:
        if isinstance(e, Access):
            return self.access(e), ATOM
        if isinstance(e, Symbol):
            return self.index(e, whole), ATOM
        if e.is_Number:
            return _number(e)
        if isinstance(e, Add):
            return _signed([self.text(t, PRODUCT, whole) for t in _magnitudes(e)], _signs(e)), SUM
        if isinstance(e, Mul):
            return self._product(e, whole)
        if isinstance(e, Pow):
            return self._power(e)
        if e.func in FUNCTIONS:
            wants_integers = isinstance(e, equal)
            level = POWER if is_indicator(e) else SUM
            text = FUNCTIONS[e.func].numpy.format(*(self.text(a, level, wants_integers) for a in e.args))
            if not is_indicator(e) and self.is_scalar(e):
                return f"float({text})", ATOM  # a NumPy scalar would turn float32 arrays into float64
            if not is_indicator(e) or whole:
                return text, ATOM
            return (f"dtype({text})" if self.is_scalar(e) else f"{text}.astype(dtype)"), ATOM
        raise TypeError(f"no scalar expression: {e}")

    def _product(self, e: Mul, whole: bool) -> tuple[str, int]:
        brackets = [f for f in e.args if is_indicator(f)]
        if brackets:
            condition = " & ".join(self._bracket(f) for f in brackets)
            rest = Mul(*(f for f in e.args if f not in brackets))
            if self.is_scalar(rest):
                return f"np.where({condition}, dtype({self.text(rest, SUM)}), dtype(0))", ATOM
            return f"np.where({condition}, {self.text(rest, SUM)}, 0)", ATOM
        coefficient, rest = e.as_coeff_Mul()
        if coefficient.is_negative:
            return f"-{self.text(-e, PRODUCT, whole)}", PRODUCT
        above, below = _fraction(e)
        numerator = " * ".join(self.text(f, POWER, whole) for f in above) or "1"
        if not below:
            return numerator, PRODUCT if len(above) > 1 else POWER
        if any(f.free_symbols for f in below) and self.is_scalar(e):
            # Python would raise on an empty batch, whose value nobody reads
            return f"rt.ratio({numerator}, {' * '.join(self.text(f, POWER, whole) for f in below)})", ATOM
        denominator = " * ".join(self.text(f, POWER, whole) for f in below)
        return f"{numerator} / {f'({denominator})' if len(below) > 1 else denominator}", PRODUCT

    def _bracket(self, f: Expr) -> str:
        text = FUNCTIONS[f.func].numpy
        return text.format(*(self.text(a, POWER, isinstance(f, equal)) for a in f.args))

    def _power(self, e: Pow) -> tuple[str, int]:
        base, power = e.base, e.exp
        if self.is_scalar(e) and power.is_negative and base.free_symbols:
            return f"rt.ratio(1, {self.text(base**-power)})", ATOM
        if self.is_scalar(e):
            return f"{self.text(base, ATOM)}**{self.text(power, ATOM)}", POWER
        if power == 2:
            return f"np.square({self.text(base)})", ATOM
        if power == sympy.Rational(1, 2):
            return f"np.sqrt({self.text(base)})", ATOM
        if power.is_negative:
            return f"1 / {self.text(base**-power, POWER)}", PRODUCT
        return f"{self.text(base, ATOM)}**{self.text(power, ATOM)}", POWER


def _number(e: Expr) -> tuple[str, int]:
    if e.is_Integer:
        return str(int(e)), ATOM if int(e) >= 0 else POWER
    if e.is_Rational:
        return f"{int(e.p)} / {int(e.q)}", PRODUCT
    return repr(float(e)), ATOM if float(e) >= 0 else POWER


def _fraction(e: Mul) -> tuple[list[Expr], list[Expr]]:
    """Factors above and below the line, scalars first, then arrays, each in SymPy's stable order."""
    above: list[Expr] = []
    below: list[Expr] = []
    for factor in e.as_ordered_factors():
        if factor.is_Rational and not factor.is_Integer:
            above += [Integer(factor.p)] if factor.p != 1 else []
            below.append(Integer(factor.q))
        elif isinstance(factor, Pow) and factor.exp.is_negative:
            below.append(factor.base**-factor.exp)
        elif factor != 1:
            above.append(factor)
    return sorted(above, key=lambda f: f.has(Access)), sorted(below, key=lambda f: f.has(Access))
