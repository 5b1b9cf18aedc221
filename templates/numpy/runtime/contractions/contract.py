"""Contractions: sums of products."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from ..arguments.arrays import Array
from ..machine.ahead import dry_run
from ..machine.configuration import Settings, current
from ..machine.memory import empty
from .choice import bound_choice, bound_observed, observer
from .contraction import Contraction, packed_strides
from .operands import Bound, Key, Terms, Window, array_of, contraction_of, operand_of, taken_apart
from .pieces import bound_pieces


def contract(
    spec: str,
    left: Array | Window,
    right: Array | Window,
    out: Array | Window | None = None,
    add: bool = False,
    scale: float = 1,
) -> Array:
    """The sum of products ``out[...] = scale * sum left[...] * right[...]``, in the way predicted to be the fastest.

    Args:
        spec: the axes by name, as in "n i c, c k -> n i k"; axes that `out` lacks are summed over.
        left: first factor.
        right: second factor.
        out: written to; a new array by default. Products that meet at one position of a window's source are added up,
            those at positions outside are dropped, and the source is 0 where there is none.
        add: whether `out` is added to instead.
        scale: a number that the products are multiplied by.

    Returns:
        `out`, or the source if it is a window.
    """
    if scale != 1 and array_of(left).size < array_of(right).size:
        left = _multiplied(left, scale)
    elif scale != 1:
        right = _multiplied(right, scale)
    if out is None:
        out = empty(_result_shape(spec, left, right), array_of(left).dtype)
    one, first = taken_apart(left)
    two, second = taken_apart(right)
    target, result = taken_apart(out)
    observe = observer()
    if dry_run() is not None:  # what computes it is noted, and not kept
        _bind(spec, target.dtype, first, second, result, add, lambda c, adds: bound_choice(c, Terms(current(), adds)))
    elif observe is None:
        _bound(spec, target.dtype, first, second, result, add, current())(one, two, target)
    else:
        given = spec, target.dtype, first, second, result, add
        _bind(*given, lambda c, adds: bound_observed(c, Terms(current(), adds), observe))(one, two, target)
    return target


def _result_shape(spec: str, left: Array | Window, right: Array | Window) -> tuple[int, ...]:
    operands, _, out = spec.partition("->")
    extents: dict[str, int] = {}
    for axes, operand in zip(operands.split(","), (left, right), strict=True):
        shape_ = operand.extents if isinstance(operand, Window) else operand.shape
        extents |= dict(zip(axes.split(), shape_, strict=True))
    return tuple(extents[v] for v in out.split())


@lru_cache(maxsize=1024)
def _bound(spec: str, dtype: np.dtype[Any], left: Key, right: Key, out: Key, add: bool, wanted: Settings) -> Bound:
    """What computes contractions of arrays with these shapes and strides by these settings; it keeps no array."""
    return _bind(spec, dtype, left, right, out, add, lambda c, adds: bound_choice(c, Terms(wanted, adds)))


def _bind(
    spec: str,
    dtype: np.dtype[Any],
    left: Key,
    right: Key,
    out: Key,
    add: bool,
    bind: Callable[[Contraction, bool], Bound],
) -> Bound:
    if _has_lonely(spec):
        return _without_lonely(spec, left, right, out, add)
    c = contraction_of(spec, dtype, left, right, out)
    if not c.products or not prod(out[0]):
        return _left_alone if add else _cleared
    if not add or not c.gathers:
        return bound_pieces(c, add, bind)
    packed = out[0], packed_strides(out[0], dtype.itemsize), out[2]
    sums = _bind(spec, dtype, left, right, packed, False, bind)

    def added(left: Array, right: Array, out: Array) -> None:
        found = np.empty(out.shape, out.dtype)
        sums(left, right, found)
        out += found

    return added


def _cleared(left: Array, right: Array, out: Array) -> None:
    """There is no product."""
    out[...] = 0


def _left_alone(left: Array, right: Array, out: Array) -> None:
    """There is none to add."""


def _multiplied(operand: Array | Window, scale: float) -> Array | Window:
    return operand._replace(source=operand.source * scale) if isinstance(operand, Window) else operand * scale


@lru_cache(maxsize=1024)
def _has_lonely(spec: str) -> bool:
    """Whether there is an axis that only one factor has."""
    operands, _, out = spec.partition("->")
    left, right = (set(text.split()) for text in operands.split(","))
    return not (left <= right | set(out.split()) and right <= left | set(out.split()))


def _without_lonely(spec: str, left: Key, right: Key, out: Key, add: bool) -> Bound:
    """What first sums over the axes that only one factor has."""
    operands, _, result = spec.partition("->")
    names = [tuple(text.split()) for text in operands.split(",")]
    kept = [
        tuple(v for v in own if v in (*other, *result.split())) for own, other in zip(names, names[::-1], strict=True)
    ]
    rest = f"{' '.join(kept[0])}, {' '.join(kept[1])} ->{result}"

    def computed(one: Array, two: Array, target: Array) -> None:
        first, second = (
            _summed(operand_of(key, array), own, few)
            for key, array, own, few in zip((left, right), (one, two), names, kept, strict=True)
        )
        contract(rest, first, second, operand_of(out, target), add)

    return computed


def _summed(operand: Array | Window, names: Sequence[str], kept: Sequence[str]) -> Array | Window:
    """The sum over the indices that are not kept."""
    if names == kept:
        return operand
    if not isinstance(operand, Window):
        summed: Array = operand.sum(axis=tuple(axis for axis, v in enumerate(names) if v not in kept))
        return summed
    extents = dict(zip(names, operand.extents, strict=True))
    lonely = [v for v in names if v not in kept]
    ones = np.ones([extents[v] for v in lonely], operand.source.dtype)
    return contract(f"{' '.join(names)}, {' '.join(lonely)} -> {' '.join(kept)}", operand, ones)
