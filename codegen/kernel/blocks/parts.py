"""The programs of a network's functions in parts: those of places that functions share, and the network's own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

from sympy import Integer, Symbol

from gradscribe.codegen.kernel.blocks.block_kernel import (
    BlockKernel,
    Whole,
    block_kernel,
    held,
    read,
    summed_first,
    written,
)
from gradscribe.codegen.kernel.blocks.places import Place
from gradscribe.codegen.kernel.blocks.size_symbols import size_symbols
from gradscribe.codegen.kernel.blocks.unify import UnlikeError, put, skeleton, unified
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.term import Statement


@dataclass(frozen=True)
class Part:
    """Consecutive statements of the network's own."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class PlacedPart(Part):
    """The statements of a place, which a function computes.

    Attributes:
        place: the place.
        kernel: what the function computes.
        sizes: what its sizes are at this place.
    """

    place: Place
    kernel: BlockKernel
    sizes: Mapping[Symbol, Integer]


@dataclass(frozen=True)
class Alike:
    """Places that every one of the network's functions computes alike, but for names and numbers.

    Attributes:
        places: the places.
        kernels: what each of the functions computes there.
        sizes: what their sizes are, by place.
    """

    places: tuple[Place, ...]
    kernels: tuple[BlockKernel, ...]
    sizes: tuple[Mapping[Symbol, Integer], ...]


def alike(found: Sequence[Place], functions: Sequence[Whole], network: Network, source: Network) -> list[Alike]:
    """The places that share functions, together.

    None where one reads what it gave back from outside, so that they have no order.

    Args:
        found: the places of the network.
        functions: the network's functions forward, predict and backward, and its equations.
        network: the network.
        source: the network with symbols for its sizes.
    """
    kernels: dict[Place, tuple[BlockKernel, ...]] = {}
    for place in found:
        kept = held(place, functions[0], functions[2])
        computed = [block_kernel(function, place, kept) for function in functions]
        if all(computed):
            kernels[place] = tuple(k for k in computed if k is not None)
    groups: dict[str, list[Place]] = {}
    for place, computed_there in kernels.items():
        groups.setdefault(skeleton(computed_there), []).append(place)
    apart = {place.name for place in kernels}
    in_order = all(_ordered(f.program.statements, _groups(f, apart)) is not None for f in functions)
    return [a for group in groups.values() for a in _alike(group, kernels, network, source)] if in_order else []


def _alike(
    group: Sequence[Place], kernels: Mapping[Place, tuple[BlockKernel, ...]], network: Network, source: Network
) -> list[Alike]:
    """Places that differ in numbers at most as one; those without any difference where a number is no size."""
    versions = [kernels[place] for place in group]
    standing = size_symbols(group, versions, network, source)
    try:
        shared = unified(versions, standing)
    except UnlikeError:
        return _equal(group, kernels)
    numbers = tuple(standing.numbers(k) for k in range(len(group)))
    exact = all(put(shared, own) == version for own, version in zip(numbers, versions, strict=True))
    return [Alike(tuple(group), shared, numbers)] if exact else _equal(group, kernels)


def _equal(group: Sequence[Place], kernels: Mapping[Place, tuple[BlockKernel, ...]]) -> list[Alike]:
    equal: dict[tuple[BlockKernel, ...], list[Place]] = {}
    for place in group:
        equal.setdefault(kernels[place], []).append(place)
    return [Alike(tuple(places), shared, tuple({} for _ in places)) for shared, places in equal.items()]


def parts(number: int, function: Whole, groups: Sequence[Alike]) -> tuple[Part, ...]:
    """A program in parts, in an order in which each comes after what it reads.

    Args:
        number: which of the network's functions it is.
        function: the program.
        groups: the places that have parts of their own.
    """
    placed = {
        place.name: (place, group.kernels[number], own)
        for group in groups
        for place, own in zip(group.places, group.sizes, strict=True)
    }
    statements, together = function.program.statements, _groups(function, set(placed))
    order = _ordered(statements, together)
    assert order is not None  # or they would not be apart
    made: list[Part] = []
    for numbers in (together[k] for k in order):
        own, where = tuple(statements[n] for n in numbers), function.homes[numbers[0]]
        if where in placed:
            made.append(PlacedPart(own, *placed[where]))
        elif made and not isinstance(made[-1], PlacedPart):
            made[-1] = Part((*made[-1].statements, *own))
        else:
            made.append(Part(own))
    return tuple(replace(part, statements=summed_first(part.statements)) for part in made)


def _groups(function: Whole, apart: Collection[str]) -> list[list[int]]:
    """The numbers of statements that stay together: those of each of the places `apart`, every other one alone."""
    found: list[list[int]] = []
    mine: dict[str, list[int]] = {}
    for number, where in enumerate(function.homes):
        if where in mine:
            mine[where].append(number)
        else:
            found.append([number])
            if where in apart:
                mine[where] = found[-1]
    return found


def _ordered(statements: Sequence[Statement], groups: Sequence[Sequence[int]]) -> list[int] | None:
    """The groups so that each comes after what it reads, otherwise as they stand; None where they read each other."""
    owner = {number: k for k, numbers in enumerate(groups) for number in numbers}
    before: list[set[int]] = [set() for _ in groups]
    writers: dict[str, list[int]] = {}
    for number, statement in enumerate(statements):
        for name in (*read(statement), *written(statement)):
            before[owner[number]] |= {owner[w] for w in writers.get(name, ())} - {owner[number]}
        for name in written(statement):
            writers.setdefault(name, []).append(number)
    after: list[list[int]] = [[] for _ in groups]
    for k, needed in enumerate(before):
        for other in needed:
            after[other].append(k)
    waiting = [len(needed) for needed in before]
    ready = [k for k, count in enumerate(waiting) if not count]
    heapify(ready)
    order = []
    while ready:
        k = heappop(ready)
        order.append(k)
        for other in after[k]:
            waiting[other] -= 1
            if not waiting[other]:
                heappush(ready, other)
    return order if len(order) == len(groups) else None
