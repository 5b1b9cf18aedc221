"""Sums of products in which a label says which matrix a row meets: a product for each label, of all its rows."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..arithmetic.lookups import gather, scatter
from ..machine.memory import zeros
from ..machine.threads import one_blas_thread
from .contract import contract

FEWEST = 4
"""Rows of a label in the mean from which on there is a product for each label."""


class _Spec(NamedTuple):
    """The axes of both factors and the result, the row's axis, and the label's."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    out: tuple[str, ...]
    row: str
    label: str


@lru_cache(maxsize=512)
def _read(spec: str) -> _Spec:
    """Read "n c, m c k, m: n -> n k": a row n meets the m that its label says."""
    first, out = spec.split("->")
    left, right, looked = (part.strip() for part in first.split(","))
    label, _, row = looked.partition(":")
    return _Spec(tuple(left.split()), tuple(right.split()), tuple(out.split()), row.strip(), label.strip())


def contract_by_label(spec: str, left: Array, right: Array, labels: Array, extent: int) -> Array:
    """A new array, ``out[n, k] = sum left[n, c] * right[labels[n], c, k]``; or, added up at the labels, its adjoint.

    Args:
        spec: the axes by name, as in "n c, m c k, m: n -> n k" or "n c, n k, m: n -> m c k".
        left: first factor; an axis of its own, or one that it shares with just one of the others.
        right: second factor, likewise.
        labels: integers, one a row.
        extent: of the axis that labels are positions of; where a label is none, the row counts 0.
    """
    axes = _read(spec)
    sizes = dict(zip((*axes.left, *axes.right), (*left.shape, *right.shape), strict=True)) | {axes.label: extent}
    order = np.argsort(labels, kind="stable")
    values, starts = np.unique(labels[order], return_index=True)
    if len(labels) < FEWEST * len(values):
        return _one_by_one(axes, left, right, labels, extent)
    out = zeros(tuple(sizes[v] for v in axes.out), left.dtype)
    pairs = [v for v in axes.left if v in axes.right and v not in axes.out and v not in (axes.row, axes.label)]
    pairs += [axes.row] if axes.row not in axes.out else []
    with one_blas_thread():
        for value, start, stop in zip(values.tolist(), starts, (*starts[1:], len(labels)), strict=True):
            if 0 <= value < extent:
                rows = order[start:stop]
                one, one_axes = _part(left, axes.left, axes, rows, value)
                other, other_axes = _part(right, axes.right, axes, rows, value)
                summed = [one_axes.index(v) for v in pairs], [other_axes.index(v) for v in pairs]
                found: Array = np.tensordot(one, other, summed)
                kept = [v for v in (*one_axes, *other_axes) if v not in pairs]
                wanted = [v for v in axes.out if v != axes.label]
                found = found.transpose([kept.index(v) for v in wanted])
                place = axes.out.index(axes.row if axes.row in axes.out else axes.label)
                before: tuple[Any, ...] = (slice(None),) * place
                out[(*before, rows if axes.row in axes.out else value)] = found
    return out


def _part(array: Array, own: tuple[str, ...], axes: _Spec, rows: Array, value: int) -> tuple[Array, tuple[str, ...]]:
    """What a factor has of some rows, or of a label, and its axes."""
    if axes.row in own:
        return array.take(rows, axis=own.index(axes.row)), own
    return array.take(value, axis=own.index(axes.label)), tuple(v for v in own if v != axes.label)


def _one_by_one(axes: _Spec, left: Array, right: Array, labels: Array, extent: int) -> Array:
    """Labels with few rows each: matrices are read for every row, or made for it and added up."""
    looked = f"{axes.label}: {axes.row}"
    if axes.label in axes.out:
        kept = [axes.row if v == axes.label else v for v in axes.out]
        rows = contract(f"{' '.join(axes.left)}, {' '.join(axes.right)} -> {' '.join(kept)}", left, right)
        sizes = dict(zip((*axes.left, *axes.right), (*left.shape, *right.shape), strict=True)) | {axes.label: extent}
        out = zeros(tuple(sizes[v] for v in axes.out), left.dtype)
        scatter(f"{' '.join(kept)}, {looked} -> {' '.join(axes.out)}", out, rows, labels)
        return out
    own = [(a, list(names)) for a, names in ((left, axes.left), (right, axes.right))]
    factors = []
    for array, names in own:
        if axes.label in names:
            read = [axes.row, *(v for v in names if v != axes.label)]
            array = gather(f"{' '.join(names)}, {looked} -> {' '.join(read)}", array, labels)
            names = read
        factors.append((array, names))
    (one, one_axes), (other, other_axes) = factors
    return contract(f"{' '.join(one_axes)}, {' '.join(other_axes)} -> {' '.join(axes.out)}", one, other)
