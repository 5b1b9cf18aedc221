"""Brackets leave contractions: a product of matrices first, then a mask, then a product of matrices; or a running sum.

y[i,e] = sum(d,j) [j <= i] q[i,d] k[j,d] v[j,e]   is
a[i,j] = sum(d) q[i,d] k[j,d];  s[i,j] = [j <= i] a[i,j];  y[i,e] = sum(j) s[i,j] v[j,e]
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from sympy import Expr, Function, Mul, Pow, Symbol

from gradscribe.derive.calculus.passes.brackets import as_factors, as_guards
from gradscribe.derive.calculus.programs.optimised.running import running
from gradscribe.derive.calculus.programs.optimised.statement_work import Extents, extents_of, looked_up, ranges_of
from gradscribe.derive.calculus.programs.optimised.temporaries import Temporaries
from gradscribe.derive.ir.functions import Indicator
from gradscribe.derive.ir.term import Range, Term

MOST = 6
"""Factors up to which every way to divide them is tried."""


def without_conditions(term: Term, stem: str, made: Temporaries) -> Iterator[Term]:
    """The ways to compute a sum of a product whose brackets say more than one index; tensors before it go to `made`.

    Whoever takes no way, or another one, has to put `made` back.
    """
    found = as_factors(term)
    extents = extents_of(term)
    free, bound = ({r.index for r in ranges} for ranges in (term.free, term.bound))
    factors = Mul.make_args(found.body)
    brackets = [f for f in factors if isinstance(f, Indicator) and f.free_symbols & extents.keys()]
    asked = _seen(brackets, extents)
    if not brackets or not bound or any(looked_up(b, extents) is not None for b in brackets) or running(term):
        return
    apart = [
        f for f in factors if f not in brackets and not f.free_symbols & bound and not asked <= _seen([f], extents)
    ]
    rest = _by_indices((f for f in factors if f not in brackets and f not in apart), extents)
    scale = Mul(*apart)
    if not 1 <= len(rest) <= MOST or not bound <= _seen(rest, extents):
        return
    for size in range(len(rest) + 1):
        for chosen in combinations(range(len(rest)), size):
            first = [rest[k] for k in chosen]
            others = [f for k, f in enumerate(rest) if k not in chosen]
            way = _masked if asked <= _seen(first, extents) else _ran
            made_of = way(first, others, brackets, asked, free, extents, stem, made, term)
            if made_of is not None:
                yield as_guards(Term(term.free, made_of[1], scale * made_of[0]))


def _masked(
    first: list[Expr], others: list[Expr], brackets: list[Expr], asked: set[Symbol], free: set[Symbol],
    extents: Extents, stem: str, made: Temporaries, term: Term,
) -> tuple[Expr, tuple[Range, ...]] | None:  # fmt: skip
    """The product of `first` with the brackets as a tensor, and then the others."""
    kept = _seen(first, extents) & (free | _seen(others, extents) | asked)
    if any(asked <= _seen([f], extents) for f in others):
        return None  # it may be infinite just where the brackets do not hold
    if kept >= extents.keys():
        return None  # every summand would be stored, and no product of matrices is won
    covering = [f for f in first if asked <= _seen([f], extents) and _seen([f], extents) <= kept]
    product = [f for f in first if f not in covering]
    summed = [v for v in extents if v in _seen(product, extents) - kept]
    if any(set(summed) & _seen([f], extents) for f in covering):
        return None
    wild = [f for f in product if asked <= _seen([f], extents) and _is_computed(f)]
    product = [f for f in product if f not in wild] + [made.tensor(stem, Mul(f, *brackets), [], extents) for f in wild]
    inner = _sum(product, summed, extents, stem, made)
    if wild and not covering:  # it is 0 already
        return Mul(inner, *others), tuple(r for r in term.bound if r.index not in summed)
    body = Mul(*covering, inner, *brackets)
    if not others and not (_seen([body], extents) - free):
        return body, ()
    mask = made.tensor(stem, body, [], extents)
    left = [r for r in term.bound if r.index not in summed]
    return Mul(mask, *others), tuple(left)


def _is_computed(factor: Expr) -> bool:
    """Whether a factor may be infinite where the brackets do not hold: exp((j - i) g) is for j > i."""
    return bool(factor.atoms(Function, Pow) - factor.atoms(Indicator))


def _ran(
    first: list[Expr], others: list[Expr], brackets: list[Expr], asked: set[Symbol], free: set[Symbol],
    extents: Extents, stem: str, made: Temporaries, term: Term,
) -> tuple[Expr, tuple[Range, ...]] | None:  # fmt: skip
    """A running sum of the product of `first`, and then the others."""
    seen = _seen(first, extents)
    if len(asked) != 2 or len(asked & seen) != 1:
        return None
    (summed,) = asked & seen
    (place,) = asked - seen
    if summed in free or summed in _seen(others, extents) or not first:
        return None
    kept = seen & (free | _seen(others, extents) | asked)
    inner = _sum(first, [v for v in extents if v in seen - kept], extents, stem, made)
    wanted = [v for v in extents if v in (kept - {summed}) | {place}]
    run = Term(ranges_of(wanted, extents), ranges_of([summed], extents), Mul(inner, *brackets))
    if not running(run):
        return None
    left = tuple(r for r in term.bound if r.index in set(wanted) | _seen(others, extents))
    if not others and set(wanted) == free:
        return run.body, run.bound
    total = made.tensor(stem, run.body, [summed], extents)
    return Mul(total, *others), left


def _sum(factors: Sequence[Expr], summed: Sequence[Symbol], extents: Extents, stem: str, made: Temporaries) -> Expr:
    """The sum of a product: a tensor for each group of factors that share what is summed."""
    groups: list[tuple[set[Symbol], list[Expr]]] = []
    found = [f for f in factors if not f.free_symbols & set(summed)]
    for factor in factors:
        own = factor.free_symbols & set(summed)
        if not own:
            continue
        meeting = [g for g in groups if g[0] & own]
        groups = [g for g in groups if not g[0] & own]
        groups.append((own.union(*(g[0] for g in meeting)), [*(f for g in meeting for f in g[1]), factor]))
    found += [made.tensor(stem, Mul(*inner), [v for v in summed if v in own], extents) for own, inner in groups]
    return Mul(*found)


def _by_indices(factors: Iterable[Expr], extents: Extents) -> list[Expr]:
    """The factors, those with the same indices as one."""
    found: dict[frozenset[Symbol], list[Expr]] = {}
    for factor in factors:
        found.setdefault(frozenset(_seen([factor], extents)), []).append(factor)
    return [Mul(*group) for group in found.values()]


def _seen(factors: Sequence[Expr], extents: Extents) -> set[Symbol]:
    return set().union(*(f.free_symbols for f in factors)) & extents.keys()
