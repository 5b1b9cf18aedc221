"""A row in whole tensors, computed with NumPy alone: arrays along axes that have labels, sums over these."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from gradscribe.derive.derivation.forms.caption.by_definition import Sizes, Values, scalar
from gradscribe.derive.derivation.forms.caption.operation import Digits, Whole, labels_of
from gradscribe.derive.derivation.forms.caption.words.signs import Added, Elementwise, Scaled, Total
from gradscribe.derive.ir.term import Access, accesses


def whole_value(form: Whole, values: Values, sizes: Sizes) -> np.ndarray:
    """What a form says, in float64; an axis that a tensor lacks has one element."""
    read = {name: tuple(v for axis in own for v in labels_of(axis)) for name, own in form.tensors}
    labels = max((form.result, *read.values()), key=len)
    digits = {v: int(scalar(extent, {}, sizes)) for v, extent in form.extents}
    whole = {name: _by_digits(np.asarray(values[name], float), own, digits) for name, own in form.tensors}
    arrays = {name: _along(array, read[name], labels) for name, array in whole.items()}
    axes = {index: labels.index(label) for index, label in form.bound}
    found = np.asarray(_value(form.value, arrays, axes, sizes))
    extents = [max(a.shape[n] for a in (found, *arrays.values())) for n in range(len(labels))]
    kept = [extents[n] if label in form.result else 1 for n, label in enumerate(labels)]
    left = tuple(n for n, label in enumerate(labels) if label not in form.result)
    return np.broadcast_to(found, kept).squeeze(left)


def _by_digits(array: np.ndarray, own: tuple[Symbol | Digits, ...], extents: Mapping[Symbol, int]) -> np.ndarray:
    """The tensor with one axis for each digit."""
    shape = (
        [extents[v] for v in axis.labels] if isinstance(axis, Digits) else [length]
        for axis, length in zip(own, array.shape, strict=True)
    )
    return array.reshape([length for lengths in shape for length in lengths])


def _along(array: np.ndarray, own: tuple[Symbol, ...], labels: tuple[Symbol, ...]) -> np.ndarray:
    return np.expand_dims(array, [n for n, label in enumerate(labels) if label not in own])


def _value(e: Expr, arrays: Mapping[str, np.ndarray], axes: Mapping[Symbol, int], sizes: Sizes) -> Any:
    match e:
        case Total():
            inner = _value(e.args[0], arrays, axes, sizes)
            return np.sum(inner, axis=tuple(axes[v] for v in e.args[1:]), keepdims=True)
        case Added():
            return sum(_value(a, arrays, axes, sizes) for a in e.args)
        case Elementwise() | Scaled():
            return reduce(np.multiply, (_value(a, arrays, axes, sizes) for a in e.args))
    return scalar(e, {a: arrays[a.tensor] for a in accesses(e) if isinstance(a, Access)}, sizes)
