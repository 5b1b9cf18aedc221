"""Arrays read at labels, and added to at labels."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..machine.compiled import run
from ..machine.memory import zeros
from ..machine.process import process

WIDE = 32
"""Elements of a row from which on rows are sorted by label and added whole; below, elements are counted up."""

MOST = 1 << 20
"""Elements up to which all sums are made at once, in float64; beyond, they would not stay in a cache."""

FREQUENT = 16
"""Labels that occur more often than this are summed one by one, the others all at once."""


class _Lookup(NamedTuple):
    """The axes of a lookup: of the array given, of the result, and how an axis that is looked up takes part."""

    given: tuple[str, ...]
    out: tuple[str, ...]
    names: tuple[str, ...]
    """The axes that are looked up."""
    own: tuple[tuple[str, ...], ...]
    """The axes of every label array."""
    joint: tuple[str, ...]
    """The axes of all label arrays together."""
    shared: tuple[str, ...]
    """Those of them that the array which is looked up has too."""
    rest: tuple[str, ...]
    order: tuple[int, ...]
    """The axes of the array which is looked up as shared, names, rest."""


@lru_cache(maxsize=512)
def _lookup(spec: str, at_out: bool) -> _Lookup:
    """Read "v c, v: n -> n c"; labels address the array given or, with `at_out`, the result."""
    first, out = (part.strip() for part in spec.split("->"))
    given, *looked = first.split(",")
    names = tuple(part.partition(":")[0].strip() for part in looked)
    own = tuple(tuple(part.partition(":")[2].split()) for part in looked)
    axes, result = tuple(given.split()), tuple(out.split())
    addressed, other = (result, axes) if at_out else (axes, result)
    among = dict.fromkeys(v for part in own for v in part)
    joint = tuple(among) if at_out else tuple(v for v in other if v in among)
    shared = tuple(v for v in joint if v in addressed)
    rest = tuple(v for v in (addressed if at_out else other) if v not in joint and v not in names)
    order = tuple(addressed.index(v) for v in (*shared, *names, *rest))
    return _Lookup(axes, result, names, own, joint, shared, rest, order)


FARTHEST = 2**53
"""No label is larger in computations; a float holds all integers up to it."""


def whole(values: Array | float) -> Array:
    """Numbers without a fraction as integers; NaN and what is too large for a position are none, -2**53."""
    found = np.asarray(values)
    return np.where(np.abs(found) < FARTHEST, found, -FARTHEST).astype(np.int64)


def wide(labels: Array) -> Array:
    """Labels as integers to compute with: what is no position anywhere stays none, but does not overflow."""
    if labels.dtype.itemsize < 8:
        return labels.astype(np.int64)
    return np.asarray(np.maximum(np.minimum(labels, FARTHEST).astype(np.int64), -FARTHEST))


def known(values: Array, extent: int, dtype: type[np.floating[Any]]) -> Array:
    """1 where labels are positions of an axis, else 0."""
    return np.asarray((values >= 0) & (values < extent), dtype)


def gather(spec: str, source: Array, *labels: Array) -> Array:
    """A new array, `source` read at labels; 0 where a label is no position.

    Args:
        spec: the axes by name, as in "v c, v: n -> n c": axis v is read at a label array with axis n. The axes of the
            labels come first in the result.
        source: the array read.
        labels: an array of integers per axis that is looked up.
    """
    axes = _lookup(spec, False)
    moved = source.transpose(axes.order)
    where, outside = _places(axes, labels, moved.shape)
    looked = len(where)
    if not prod(moved.shape[:looked]):
        shape = np.broadcast_shapes(*(w.shape for w in where))
        return np.zeros(shape + moved.shape[looked:], source.dtype)
    if moved.flags.c_contiguous and axes.joint:
        rows = where[0]
        for index, extent_ in zip(where[1:], moved.shape[1:looked], strict=True):
            rows = rows * extent_ + index
        value = np.asarray(moved.reshape(prod(moved.shape[:looked]), *moved.shape[looked:]).take(rows, axis=0))
    elif axes.joint:
        value = moved[tuple(where)]
    else:  # a subscript of numbers alone would be a view
        value = np.array(moved[tuple(where)])
    if outside is not None:
        value[np.broadcast_to(outside, value.shape[: len(axes.joint)])] = 0
    return value


def scatter(spec: str, target: Array, values: Array | float, *labels: Array) -> None:
    """Add `values` to `target` at labels, in place; a label that is no position adds nothing.

    Args:
        spec: the axes by name, as in "n c, v: n -> v c": axis v of the target is addressed by a label array with axis
            n. Values count for every point of an axis that they lack.
        target: the array added to.
        values: what is added.
        labels: an array of integers per axis of the target that is looked up.
    """
    axes = _lookup(spec, True)
    view = target.transpose(axes.order)
    where, outside = _places(axes, labels, view.shape)
    added = _spread(np.asarray(values), axes.given, (*axes.joint, *axes.rest))
    once = len(axes.shared) == len(axes.joint)
    if once and outside is None:  # no element is written twice
        view[tuple(where)] += added
        return
    dims, kept = view.shape[: len(where)], view.shape[len(where) :]
    where = list(np.broadcast_arrays(*where))
    added = np.broadcast_to(added, where[0].shape + kept)
    if outside is not None:
        inside = np.broadcast_to(~outside, where[0].shape)
        where = [w[inside] for w in where]
        added = added[inside]
    if once:
        view[tuple(where)] += added
    elif added.size:
        keys = np.ravel_multi_index(tuple(where), dims).reshape(-1)
        _add_rows(view, keys, added.reshape(len(keys), -1), len(dims))


def _places(axes: _Lookup, labels: Sequence[Array], extents: Sequence[int]) -> tuple[list[Array], Array | None]:
    """Index arrays, of the shared axes and the labels, and where a label is no position; None for nowhere."""
    where = [_spread(np.arange(n), (v,), axes.joint) for v, n in zip(axes.shared, extents, strict=False)]
    outside: Array | None = None
    for own, values, extent_ in zip(axes.own, labels, extents[len(where) :], strict=False):
        index = _spread(np.asarray(values, np.int64), own, axes.joint)
        unsigned = index.view(np.uint64)  # a negative number is a large one then
        if unsigned.size and unsigned.max() >= extent_:
            wrong = unsigned >= extent_
            index = np.where(wrong, 0, index)
            outside = wrong if outside is None else outside | wrong
        where.append(index)
    return where, outside


def _spread(operand: Array, own: tuple[str, ...], axes: tuple[str, ...]) -> Array:
    """`operand` with axes `own` as a view that broadcasts along `axes`."""
    if own == axes:
        return operand
    moved = operand.transpose([own.index(v) for v in axes if v in own])
    return moved[tuple(slice(None) if v in own else None for v in axes)]


def _add_rows(view: Array, keys: Array, rows: Array, seen: int) -> None:
    """Add rows to `view` at `keys`, row-major positions within its first `seen` axes; always in the same order."""
    dims, width = view.shape[:seen], rows.shape[1]
    places: Array | None = None
    if prod(dims) * width <= MOST and (counted := _counted_up(prod(dims), keys, rows)) is not None:
        sums = counted
    elif width >= WIDE:
        places, sums = _sorted_sums(keys, rows)
    else:
        count_ = prod(dims)
        if count_ > 4 * len(keys):
            places, keys = np.unique(keys, return_inverse=True)
            count_ = len(places)
        elements = keys if width == 1 else (keys[:, None] * width + np.arange(width)).reshape(-1)
        sums = np.bincount(elements, rows.reshape(-1), count_ * width)
    if places is None:
        view += sums.reshape(view.shape)
    else:
        view[np.unravel_index(places, dims)] += sums.reshape(len(places), *view.shape[seen:])


def _counted_up(count_: int, keys: Array, rows: Array) -> Array | None:
    """The sums of the rows of every key in float64, by a loop in C; None where that is not wanted, or not compiled."""
    sums = zeros((count_, rows.shape[1]), np.float64)
    with process.loading:
        from ..machine.native.sources import COUNTED
    sizes = len(keys), rows.shape[1]
    given = sums, rows, keys.astype(np.int64, copy=False)
    done = run(COUNTED, 1, rows.size, given, (), sizes, (), integers=(1, 2))
    return sums if done else None


def _sorted_sums(keys: Array, rows: Array) -> tuple[Array, Array]:
    """The distinct keys, the most frequent first, and the sums of their rows."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    counts = np.diff(starts, append=len(keys))
    by_count = np.argsort(-counts, kind="stable")
    starts, counts = starts[by_count], counts[by_count]
    sums = rows[order[starts]]
    many = int(np.searchsorted(-counts, -FREQUENT, side="left"))
    for k in range(many):
        sums[k] = rows[order[starts[k] : starts[k] + counts[k]]].sum(axis=0)
    for number in range(1, FREQUENT):  # the next row of every key that has one
        left = int(np.searchsorted(-counts, -number, side="left"))
        if left <= many:
            break
        sums[many:left] += rows[order[starts[many:left] + number]]
    return keys[order[starts]], sums


def label_extrema(
    spec: str, ufunc: np.ufunc, empty: float, values: Array, labels: Array, extent: int, located: bool = False
) -> tuple[Array, Array]:
    """For each label the maximum or minimum of the rows that have it, and with `located` where the first one is.

    Args:
        spec: the axes by name, as in "e c, v: e -> v c".
        ufunc: np.maximum or np.minimum.
        empty: the extremum over no row; its place is -1.
        values: what is compared; a NaN is the extremum.
        labels: integers, one a row; a row whose label is no position counts for none.
        extent: of the axis that labels are positions of.
        located: whether places are asked for.
    """
    axes = _lookup(spec, True)
    (own,), (name,) = axes.own, axes.names
    moved = _spread(values, axes.given, (*own, *(v for v in axes.out if v != name)))
    rows = np.ascontiguousarray(moved).reshape(len(labels), -1)
    best = np.full((extent, rows.shape[1]), empty, rows.dtype)
    place = np.full(best.shape if located else (0,), -1, np.int32)
    order = np.argsort(labels, kind="stable")
    order = order[(labels[order] >= 0) & (labels[order] < extent)]
    if order.size and rows.size:
        found, starts = np.unique(labels[order], return_index=True)
        sorted_ = rows[order]
        best[found] = ufunc.reduceat(sorted_, starts, axis=0)
        if located:
            first = (sorted_ == best[labels[order]]) | (sorted_ != sorted_)
            numbers = np.where(first, order.astype(np.int32)[:, None], np.int32(len(labels)))
            place[found] = np.minimum.reduceat(numbers, starts, axis=0)
    kept = (name, *(v for v in axes.out if v != name))
    turned = [kept.index(v) for v in axes.out]
    sizes = dict(zip(axes.given, values.shape, strict=True)) | {name: extent}
    whole = tuple(sizes[v] for v in kept)
    if not located:
        return best.reshape(whole).transpose(turned), place
    return best.reshape(whole).transpose(turned), place.reshape(whole).transpose(turned)
