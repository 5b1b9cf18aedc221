"""Whether extents are those expected."""

from collections.abc import Sequence
from math import prod
from typing import Any

from .arrays import Array


def extent(layer: str, where: str, received: int, expected: int) -> None:
    """Raise unless an axis has the extent expected."""
    if received != expected:
        raise ValueError(f"{layer}: {where}: expected {expected}, received {received}")


def extents(layer: str, name: str, received: Any, expected: Sequence[int], words: str) -> None:
    """Raise unless all axes have the extents expected; `words` calls the axes by name.

    Received is a shape or an array, or None for one that is left out.
    """
    if received is None:
        return
    found = getattr(received, "shape", received)
    for axis, (word, got, wanted) in enumerate(zip(words.split(", "), found, expected, strict=True)):
        extent(layer, f"argument {name}, axis {axis} ({word})", got, wanted)


def divided(layer: str, where: str, received: int, divisor: int) -> int:
    """`received` divided by what must divide it."""
    if divisor == 0 or received % divisor:
        raise ValueError(f"{layer}: {where}: expected a multiple of {divisor}, received {received}")
    return received // divisor


def same_shape(layer: str, name: str, received: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raise unless two arrays of any rank have the same shape."""
    if received != expected:
        raise ValueError(f"{layer}: argument {name}: expected shape {expected}, received {received}")


def raveled_axes(
    layer: str, name: str, received: tuple[int, ...], before: int, after: int, words: str
) -> tuple[int, ...]:
    """The extents that ``...`` stands for: between the first `before` axes and the last `after`.

    Args:
        layer: named in errors.
        name: the argument, named in errors.
        received: its shape.
        before: how many axes precede.
        after: how many axes follow.
        words: the shape expected, such as "(N, ..., C)".
    """
    least = before + after
    if len(received) < least:
        axes = "axis" if least == 1 else "axes"
        raise ValueError(
            f"{layer}: argument {name}: expected at least {least} {axes}, {words}, "
            f"received {len(received)}, shape {received}"
        )
    return received[before : len(received) - after]


def raveled(layer: str, name: str, array: Array, before: int, after: int, words: str) -> tuple[Array, tuple[int, ...]]:
    """An array with one axis for those that ``...`` stands for, and their extents; see `raveled_axes`."""
    full_shape = raveled_axes(layer, name, array.shape, before, after, words)
    return _with_one_axis(array, before, after, full_shape), full_shape


def same_raveled(
    layer: str, name: str, array: Array, before: int, after: int, words: str, expected: tuple[int, ...]
) -> Array:
    """An array with one axis for ``...``, which must stand for the extents expected; see `raveled_axes`."""
    same_axes(layer, name, array.shape, before, after, words, expected)
    return _with_one_axis(array, before, after, expected)


def _with_one_axis(array: Array, before: int, after: int, full_shape: tuple[int, ...]) -> Array:
    shape_ = array.shape
    return array.reshape(*shape_[:before], prod(full_shape), *shape_[len(shape_) - after :])


def same_axes(
    layer: str,
    name: str,
    received: tuple[int, ...],
    before: int,
    after: int,
    words: str,
    expected: tuple[int, ...],
) -> None:
    """Raise unless ``...`` stands for the extents expected; see `raveled_axes`."""
    found = raveled_axes(layer, name, received, before, after, words)
    if found != expected:
        raise ValueError(
            f"{layer}: argument {name}: expected extents {expected} for ... in {words}, "
            f"received {found}, shape {received}"
        )


def elements(extents: tuple[int, ...]) -> int:
    """How many elements an array of this shape has."""
    return prod(extents)


def fits(layer: str, where: str, windows: int, available: int, needed: int) -> None:
    """Raise unless at least one window fits."""
    if windows < 1:
        raise ValueError(
            f"{layer}: {where}: the kernel is larger than the padded input: "
            f"expected a padded extent of at least {needed}, received {available}"
        )
