"""A row as an operation with a name: convolution, correlation, sum, matrix product, product element by element.

A `Product` says how each operand is read along each of its axes, in the parameters that definitions have: stride,
padding, dilation, zeros between elements, what is turned. Its words and its operator form are made from this record,
and `by_definition` computes it without any index expression.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sympy import Expr, Integer, Symbol

ZERO, ONE = Integer(0), Integer(1)


@dataclass(frozen=True)
class Window:
    """An axis that is read in windows, one per element of the result, or element by element where there is no `tap`.

    First the axis is turned round where it is `mirrored`, its elements are put `spread` apart, zeros between them, and
    `before` and `after` zeros are added at its ends; a negative number takes elements away. Then a window begins every
    `stride` elements, and its taps are `dilation` apart.

    Attributes:
        at: counts the windows.
        tap: counts within a window.
        turned: whether the kernel is turned round along `tap`, as a convolution does.
        backwards: whether the windows are counted from the last one.
    """

    at: Symbol
    tap: Symbol | None
    before: Expr
    after: Expr
    stride: Expr = ONE
    dilation: Expr = ONE
    spread: Expr = ONE
    turned: bool = False
    mirrored: bool = False
    backwards: bool = False


@dataclass(frozen=True)
class Repeated:
    """An axis every element of which counts `times`; then zeros are added at its ends, or elements taken away."""

    at: Symbol
    times: Expr
    before: Expr
    after: Expr


@dataclass(frozen=True)
class Digits:
    """An axis that is cut into several, the most significant digit first; one of one element into none."""

    labels: tuple[Symbol, ...]


@dataclass(frozen=True)
class Fixed:
    """One position of an axis."""

    position: Expr


Axis: TypeAlias = Symbol | Window | Repeated | Digits | Fixed
"""How an operand is read along an axis; a label alone reads all of it."""


@dataclass(frozen=True)
class Number:
    """A digit of a position: what a label counts, from `offset` on, and from 0 again after each `modulus`."""

    label: Symbol
    offset: Expr = ZERO
    modulus: Expr | None = None


@dataclass(frozen=True)
class Read:
    """A tensor and how it is read.

    Attributes:
        tensor: its name.
        axes: how, per axis.
        numbers: of a tensor of positions, the digits of a number, in row-major order: what is read is 1 where the
            tensor has that number, and 0 elsewhere. Empty for the tensor itself.
    """

    tensor: str
    axes: tuple[Axis, ...]
    numbers: tuple[Number, ...] = ()

    @property
    def labels(self) -> tuple[Symbol, ...]:
        """What its elements are counted by, each once."""
        own = (label for axis in self.axes for label in labels_of(axis))
        return tuple(dict.fromkeys((*own, *(n.label for n in self.numbers))))

    @property
    def is_diagonal(self) -> bool:
        """Whether two axes are read by one label: then its letter alone is not what is read."""
        own = [label for axis in self.axes for label in labels_of(axis)]
        return len(set(own)) < len(own)


@dataclass(frozen=True)
class Operand:
    """A tensor, or several in one formula element by element.

    Attributes:
        value: the formula, in what `reads` explains.
        reads: accesses and brackets, and what they read.
        shown: what stands for it in words, such as f'(u); None for the formula itself.
    """

    value: Expr
    reads: tuple[tuple[Expr, Read], ...]
    shown: Expr | None = None

    @property
    def axes(self) -> Iterator[Axis]:
        """How the axes of its tensors are read."""
        return (axis for _, read in self.reads for axis in read.axes)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The axes that are read in windows, each once."""
        return tuple(dict.fromkeys(axis for axis in self.axes if isinstance(axis, Window)))

    @property
    def sliding(self) -> bool:
        """Whether a window with taps slides over it."""
        return any(w.tap is not None for w in self.windows)

    @property
    def labels(self) -> tuple[Symbol, ...]:
        """What its elements are counted by, each once."""
        return tuple(dict.fromkeys(label for _, read in self.reads for label in read.labels))


@dataclass(frozen=True)
class Product:
    """``scale * front * sum of the product of the operands``.

    Attributes:
        result: what counts along each axis of the result.
        extents: how many values every label has.
        operands: what is multiplied; at most one is read in windows with taps.
        summed: the labels that are summed over; those that no operand has count as well.
        scale: numbers and sizes.
        front: factors that no sum reaches.
        names: what stands on the page for a label that is a digit of an index.
    """

    result: tuple[Symbol | Digits, ...]
    extents: tuple[tuple[Symbol, Expr], ...]
    operands: tuple[Operand, ...]
    summed: tuple[Symbol, ...] = ()
    scale: Expr = ONE
    front: tuple[Operand, ...] = ()
    names: tuple[tuple[Symbol, Expr], ...] = ()

    def extent(self, label: Symbol) -> Expr:
        """How many values a label has."""
        return dict(self.extents)[label]

    def name(self, label: Symbol) -> Expr:
        """What stands on the page for a label."""
        return dict(self.names).get(label, label)

    @property
    def moved(self) -> Operand | None:
        """The operand that windows slide over."""
        return next((o for o in self.operands if o.sliding), None)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The axes along which windows slide."""
        return self.moved.windows if self.moved is not None else ()

    @property
    def kernels(self) -> tuple[Operand, ...]:
        """What the windows are multiplied by; none is a kernel of ones."""
        return tuple(o for o in self.operands if o is not self.moved)

    @property
    def contracted(self) -> tuple[Symbol, ...]:
        """What is summed over besides the taps of windows."""
        taps = {w.tap for w in self.windows}
        return tuple(label for label in self.summed if label not in taps)

    @property
    def axes(self) -> tuple[Symbol, ...]:
        """The labels of the result; a split axis has several."""
        return tuple(label for axis in self.result for label in labels_of(axis))


@dataclass(frozen=True)
class Caption:
    """A sum of products; `inserted` are captions of gradients that occur in it as operands."""

    summands: tuple[Product, ...]
    inserted: tuple[tuple[str, "Caption"], ...] = ()


@dataclass(frozen=True)
class Whole:
    """A row in whole tensors, element by element but for sums over axes.

    Attributes:
        value: sums, products and functions of accesses without indices; `Total` says over what is summed.
        tensors: what counts along the axes of every tensor; axes of one label are the same.
        result: what counts along the axes of the result, digits apart.
        bound: the index of a sum, and the label that it stands for.
        extents: how many values every label has that is a digit.
    """

    value: Expr
    tensors: tuple[tuple[str, tuple[Symbol | Digits, ...]], ...]
    result: tuple[Symbol, ...]
    bound: tuple[tuple[Symbol, Symbol], ...]
    extents: tuple[tuple[Symbol, Expr], ...] = ()


def labels_of(axis: Axis) -> tuple[Symbol, ...]:
    """What counts along an axis."""
    match axis:
        case Window(at, tap):
            return (at,) if tap is None else (at, tap)
        case Repeated(at):
            return (at,)
        case Digits(labels):
            return labels
        case Fixed():
            return ()
        case _:
            return (axis,)
