"""Records that hold others, and all records together."""

from collections.abc import Iterator
from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.kernel.page.equation import Equation
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.plan.arrays import Allocate, Release, Split, Window
from gradscribe.codegen.numpy.plan.lookups import ContractByLabel, Count, Gather, Known, LabelExtrema, ScatterAdd
from gradscribe.codegen.numpy.plan.reduction import Accumulate, Contract, PartSums, Reduce, Spread
from gradscribe.codegen.numpy.plan.slice_update import Clip, Define, Positions, Scale, Update
from gradscribe.derive.ir.term import Guard


@dataclass(frozen=True)
class Loop:
    """Python loop over a small index (kernel positions); with `clip` over those values only for which there is work."""

    index: Symbol
    extent: Expr
    body: "tuple[Record, ...]"
    clip: Clip | None = None


@dataclass(frozen=True)
class Recur:
    """Position by position along an axis: parts of arrays are taken, `body` is computed, what it makes is stored.

    Attributes:
        index: the position.
        extent: how many there are.
        step: 1 from the first to the last, -1 from the last to the first.
        cut: (part, array, axis, distance) of what is read: the array's elements at position + distance, else 0.
        made: (array, part, axis) of what `body` makes and is stored.
        body: what is computed at one position.
    """

    index: Symbol
    extent: Expr
    step: int
    cut: tuple[tuple[str, str, int, int], ...]
    made: tuple[tuple[str, str, int], ...]
    body: "tuple[Record, ...]"


@dataclass(frozen=True)
class Stretches:
    """Stretch by stretch of `every` positions along an axis, with the states that go on from one to the next.

    Attributes:
        start: the first position of a stretch.
        length: how many it has; the last one may have fewer.
        extent: how many positions there are.
        every: how many positions a stretch has.
        step: 1 from the first stretch to the last, -1 from the last to the first.
        cut: (part, array, axis, distance) of what is read: the array's elements at positions + distance, else 0.
        known: (state, array, axis) of the states that were kept at the borders: one of the array's for each stretch.
        carried: (state, part, axis, shape, integer) of the states that the stretch before has left, at first 0.
        kept: (array, state, axis) of the states that are kept for each stretch.
        made: (array, part, axis) of what `body` makes and is stored.
        sums: (array, part) of what is added up over all stretches.
        body: what is computed for a stretch.
    """

    start: Symbol
    length: Symbol
    extent: Expr
    every: int
    step: int
    cut: tuple[tuple[str, str, int, int], ...]
    known: tuple[tuple[str, str, int], ...]
    carried: tuple[tuple[str, str, int, tuple[Expr, ...], bool], ...]
    kept: tuple[tuple[str, str, int], ...]
    made: tuple[tuple[str, str, int], ...]
    sums: tuple[tuple[str, str], ...]
    body: "tuple[Record, ...]"

    @property
    def written(self) -> tuple[str, ...]:
        """The arrays that are there behind it."""
        return (*(a for a, _, _ in self.kept), *(a for a, _, _ in self.made), *(a for a, _ in self.sums))


@dataclass(frozen=True)
class When:
    """Run `body` where scalar brackets hold and the clipped ranges are not empty."""

    guards: tuple[Guard, ...]
    clips: tuple[Symbol, ...]
    body: "tuple[Record, ...]"


@dataclass(frozen=True)
class Block:
    """Loop over blocks of an index so that temporaries stay small.

    Attributes:
        extent: of the index.
        block: that of a block.
        slices: (block, source, axis) of every array cut.
        elements: of a temporary, for each value of the index.
        body: what is computed for a block.
        operand: whether the temporary is a factor of a matrix product: larger ones cost less there.
    """

    extent: Expr
    block: Symbol
    slices: tuple[tuple[str, str, int], ...]
    elements: Expr
    body: "tuple[Record, ...]"
    operand: bool = False


@dataclass(frozen=True)
class Branch:
    """Two ways to compute the same: `then` where at run time all `ones` are 1."""

    ones: tuple[Symbol, ...]
    then: "tuple[Record, ...]"
    otherwise: "tuple[Record, ...]"


@dataclass(frozen=True)
class Present:
    """Run `body` unless the optional array is absent."""

    array: str
    body: "tuple[Record, ...]"


@dataclass(frozen=True)
class Wanted:
    """Run `body` where the function's argument `flag` is true."""

    flag: str
    body: "tuple[Record, ...]"


@dataclass(frozen=True)
class Compiled:
    """Two ways to compute the same: `then` where loops of so many `steps` are compiled, and brackets of sizes hold."""

    steps: Expr
    within: tuple[Guard, ...]
    then: "tuple[Record, ...]"
    otherwise: "tuple[Record, ...]"

    @property
    def options(self) -> tuple[Expr, ...]:
        """What the loops count with besides the extents of arrays: the number of taps, strides, dilations, paddings."""
        found: dict[Expr, None] = {}
        for nest in (r for _, r in walk(self.then) if isinstance(r, Nest)):
            extents = {s for _, shape in nest.shapes for e in shape for s in e.free_symbols}
            taps = sympy.prod([r.extent for r in nest.taps], start=Integer(1))
            every = (*nest.brackets, *(b for member in nest.members for b in member.brackets))
            brackets = {s for b in every for s in b.value.free_symbols} - set(nest.order) - extents
            found |= dict.fromkeys([taps] if taps.free_symbols - extents else [])
            found |= dict.fromkeys(sorted(brackets - taps.free_symbols, key=str))
        return tuple(found)


@dataclass(frozen=True)
class Invoke:
    """What a block of a network computes at one of its places, by a function that its other places share.

    Attributes:
        function: the function's name.
        place: what the place is called.
        arguments: the arrays that it is given, in order.
        arrays: what it reads: these, and what was kept for it.
        made: the arrays that it returns, (name, shape, whether it is from the buffers).
        groups: what it leaves besides: what it keeps, what it enters by name, (name, elements).
        within: the elements that it needs besides.
        sizes: the sizes that it is given by name, as no array tells them.
        words: what to say of it.
    """

    function: str
    place: str
    arguments: tuple[str, ...]
    arrays: tuple[str, ...]
    made: tuple[tuple[str, tuple[Expr, ...], bool], ...]
    groups: tuple[tuple[str, Expr], ...]
    within: Expr
    sizes: tuple[tuple[str, Expr], ...] = ()
    words: str = ""

    @property
    def results(self) -> tuple[str, ...]:
        """What it makes, in order."""
        return (*(name for name, _, _ in self.made), *(name for name, _ in self.groups))


@dataclass(frozen=True)
class Apply:
    """What functions of a module compute alike, by a function that they share.

    Attributes:
        function: the function's name.
        body: what it computes, in the names that are used here.
        arguments: the arrays that it is given, in order.
        made: the arrays that it returns, in order.
        sizes: the sizes that it is given by name.
    """

    function: str
    body: "tuple[Record, ...]"
    arguments: tuple[str, ...]
    made: tuple[str, ...]
    sizes: tuple[tuple[str, Expr], ...] = ()


Record = (
    Allocate
    | Split
    | Window
    | Contract
    | Reduce
    | Accumulate
    | Spread
    | PartSums
    | Clip
    | Update
    | Define
    | Scale
    | Loop
    | Recur
    | Stretches
    | When
    | Block
    | Branch
    | Present
    | Positions
    | Gather
    | Count
    | Known
    | LabelExtrema
    | ContractByLabel
    | ScatterAdd
    | Release
    | Equation
    | Wanted
    | Nest
    | Compiled
    | Invoke
    | Apply
)


def walk(records: tuple[Record, ...], depth: int = 0) -> Iterator[tuple[int, Record]]:
    """Every record with its depth, in order."""
    for record in records:
        yield depth, record
        yield from walk(nested(record), depth + 1)


def nested(record: Record) -> tuple[Record, ...]:
    """The records that a record holds, in order."""
    parts = (getattr(record, name, ()) for name in ("then", "otherwise", "body"))
    return tuple(inner for part in parts if isinstance(part, tuple) for inner in part)
