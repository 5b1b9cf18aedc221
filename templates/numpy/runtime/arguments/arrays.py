"""What is given as arrays: their types, ranks and kinds, and the labels in them."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .traced import Traced

Array = np.ndarray[tuple[Any, ...], np.dtype[Any]]
"""An array of any shape and type; what `numpy.typing.NDArray[Any]` is, without loading that."""

ARRAYS = np.ndarray, Traced
"""The types of arrays that nothing is asked of but what NumPy's own are."""

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
INTEGERS = (np.dtype(np.int32), np.dtype(np.int64))

LARGEST_INDEX = 2**63 - 1
"""The largest position in an array, and label."""

FEW_VALUES = 1 << 12
"""Integers up to which their least and greatest one are looked for by place."""


def as_array(layer: str, name: str, value: Any) -> Array:
    """`value` as an array of whatever type and shape it has, of no subclass of `np.ndarray`.

    Lists, numbers, tensors in the CPU's memory and whatever else NumPy makes an array of are converted.

    Raises:
        ValueError: for rows of unequal length.
        TypeError: when it cannot be an array otherwise, when it is a tensor that requires a gradient, which would be
            lost, or when elements of it are masked, for the mask would be ignored.
    """
    if type(value) in ARRAYS:
        return value
    _check_whole(layer, name, value)
    try:
        found = np.asanyarray(value)
    except ValueError as error:
        raise ValueError(f"{layer}: argument {name}: expected an array, received rows of unequal length") from error
    except Exception as error:  # whatever a foreign object raises
        reason = str(error).partition("\n")[0][:200]
        raise TypeError(
            f"{layer}: argument {name}: expected an array, received {type(value).__name__}: {reason}"
        ) from error
    _check_whole(layer, name, found)
    if found.dtype == object and not isinstance(value, np.ndarray):
        raise TypeError(f"{layer}: argument {name}: expected an array of numbers, received {type(value).__name__}")
    return np.asarray(found)


def _check_whole(layer: str, name: str, value: Any) -> None:
    """Raise where an array would not hold all that `value` says."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        masked = int(np.ma.getmaskarray(value).sum())
        raise TypeError(
            f"{layer}: argument {name}: expected an array, received a masked array with {masked} masked elements, "
            f"and a mask would be ignored; fill them, {name}.filled(0), or mask by an input of the layer"
        )
    if getattr(value, "requires_grad", False) is True:
        raise TypeError(
            f"{layer}: argument {name}: expected an array, received a tensor that requires a gradient, which an array "
            f"cannot pass on; give {name}.detach(), or make a module of the layer: adapters.torch.as_module(layer)"
        )
    if isinstance(value, list | tuple):
        for part in value:
            if not isinstance(part, int | float):
                _check_whole(layer, name, part)


def array(layer: str, name: str, value: Any, rank: int | None, integer: bool = False) -> Array:
    """`value` as an array of the rank and kind expected; `rank` None for any. Integers become int32 or int64."""
    found = value if type(value) in ARRAYS else as_array(layer, name, value)
    if found.dtype in (INTEGERS if integer else FLOATS) and rank in (None, found.ndim):
        return found
    kinds = "integers" if integer else "float32 or float64"
    right = found.dtype.kind in "iu" if integer else found.dtype in FLOATS
    if not right:
        wanted = "int64" if integer else "float32"
        hint = f"; convert it: np.asarray({name}, np.{wanted})" if found.dtype.kind in "biuf" else ""
        raise TypeError(f"{layer}: argument {name}: expected {kinds}, received {found.dtype}{hint}")
    if rank is not None and found.ndim != rank:
        raise ValueError(f"{layer}: argument {name}: expected {rank} axes, received {found.ndim}, shape {found.shape}")
    if integer and found.dtype not in INTEGERS:
        if found.dtype.itemsize == 8 and found.dtype.kind == "u" and found.size and found.max() > LARGEST_INDEX:
            raise ValueError(f"{layer}: argument {name}: expected integers of int64, received {found.max()}")
        return found.astype(np.int64)
    return found


class Expected(NamedTuple):
    """What is expected of an argument: its rank, None for any, whether it may be None, whether it has integers."""

    name: str
    rank: int | None
    optional: bool
    integers: bool


_RIGHT: dict[tuple[Any, ...], type[Any]] = {}
"""What was expected and given, types and ranks or None each, where that was right; and the type of all floats."""


@cache
def _expected(spec: str) -> tuple[Expected, ...]:
    """Read "w 4, b 1 optional, t any integers"."""
    return tuple(
        Expected(name, None if rank == "any" else int(rank), "optional" in words, "integers" in words)
        for name, rank, *words in (part.split() for part in spec.split(", "))
    )


def arrays(layer: str, spec: str, *given: Any) -> tuple[Any, ...]:
    """The arrays given, and behind them the one floating-point type of all, float64 if there is none.

    Args:
        layer: named in errors.
        spec: the arrays by name with their ranks, as in "w 4, b 1 optional, t any integers": what is optional may be
            None, and what has no integers float32 or float64, all of the same. Integers become int32 or int64.
        given: what they are.

    Raises:
        TypeError: where one is of another kind or type than expected; the first one sets that of floats.
        ValueError: where one has another rank.
    """
    key: list[Any] = [spec]
    for value in given:
        if type(value) in ARRAYS:
            key.append(value.dtype)
            key.append(value.ndim)
        else:
            key.append(None if value is None else type(value))
    kinds = tuple(key)
    dtype = _RIGHT.get(kinds)
    if dtype is not None:  # nearly always
        return (*given, dtype)
    expected = _expected(spec)
    found = [
        None if value is None and e.optional else array(layer, e.name, value, e.rank, e.integers)
        for value, e in zip(given, expected, strict=True)
    ]
    dtype = float_type(layer, **{e.name: value for value, e in zip(found, expected, strict=True) if not e.integers})
    if all(value is made for value, made in zip(given, found, strict=True)):
        _RIGHT[kinds] = dtype
    return (*found, dtype)


def float_type(layer: str, /, **arrays: Array | None) -> type[Any]:
    """The one floating-point type of all the arrays given, float64 if there is none; the first one sets it."""
    first, expected = "", FLOATS[1]
    for name, given in arrays.items():
        if given is None:
            continue
        if not first:
            first, expected = name, given.dtype
        elif given.dtype != expected:
            raise TypeError(
                f"{layer}: argument {name}: expected {expected} as {first} has, received {given.dtype}; convert it, "
                f"np.asarray({name}, np.{expected}), or make the layer with dtype=np.{given.dtype}"
            )
    return expected.type


def held_type(params: Mapping[str, Any]) -> type[Any]:
    """The floating-point type of the first weight, where no array given has one; float64 if there is none."""
    types = (array.dtype for array in params.values() if isinstance(array, np.ndarray) and array.dtype in FLOATS)
    return next(types, FLOATS[1]).type


def scalar_type(*values: Any) -> type[Any]:
    """float32 if all the numbers given are of that NumPy type, else float64."""
    return np.float32 if values and all(getattr(v, "dtype", None) == np.float32 for v in values) else np.float64


def labels(layer: str, name: str, values: Array, classes: int, counted: Any = True) -> None:
    """Raise unless all `values` that are `counted` are positions of an axis of that extent."""
    low, high = _ends(values)
    if low < 0 or high >= classes:
        wrong = np.broadcast_to(((values < 0) | (values >= classes)) & counted, values.shape)
        if wrong.any():
            received = values[wrong].flat[0]
            raise ValueError(f"{layer}: argument {name}: expected labels from 0 to {classes - 1}, received {received}")


def _ends(values: Array) -> tuple[int, int]:
    """The least and the greatest of integers, 0 and -1 of none; of few their places are found faster."""
    if not values.size:
        return 0, -1
    if values.size > FEW_VALUES:
        return int(values.min()), int(values.max())
    return values.item(values.argmin()), values.item(values.argmax())


def recorded(layer: str, name: str, values: Array, count: int) -> None:
    """Raise unless all `values` are positions in windows of so many elements, or -1 for none."""
    low, high = _ends(values)
    if low < -1 or high >= count:
        wrong = values[(values < -1) | (values >= count)].flat[0]
        expected = f"positions in windows from -1 (none) to {count - 1}"
        raise ValueError(f"{layer}: argument {name}: expected {expected}, received {wrong}")
