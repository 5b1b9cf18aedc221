"""What a call keeps for backward, taken apart into arrays and the structure around them, and put together again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradscribe.adapters.named import Array


@dataclass(frozen=True)
class Slot:
    """The place of an array in a list of arrays."""

    index: int


def taken_apart(saved: Any, arrays: list[Any]) -> Any:
    """The structure of `saved`, each array replaced by its place in `arrays`; those that are not there are appended.

    Args:
        saved: arrays, and tuples, lists and dictionaries of them; anything else stays in the structure as it is.
        arrays: what is there anyway, such as the inputs.
    """
    if isinstance(saved, (np.ndarray, np.generic)):
        for k, array in enumerate(arrays):
            if _same(array, saved):
                return Slot(k)
        arrays.append(saved)
        return Slot(len(arrays) - 1)
    if isinstance(saved, dict):
        return {name: taken_apart(value, arrays) for name, value in saved.items()}
    if isinstance(saved, (tuple, list)):
        return type(saved)([taken_apart(value, arrays) for value in saved])
    return saved


def put_together(structure: Any, arrays: Sequence[Array]) -> Any:
    """What `taken_apart` took apart."""
    if isinstance(structure, Slot):
        return arrays[structure.index]
    if isinstance(structure, dict):
        return {name: put_together(value, arrays) for name, value in structure.items()}
    if isinstance(structure, (tuple, list)):
        return type(structure)([put_together(value, arrays) for value in structure])
    return structure


def _same(one: Any, other: Any) -> bool:
    """Whether two arrays are the same elements of memory in the same order."""
    if one is other:
        return True
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)) or one.size == 0:
        return False
    return (one.ctypes.data, one.shape, one.strides, one.dtype) == (
        other.ctypes.data, other.shape, other.strides, other.dtype
    )  # fmt: skip
