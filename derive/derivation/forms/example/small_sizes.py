"""The smallest sizes that show what a layer does, and whole numbers for its inputs; nothing is random.

Windows are 2 wide and slide over 4 elements; what is neither has 1 element where there are windows, else 2 or 3.
Options have their defaults. Where the layer does not admit that, the next sizes are tried.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice, product
from math import prod
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from gradscribe.derive.ir.index import IntegerFunction
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from gradscribe.derive.ir.term import Access, Program, accesses
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.sampling import Size, admissible, drawn, index_boxes, open_symbols

SPACE, KERNEL = (4, 5, 3, 6, 2), (2, 3, 1)
TRIES, POINTS, LARGEST = 4_000, 200_000, 64
"""Choices of sizes that are tried; elements that sums may run over; numbers that a tensor may have."""
Draw = Callable[[tuple[int, ...]], np.ndarray]


def small_sizes(program: Program, layer: Layer, mapping: Mapping[Symbol, Any]) -> dict[Symbol, Size] | None:
    """A value for every size and parameter that is not derived; None where no small one is admissible.

    Args:
        program: the forward equations.
        layer: the layer, as displayed.
        mapping: what the symbols of the layer's definition were replaced by.
    """
    requirements = [e for r in layer.requirements for e in r.expressions]
    boxes = index_boxes(program)
    choices = _choices(program, layer, mapping, open_symbols(program, requirements))
    for values in islice(_by_distance(list(choices.values())), TRIES):
        sizes = dict(zip(choices, values, strict=True))
        if _is_small(program, sizes) and admissible(program, sizes, requirements, boxes, POINTS):
            return sizes
    return None


def _is_small(program: Program, sizes: Mapping[Symbol, Size]) -> bool:
    """Whether every tensor can be printed."""
    known = complete_sizes(program, sizes)
    return all(prod(shape_of(t.shape, known)) <= LARGEST for t in program.tensors.values())


def _choices(
    program: Program, layer: Layer, mapping: Mapping[Symbol, Any], symbols: Sequence[Symbol]
) -> dict[Symbol, Sequence[Size]]:
    """What each symbol may be, the best first."""
    options = {mapping.get(s, s): o for o in layer.options for s in o.symbols}
    wide, windows = _slid(program, {*options, *(e for w in layer.weights for e in program.tensors[w].shape)})
    batches = {t.shape[0] for t in program.inputs if len(t.shape) > 2}
    batches |= {t.shape[-1] for t in program.inputs if len(t.shape) > 3}
    found: dict[Symbol, Sequence[Size]] = {}
    turn = (2, 3, 1), (3, 2, 1)
    for symbol in symbols:
        option = options.get(symbol)
        if option is not None and (option.kind is not Kind.SIZE or isinstance(option.default, int)):
            found[symbol] = _of_option(option)
        elif symbol in wide:
            found[symbol] = SPACE
        elif symbol in windows or option is not None:
            found[symbol] = KERNEL
        elif wide or symbol in batches:
            found[symbol] = (1, 2, 3)
        else:
            found[symbol] = turn[len(found) % 2]
    return found


def _slid(program: Program, kernels: Collection[Expr]) -> tuple[set[Expr], set[Expr]]:
    """The extents of axes that windows slide along, and those of the windows.

    An index such as s*i + d*r is one of a window, where no coefficient is itself an extent, as in digits K*g + k. Where
    the window is written to, its own extents are those of `kernels`.
    """
    wide: set[Expr] = set()
    narrow: set[Expr] = set()
    for term in (s.term for s in program.statements):
        extents = {r.index: r.extent for r in term.ranges}
        read = [(e, extent) for a in accesses(term.body) for e, extent in _axes(a, program)]
        for form, axis in (*read, *((delta, None) for delta in term.deltas)):
            indices = [v for v in term.indices if v in form.free_symbols]
            scales = form.free_symbols - set(indices)
            pair = axis is None and len(indices) == 2 and not scales  # the target's axis has an index of its own
            if (
                form.has(IntegerFunction)
                or len(indices) < 2
                or pair
                or scales & set().union(*(extents[v].free_symbols for v in extents))
            ):
                continue
            own = {extents[v] for v in indices}
            taps = (
                {extents[r.index] for r in term.bound if r.index in indices} if axis is not None else own & set(kernels)
            )
            wide |= ({axis} if axis is not None else own) - taps
            narrow |= taps
    return wide - narrow, narrow


def _axes(access: Access, program: Program) -> Iterator[tuple[Expr, Expr]]:
    return zip(access.indices, program.tensors[access.tensor].shape, strict=True)


def _of_option(option: Option) -> Sequence[Size]:
    if option.kind is Kind.NUMBER:
        low, high = option.values.within(0.25, 1.0) if option.values is not None else (0.25, 1.0)
        return (option.default,) if isinstance(option.default, int | float) else ((low + high) / 2,)
    default = int(option.default) if isinstance(option.default, int) else option.minimum + 1
    return tuple(dict.fromkeys((default, option.minimum, option.minimum + 1, 2)))


def _by_distance(choices: Sequence[Sequence[Size]]) -> Iterator[tuple[Size, ...]]:
    """Every combination, those first that are best for most symbols; of many symbols few choices each."""
    most = next((n for n in (5, 4, 3, 2) if n ** len(choices) <= 50_000), 1)
    few = [c[:most] for c in choices]
    places = sorted(product(*(range(len(c)) for c in few)), key=lambda p: (sum(p), p))
    return (tuple(c[n] for c, n in zip(few, place, strict=True)) for place in places)


def whole_values(program: Program, sizes: Mapping[Symbol, Size]) -> dict[str, np.ndarray] | None:
    """Numbers for the inputs at which every result is finite: whole ones if there are any, or tenths.

    Where an extremum is taken all numbers of a tensor differ, so that there are no ties.
    """
    known = complete_sizes(program, sizes)
    ranked = any(s.term.reduction.selects for s in program.statements)
    for draw in _draws(ranked):
        values = drawn(program, known, draw, np.random.default_rng(0))
        if all(np.isfinite(v).all() for v in interpret(program, values, sizes).values()):
            return values
    return None


def _draws(ranked: bool) -> Iterator[Draw]:
    rng = np.random.default_rng(0)
    if ranked:
        yield lambda shape: rng.permutation(int(np.prod(shape))).reshape(shape).astype(float)
    yield lambda shape: small_numbers(shape, rng)
    yield lambda shape: rng.integers(1, 5, shape).astype(float)
    yield lambda shape: rng.integers(1, 10, shape) / 10


def small_numbers(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """From -2 to 3."""
    return rng.integers(-2, 4, shape).astype(float)


def seeds(tensors: Mapping[str, Any], sizes: Mapping[Symbol, Size]) -> dict[str, np.ndarray]:
    """The gradients that arrive from above; that of a number is 1, as if it were what is minimised."""
    rng = np.random.default_rng(1)
    shapes = {t.name: shape_of(t.shape, sizes) for t in tensors.values()}
    return {name: small_numbers(shape, rng) if shape else np.ones(()) for name, shape in shapes.items()}
