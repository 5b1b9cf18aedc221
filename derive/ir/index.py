"""Indices, sizes and affine forms: the integer side of an equation.

Every integer symbol (index, extent, stride, padding, ...) is a non-negative SymPy integer made by `integer`, the one
factory, so that a name is one symbol wherever it occurs. An access index such as ``s*i + d*r - p`` is read as an
`Affine` form; extents may also use `floordiv`, `mod`, `minimum` and `choose`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import sympy
from sympy import Add, Expr, Function, Idx, Integer, Mul, Symbol

from gradscribe.derive.ir.quote import listed, shown


@cache
def integer(name: str) -> Symbol:
    """The non-negative integer symbol called `name`."""
    return Symbol(name, integer=True, nonnegative=True)


def integers(names: str) -> tuple[Symbol, ...]:
    """Several integer symbols, at least 0 each, for sizes and options.

    Args:
        names: separated by blanks, such as "N H W".

    Returns:
        The symbols in that order; one name is always the same symbol.
    """
    return tuple(integer(name) for name in names.split())


class IntegerFunction(Function):
    """A function of integers with an integer value; it stays as written unless all arguments are numbers."""

    is_integer = True


class floordiv(IntegerFunction):
    """``floor(a / b)``; unlike SymPy's floor it is never rewritten."""

    nargs = (2,)

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        if b == 1:
            return a
        return Integer(int(a) // int(b)) if a.is_Integer and b.is_Integer else None


class mod(IntegerFunction):
    """The remainder of `a` divided by `b`, of the sign of `b`."""

    nargs = (2,)

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        if b == 1:
            return Integer(0)
        return Integer(int(a) % int(b)) if a.is_Integer and b.is_Integer else None


class exact(IntegerFunction):
    """``a / b`` where a divisibility bracket ``[b | a]`` beside it guarantees an integer."""

    nargs = (2,)

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        return a if b == 1 else None


class minimum(IntegerFunction):
    """The smaller of two integers."""

    nargs = (2,)

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        return Integer(min(int(a), int(b))) if a.is_Integer and b.is_Integer else None


class at_least_one(IntegerFunction):
    """A size, 1 in place of 0: what a sum over nothing is divided by. No page shows it."""

    nargs = (1,)
    is_positive = True

    @classmethod
    def eval(cls, size: Expr) -> Expr | None:
        return Integer(max(1, int(size))) if size.is_Integer else None


def as_written(expression: Expr) -> Expr:
    """The expression with sizes themselves where they are at least one."""
    return expression.replace(lambda e: isinstance(e, at_least_one), lambda e: e.args[0])


class choose(IntegerFunction):
    """``choose(flag, a, b)``: `a` where the 0/1 integer `flag` is 1, else `b`."""

    nargs = (3,)

    @classmethod
    def eval(cls, flag: Expr, a: Expr, b: Expr) -> Expr | None:
        if flag.is_Integer:
            return a if int(flag) else b
        return a if a == b else None


def own_symbols(expression: Expr) -> Expr:
    """`expression` with every integer symbol and `Idx` replaced by the factory's symbol of that name."""
    mapping: dict[Expr, Expr] = {v: integer(v.name) for v in expression.atoms(Idx)}
    mapping |= {v: integer(v.name) for v in expression.atoms(Symbol) if v.is_integer}
    return floors_as_quotients(expression.xreplace(mapping))


def floors_as_quotients(expression: Expr) -> Expr:
    """SymPy's floor(a/b) as floordiv(a, b), so that it stays as it is written."""
    found = sorted(expression.atoms(sympy.floor), key=sympy.default_sort_key)
    return expression.xreplace({f: floordiv(*sympy.fraction(sympy.together(f.args[0]))) for f in found})


class NotAffineError(ValueError):
    """An index expression that is not affine in the indices."""


@dataclass(frozen=True)
class Affine:
    """``offset + sum(coefficient * index)`` with the indices in a fixed order and no zero coefficient."""

    offset: Expr
    terms: tuple[tuple[Symbol, Expr], ...]

    @property
    def indices(self) -> tuple[Symbol, ...]:
        """The indices that occur."""
        return tuple(index for index, _ in self.terms)

    def coefficient(self, index: Symbol) -> Expr:
        """The coefficient of an index, 0 if it does not occur."""
        return dict(self.terms).get(index, Integer(0))

    def expression(self) -> Expr:
        """The form as one expression."""
        return self.offset + sum((c * v for v, c in self.terms), Integer(0))

    def plain(self) -> Symbol | None:
        """The index this form consists of, when it is nothing but one index."""
        if self.offset == 0 and len(self.terms) == 1 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return None


@lru_cache(maxsize=20_000)
def affine(expression: Expr, indices: tuple[Symbol, ...]) -> Affine:
    """Read `expression` as an affine form in `indices`.

    Raises:
        NotAffineError: when an index occurs other than linearly.
    """
    read = expression.free_symbols
    present = [v for v in indices if v in read]
    if not present:
        return Affine(expression, ())
    if expression.is_Symbol:
        return Affine(Integer(0), ((expression, Integer(1)),))
    parts: dict[Symbol | None, list[Expr]] = {}  # the summands of each index, without it; those of none
    for summand in Add.make_args(sympy.expand(expression)):
        factors = Mul.make_args(summand)
        index = next((v for v in present if v in factors), None)
        rest = summand if index is None else Mul(*(f for f in factors if f != index))
        if not rest.free_symbols.isdisjoint(present):
            raise NotAffineError(f"{shown(expression)} is not affine in {listed(v.name for v in present)}")
        parts.setdefault(index, []).append(rest)
    found = ((index, Add(*parts[index])) for index in present if index in parts)
    return Affine(Add(*parts.get(None, ())), tuple((index, c) for index, c in found if c != 0))


@lru_cache(maxsize=20_000)
def same(a: Expr, b: Expr) -> bool:
    """Whether two expressions have one normal form."""
    return a == b or bool(sympy.expand(a - b) == 0)


@lru_cache(maxsize=20_000)
def is_total(extent: Expr) -> bool:
    """Whether an extent is a sum of sizes, such as ``R + C``, and not what a window leaves of one."""
    return bool(extent.is_Add) and not extent.has(IntegerFunction)


def sign(expression: Expr) -> int:
    """1 or -1 when every monomial of `expression` has that sign (symbols are >= 0), else 0 for unknown or zero."""
    signs = {1 if c > 0 else -1 for c in sympy.expand(expression).as_coefficients_dict().values() if c != 0}
    return signs.pop() if len(signs) == 1 else 0


def natural(expression: Expr) -> bool:
    """Whether `expression` is seen to be at least 0: symbols are, quotients and remainders of what is are, too."""
    if isinstance(expression, mod):
        return True
    if isinstance(expression, floordiv | exact):
        return natural(expression.args[0])
    if expression.is_Symbol or expression.is_Integer:
        return bool(expression.is_nonnegative)
    return isinstance(expression, Add | Mul | minimum) and all(map(natural, expression.args))


def bounds(
    expression: Expr, extents: Mapping[Symbol, Expr], direction: Callable[[Expr], int] = sign
) -> tuple[Expr, Expr] | None:
    """The smallest and the largest value of an affine `expression` of indices within their extents.

    Args:
        expression: affine in the indices.
        extents: extent by index.
        direction: 1 or -1 for a coefficient of that sign, 0 for unknown; then the result is None.
    """
    form = affine(expression, tuple(extents))
    low = high = form.offset
    for index, coefficient in form.terms:
        reach = coefficient * (extents[index] - 1)
        match direction(coefficient):
            case 1:
                high += reach
            case -1:
                low += reach
            case _:
                return None
    return sympy.expand(low), sympy.expand(high)


def fresh_names(taken: Iterable[str], preferred: str = "m q v e a o l h f z") -> Iterator[str]:
    """Names for new indices: the preferred letters first, then q1, q2, ...; none of them in `taken`."""
    used = set(taken)
    yield from (name for name in preferred.split() if name not in used)
    number = 1
    while True:
        if f"q{number}" not in used:
            yield f"q{number}"
        number += 1
