"""Records that read and write where labels say."""

from dataclasses import dataclass

from sympy import Expr, Symbol

from gradscribe.derive.ir.term import Range


@dataclass(frozen=True)
class Labels:
    """The array whose elements stand for `index`, and the indices of its axes."""

    index: Symbol
    array: str
    axes: tuple[Symbol, ...]


@dataclass(frozen=True)
class Gather:
    """A new array ``name[axes] = source[...]`` with labels for some axes; 0 where a label is no position."""

    name: str
    source: str
    source_axes: tuple[Symbol, ...]
    labels: tuple[Labels, ...]
    axes: tuple[Range, ...]


@dataclass(frozen=True)
class Count:
    """A new array: for every value of an index, how many of another one meet all brackets.

    Attributes:
        name: of the array.
        along: the index that the array has.
        counted: the other one.
        brackets: ``0 <= step * along + factor * counted + rest < extent``, the factor positive.
    """

    name: str
    along: Range
    counted: Range
    brackets: tuple[tuple[Expr, Expr, Expr, Expr], ...]


@dataclass(frozen=True)
class Known:
    """A new array of brackets: which labels are positions of an axis of that extent."""

    name: str
    labels: str
    extent: Expr


@dataclass(frozen=True)
class ScatterAdd:
    """``target[...] += values`` with labels for some axes of the target; a label that is no position adds nothing.

    `ranges` are the indices of what is added.
    """

    target: str
    target_axes: tuple[Symbol, ...]
    values: str
    values_axes: tuple[Symbol, ...]
    labels: tuple[Labels, ...]
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class ContractByLabel:
    """``out = scale * sum(left * right)``, where a label says which matrix of a factor, or of the result, a row meets.

    Attributes:
        out: a new array, or what is added to.
        left: first factor.
        right: second factor.
        left_axes: its axes; one of them may be the index that the labels stand for.
        right_axes: likewise.
        axes: of the result, likewise.
        labels: an array with one axis, which numbers the rows.
        extent: of the index that the labels stand for.
        scale: a number.
        ranges: all indices but that.
        accumulate: whether `out` is added to.
    """

    out: str
    left: str
    right: str
    left_axes: tuple[Symbol, ...]
    right_axes: tuple[Symbol, ...]
    axes: tuple[Symbol, ...]
    labels: Labels
    extent: Expr
    scale: Expr
    ranges: tuple[Range, ...]
    accumulate: bool


@dataclass(frozen=True)
class LabelExtrema:
    """A new array: for each label the maximum or minimum of the rows that have it; and where that is, if it is wanted.

    Attributes:
        out: the array.
        op: the word of the reduction.
        values: what is compared.
        values_axes: its axes.
        axes: of the result.
        labels: one for each row.
        extent: of the index that they stand for.
        argument: the array of the rows that have the extrema, if wanted.
    """

    out: str
    op: str
    values: str
    values_axes: tuple[Symbol, ...]
    axes: tuple[Symbol, ...]
    labels: Labels
    extent: Expr
    argument: str | None = None
