"""Sizes that are bound once for each set of shapes, types and options, and kept."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import ARRAYS
from .options import Shape

MOST_KEPT = 256
"""Sets of shapes, types and options of one function; all are forgotten when there are more."""

PLAIN = frozenset({bool, int, str, type(None)})
"""The types of options that are one value. True, 1 and 1.0 are equal, and not the same option."""


class Once:
    """A function of shapes, types and options that is called once for each set of them.

    No array that is given is kept, and no error. Options that are no plain values, lists such as [1, 2] or numbers of
    NumPy, are looked at each time.

    Args:
        function: is given the type and the shapes, which stand before its ``/``, and options; None for what is absent.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.names = function.__code__.co_varnames[1 : function.__code__.co_posonlyargcount]
        self.kept: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def __call__(self, dtype: Any, *given: Any) -> Any:
        """What the function returns for these arrays, which it has the shapes of, and these options."""
        last = len(self.names)
        key: list[Any] = [dtype]
        for array in given[:last]:
            key.append(array.shape if type(array) in ARRAYS else array)
        for option in given[last:]:
            kind = type(option)
            if kind in PLAIN:
                key.append(kind)
                key.append(option)
            elif kind is tuple and _is_plain(option):
                key.append(option)
            elif kind is float:
                key.append(option.hex())  # 0.0 and -0.0 are equal
            else:
                return self._called(dtype, given)
        known = tuple(key)
        found = self.kept.get(known)
        if found is None:
            found = self._called(dtype, given)
            if len(self.kept) >= MOST_KEPT:
                self.kept.clear()
            self.kept[known] = found
        return found

    def _called(self, dtype: Any, given: tuple[Any, ...]) -> Any:
        named = zip(self.names, given, strict=False)
        shapes = (Shape(a.shape, name) if isinstance(a, np.ndarray) else a for name, a in named)
        found = self.function(dtype, *shapes, *given[len(self.names) :])
        for value in found:
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        return found


def _is_plain(values: tuple[Any, ...]) -> bool:
    """Whether there are integers only, or pairs of them."""
    return all(type(v) is int or (type(v) is tuple and _is_plain(v)) for v in values)


once = Once
"""Decorates a function of shapes, types and options."""
