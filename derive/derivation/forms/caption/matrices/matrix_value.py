"""A matrix form computed: matrices cut out of tensors, multiplied with NumPy, and folded back to where windows lay."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sympy import Symbol

from gradscribe.derive.derivation.forms.caption.by_definition import Sizes, Values, extent, labelled, product_value
from gradscribe.derive.derivation.forms.caption.matrices.matrix_record import MatrixForm, Unfolding
from gradscribe.derive.derivation.forms.caption.operation import Operand


def forward_value(form: MatrixForm, values: Values, sizes: Sizes) -> np.ndarray:
    """``sum of X̂ Ŵ + added``; `values` has the target, for its shape."""
    total = sum(product_value(made, values, sizes) for _, made in form.added)
    for part in form.parts:
        data, weights = matrices(part, values, sizes)
        total = total + _tensor(data @ weights, part, (*part.rows, *part.columns), _result(part), sizes)
    return np.asarray(total).reshape(np.shape(values[form.target]))


def gradient_values(form: MatrixForm, values: Values, sizes: Sizes) -> dict[str, np.ndarray]:
    """``X̂ᵀ δ̂`` and ``δ̂ Ŵᵀ`` folded back, by tensor; those of a tensor that several parts read are added up."""
    found: dict[str, np.ndarray] = {}
    for part in form.parts:
        data, weights = matrices(part, values, sizes)
        delta = values[form.gradient].reshape([extent(part.product, v, sizes) for v in _result(part)])
        signal = _matrix(delta, _result(part), (part.rows, part.columns), part, sizes)
        products = (signal @ np.swapaxes(weights, -1, -2), np.swapaxes(data, -1, -2) @ signal)
        axes = ((part.rows, part.inner), (part.inner, part.columns))
        for operand, name, matrix, (up, across) in zip(
            (part.data, part.weights), part.tensors, products, axes, strict=True
        ):
            own = _tensor(matrix, part, (*up, *across), operand.labels, sizes)
            folded = _folded(own, operand, part, np.shape(values[name]), sizes)
            found[name] = found[name] + folded if name in found else folded
    return found


def matrices(part: Unfolding, values: Values, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """X̂ and Ŵ, one of each for every value of the labels `batch`."""
    turned = {w.tap for w in part.product.windows if w.turned}
    data = labelled(part.data, part.product, values, sizes, turned)
    weights = labelled(part.weights, part.product, values, sizes, set())
    return (
        _matrix(data, part.data.labels, (part.rows, part.inner), part, sizes),
        _matrix(weights, part.weights.labels, (part.inner, part.columns), part, sizes),
    )


def _matrix(
    array: np.ndarray, labels: Sequence[Symbol], sides: tuple[Sequence[Symbol], ...], part: Unfolding, sizes: Sizes
) -> np.ndarray:
    order = (*part.batch, *sides[0], *sides[1])
    found = np.transpose(array, [labels.index(v) for v in order])
    counts = [int(np.prod([extent(part.product, v, sizes) for v in side])) for side in (part.batch, *sides)]
    return found.reshape(counts)


def _tensor(
    matrix: np.ndarray, part: Unfolding, sides: Sequence[Symbol], labels: Sequence[Symbol], sizes: Sizes
) -> np.ndarray:
    """The elements of a matrix along these labels."""
    order = (*part.batch, *sides)
    array = matrix.reshape([extent(part.product, v, sizes) for v in order])
    found = np.transpose(array, [order.index(v) for v in labels])
    return found


def _folded(
    array: np.ndarray, operand: Operand, part: Unfolding, shape: tuple[int, ...], sizes: Mapping[Symbol, Any]
) -> np.ndarray:
    """Every element added to the place of the tensor that it was read from; what was read as padding is dropped."""
    name = operand.reads[0][1].tensor
    turned = {w.tap for w in part.product.windows if w.turned} if operand is part.data else set()
    count = int(np.prod(shape))
    numbers = np.arange(1, count + 1, dtype=float).reshape(shape)  # 0 is padding
    places = labelled(operand, part.product, {name: numbers}, sizes, turned).astype(int)
    return np.bincount(places.ravel(), array.ravel(), count + 1)[1:].reshape(shape)


def _result(part: Unfolding) -> tuple[Symbol, ...]:
    return part.product.axes
