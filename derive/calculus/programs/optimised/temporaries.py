"""Tensors that rewrites make: one for one value, whatever its indices are called."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count

from sympy import Expr, Mul, Symbol

from gradscribe.derive.calculus.passes.brackets import as_guards
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term, accesses

Key = tuple[Expr, tuple[Expr, ...], tuple[Expr, ...]]


def named_apart(body: Expr, bound: Sequence[Symbol], extents: Mapping[Symbol, Expr]) -> tuple[Key, tuple[Symbol, ...]]:
    """What a sum computes, whatever its indices are called, and its free indices in the order of the result's axes."""
    return _named_apart(body, tuple(bound), tuple(extents.items()))


@lru_cache(maxsize=5_000)  # every round asks again for what no statement before it has changed
def _named_apart(
    body: Expr, bound: tuple[Symbol, ...], ranges: tuple[tuple[Symbol, Expr], ...]
) -> tuple[Key, tuple[Symbol, ...]]:
    extents = dict(ranges)
    order: dict[Symbol, None] = {}
    for access in accesses(body):
        for e in access.indices:
            order |= dict.fromkeys(v for v in sorted(e.free_symbols & extents.keys(), key=str))
    order |= dict.fromkeys(v for v in sorted(body.free_symbols & extents.keys(), key=str))
    free = tuple(v for v in order if v not in bound)
    summed = tuple(v for v in order if v in bound)
    names = _free(free) | {v: integer(f"bound{k}") for k, v in enumerate(summed)}
    return (body.xreplace(names), tuple(extents[v] for v in free), tuple(extents[v] for v in summed)), free


def _free(indices: Sequence[Symbol]) -> dict[Symbol, Symbol]:
    """What free indices are called in a key."""
    return {v: integer(f"free{k}") for k, v in enumerate(indices)}


class Temporaries:
    """The tensors made so far; a trial that is given up leaves none."""

    def __init__(self, program: Program) -> None:
        self.taken = program.names()
        self.shapes = {name: tensor.shape for name, tensor in program.tensors.items()}
        self.known: dict[Key, Access] = {}
        self.made: list[Statement] = []

    def learn(self, key: Key, free: Sequence[Symbol], element: Access) -> None:
        """An element of the program has that value, at these indices, which its axes may have in another order."""
        self.known.setdefault(key, element.xreplace(_free(free)))

    def tensor(self, stem: str, body: Expr, bound: Sequence[Symbol], extents: Mapping[Symbol, Expr]) -> Access:
        """The sum of `body` over `bound`, read from the tensor that has it."""
        key, free = named_apart(body, bound, extents)
        if key not in self.known:
            name = next(n for n in _names(stem) if n not in self.taken)
            self.taken.add(name)
            self.learn(key, free, Access(name, *free))
            ranges = tuple(Range(v, extents[v]) for v in free)
            summed = tuple(Range(v, extents[v]) for v in bound)
            term = as_guards(Term(ranges, summed, Mul(body)))
            self.shapes[name] = tuple(r.extent for r in ranges)
            self.made.append(Statement(Tensor(name, self.shapes[name]), term))
        return self.known[key].xreplace({name: v for v, name in _free(free).items()})

    def take(self) -> tuple[Statement, ...]:
        """What was made since it was asked last."""
        found, self.made = tuple(self.made), []
        return found

    def state(self) -> tuple[set[str], dict[Key, Access], int]:
        """What `back_to` takes."""
        return set(self.taken), dict(self.known), len(self.made)

    def back_to(self, state: tuple[set[str], dict[Key, Access], int]) -> None:
        """Forget what was made since."""
        self.taken, self.known = set(state[0]), dict(state[1])
        del self.made[state[2] :]


def _names(stem: str) -> Iterator[str]:
    return (f"{stem}_sum{k}" for k in count(1))
