"""What NumPy does with elements, as functions in C: elements of arrays of any strides, and sums over axes."""

from collections.abc import Sequence
from math import prod

import numpy as np

from ..arguments.arrays import Array
from ..arguments.traced import Untraceable, Uses
from ..machine.compiled import PARTS, STEP, TYPES
from ..machine.configuration import current
from ..machine.memory import empty
from ..machine.native.library import Kernel, kernel
from ..machine.native.sources import ELEMENTS, LOOPS, TOTALS
from ..machine.threads import team_size

WORDS = """
    copy add subtract multiply divide maximum minimum negative absolute square sqrt reciprocal
    exp log tanh expm1 log1p sin cos arctan sinh cosh
    tan arcsin arccos arcsinh arccosh arctanh
    greater greater_equal less less_equal equal not_equal logical_and logical_or logical_not where
"""
OPERATIONS = WORDS.split()
"""In the order of templates/c/elements.c."""

TESTS = frozenset(OPERATIONS[OPERATIONS.index("greater") : OPERATIONS.index("where")])
"""Those whose results are brackets."""

OF_BRACKETS = frozenset({"logical_and", "logical_or", "logical_not"})

REDUCTIONS = ("add", "maximum", "minimum")
"""In the order of templates/c/totals.c."""

AXES, BLOCK, RUN = 6, 1 << 13, 64
"""As in these files."""


def compute(operation: str, out: Array, *read: Array) -> None:
    """Write what an operation makes of arrays, which are broadcast.

    Raises:
        Untraceable: where there are more axes than the function in C has loops for.
    """
    if not out.size:
        return
    arrays = (out, *(np.broadcast_to(a.view(np.ndarray), out.shape) for a in read))
    strides = [_strides(a) for a in arrays] + [(0,) * out.ndim] * (4 - len(arrays))
    axes = _merged(list(zip(out.shape, zip(*strides, strict=True), strict=True)))
    if len(axes) > AXES:
        raise Untraceable("more axes than loops")
    axes = [(1, (0, 0, 0, 0))] * (AXES - len(axes)) + axes
    extents = [n for n, _ in axes]
    *outer, along, across = extents
    parts = prod(outer) * -(-along // max(1, BLOCK // across)) * -(-across // BLOCK)
    numbers = (parts, 1, OPERATIONS.index(operation), *extents, *(s for _, steps in axes for s in steps))
    threads = team_size(out.size * STEP, current().threads)
    alike = ("h" if a.strides == out.strides and a.itemsize == out.itemsize else "-" for a in arrays[1:])
    letters = "w" + "".join(alike) if out.flags.c_contiguous else "a" + "-" * len(read)
    given = (*arrays, *[None] * (4 - len(arrays)))
    _function(LOOPS + ELEMENTS, _real(*arrays), 1)(given, numbers, threads, Uses(letters.ljust(4, "-")))


def total(operation: str, out: Array, source: Array, axes: tuple[int, int]) -> None:
    """Write the sum, maximum or minimum over neighbouring axes, from one to before another, of a packed array."""
    first, behind = axes
    kept, rows, columns = (prod(source.shape[k]) for k in (slice(first), slice(first, behind), slice(behind, None)))
    if not out.size:
        return
    threads = team_size(source.size * STEP, current().threads)
    numbers = numbers_of_total(operation, (kept, rows, columns), threads)
    sums = empty((numbers[0] * columns,), np.float64)
    uses = Uses("w-w" if out.flags.c_contiguous else "a-w")
    function_of_totals(TYPES[source.dtype.char])((out, source, sums), numbers, threads, uses)


def numbers_of_total(operation: str, extents: tuple[int, int, int], threads: int) -> tuple[int, ...]:
    """What templates/c/totals.c is given for such extents: the parts first, each of which has sums of its own."""
    kept, rows, _ = extents
    wanted = PARTS * threads if threads > 1 else 1
    several = -(-kept // wanted) if kept >= wanted or rows < 2 * RUN else 0
    parts = -(-kept // several) if several else kept * min(-(-wanted // kept), rows // RUN)
    return parts, 1, REDUCTIONS.index(operation), *extents, several


def function_of_totals(real: str) -> Kernel:
    """The function in C that sums up, for a type of C.

    Raises:
        Untraceable: where there is no compiler.
    """
    return _function(LOOPS + TOTALS, real, 2)


def _function(text: str, real: str, sweeps: int) -> Kernel:
    found = kernel(text, (("REAL", real), ("SWEEPS", sweeps)))
    if found is None:
        raise Untraceable("no compiler")
    return found


def _real(*arrays: Array) -> str:
    """The type of those that are no brackets."""
    wide = {a.dtype.itemsize for a in arrays if a.dtype != np.bool_}
    return "double" if wide == {8} else "float"


def _strides(array: Array) -> tuple[int, ...]:
    """In elements."""
    if any(s % array.itemsize for s in array.strides):
        raise Untraceable("strides between elements")
    return tuple(s // array.itemsize for s in array.strides)


def _merged(axes: Sequence[tuple[int, tuple[int, ...]]]) -> list[tuple[int, tuple[int, ...]]]:
    """Extents and strides; axes that all arrays go through as one are one."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for extent, steps in axes:
        if extent == 1:
            continue
        if found and found[-1][1] == tuple(extent * step for step in steps):
            found[-1] = found[-1][0] * extent, steps
        else:
            found.append((extent, steps))
    return found
