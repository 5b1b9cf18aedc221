"""Records that compute elements by an expression: slices, and what is done with them."""

from dataclasses import dataclass

from sympy import Expr, Symbol

from gradscribe.derive.ir.index import Affine
from gradscribe.derive.ir.term import Access, Range


@dataclass(frozen=True)
class Slice:
    """Part of an array inside loops: per axis an affine position in loop indices and at most one vector index."""

    array: str
    positions: tuple[Affine, ...]
    vectors: tuple[Symbol | None, ...]

    @property
    def axes(self) -> tuple[Symbol, ...]:
        """Its vector indices, in order."""
        return tuple(v for v in self.vectors if v is not None)


@dataclass(frozen=True)
class Clip:
    """The range low..high of a vector index within which all constraints ``0 <= a*index + b < extent`` hold."""

    index: Symbol
    extent: Expr
    constraints: tuple[tuple[Expr, Expr, Expr], ...]


@dataclass(frozen=True)
class Update:
    """``target op= value`` on slices, vectorised over `axes`.

    Attributes:
        target: the slice written.
        op: "=", "+=", or the word of a reduction other than a sum.
        body: the scalar expression; its accesses are looked up in `slices`.
        slices: access -> slice.
        axes: the vector indices, the target's first, in order.
        summed: the vector indices that are summed over.
        clipped: the vector indices with a Clip.
        argument: of one that selects: the slice that records positions, and the position.
        ranges: extents of the vector indices.
    """

    target: Slice
    op: str
    body: Expr
    slices: tuple[tuple[Access, Slice], ...]
    axes: tuple[Symbol, ...]
    summed: tuple[Symbol, ...]
    clipped: tuple[Symbol, ...]
    ranges: tuple[Range, ...]
    argument: tuple[Slice, Expr] | None = None

    @property
    def is_sum(self) -> bool:
        """Whether it adds, or only assigns."""
        return self.op in ("=", "+=")

    @property
    def whole(self) -> bool:
        """Whether all of the array is written, each axis along an index of its own."""
        axes = zip(self.target.positions, self.target.vectors, strict=True)
        return all(v is not None and v not in self.clipped and f.plain() is not None for f, v in axes)


@dataclass(frozen=True)
class Define:
    """A new array given by a pointwise expression over whole arrays; a `buffered` one is taken from the buffers.

    With `into` there is an array for it already, which may be written into or replaced; a `view` of one may not be.
    """

    name: str
    update: Update
    buffered: bool = False
    into: bool = False
    view: bool = False


@dataclass(frozen=True)
class Positions:
    """A new array of integers given by an expression over whole arrays: labels that are computed."""

    name: str
    update: Update


@dataclass(frozen=True)
class Scale:
    """Multiply a whole array by a pointwise expression, in place."""

    update: Update
