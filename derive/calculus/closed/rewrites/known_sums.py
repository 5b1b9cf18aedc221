"""Sums without a gradient, replaced by what forward equations say they are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sympy import Add, Expr, Mul

from gradscribe.derive.calculus.closed.rewrites.identities import Identities
from gradscribe.derive.calculus.closed.rewrites.nested import length, normal, reads
from gradscribe.derive.ir.term import InnerSum, Range, text


@dataclass(frozen=True)
class KnownSum:
    """A sum whose value is known, by the definition of these tensors, and as these labels are positions."""

    total: InnerSum
    value: Expr
    tensors: tuple[str, ...]
    labels: tuple[Expr, ...] = ()


def valued(
    value: Expr, free: Sequence[Range], identities: Identities, signals: Collection[str]
) -> tuple[Expr, tuple[KnownSum, ...]]:
    """A value with the sums that are known put in, and these.

    Args:
        value: in normal form.
        free: its indices.
        identities: what the forward equations say of sums.
        signals: the gradients.
    """
    found: list[KnownSum] = []
    mapping: dict[Expr, Expr] = {}
    for total in sorted(value.atoms(InnerSum), key=text):
        inner, outer, ranges = _apart(total, signals)
        if not inner.ranges:
            continue
        known = identities.known(inner, (*free, *ranges))
        if known is not None and not known.value.has(InnerSum) and length(known.value) < length(inner):
            found.append(KnownSum(inner, known.value, known.tensors, known.labels))
            mapping[total] = InnerSum(outer * known.value, *ranges) if ranges else outer * known.value
    products = [_absorbed(product, identities) for product in Add.make_args(value.xreplace(mapping))]
    found += dict.fromkeys(absorbed for _, own in products for absorbed in own)
    return normal(Add(*(product for product, _ in products)), signals), tuple(found)


def _absorbed(product: Expr, identities: Identities) -> tuple[Expr, list[KnownSum]]:
    """A product without the sums of brackets on labels that a factor of it makes 1, and what was used."""
    factors, found = list(Mul.make_args(product)), list[KnownSum]()
    for total in [f for f in factors if isinstance(f, InnerSum)]:
        for factor in factors:
            if tensors := identities.counting(factor, total):
                factors.remove(total)
                found.append(KnownSum(InnerSum(factor * total.body, *total.ranges), factor, tensors))
                break
    return Mul(*factors), found


def _apart(total: InnerSum, signals: Collection[str]) -> tuple[InnerSum, Expr, tuple[Range, ...]]:
    """The part of a sum that no gradient depends on, as a sum; the other factors, and the ranges left for these."""
    factors = Mul.make_args(total.body)
    fixed = {v for f in factors if reads(f, signals) for v in f.free_symbols}
    ranges = tuple(r for r in total.ranges if r.index not in fixed)
    within = [f for f in factors if f.free_symbols & {r.index for r in ranges}]
    return (
        InnerSum(Mul(*within), *ranges),
        Mul(*(f for f in factors if f not in within)),
        tuple(r for r in total.ranges if r not in ranges),
    )
