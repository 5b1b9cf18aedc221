"""Sums over rows: for each value of the outermost index, or for each block of rows.

Sums come together in an array of the type of the arrays, a row at a time, and go to float64 every now and then: a long
sum in float32 would stop growing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sympy import Expr, Integer

from gradscribe.codegen.loops.kinds.part_sums import ROWS, own_sums, second_sweep
from gradscribe.codegen.loops.nest import Groups, Nest
from gradscribe.codegen.loops.text.c_function import (
    APART,
    DOUBLE,
    FINAL_LONG,
    LONG,
    ROW,
    SUMS,
    CIf,
)
from gradscribe.codegen.loops.writing.loop_writer import Base, Writer
from gradscribe.codegen.python.expression import Binary, Comparison, Expression, Literal, Name, Part
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign
from gradscribe.derive.ir.term import Access


class Columns:
    """The sums over rows that nests make; there may be none.

    Args:
        w: the function.
        nests: which sums.
    """

    def __init__(self, w: Writer, nests: tuple[Nest, ...]) -> None:
        self.w, self.nests = w, nests
        self.number: Expr = w.nest.vector.extent * len(nests)
        self.running, self.row = w.name("running"), w.name("row")
        self.sums, self.k = w.name("sums"), w.name("k")

    @property
    def places(self) -> dict[Nest, Part]:
        """Sum -> where it comes together."""
        return {nest: self._at(self.running, number) for number, nest in enumerate(self.nests)}

    def before(self) -> None:
        """Before all loops, where each value of the outermost index has sums of its own, added up in a second sweep."""
        if self.nests:
            second_sweep(self.w, self.w.nest.outer[0], self.number, self._finish)
            self._take_running()

    def take(self) -> None:
        """Before all loops, where sums are there when those of the outermost index are done."""
        if self.nests:
            self.w.scratch(SUMS, self.sums, "double", self.w.integer(self.number))
            self._take_running()

    def _take_running(self) -> None:
        self.w.scratch(ROW, self.running, "REAL", self.w.integer(self.number))

    @contextmanager
    def within(self) -> Iterator[None]:
        """Statements within the loop over the outermost index."""
        w = self.w
        if not self.nests:
            yield
            return
        if w.nest.parted:
            own_sums(w, w.nest.outer[0])
        zero = w.number(Integer(0))
        with w.upto(self.k, w.integer(self.number), APART):
            if not w.nest.parted:
                w.let(Part(self.sums, (self.k,)), zero)
            w.let(Part(self.running, (self.k,)), zero)
        w.new(LONG, self.row, ZERO)
        yield
        self._empty()
        if not w.nest.parted:
            self._finish(self.sums)

    def behind_row(self) -> None:
        """Behind a row: add what has come together to the sums, every now and then."""
        if not self.nests:
            return
        self.w.add(self.row, Literal(1))
        with self.w.apart() as body:
            self._empty()
        turn = Comparison((Binary("%", self.row, Literal(ROWS)), ZERO), ("==",))
        self.w.put(CIf(turn, tuple(body)))

    def _empty(self) -> None:
        w = self.w
        running = Part(self.running, (self.k,))
        with w.upto(self.k, w.integer(self.number), APART):
            w.put(Assign(Part(self.sums, (self.k,)), running, "+="), Assign(running, w.number(Integer(0))))

    def _finish(self, sums: Name) -> None:
        """Write the targets, of which later ones may be made of those before."""
        for number, nest in enumerate(self.nests):
            with self.w.block():
                self._finish_one(nest, sums, number)

    def _finish_one(self, nest: Nest, sums: Name, number: int) -> None:
        w, vector = self.w, self.w.nest.vector
        access, groups = Access(nest.target, *nest.place), nest.groups
        if groups is None or groups.range.index not in nest.place:
            bases = w.bases(access + nest.after)
            with w.upto(w.index(vector.index), w.integer(vector.extent), APART):
                self._store(nest, self._at(sums, number), bases)
            return
        total = w.name("total")
        with each_group(w, groups) as (low, high):
            w.new(DOUBLE, total, ZERO)
            with w.loop(w.index(vector.index), low, high):
                w.add(total, self._at(sums, number))
            self._store(nest, total, w.bases(access + nest.after))

    def _store(self, nest: Nest, found: Expression, bases: Mapping[Access, Base]) -> None:
        w = self.w
        if nest.after != 1:
            found = Binary("*", found, w.scalar(nest.after, bases))
        element = w.element(nest.target, bases[Access(nest.target, *nest.place)], {})
        w.put(Assign(element, found, "+=" if nest.adds else "="))

    def _at(self, array: Name, number: int) -> Part:
        w, vector = self.w, self.w.nest.vector
        index: Expression = w.index(vector.index)
        before = w.integer(number * vector.extent)
        return Part(array, (Binary("+", before, index) if number else index,))


@contextmanager
def each_group(w: Writer, groups: Groups) -> Iterator[tuple[Name, Name]]:
    """Statements within the loop over groups, given from where to where the elements of one are."""
    low, high = w.name("low"), w.name("high")
    with w.upto(w.index(groups.range.index), w.integer(groups.range.extent)):
        w.new(FINAL_LONG, low, w.integer(groups.size * groups.range.index))
        w.new(FINAL_LONG, high, Binary("+", low, w.integer(groups.size)))
        yield low, high
