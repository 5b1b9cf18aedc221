"""Plan -> statements of Python, a function per kind of record. How a sum is said, `sums` beside it decides."""

from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatchmethod
from itertools import pairwise

from sympy import Expr, Symbol

from gradscribe.codegen.loops import Nest, NestLoops, like, nest_loops
from gradscribe.codegen.numpy.plan import (
    Accumulate,
    Allocate,
    Apply,
    Block,
    Branch,
    Clip,
    Compiled,
    Contract,
    ContractByLabel,
    Count,
    Define,
    Equation,
    Gather,
    Invoke,
    Known,
    LabelExtrema,
    Loop,
    PartSums,
    Plan,
    Positions,
    Present,
    Record,
    Recur,
    Reduce,
    Release,
    Scale,
    ScatterAdd,
    Split,
    Spread,
    Stretches,
    Update,
    Wanted,
    When,
    Window,
    effects,
)
from gradscribe.codegen.numpy.print.numpy_table import NUMPY_REDUCTIONS
from gradscribe.codegen.numpy.print.pointwise import has_target, into
from gradscribe.codegen.numpy.print.slicing import argument, holds, places, within
from gradscribe.codegen.numpy.print.subscripts import Words, extents, looked_up, seen, spec, unseen, whole
from gradscribe.codegen.numpy.print.updating import Updating, by_the_runtime, constant, empty
from gradscribe.codegen.python.expression import (
    ELLIPSIS,
    Binary,
    Call,
    Comparison,
    Expression,
    Group,
    Items,
    Literal,
    Name,
    Part,
    Span,
    Unary,
    call,
    every,
    method,
    names,
)
from gradscribe.codegen.python.scalars.scalar import DTYPE, ONE, shape, size
from gradscribe.codegen.python.statement import (
    Assign,
    Body,
    Comment,
    Delete,
    Do,
    For,
    If,
    Sourced,
    Statement,
    let,
    used,
)
from gradscribe.codegen.python.text.line_breaks import INDENT, WIDTH

TRUE, NONE = Literal(True), Literal(None)


class Emitter(Updating):
    """Emits one function's records.

    Args:
        taken: names of arrays, sizes and options; what else has a name is called otherwise.
        arrays: the Python variable of a tensor whose own name is taken otherwise.
        buffers: the Python variable of the pass through a network that buffered arrays come from; "" outside of one.
        known: loops that other functions of the module call.
    """

    def __init__(
        self,
        taken: Iterable[str],
        arrays: Mapping[str, str] | None = None,
        buffers: str = "",
        known: Sequence[NestLoops] = (),
    ) -> None:
        super().__init__(taken, arrays)
        self.buffers, self.known = buffers, known
        self.function = ""
        self.nests: list[NestLoops] = []
        self.windows: dict[str, Window] = {}
        self.made: dict[str, Call] = {}
        self.depth = 0
        """Within how many bodies of others the one is that is being written."""

    def statements(self, plan: Plan) -> Body:
        """The statements of a plan; `nests` are the loops they call."""
        self.function = plan.name
        self.names.take(effects(*plan.records).names)
        return self._all(plan.records)

    def _all(self, records: Sequence[Record]) -> Body:
        self.windows |= {r.name: r for r in records if isinstance(r, Window) and r.described}
        found = [r for r in records if not (isinstance(r, Window) and r.described)]
        self.made |= {a.name: self._new(a) for a, b in pairwise(found) if isinstance(a, Allocate) and self._fills(b, a)}
        self.depth += 1
        body = tuple(Sourced(record, tuple(self.emit(record))) for record in records)
        self.depth -= 1
        return body

    def _new(self, record: Allocate) -> Call:
        """The array that is made, unless it is filled otherwise."""
        kind: Expression = Name("np.int32") if record.integer else DTYPE
        if record.buffered:
            return self._take(record.shape)
        match record.fill:
            case None:
                return call("rt.empty", shape(record.shape), kind)
            case 0:
                return call("rt.zeros", shape(record.shape), kind)
            case fill:
                return call("rt.filled", shape(record.shape), constant(fill), kind)

    def _fills(self, record: Record, made: Allocate) -> bool:
        """Whether an array is made for a contraction, which returns it."""
        if not isinstance(record, Contract) or record.accumulate or made.fill is not None:
            return False
        return made.name == (self.windows[record.out].source if record.into else record.out)

    def _take(self, extents: Sequence[Expr]) -> Call:
        return method(Name(self.buffers), "take", shape(extents))

    # ----- arrays ---------------------------------------------------------------------------------------------------
    @singledispatchmethod
    def emit(self, record: Record) -> Sequence[Statement]:
        """The statements of one record."""
        raise TypeError(f"no such record: {record}")

    @emit.register
    def _(self, record: Allocate) -> Sequence[Statement]:
        if record.name in self.made:
            return []
        made = let(record.name, self._new(record))
        if record.buffered and record.fill is not None:
            return [made, Do(method(Name(record.name), "fill", constant(record.fill)))]
        return [made]

    @emit.register
    def _(self, record: Split) -> Sequence[Statement]:
        return [let(record.name, method(self.array(record.source), "reshape", *map(size, record.shape)))]

    @emit.register
    def _(self, record: Window) -> Sequence[Statement]:
        if record.described:
            return []
        words = spec([seen(record)], whole(r.index for r in record.axes))
        made = call("rt.window", words, self.array(record.source), shape([r.extent for r in record.axes]))
        return [let(record.name, made)]

    @emit.register
    def _(self, record: Release) -> Sequence[Statement]:
        if not self.buffers:
            return [*map(Delete, record.buffered)]
        return [Do(method(Name(self.buffers), "give", *map(Name, record.buffered)))]

    @emit.register
    def _(self, record: Equation) -> Sequence[Statement]:
        return [Comment(line) for line in record.lines(WIDTH - len(INDENT) * self.depth - 2)]

    # ----- contractions and windows ---------------------------------------------------------------------------------
    @emit.register
    def _(self, record: Contract) -> Sequence[Statement]:
        target = self.windows[record.out].source if record.into else record.out
        made = self.made.pop(target, None)
        sides = [(record.left, record.left_axes), (record.right, record.right_axes)]
        result = record.out, tuple(r.index for r in record.axes)
        added = record.accumulate and not record.into  # what is added has no place before
        whole = not record.into and not any(name in self.windows for name, _ in sides)
        found = added or (whole and made is not None and made.name == "rt.empty")
        seen_by = sides if found else [*sides, result]
        windows = [self.windows[name] for name, _ in seen_by if name in self.windows]
        needed = unseen(windows, (v for name, axes in seen_by if name not in self.windows for v in axes))
        words = spec([self._subscripts(*side) for side in sides], self._subscripts(*result))
        out = [] if found else [("out", made or self._source(record.out))]
        sizes = [("sizes", extents(needed))] if needed else []
        add = [("add", TRUE)] if record.accumulate and record.into else []
        factor = [("scale", self.number(record.scale))] if record.into and record.scale != 1 else []
        arrays = tuple(self._source(name) for name, _ in sides)
        row = [("row", self._source(record.row))] if record.row else []
        value = Call(Name("rt.contract"), (words, *arrays), (*out, *sizes, *add, *factor, *row))
        if added:
            return [Assign(Name(target), self._scaled(value, record.scale), "+=")]
        scale = [Assign(Name(target), self.number(record.scale), "*=")] if record.scale != 1 and not record.into else []
        return [Do(value) if made is None else let(target, value), *scale]

    @emit.register
    def _(self, record: Reduce) -> Sequence[Statement]:
        words = spec([seen(self.windows[record.window])], whole(r.index for r in record.kept))
        how = Name(NUMPY_REDUCTIONS[record.op].ufunc), empty(record.op)
        arrays = self._source(record.window), self.array(record.out)
        given = (*how, words, *arrays, extents(record.taps))
        return [Do(Call(Name("rt.reduce"), given, self._given(record.scale, record.argument)))]

    @emit.register
    def _(self, record: Spread) -> Sequence[Statement]:
        words = spec([whole(r.index for r in record.kept)], seen(self.windows[record.out]))
        add = (("add", TRUE),) if record.accumulate else ()
        given = (words, self.array(record.values), self._source(record.out), extents(record.taps))
        return [Do(Call(Name("rt.spread"), given, (*self._given(record.scale, record.argument), *add)))]

    @emit.register
    def _(self, record: Accumulate) -> Sequence[Statement]:
        return [Do(self._accumulated(record))]

    def _subscripts(self, name: str, axes: Iterable[Symbol]) -> Words:
        return seen(self.windows[name]) if name in self.windows else whole(axes)

    def _source(self, name: str) -> Expression:
        """The array that a window is of, which is described and not made; any other itself."""
        return self.array(self.windows[name].source if name in self.windows else name)

    # ----- what holds records ---------------------------------------------------------------------------------------
    @emit.register
    def _(self, record: Clip) -> Sequence[Statement]:
        return [self.clipped(record)]

    @emit.register
    def _(self, record: Loop) -> Sequence[Statement]:
        self.loops = {**self.loops, record.index: self.index(record.index)}
        clipped = self.emit(record.clip) if record.clip is not None else ()
        limits = (size(record.extent),) if record.clip is None else self.limits(record.index)
        return [*clipped, For(Name(self.index(record.index)), call("range", *limits), self._all(record.body))]

    @emit.register
    def _(self, record: Recur) -> Sequence[Statement]:
        name = self.index(record.index)
        self.loops, index = {**self.loops, record.index: name}, Name(name)
        cut = [let(part, self.plane(a, axis, record.index + step)) for part, a, axis, step in record.cut]
        stored = [Assign(Part(self.array(a), (*[Span()] * axis, index)), self.array(p)) for a, p, axis in record.made]
        return [For(index, places(record.extent, record.step), (*cut, *self._all(record.body), *stored))]

    @emit.register
    def _(self, record: Stretches) -> Sequence[Statement]:
        return self.stretches(record, self._all(record.body))

    @emit.register
    def _(self, record: When) -> Sequence[Statement]:
        tests: list[Expression] = [Comparison(self.limits(v), ("<",)) for v in record.clips if v not in self.filled]
        tests += [within(self.position(g.value), self.position(g.extent)) for g in record.guards]
        return [If(every(tests), self._all(record.body))] if tests else self._all(record.body)

    @emit.register
    def _(self, record: Block) -> Sequence[Statement]:
        name = record.block.name
        start, stop = (Name(self.names.own(f"{name}_{end}", end)) for end in ("start", "stop"))
        operand = (Name("rt.OPERAND"),) if record.operand else ()
        blocks = call("rt.blocks", size(record.extent), size(record.elements), *operand)
        body = self._all(record.body)
        read = any(name in used(statement) for statement in body)
        cut = (
            let(part, Part(self.array(source), (*[Span()] * axis, Span(start, stop))))
            for part, source, axis in record.slices
        )
        length = [let(name, Binary("-", stop, start))] if read else []
        return [For(Items((start, stop)), blocks, (*length, *cut, *body))]

    @emit.register
    def _(self, record: Branch) -> Sequence[Statement]:
        test = every([Comparison((Name(s.name), ONE), ("==",)) for s in record.ones])
        return [If(test, self._all(record.then), self._all(record.otherwise))]

    @emit.register
    def _(self, record: Compiled) -> Sequence[Statement]:
        within = [holds(g) for g in record.within]
        wanted = call("loops.wanted", *(size(e) for e in (record.steps, *record.options)))
        match record.then:
            case [Nest(), *others] as nests if all(isinstance(n, Nest) for n in others):
                loops = (self._loops(n) for n in nests if isinstance(n, Nest))
                tests = [*within, *([wanted] if record.options else []), *loops]
                return [If(Unary("not", every(tests)), self._all(record.otherwise))]
        test = every([*within, wanted])
        then, otherwise = self._all(record.then), self._all(record.otherwise)
        return [Assign(self.done, test), If(self.done, then), If(Unary("not", self.done), otherwise)]

    @property
    def done(self) -> Name:
        """The variable that says whether loops have computed something: a compiler may refuse them."""
        return Name(self.names.own("done"))

    @emit.register
    def _(self, record: Present) -> Sequence[Statement]:
        there, body = Comparison((self.array(record.array), NONE), ("is not",)), self._all(record.body)
        match body:
            case [Sourced(source, [If(test, inner, ())])]:
                return [If(every([there, test]), (Sourced(source, inner),))]
        return [If(there, body)]

    @emit.register
    def _(self, record: Wanted) -> Sequence[Statement]:
        return [If(Name(record.flag), self._all(record.body))]

    @emit.register
    def _(self, record: Nest) -> Sequence[Statement]:
        return [Assign(self.done, self._loops(record))]

    def _loops(self, record: Nest) -> Expression:
        """The call of loops, which says whether they have computed anything."""
        made = nest_loops(record, f"{self.function}_{len(self.nests) + 1}", argument)
        known = like(made, (*self.known, *self.nests))
        self.nests += [made] if known is None else []
        return call(f"loops.{(known or made).name}", *map(self.array, (*made.arrays, *made.others)))

    @emit.register
    def _(self, record: Invoke) -> Sequence[Statement]:
        place = method(Name(self.buffers), "at", Literal(record.place))
        value = Call(
            Name(record.function),
            (place, *map(Name, record.arguments)),
            tuple((name, size(e)) for name, e in record.sizes),
        )
        said = [Comment(record.words)] if record.words else []
        made = [name for name, _, _ in record.made]
        return [*said, Assign(names(made), value) if made else Do(value)]

    @emit.register
    def _(self, record: Apply) -> Sequence[Statement]:
        given = (Name(self.buffers), *map(self.array, record.arguments))
        value = Call(Name(record.function), given, tuple((name, size(e)) for name, e in record.sizes))
        return [Assign(names(record.made), value) if record.made else Do(value)]

    # ----- labels ---------------------------------------------------------------------------------------------------
    @emit.register
    def _(self, record: Positions) -> Sequence[Statement]:
        return [let(record.name, self._positions(record.update))]

    @emit.register
    def _(self, record: Count) -> Sequence[Statement]:
        brackets = (Group(tuple(map(size, bracket))) for bracket in record.brackets)
        counts = call("rt.counts", size(record.along.extent), size(record.counted.extent), *brackets)
        # A network's function is recorded; what a layer's returns may be written to.
        as_reals = Call(Name("rt.constant"), (counts, DTYPE)) if self.buffers else method(counts, "astype", DTYPE)
        return [let(record.name, as_reals)]

    @emit.register
    def _(self, record: Gather | Known | PartSums | LabelExtrema | ContractByLabel) -> Sequence[Statement]:
        made, value = by_the_runtime(record, self.array)
        if isinstance(record, ContractByLabel):
            value = self._scaled(value, record.scale)
            if record.accumulate:
                return [Assign(self.array(record.out), value, "+=")]
        return [Assign(names(made), value)]

    @emit.register
    def _(self, record: ScatterAdd) -> Sequence[Statement]:
        spec = looked_up(record.values_axes, record.labels, record.target_axes)
        arrays = (self.array(name) for name in (record.target, record.values, *(k.array for k in record.labels)))
        return [Do(call("rt.scatter", spec, *arrays))]

    # ----- updates --------------------------------------------------------------------------------------------------
    @emit.register
    def _(self, record: Define) -> Sequence[Statement]:
        name = Name(record.name)
        kept = record.into and (self.buffers or record.view)
        if kept and (record.update.summed or not has_target(record.update)):
            return self._with_spans([Assign(Part(name, (ELLIPSIS,)), self._value(record.update))])
        if kept:
            return self._with_spans(into(name, record.update.body, self._printer(record.update, record.update.axes)))
        if not record.buffered:
            return self._with_spans([Assign(name, self._value(record.update))])
        taken = Assign(name, self._take(tuple(r.extent for r in record.update.ranges)))
        filled = into(name, record.update.body, self._printer(record.update, record.update.axes))
        return self._with_spans([taken, *filled])

    @emit.register
    def _(self, record: Scale) -> Sequence[Statement]:
        target = self.slice(record.update.target, record.update)
        return self._with_spans([Assign(target, self._value(record.update), "*=")])

    @emit.register
    def _(self, record: Update) -> Sequence[Statement]:
        return self._with_spans(self._added(record) if record.is_sum else self._reduced(record))
