"""Sums that are known by a definition: with m = 1/M sum(x), sum(x - m) is 0; with z = sum(h), sum(h/z) is 1.

Lets are written out, products multiplied out; then every sum that a forward equation defines, sum_e x[e, c] = M m[c],
takes its value. What is left without a sum is the value, proved in symbols.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sympy
from sympy import Add, Expr, Mul

from gradscribe.derive.calculus.passes.reuse import Names
from gradscribe.derive.derivation.forms.closed.matching import places, same
from gradscribe.derive.derivation.forms.closed.nested import is_plain
from gradscribe.derive.ir.term import Access, InnerSum, Program, Range, Statement, Term


@dataclass(frozen=True)
class Definition:
    """``sum over term.bound of term.body = value``, where every factor of the body has an index of the sum."""

    term: Term
    value: Expr
    tensor: str


@dataclass(frozen=True)
class Known:
    """The value of a sum, and the tensors by whose definition it is so."""

    value: Expr
    tensors: tuple[str, ...]


class Identities:
    """What the equations of a forward program say of sums."""

    def __init__(self, program: Program) -> None:
        self.names = Names(program)
        self.definitions = [d for s in program.statements if (d := self._definition(s, program)) is not None]

    def known(self, total: InnerSum, free: Sequence[Range]) -> Known | None:
        """The value of a sum within an expression of `free` indices; None where no definition says it."""
        term = Term(tuple(free), total.ranges, total.body)
        parts = [self._valued(*part, term) for part in self._multiplied_out(term)]
        found = [p for p in parts if p is not None]
        if len(found) < len(parts):
            return None
        value = Term(tuple(free), (), Add(*(p.value for p in found)))
        value = sympy.expand(self.names.written_out(value).body)
        return Known(value, tuple(dict.fromkeys(name for p in found for name in p.tensors)))

    def _definition(self, statement: Statement, program: Program) -> Definition | None:
        term, target = statement.term, statement.target
        if not term.bound or not is_plain(term) or len(program.definitions(target.name)) > 1:
            return None
        parts = self._multiplied_out(term)
        if len(parts) != 1 or parts[0][1] == 1:
            return None
        outer, inner = parts[0]
        value = Access(target.name, *(r.index for r in term.free)) / outer
        return Definition(replace(term, body=inner), value, target.name)

    def _multiplied_out(self, term: Term) -> list[tuple[Expr, Expr]]:
        """The summands of a term, lets written out: factors without an index of the sum, and the others."""
        body = sympy.expand(self.names.written_out(term).body)
        bound = {r.index for r in term.bound}
        found = []
        for part in Add.make_args(body):
            inner = [f for f in Mul.make_args(part) if f.free_symbols & bound]
            found.append((Mul(*(f for f in Mul.make_args(part) if f not in inner)), Mul(*inner)))
        return found

    def _valued(self, outer: Expr, inner: Expr, term: Term) -> Known | None:
        """One product, summed."""
        ranges = [r for r in term.bound if r.index in inner.free_symbols]
        outer = outer * Mul(*(r.extent for r in term.bound if r not in ranges))
        if not ranges:
            return Known(outer, ())
        for d in self.definitions:
            for place in places(d.term.body, inner, d.term.indices, [r.index for r in ranges]):
                over = {place[r.index]: r.extent for r in d.term.bound}
                whole = over == {r.index: r.extent for r in ranges}
                if whole and same(d.term.body.xreplace(place), inner):
                    return Known(outer * d.value.xreplace(place), (d.tensor,))
        return None
