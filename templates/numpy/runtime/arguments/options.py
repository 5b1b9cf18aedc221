"""What is given as options: integers per axis, paddings, flags, numbers, types, shapes."""

import operator
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Self

import numpy as np

from .arrays import LARGEST_INDEX, as_array
from .quote import short

Size = int | Sequence[int]
"""An integer, or one per axis."""

Padding = int | str | Sequence[Any]
"""An integer, one per axis, a (start, end) pair per axis, "same" or "valid"."""

ONLY_INTEGERS = frozenset({int})
"""The types of extents that need no closer look; True is none of them."""

LARGEST_SIZE = 2**31 - 1
"""The largest size that an option sets: products of two sizes are then far from overflow."""


def _are_several(value: Any) -> bool:
    """Whether an option has a value per axis."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)


def _per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """One value per axis: a single one, in a sequence or not, stands for all axes."""
    values = tuple(value) if _are_several(value) else (value,)
    return values * axes if len(values) == 1 else values


def sizes(layer: str, name: str, value: Any, axes: int, minimum: int, maximum: int = LARGEST_SIZE) -> tuple[int, ...]:
    """`value` as one integer per axis; an integer, also one in a tuple, counts for all axes."""
    values = _per_axis(value, axes)
    if len(values) != axes:
        expected = "an integer" if axes == 1 else f"an integer or {axes} of them"
        raise ValueError(f"{layer}: argument {name}: expected {expected}, received {short(value)}")
    return tuple(count(layer, name, v, minimum, maximum) for v in values)


def features(layer: str, /, **values: Any) -> tuple[int, ...]:
    """Numbers of features, integers from 1, by the arguments that they are given as."""
    return tuple(count(layer, name, value, 1) for name, value in values.items())


def count(layer: str, name: str, value: Any, minimum: int, maximum: int = LARGEST_SIZE) -> int:
    """`value` as an integer from `minimum` to `maximum`; a NumPy integer and an array of one integer are integers."""
    if type(value) is int and minimum <= value <= maximum:
        return value
    try:
        found = operator.index(value)
    except TypeError:
        found = None
    if found is None or isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
        raise TypeError(f"{layer}: argument {name}: expected an integer, received {short(value)}")
    if found < minimum:
        raise ValueError(f"{layer}: argument {name}: expected at least {minimum}, received {short(found)}")
    if found > maximum:
        raise ValueError(f"{layer}: argument {name}: expected at most {maximum}, received {short(found)}")
    return found


def flag(layer: str, name: str, value: Any) -> bool:
    """`value` as a Python bool; it counts as 0 or 1 in sizes."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, bool | np.bool):
        raise TypeError(f"{layer}: argument {name}: expected True or False, received {short(value)}")
    return bool(value)


def number(layer: str, name: str, value: Any) -> float:
    """`value` as a float."""
    if hasattr(value, "__array__") and not isinstance(value, np.generic):
        found = as_array(layer, name, value)
        value = found[()] if found.ndim == 0 else value
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        raise TypeError(f"{layer}: argument {name}: expected a number, received {short(value)}")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(f"{layer}: argument {name}: expected a float, received {short(value)}") from error


def paddings(layer: str, value: Any, reach: Sequence[int], stride: Sequence[int]) -> tuple[int, ...]:
    """(start, end) of every axis in a row.

    Args:
        layer: named in errors.
        value: an integer, one per axis, a (start, end) pair per axis, "valid" (none) or "same" (output as large as the
            input at stride 1; the odd element goes to the end, as in PyTorch). One in a tuple stands for all axes.
        reach: extent of the dilated kernel minus one, per axis.
        stride: per axis.
    """
    axes = len(reach)
    if isinstance(value, str):
        if value == "valid":
            return (0, 0) * axes
        if value != "same":
            expected = "'same', 'valid' or integers"
            raise ValueError(f"{layer}: argument padding: expected {expected}, received {short(value)}")
        if any(s != 1 for s in stride):
            raise ValueError(f"{layer}: argument padding: 'same' needs stride 1, received stride {tuple(stride)}")
        return tuple(part for r in reach for part in (r // 2, r - r // 2))
    values = _per_axis(value, axes)
    if len(values) != axes:
        expected = "an integer or a (start, end) pair in a tuple" if axes == 1 else f"an integer or {axes} axes"
        raise ValueError(f"{layer}: argument padding: expected {expected}, received {short(value)}")
    pairs = [tuple(v) if _are_several(v) else (v, v) for v in values]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{layer}: argument padding: expected (start, end) per axis, received {short(value)}")
    return tuple(count(layer, "padding", part, 0) for pair in pairs for part in pair)


def real_type(layer: str, dtype: Any) -> Any:
    """`dtype` as a NumPy type, float32 or float64."""
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise TypeError(f"{layer}: argument dtype: expected float32 or float64, received {short(dtype)}") from error
    if found not in (np.float32, np.float64):
        raise TypeError(f"{layer}: argument dtype: expected float32 or float64, received {found}")
    return found


class Shape(tuple[int, ...]):
    """The shape of an argument, which knows how errors call it."""

    name: str

    def __new__(cls, extents: Iterable[int], name: str) -> Self:
        """The shape of the argument `name`."""
        found = super().__new__(cls, extents)
        found.name = name
        return found

    def axis(self, number: int, word: str) -> str:
        """How errors call one of its axes."""
        return f"argument {self.name}, axis {number} ({word})"


def shape(layer: str, name: str, value: Any, rank: int | None) -> Shape:
    """`value` as a shape of `rank` extents; None for any number of them."""
    if type(value) is tuple and rank in (None, len(value)) and ONLY_INTEGERS.issuperset(map(type, value)):
        return _plain_shape(layer, name, value)  # nearly always: what an array has
    if not isinstance(value, Sequence) or isinstance(value, str) or rank not in (None, len(value)):
        expected = "a shape" if rank is None else f"a shape of {rank} axes"
        raise ValueError(f"{layer}: argument {name}: expected {expected}, received {short(value)}")
    return Shape([count(layer, name, extent, 0, LARGEST_INDEX) for extent in value], name)


@lru_cache(maxsize=1024)
def _plain_shape(layer: str, name: str, value: tuple[int, ...]) -> Shape:
    """Integers as a shape."""
    return Shape([count(layer, name, extent, 0, LARGEST_INDEX) for extent in value], name)


def require(layer: str, name: str, holds: bool, expected: str, received: Any) -> None:
    """Raise unless a requirement of the layer `holds`."""
    if not holds:
        raise ValueError(f"{layer}: argument {name}: expected {expected}, received {short(received)}")
