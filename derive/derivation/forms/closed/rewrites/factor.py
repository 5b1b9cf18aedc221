"""Common factors in front, sizes that divide cleared: a/M - b/M**2 is 1/M**2 (M a - b)."""

from collections.abc import Collection, Sequence
from functools import reduce

from sympy import Add, Expr, Integer, Mul, Pow, gcd, sign
from sympy.core.sorting import ordered

from gradscribe.derive.derivation.forms.closed.rewrites.nested import length, normal, reads
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


def _shortest(total: Expr) -> Expr:
    if total == 0:
        return total
    parts = list(ordered(Add.make_args(total)))
    choices = [_in_front(parts, cleared, content) for cleared in (True, False) for content in (True, False)]
    return min(choices, key=length)


def _in_front(parts: Sequence[Expr], cleared: bool, content: bool) -> Expr:
    powers = [_powers(p) for p in parts]
    bases = dict.fromkeys(base for found in powers for base in found)
    shared = Mul(*(Pow(base, _shared(base, [p.get(base, Integer(0)) for p in powers], cleared)) for base in bases))
    number = _content(parts)
    front = (number if content else sign(number)) * shared
    if front == 1:
        return Add(*parts)
    return Mul(front, Add(*(p / front for p in parts)), evaluate=not front.is_Number)


def _content(parts: Sequence[Expr]) -> Expr:
    """The number that all coefficients share, so that what is no sum over an index is not all subtracted."""
    numbers = [p.as_coeff_Mul()[0] for p in parts]
    content = reduce(gcd, numbers) if all(n.is_Rational for n in numbers) else Integer(1)
    plain = [n for n, p in zip(numbers, parts, strict=True) if not p.has(InnerSum)] or numbers
    return -content if all(n.is_negative for n in plain) else content


def _powers(part: Expr) -> dict[Expr, Expr]:
    """The exponents of a product's factors, numbers left out."""
    return {b: e for b, e in (f.as_base_exp() for f in Mul.make_args(part)) if not b.is_Number}


def _shared(base: Expr, exponents: Sequence[Expr], cleared: bool) -> Expr:
    """The power of a factor that all summands have; of a size, one by which nothing is divided any more."""
    if not all(e.is_Number for e in exponents):
        return exponents[0] if len(set(exponents)) == 1 else Integer(0)
    low, high = min(exponents), max(exponents)
    if cleared and not base.has(Access, InnerSum) and base.is_integer:
        return low
    return low if low > 0 else high if high < 0 else Integer(0)
