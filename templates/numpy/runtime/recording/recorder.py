"""How a call is recorded, and tried on other numbers before it is made again."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ..arguments.arrays import Array
from ..arguments.traced import Traced, Untraceable, traced
from ..machine.configuration import settings
from ..machine.memory import Buffers
from .dry_runs import compile_ahead
from .layout.arena import Arena
from .recording import Kind, Recording
from .trace import Tracing
from .tree import leaves, rebuilt

CLOSE = {4: 1e-3, 8: 1e-9}
"""By how much of the greatest number results may differ, by the bytes of an element."""

FEW = 0.01
"""The share of elements that may differ by more: where two are nearly equal the other one may be the greater."""


def record(
    function: Callable[..., Any], given: tuple[Any, ...], options: Mapping[str, Any], held: bool, arena: Arena
) -> Recording:
    """A recording of a call.

    Args:
        function: that is called.
        given: what it is given, in order.
        options: the same by name.
        held: whether it takes buffers: what lies in them is held from call to call.
        arena: memory that it shares with other calls.

    Raises:
        Untraceable: when something is computed otherwise than by functions in C, as a call with other numbers shows.
    """
    with settings(backend="compiled"), np.errstate(all="ignore"):
        compile_ahead(lambda: _traced(function, given, options, held))
        ends = [*leaves(given), *options.values()]
        recording = Recording(ends, *_traced(function, given, options, held), arena)
        _check(recording, function, given, options)
    return recording


def _traced(
    function: Callable[..., Any], given: tuple[Any, ...], options: Mapping[str, Any], held: bool
) -> tuple[Tracing, Any, list[Array]]:
    """A call on arrays that are traced: its trace, what it returns, and what it holds."""
    trace, buffers = Tracing(), Buffers()
    views = rebuilt(given, lambda v: v.view(Traced) if isinstance(v, np.ndarray) else v)
    with traced(trace):
        result = function(*views, **({"buffers": buffers} if held else {}), **options)
    return trace, result, buffers.taken


def _check(
    recording: Recording, function: Callable[..., Any], given: tuple[Any, ...], options: Mapping[str, Any]
) -> None:
    """Make a call again on other numbers, in memory that is full of NaN: whatever is not recorded shows.

    The numbers depend on shapes and types alone, so that all calls of a kind are recorded or none is.
    """
    for sign in (-1, 1):  # a saved variance is positive, and nothing says so
        ends = _varied([*leaves(given), *options.values()], recording.kinds, sign)
        other = _with(given, ends)
        expected = leaves(function(*other, **options))
        if all(map(_is_finite, expected)):
            break
    else:
        raise Untraceable("no numbers that stay finite were found")
    for array in recording.kept:
        if array.flags.writeable:
            array.fill(np.nan if array.dtype.kind == "f" else 0)
    if not all(map(_is_close, leaves(recording.made_again(ends, blank=True)), expected)):
        raise Untraceable("something is not recorded")


def _with(given: tuple[Any, ...], ends: Sequence[Any]) -> Any:
    """The same tree with other arrays."""
    arrays = (end for end in ends if isinstance(end, np.ndarray))
    return rebuilt(given, lambda v: next(arrays) if isinstance(v, np.ndarray) else v)


def _varied(given: Sequence[Any], expected: Sequence[Kind], sign: int) -> list[Any]:
    """Other numbers, none of them 0, from `sign` to 1, and the same integers; parts of others are parts of these.

    With more than one axis they are so small that sums over all but the last one stay about as large.
    """
    rng = np.random.default_rng(0)
    found = [_other(v, rng, sign) if isinstance(v, np.ndarray) else v for v in given]
    for k, kind in enumerate(expected):
        if kind.within is not None and kind.shape is not None:
            found[k] = np.ndarray(kind.shape, kind.dtype, found[kind.within], kind.start)
    return found


def _other(value: Array, rng: np.random.Generator, sign: int) -> Array:
    if value.dtype.kind != "f":
        return value.copy()
    found = rng.random(value.shape, value.dtype.type)
    found *= 1 - sign
    found += sign + 2**-10
    summed = prod(value.shape[:-1]) if value.ndim > 1 else 1
    found *= (summed if sign > 0 else np.sqrt(summed / 3)) ** -1
    return found


def _is_finite(expected: Any) -> bool:
    return not isinstance(expected, np.ndarray) or expected.dtype.kind != "f" or bool(np.isfinite(expected).all())


def _is_close(found: Any, expected: Any) -> bool:
    if not isinstance(expected, np.ndarray):
        return bool(found == expected)
    if expected.dtype.kind != "f":
        return bool(np.mean(found != expected) <= FEW)
    most = CLOSE[expected.itemsize] * float(np.max(np.abs(expected), initial=0))
    return bool(np.mean(~(np.abs(found - expected) <= most)) <= FEW)
