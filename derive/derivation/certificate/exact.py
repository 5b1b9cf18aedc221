"""Terms that are polynomials, in integers modulo a prime: without rounding, so that equal means equal.

A polynomial of degree d that is not zero vanishes at a point drawn uniformly from a field of p elements with
probability at most d/p (Schwartz, Fast probabilistic algorithms for verification of polynomial identities, Journal of
the ACM 27, 1980, corollary 1; Zippel, Probabilistic algorithms for sparse polynomials, EUROSAM 1979, theorem 1). So two
terms that agree at such a point are the same polynomial, or one event of that probability has happened.

What is drawn are the inputs, real parameters, and every tensor that is computed by more than a polynomial: such as
exp(x), it counts as arbitrary. Integer tensors (labels, recorded positions) stay as they are given.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.random import Generator
from sympy import Add, Expr, Mul, Pow, Rational, Symbol, preorder_traversal

from gradscribe.derive.derivation.certificate.certificate import PRIME
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.index import IntegerFunction
from gradscribe.derive.ir.interpret import Sizes, Values, flattened, index_box, read, summed, value
from gradscribe.derive.ir.term import Access, InnerSum, Statement, Tensor, Term, accesses


@dataclass(frozen=True)
class Residues:
    """A point at which polynomials are evaluated.

    Attributes:
        tensors: residues, int64 arrays of the tensors' shapes; integer tensors as they are.
        degrees: of each tensor in what was drawn; 0 for an integer one.
        parameters: residues of the real parameters.
        arbitrary: the tensors that are computed, but count as arbitrary, and those that are computed from them. Terms
            that differ here may still be equal by what these are: h and z p, where p is h/z.
    """

    tensors: Mapping[str, np.ndarray]
    degrees: Mapping[str, int]
    parameters: Mapping[Symbol, int] = field(default_factory=dict)
    arbitrary: frozenset[str] = frozenset()

    def degree(self, term: Term) -> int | None:
        """The degree of a term in what was drawn; None where it is no polynomial of tensors known here."""
        return self._degree(term.body) if term.is_sum else None

    def evaluate(self, term: Term, sizes: Sizes) -> np.ndarray:
        """The residues of a term that has a degree, of the shape of its free indices."""
        grid, mask = index_box(term, self.tensors, sizes)
        body, holds = flattened(term, np.asarray(self._residue(term.body, grid)), mask)
        return np.where(holds, body, 0).sum(-1) % PRIME

    def _degree(self, e: Expr) -> int | None:
        if isinstance(e, Access):
            return self.degrees.get(e.tensor)
        if isinstance(e, Symbol):
            return 0 if e.is_integer else 1
        if isinstance(e, Rational):
            return 0 if e.q % PRIME else None
        if isinstance(e, IntegerFunction) or is_indicator(e):
            return 0 if self._is_integral(e) else None
        if isinstance(e, Pow):
            degree = self._degree(e.base)
            natural = e.exp.is_Integer and (e.exp.is_nonnegative or self._is_size(e.base))
            return degree * abs(int(e.exp)) if natural and degree is not None else None
        if isinstance(e, InnerSum):
            return self._degree(e.body)
        if not isinstance(e, Add | Mul):
            return None
        found = [self._degree(a) for a in e.args]
        known = [d for d in found if d is not None]
        return None if len(known) < len(found) else max(known) if isinstance(e, Add) else sum(known)

    def _is_integral(self, e: Expr) -> bool:
        """Whether nothing but integers occurs: a bracket of these is a number, whatever was drawn."""
        leaves = (a for a in preorder_traversal(e) if isinstance(a, Access) or a.is_Atom)
        return all(self._degree(a) == 0 for a in leaves if isinstance(a, Expr))

    def _is_size(self, e: Expr) -> bool:
        """Whether `e` is made of sizes alone, which may be divided by."""
        return not e.has(Access) and self._degree(e) == 0

    def _residue(self, e: Expr, grid: Mapping[Symbol, Any]) -> Any:
        if isinstance(e, Access):
            return read(e, self.tensors, grid) % PRIME
        if isinstance(e, Symbol):
            return grid[e] % PRIME if e.is_integer else self.parameters[e]
        if isinstance(e, Rational):
            return e.p * pow(e.q, -1, PRIME) % PRIME
        if isinstance(e, IntegerFunction) or is_indicator(e):
            return np.asarray(value(e, self.tensors, grid)).astype(np.int64) % PRIME
        if isinstance(e, Pow):
            base = self._residue(e.base, grid)
            if e.exp.is_negative:
                base = np.vectorize(_inverse, otypes=[np.int64])(base)
            return reduce(lambda a, b: a * b % PRIME, [base] * abs(int(e.exp)), np.int64(1))
        if isinstance(e, InnerSum):
            return summed(e, grid, self._residue) % PRIME
        parts = [self._residue(a, grid) for a in e.args]
        return reduce((lambda a, b: (a + b) % PRIME) if isinstance(e, Add) else lambda a, b: a * b % PRIME, parts)


def _inverse(number: int) -> int:
    """The reciprocal of a residue; of 0, which a sum over nothing may be divided by, 0."""
    return pow(int(number), -1, PRIME) if number else 0


def drawn(
    tensors: Iterable[Tensor],
    statements: Iterable[Statement],
    values: Values,
    sizes: Mapping[Symbol, Any],
    rng: Generator,
    numbers: Mapping[str, Any] | None = None,
) -> Residues:
    """A random point for the tensors that `statements` compute in order from the others.

    Args:
        tensors: every tensor that a term may read.
        statements: what defines some of them.
        values: their values in float64; of integer tensors these are taken, of others the shapes.
        sizes: every size; real numbers among them are drawn anew.
        rng: the source of randomness.
        numbers: tensors for whose values alone something is claimed: matrices of rational numbers.
    """
    parameters = {s: int(rng.integers(PRIME)) for s in sorted(sizes, key=str) if not s.is_integer}
    defined: dict[str, list[Statement]] = {}
    for statement in statements:
        defined.setdefault(statement.target.name, []).append(statement)
    found: dict[str, np.ndarray] = {}
    degrees: dict[str, int] = {}
    arbitrary: set[str] = set()
    point = Residues(found, degrees, parameters)
    fixed = {name: [[Rational(v) for v in row] for row in matrix.tolist()] for name, matrix in (numbers or {}).items()}
    for tensor in (*tensors, *(group[0].target for group in defined.values())):
        name = tensor.name
        if name in found or name not in values:
            continue
        terms = [s.term for s in defined.get(name, ())]
        degree = [point.degree(t) for t in terms]
        if tensor.integer:
            found[name], degrees[name] = np.asarray(values[name]).astype(np.int64), 0
        elif name in fixed:
            rows = [[v.p * pow(v.q, -1, PRIME) % PRIME for v in row] for row in fixed[name]]
            found[name], degrees[name] = np.array(rows, np.int64), 0
        elif terms and None not in degree:
            total = sum(point.evaluate(t, sizes) for t in terms)
            found[name], degrees[name] = np.asarray(total) % PRIME, max(d for d in degree if d is not None)
            arbitrary |= {name} if any(a.tensor in arbitrary for t in terms for a in accesses(t.body)) else set()
        else:
            found[name], degrees[name] = rng.integers(PRIME, size=np.shape(values[name])), 1
            arbitrary |= {name} if terms else set()
    return replace(point, tensors=found, degrees=degrees, arbitrary=frozenset(arbitrary))
