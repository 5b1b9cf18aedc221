"""Arrays as the function to be checked has them: gradscribe's channels-last, or PyTorch's channels-first.

Channels-first moves the last axis of every array of three or more axes to the second place, x (N, H, W, C) becoming
(N, C, H, W), and the last two axes of such a weight to the front, exchanged: w (R, T, C, K) becomes (K, C, R, T).
"""

import numpy as np

from gradscribe.codegen.tool.check.problem.parameter_names import CheckError
from gradscribe.derive.ir.quote import quoted
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import Layer

LAYOUTS = ("channels-last", "channels-first")


def order(layer: Layer, tensor: Tensor, layout: str, rank: int) -> tuple[int, ...]:
    """The axes of the array given, by their numbers in gradscribe's.

    Args:
        layer: the layer, which knows its weights.
        tensor: the tensor that the array is one of.
        layout: one of LAYOUTS.
        rank: how many axes the array has.
    """
    axes = tuple(range(rank))
    if layout == "channels-last" or rank < 3:
        return axes
    if tensor.name in layer.weights:
        return (rank - 1, rank - 2, *axes[:-2])
    return (0, rank - 1, *axes[1:-1])


def to_layout(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The array with its axes in that order, contiguous."""
    return np.ascontiguousarray(np.transpose(array, axes)) if array.ndim else array


def checked_layout(layer: Layer, layout: str, axes: int) -> str:
    """`layout` if there is such a one and the layer has arrays that it concerns.

    Raises:
        CheckError: otherwise.
    """
    if layout not in LAYOUTS:
        raise CheckError(f"unknown layout {quoted(layout)}; expected one of {', '.join(LAYOUTS)}")
    tensors = layer.program.inputs
    ranks = [len(t.shape) + (axes - 1 if t.ravel is not None else 0) for t in tensors]
    if layout == "channels-first" and all(rank < 3 for rank in ranks):
        raise CheckError(f"{layer.name}: has no images; expected --layout channels-last")
    return layout
