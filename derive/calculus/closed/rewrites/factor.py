"""Common factors in front, sizes that divide cleared: a/M - b/M**2 is 1/M**2 (M a - b)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

from sympy import Abs, Add, Expr, Integer, Mul, Pow, gcd, sign
from sympy.core.sorting import ordered

from gradscribe.derive.calculus.closed.rewrites.nested import length, multiplied_out, normal, reads
from gradscribe.derive.ir.term import Access, InnerSum


def factored(expression: Expr, signals: Collection[str]) -> Expr:
    """A sum as its common factors times a sum; the shorter of the forms with sizes cleared and without.

    Where that is shorter still, only the summands with sums over indices are put together.

    Args:
        expression: in normal form.
        signals: the gradients; sums of forward tensors alone are factored first.
    """
    inner = [s for s in expression.atoms(Add) if s.has(Access) and not s.has(InnerSum) and not reads(s, signals)]
    apart = normal(expression.xreplace({s: _shortest(s) for s in inner}), signals)
    best = min((expression, apart), key=length)
    sums = [part for part in Add.make_args(best) if part.has(InnerSum)]
    others = [part for part in Add.make_args(best) if part not in sums]
    if len(sums) < 2 or not others:
        return _shortest(best)
    return min((_shortest(best), Add(*others, _shortest(Add(*sums)))), key=length)


@lru_cache(maxsize=5_000)
def _shortest(total: Expr) -> Expr:
    if total == 0:
        return total
    parts = list(ordered(Add.make_args(total)))
    choices = [_in_front(parts, cleared, content) for cleared in (True, False) for content in (True, False)]
    return min(choices, key=length)


def _in_front(parts: Sequence[Expr], cleared: bool, content: bool) -> Expr:
    found = _products(parts)
    powers = _shared_powers(found, cleared)
    shared = Mul(*(Pow(base, power) for base, power in powers.items()))
    number = _content(parts)
    number = number if content else sign(number)
    if number * shared == 1:
        return Add(*parts)
    rest = Add(*(p.without(powers).product / number for p in found))
    return Mul(number * shared, rest, evaluate=not (number * shared).is_Number)


def common_in_front(body: Expr) -> Expr:
    """A product in which every sum has the factors that its summands share in front, where that is shorter."""
    factors = []
    for factor in Mul.make_args(body):
        plain = isinstance(factor, Add) and factor.has(Access) and not factor.has(InnerSum)
        parts = list(ordered(factor.args)) if plain else []
        shared = any(_shared_powers(_products(parts), False).values())
        inside = _in_front(parts, False, True) if shared else factor
        factors.append(inside if length(inside) < length(factor) else factor)
    return Mul(*factors)


def over_one_divisor(body: Expr) -> Expr:
    """A product in which quotients that are added are one, where that is shorter: 1/a - b/a**2 is (a - b)/a**2."""
    sums = [f for f in Mul.make_args(body) if isinstance(f, Add) and f.has(Access) and not f.has(InnerSum)]
    quotients = [min(f, _quotient(f), key=length) for f in sums]
    return Mul(*(f for f in Mul.make_args(body) if f not in sums), *quotients) if quotients != sums else body


def _quotient(total: Expr) -> Expr:
    """A sum over the product of all that its parts are divided by, multiplied out; as it is where nothing divides."""
    found = _products(list(ordered(total.args)))
    numbers = {b: [p.powers.get(b, Integer(0)) for p in found] for p in found for b in p.powers if b.has(Access)}
    below = {b: min(powers) for b, powers in numbers.items() if all(e.is_Rational for e in powers) and min(powers) < 0}
    if not below:
        return total
    above = multiplied_out(Add(*(p.without(below).product for p in found)))
    above = Add(*map(_magnitude, Add.make_args(above)))
    return Mul(above, *(Pow(base, power) for base, power in below.items()))


def _magnitude(product: Expr) -> Expr:
    """A product with |x| in place of x sign(x)."""
    factors = Mul.make_args(product)
    whole = [f for f in factors if isinstance(f, sign) and f.args[0] in factors]
    rest = [f for f in factors if f not in whole and f not in [w.args[0] for w in whole]]
    return Mul(*rest, *(Abs(f.args[0]) for f in whole))


def divided_out(expression: Expr) -> Expr:
    """Products without the divisors of a sum in them, where that is shorter: p (1-p) (t/p - (1-t)/(1-p)) is t - p."""
    if isinstance(expression, InnerSum):
        return InnerSum(divided_out(expression.body), *expression.ranges)
    if isinstance(expression, Add) and expression.has(InnerSum):
        return Add(*map(divided_out, expression.args))
    factors = [_within(f) if f.has(InnerSum) else f for f in Mul.make_args(expression)]
    for total in (f for f in factors if isinstance(f, Add) and f.has(Access) and not f.has(InnerSum)):
        bases = (f.as_base_exp() for part in total.args for f in Mul.make_args(part))
        below = {base for base, power in bases if power.is_negative and base.has(Access)}
        above = [f for f in factors if f.as_base_exp()[0] in below]
        put = Add(*(Mul(*above, part) for part in total.args))
        shortest = min(put, multiplied_out(put), key=length)
        if above and length(shortest) < length(Mul(*above, total)):
            return Mul(*(f for f in factors if f not in (*above, total)), shortest)
    return Mul(*factors)


def _within(factor: Expr) -> Expr:
    """A factor whose sums are without their divisors."""
    if isinstance(factor, InnerSum | Add):
        return divided_out(factor)
    return factor.func(*(divided_out(a) if a.has(InnerSum) else a for a in factor.args))


def _content(parts: Sequence[Expr]) -> Expr:
    """The number that all coefficients share, so that what is no sum over an index is not all subtracted."""
    numbers = [p.as_coeff_Mul()[0] for p in parts]
    content = reduce(gcd, numbers) if all(n.is_Rational for n in numbers) else Integer(1)
    plain = [n for n, p in zip(numbers, parts, strict=True) if not p.has(InnerSum)] or numbers
    return -content if all(n.is_negative for n in plain) else content


@dataclass(frozen=True)
class _Product:
    """A product by the powers of its factors, which are divided by taking exponents away.

    SymPy leaves exp(x - m) exp(m - x) as it is.
    """

    number: Expr
    powers: Mapping[Expr, Expr]

    @property
    def product(self) -> Expr:
        return Mul(self.number, *(Pow(base, power) for base, power in self.powers.items()))

    def without(self, shared: Mapping[Expr, Expr]) -> "_Product":
        """The product divided by these powers."""
        bases = dict.fromkeys((*self.powers, *shared))
        rest = {b: self.powers.get(b, Integer(0)) - shared.get(b, Integer(0)) for b in bases}
        return _Product(self.number, rest)


def _products(parts: Sequence[Expr]) -> list[_Product]:
    """The parts by the powers of their factors; a sum and what is minus that sum are powers of one of them."""
    sums: dict[Expr, None] = {}
    found = []
    for part in parts:
        number: Expr = Integer(1)
        powers: dict[Expr, Expr] = {}
        for factor in Mul.make_args(part):
            base, power = factor.as_base_exp()
            if base.is_Number:
                number *= factor
                continue
            if isinstance(base, Add) and power.is_Integer:
                content, base = base.primitive()
                content, base = (-content, -base) if -base in sums else (content, base)
                number *= content**power
                sums.setdefault(base)
            powers[base] = powers.get(base, Integer(0)) + power
        found.append(_Product(number, powers))
    return found


def _shared_powers(products: Sequence[_Product], cleared: bool) -> dict[Expr, Expr]:
    bases = dict.fromkeys(base for p in products for base in p.powers)
    return {b: _shared(b, [p.powers.get(b, Integer(0)) for p in products], cleared) for b in bases}


def _shared(base: Expr, exponents: Sequence[Expr], cleared: bool) -> Expr:
    """The power of a factor that all summands have; of a size, one by which nothing is divided any more."""
    if not all(e.is_Number for e in exponents):
        return exponents[0] if len(set(exponents)) == 1 else Integer(0)
    low, high = min(exponents), max(exponents)
    if cleared and not base.has(Access, InnerSum) and base.is_integer:
        return low
    return low if low > 0 else high if high < 0 else Integer(0)
