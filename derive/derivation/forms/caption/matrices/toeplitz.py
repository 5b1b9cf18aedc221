"""The smallest instructive case of a window equation as one matrix: the kernel in every row, where its window lies."""

from collections.abc import Mapping
from math import prod

from sympy import ImmutableMatrix, Integer, Symbol, zeros

from gradscribe.derive.derivation.forms.caption.matrices.matrix_record import Toeplitz, Unfolding
from gradscribe.derive.ir.interpret.plain import box, complete_sizes, number, row_major, shape_of
from gradscribe.derive.ir.term import Access, Program

TAPS = 2
LENGTHS = {1: 4, 2: 3}
"""How long the axes of the example are, by how many windows slide along; more make no small matrix."""


def toeplitz(part: Unfolding, program: Program, given: Mapping[Symbol, int]) -> Toeplitz | None:
    """The matrix of a small example with one element along every other axis; None where that is not small.

    Args:
        part: the product.
        program: its equations.
        given: sizes that have a usual value, such as a stride of 1.
    """
    windows = part.product.windows
    if len(windows) not in LENGTHS:
        return None
    name, kernel = part.tensors
    shape = program.tensors[name].shape
    axes = [n for n, axis in enumerate(part.data.reads[0][1].axes) if axis in windows]
    sliding = {w.tap for w in windows}
    labels = [v for v in part.weights.labels if v in sliding]  # in the kernel's order
    taps = tuple(part.product.extent(v) for v in labels)
    derived = {symbol for symbol, _ in program.sizes}
    small = dict.fromkeys(program.symbols() - derived, 1) | dict(given)
    small |= {e: LENGTHS[len(windows)] for e in (shape[n] for n in axes) if isinstance(e, Symbol)}
    small |= {e: TAPS for e in taps if isinstance(e, Symbol) and e not in derived}
    sizes = complete_sizes(program, small)
    counts = shape_of(shape, sizes)
    if any(sizes[s] < 1 for s in derived) or prod(counts) != prod(counts[n] for n in axes):
        return None
    rows = (*part.batch, *part.rows)
    heights = shape_of(tuple(part.product.extent(v) for v in rows), sizes)
    element, weight = part.elements
    own = [n for n, index in enumerate(weight.indices) if index.free_symbols & sliding]
    found = zeros(prod(heights), prod(counts))
    for point in box(part.term, {}, sizes):
        at, tap = (tuple(number(e, point) for e in access.indices) for access in (element, weight))
        if all(0 <= i < extent for i, extent in zip(at, counts, strict=True)):
            row = row_major([point[v] for v in rows], heights)
            found[row, row_major(at, counts)] += Access(kernel, *(Integer(tap[n]) for n in own))
    extents = tuple(counts[n] for n in axes), shape_of(taps, sizes)
    return Toeplitz(ImmutableMatrix(found), *extents, tuple(sorted(sizes.items(), key=lambda item: item[0].name)))
