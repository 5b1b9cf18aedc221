"""The oracle: the value of any Program by its definition. By arrays, which takes NumPy; by one number at a time.

What arrays are needed for is loaded when it is asked for: sizes are computed, and what small examples show, where there
is no NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gradscribe.derive.ir.interpret.plain import Sizes, complete_sizes, number, shape_of

if TYPE_CHECKING:
    from gradscribe.derive.ir.interpret.by_arrays import (
        Grid,
        Values,
        computed,
        evaluate,
        flattened,
        index_box,
        interpret,
        magnitude,
        read,
        summed,
        value,
    )

__all__ = [
    "Grid", "Sizes", "Values", "complete_sizes", "computed", "evaluate", "flattened", "index_box", "interpret",
    "magnitude", "number", "read", "shape_of", "summed", "value",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """What is computed by arrays."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("gradscribe.derive.ir.interpret.by_arrays"), name)
