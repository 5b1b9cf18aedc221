"""Records that make arrays, see them otherwise, or give them back."""

from dataclasses import dataclass

from sympy import Expr

from gradscribe.derive.ir.index import Affine
from gradscribe.derive.ir.term import Range


@dataclass(frozen=True)
class Allocate:
    """A new array; `fill` is what it holds at first, None for uninitialised; `integer` for positions.

    A `buffered` one is taken from the function's buffers.
    """

    name: str
    shape: tuple[Expr, ...]
    fill: float | None
    integer: bool = False
    buffered: bool = False


@dataclass(frozen=True)
class Split:
    """A view in which axes that consist of digits (``K*g + k``) are separate axes."""

    name: str
    source: str
    shape: tuple[Expr, ...]


@dataclass(frozen=True)
class Window:
    """A strided view with one axis per index; reads outside the source give 0 (padded only where needed).

    One that is only `described` is for contractions, which make parts of it, or add to its source.
    """

    name: str
    source: str
    axes: tuple[Range, ...]
    positions: tuple[Affine, ...]
    described: bool = False


@dataclass(frozen=True)
class Release:
    """Arrays that nothing reads any more: `buffered` ones go back to the buffers; without buffers memory is free."""

    buffered: tuple[str, ...]
