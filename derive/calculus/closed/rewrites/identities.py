"""Sums that are known by a definition: with m = 1/M sum(x), sum(x - m) is 0; with z = sum(h), sum(h/z) is 1.

Products are multiplied out, lets are left as they are and, if that is not enough, written out. Then every sum that a
forward equation defines, sum_e x[e, c] = M m[c], takes its value. What is left without a sum is the value,
proved in symbols.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Mul

from gradscribe.derive.calculus.closed.rewrites.matching import places, same
from gradscribe.derive.calculus.closed.rewrites.nested import is_plain, multiplied_out, upright
from gradscribe.derive.calculus.passes.positions import label_conditions
from gradscribe.derive.calculus.passes.reuse import Names
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.term import Access, InnerSum, Program, Range, Statement, Term


@dataclass(frozen=True)
class Definition:
    """``sum over term.bound of term.body = value``, where every factor of the body has an index of the sum."""

    term: Term
    value: Expr
    tensor: str


@dataclass(frozen=True)
class Known:
    """The value of a sum, the tensors by whose definition it is so, and the labels that have to be positions for it."""

    value: Expr
    tensors: tuple[str, ...] = ()
    labels: tuple[Expr, ...] = ()


class Identities:
    """What the equations of a forward program say of sums, and `positions`: that a label is one.

    `lets` are names of quotients that are read besides.
    """

    def __init__(self, program: Program, positions: bool = True, lets: Sequence[Statement] = ()) -> None:
        self.names = Names(program)
        self.sources = {s.target.name: s.term for s in (*program.statements, *lets) if is_plain(s.term)}
        self.sources = {n: t for n, t in self.sources.items() if len(program.definitions(n)) < 2}
        self.definitions = [d for s in program.statements for d in self._definitions(s, program)]
        self.labels = [c for c in label_conditions(program) if positions and not c.counted]

    def known(self, total: InnerSum, free: Sequence[Range]) -> Known | None:
        """The value of a sum within an expression of `free` indices; None where no definition says it."""
        term = Term(tuple(free), total.ranges, total.body)
        written = self.names.written_out(term)
        choices = (_products(written), _multiplied_out(written), _multiplied_out(term))  # x + u has a mean, too
        found = next((known for parts in choices if (known := self._added(parts, term)) is not None), None)
        if found is None:
            return None
        value = multiplied_out(self.names.written_out(Term(tuple(free), (), found.value)).body)
        return replace(found, value=value)

    def counting(self, factor: Expr, total: InnerSum) -> tuple[str, ...]:
        """The tensors by whose definition a factor is 0 where no element of a sum of brackets is 1: it absorbs the sum.

        With a[n] = sum_k w[k] [k = t[n]], a sum_k [k = t[n]] is a. () where no definition says it.
        """
        bracket, (counted, *others) = total.body, total.ranges
        if others or not isinstance(bracket, equal) or not isinstance(factor, Access):
            return ()
        term = self.sources.get(factor.tensor)
        if term is None or len(term.free) != len(factor.indices):
            return ()
        place = dict(zip((r.index for r in term.free), factor.indices, strict=True))
        for part in Mul.make_args(term.body):
            own = part.xreplace(place)
            for r in term.bound if isinstance(part, equal) else ():
                if r.extent == counted.extent and same(own.xreplace({r.index: counted.index}), bracket):
                    return (factor.tensor,)
            inner = self.counting(own, total)
            if inner and not own.free_symbols & {r.index for r in term.bound}:
                return (factor.tensor, *inner)
        return ()

    def _definitions(self, statement: Statement, program: Program) -> Iterator[Definition]:
        """What a sum of one product says, as it is written and multiplied out.

        Of b[c] sum_n x[n, c] nothing: the sum would be divided by a tensor that may be 0.
        """
        term, target = statement.term, statement.target
        if not term.bound or not is_plain(term) or len(program.definitions(target.name)) > 1:
            return
        written = self.names.written_out(term)
        for parts in (_products(written), _multiplied_out(written), _products(term)):
            if len(parts) == 1 and parts[0][1] != 1 and _divides(parts[0][0]):
                outer, inner = parts[0]
                value = Access(target.name, *(r.index for r in term.free)) / outer
                yield Definition(replace(term, body=inner), value, target.name)

    def _added(self, products: Sequence[tuple[Expr, Expr]], term: Term) -> Known | None:
        """The value of all products together, summed."""
        parts = [self._valued(*part, term) for part in products]
        found = [p for p in parts if p is not None]
        if len(found) < len(parts):
            return None
        tensors = dict.fromkeys(name for p in found for name in p.tensors)
        labels = dict.fromkeys(label for p in found for label in p.labels)
        return Known(Add(*(p.value for p in found)), tuple(tensors), tuple(labels))

    def _valued(self, outer: Expr, inner: Expr, term: Term) -> Known | None:
        """One product, summed."""
        ranges = [r for r in term.bound if r.index in inner.free_symbols]
        outer = outer * Mul(*(r.extent for r in term.bound if r not in ranges))
        if not ranges:
            return Known(outer)
        if len(ranges) == 1 and (label := self._position(inner, ranges[0])) is not None:
            return Known(outer, labels=(label,))
        for d in self.definitions:
            for place in places(d.term.body, inner, d.term.indices, [r.index for r in ranges]):
                over = {place[r.index]: r.extent for r in d.term.bound}
                whole = over == {r.index: r.extent for r in ranges}
                if whole and same(d.term.body.xreplace(place), inner):
                    return Known(outer * d.value.xreplace(place), (d.tensor,))
        return None

    def _position(self, bracket: Expr, counted: Range) -> Expr | None:
        """The label in a bracket [k = t[n]] that holds for one k whatever n is; None elsewhere."""
        if not isinstance(bracket, equal) or counted.index not in bracket.args:
            return None
        (label,) = (e for e in bracket.args if e != counted.index)
        for condition in (c for c in self.labels if c.extent == counted.extent):
            indices = [r.index for r in condition.ranges]
            if any(same(condition.label.xreplace(p), label) for p in places(condition.label, label, indices)):
                return label
        return None


def _products(term: Term) -> list[tuple[Expr, Expr]]:
    """The summands of a term: factors without an index of the sum, and the others."""
    return [_apart(part, term) for part in Add.make_args(term.body)]


def _multiplied_out(term: Term) -> list[tuple[Expr, Expr]]:
    """The same of the products multiplied out."""
    return _products(replace(term, body=multiplied_out(term.body)))


def _divides(outer: Expr) -> bool:
    """Whether all tensors of a product are below the line."""
    powers = (f.as_base_exp() for f in Mul.make_args(outer))
    return all(exponent.is_negative for base, exponent in powers if base.has(Access))


def _apart(product: Expr, term: Term) -> tuple[Expr, Expr]:
    """The factors of a product without a bound index of a term, and the others."""
    bound = {r.index for r in term.bound}
    factors = Mul.make_args(Mul(*map(upright, Mul.make_args(product))))
    inner = [f for f in factors if f.free_symbols & bound]
    return Mul(*(f for f in factors if f not in inner)), Mul(*inner)
