"""One statement of a kernel -> its nest of loops in C."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sympy import Expr, Integer, Symbol, sympify

from gradscribe.codegen.loops.product.nest.arrangement import Arrangement
from gradscribe.codegen.loops.product.nest.c_scalars import RealPrinter, constant
from gradscribe.codegen.loops.product.nest.function_loops import FINAL_REAL, FINAL_SIZE, NULL, ZERO, Loops, joined_by
from gradscribe.codegen.loops.text.c_function import REAL, CIf
from gradscribe.codegen.loops.writing.body import LOOPED
from gradscribe.codegen.python.expression import (
    Binary,
    Choice,
    Comparison,
    Expression,
    Literal,
    Name,
    Part,
    Unary,
    call,
    every,
)
from gradscribe.codegen.python.scalars.scalar import size
from gradscribe.codegen.python.statement import Assign, Return
from gradscribe.derive.calculus.passes.positions import LabelCondition
from gradscribe.derive.ir.index import natural
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import Access, Guard, accesses

DOUBLE, WHOLE, FINAL_WHOLE, MOST = Name("double"), Name("int64_t"), Name("const int64_t"), Name("INT32_MAX")


def write_statement(loops: Loops, a: Arrangement, first: bool, recorded: bool, around: Collection[Symbol] = ()) -> None:
    """Write the loops of one statement.

    Args:
        loops: the function that they stand in.
        a: how they stand.
        first: whether nothing has been written to the target before.
        recorded: whether the place of an extremum is wanted.
        around: the indices of loops around it.
    """
    Nest(loops, a, first, recorded, around).write()


def check_label(loops: Loops, a: Arrangement, condition: LabelCondition, fault: Return) -> None:
    """Write what returns `fault` where a label that counts is no position.

    Args:
        loops: the function that it stands in.
        a: the loops over the label's indices.
        condition: what is asked of it.
        fault: the statement.
    """
    Nest(loops, a).check(condition, fault)


class Nest:
    """The loops of one statement, or those within which something is read."""

    def __init__(
        self, loops: Loops, a: Arrangement, first: bool = False, recorded: bool = False,
        around: Collection[Symbol] = (),
    ) -> None:  # fmt: skip
        self.loops, self.a, self.form, self.recorded = loops, a, a.form, recorded
        self.adds = self.form.is_sum and (not first or a.clear)
        self.clears = first and a.clear
        self.limits: dict[Symbol, tuple[Name, Name]] = {}
        self.named: dict[Access, Name] = {}
        self.scalars = RealPrinter(
            self.access,
            self.symbol,
            loops.number,
            (*self.form.indices, *around),
            loops.integers,
            [*loops.tensors],
        )

    def symbol(self, s: Symbol) -> Expression:
        """The variable of an index or a size."""
        return self.loops.index(s) if s in self.form.indices else self.loops.symbol(s)

    def integer(self, e: Expr) -> Expression:
        """An integer of indices and sizes."""
        return size(e, self.symbol)

    # ----- elements -------------------------------------------------------------------------------------------------
    def element(self, name: str, place: Sequence[Expr]) -> Part:
        """An element of an array that lies row by row: ``x[(n * H + i) * W + j]``."""
        where: Expression = ZERO
        for position, extent in zip(place, self.loops.tensors[name].shape, strict=True):
            own = self.integer(position)
            if where == ZERO:
                where = own
                continue
            where = joined_by("*", where, self.integer(extent)) if extent != 1 else where
            where = where if own == ZERO else joined_by("+", where, own)
        return Part(self.loops.array(name), (where,))

    def access(self, a: Access) -> Expression:
        """An element as it is read: 0 outside of its array, 0 or 1 where the array is absent."""
        if a in self.named:
            return self.named[a]
        tensor = self.loops.tensors[a.tensor]
        found: Expression = self.element(a.tensor, a.indices)
        if a.tensor in self.loops.filled:
            there = Comparison((self.loops.array(a.tensor), NULL), ("!=",))
            found = Choice(found, there, Literal(int(tensor.absent)))
        guards = self.a.reads.get(a, ())
        return Choice(found, every([self.test(g) for g in guards]), ZERO) if guards else found

    def test(self, guard: Guard) -> Expression:
        """``0 <= value && value < extent``; what is seen to be no less than 0 need not be asked."""
        value, extent = self.integer(guard.value), self.integer(guard.extent)
        if natural(guard.value) and not guard.value.free_symbols & set(self.a.looked_up):
            return Comparison((value, extent), ("<",))
        return Comparison((ZERO, value, extent), ("<=", "<"))

    # ----- the nest -------------------------------------------------------------------------------------------------
    def write(self) -> None:
        """Zeros first where they are needed, then the loops."""
        if self.clears:
            self.loops.clear(self.form.target, self.nothing())
            if self.recorded and self.form.argument is not None:
                self.loops.clear(self.form.argument, Literal(-1))
        with self.loops.block(), ExitStack() as stack:
            opened = self.over(stack, self.a.outer, [v for v in self.a.looked_up if v in self.form.placed])
            self.along_row(opened) if self.a.row is not None else self.element_by_element(opened)

    def check(self, condition: LabelCondition, fault: Return) -> None:
        """Every label in turn."""
        label = Name(self.loops.names.own("label", "variable"))
        with self.loops.block(), ExitStack() as stack:
            self.over(stack, self.a.outer, ())
            value, most = self.whole(condition.label), MOST
            if not isinstance(condition.label, Access):
                for element in (self.access(a) for a in accesses(condition.label)):
                    small = Comparison((Unary("-", most), element, most), ("<=", "<="))
                    self.loops.put(CIf(Unary("not", small), (fault,)))
            self.loops.new(FINAL_WHOLE, label, value)
            within = Comparison((ZERO, label, self.integer(condition.extent)), ("<=", "<"))
            counts = [self.scalars.condition(condition.counted)] if condition.counted else []
            self.loops.put(CIf(every([*counts, Unary("not", within)]), (fault,)))

    def over(
        self,
        stack: ExitStack,
        indices: Sequence[Symbol],
        looked_up: Sequence[Symbol],
        before: frozenset[Symbol] = frozenset(),
    ) -> frozenset[Symbol]:
        """Open loops, and name what is looked up as soon as that is known; returns the indices that are known."""
        known, left = set(before), list(looked_up)
        for index in (None, *indices):
            if index is not None:
                stack.enter_context(self.loop(index))
                known.add(index)
            for v in [v for v in left if self.a.looked_up[v].free_symbols & set(self.form.indices) <= known]:
                left.remove(v)
                self.loops.new(FINAL_SIZE, self.loops.index(v), self.whole(self.a.looked_up[v]))
                stack.enter_context(self.loops.when([self.test(Guard(v, self.form.range(v).extent))]))
                known.add(v)
            self.name_limits(known)
        return frozenset(known)

    def name_limits(self, known: Collection[Symbol]) -> None:
        """Name the ends of the ranges that are known as soon as the indices `known` are."""
        for index, found in self.a.ranges.items():
            seen = set().union(*(c.rest.free_symbols for c in found)) & set(self.form.indices)
            if index not in self.limits and index not in known and seen <= set(known):
                lows = _bounds(max, [Integer(0), *(c.low for c in found)])
                highs = _bounds(min, [self.form.range(index).extent, *(c.high for c in found)])
                names = [Name(self.loops.names.own(f"{index.name}_{end}", "limit")) for end in ("low", "high")]
                self.loops.new(FINAL_SIZE, names[0], call("max", *map(self.integer, lows)))
                self.loops.new(FINAL_SIZE, names[1], call("min", *map(self.integer, highs)))
                self.limits[index] = names[0], names[1]

    def whole(self, e: Expr) -> Expression:
        """An integer made of elements of integer arrays."""
        placeholders = {a: Symbol(f"\0{k}", integer=True) for k, a in enumerate(accesses(e))}
        elements = {s: self.access(a) for a, s in placeholders.items()}
        return size(e.xreplace(placeholders), lambda s: elements[s] if s in elements else self.symbol(s))

    @contextmanager
    def loop(self, index: Symbol) -> Iterator[None]:
        """Statements within the loop over an index, in the range that brackets leave it."""
        whole = (ZERO, self.integer(self.form.range(index).extent))
        low, high = self.limits.get(index, whole)
        with self.loops.counted(self.loops.index(index), low, high):
            yield

    def tests(self) -> list[Expression]:
        """What is asked within all loops."""
        asked = [self.test(g) for g in self.a.tests]
        return [*asked, *([self.scalars.condition(self.a.conditions)] if self.a.conditions else [])]

    # ----- sums and extrema -----------------------------------------------------------------------------------------
    def element_by_element(self, known: frozenset[Symbol]) -> None:
        """Every element of the target by itself."""
        form, loops = self.form, self.loops
        target = self.element(form.target.name, form.place)
        if not form.is_sum and self.a.clear:
            self.take(*self.placed(target))
            return
        if form.is_sum and not self.a.adds:
            with loops.when(self.tests()):
                loops.put(Assign(target, self.scalars.value(form.body), "+=" if self.adds else "="))
            return
        wide = bool(LOOPED[form.op].operator)
        word = "sum" if form.is_sum else "product" if wide else "best"
        best, found = (Name(loops.names.own(w, "variable")) for w in (word, "found"))
        loops.new(DOUBLE if wide else REAL, best, self.nothing())
        if self.recorded:
            loops.new(WHOLE, found, Literal(-1))
        self.inner(known, lambda: self.take(best, found))
        value = call("real", best) if wide else best
        loops.put(Assign(target, value, "+=" if self.adds else "="))
        if self.recorded:
            loops.let(self.place_of(), found)

    def along_row(self, known: frozenset[Symbol]) -> None:
        """A row of the target at once: every summand is added to its element."""
        form, loops = self.form, self.loops
        row = self.a.row
        assert row is not None  # by the choice of this way
        target, extent = self.element(form.target.name, form.place), self.integer(form.range(row).extent)
        if not self.adds:
            with loops.counted(loops.index(row), ZERO, extent):
                loops.let(target, self.nothing())
                if self.recorded:
                    loops.let(self.place_of(), Literal(-1))

        def along() -> None:
            self.name_fixed(row)
            with self.loop(row):
                self.take(*self.placed(target))

        self.inner(known, along)

    def name_fixed(self, row: Symbol) -> None:
        """Name the elements that stay the same along a row, unless something within it says whether they are there."""
        if self.a.tests or self.a.conditions:
            return
        fixed = [a for a in accesses(self.form.body) if a.indices and row not in a.free_symbols]
        for a in (a for a in fixed if a not in self.a.reads and a.tensor not in self.loops.integers):
            number = sum(b.tensor == a.tensor for b in self.named) + 1
            value, name = self.access(a), Name(self.loops.names.own(f"{a.tensor}_{number}", "element"))
            self.loops.new(FINAL_REAL, name, value)
            self.named[a] = name

    def inner(self, known: frozenset[Symbol], innermost: Callable[[], None]) -> None:
        """The loops within an element or a row."""
        rest = [v for v in self.a.looked_up if v not in known]
        with ExitStack() as stack:
            self.over(stack, self.a.inner, rest, known)
            innermost()

    def take(self, best: Expression, found: Expression) -> None:
        """One value more: it is added, or replaces the best one so far."""
        form, loops = self.form, self.loops
        with loops.when(self.tests()):
            value = self.scalars.value(form.body)
            if operator := LOOPED[form.op].operator:
                loops.add(best, value, operator)
                return
            name = Name(loops.names.own("value", "variable"))
            loops.new(FINAL_REAL, name, value)
            wins: Expression = call(LOOPED[form.op].wins, name, best)
            none = Comparison((found, ZERO), ("<",))
            with loops.when([Binary("||", none, wins) if self.recorded else wins]):
                loops.let(best, name)
                if self.recorded:
                    loops.let(found, self.integer(form.position))

    def placed(self, target: Part) -> tuple[Part, Part]:
        """An element of the target and of the array of positions; what reads one repeatedly names its place."""
        if not self.recorded:
            return target, target
        at = Name(self.loops.names.own("place", "variable"))
        self.loops.new(FINAL_SIZE, at, *target.subscripts)
        return Part(target.value, (at,)), Part(self.place_of().value, (at,))

    def place_of(self) -> Part:
        """The element of the array that records where an extremum is."""
        assert self.form.argument is not None  # what is recorded has an array
        return self.element(self.form.argument.name, self.form.place)

    def nothing(self) -> Expression:
        """The reduction of no value."""
        if self.form.is_sum:
            return ZERO
        return constant(sympify(REDUCTIONS[self.form.op].identity, strict=True))


def _bounds(outer: Callable[[list[int]], int], values: Sequence[Expr]) -> list[Expr]:
    """Bounds of a range, the numbers among them as one."""
    numbers = [int(v) for v in values if v.is_Integer]
    others = [v for v in values if not v.is_Integer]
    best = [Integer(outer(numbers))] if numbers else []
    return list(dict.fromkeys((*best, *others)))
