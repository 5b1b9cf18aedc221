"""What varies along columns, not along a stage's rows, and is slow or a group's: a row of its own, made once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sympy import Add, Expr, Mul, Symbol

from gradscribe.codegen.loops.kinds.passes.column_sums import each_group
from gradscribe.codegen.loops.kinds.passes.row_numbers import is_slow
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.loops.text.c_function import APART, ROW
from gradscribe.codegen.loops.writing.body import is_number
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Expression, Part
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.term import Access, accesses


class ColumnNumbers:
    """The numbers of columns that the members of a stage read.

    Args:
        w: the function.
        members: what the stage computes.
    """

    def __init__(self, w: Writer, members: Sequence[Nest]) -> None:
        self.w = w
        _, *rows = w.nest.outer
        groups = {w.nest.groups.range.index} if w.nest.groups else set[Symbol]()
        self.rows, self.groups = {r.index for r in rows}, groups
        self.elements = {m.target for m in members if m.kind == "pointwise"}
        self.columns = {w.nest.vector.index} | groups
        self.made: dict[Expr, Access] = {}
        self.members = tuple(replace(m, body=self._taken(m.body)) for m in members)

    def before(self) -> None:
        """Before all loops: memory for them."""
        w = self.w
        for row in self.made.values():
            w.scratch(ROW, w.array(row.tensor), "REAL", w.integer(w.nest.vector.extent))

    def fill(self) -> None:
        """Compute them."""
        w, v = self.w, self.w.nest.vector
        for number, row in self.made.items():
            element = Part(w.array(row.tensor), (w.index(v.index),))
            with w.block(), self._limits(number) as limits:
                bases = w.bases(number)
                with w.loop(w.index(v.index), *limits, APART):
                    w.let(element, w.scalar(number, bases))

    @contextmanager
    def _limits(self, number: Expr) -> Iterator[tuple[Expression, Expression]]:
        """Statements within the loop over groups, if a number is one of these, given from where to where columns go."""
        w = self.w
        if w.nest.groups is None or not number.free_symbols & self.groups:
            yield ZERO, w.integer(w.nest.vector.extent)
            return
        with each_group(w, w.nest.groups) as limits:
            yield limits

    def _taken(self, e: Expr) -> Expr:
        if not e.free_symbols & self.columns or is_number(e, self.w.indices | self.columns):
            return e
        if self._is_of_columns(e):
            return self._row(e) if self._is_apart(e) else e
        if isinstance(e, Access):
            return e
        if not isinstance(e, Add | Mul):
            return e.func(*map(self._taken, e.args))
        still = [a for a in e.args if accesses(a) and self._is_of_columns(a)]
        moving = [self._taken(a) for a in e.args if a not in still]
        if any(map(self._is_apart, still)):
            still = [self._taken(e.func(*still))]
        return e.func(*moving, *still)

    def _is_of_columns(self, e: Expr) -> bool:
        """Whether it is the same in all rows; an element may have no index of them, where there is one row only."""
        moving = e.free_symbols & self.rows or self.elements & {a.tensor for a in accesses(e)}
        return not moving and not is_indicator(e)

    def _is_apart(self, e: Expr) -> bool:
        return bool(e.free_symbols & self.groups) or is_slow(e)

    def _row(self, e: Expr) -> Access:
        number, rest = e.as_coeff_Mul()
        if number == -1:
            return -self._row(rest)
        if e not in self.made:
            name = self.w.unique("columns")
            self.w.memory[name.text] = name
            self.w.shapes[name.text] = (self.w.nest.vector.extent,)
            self.made[e] = Access(name.text, self.w.nest.vector.index)
        return self.made[e]
