"""SymPy scalars -> Python text: sizes as integers, bodies as NumPy expressions.

Operators follow Python's precedence; scalars come before arrays in a product, so that they are multiplied first, and a
division by a size divides an array (never 0 by 0 in Python integers). A bracket in a product becomes `np.where`: it is
a strong zero.
"""

import re
from collections.abc import Callable, Collection, Sequence

import sympy
from sympy import Add, Expr, Float, Integer, Mul, Pow, Symbol

from gradscribe.derive.functions import FUNCTIONS, at_least, greater, is_indicator
from gradscribe.derive.index import choose, exact, floordiv, minimum, mod
from gradscribe.derive.term import Access, EquationError

SUM, PRODUCT, POWER, ATOM = range(4)
_MIRRORED = {greater: "({1} < {0})", at_least: "({1} <= {0})"}


def size_text(expression: Expr, level: int = SUM, name: Callable[[Symbol], str] = lambda s: s.name) -> str:
    """An integer expression; `level` is the precedence that the context needs."""
    text, own = _size(expression, name)
    return text if own >= level else f"({text})"


def _raised(base: str, exponent: str) -> str:
    """A power; as ruff formats it, spaces stand around the operator unless both sides are names or numbers."""
    simple = all(re.fullmatch(r"-?[\w.]+", text) for text in (base, exponent))
    return f"{base}**{exponent}" if simple else f"{base} ** {exponent}"


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
        return _raised(size_text(e.base, ATOM, name), size_text(e.exp, ATOM, name)), POWER
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


def ordered_terms(e: Add) -> list[Expr]:
    """Positive terms first, each group in SymPy's stable print order."""
    terms = e.as_ordered_terms()
    return sorted(terms, key=lambda t: bool(t.as_coeff_Mul()[0].is_negative))


def _magnitudes(e: Add) -> list[Expr]:
    return [-t if t.as_coeff_Mul()[0].is_negative else t for t in ordered_terms(e)]


def _signs(e: Add) -> list[bool]:
    return [bool(t.as_coeff_Mul()[0].is_negative) for t in ordered_terms(e)]


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
        if e.is_Number or e.is_comparable:  # a constant such as sqrt(2/pi) becomes one number
            return _number(e)
        if isinstance(e, Add):
            return _signed([self.text(t, PRODUCT, whole) for t in _magnitudes(e)], _signs(e)), SUM
        if isinstance(e, Mul):
            return self._product(e, whole)
        if isinstance(e, Pow):
            return self._power(e)
        if e.func in FUNCTIONS:
            if is_indicator(e):
                return f"dtype({self._bracket(e)})" if self.is_scalar(e) else f"{self._bracket(e)}.astype(dtype)", ATOM
            text = FUNCTIONS[e.func].numpy.format(*(self.text(a) for a in e.args))
            # a NumPy scalar would turn float32 arrays into float64
            return f"float({text})" if self.is_scalar(e) else text, ATOM
        raise TypeError(f"no scalar expression: {e}")

    def _product(self, e: Mul, whole: bool) -> tuple[str, int]:
        brackets = [f for f in e.args if is_indicator(f)]
        if brackets:
            condition = self.condition(brackets)
            rest = Mul(*(f for f in e.args if f not in brackets))
            if self.is_scalar(rest):
                return f"np.where({condition}, dtype({self.text(rest, SUM)}), dtype(0))", ATOM
            above, below = fraction(rest)
            if any(f.has(Access) for f in below):
                # where the bracket is false the divisor may be 0, which must not even warn
                return f"rt.share({condition}, {self.text(Mul(*above))}, {self.text(Mul(*below))})", ATOM
            return f"np.where({condition}, {self.text(rest, SUM)}, 0)", ATOM
        coefficient, rest = e.as_coeff_Mul()
        if coefficient.is_negative:
            return f"-{self.text(-e, PRODUCT, whole)}", PRODUCT
        above, below = fraction(e)
        numerator = " * ".join(self.text(f, POWER, whole) for f in above) or "1"
        if not below:
            return numerator, PRODUCT if len(above) > 1 else POWER
        if any(f.free_symbols or f.has(Access) for f in below) and self.is_scalar(e):
            # Python would raise on an empty batch, whose value nobody reads
            return f"rt.ratio({numerator}, {' * '.join(self.text(f, POWER, whole) for f in below)})", ATOM
        denominator = " * ".join(self.text(f, POWER, whole) for f in below)
        return f"{numerator} / {f'({denominator})' if len(below) > 1 else denominator}", PRODUCT

    def condition(self, brackets: Sequence[Expr]) -> str:
        """Whether all `brackets` hold."""
        return " & ".join(self._bracket(f) for f in brackets)

    def _bracket(self, f: Expr) -> str:
        """The condition; positions in it stay integers, values are computed as they are elsewhere."""
        texts = [self.text(a, POWER, bool(a.is_integer)) for a in f.args]
        if f.func in _MIRRORED and f.args[0].is_number:  # (x <= 0) reads better than (0 >= x)
            return _MIRRORED[f.func].format(*texts)
        return FUNCTIONS[f.func].numpy.format(*texts)

    def _power(self, e: Pow) -> tuple[str, int]:
        base, power = e.base, e.exp
        if self.is_scalar(e) and power.is_negative and (base.free_symbols or base.has(Access)):
            return f"rt.ratio(1, {self.text(base**-power)})", ATOM
        if self.is_scalar(e):
            if power.is_Integer or (base.is_nonnegative and power.is_nonnegative):
                return _raised(self.text(base, ATOM), self.text(power, ATOM)), POWER
            # NaN where Python's power is a complex number
            return f"float(np.float_power({self.text(base)}, {self.text(power)}))", ATOM
        if power == 2:
            return f"np.square({self.text(base)})", ATOM
        if power == 3 and isinstance(base, Access):  # NumPy's own power takes several times as long
            return f"np.square({self.access(base)}) * {self.access(base)}", PRODUCT
        if power == sympy.Rational(1, 2):
            return f"np.sqrt({self.text(base)})", ATOM
        if power.is_negative:
            return f"1 / {self.text(base**-power, POWER)}", PRODUCT
        return _raised(self.text(base, ATOM), self.text(power, ATOM)), POWER


def _number(e: Expr) -> tuple[str, int]:
    if e.is_Integer:
        return str(int(e)), ATOM if int(e) >= 0 else POWER
    if e.is_Rational:
        return f"{int(e.p)} / {int(e.q)}", PRODUCT
    return repr(_float(e)).replace("e+", "e"), ATOM if _float(e) >= 0 else POWER


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
