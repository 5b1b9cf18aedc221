"""The Plan: how a program is computed, as data. `print(plan)` explains it with operations and bytes.

Records name arrays and carry size expressions in SymPy; `codegen.emit` turns each into Python. Not expressible here:
data-dependent control flow.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.index import Affine, affine
from gradscribe.derive.term import EXTREMA, Access, Guard, Range


@dataclass(frozen=True)
class Allocate:
    """A new array; `fill` is what it holds at first, None for uninitialised; `integer` for positions.

    A `buffered` one is taken from the function's buffers.
    """

    name: str
    shape: tuple[Expr, ...]
    fill: float | None
    integer: bool = False
    buffered: bool = False


@dataclass(frozen=True)
class Split:
    """A view in which axes that consist of digits (``K*g + k``) are separate axes."""

    name: str
    source: str
    shape: tuple[Expr, ...]


@dataclass(frozen=True)
class Window:
    """A strided view with one axis per index; reads outside the source give 0 (padded only where needed).

    One that is only `described` is for contractions, which make parts of it, or add to its source.
    """

    name: str
    source: str
    axes: tuple[Range, ...]
    positions: tuple[Affine, ...]
    described: bool = False


@dataclass(frozen=True)
class Contract:
    """``out = scale * sum(left * right)`` over the indices that only the operands have.

    An operand may be a described window. So may `out` (`into`): sums that meet at one position of its source are added
    up. How it is computed, the runtime decides by the sizes.
    """

    out: str
    left: str
    right: str
    left_axes: tuple[Symbol, ...]
    right_axes: tuple[Symbol, ...]
    axes: tuple[Range, ...]
    scale: Expr
    ranges: tuple[Range, ...]
    accumulate: bool
    into: bool = False


@dataclass(frozen=True)
class Slice:
    """Part of an array inside loops: per axis an affine position in loop indices and at most one vector index."""

    array: str
    positions: tuple[Affine, ...]
    vectors: tuple[Symbol | None, ...]


@dataclass(frozen=True)
class Clip:
    """The range low..high of a vector index within which all constraints ``0 <= a*index + b < extent`` hold."""

    index: Symbol
    extent: Expr
    constraints: tuple[tuple[Expr, Expr, Expr], ...]


@dataclass(frozen=True)
class Update:
    """``target op= value`` on slices, vectorised over `axes`.

    Attributes:
        target: the slice written.
        op: "=", "+=", "max" or "min".
        body: the scalar expression; its accesses are looked up in `slices`.
        slices: access -> slice.
        axes: the vector indices, the target's first, in order.
        summed: the vector indices that are summed over.
        clipped: the vector indices with a Clip.
        argument: for "max" and "min": the slice that records positions, and the position.
        ranges: extents of the vector indices.
    """

    target: Slice
    op: str
    body: Expr
    slices: tuple[tuple[Access, Slice], ...]
    axes: tuple[Symbol, ...]
    summed: tuple[Symbol, ...]
    clipped: tuple[Symbol, ...]
    ranges: tuple[Range, ...]
    argument: tuple[Slice, Expr] | None = None


@dataclass(frozen=True)
class Reduce:
    """The sum or an extremum of every window of a described window, axis after axis; what is outside is left out.

    Attributes:
        out: the results, an axis per window index.
        op: "sum", "max" or "min".
        window: its indices are `kept` and `taps`.
        kept: the indices that number windows.
        taps: those within a window.
        scale: what the results are multiplied by.
        argument: the array of the positions of extrema, if wanted.
    """

    out: str
    op: str
    window: str
    kept: tuple[Range, ...]
    taps: tuple[Range, ...]
    scale: Update | None = None
    argument: str | None = None


@dataclass(frozen=True)
class Spread:
    """The adjoint: every element of a described window's source is the sum of the values of the windows it is in.

    Attributes:
        out: the window; its indices are `kept` and `taps`.
        values: a value per window.
        kept: the indices that number windows.
        taps: those within a window.
        scale: what the values are multiplied by.
        argument: the array of the positions within the windows of the elements that the values are for, else for all.
        accumulate: whether the source is added to.
    """

    out: str
    values: str
    kept: tuple[Range, ...]
    taps: tuple[Range, ...]
    scale: Update | None = None
    argument: str | None = None
    accumulate: bool = False


@dataclass(frozen=True)
class Define:
    """A new array given by a pointwise expression over whole arrays; a `buffered` one is taken from the buffers."""

    name: str
    update: Update
    buffered: bool = False


@dataclass(frozen=True)
class Scale:
    """Multiply a whole array by a pointwise expression, in place."""

    update: Update


@dataclass(frozen=True)
class Loop:
    """Python loop over a small index (kernel positions); with `clip` over those values only for which there is work."""

    index: Symbol
    extent: Expr
    body: "tuple[Record, ...]"
    clip: Clip | None = None


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
class Labels:
    """The array whose elements stand for `index`, and the indices of its axes."""

    index: Symbol
    array: str
    axes: tuple[Symbol, ...]


@dataclass(frozen=True)
class Positions:
    """A new array of integers given by an expression over whole arrays: labels that are computed."""

    name: str
    update: Update


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
class Present:
    """Run `body` unless the optional array is absent."""

    array: str
    body: "tuple[Record, ...]"


@dataclass(frozen=True)
class Release:
    """Arrays that nothing reads any more: `buffered` ones go back to the buffers."""

    buffered: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """Run `body` where the function's argument `flag` is true."""

    flag: str
    body: "tuple[Record, ...]"


@dataclass(frozen=True)
class Nest:
    """Loops over single elements, which are compiled: ``target[place] op= body`` for every point of the box.

    Attributes:
        kind: how the loops are arranged: "gather", "scatter", "reduce" or "pointwise"; see `codegen.nest`.
        target: the array written, new and not yet filled.
        place: where, per axis.
        op: "sum", "max" or "min".
        body: the scalar expression.
        after: what a finished sum is multiplied by.
        shapes: array -> shape, of all arrays.
        outer: the indices of the outer loops, in order.
        taps: the indices of few values: positions within a window.
        vector: the index of the innermost loop, along which arrays are contiguous.
        brackets: what restricts the box.
        argument: for "max" and "min": the array that records positions, or "".
        position: the number recorded.
    """

    kind: str
    target: str
    place: tuple[Expr, ...]
    op: str
    body: Expr
    after: Expr
    shapes: tuple[tuple[str, tuple[Expr, ...]], ...]
    outer: tuple[Range, ...]
    taps: tuple[Range, ...]
    vector: Range
    brackets: tuple[Guard, ...]
    argument: str = ""
    position: Expr = sympy.S.Zero

    @property
    def ranges(self) -> tuple[Range, ...]:
        """All indices with their extents."""
        return (*self.outer, *self.taps, self.vector)

    @property
    def steps(self) -> tuple[Symbol, ...]:
        """The steps in which windows move along the target; () where they do not."""
        outer = tuple(r.index for r in self.outer)
        found = (c for e in self.place for v, c in affine(e, self.order).terms if v in outer)
        return tuple(dict.fromkeys(c for c in found if isinstance(c, Symbol))) if self.kind == "scatter" else ()

    @property
    def order(self) -> tuple[Symbol, ...]:
        """The indices from the outermost loop to the innermost one."""
        last = self.outer[-1:] if self.kind == "reduce" else ()
        outer = self.outer[:-1] if last else self.outer
        return tuple(r.index for r in (*outer, *self.taps[:-1], *last, *self.taps[-1:], self.vector))


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
            brackets = {s for b in nest.brackets for s in b.value.free_symbols} - set(nest.order) - extents
            found |= dict.fromkeys([taps] if taps.free_symbols - extents else [])
            found |= dict.fromkeys(sorted(brackets - taps.free_symbols, key=str))
        return tuple(found)


Record = (
    Allocate
    | Split
    | Window
    | Contract
    | Reduce
    | Spread
    | Clip
    | Update
    | Define
    | Scale
    | Loop
    | When
    | Block
    | Branch
    | Present
    | Positions
    | Gather
    | Count
    | Known
    | ScatterAdd
    | Release
    | Wanted
    | Nest
    | Compiled
)


def mentioned(record: Any) -> set[str]:
    """Every name in a record: arrays, and words that are none."""
    if isinstance(record, str):
        return {record}
    if isinstance(record, Access):
        return {record.tensor}
    if isinstance(record, tuple):
        return set().union(*(mentioned(part) for part in record), set())
    if is_dataclass(record):
        return set().union(*(mentioned(getattr(record, f.name)) for f in fields(record)), set())
    return set()


@dataclass(frozen=True)
class Plan:
    """The records of one function, in order."""

    name: str
    records: tuple[Record, ...] = field(default=())

    def __str__(self) -> str:
        lines = [f"plan {self.name}"]
        for depth, record in walk(self.records):
            lines.append("  " * (depth + 1) + describe(record))
        return "\n".join(lines)


def walk(records: tuple[Record, ...], depth: int = 0) -> Iterator[tuple[int, Record]]:
    """Every record with its depth, in order."""
    for record in records:
        yield depth, record
        yield from walk(nested(record), depth + 1)


def nested(record: Record) -> tuple[Record, ...]:
    """The records that a record holds, in order."""
    parts = (getattr(record, name, ()) for name in ("then", "otherwise", "body"))
    return tuple(inner for part in parts if isinstance(part, tuple) for inner in part)


def _names(symbols: tuple[Symbol, ...]) -> str:
    return " ".join(s.name for s in symbols)


def _volume(ranges: tuple[Range, ...]) -> Expr:
    return sympy.prod([r.extent for r in ranges], start=Integer(1))


def _looked_up(axes: tuple[Symbol, ...], labels: tuple[Labels, ...]) -> list[str]:
    """The axes by name, labels in place of the indices that they stand for."""
    texts = {k.index: f"{k.array}[{_names(k.axes)}]" if k.axes else k.array for k in labels}
    return [texts.get(v, v.name) for v in axes]


def describe(record: Record) -> str:
    """One line on a record: what it does, floating-point operations, elements moved."""
    match record:
        case Allocate(name, shape, fill):
            return f"allocate {name} {shape} fill {fill}, {sympy.prod(shape)} elements"
        case Split(name, source, shape):
            return f"view {name} = {source} as {shape}"
        case Window(name, source, axes, positions, described):
            where = ", ".join(str(p.expression()) for p in positions)
            verb = "describe" if described else "window"
            return f"{verb} {name}[{_names(tuple(r.index for r in axes))}] = {source}[{where}]"
        case Contract():
            work = 2 * _volume(record.ranges)
            out = _names(tuple(r.index for r in record.axes))
            spec = f"{_names(record.left_axes)}, {_names(record.right_axes)} -> {out}"
            sign = "+=" if record.accumulate else "="
            return f"contract {record.out} {sign} {record.left}, {record.right}: {spec}; {work} flops"
        case Reduce(out, op, window, kept, taps, scale, argument):
            scaled = f" times {scale.body}" if scale is not None else ""
            recorded = f", first position in {argument}" if argument is not None else ""
            return f"reduce {out} = {op} of {window}{scaled}{recorded}; {_volume(kept + taps)} elements"
        case Spread(out, values, kept, taps, scale, argument, accumulate):
            scaled = f" times {scale.body}" if scale is not None else ""
            chosen = f" at {argument}" if argument is not None else ""
            sign = "+=" if accumulate else "="
            return f"spread {out} {sign} {values}{scaled}{chosen}; {_volume(kept + taps)} additions"
        case Clip(index, extent, constraints):
            return f"clip 0 <= {index} < {extent} to " + ", ".join(
                f"0 <= {a}*{index} + {b} < {e}" for a, b, e in constraints
            )
        case Update():
            moved = _volume(record.ranges)
            return (
                f"update {record.target.array} {record.op} {record.body}; {moved} elements over {_names(record.axes)}"
            )
        case Define(name, update):
            reduction = f"{update.op} of " if update.op in EXTREMA else ""
            return f"define {name} = {reduction}{update.body}; {_volume(update.ranges)} elements"
        case Scale(update):
            return f"scale {update.target.array} by {update.body}; {_volume(update.ranges)} elements"
        case Loop(index, extent, _, clip):
            return f"loop {index} < {extent}" + (f", {describe(clip)}" if clip is not None else "")
        case When(guards, clips):
            parts = [f"0 <= {g.value} < {g.extent}" for g in guards] + [f"range of {v} not empty" for v in clips]
            return "when " + " and ".join(parts)
        case Block(extent, block, slices):
            return f"blocks of {block} along {extent}: " + ", ".join(f"{b} of {s}" for b, s, _ in slices)
        case Branch(ones):
            tests = " and ".join(f"{s} == 1" for s in ones)
            return f"branch: first part if {tests}, else second"
        case Present(array):
            return f"if {array} is given"
        case Release(buffered):
            return f"give back {', '.join(buffered)}"
        case Wanted(flag):
            return f"if {flag}"
        case Nest():
            loops = _names(tuple(r.index for r in record.ranges))
            verb = "+" if record.op == "sum" else record.op
            value = record.body if record.after == 1 else f"({record.body}) * {record.after}"
            work = _volume(record.ranges)
            return f"loops over {loops}: {record.target} {verb}= {value}; {work} elements"
        case Compiled(steps, within):
            tests = "".join(f" and 0 <= {g.value} < {g.extent}" for g in within)
            return f"branch: first part if {steps} steps are compiled{tests}, else second"
        case Positions(name, update):
            return f"labels {name} = {update.body}; {_volume(update.ranges)} elements"
        case Gather(name, source, source_axes, labels, axes):
            read = ", ".join(_looked_up(source_axes, labels))
            return f"gather {name}[{_names(tuple(r.index for r in axes))}] = {source}[{read}]; {_volume(axes)} elements"
        case Count(name, along, counted, _):
            return f"{name}[{along.index}] = how many {counted.index} < {counted.extent} meet the brackets"
        case Known(name, labels, extent):
            return f"known {name} = 0 <= {labels} < {extent}"
        case ScatterAdd():
            written = ", ".join(_looked_up(record.target_axes, record.labels))
            values = f"{record.values}[{_names(record.values_axes)}]"
            return f"scatter {record.target}[{written}] += {values}; {_volume(record.ranges)} additions"
