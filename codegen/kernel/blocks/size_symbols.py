"""The numbers that places of a block differ in -> symbols, called after the axes of the layers' own equations.

An extent is a symbol. Any other number is one too, or a product of extents of neighbouring axes: a mean over an image
divides by H*W. What is put in at a place is always the number that stood there, whatever it is a product of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import sympy
from sympy import Expr, Integer, Mul, Rational, Symbol

from gradscribe.codegen.kernel.blocks.block_kernel import BlockKernel
from gradscribe.codegen.kernel.blocks.places import Place
from gradscribe.codegen.kernel.blocks.unify import UnlikeError, Use, Vector
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.index import integer

AREA = 3
"""Axes from which on an array is an image: the product of neighbouring ones is an area, or what is flattened."""


@dataclass
class Sizes:
    """Grows while numbers are looked up: `symbols` are those that stand for some.

    Attributes:
        words: what the layers' own equations call a size, or its setting.
        areas: products of neighbouring axes, with the extents that they are products of.
        taken: names that no symbol may have.
        flattened: the extents of axes into which others were flattened.
        symbols: the numbers -> the symbol.
    """

    words: Mapping[Vector, str]
    areas: Mapping[Vector, tuple[Expr | Vector, ...]]
    taken: set[str]
    flattened: frozenset[Vector] = frozenset()
    symbols: dict[Vector, Symbol] = field(default_factory=dict)

    def __call__(self, vector: Vector, use: Use) -> Expr:
        """What stands for a number at all places.

        Raises:
            UnlikeError: for a fraction that is none of sizes, and where signs differ.
        """
        sign = -1 if all(n.is_negative for n in vector) else 1
        amount = tuple(sign * n for n in vector)
        known = amount in self.words and amount not in self.flattened
        if not known and amount in self.areas:
            return sign * self._area(amount)
        found = self._fraction(vector) if use is Use.VALUE and not known else None
        if found is not None:
            return found
        if not all(n.is_Integer and n.is_nonnegative for n in amount):
            raise UnlikeError(f"{vector}: expected natural numbers or fractions of sizes")
        return sign * self._symbol(amount)

    def numbers(self, place: int) -> dict[Symbol, Integer]:
        """What the symbols are at a place."""
        return {symbol: vector[place] for vector, symbol in self.symbols.items()}

    def _symbol(self, amount: Vector) -> Symbol:
        if amount not in self.symbols:
            word = self.words.get(amount, "size")
            numbered = (f"{word}{k}" if k > 1 else word for k in range(1, len(self.taken) + 3))
            name = next(n for n in numbered if n not in self.taken)
            self.taken.add(name)
            self.symbols[amount] = integer(name)
        return self.symbols[amount]

    def _area(self, amount: Vector) -> Expr:
        return Mul(*(self._symbol(e) if isinstance(e, tuple) else e for e in self.areas[amount]))

    def _fraction(self, vector: Vector) -> Expr | None:
        """The simplest fraction of an area or of one size, or with one below; None where it is none."""
        found: list[tuple[Rational, Vector, int]] = []
        for amount in (*self.areas, *self.words):
            for power in (1, -1):
                factors = {n / m**power for n, m in zip(vector, amount, strict=True)} if all(amount) else set()
                found += [(factor, amount, power) for factor in factors if len(factors) == 1]
        if not found:
            return None
        factor, amount, power = min(found, key=lambda f: (abs(f[0].p) * f[0].q, f[2] < 0))
        base = self._area(amount) if amount in self.areas else self._symbol(amount)
        return factor * base**power


def size_symbols(
    found: Sequence[Place], kernels: Sequence[Sequence[BlockKernel]], network: Network, source: Network
) -> Sizes:
    """The sizes of places that are alike but for numbers.

    Args:
        found: the places.
        kernels: what the network's functions compute at each.
        network: the network.
        source: the network with symbols for its sizes.
    """
    taken = {name for kernel in kernels[0] for name in kernel.program.names()}
    return Sizes(_words(found, network), _areas(kernels), taken, _raveled(found, network, source))


def _words(found: Sequence[Place], network: Network) -> dict[Vector, str]:
    """What sizes are called in the equations of the layers that they are sizes of, then the settings of layers."""
    words: dict[Vector, str] = {}
    rows = [[*_named(place, network)] for place in found]
    for column in zip(*rows, strict=True):
        vector, word = tuple(number for number, _ in column), column[0][1]
        if word and len(set(vector)) > 1 and all(n.is_Integer for n in vector):
            words.setdefault(vector, word)
    return words


def _named(place: Place, network: Network) -> Iterator[tuple[Expr, str]]:
    """The sizes of a place: every extent of every layer's tensors in order, then settings."""
    nodes = [node for node in network.nodes if node.instance == place.name]
    results, tensors = dict(network.results), network.program.tensors
    own = {(p.node, p.name): t for t, p in network.parts}
    for node in nodes:
        program, options = node.layer.program, {s for o in node.layer.options for s in o.symbols}
        given = {t.name: results.get(i, i) for t, i in zip(program.inputs, node.inputs, strict=False)}
        for name, tensor in program.tensors.items():
            there = tensors.get(given.get(name) or own.get((node.name, name), ""))
            if there is not None and len(there.shape) == len(tensor.shape):
                for extent, number in zip(tensor.shape, there.shape, strict=True):
                    called = sorted(s.name for s in extent.free_symbols - options)
                    yield number, called[0] if len(called) == 1 else ""
    for node in nodes:
        yield from ((Integer(value), word) for word, value in node.settings if type(value) is int)


def _raveled(found: Sequence[Place], network: Network, source: Network) -> frozenset[Vector]:
    """The extents that are products of several sizes in the equations."""
    numbers, symbols = network.program.tensors, source.program.tensors
    return frozenset(
        tuple(numbers[place.tensors[own]].shape[axis] for place in found)
        for own, name in found[0].tensors.items()
        if name in symbols
        for axis, extent in enumerate(symbols[name].shape)
        if extent.is_Mul and len(extent.free_symbols) > 1
    )


def _areas(kernels: Sequence[Sequence[BlockKernel]]) -> dict[Vector, tuple[Expr | Vector, ...]]:
    """Products of neighbouring axes of images."""
    areas: dict[Vector, tuple[Expr | Vector, ...]] = {}
    for versions in zip(*kernels, strict=True):
        weights = {*versions[0].weights, *versions[0].state}
        for name, tensor in versions[0].program.tensors.items():
            if len(tensor.shape) >= AREA and name not in weights:
                shapes = [v.program.tensors[name].shape for v in versions]
                for vector, run in _runs([tuple(axis) for axis in zip(*shapes, strict=True)]):
                    areas.setdefault(vector, run)
    return areas


def _runs(axes: Sequence[tuple[Expr, ...]]) -> Iterator[tuple[Vector, tuple[Expr | Vector, ...]]]:
    for first, last in combinations(range(len(axes) + 1), 2):
        run = axes[first:last]
        if len(run) > 1 and all(e.is_Integer for axis in run for e in axis):
            vector = tuple(sympy.prod(numbers) for numbers in zip(*run, strict=True))
            if len(set(vector)) > 1:
                yield vector, tuple(_differing(run))


def _differing(run: Iterable[tuple[Expr, ...]]) -> Iterator[Expr | Vector]:
    """The axes of a run: what differs as its numbers, the rest as it is."""
    for axis in run:
        yield axis if len(set(axis)) > 1 else axis[0]
