"""Slips: the ways in which one term of a derivation is commonly got wrong, generated from the term alone.

Each rule takes a Term of the gradient (or of the forward pass) and yields terms with one thing wrong, and the words for
it: "your dx is the derived one " + words. The rules of this module change the body; `slip_index` has those that change
indices, brackets and sums.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Rational, Symbol

from gradscribe.derive.derivation.record.sentence import Spoken
from gradscribe.derive.ir.functions import FUNCTIONS, is_indicator
from gradscribe.derive.ir.index import IntegerFunction
from gradscribe.derive.ir.term import Access, Tensor, Term, accesses


@dataclass(frozen=True)
class Surroundings:
    """What a rule may know besides the term: tensors that could be taken by mistake, sizes, and derived extents."""

    tensors: Mapping[str, Tensor]
    sizes: tuple[Symbol, ...]
    definitions: Mapping[Symbol, Expr]


Slip = tuple[Spoken, Term]
Rule = Callable[[Term, Surroundings], Iterator[Slip]]


def scalars(body: Expr) -> Iterator[Expr]:
    """The nodes of a body that are real numbers, not indices, from the outside in."""
    yield body
    if not isinstance(body, Access | IntegerFunction):
        for argument in body.args:
            yield from scalars(argument)


def lost_factors(term: Term, around: Surroundings) -> Iterator[Slip]:
    """A factor is forgotten, or taken twice."""
    coefficient, factors = _factors(term.body)
    rest = Mul(*factors)
    for factor in factors:
        inverse = isinstance(factor, Pow) and factor.exp.is_negative
        words: Spoken = ("without the division by ", 1 / factor) if inverse else ("without the factor ", factor)
        others = list(factors)
        others.remove(factor)
        yield words, replace(term, body=Mul(coefficient, *others))
    constants = [f for f in factors if not f.has(Access) and not f.free_symbols & set(term.indices)]
    number = abs(coefficient)
    if number != 1:
        yield ("without the factor ", number), replace(term, body=sympy.sign(coefficient) * rest)
    if len(constants) + (number != 1) > 1:  # one alone was forgotten above
        scale = Mul(number, *constants)
        yield ("without the factor ", scale), replace(term, body=term.body / scale)
    for factor in factors:
        if not is_indicator(factor) and factor != 1:  # a bracket is its own square
            yield ("with the factor ", factor, " twice"), replace(term, body=term.body * factor)


def more_factors(term: Term, around: Surroundings) -> Iterator[Slip]:
    """A term that is not the whole gradient is multiplied by a number; its sign is the opposite."""
    for factor in (Integer(2), Rational(1, 2)):
        yield ("with the factor ", factor, " too many"), replace(term, body=factor * term.body)
    yield ("with the opposite sign",), replace(term, body=-term.body)


def _factors(body: Expr) -> tuple[Expr, list[Expr]]:
    """The number in front of a product, also what sums in it have in common, and the other factors."""
    coefficient, rest = body.as_coeff_Mul()
    factors: list[Expr] = []
    for factor in Mul.make_args(rest):
        content, factor = factor.primitive() if isinstance(factor, Add) else (Integer(1), factor)
        coefficient, factors = coefficient * content, [*factors, factor]
    return coefficient, factors


def lost_summands(term: Term, around: Surroundings) -> Iterator[Slip]:
    """A summand within a factor is forgotten or has the opposite sign, or a square stands outside of the sum."""
    for node in dict.fromkeys(n for n in scalars(term.body) if isinstance(n, Add)):
        for part in node.args:
            rest = node - part
            yield from _instead(term, node, rest)
            yield from _instead(term, node, rest - part)
        squares = [p for p in node.args if any(isinstance(f, Pow) and f.exp == 2 for f in Mul.make_args(p))]
        if squares:
            roots = {f: f.base for p in squares for f in Mul.make_args(p) if isinstance(f, Pow) and f.exp == 2}
            yield from _instead(term, node, Pow(node.xreplace(roots), 2))


def other_powers(term: Term, around: Surroundings) -> Iterator[Slip]:
    """A power is another one; a function is left away."""
    for node in dict.fromkeys(scalars(term.body)):
        if isinstance(node, Pow):
            wrong = (
                Integer(1),
                node.exp - 1,
                node.exp + 1,
                -node.exp,
                node.exp / 2,
                2 * node.exp,
                node.exp + Rational(1, 2),
            )
            for exponent in dict.fromkeys(wrong):
                if exponent != node.exp:
                    yield from _instead(term, node, Pow(node.base, exponent))
        elif node.func in FUNCTIONS and not is_indicator(node) and len(node.args) == 1:
            yield from _instead(term, node, node.args[0])


def other_tensors(term: Term, around: Surroundings) -> Iterator[Slip]:
    """A tensor of the same shape is read instead: x for y."""
    for access in accesses(term.body):
        shape = around.tensors[access.tensor].shape if access.tensor in around.tensors else None
        for name, tensor in around.tensors.items():
            if name != access.tensor and tensor.shape == shape and not tensor.integer:
                yield from _instead(term, access, Access(name, *access.indices))


def _instead(term: Term, old: Expr, new: Expr) -> Iterator[Slip]:
    """The term with `new` in the place of `old`, and words that say so."""
    body = term.body.xreplace({old: new})
    if body != term.body:
        yield ("with ", new, " instead of ", old), replace(term, body=body)
