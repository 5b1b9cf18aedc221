"""Sums over rows, and those of squares about their means: of a few rows at a time, in the cache when read again.

Squares about the means of different rows come together by Chan's formula: the squares of both, and n m / (n + m) times
the square of the distance of the means. Sums are those of distances to a shift, the means of the first rows, so that
nothing cancels, and what rounding has left beside the means of a few rows is summed up when these are read again.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from sympy import Expr, Integer

from gradscribe.codegen.loops.kinds.part_sums import ROWS, own_sums, second_sweep
from gradscribe.codegen.loops.kinds.passes.column_sums import Columns
from gradscribe.codegen.loops.kinds.passes.row_group import all_read, write_group
from gradscribe.codegen.loops.nest import BLOCK, Nest
from gradscribe.codegen.loops.text.c_function import (
    APART,
    FINAL_DOUBLE,
    FINAL_LONG,
    FINAL_REAL,
    ROW,
    CIf,
    Count,
)
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import (
    Binary,
    Choice,
    Comparison,
    Expression,
    Literal,
    Name,
    Part,
    call,
    chain,
)
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.derive.ir.term import Access, accesses

MEANS = "the means of a few rows"
"""A row of the function's own; no array of a program has such a name."""


class Moments(Columns):
    """Sums over rows of which some are squares about means.

    Args:
        w: the function.
        nests: which sums.
    """

    def __init__(self, w: Writer, nests: tuple[Nest, ...]) -> None:
        super().__init__(w, nests)
        by_target = {n.target: k for k, n in enumerate(nests)}
        read = [{by_target[a.tensor] for a in accesses(n.body) if a.tensor in by_target} for n in nests]
        self.mean_of = {k: next(iter(found)) for k, found in enumerate(read) if found}
        self.means = tuple(dict.fromkeys(self.mean_of.values()))
        v = w.nest.vector
        w.memory[MEANS], w.shapes[MEANS] = w.name("means"), (v.extent * len(self.means),)
        self.known: dict[Expr, Expr] = {
            Access(nests[k].target, *nests[k].place): Access(MEANS, number * v.extent + v.index)
            for number, k in enumerate(self.means)
        }
        self.parts = w.name("parts")
        self.rows, self.more, self.weight = (w.name(word) for word in ("rows", "more", "weight"))
        self.of_rows, self.of_more = w.name("of_rows"), w.name("of_more")

    def before(self) -> None:
        """Before all loops."""
        w = self.w
        number = self.number + w.shapes[MEANS][0]  # the shifts stand behind the sums
        second_sweep(w, w.nest.outer[0], number, self.finish_parts, self.add_part)
        self._take_running()
        w.scratch(ROW, w.memory[MEANS], "REAL", w.integer(w.shapes[MEANS][0]))

    # ----- a few rows -----------------------------------------------------------------------------------------------
    def fill_means(self, share: Name) -> None:
        """Compute the means of the rows, of which each has such a share; what is left beside them is summed up next."""
        for k in self.means:
            running = self._at(self.running, k)
            with self._columns():
                self.w.let(self._mean(k), Binary("*", running, share))
                self.w.let(running, self.w.number(Integer(0)))

    @property
    def remainders(self) -> dict[Nest, Part]:
        """The sums of what is left beside the means, which are not exact, each with its place."""
        found = ((self.nests[k], self._at(self.running, k)) for k in self.means)
        return {replace(n, body=n.body - Access(n.target, *n.place)): place for n, place in found}

    def write_row(self, stage: Sequence[Nest], places: Mapping[Nest, Part]) -> None:
        """Write what a stage does with a row; means are those of the rows."""
        w = self.w
        own = {m: replace(m, body=m.body.xreplace(self.known)) for m in stage}
        limits = ZERO, w.integer(w.nest.vector.extent)
        here = {own[m]: places[m] for m in stage if m.kind == "column_sums"}
        write_group(w, tuple(own.values()), w.bases(all_read(tuple(own.values()))), limits, set(), here)

    def put_together(self) -> None:
        """Add the sums of `more` rows to those of the `rows` before."""
        w, zero = self.w, self.w.number(Integer(0))
        with w.apart() as begun:
            for k in self.means:  # no shift is infinite
                finite = Comparison((Binary("-", self._mean(k), self._mean(k)), ZERO), ("==",))
                with self._columns():
                    w.let(self._shift(self.sums, k), Choice(self._mean(k), finite, zero))
        w.put(CIf(Comparison((self.rows, ZERO), ("==",)), tuple(begun)))
        self._weigh()
        for k in self.means:  # and beside an infinite mean nothing is left
            running = self._at(self.running, k)
            left = Choice(running, Comparison((running, running), ("==",)), zero)
            with self._columns():
                self._add_mean(k, self.sums, self._mean(k), left, self._squares)
        for k in self._others:
            with self._columns():
                w.add(self._at(self.sums, k), self._at(self.running, k))

    # ----- parts ----------------------------------------------------------------------------------------------------
    def add_part(self, part: Name, first: Expression) -> None:
        """Write what adds the sums of a part, which begin there, to those of the parts before."""
        w, (_, r) = self.w, self.w.nest.outer
        before = Binary("*", part, Literal(BLOCK))
        w.new(FINAL_DOUBLE, self.rows, before)
        w.new(FINAL_DOUBLE, self.more, call("min", Literal(BLOCK), Binary("-", w.integer(r.extent), before)))
        self._weigh()

        def there(place: Part) -> Part:
            return Part(self.parts, (Binary("+", first, place.subscripts[0]),))

        for k in self.means:
            with self._columns():
                shift, left = there(self._shift(self.parts, k)), there(self._at(self.parts, k))
                self._add_mean(k, self.parts, shift, left, lambda spread: there(self._at(self.parts, spread)))
        for k in self._others:
            with self._columns():
                w.add(self._at(self.parts, k), there(self._at(self.parts, k)))

    def finish_parts(self, parts: Name) -> None:
        """Write the targets: sums are no longer those of distances."""
        w, (_, r) = self.w, self.w.nest.outer
        for k in self.means:
            with self._columns():
                w.add(self._at(parts, k), Binary("*", self._shift(parts, k), w.integer(r.extent)))
        self._finish(parts)

    # ----- both -----------------------------------------------------------------------------------------------------
    def _weigh(self) -> None:
        """Write down what squares of distances between the means of `rows` and of `more` others are multiplied by."""
        w, one = self.w, Literal(1)
        some = Comparison((self.rows, ZERO), (">",))
        w.new(FINAL_DOUBLE, self.of_rows, Choice(Binary("/", one, self.rows), some, ZERO))
        w.new(FINAL_DOUBLE, self.of_more, Binary("/", one, self.more))
        both = Binary("*", Binary("*", self.rows, self.more), Binary("/", one, Binary("+", self.rows, self.more)))
        w.new(FINAL_DOUBLE, self.weight, both)

    def _squares(self, spread: int) -> Expression:
        """The squares of a few rows about their exact mean."""
        beside = self.w.name("beside")
        return Binary("-", self._at(self.running, spread), chain("*", [beside, beside, self.of_more]))

    def _add_mean(
        self, k: int, sums: Name, mean: Expression, left: Expression, squares: Callable[[int], Expression]
    ) -> None:
        """Add the sums of a column of `more` rows, of such a mean and what is left beside it, to those of `rows`."""
        w = self.w
        beside, added, distance = (w.name(word) for word in ("beside", "added", "distance"))
        w.new(FINAL_DOUBLE, beside, left)
        shifted = Binary("-", mean, self._shift(sums, k))
        w.new(FINAL_DOUBLE, added, Binary("+", beside, Binary("*", shifted, self.more)))
        means = Binary("*", added, self.of_more), Binary("*", self._at(sums, k), self.of_rows)
        some = Comparison((self.rows, ZERO), (">",))
        w.new(FINAL_DOUBLE, distance, Choice(Binary("-", *means), some, ZERO))
        for spread, about in self.mean_of.items():
            if about == k:
                between = chain("*", [distance, distance, self.weight])
                w.add(self._at(sums, spread), Binary("+", squares(spread), between))
        w.add(self._at(sums, k), added)

    @property
    def _others(self) -> list[int]:
        """The sums that have nothing to do with means."""
        return [k for k in range(len(self.nests)) if k not in (*self.means, *self.mean_of)]

    def _columns(self) -> AbstractContextManager[None]:
        v = self.w.nest.vector
        return self.w.upto(self.w.index(v.index), self.w.integer(v.extent), APART)

    def _mean(self, k: int) -> Part:
        return self._at(self.w.memory[MEANS], self.means.index(k))

    def _shift(self, sums: Name, k: int) -> Part:
        return self._at(sums, len(self.nests) + self.means.index(k))


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest, start, stop = w.nest, w.name("start"), w.name("stop")
    block, r = nest.outer
    sums = Moments(w, tuple(m for m in nest.members if m.kind == "column_sums"))
    sums.before()
    first_row, last_row, low, high = (w.name(word) for word in ("first_row", "last_row", "low_row", "high_row"))
    with w.loop(w.index(block.index), start, stop):
        own_sums(w, block)
        w.new(FINAL_LONG, first_row, Binary("*", w.index(block.index), Literal(BLOCK)))
        w.new(FINAL_LONG, last_row, call("min", Binary("+", first_row, Literal(BLOCK)), w.integer(r.extent)))
        with w.apart() as body:
            w.new(FINAL_LONG, high, call("min", Binary("+", low, Literal(ROWS)), last_row))
            w.new(FINAL_DOUBLE, sums.rows, Binary("-", low, first_row))
            w.new(FINAL_DOUBLE, sums.more, Binary("-", high, low))
            share = w.name("share")
            w.new(FINAL_REAL, share, Binary("/", Literal(1), sums.more))
            with w.upto(sums.k, w.integer(sums.number), APART):
                w.let(Part(sums.running, (sums.k,)), w.number(Integer(0)))
            first, second = nest.stages
            with w.loop(w.index(r.index), low, high):
                sums.write_row(first, sums.places)
            sums.fill_means(share)
            with w.loop(w.index(r.index), low, high):
                sums.write_row((*sums.remainders, *second), {**sums.places, **sums.remainders})
            sums.put_together()
        w.put(Count(low, first_row, last_row, tuple(body), step=ROWS))
    return block.extent
