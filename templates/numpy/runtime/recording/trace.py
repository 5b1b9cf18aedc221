"""What a call does, written down while it goes on."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import FLOATS, Array
from ..arguments.traced import UNKNOWN, Traced, Untraceable, Uses
from ..machine.memory import constant, empty
from .elements import OF_BRACKETS, OPERATIONS, REDUCTIONS, TESTS, compute, total

MOST_BYTES = 1 << 30
"""Bytes of memory that a call may ask for while it is recorded."""

MOST_STEPS = 1 << 15
"""Steps of a call that is recorded: each takes about 0.2 ms."""

MOST_PRODUCTS = 1 << 26
"""The sizes of a row and a matrix, multiplied, up to which their product is that of elements, added up."""

NAMED = {"true_divide": "divide", "bitwise_and": "logical_and", "bitwise_or": "logical_or", "invert": "logical_not"}
"""Functions of NumPy that do the same under another name; brackets have no other bits."""


class Step(NamedTuple):
    """A function in C: its address, the arrays and numbers it is given, how many threads compute at most, its uses."""

    address: int
    arrays: tuple[Array | None, ...]
    numbers: tuple[int, ...]
    threads: int
    uses: Uses


class Tracing:
    """A trace, see `Trace`: what is computed is computed by functions in C, and each of their calls is a step.

    Attributes:
        steps: so far.
        made: what memory was asked for, by the array that owns it.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.made: dict[int, Array] = {}
        self._bytes = 0

    def allocate(self, made: Array) -> Array:
        """New memory, as an array of the call."""
        self._bytes += made.nbytes
        if self._bytes > MOST_BYTES:
            raise Untraceable("more memory than is kept")
        self.made[id(owner(made))] = made
        return made.view(Traced)

    def call(
        self,
        address: int,
        arrays: Sequence[Array | None],
        numbers: Sequence[int],
        threads: int,
        uses: Uses = UNKNOWN,
    ) -> None:
        """A function in C that is called."""
        if len(self.steps) >= MOST_STEPS:
            raise Untraceable("more steps than are kept")
        self.steps.append(Step(address, tuple(arrays), tuple(numbers), threads, uses))

    def compute(self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """The result of a function of elements, or of a reduction by one."""
        if method == "reduce":
            return self._reduced(ufunc, *inputs, **options)
        if ufunc is np.matmul and method == "__call__":
            return self._product(*inputs, **options)
        name = NAMED.get(ufunc.__name__, ufunc.__name__)
        out, *more = options.get("out") or (None,)
        if method != "__call__" or name not in OPERATIONS or more or options.keys() - {"out"}:
            raise Untraceable(f"{ufunc.__name__}.{method}")
        kind = np.result_type(*inputs)
        if kind != np.bool_ if name in OF_BRACKETS else kind not in FLOATS:
            raise Untraceable(f"{name} of {kind}")
        read = [self._as_array(value, kind) for value in inputs]
        extents = np.broadcast_shapes(*(a.shape for a in read))
        result = np.dtype(np.bool_) if name in TESTS else kind
        if out is None:
            out = empty(extents, result)
        elif out.dtype != result or out.shape != extents or any(_crossing(out, a) for a in read):
            raise Untraceable(f"{name} into another array")
        compute(name, out, *read)
        return out

    def choose(self, condition: Any, one: Any, other: Any) -> Array:
        """One or the other, element by element."""
        kind = np.result_type(one, other)
        if kind not in FLOATS:
            raise Untraceable(f"where of {kind}")
        kinds = np.dtype(np.bool_), kind, kind
        read = [self._as_array(v, k) for v, k in zip((condition, one, other), kinds, strict=True)]
        out = empty(np.broadcast_shapes(*(a.shape for a in read)), kind)
        compute("where", out, *read)
        return out

    def copy(self, source: Any, target: Any = None) -> Array:
        """The elements of an array, or a number, in a target; in a new array where there is none."""
        if target is None:
            target = empty(source.shape, source.dtype)
        found = self._as_array(source, target.dtype)
        if target.dtype.itemsize not in (4, 8) or _crossing(target, found):
            raise Untraceable("copies of such arrays")
        compute("copy", target, found)
        return target

    def _as_array(self, value: Any, kind: np.dtype[Any]) -> Array:
        """What is read as an array of that type; brackets are 1 or 0 where numbers are."""
        if not isinstance(value, np.ndarray):
            return constant(value, kind)
        if value.dtype == np.bool_ and kind in FLOATS:
            return self.choose(value, constant(1, kind), constant(0, kind))
        if value.dtype != kind:
            raise Untraceable(f"{value.dtype} beside {kind}")
        return value

    def _product(self, one: Array, other: Array, out: Any = None) -> Array:
        """The product of a row and a matrix, or of a matrix and a column: other matrices have ways in C."""
        target = out[0] if isinstance(out, tuple) else out
        if (
            one.ndim != 2
            or other.ndim != 2
            or 1 not in (len(one), other.shape[1])
            or one.size * other.size > MOST_PRODUCTS
        ):
            raise Untraceable("a product of matrices")
        if len(one) == 1:
            found = np.sum(one.T * other, axis=0, keepdims=True)
        else:
            found = np.sum(one * other.T, axis=1, keepdims=True)
        return found if target is None else self.copy(found, target)

    def _reduced(
        self, ufunc: np.ufunc, source: Any, axis: Any = 0, dtype: Any = None, out: Any = None, **options: Any
    ) -> Array:
        """The sum, maximum or minimum over axes; sums in float64 are rounded."""
        wanted = options.pop("initial", np._NoValue)
        if ufunc.__name__ not in REDUCTIONS or source.dtype not in FLOATS or options.pop("where", True) is not True:
            raise Untraceable(f"{ufunc.__name__}.reduce of {source.dtype}")
        if wanted not in (np._NoValue, None, ufunc.identity, *IDENTITIES.get(ufunc.__name__, ())):
            raise Untraceable("a reduction that begins with a number")
        keeps = options.pop("keepdims", False) is True
        axes = range(source.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        places = sorted({k % source.ndim for k in axes})
        found = source if source.flags.c_contiguous else self.copy(source)
        shape = list(source.shape)
        while places:
            behind = places.pop() + 1
            first = behind - 1
            while places and places[-1] == first - 1:
                first = places.pop()
            shape[first:behind] = [1] * (behind - first)
            result = empty(tuple(shape), source.dtype)
            total(ufunc.__name__, result, found, (first, behind))
            found = result
        if not keeps:
            gone = {k % source.ndim for k in axes}
            found = found.reshape([n for k, n in enumerate(source.shape) if k not in gone])
        return found if not out or out[0] is None else self.copy(found, out[0])


IDENTITIES = {"maximum": (-np.inf,), "minimum": (np.inf,)}


def owner(array: Array) -> Array:
    """The array whose memory an array lies in."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def address(array: Array) -> int:
    """Where its first element lies."""
    return int(array.__array_interface__["data"][0])


def _crossing(target: Array, source: Array) -> bool:
    """Whether writing one may change what is still read of the other."""
    if not np.may_share_memory(target.view(np.ndarray), source.view(np.ndarray)):
        return False
    return not (
        address(target) == address(source) and target.strides == source.strides and target.shape == source.shape
    )
