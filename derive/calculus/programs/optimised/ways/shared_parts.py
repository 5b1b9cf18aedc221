"""What several sums of a program need is computed once: products of some of their factors, functions of elements."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import sympy
from sympy import Add, Expr, Function, Mul, Symbol

from gradscribe.derive.calculus.passes.brackets import as_factors, as_guards
from gradscribe.derive.calculus.programs.optimised.order import best_order, result_of
from gradscribe.derive.calculus.programs.optimised.statement_work import Extents, extents_of, looked_up, volume
from gradscribe.derive.calculus.programs.optimised.temporaries import Key, Temporaries, named_apart
from gradscribe.derive.ir.functions import Indicator, larger, relu, smaller
from gradscribe.derive.ir.term import Access, Statement, Term, accesses
from gradscribe.kept import kept

MOST = 6
"""Factors up to which every order of contraction is tried."""


CHEAP = (Indicator, larger, smaller, relu, sympy.Abs, sympy.sign)
"""Functions that are a few operations of a processor."""


@dataclass(frozen=True)
class Node:
    """A part of a product, summed over what nothing else has; `alone`: a tensor even if it is needed once."""

    factors: frozenset[int]
    summed: tuple[Symbol, ...]
    alone: bool = False


@kept(5_000)  # see `named_apart`
def nodes(term: Term) -> tuple[tuple[Expr, ...], tuple[Node, ...]]:
    """The factors of a term, and the products of some that the best order computes on the way, large ones first.

    An operand of a product of matrices that is made of functions of elements is such a part, too: one loop makes it.
    """
    found = as_factors(term)
    extents = extents_of(term)
    factors = tuple(f for f in Mul.make_args(found.body) if f.free_symbols & extents.keys())
    if isinstance(found.body, Add) or not term.bound or any(looked_up(f, extents) is not None for f in factors):
        return factors, ()
    if any(isinstance(f, Indicator) for f in factors) or not 2 <= len(factors) <= MOST:
        return factors, ()
    if not all(e.is_Symbol or not e.free_symbols & extents.keys() for a in accesses(found.body) for e in a.indices):
        return factors, ()
    free, bound = ({r.index for r in ranges} for ranges in (term.free, term.bound))
    functions = [Node(frozenset([k]), ()) for k, f in enumerate(factors) if _is_function(f)]
    tree = [replace(n, alone=_leaves_functions(n, factors, bound)) for n in _tree(factors, free, extents)]
    return factors, (*tree, *functions, *_operands(factors, bound, extents))


def _leaves_functions(node: Node, factors: Sequence[Expr], bound: set[Symbol]) -> bool:
    """Whether a node is all that is summed, and what it is multiplied by takes functions: one loop for elements."""
    rest = [f for k, f in enumerate(factors) if k not in node.factors]
    return set(node.summed) == bound and not all(isinstance(f, CHEAP) for e in rest for f in e.atoms(Function))


def _operands(factors: Sequence[Expr], bound: set[Symbol], extents: Extents) -> list[Node]:
    """The operands of a product of matrices that take more than products of elements."""
    seen = [f.free_symbols & extents.keys() for f in factors]
    found: list[Node] = []
    for k, factor in enumerate(factors):
        if all(isinstance(f, CHEAP) for f in factor.atoms(Function)) or not accesses(factor) or not seen[k] & bound:
            continue
        part = frozenset(j for j, own in enumerate(seen) if own <= seen[k])
        rest = [own for j, own in enumerate(seen) if j not in part]
        if any(own & bound for own in rest) and not any(part & n.factors for n in found):
            found.append(Node(part, (), alone=True))
    return found


def _is_function(factor: Expr) -> bool:
    """Whether a factor is computed for more than the elements of any tensor that it reads: exp(-(x[n,c] - p[g])^2)."""
    read = accesses(factor)
    return len(read) > 1 and not factor.is_Add and all(factor.free_symbols - a.free_symbols for a in read)


def _tree(factors: Sequence[Expr], free: set[Symbol], extents: Extents) -> list[Node]:
    """The sums within the best order, the whole first."""
    left = [(frozenset([k]), frozenset(f.free_symbols & extents.keys())) for k, f in enumerate(factors)]
    _, order = best_order([own for _, own in left], free, lambda indices: volume(indices, extents))
    found: list[Node] = []
    seen = dict(left)
    for one, other in order:
        result = result_of([own for _, own in left], (one, other), frozenset(free))
        part = left[one][0] | left[other][0]
        own = frozenset().union(*(seen[frozenset([k])] for k in part))
        summed = tuple(v for v in extents if v in own - result)
        found += [Node(part, summed)] if summed else []
        left = [f for k, f in enumerate(left) if k not in (one, other)] + [(part, result)]
    return found[::-1]


class Sharing:
    """One round over the statements of a program."""

    def __init__(self, statements: Sequence[Statement], opened: Sequence[bool], made: Temporaries) -> None:
        self.statements, self.made = statements, made
        each = zip(statements, opened, strict=True)
        self.split = [(extents_of(s.term), *nodes(s.term)) if o else ({}, (), ()) for s, o in each]
        self.targets = Counter(s.target.name for s in statements)
        self.counts: Counter[Key] = Counter()
        for extents, factors, parts in self.split:
            self.counts.update({named_apart(_product(factors, n), n.summed, extents)[0] for n in parts})
        for statement, (extents, factors, parts) in zip(statements, self.split, strict=True):
            for node in parts:
                self._learn(statement, _product(factors, node), node.summed, extents)
        self.single = {s.target.name: s for s in statements if self.targets[s.target.name] == 1}
        self.defined = set().union(*(self._read(s) for s in statements)) - self.targets.keys()

    def rewritten(self) -> Iterator[tuple[Statement, tuple[Statement, ...], bool]]:
        """Every statement, and what takes its place: the tensors that are made for it, and itself as it reads them.

        And whether somebody else reads one of them.
        """
        early: set[str] = set()
        for statement, (extents, factors, parts) in zip(self.statements, self.split, strict=True):
            if statement.target.name in early:
                yield statement, (), False
                continue
            left = set(range(len(factors)))
            read: list[Expr] = []
            gone: set[Symbol] = set()
            before: list[Statement] = []
            several = False
            for node in parts:
                if not node.factors <= left:
                    continue
                body = _product(factors, node)
                found = self._tensor(statement, body, node, extents)
                if found is None:
                    continue
                several |= self.counts[named_apart(body, node.summed, extents)[0]] > 1
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
                yield statement, (statement,), False
                continue
            body = as_factors(statement.term).body
            scale = Mul(*(f for f in Mul.make_args(body) if f not in factors))
            term = replace(statement.term, guards=(), body=scale * Mul(*(factors[k] for k in sorted(left)), *read))
            yield statement, (*before, replace(statement, term=as_guards(term.without(*gone)))), several

    def _learn(self, statement: Statement, body: Expr, summed: Sequence[Symbol], extents: Extents) -> None:
        """A statement that computes nothing but a part has its value: it is read in place of a copy."""
        own = tuple(r.index for r in statement.term.free)
        if self.targets[statement.target.name] == 1 and body == as_factors(statement.term).body:
            key, free = named_apart(body, summed, extents)
            if set(free) == set(own):
                self.made.learn(key, free, Access(statement.target.name, *own))

    def _tensor(self, statement: Statement, body: Expr, node: Node, extents: Extents) -> Access | None:
        """The tensor that has the value of a part of a statement; None where there is no other use of it."""
        key, _ = named_apart(body, node.summed, extents)
        name = statement.target.name
        element = self.made.known.get(key)
        known = element.tensor if element is not None else None
        if known == name or (known is None and self.counts[key] < 2 and not node.alone):
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
