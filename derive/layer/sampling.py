"""Random admissible sizes and tensors for a layer or a program: small, and with every awkward case among them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import sympy
from sympy import Expr, Integer, Symbol
from sympy.codegen.cfunctions import log1p

from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import bounds as affine_bounds
from gradscribe.derive.ir.index import floordiv
from gradscribe.derive.ir.interpret.plain import complete_sizes, number, shape_of
from gradscribe.derive.ir.term import EquationError, Program, Term, accesses
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.interval import FINITE

if TYPE_CHECKING:
    import numpy as np

A = TypeVar("A")


class Draws(Protocol):
    """A source of randomness, as NumPy's generators are."""

    def integers(self, low: int, high: int, /) -> Any:
        """An integer from `low` to below `high`."""

    def uniform(self, low: float, high: float, /) -> Any:
        """A real number between two."""


class Dice:
    """Random numbers without NumPy, the same for the same seed, by the one method that Python never changes."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random

    def integers(self, low: int, high: int) -> int:
        """An integer from `low` to below `high`."""
        return low + int((high - low) * self._random())

    def uniform(self, low: float, high: float) -> float:
        """A real number between two."""
        return low + (high - low) * self._random()

    def shuffled(self, count: int) -> list[int]:
        """The integers from 0 to below `count`, in any order."""
        return sorted(range(count), key=lambda _: self._random())


class TooLargeError(EquationError):
    """No admissible sizes are small enough for the oracle."""


Size = Any
"""An int, or a float for a real number."""
TRIES = 2_000
STRETCH = 200
"""After so many tries in vain spaces become larger and the windows on them smaller: one may stand on another."""
LARGEST = 4_000_000
SIZES = (1, 3)
"""The least and the greatest size that is drawn, where nothing else is said."""
LOWEST = -100
"""The least value that is drawn for an option that may be negative."""


def sample_sizes(
    source: Layer | Program,
    rng: Draws,
    *,
    mapping: Mapping[Symbol, Expr] | None = None,
    fixed: Mapping[Symbol, Size] | None = None,
    terms: Sequence[Term] = (),
    limit: int = 200_000,
) -> dict[Symbol, Size]:
    """Values for every size symbol but the derived ones, such that derived extents are >= 1 and requirements hold.

    Extent 1, strides greater than the kernel, dilation, padding and remainders all occur.

    Args:
        source: a layer, whose options bound their symbols, or a program.
        rng: the source of randomness.
        mapping: what a displayed layer's symbols were replaced by.
        fixed: symbols with a prescribed value.
        terms: terms whose index boxes should not exceed `limit` points.
        limit: see `terms`; where prescribed sizes need more, the limit grows up to `LARGEST`. A larger one is kept.

    Raises:
        TooLargeError: when no admissible sizes are found.
    """
    program = source.program if isinstance(source, Layer) else source
    options = source.options if isinstance(source, Layer) else ()
    requirements = [e for r in source.requirements for e in r.expressions] if isinstance(source, Layer) else []
    symbols = open_symbols(program, [*requirements])
    limits = bounds(program, options, dict(mapping or {}))
    boxes = index_boxes(program, terms)
    spaces = _spaces(program) | (_needed(program, requirements) - set(limits))
    while True:
        for attempt in range(TRIES):
            stretched = _stretched(limits, spaces, 1 + attempt // STRETCH)
            sizes = {s: (fixed or {}).get(s, _draw(s, stretched, rng)) for s in symbols}
            if admissible(program, sizes, requirements, boxes, limit):
                return sizes
        if limit >= LARGEST:
            break
        limit = min(10 * limit, LARGEST)
    raise TooLargeError(f"no admissible sizes found for {', '.join(s.name for s in symbols)}")


def sample_values(
    program: Program, sizes: Mapping[Symbol, Size], rng: "np.random.Generator", tied: bool = False
) -> "dict[str, np.ndarray]":
    """A random array for every input; integer tensors stay below the extent of the index they are compared with.

    Real numbers are normal, or from 0 to 1 where the program is undefined on normal ones (the log of probabilities).

    Args:
        program: whose inputs are drawn.
        sizes: every size that is not derived.
        rng: the source of randomness.
        tied: draw whole numbers, so that maxima are attained more than once, brackets meet their borders and kinks
            their corners; not where the program is undefined on them.
    """
    import numpy as np

    from gradscribe.derive.ir.interpret import interpret

    def labels(low: int, high: int, shape: tuple[int, ...], integer: bool) -> np.ndarray:
        found = rng.integers(low, high + 1, shape)
        return found if integer else found.astype(float)

    known = complete_sizes(program, sizes)
    if tied:
        whole = drawn(program, known, lambda shape: np.rint(rng.normal(size=shape)), labels)
        if all(np.isfinite(v).all() for v in interpret(program, whole, sizes).values()):
            return whole
    values = drawn(program, known, lambda shape: rng.normal(size=shape), labels)
    if _has_domain(program) and any(np.isnan(v).any() for v in interpret(program, values, sizes).values()):
        return drawn(program, known, lambda shape: rng.uniform(0.05, 0.95, size=shape), labels)
    return values


def _has_domain(program: Program) -> bool:
    """Whether a statement may be undefined on some numbers: it has a logarithm or a root."""
    bodies = [s.term.body for s in program.statements]
    roots = (p for body in bodies for p in body.atoms(sympy.Pow) if not p.exp.is_Integer)
    return any(body.has(sympy.log, log1p) for body in bodies) or any(True for _ in roots)


def drawn(
    program: Program,
    known: Mapping[Symbol, Size],
    draw: Callable[[tuple[int, ...]], A],
    labels: Callable[[int, int, tuple[int, ...], bool], A],
) -> dict[str, A]:
    """An array for every input of a program.

    Args:
        program: whose inputs are drawn.
        known: all sizes.
        draw: real numbers of a shape.
        labels: what is compared with an index, whether declared as integers or not: from the least to the greatest
            one, of a shape, as integers or not.
    """
    values: dict[str, A] = {}
    for tensor in program.inputs:
        shape, limits = shape_of(tensor.shape, known), label_limits(program, tensor.name, known)
        if tensor.integer or limits is not None:
            low, high = limits or (0, 2)
            values[tensor.name] = labels(low, max(low, high), shape, tensor.integer)
        else:
            values[tensor.name] = draw(shape)
    return values


def label_limits(program: Program, name: str, known: Mapping[Symbol, Size]) -> tuple[int, int] | None:
    """The least and the greatest label of the tensor `name` that every index it is compared with can be.

    None where it is compared with no index. Labels that are added up get equal shares. A tensor of real numbers may
    hold labels, too: it would never be equal to an index otherwise.
    """
    found: list[tuple[int, int]] = []
    for term in (s.term for s in program.statements):
        extents = {r.index: r.extent for r in term.ranges}
        for bracket in sorted(term.body.atoms(equal), key=str):
            for index, label in (bracket.args, bracket.args[::-1]):
                read = accesses(label)
                own = [a for a in read if a.tensor == name]
                if index in extents and own:
                    rest = sympy.expand(label.xreplace(dict.fromkeys(read, Integer(0))))
                    ends = affine_bounds(rest, extents)
                    step = sympy.expand(label.xreplace({a: Integer(a == own[0]) for a in read}) - rest)
                    if ends is not None:
                        low, high, last = (number(e, known) for e in (*ends, extents[index] - 1))
                        share = len(read) * number(step, known)
                        limits = (-low, last - high) if share > 0 else (high - last, low)
                        found.append((-(-limits[0] // abs(share)), limits[1] // abs(share)))
    return (max(low for low, _ in found), min(high for _, high in found)) if found else None


def open_symbols(program: Program, requirements: Sequence[Expr]) -> tuple[Symbol, ...]:
    """The symbols that a program and requirements leave open: all but the derived extents."""
    derived = {symbol for symbol, _ in program.sizes}
    found = program.symbols().union(*(e.free_symbols for e in requirements)) - derived
    return tuple(sorted(found, key=lambda s: s.name))


def bounds(
    program: Program, options: Sequence[Option], mapping: Mapping[Symbol, Expr]
) -> dict[Symbol, tuple[Size, Size]]:
    """Lowest and highest value per symbol; a range of floats stands for a real number."""
    windowed = {s for _, e in program.sizes for q in e.atoms(floordiv) for s in q.args[0].free_symbols}
    windowed |= {s for _, e in program.sizes if _is_plain(e) for s in e.free_symbols}
    found: dict[Symbol, tuple[Size, Size]] = dict.fromkeys(windowed, (1, 8))
    for option in options:
        high = {Kind.PADDING: 2, Kind.COUNT: 2, Kind.FLAG: 1}.get(option.kind, 4 if len(option.symbols) > 1 else 3)
        limits = option.values or FINITE
        low = 0 if option.kind is Kind.FLAG else max(option.minimum, LOWEST)
        high = int(min(high, limits.high)) if low >= 0 else -1  # a label that is ignored: were all, 0/0 would be left
        for symbol in option.symbols:
            shown = mapping.get(symbol, symbol)
            if isinstance(shown, Symbol):
                found[shown] = limits.within(0.5, 2.0) if option.kind is Kind.NUMBER else (low, max(low, high))
    return found


def _is_plain(definition: Expr) -> bool:
    """Whether an extent is a sum of sizes, such as H - R + 1."""
    return all(m.is_Symbol or m == 1 for m in definition.as_coefficients_dict())


def _spaces(program: Program) -> set[Symbol]:
    """The sizes that windows are laid on: those that a derived extent grows with."""
    parts: list[Expr] = []
    for _, definition in program.sizes:
        parts += [q.args[0] for q in definition.atoms(floordiv)] if definition.has(floordiv) else [definition]
    return _growing(parts)


def _needed(program: Program, requirements: Sequence[Expr]) -> set[Symbol]:
    """The sizes that requirements hold for when they are large, and those of axes that lookups have to meet."""
    looked: list[Expr] = []
    for term in (s.term for s in program.statements):
        sides = {side for bracket in term.body.atoms(equal) for side in bracket.args}
        looked += [r.extent for r in term.ranges if r.index in sides]
    return _growing([*requirements, *looked])


def _growing(parts: Sequence[Expr]) -> set[Symbol]:
    """The symbols that sums grow with."""
    counts = (sympy.expand(part).as_coefficients_dict().items() for part in parts)
    return {m for found in counts for m, c in found if m.is_Symbol and c > 0}


def _stretched(
    limits: Mapping[Symbol, tuple[Size, Size]], spaces: set[Symbol], factor: int
) -> Mapping[Symbol, tuple[Size, Size]]:
    """Larger spaces and smaller windows; real numbers stay."""
    if factor == 1:
        return limits
    return {
        s: (low, high * factor if s in spaces else max(low, min(high, 2), high // factor))
        if isinstance(low, int)
        else (low, high)
        for s, (low, high) in {**dict.fromkeys(sorted(spaces, key=str), SIZES), **limits}.items()
    }


def _draw(symbol: Symbol, limits: Mapping[Symbol, tuple[Size, Size]], rng: Draws) -> Size:
    low, high = limits.get(symbol, SIZES if symbol.is_integer else (0.5, 2.0))
    if isinstance(low, float):
        return float(rng.uniform(low, high))
    return int(rng.integers(low, high + 1))


@dataclass(frozen=True)
class Boxes:
    """The numbers of points of index boxes: for each a factor, and the extents that it is multiplied by."""

    extents: tuple[Expr, ...]
    products: tuple[tuple[int, tuple[int, ...]], ...]

    def most(self, sizes: Mapping[Symbol, Size]) -> int:
        """How many points the largest one has."""
        found = [number(e, sizes) for e in self.extents]
        return max((factor * prod([found[k] for k in others]) for factor, others in self.products), default=0)


def index_boxes(program: Program, terms: Sequence[Term] = ()) -> Boxes:
    """Those of terms and of a program; of boxes that differ by a number only the largest."""
    places: dict[Expr, int] = {}
    products: dict[tuple[int, ...], int] = {}
    for term in (*terms, *(s.term for s in program.statements)):
        open_ = [r.extent for r in term.ranges if not r.extent.is_Integer]
        others = tuple(sorted(places.setdefault(e, len(places)) for e in open_))
        factor = prod(int(r.extent) for r in term.ranges if r.extent.is_Integer)
        products[others] = max(factor, products.get(others, 0))
    return Boxes(tuple(places), tuple((factor, others) for others, factor in products.items()))


def admissible(
    program: Program,
    sizes: Mapping[Symbol, Size],
    requirements: Sequence[Expr],
    boxes: Boxes,
    limit: int,
) -> bool:
    """Whether derived extents are at least 1, requirements hold and no index box has more than `limit` points."""
    known = dict(sizes)
    if any(number(e, known) < 0 for e in requirements if e.free_symbols <= set(known)):
        return False  # before anything is divided by it
    for symbol, expression in program.sizes:
        known[symbol] = number(expression, known)
        if known[symbol] < 1:
            return False
    if any(number(e, known) < 0 for e in requirements):
        return False
    if boxes.most(known) > limit or any(number(e, known) < 0 for e in boxes.extents):
        return False
    limits = (label_limits(program, t.name, known) for t in program.inputs if t.integer)
    return not any(found is not None and found[0] > found[1] for found in limits)
