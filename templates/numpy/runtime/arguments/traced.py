"""Arrays of a call that is recorded: what NumPy would do with their elements, a trace does (see `recording`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np


class Untraceable(Exception):
    """Something was done with an array that no function in C does."""


class Uses(NamedTuple):
    """What a function in C does with the arrays that it is given.

    Attributes:
        letters: of each array: "w" all of it is written, row by row or as it is told; "a" the same, and what was there
            is read before; "r" each row reads its own part, "h" just where it writes; "-" it is read; "*" all of it is
            written; "?" nothing is known, which "" says of all.
        rows: how many there are, each of which has one of as many equal parts of arrays; 0 where nothing goes by rows.
        piece: bytes: what is written is told in multiples of so many, each of which begins at a multiple; 0: never.
    """

    letters: str = ""
    rows: int = 0
    piece: int = 0


UNKNOWN = Uses()


class Trace(Protocol):
    """What a recorded call is written down in."""

    def allocate(self, made: Any) -> Any:
        """New memory, as an array of the call."""

    def compute(self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """The result of a function of elements, or of a reduction by one."""

    def choose(self, condition: Any, one: Any, other: Any) -> Any:
        """One or the other, element by element."""

    def copy(self, source: Any, target: Any = None) -> Any:
        """The elements of an array, or a number, in a target; in a new array where there is none."""

    def call(self, address: int, arrays: Any, numbers: Any, threads: int, uses: "Uses") -> None:
        """A function in C that is called."""


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def tracing() -> Trace | None:
    """The trace of the call that goes on; None where it is not recorded."""
    return _trace.get()


@contextmanager
def traced(trace: Trace) -> Iterator[None]:
    """Within a ``with`` statement calls are recorded in a trace."""
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


def _refuse(name: str) -> NoReturn:
    raise Untraceable(name)


def _active() -> Trace:
    return tracing() or _refuse("an array outlived its trace")


VIEWS = frozenset({
    np.broadcast_to, np.expand_dims, np.moveaxis, np.ndim, np.reshape, np.result_type, np.shape, np.size, np.squeeze,
    np.swapaxes, np.transpose, np.empty_like, np.sum, np.max, np.min,
})  # fmt: skip
"""Functions that look at no element, or do so by methods that are traced."""


class Traced(np.ndarray):
    """An array of a call that is recorded."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return _active().compute(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function is np.where and len(args) == 3 and not options:
            return _active().choose(*args)
        if function is np.copyto and len(args) == 2 and not options:
            return _active().copy(args[1], args[0])
        if function is np.dot and len(args) == 2:
            return _active().compute(np.matmul, "__call__", args, options)
        if function not in VIEWS:
            _refuse(function.__name__)
        return super().__array_function__(function, types, args, options)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__((*_places(key), ...) if ... not in _places(key) else key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _active().copy(value, self[key])

    def fill(self, value: Any) -> None:
        """As NumPy's."""
        _active().copy(value, self)

    def copy(self, order: Any = "C") -> Any:
        """As NumPy's, in the order of the axes."""
        return _active().copy(self)

    def astype(self, dtype: Any, *args: Any, copy: bool = True, **options: Any) -> Any:  # type: ignore[override]
        """As NumPy's, for the same type; brackets become 1 or 0."""
        if self.dtype == np.bool_:
            return _active().choose(self, np.dtype(dtype).type(1), np.dtype(dtype).type(0))
        if np.dtype(dtype) != self.dtype or args or options:
            _refuse("astype")
        return self.copy() if copy else self

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """As NumPy's, where that is a view."""
        found = super().reshape(*shape, **options)
        same = found.__array_interface__["data"] == self.__array_interface__["data"]
        return found if same or not self.size else _refuse("reshape")

    @property
    def flat(self) -> NoReturn:
        """As NumPy's, where that is none."""
        _refuse("flat")


def _places(key: Any) -> tuple[Any, ...]:
    """What stands between the brackets, without places that are listed in an array."""
    places = key if isinstance(key, tuple) else (key,)
    if not all(place is None or place is ... or isinstance(place, (int, slice)) for place in places):
        _refuse("an index that is an array")
    return places


def _refusal(name: str) -> Any:
    def method(self: Any, *args: Any, **options: Any) -> NoReturn:
        _refuse(name)

    return method


REFUSED = """
    __bool__ __complex__ __float__ __index__ __int__ argmax argmin argpartition argsort byteswap choose clip compress
    conj conjugate cumprod cumsum diagonal dot dump dumps item itemset nonzero partition put ravel repeat
    resize round searchsorted setfield sort take tobytes tofile tolist trace
"""
"""What looks at elements otherwise."""
for _name in REFUSED.split():
    setattr(Traced, _name, _refusal(_name))
