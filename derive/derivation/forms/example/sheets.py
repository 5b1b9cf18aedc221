"""Tensors on paper: as a number, a row or a matrix; those of more axes as several matrices."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from sympy import Expr, ImmutableMatrix, Integer

from gradscribe.derive.derivation.forms.example.chosen.numbers import Axes
from gradscribe.derive.derivation.forms.example.spelling import place
from gradscribe.derive.derivation.forms.example.worked import rounded
from gradscribe.derive.derivation.record.section_record import Formula
from gradscribe.derive.ir.interpret.plain import Array, Place
from gradscribe.derive.ir.term import Access


@dataclass(frozen=True)
class Sheet:
    """A matrix of a tensor's elements.

    Attributes:
        left: the tensor or, where it takes several matrices, those of its elements that stand in this one.
        places: row by row, where each element stands in the tensor.
        along: the axes of rows and columns, those of columns alone, or none.
    """

    left: Access
    places: tuple[tuple[Place, ...], ...]
    along: tuple[int, ...]


def sheets(name: str, shape: Sequence[int], axes: Axes, kept: Collection[int] = ()) -> Iterator[Sheet]:
    """The matrices of a tensor, such as one for each channel; axes of one element are left out unless they are kept."""
    wide = [axis for axis, extent in enumerate(shape) if extent > 1 or axis in kept]
    seen = [axis for axis in wide if axis in axes.image]
    last = seen if len(seen) == 2 else wide[-2:]
    others = [axis for axis in wide if axis not in last]
    rows, columns = (range(shape[last[-2]]) if len(last) > 1 else (0,)), (range(shape[last[-1]]) if last else (0,))
    for at in product(*(range(shape[axis]) for axis in others)):
        index = [0] * len(shape)
        for axis, position in zip(others, at, strict=True):
            index[axis] = position
        shown = [letter if axis in last else Integer(index[axis]) for axis, letter in enumerate(axes.letters)]
        left = Access(name, *shown) if others and shown else Access(name)
        places = tuple(tuple(moved(index, last, (row, column)) for column in columns) for row in rows)
        yield Sheet(left, places, tuple(last))


def moved(place: Sequence[int], along: Sequence[int], at: tuple[int, int]) -> Place:
    """A place at another row and column along the axes of a matrix."""
    found = list(place)
    for axis, position in zip(along, at[2 - len(along) :], strict=True):
        found[axis] = position
    return tuple(found)


def cell(tensor: str, at: Place) -> str:
    """What an element is called in data: ``x:0,1,1,0``."""
    return f"{tensor}:{','.join(map(str, at))}"


def entry(array: Array, at: Place, axes: Axes) -> Expr:
    """An element as it is printed; of a tensor of places the place."""
    found = array[at]
    return place(int(found), axes.extents) if axes.extents else rounded(float(found))


def formulas(name: str, array: Array, axes: Axes) -> Iterator[Formula]:
    """A tensor as equations between it, or parts of it, and matrices."""
    for sheet in sheets(name, array.shape, axes):
        numbers = [[entry(array, at, axes) for at in row] for row in sheet.places]
        yield Formula(sheet.left, numbers[0][0] if not sheet.along else ImmutableMatrix(numbers))
