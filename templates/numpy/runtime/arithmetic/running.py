"""Products of rows of factors that grow by one factor from place to place, forwards, backwards, or leaving one out.

All are made of products alone, so that they are right where factors are 0.
"""

from math import isqrt, prod

import numpy as np

from ..arguments.arrays import Array

MANY = 64
"""Numbers that are computed at once from which on a step of a loop in Python costs little beside them."""


def running(out: Array, factors: Array, axis: int, first: int, backwards: bool = False) -> None:
    """Products along a row: the one at place p has the first p + `first` factors of the row.

    Args:
        out: the products; its axis may be longer or shorter than the row.
        factors: the rows of factors.
        axis: along which axis.
        first: how many factors the product at place 0 has; no product has more than there are, or fewer than none.
        backwards: whether the product at place p has the factors from p + `first` on instead.
    """
    out, factors = (np.moveaxis(a, axis, -1) for a in (out, factors))
    count, number = factors.shape[-1], out.shape[-1]
    if backwards:
        out, factors, first = out[..., ::-1], factors[..., ::-1], count - number + 1 - first
    empty = min(max(0, 1 - first), number)
    growing = min(max(0, count - first + 1), number)
    out[..., :empty] = 1
    if not count:
        out[...] = 1
        return
    if empty < growing:
        begun = first + empty - 1  # how many factors come before those that are gone along
        begin, end = out[..., empty:growing], factors[..., begun : begun + growing - empty]
        np.multiply.accumulate(end, axis=-1, out=begin)
        if begun:
            begin *= np.multiply.reduce(factors[..., :begun], axis=-1, keepdims=True)
    whole = max(growing, empty)
    if whole < number:
        out[..., whole:] = np.multiply.reduce(factors, axis=-1, keepdims=True)


def others(out: Array, factors: Array, axis: int, axes: int = 1) -> None:
    """At each place the product of all factors of the row but that one: those before it times those behind it.

    Args:
        out: the products.
        factors: the rows of factors; of the shape of `out`.
        axis: the first axis of the row.
        axes: along how many axes a row goes on.
    """
    last = axis + axes
    shape = (*out.shape[:axis], prod(out.shape[axis:last]), *out.shape[last:])
    flat, result = factors.reshape(shape), np.empty(shape, out.dtype)
    behind = np.empty_like(result)
    running(result, flat, axis, 0)
    running(behind, flat, axis, 1, backwards=True)
    np.multiply(result, behind, out=result)
    out[...] = result.reshape(out.shape)


def running_slopes(out: Array, weights: Array, factors: Array, axis: int, first: int, backwards: bool = False) -> None:
    """What each factor gets of the products of `running`: the sum of their weights times their other factors.

    Behind the factors before one there is a sum of products, that of the rest of each: R[j-1] = w[j] + x[j] R[j].

    Args:
        out: of the shape of `factors`.
        weights: what each product passes on.
        factors: the rows of factors.
        axis: along which axis.
        first: as for `running`.
        backwards: as for `running`.
    """
    count, number = factors.shape[axis], weights.shape[axis]
    if not count:
        return
    moved, rows = (np.moveaxis(a, axis, 0) for a in (factors, weights))
    if backwards:
        moved, rows, first = moved[::-1], rows[::-1], count - number + 1 - first
    x = np.ascontiguousarray(moved).reshape(count, factors.size // count)
    rest = np.zeros_like(x)  # R; to begin with the weights of the products that end with each factor
    whole = max(0, count - first)  # the place of the first product that has all factors
    none = max(0, 1 - first)
    flat = np.ascontiguousarray(rows).reshape(number, x.shape[1])
    ends = flat[none : max(whole, none)]
    rest[none + first - 1 :][: len(ends)] = ends
    rest[-1] += flat[max(whole, none) :].sum(axis=0)
    _go_back(rest, x)
    before = np.empty_like(x)
    running(before, x, 0, 0)
    before *= rest
    found = before.reshape(moved.shape)
    np.moveaxis(out, axis, 0)[...] = found[::-1] if backwards else found


def _go_back(rest: Array, x: Array) -> None:
    """``rest[j - 1] += x[j] * rest[j]`` from behind; short rows in blocks, which are gone through at once."""
    count, width = x.shape
    length = count if width >= MANY else isqrt(count)
    blocks = count // length if length else 0
    if blocks > 1:
        start = count - blocks * length
        inner, own = (a[start:].reshape(blocks, length, width) for a in (rest, x))
        grown = np.empty_like(own)  # the factors from behind one on, to the end of its block
        grown[:, -1] = 1
        for j in range(length - 1, 0, -1):
            inner[:, j - 1] += own[:, j] * inner[:, j]
            grown[:, j - 1] = own[:, j] * grown[:, j]
        for b in range(blocks - 1, 0, -1):
            inner[b - 1] += grown[b - 1] * (own[b, 0] * inner[b, 0])
        count = start + 1 if start else 0
    for j in range(count - 1, 0, -1):
        rest[j - 1] += x[j] * rest[j]
