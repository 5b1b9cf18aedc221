"""Records that sum products or reduce windows, which the runtime computes as it likes."""

from dataclasses import dataclass

from sympy import Expr, Symbol

from gradscribe.codegen.numpy.plan.slice_update import Update
from gradscribe.derive.ir.term import Range


@dataclass(frozen=True)
class Contract:
    """``out = scale * sum(left * right)`` over the indices that only the operands have.

    An operand may be a described window. So may `out` (`into`): sums that meet at one position of its source are added
    up. An array `row` is added to each row of the result, or of that source, if it is not absent. How it is computed,
    the runtime decides by the sizes.
    """

    out: str
    left: str
    right: str
    left_axes: tuple[Symbol, ...]
    right_axes: tuple[Symbol, ...]
    axes: tuple[Range, ...]
    scale: Expr
    ranges: tuple[Range, ...]
    accumulate: bool
    into: bool = False
    row: str = ""


@dataclass(frozen=True)
class Reduce:
    """The sum or an extremum of every window of a described window, axis after axis; what is outside is left out.

    Attributes:
        out: the results, an axis per window index.
        op: the word of the reduction.
        window: its indices are `kept` and `taps`.
        kept: the indices that number windows.
        taps: those within a window.
        scale: what the results are multiplied by.
        argument: the array of the positions of extrema, if wanted.
    """

    out: str
    op: str
    window: str
    kept: tuple[Range, ...]
    taps: tuple[Range, ...]
    scale: Update | None = None
    argument: str | None = None


@dataclass(frozen=True)
class Spread:
    """The adjoint: every element of a described window's source is the sum of the values of the windows it is in.

    Attributes:
        out: the window; its indices are `kept` and `taps`.
        values: a value per window.
        kept: the indices that number windows.
        taps: those within a window.
        scale: what the values are multiplied by.
        argument: the array of the positions within the windows of the elements that the values are for, else for all.
        accumulate: whether the source is added to.
    """

    out: str
    values: str
    kept: tuple[Range, ...]
    taps: tuple[Range, ...]
    scale: Update | None = None
    argument: str | None = None
    accumulate: bool = False


@dataclass(frozen=True)
class PartSums:
    """A new array of the sums over a part of an axis for every place, or of what all places give to that part.

    Attributes:
        name: of the array: `source` with the place in place of the summed index.
        source: what is summed.
        source_axes: its axes.
        summed: the index that is summed.
        place: the index that says which part is summed.
        ends: per condition the first and the last element of the part, less the place; () where labels say it.
        labels: the arrays of where parts begin, and end.
        adjoint: whether labels are those of the summed index, and the place is within the parts.
    """

    name: str
    source: str
    source_axes: tuple[Symbol, ...]
    summed: Range
    place: Range
    ends: tuple[tuple[Expr, Expr], ...] = ()
    labels: tuple[str, ...] = ()
    adjoint: bool = False


@dataclass(frozen=True)
class Accumulate:
    """Products of a row of factors at every place of a row, see `derive.calculus.programs.products.running_products`.

    Attributes:
        out: the products.
        factors: the array of factors, whose axes are those of `out` but for the row.
        axis: the first axis of the row.
        places: the indices of the row in `out`.
        ranges: all indices of the factors.
        first: how many factors come first, or which, as `Running` says; None where each product leaves out one.
        backwards: whether the products grow from behind.
        weights: what each product passes on, where `out` is what the factors get of all products.
    """

    out: str
    factors: str
    axis: int
    places: tuple[Range, ...]
    ranges: tuple[Range, ...]
    first: Expr | None = None
    backwards: bool = False
    weights: str = ""
