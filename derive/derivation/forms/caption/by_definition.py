"""Captions computed from the definitions that stand on the page, with NumPy alone.

Zeros are put between elements and at the ends, windows are cut out, kernels are turned round, products are summed: no
index expression is evaluated here, and nothing of this comes from the row that a caption names.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sympy import Add, Expr, Integer, Mul, Pow, Symbol

from gradscribe.derive.derivation.forms.caption.operation import (
    Axis,
    Caption,
    Digits,
    Fixed,
    Operand,
    Product,
    Read,
    Repeated,
    Window,
    labels_of,
)
from gradscribe.derive.ir.functions import decreed, is_indicator
from gradscribe.derive.ir.index import IntegerFunction
from gradscribe.derive.ir.interpret import computed

Values = Mapping[str, np.ndarray]
Sizes = Mapping[Symbol, Any]
Labelled = tuple[np.ndarray, tuple[Symbol, ...]]
"""An array, and what counts along its axes."""


def caption_value(caption: Caption, values: Values, sizes: Sizes) -> np.ndarray:
    """What a caption says, in float64.

    Args:
        caption: the caption.
        values: every tensor that it names but those it inserts.
        sizes: every size and real parameter.
    """
    known = dict(values)
    for name, inner in caption.inserted:
        known[name] = caption_value(inner, known, sizes)
    return np.asarray(sum(product_value(p, known, sizes) for p in caption.summands))


def product_value(product: Product, values: Values, sizes: Sizes) -> np.ndarray:
    """``scale * front * sum of the product of the operands``."""
    extents = {label: _number(e, sizes) for label, e in product.extents}
    turned = {w.tap for w in product.windows if w.turned}
    factors = [_operand(o, values, sizes, extents, set() if o is product.moved else turned) for o in product.operands]
    inner = _summed(factors, product.axes, product.summed, extents)
    backwards = {w.at for w in product.windows if w.backwards}
    inner = np.flip(inner, tuple(n for n, label in enumerate(product.axes) if label in backwards))
    front = [_operand(o, values, sizes, extents, set()) for o in product.front]
    found = _summed([(inner, product.axes), *front], product.axes, (), extents)
    shape = [int(np.prod([extents[v] for v in labels_of(axis)])) for axis in product.result]
    return np.asarray(scalar(product.scale, {}, sizes) * found.reshape(shape))


def labelled(
    operand: Operand, product: Product, values: Values, sizes: Sizes, turned: set[Symbol | None]
) -> np.ndarray:
    """An operand of a product with an axis for each of its labels; along the labels `turned` it is turned round."""
    return _operand(operand, values, sizes, {v: _number(e, sizes) for v, e in product.extents}, turned)[0]


def extent(product: Product, label: Symbol, sizes: Sizes) -> int:
    """How many values a label has."""
    return _number(product.extent(label), sizes)


def between(array: np.ndarray, axis: int, apart: int) -> np.ndarray:
    """The elements `apart` from each other, zeros between them."""
    shape = list(array.shape)
    shape[axis] = max(apart * (shape[axis] - 1) + 1, 0)
    found = np.zeros(shape)
    np.moveaxis(found, axis, 0)[::apart] = np.moveaxis(array, axis, 0)
    return found


def padded(array: np.ndarray, axis: int, before: int, after: int) -> np.ndarray:
    """Zeros at the ends of an axis; a negative number takes elements away."""
    widths = [(0, 0)] * array.ndim
    widths[axis] = (max(before, 0), max(after, 0))
    found = np.moveaxis(np.pad(array, widths), axis, 0)
    return np.moveaxis(found[max(-before, 0) : len(found) - max(-after, 0)], 0, axis)


def windows(array: np.ndarray, axis: int, stride: int, taps: int, dilation: int) -> np.ndarray:
    """Windows that begin every `stride` elements, `taps` elements of each, `dilation` apart: a new axis behind it."""
    span = dilation * (taps - 1) + 1
    if span > array.shape[axis]:  # such as those of an axis without elements
        return np.zeros((*array.shape[:axis], 0, taps, *array.shape[axis + 1 :]))
    cut = sliding_window_view(array, span, axis)
    chosen = np.moveaxis(cut[..., ::dilation], -1, axis + 1)
    return np.moveaxis(np.moveaxis(chosen, axis, 0)[::stride], 0, axis)


def _operand(
    operand: Operand, values: Values, sizes: Sizes, extents: Mapping[Symbol, int], turned: set[Symbol | None]
) -> Labelled:
    """The value of an operand; along the labels `turned` it is turned round."""
    labels = operand.labels
    read = {e: _aligned(_read(values[r.tensor], r, sizes, extents), labels) for e, r in operand.reads}
    found = np.asarray(scalar(operand.value, read, sizes), float)
    found = np.broadcast_to(found, [extents[v] for v in labels])
    return np.flip(found, tuple(n for n, label in enumerate(labels) if label in turned)), labels


def _read(array: np.ndarray, read: Read, sizes: Sizes, extents: Mapping[Symbol, int]) -> Labelled:
    """A tensor read along its axes, from the last one to the first; of positions where they are those counted."""
    found = np.asarray(array, float)
    if found.ndim != len(read.axes):
        raise ValueError(f"{found.ndim} axes are read as {len(read.axes)}")
    for place, axis in reversed(tuple(enumerate(read.axes))):
        found = _along(found, place, axis, sizes, extents)
    own = tuple(label for axis in read.axes for label in labels_of(axis))
    if not read.numbers:
        return found, own
    position = np.zeros([1] * len(read.labels), int)
    turned = {axis.tap for axis in read.axes if isinstance(axis, Window) and axis.turned}
    for number in read.numbers:  # the digits in row-major order
        count = extents[number.label]
        digit = np.arange(count) + _number(number.offset, sizes)
        digit = digit[::-1] if number.label in turned else digit
        if number.modulus is not None:
            count = _number(number.modulus, sizes)
            digit = digit % count
        position = position * count + _aligned((digit, (number.label,)), read.labels)
    return (_aligned((found, own), read.labels) == position) * 1.0, read.labels


def _along(array: np.ndarray, place: int, axis: Axis, sizes: Sizes, extents: Mapping[Symbol, int]) -> np.ndarray:
    def size(e: Expr) -> int:
        return _number(e, sizes)

    if isinstance(axis, Window):
        found = np.flip(array, place) if axis.mirrored else array
        found = padded(between(found, place, size(axis.spread)), place, size(axis.before), size(axis.after))
        taps = 1 if axis.tap is None else extents[axis.tap]
        cut = windows(found, place, size(axis.stride), taps, size(axis.dilation))
        return cut.squeeze(place + 1) if axis.tap is None else cut
    if isinstance(axis, Repeated):
        found = np.repeat(array, size(axis.times), place)
        return padded(found, place, size(axis.before), size(axis.after))
    if isinstance(axis, Digits):
        inner = [extents[v] for v in axis.labels]
        return array.reshape([*array.shape[:place], *inner, *array.shape[place + 1 :]])
    if isinstance(axis, Fixed):
        return np.take(array, size(axis.position), place)
    return array


def _aligned(labelled: Labelled, labels: Sequence[Symbol]) -> np.ndarray:
    """The array with an axis for each of `labels`, of length 1 where it has none."""
    array, own = labelled
    ordered = np.einsum(array, [labels.index(v) for v in own], sorted({labels.index(v) for v in own}))
    return np.expand_dims(ordered, tuple(n for n, label in enumerate(labels) if label not in own))


def _summed(
    factors: Sequence[Labelled], result: Sequence[Symbol], summed: Sequence[Symbol], extents: Mapping[Symbol, int]
) -> np.ndarray:
    """The product of the factors, summed; along a label that no factor has, ones are multiplied."""
    labels = (*result, *summed)
    present = {label for _, own in factors for label in own}
    ones = [(np.ones(extents[v]), (v,)) for v in dict.fromkeys(labels) if v not in present]
    arguments: list[Any] = []
    for array, own in (*factors, *ones, (np.ones(()), ())):
        arguments += [array, [labels.index(v) for v in own]]
    return np.asarray(np.einsum(*arguments, [labels.index(v) for v in result]))


def scalar(e: Expr, read: Mapping[Expr, np.ndarray], sizes: Sizes) -> Any:
    """A formula element by element."""
    if e in read:
        return read[e]
    if isinstance(e, Symbol):
        return sizes[e]
    if e.is_Integer or isinstance(e, IntegerFunction):
        return _number(e, sizes)
    if e.is_Number or e.is_NumberSymbol:
        return float(e)
    if isinstance(e, decreed):
        return scalar(e.value, read, sizes)
    arguments = [scalar(a, read, sizes) for a in e.args]
    with np.errstate(all="ignore"):
        if isinstance(e, Add):
            return sum(arguments)
        if isinstance(e, Mul):
            found = reduce(np.multiply, arguments)
            brackets = [a for part, a in zip(e.args, arguments, strict=True) if is_indicator(part)]
            return reduce(lambda v, bracket: np.where(bracket != 0, v, 0.0), brackets, found)
        if isinstance(e, Pow):
            return np.asarray(arguments[0], float) ** arguments[1]
        return computed(e, arguments)


def _number(e: Expr, sizes: Sizes) -> int:
    return int(e.xreplace({s: Integer(int(sizes[s])) for s in e.free_symbols}))
