"""How the function of a kernel is called, whatever backend wrote it: the names and values of its arguments.

Arrays are given by position in the order of `Kernel.arguments`, None for an absent one; options and shapes by name.
"""

from collections.abc import Mapping
from typing import Any

from sympy import Symbol

from gradscribe.codegen.kernel.kernel import role
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import Kind, Option


def shape_argument(tensor: Tensor) -> str:
    """The argument that gives the shape of `tensor`, of those in `Kernel.shaped`."""
    return f"{role(tensor.name)}_shape"


def option_value(option: Option, sizes: Mapping[Symbol, Any]) -> object:
    """The value of an option, as a user writes it, that sets its symbols to `sizes`."""
    values = [sizes[s] for s in option.symbols]
    match option.kind:
        case Kind.PADDING:
            return tuple(zip(values[::2], values[1::2], strict=True))
        case Kind.SIZE:
            return tuple(values)
        case Kind.FLAG:
            return bool(values[0])
        case _:
            return values[0]
