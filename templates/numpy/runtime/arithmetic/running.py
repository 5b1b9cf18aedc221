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
    out, factors = (np.moveaxis(a, axis, 0) for a in (out, factors))
    count, number = len(factors), len(out)
    if backwards:
        out, factors, first = out[::-1], factors[::-1], count - number + 1 - first
    empty = min(max(0, 1 - first), number)
    growing = min(max(0, count - first + 1), number)
    out[:empty] = 1
    if not count:
        out[...] = 1
        return
    if empty < growing:
        begun = first + empty - 1  # how many factors come before those that are gone along
        begin = out[empty:growing]
        _accumulate(begin, factors[begun : begun + len(begin)])
        if begun:
            begin *= np.multiply.reduce(factors[:begun], axis=0)
    whole = max(growing, empty)
    if whole < number:
        out[whole:] = np.multiply.reduce(factors, axis=0)


def _accumulate(out: Array, factors: Array) -> None:
    """The products of the first factor, the first two, and so on: row by row where rows lie side by side."""
    if factors[0].size < MANY or abs(factors.strides[0]) <= factors.itemsize:
        np.multiply.accumulate(factors, axis=0, out=out)
        return
    out[0] = factors[0]
    for j in range(1, len(factors)):
        np.multiply(out[j - 1], factors[j], out=out[j])


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
    moved = np.moveaxis(factors.reshape(shape), axis, 0)
    if not moved.size:
        return
    x = np.ascontiguousarray(moved).reshape(len(moved), moved[0].size)
    found = np.empty(x.shape, out.dtype)
    running(found, x, 0, 0)
    _times_products(found[::-1], x[::-1])
    out[...] = np.moveaxis(found.reshape(moved.shape), 0, axis).reshape(out.shape)


def _times_products(rows: Array, x: Array) -> None:
    """Multiply each row by the product of all rows of `x` that come before it."""
    if x.shape[1] < MANY:
        before = np.empty_like(rows)
        running(before, x, 0, 0)
        rows *= before
        return
    product = np.ones(x.shape[1:], x.dtype)
    for j in range(1, len(x)):
        product *= x[j - 1]
        rows[j] *= product


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
    if not factors.size:
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
    _times_products(rest, x)
    found = rest.reshape(moved.shape)
    np.moveaxis(out, axis, 0)[...] = found[::-1] if backwards else found


def _go_back(rest: Array, x: Array) -> None:
    """``rest[j - 1] += x[j] * rest[j]`` from behind; short rows in blocks, which are gone through side by side."""
    count, width = x.shape
    length = count if width >= MANY else isqrt(count)
    blocks = count // length
    start = count - blocks * length
    if blocks > 1:
        inner, own = (np.ascontiguousarray(np.moveaxis(_blocks(a, start, length), 1, 0)) for a in (rest, x))
        grown = np.ones_like(own)  # of each factor in a block the product of those behind it
        for j in range(length - 1, 0, -1):
            inner[j - 1] += own[j] * inner[j]
            np.multiply(own[j], grown[j], out=grown[j - 1])
        first = inner[0].copy()  # as it is when all that comes behind a block is known
        carried = np.zeros_like(first)
        for b in range(blocks - 1, 0, -1):
            carried[b - 1] = own[0, b] * first[b]
            first[b - 1] += grown[0, b - 1] * carried[b - 1]
        inner += grown * carried
        _blocks(rest, start, length)[...] = np.moveaxis(inner, 0, 1)
    for j in range(start if blocks > 1 else count - 1, 0, -1):
        rest[j - 1] += x[j] * rest[j]


def _blocks(a: Array, start: int, length: int) -> Array:
    """The rows from `start` on in blocks, a view."""
    return a[start:].reshape(-1, length, a.shape[1])
