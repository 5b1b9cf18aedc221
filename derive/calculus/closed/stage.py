"""The records of closed forms: a gradient as an expression, a rewrite of it, and what the rewrites used."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sympy import Add, Expr, Mul

from gradscribe.derive.calculus.closed.rewrites.known_sums import KnownSum
from gradscribe.derive.calculus.closed.rewrites.nested import is_plain, nested, reads
from gradscribe.derive.calculus.passes.brackets import as_factors, as_guards
from gradscribe.derive.ir.term import InnerSum, Range, Statement, Term


@dataclass(frozen=True)
class Stage:
    """One rewrite and what came out.

    Attributes:
        rule: what it is called.
        value: the gradient.
        words: what was done, where it needs no names.
        inserted: the gradients that were inserted.
        known: the sums that were replaced by their values.
        read: the definitions of the tensors that are read in place of what they are.
        identities: functions that were replaced, and what they are.
        closes: whether what comes out is a closed form though nothing was inserted: more was used than the rules of
            products and sums.
    """

    rule: str
    value: Expr
    words: str = ""
    inserted: tuple[str, ...] = ()
    known: tuple[KnownSum, ...] = ()
    read: tuple[Statement, ...] = ()
    identities: tuple[tuple[Expr, Expr], ...] = ()
    closes: bool = False


@dataclass(frozen=True)
class Formula:
    """A gradient as an expression of its free indices."""

    free: tuple[Range, ...]
    value: Expr


@dataclass(frozen=True)
class Sources:
    """What a closed form comes from: the gradients that are inserted, and tensors whose definitions are used."""

    gradients: tuple[str, ...]
    tensors: tuple[str, ...]


def formula(terms: Sequence[Term]) -> Formula | None:
    """The sum of terms, guards as factors; None where there are other brackets."""
    whole = [as_factors(t) for t in terms]
    plain = all(is_plain(t) and t.free == whole[0].free for t in whole)
    return Formula(whole[0].free, Add(*(nested(t) for t in whole))) if plain else None


def as_terms(value: Expr, free: tuple[Range, ...], signals: Collection[str]) -> tuple[Term, ...]:
    """A gradient as the summands of a row, those with sums last.

    A bracket within a product that has sums stays there, and has no place in a row.
    """
    parts = sorted(Add.make_args(value), key=lambda part: part.has(InnerSum))
    return tuple(as_guards(_term(part, free, signals)) for part in parts)


def _term(product: Expr, free: tuple[Range, ...], signals: Collection[str]) -> Term:
    """A product with one sum in it as that sum, unless a gradient stands before it."""
    factors = Mul.make_args(product)
    sums = [f for f in factors if isinstance(f, InnerSum)]
    rest = Mul(*(f for f in factors if f not in sums))
    if len(sums) != 1 or reads(rest, signals) or rest.has(InnerSum):
        return Term(free, (), product)
    return Term(free, sums[0].ranges, rest * sums[0].body)
