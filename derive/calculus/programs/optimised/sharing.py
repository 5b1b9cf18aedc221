"""What several sums of a program need is computed once: products of some of their factors, and functions of elements."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from sympy import Add, Expr, Mul, Symbol

from gradscribe.derive.calculus.passes.brackets import as_factors, as_guards
from gradscribe.derive.calculus.programs.optimised.statement_work import (
    ELEMENT,
    Extents,
    extents_of,
    looked_up,
    volume,
)
from gradscribe.derive.calculus.programs.optimised.temporaries import Key, Temporaries, named_apart
from gradscribe.derive.ir.functions import Indicator
from gradscribe.derive.ir.term import Access, Statement, Term, accesses

MOST = 6
"""Factors up to which every order of contraction is tried."""


@dataclass(frozen=True)
class Node:
    """A part of a product, summed over what nothing else has."""

    factors: frozenset[int]
    summed: tuple[Symbol, ...]


def nodes(term: Term) -> tuple[list[Expr], list[Node]]:
    """The factors of a term, and the products of some of them that the best order computes on the way, large ones first.

    A function of elements that is an operand of a product of matrices is such a part, too.
    """
    found = as_factors(term)
    extents = extents_of(term)
    factors = [f for f in Mul.make_args(found.body) if f.free_symbols & extents.keys()]
    if isinstance(found.body, Add) or not term.bound or any(looked_up(f, extents) is not None for f in factors):
        return factors, []
    if any(isinstance(f, Indicator) for f in factors) or not 2 <= len(factors) <= MOST:
        return factors, []
    if not all(e.is_Symbol or not e.free_symbols & extents.keys() for a in accesses(found.body) for e in a.indices):
        return factors, []
    free = {r.index for r in term.free}
    tree = _tree(factors, free, extents)
    functions = [Node(frozenset([k]), ()) for k, f in enumerate(factors) if _is_function(f)]
    return factors, [*tree, *functions]


def _is_function(factor: Expr) -> bool:
    """Whether a factor is computed for more than the elements of any tensor that it reads: exp(-(x[n,c] - p[g])^2)."""
    read = accesses(factor)
    return len(read) > 1 and not factor.is_Add and all(factor.free_symbols - a.free_symbols for a in read)


def _tree(factors: Sequence[Expr], free: set[Symbol], extents: Extents) -> list[Node]:
    """The sums within the cheapest order, the whole first."""
    seen = [f.free_symbols & extents.keys() for f in factors]
    everything = frozenset(range(len(factors)))
    best: dict[frozenset[int], tuple[float, tuple[frozenset[int], ...]]] = {}

    def kept(part: frozenset[int]) -> set[Symbol]:
        own = set().union(*(seen[k] for k in part))
        return own & free.union(*(seen[k] for k in everything - part))

    for size in range(1, len(factors) + 1):
        for chosen in combinations(range(len(factors)), size):
            part = frozenset(chosen)
            if size == 1:
                best[part] = (0.0, ())
                continue
            ways = []
            for k in range(1, size // 2 + 1):
                for some in combinations(chosen, k):
                    one, other = frozenset(some), part - frozenset(some)
                    both = kept(one) | kept(other)
                    weight = (
                        1.0 if both - kept(part) and kept(one) - kept(other) and kept(other) - kept(one) else ELEMENT
                    )
                    cost = weight * volume(both, extents) + ELEMENT * volume(kept(part), extents)
                    ways.append((best[one][0] + best[other][0] + cost, sorted(one), one, other))
            cost, _, one, other = min(ways, key=lambda w: w[:2])
            best[part] = (cost, (one, other))

    def walk(part: frozenset[int]) -> Iterator[Node]:
        own = set().union(*(seen[k] for k in part))
        summed = tuple(v for v in extents if v in own - kept(part))
        if summed and len(part) > 1:
            yield Node(part, summed)
        for child in best[part][1]:
            yield from walk(child)

    return list(walk(everything))


class Sharing:
    """One round over the statements of a program."""

    def __init__(self, statements: Sequence[Statement], opened: Sequence[bool], made: Temporaries) -> None:
        self.statements, self.made = statements, made
        each = zip(statements, opened, strict=True)
        self.split = [(extents_of(s.term), *nodes(s.term)) if o else ({}, [], []) for s, o in each]
        self.targets = Counter(s.target.name for s in statements)
        self.counts: Counter[Key] = Counter()
        for extents, factors, parts in self.split:
            self.counts.update({named_apart(_product(factors, n), n.summed, extents)[0] for n in parts})
        self.single = {s.target.name: s for s in statements if self.targets[s.target.name] == 1}
        self.defined = set().union(*(self._read(s) for s in statements)) - self.targets.keys()

    def rewritten(self) -> Iterator[tuple[Statement, tuple[Statement, ...]]]:
        """Every statement, and what takes its place: the tensors that are made for it, and itself as it reads them."""
        early: set[str] = set()
        for statement, (extents, factors, parts) in zip(self.statements, self.split, strict=True):
            if statement.target.name in early:
                yield statement, ()
                continue
            left = set(range(len(factors)))
            read: list[Expr] = []
            gone: set[Symbol] = set()
            before: list[Statement] = []
            for node in parts:
                if not node.factors <= left:
                    continue
                body = _product(factors, node)
                found = self._tensor(statement, body, node, extents, factors)
                if found is None:
                    continue
                name = found.tensor
                before += self.made.take()
                if name not in self.defined and name in self.single:
                    before.append(self.single[name])
                    early.add(name)
                self.defined.add(name)
                read.append(found)
                left -= node.factors
                gone |= set(node.summed)
            self.defined.add(statement.target.name)
            if not read:
                yield statement, (statement,)
                continue
            body = as_factors(statement.term).body
            scale = Mul(*(f for f in Mul.make_args(body) if f not in factors))
            term = replace(statement.term, guards=(), body=scale * Mul(*(factors[k] for k in sorted(left)), *read))
            yield statement, (*before, replace(statement, term=as_guards(term.without(*gone))))

    def _tensor(
        self, statement: Statement, body: Expr, node: Node, extents: Extents, factors: Sequence[Expr]
    ) -> Access | None:
        """The tensor that has the value of a part of a statement; None where there is no other use of it."""
        key, free = named_apart(body, node.summed, extents)
        name = statement.target.name
        own = tuple(r.index for r in statement.term.free)
        if self.targets[name] == 1 and body == as_factors(statement.term).body and free == own:
            self.made.learn(key, name)
        known = self.made.known.get(key)
        if known == name or (known is None and self.counts[key] < 2):
            return None
        if known is not None and known not in self.defined:
            later = self.single.get(known)
            if later is None or not self._read(later) <= self.defined:
                return None
        return self.made.tensor(name, body, node.summed, extents)

    @staticmethod
    def _read(statement: Statement) -> set[str]:
        return {a.tensor for a in accesses(statement.term.body)}


def _product(factors: Sequence[Expr], node: Node) -> Expr:
    return Mul(*(factors[k] for k in sorted(node.factors)))
