"""The sum of a row, or its extremum: a vector of them goes along it, block by block.

The sums of a block are added up in float64: a long sum in float32 would stop growing.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sympy import sympify

from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.loops.text.c_function import DOUBLE, LONG, REAL, Count
from gradscribe.codegen.loops.writing.body import LOOPED
from gradscribe.codegen.loops.writing.loop_writer import Base, Writer
from gradscribe.codegen.python.expression import Binary, Expression, Literal, Name, call, chain
from gradscribe.codegen.python.statement import Assign, Do
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import Access

BLOCK = 4096
"""Elements of a row that are added up in the type of the arrays."""
REALS, EXTREMES = Name("reals"), Name("extremes")


class RowSum:
    """The sum that a nest makes of each row.

    Args:
        w: the function.
        nest: which sum.
    """

    def __init__(self, w: Writer, nest: Nest) -> None:
        self.w, self.nest, self.how = w, nest, LOOPED[nest.op]
        self.empty = w.number(sympify(REDUCTIONS[nest.op].identity, strict=True))  # a number, never a text
        self.total, self.lanes = w.unique(nest.target), w.unique(nest.target)

    def begin(self) -> None:
        """Nothing has been added up."""
        self.w.new(DOUBLE if self.how.operator else REAL, self.total, self.empty)

    def go_on(self, value: Expression) -> None:
        """Add an element of the row."""
        self.w.put(Do(call(self.how.into, self.lanes, value)))

    def begin_block(self) -> None:
        """Nothing of a block has been added up."""
        kind, made = (REALS, "all") if self.how.operator else (EXTREMES, "extremes_from")
        self.w.new(kind, self.lanes, call(made, self.empty))

    def end_block(self) -> None:
        """Add what a block has."""
        found = call(self.how.found, self.lanes)
        if self.how.operator:
            self.w.add(self.total, found)
        else:
            self.w.let(self.total, call(self.how.of_two, self.total, found))

    def found(self, nest: Nest, bases: Mapping[Access, Base]) -> Expression:
        """The sum as that of a nest, which may multiply it by something else."""
        return self.total if nest.after == 1 else Binary("*", self.total, self.w.scalar(nest.after, bases))


def store(w: Writer, nests: Sequence[Nest], sums: Mapping[Nest, RowSum], bases: Mapping[Access, Base]) -> None:
    """Store what nests with one target have come to: the first one is new or adds, the others add to it."""
    first = nests[0]
    found = chain("+", [sums[nest].found(nest, bases) for nest in nests])
    element = w.element(first.target, bases[Access(first.target, *first.place)], {})
    w.put(Assign(element, found, "+=" if first.adds else "="))


@contextmanager
def blocks(w: Writer, limits: tuple[Expression, Expression], sums: Sequence[RowSum]) -> Iterator[tuple[Name, Name]]:
    """Statements within the blocks of a row, given where one begins and ends; what it has summed is added behind it."""
    first, last = limits
    low, high = w.name("low"), w.name("high")
    with w.apart() as body:
        w.new(LONG, high, call("min", Binary("+", low, Literal(BLOCK)), last))
        for s in sums:
            s.begin_block()
        yield low, high
        for s in sums:
            s.end_block()
    w.put(Count(low, first, last, tuple(body), step=BLOCK))
