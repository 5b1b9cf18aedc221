"""Sums over nothing in gradients: where a batch is empty, the slope by a weight is 0, also of a mean.

A summand may be divided by how many there are: Σ_{n} dy x[n]/N. Where N is 0, nothing is summed, and nothing divided by
it; programs divide once, outside of the sum.
"""

from collections.abc import Collection
from dataclasses import replace

from sympy import Add, Expr, Integer, Mul, Pow, Symbol

from gradscribe.derive.ir.index import at_least_one
from gradscribe.derive.ir.term import Access, Program, Statement, Term


def with_empty_sums(program: Program) -> Program:
    """The program with 1 for each divisor that is 0 only where nothing is summed.

    Args:
        program: what computes gradients, its statements in order.
    """
    extents = {r.extent for s in program.statements for r in s.term.bound if r.extent.is_Symbol}
    empty = {extent: _empty(program, extent) for extent in sorted(extents, key=str)}
    statements = []
    for s in program.statements:
        over = [extent for extent, tensors in empty.items() if _is_nothing(s.term, extent, tensors)]
        statements.append(replace(s, term=_divided(s.term, over)) if over else s)
    return replace(program, statements=tuple(statements))


def _empty(program: Program, extent: Expr) -> set[str]:
    """The tensors that are sums over nothing where an extent is 0."""
    found: set[str] = set()
    groups: dict[str, list[Statement]] = {}
    for statement in program.statements:
        groups.setdefault(statement.target.name, []).append(statement)
    for name, group in groups.items():
        if all(_is_nothing(s.term, extent, found) for s in group):
            found.add(name)
    return found


def _is_nothing(term: Term, extent: Expr, empty: Collection[str]) -> bool:
    """Whether a term is a sum over nothing where an extent is 0; a delta may say which value an index has."""
    told: set[Symbol] = set().union(*(delta.free_symbols for delta in term.deltas))
    bound = any(r.extent == extent and r.index not in told for r in term.bound)
    return term.is_sum and (bound or _vanishes(term.body, empty))


def _vanishes(e: Expr, empty: Collection[str]) -> bool:
    """Whether a value has a factor of these tensors in every summand."""
    if isinstance(e, Add | Mul):
        return (all if isinstance(e, Add) else any)(_vanishes(a, empty) for a in e.args)
    return isinstance(e, Access) and e.tensor in empty


def _divided(term: Term, extents: Collection[Expr]) -> Term:
    """The term with 1 for its divisors where they are 0, if they are where one of these extents is."""
    factors = Mul.make_args(term.body)
    divisors = [f for f in factors if isinstance(f, Pow) and f.exp.is_negative and _is_size(f.base, term)]
    if not any(f.base.xreplace({extent: Integer(0)}) == 0 for f in divisors for extent in extents):
        return term
    whole = Mul(*(1 / f for f in divisors if f.exp.is_integer))
    roots = (Pow(at_least_one(f.base), f.exp) for f in divisors if not f.exp.is_integer)
    rest = (f for f in factors if f not in divisors)
    return replace(term, body=Mul(*rest, *roots, 1 / at_least_one(whole)))


def _is_size(e: Expr, term: Term) -> bool:
    """Whether an expression is made of sizes alone."""
    symbols = e.free_symbols - set(term.indices)
    return bool(symbols) and symbols == e.free_symbols and not e.has(Access) and all(s.is_integer for s in symbols)
