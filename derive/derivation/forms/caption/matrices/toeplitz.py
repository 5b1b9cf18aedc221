"""The smallest instructive case of a window equation as one matrix: the kernel in every row, where its window lies."""

from collections.abc import Mapping

import numpy as np
from sympy import ImmutableMatrix, Integer, Symbol, zeros

from gradscribe.derive.derivation.forms.caption.by_definition import labelled
from gradscribe.derive.derivation.forms.caption.matrices.matrix_record import Toeplitz, Unfolding
from gradscribe.derive.ir.interpret import complete_sizes, shape_of
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
    if any(sizes[s] < 1 for s in derived) or np.prod(counts) != np.prod([counts[n] for n in axes]):
        return None
    turned = {w.tap for w in windows if w.turned}
    numbers = np.arange(1.0, np.prod(counts) + 1).reshape(counts)
    places = labelled(part.data, part.product, {name: numbers}, sizes, turned).astype(int)
    rows = (*part.batch, *part.rows)
    across = (*labels, *(v for v in part.inner if v not in labels))
    order = [part.data.labels.index(v) for v in (*rows, *across)]
    found = zeros(int(np.prod([places.shape[n] for n in order[: len(rows)]])), int(np.prod(counts)))
    cut = np.transpose(places, order).reshape(found.shape[0], -1)
    for row, column in zip(*np.nonzero(cut), strict=True):
        found[int(row), int(cut[row, column]) - 1] += Access(kernel, *_tap(int(column), shape_of(taps, sizes)))
    extents = tuple(counts[n] for n in axes), shape_of(taps, sizes)
    return Toeplitz(ImmutableMatrix(found), *extents, tuple(sorted(sizes.items(), key=lambda item: item[0].name)))


def _tap(number: int, extents: tuple[int, ...]) -> tuple[Integer, ...]:
    return tuple(Integer(int(e)) for e in np.unravel_index(number, extents))
