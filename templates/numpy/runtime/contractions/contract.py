"""Contractions: sums of products."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from ..arguments.arrays import Array
from ..arguments.traced import tracing
from ..arithmetic.sums import add_row
from ..machine.ahead import dry_run
from ..machine.configuration import Settings, current
from ..machine.memory import empty
from .choice import bound_choice, bound_observed, observer
from .contraction import Contraction, packed_strides
from .operands import Bound, Key, Terms, WithRow, contraction_of
from .pieces import bound_pieces
from .subscripts import Operand, indices, is_whole, lengths, moved, operands, seen

Sizes = tuple[tuple[str, int], ...]
Laid = tuple[tuple[int, ...], tuple[int, ...]]
"""The shape and strides of an array."""

Bind = Callable[[Contraction, bool], Bound]


def contract(
    spec: str,
    left: Array,
    right: Array,
    out: Array | None = None,
    sizes: Mapping[str, int] | None = None,
    add: bool = False,
    scale: float = 1,
    row: Array | None = None,
) -> Array:
    """The sum of products ``out[...] = scale * sum left[...] * right[...]``, in the way predicted to be the fastest.

    Args:
        spec: the subscripts by name, as in "n 2i+r-1 c, r c k -> n i k"; indices that `out` lacks are summed over. A
            factor is 0 outside.
        left: first factor.
        right: second factor.
        out: written to; a new array by default. Products that meet at one position are added up, those at positions
            outside are dropped, and it is 0 where there is none.
        sizes: the extents of indices that no array has an axis for.
        add: whether `out` is added to instead.
        scale: a number that the products are multiplied by.
        row: added to each row of so many elements of `out`, which lie next to each other, such as a bias; or None.

    Returns:
        `out`.

    Raises:
        ValueError: when a subscript is none, or an extent is not known.
    """
    asked = tuple(sizes.items()) if sizes else ()
    if left.dtype != right.dtype or left.dtype.kind != "f":
        left, right = of_one_type(left, right)
    if out is None:
        out = empty(_result_shape(spec, left.shape, right.shape, asked), left.dtype)
    if scale != 1:
        left, right = (left * scale, right) if left.size < right.size else (left, right * scale)
    arrays = left, right, out
    keys = tuple((array.shape, array.strides) for array in arrays)
    observe = observer()
    if observe is None and dry_run() is None and tracing() is None:
        _computed(_bound(spec, asked, out.dtype, keys, add, current()), arrays, row)
    elif observe is None:  # what computes it is noted or recorded, and not kept
        found = _described(spec, asked, out.dtype, keys, add, lambda c, adds: bound_choice(c, Terms(current(), adds)))
        if dry_run() is None:
            _computed(found, arrays, row)
    else:
        watched = _described(
            spec, asked, out.dtype, keys, add, lambda c, adds: bound_observed(c, Terms(current(), adds), observe)
        )
        _computed(watched, arrays, row)
    return out


def of_one_type(left: Array, right: Array) -> tuple[Array, Array]:
    """Two factors as real numbers of one type where there are integers: that of the other one, if it has real ones."""
    real = [a.dtype for a in (left, right) if a.dtype.kind == "f"]
    if len(real) == 2:
        return left, right
    kind = real[0] if real else np.dtype(np.float64)
    return left.astype(kind, copy=False), right.astype(kind, copy=False)


def _computed(compute: Bound, arrays: tuple[Array, Array, Array], row: Array | None) -> None:
    """Compute a contraction, and add a row to its result: when that is stored, where it can be."""
    if row is None:
        compute(*arrays)
        return
    out = arrays[2]
    plain = row.dtype == out.dtype and row.flags.c_contiguous and out.flags.c_contiguous
    if isinstance(compute, WithRow) and compute.size == row.size and plain:
        compute.run(*arrays, row)
        return
    compute(*arrays)
    if not out.flags.c_contiguous:
        out += row
    elif out.size:
        add_row(out.reshape(-1, row.size), row.reshape(-1))


@lru_cache(maxsize=1024)
def _bound(spec: str, sizes: Sizes, dtype: np.dtype[Any], keys: tuple[Laid, ...], add: bool, wanted: Settings) -> Bound:
    """What computes contractions of arrays with these shapes and strides by these settings; it keeps no array."""
    return _described(spec, sizes, dtype, keys, add, lambda c, adds: bound_choice(c, Terms(wanted, adds)))


def _described(spec: str, sizes: Sizes, dtype: np.dtype[Any], keys: tuple[Laid, ...], add: bool, bind: Bind) -> Bound:
    """The same, in one of many ways to bind it."""
    *factors, result = operands(spec)
    found = (*factors, moved(result))  # what does not move in the result is summed over
    names = [indices(own) for own in found]
    extents: dict[str, int] = {}
    for own, (shape_, _) in zip(found, keys, strict=True):
        extents |= lengths(own, shape_)
    extents |= dict(sizes)
    windows = (None if is_whole(o) else seen(o, order, extents) for o, order in zip(found, names, strict=True))
    left, right, out = ((*laid, window) for laid, window in zip(keys, windows, strict=True))
    one, two, three = names
    lonely = [[v for v in own if v not in {*other, *three}] for own, other in ((one, two), (two, one))]
    if any(lonely):
        return _without_lonely(spec, found, extents, lonely, add)
    return _bind(", ".join(map(" ".join, (one, two))) + " -> " + " ".join(three), dtype, left, right, out, add, bind)


@lru_cache(maxsize=1024)
def _result_shape(spec: str, left: tuple[int, ...], right: tuple[int, ...], sizes: Sizes) -> tuple[int, ...]:
    first, second, out = operands(spec)
    extents = lengths(first, left) | lengths(second, right) | dict(sizes)
    return seen(out, indices(out), extents)[0]


def _bind(spec: str, dtype: np.dtype[Any], left: Key, right: Key, out: Key, add: bool, bind: Bind) -> Bound:
    """The same of indices alone: what moves otherwise is seen through windows."""
    c = contraction_of(spec, dtype, left, right, out)
    if not c.products or not prod(out[0]):
        return _left_alone if add else _cleared
    if not add or not c.gathers:
        return bound_pieces(c, add, bind)
    packed = out[0], packed_strides(out[0], dtype.itemsize), out[2]
    sums = _bind(spec, dtype, left, right, packed, False, bind)

    def added(left: Array, right: Array, out: Array) -> None:
        found = empty(out.shape, out.dtype)
        sums(left, right, found)
        out += found

    return added


def _cleared(left: Array, right: Array, out: Array) -> None:
    """There is no product."""
    out[...] = 0


def _left_alone(left: Array, right: Array, out: Array) -> None:
    """There is none to add."""


def _without_lonely(
    spec: str, found: Sequence[Operand], extents: Mapping[str, int], lonely: Sequence[Sequence[str]], add: bool
) -> Bound:
    """What first sums over the indices that only one factor has."""
    texts = spec.replace("->", ",").split(",")
    kept = [" ".join(v for v in indices(own) if v not in alone) for own, alone in zip(found, lonely, strict=False)]
    rest = ", ".join(few if alone else text for few, alone, text in zip(kept, lonely, texts, strict=False))

    def summed(number: int, array: Array) -> Array:
        alone = lonely[number]
        if not alone:
            return array
        ones = np.ones([extents[v] for v in alone], array.dtype)
        return contract(f"{texts[number]}, {' '.join(alone)} -> {kept[number]}", array, ones, sizes=extents)

    def computed(one: Array, two: Array, target: Array) -> None:
        contract(f"{rest} -> {texts[2]}", summed(0, one), summed(1, two), target, extents, add)

    return computed
