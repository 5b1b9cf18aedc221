"""A test case of ONNX, a call of our layer that computes it, and their layouts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

TOLERANCE = 1e-5

Array = np.ndarray


@dataclass(frozen=True)
class Case:
    """A test case: one operator.

    Attributes:
        inputs: in order, None for one that is absent.
        attributes: words as text.
        outputs: what is expected, None for one that is not.
    """

    inputs: tuple[Any, ...]
    attributes: dict[str, Any]
    outputs: tuple[Any, ...]

    def given(self, number: int) -> Any:
        """An input, or None."""
        return self.inputs[number] if number < len(self.inputs) else None


@dataclass(frozen=True)
class Call:
    """A call of our layer: its name, its arrays and options by our names, and its outputs as ONNX expects them."""

    layer: str
    arrays: Mapping[str, Array | None]
    options: Mapping[str, Any]
    expected: Mapping[str, Array]
    tolerance: float = TOLERANCE


Adapter = Callable[[Case], Call | str]


# ----- layouts --------------------------------------------------------------------------------------------------------
def last(t: Array, axis: int = 1) -> Array:
    """Channels, or another axis, last."""
    return np.moveaxis(t, axis, -1)


def kernel_first(t: Array) -> Array:
    """(K, C, ...) of a convolution and (C, K, ...) of a transposed one."""
    return np.moveaxis(t, (0, 1), (-1, -2))


def vectors(t: Array, axis: int) -> Array:
    """The axes from `axis` on as one."""
    return t.reshape(*t.shape[:axis], -1)
