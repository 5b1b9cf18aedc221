"""A picture before it is drawn: the elements of the tensors of one equation, and which of them each result reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gradscribe.derive.derivation.forms.example.chosen.numbers import Axes, Numbers, has_numbers, numbers
from gradscribe.derive.derivation.forms.example.chosen.small_sizes import OF_PICTURES
from gradscribe.derive.derivation.forms.example.reads import Read, Summand, left_out, reads
from gradscribe.derive.derivation.forms.example.sheets import Sheet, moved, sheets
from gradscribe.derive.derivation.letters.name import PRIME
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Result, Section, Step
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.interpret.plain import Place
from gradscribe.derive.ir.quote import listed, shown

CLOSED = ".closed"
"""What the name of a closed form ends with."""
MOST_PANELS = 12
"""Matrices that fit beside each other."""


@dataclass(frozen=True)
class Panel:
    """A matrix of elements, and what lies around it, which reads 0.

    Attributes:
        tensor: whose elements these are.
        sheet: the matrix.
        rows: the places of each row, those outside of the tensor with them.
        shape: of the tensor.
    """

    tensor: str
    sheet: Sheet
    rows: tuple[tuple[Place, ...], ...]
    shape: tuple[int, ...]

    def inside(self, at: Place) -> bool:
        """Whether an element is there."""
        return all(0 <= i < extent for i, extent in zip(at, self.shape, strict=True))


@dataclass(frozen=True)
class Picture:
    """An equation with sizes.

    Attributes:
        step: the equation.
        read: the matrices of what it reads, in the order in which it names them.
        result: those of what it computes.
        summands: of every element of the result.
        left_out: what brackets leave out of every element.
        letters: the indices of the result.
    """

    step: Step
    read: tuple[Panel, ...]
    result: tuple[Panel, ...]
    summands: Mapping[Place, tuple[Summand, ...]]
    left_out: Mapping[Place, tuple[Read, ...]]
    letters: tuple[str, ...]

    @cached_property
    def reached(self) -> frozenset[tuple[str, Place]]:
        """The elements that any element of the result reads, or that a bracket leaves out there."""
        read = (r for own in self.summands.values() for s in own for r in (*s.reads, *s.within))
        return frozenset((r.tensor, r.at) for r in (*read, *(r for own in self.left_out.values() for r in own)))

    def is_made(self, at: Place) -> bool:
        """Whether an element has a summand that counts."""
        return any(not summand.zero for summand in self.summands[at])

    @property
    def middle(self) -> Place:
        """An element that is neither first nor last, where there are so many."""
        extents = self.result[0].shape
        return tuple(extent // 2 for extent in extents)


def equations(page: Derivation) -> dict[str, Step]:
    """What can be drawn of a page, by name: the tensors of the forward equations; dx for the gradient by x.

    Where that has a closed form besides, it is dx.closed.
    """
    forward = {d.left.tensor: Step("picture", (), d.left, d.terms, notation=page.notation) for d in page.equations}
    sections = [s for s in page.sections if s.wrt in page.program.tensors]
    gradients = {f"d{s.wrt}{CLOSED if r.closed else ''}": r.step for s in sections for r in _boxes(s)}
    return {**forward, **gradients}


def _boxes(section: Section) -> Iterator[Result]:
    """The first box of a gradient, and its closed form."""
    return (r for n, r in enumerate(section.results) if n == 0 or r.closed)


def picture(page: Derivation, name: str | None = None) -> Picture:
    """The picture of an equation of a page, at small sizes.

    Args:
        page: the derivation, with settings that are to be seen: stride, padding, sizes.
        name: one of `equations`; the first by default.

    Raises:
        EquationError: when there is no such equation, or nothing of it can be drawn.
    """
    known = equations(page)
    chosen = name if name is not None else next(iter(known))
    if chosen not in known:
        raise EquationError(f"{page.name}: no equation of {shown(chosen)}; expected one of {listed(known)}")
    found = numbers(page, OF_PICTURES)
    drawn = found if isinstance(found, str) else _drawn(known[chosen], chosen, found)
    if isinstance(drawn, str):
        raise EquationError(f"{page.name}: no picture of {chosen}: {drawn}")
    return drawn


def pictures(page: Derivation) -> list[Picture]:
    """Those of all equations of a page that can be drawn."""
    found = numbers(page, OF_PICTURES) if has_numbers(page) else ""
    if isinstance(found, str):
        return []
    every = (_drawn(step, name, found) for name, step in equations(page).items())
    return [drawn for drawn in every if isinstance(drawn, Picture)]


def _drawn(step: Step, name: str, found: Numbers) -> Picture | str:
    """The picture of an equation; words that say why there is none."""
    summands = reads(step, found.values, found.known)
    left = left_out(step, found.values, found.known)
    every = [r for own in summands.values() for s in own for r in (*s.reads, *s.within)]
    every += [r for own in left.values() for r in own]
    if not every:
        return "it reads no elements"
    tensor = name.partition(CLOSED)[0]
    axes = found.axes.get(tensor.removeprefix("d") if tensor not in found.axes else tensor, Axes())
    result = _panels(step.left.tensor, found, axes, ())
    read = [
        panel
        for tensor in dict.fromkeys(r.tensor for r in every)
        for panel in _panels(tensor, found, found.axes.get(tensor, Axes()), [r.at for r in every if r.tensor == tensor])
    ]
    if len(read) + len(result) > MOST_PANELS:
        return f"it takes {len(read) + len(result)} matrices"
    letters = tuple(str(v).removesuffix(PRIME) for v in step.left.indices)  # of a closed form they have primes
    return Picture(step, tuple(read), tuple(result), summands, left, letters)


def _panels(tensor: str, found: Numbers, axes: Axes, read: Iterable[Place]) -> list[Panel]:
    shape = found.values[tensor].shape
    places = list(read)
    left = {axis for at in places for axis, i in enumerate(at) if not 0 <= i < shape[axis]}
    return [Panel(tensor, sheet, _rows(sheet, places), shape) for sheet in sheets(tensor, shape, axes, left)]


def _rows(sheet: Sheet, read: Sequence[Place]) -> tuple[tuple[Place, ...], ...]:
    """The places of a matrix, as far as anything is read of it."""
    first, last = sheet.places[0][0], sheet.places[-1][-1]
    fixed = [axis for axis in range(len(first)) if axis not in sheet.along]
    near = [at for at in read if all(at[axis] == first[axis] for axis in fixed)]
    ranges = [
        range(min([first[axis], *(at[axis] for at in near)]), max([last[axis], *(at[axis] for at in near)]) + 1)
        for axis in sheet.along
    ]
    rows, columns = ranges if len(ranges) == 2 else [range(1), *ranges] if ranges else [range(1), range(1)]
    return tuple(tuple(moved(first, sheet.along, (row, column)) for column in columns) for row in rows)


def place_of(drawn: Picture, given: Mapping[str, str]) -> Place:
    """The element with these indices; the others are those of the middle.

    Raises:
        EquationError: for an index that the result has not, or a place that it has not.
    """
    found = list(drawn.middle)
    for letter, text in given.items():
        if letter not in drawn.letters:
            raise EquationError(f"--at {shown(letter)}: no such index; expected one of {listed(drawn.letters)}")
        axis = drawn.letters.index(letter)
        extent = drawn.result[0].shape[axis]
        if not text.isdecimal() or not text.isascii() or int(text[:9]) >= extent or len(text) > 9:
            raise EquationError(f"--at {shown(letter)}={shown(text)}: expected an integer from 0 to {extent - 1}")
        found[axis] = int(text)
    return tuple(found)
