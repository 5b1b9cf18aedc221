"""Dry runs: what a network's call needs is compiled several at a time, before the call computes anything.

A dry run goes through the same Python on arrays that nobody has written to, and functions in C are noted instead of
called (see `machine.ahead`). It sees copies: no weight, no result and no statistic of the network is read or written.
"""

from collections.abc import Callable
from copy import copy
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from ..machine.ahead import dry_run
from ..machine.configuration import current, has_c
from ..machine.memory import Buffers
from ..recording.dry_runs import compile_ahead
from .layer import Layer

Method = TypeVar("Method", bound=Callable[..., Any])
MOST_KNOWN = 256
"""Calls of one network that are known to have what they need; all are forgotten when there are more."""


def rehearsed(method: Method) -> Method:
    """A method of generated layers whose first call for given shapes and types begins with a dry run."""

    @wraps(method)
    def called(self: Any, *given: Any, **named: Any) -> Any:
        wanted = current()
        if wanted.backend in ("auto", "compiled") and dry_run() is None:
            known = vars(self).setdefault("_known", set())
            told = method.__name__, wanted, *map(_kind, given), *map(_kind, named.values())
            if told not in known:
                if len(known) >= MOST_KNOWN:
                    known.clear()
                known.add(told)
                if has_c() and is_generated(self):
                    compile_ahead(lambda: method(blank(self), *blank(given), **blank(named)))
        return method(self, *given, **named)

    return called  # type: ignore[return-value]  # it has the signature of the method


def _kind(given: Any) -> Any:
    return (given.shape, given.dtype) if isinstance(given, np.ndarray) else type(given)


def is_generated(layer: Any) -> bool:
    """Whether a layer, or all in a row of them, are as they were generated: those of others may do anything."""
    if isinstance(layer, Layer):
        return "layer" in vars(type(layer))
    row = vars(layer).get("layers")
    return isinstance(row, tuple) and all(is_generated(own) for own in row)


def blank(value: Any) -> Any:
    """The same with other arrays, of any content; integers are 0, which is a label and a position.

    Of layers, and of rows of them, it is a copy.
    """
    if isinstance(value, np.ndarray):
        return np.empty_like(value) if value.dtype.kind == "f" else np.zeros(value.shape, value.dtype)
    if isinstance(value, dict):
        return {name: blank(v) for name, v in value.items()}
    if isinstance(value, tuple):
        found = [blank(v) for v in value]
        return type(value)(*found) if hasattr(value, "_fields") else tuple(found)
    if isinstance(value, list):
        return [blank(v) for v in value]
    if isinstance(value, Buffers):
        return Buffers()
    if isinstance(value, Layer) or (hasattr(value, "layers") and is_generated(value)):
        found = copy(value)
        vars(found).update(blank(vars(value)))
        return found
    return value
