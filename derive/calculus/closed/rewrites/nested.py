"""Sums of products with sums in them, in a normal form: what does not depend on the index of a sum stands before it.

    a * sum_k (b[k] + c*d[k])  ->  a * sum_k b[k]  +  a*c * sum_k d[k]

A sum that reads a gradient is multiplied out. A sum of forward tensors alone, such as x - m, is one factor, with the
sign in which the tensor of most indices is positive, or a number, so that x - m and m - x are one factor, too.
"""

from collections.abc import Collection
from functools import lru_cache
from math import comb, prod

from sympy import Add, Expr, Integer, Mul, Pow, Symbol, expand

from gradscribe.derive.ir.term import Access, InnerSum, Range, Term, accesses, text

MOST_SUMMANDS = 256
"""Summands of what is multiplied out at most: more take their time, and are not shorter."""


def nested(term: Term) -> Expr:
    """The value of a sum without brackets, as an expression of its free indices."""
    return InnerSum(term.body, *term.bound) if term.bound else term.body


def is_plain(term: Term) -> bool:
    """Whether a term is a sum without brackets beside its body."""
    return term.is_sum and not (term.deltas or term.guards or term.divisibilities)


@lru_cache(maxsize=5_000)  # pages and code ask for the same
def multiplied_out(expression: Expr) -> Expr:
    """An expression multiplied out, above and below as SymPy does it; as it is where that has many summands.

    exp(x - m) stays as it is: exp(x) and exp(-m) apart may overflow.
    """
    return expand(expression, power_exp=False) if _summands(expression) <= MOST_SUMMANDS else expression


def _summands(e: Expr) -> int:
    """How many summands an expression has multiplied out at most, or a part of it within a function."""
    parts = [_summands(a) for a in e.args if isinstance(a, Expr)]
    if isinstance(e, Add):
        return sum(parts)
    if isinstance(e, Pow) and e.exp.is_Rational and parts[0] > 1:
        power = int(abs(e.exp))
        return comb(parts[0] + power, power)
    return prod(parts) if isinstance(e, Mul) else max(parts, default=1)


def normal(expression: Expr, signals: Collection[str]) -> Expr:
    """The normal form; `signals` are the gradients, whose sums are multiplied out."""
    return Add(*(s for part in Add.make_args(expression) for s in summands(part, signals)))


def summands(product: Expr, signals: Collection[str]) -> tuple[Expr, ...]:
    """The products whose sum is the normal form of one product."""
    for factor in Mul.make_args(product):
        choices = _choices(factor, signals)
        if choices != (factor,):
            rest = Mul(*(f for f in Mul.make_args(product) if f is not factor))
            return tuple(s for choice in choices for s in summands(choice * rest, signals))
    return (Mul(*map(upright, Mul.make_args(product))),)


def _choices(factor: Expr, signals: Collection[str]) -> tuple[Expr, ...]:
    """The summands of a factor that is multiplied out; else the factor alone."""
    if isinstance(factor, InnerSum):
        return tuple(_pulled_out(s, factor.ranges) for s in summands(factor.body, signals))
    if isinstance(factor, Add) and (factor.has(InnerSum) or reads(factor, signals)):
        return factor.args
    return (factor,)


def _pulled_out(product: Expr, ranges: tuple[Range, ...]) -> Expr:
    """The sum of a product: its factors without an index of the sum before it, an index that is nowhere as extent."""
    indices = {r.index for r in ranges}
    inner = [f for f in Mul.make_args(product) if f.free_symbols & indices]
    used = Mul(*inner).free_symbols
    kept = [r for r in ranges if r.index in used]
    outer = [f for f in Mul.make_args(product) if not f.free_symbols & indices]
    total = InnerSum(Mul(*inner), *kept) if kept else Integer(1)
    return Mul(*outer, *(r.extent for r in ranges if r not in kept), total)


@lru_cache(maxsize=20_000)  # what is tried in many ways has the same factors
def upright(factor: Expr) -> Expr:
    """A factor with its sums of tensors in the sign, and without the number, that all multiples of them share."""
    if isinstance(factor, Pow) and factor.exp.is_Integer:
        return Pow(upright(factor.base), factor.exp)
    if not isinstance(factor, Add) or not factor.has(Access):
        return factor
    content, primitive = factor.primitive()
    numbers = [a for a in primitive.args if not a.has(Access)]  # 1 - tanh(x)**2
    first = max(numbers or primitive.args, key=_most_indices)
    sign = -1 if first.as_coeff_Mul()[0].is_negative else 1
    return Mul(sign * content, Add(*(sign * a for a in primitive.args)), evaluate=sign * content == 1)


def _most_indices(part: Expr) -> tuple[int, str, str]:
    """How many indices a part has and, to tell it from others whatever its sign is, its tensors and all of it."""
    found = {v for a in accesses(part) for e in a.indices for v in e.free_symbols}
    return len(found), max(map(str, accesses(part)), default=""), text(part.as_coeff_Mul()[1])


def reads(expression: Expr, names: Collection[str]) -> bool:
    """Whether an expression reads one of these tensors."""
    return any(a.tensor in names for a in accesses(expression))


def depth(expression: Expr) -> int:
    """How many sums stand within each other."""
    below = max((depth(a) for a in expression.args), default=0)
    return below + isinstance(expression, InnerSum)


def measure(expression: Expr) -> tuple[int, int]:
    """What is to become less: the length; of two that are equally long, how many tensors there are."""
    return length(expression), len({a.tensor for a in accesses(expression)})


@lru_cache(maxsize=20_000)  # the parts of what is tried are mostly the same
def length(expression: Expr) -> int:
    """How long an expression is to read: tensors, sizes, numbers but 1, functions, rarer powers; twice each sum."""
    if isinstance(expression, Access | Symbol):
        return 1
    if expression.is_Number:
        return 0 if abs(expression) == 1 else 1
    if isinstance(expression, InnerSum):
        return 2 + length(expression.body)
    if isinstance(expression, Pow):
        plain = expression.exp.is_Rational and abs(expression.exp) in (1, Integer(1) / 2)
        return length(expression.base) + (0 if plain else 1)
    own = 0 if isinstance(expression, Add | Mul) else 1
    return own + sum(length(a) for a in expression.args)
