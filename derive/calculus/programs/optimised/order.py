"""The order in which a product of several is contracted, pair by pair: the one that takes the least, memory counted."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from itertools import combinations

from sympy import Symbol

ELEMENT = 8.0
"""What an element weighs that is read and written by itself, where a multiplication of a matrix product weighs 1."""

VECTOR = 4.0
"""What one weighs in products of matrices and vectors, where each number is read once."""

MOST = 5
"""Factors up to which every order is tried; of more of them the cheapest pair is the first."""

Indices = frozenset[Symbol]
Volume = Callable[[Iterable[Symbol]], float]
Pairs = tuple[tuple[int, int], ...]


def best_order(factors: Sequence[Collection[Symbol]], free: Collection[Symbol], volume: Volume) -> tuple[float, Pairs]:
    """What the best order takes, and its pairs.

    Args:
        factors: the indices of each.
        free: the indices of the result.
        volume: how many values indices have together.

    Returns:
        The work, and the places of each pair among the factors that are left then: what a pair makes is the last one.
    """
    known = lru_cache(maxsize=None)(lambda indices: volume(sorted(indices, key=str)))
    return _best(tuple(frozenset(f) for f in factors), frozenset(free), known)


def result_of(factors: Sequence[Indices], pair: tuple[int, int], free: Indices) -> Indices:
    """The indices of what a pair makes: those that the result or another factor has."""
    rest = [f for k, f in enumerate(factors) if k not in pair]
    return (factors[pair[0]] | factors[pair[1]]) & free.union(*rest)


def _best(factors: tuple[Indices, ...], free: Indices, volume: Callable[[Indices], float]) -> tuple[float, Pairs]:
    if len(factors) < 2:
        return 0.0, ()
    pairs = list(combinations(range(len(factors)), 2))
    if len(factors) > MOST:
        pairs = [min(pairs, key=lambda p: _step(factors, p, free, volume))]
    found: list[tuple[float, bool, Pairs]] = []
    for pair in pairs:
        result = result_of(factors, pair, free)
        left = (*(f for k, f in enumerate(factors) if k not in pair), result)
        later, others = _best(left, free, volume)
        outer = not (factors[pair[0]] | factors[pair[1]]) - result
        found.append((_step(factors, pair, free, volume) + later, outer, (pair, *others)))
    taken, _, order = min(found)
    return taken, order


def _step(
    factors: Sequence[Indices], pair: tuple[int, int], free: Indices, volume: Callable[[Indices], float]
) -> float:
    """What one pair takes: its multiplications, and the memory of what it makes, if that is not the result."""
    one, other = factors[pair[0]], factors[pair[1]]
    result = result_of(factors, pair, free)
    sums, apart = bool((one | other) - result), ((one - other) & result, (other - one) & result)
    weight = 1.0 if sums and all(apart) else VECTOR if sums else ELEMENT
    return weight * volume(one | other) + (ELEMENT * volume(result) if len(factors) > 2 else 0.0)
