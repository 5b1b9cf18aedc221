"""Contractions: sums of products."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..arguments.arrays import Array
from .choice import compute
from .operands import Window, array_of, contraction_of, key_of
from .pieces import in_pieces


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
    if _has_lonely(spec):
        left, right, spec = _alone(spec, left, right)
    if out is None:
        extents: dict[str, int] = {}
        for axes, operand in zip(spec.partition("->")[0].split(","), (left, right), strict=True):
            shape_ = operand.extents if isinstance(operand, Window) else operand.shape
            extents |= dict(zip(axes.split(), shape_, strict=True))
        out = np.empty(tuple(extents[v] for v in spec.partition("->")[2].split()), array_of(left).dtype)
    target = array_of(out)
    found = contraction_of(spec, target.dtype, key_of(left), key_of(right), key_of(out))
    if not found.products or not target.size:
        if not add:
            target[...] = 0
        return target
    if add and found.gathers:
        sums = np.empty(target.shape, target.dtype)
        target += contract(spec, left, right, out._replace(source=sums) if isinstance(out, Window) else sums)
        return target
    in_pieces(found, array_of(left), array_of(right), target, add, compute)
    return target


def _multiplied(operand: Array | Window, scale: float) -> Array | Window:
    return operand._replace(source=operand.source * scale) if isinstance(operand, Window) else operand * scale


@lru_cache(maxsize=1024)
def _has_lonely(spec: str) -> bool:
    """Whether there is an axis that only one factor has."""
    operands, _, out = spec.partition("->")
    left, right = (set(text.split()) for text in operands.split(","))
    return not (left <= right | set(out.split()) and right <= left | set(out.split()))


def _alone(spec: str, left: Array | Window, right: Array | Window) -> tuple[Array | Window, Array | Window, str]:
    """Sum over the axes that only one factor has."""
    operands, _, out = spec.partition("->")
    names = [tuple(text.split()) for text in operands.split(",")]
    factors = []
    for k, operand in enumerate((left, right)):
        others = {*names[1 - k], *out.split()}
        lonely = tuple(axis for axis, v in enumerate(names[k]) if v not in others)
        if lonely:
            kept = tuple(v for v in names[k] if v in others)
            operand = _summed(operand, names[k], kept) if isinstance(operand, Window) else operand.sum(axis=lonely)
            names[k] = kept
        factors.append(operand)
    return factors[0], factors[1], f"{' '.join(names[0])}, {' '.join(names[1])} ->{out}"


def _summed(operand: Window, names: Sequence[str], kept: Sequence[str]) -> Array:
    """The sum of a window over the indices that are not kept."""
    extents = dict(zip(names, operand.extents, strict=True))
    lonely = [v for v in names if v not in kept]
    ones = np.ones([extents[v] for v in lonely], operand.source.dtype)
    return contract(f"{' '.join(names)}, {' '.join(lonely)} -> {' '.join(kept)}", operand, ones)
