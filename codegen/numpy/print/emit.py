"""Plan -> statements of Python, a function per kind of record. How a sum is said, `sums` beside it decides."""

from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatchmethod

from sympy import Expr

from gradscribe.codegen.loops import Nest, NestLoops, like, nest_loops
from gradscribe.codegen.numpy.plan import (
    Allocate,
    Block,
    Branch,
    Clip,
    Compiled,
    Contract,
    Count,
    Define,
    Equation,
    Gather,
    Invoke,
    Known,
    Labels,
    Loop,
    Plan,
    Positions,
    Present,
    Record,
    Reduce,
    Release,
    Scale,
    ScatterAdd,
    Split,
    Spread,
    Update,
    Wanted,
    When,
    Window,
    effects,
)
from gradscribe.codegen.numpy.print.numpy_table import NUMPY_REDUCTIONS
from gradscribe.codegen.numpy.print.pointwise import has_target, into
from gradscribe.codegen.numpy.print.slicing import argument
from gradscribe.codegen.numpy.print.updating import Updating, axes_words, constant, empty, names_of
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
    negated,
)
from gradscribe.codegen.python.scalars.array_printer import ArrayPrinter
from gradscribe.codegen.python.scalars.scalar import DTYPE, ONE, ZERO, shape, size
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
from gradscribe.codegen.python.text.line_breaks import INDENT
from gradscribe.codegen.python.text.line_breaks import WIDTH as LINE
from gradscribe.derive.ir.term import Guard

TRUE, NONE = Literal(True), Literal(None)
WIDTH = LINE - len(INDENT)
"""Of a function's body."""


class Emitter(Updating):
    """Emits one function's records.

    Args:
        taken: names of arrays, sizes and options; what else has a name is called otherwise.
        arrays: the Python variable of a tensor whose own name is taken otherwise.
        buffers: the Python variable of the buffers that buffered arrays come from.
    """

    def __init__(self, taken: Iterable[str], arrays: Mapping[str, str] | None = None, buffers: str = "") -> None:
        super().__init__(taken, arrays)
        self.buffers = buffers
        self.function = ""
        self.nests: list[NestLoops] = []

    def statements(self, plan: Plan) -> Body:
        """The statements of a plan; `nests` are the loops they call."""
        self.function = plan.name
        self.names.take(effects(*plan.records).names)
        return self._all(plan.records)

    def _all(self, records: Iterable[Record]) -> Body:
        return tuple(Sourced(record, tuple(self.emit(record))) for record in records)

    def _take(self, extents: Sequence[Expr], kind: Expression) -> Expression:
        return method(Name(self.buffers), "take", shape(extents), kind)

    # ----- arrays ---------------------------------------------------------------------------------------------------
    @singledispatchmethod
    def emit(self, record: Record) -> Sequence[Statement]:
        """The statements of one record."""
        raise TypeError(f"no such record: {record}")

    @emit.register
    def _(self, record: Allocate) -> Sequence[Statement]:
        kind: Expression = Name("np.int32") if record.integer else DTYPE
        fill = None if record.fill is None else constant(record.fill)
        if record.buffered:
            filled = [Do(method(Name(record.name), "fill", fill))] if fill is not None else []
            return [let(record.name, self._take(record.shape, kind)), *filled]
        extents = shape(record.shape)
        if fill is None:
            return [let(record.name, call("rt.empty", extents, kind))]
        if fill == ZERO:
            return [let(record.name, call("np.zeros", extents, kind))]
        return [let(record.name, call("np.full", extents, fill, kind))]

    @emit.register
    def _(self, record: Split) -> Sequence[Statement]:
        return [let(record.name, method(self.array(record.source), "reshape", *map(size, record.shape)))]

    @emit.register
    def _(self, record: Window) -> Sequence[Statement]:
        places = {r.index: Literal(k) for k, r in enumerate(record.axes)}
        positions = [
            Group((size(form.offset), *(Group((places[v], size(c))) for v, c in form.terms)))
            for form in record.positions
        ]
        extents = shape(tuple(r.extent for r in record.axes))
        function = "rt.Window" if record.described else "rt.window"
        made = call(function, self.array(record.source), extents, Group(tuple(positions)))
        return [Assign(Name(record.name), made, remark=names_of(r.index for r in record.axes))]

    @emit.register
    def _(self, record: Release) -> Sequence[Statement]:
        if not self.buffers:
            return [*map(Delete, record.buffered)]
        return [Do(method(Name(self.buffers), "give", *map(Name, record.buffered)))]

    @emit.register
    def _(self, record: Equation) -> Sequence[Statement]:
        return [Comment(line) for line in record.lines(WIDTH - 2)]

    # ----- contractions and windows ---------------------------------------------------------------------------------
    @emit.register
    def _(self, record: Contract) -> Sequence[Statement]:
        spec = axes_words(record.left_axes, record.right_axes, out=(r.index for r in record.axes))
        made = call("rt.contract", spec, self.array(record.left), self.array(record.right))
        out, scale = Name(record.out), self.number(record.scale)
        given = Call(made.function, made.arguments, (("out", out),))
        if record.into:
            add = (("add", TRUE),) if record.accumulate else ()
            factor = (("scale", scale),) if record.scale != 1 else ()
            return [Do(Call(made.function, made.arguments, (*given.keywords, *add, *factor)))]
        if record.accumulate:
            return [Assign(out, self._scaled(made, record.scale), "+=")]
        return [Do(given), *([Assign(out, scale, "*=")] if record.scale != 1 else [])]

    @emit.register
    def _(self, record: Reduce) -> Sequence[Statement]:
        how = Name(NUMPY_REDUCTIONS[record.op].ufunc), empty(record.op)
        given = Name("rt.reduce"), (*how, Name(record.window), self.array(record.out))
        return [Do(Call(*given, self._given(record.scale, record.argument)))]

    @emit.register
    def _(self, record: Spread) -> Sequence[Statement]:
        add = (("add", TRUE),) if record.accumulate else ()
        given = Name("rt.spread"), (self.array(record.values), Name(record.out))
        return [Do(Call(*given, (*self._given(record.scale, record.argument), *add)))]

    def _given(self, scale: Update | None, argument: str | None) -> tuple[tuple[str, Expression], ...]:
        scaled = (("scale", self._value(scale)),) if scale is not None else ()
        return (*scaled, *((("argument", self.array(argument)),) if argument is not None else ()))

    def _scaled(self, value: Expression, scale: Expr) -> Expression:
        if scale in (1, -1):
            return value if scale == 1 else negated(value)
        return Binary("*", self.number(scale), value)

    # ----- what holds records ---------------------------------------------------------------------------------------
    @emit.register
    def _(self, record: Clip) -> Sequence[Statement]:
        brackets = (Group((size(a), self.position(b), self.position(e))) for a, b, e in record.constraints)
        return [Assign(Items(self.limits(record.index)), call("rt.clip", size(record.extent), *brackets))]

    @emit.register
    def _(self, record: Loop) -> Sequence[Statement]:
        self.loops = {**self.loops, record.index: self.index(record.index)}
        clipped = self.emit(record.clip) if record.clip is not None else ()
        limits = (size(record.extent),) if record.clip is None else self.limits(record.index)
        return [*clipped, For(Name(self.index(record.index)), call("range", *limits), self._all(record.body))]

    @emit.register
    def _(self, record: When) -> Sequence[Statement]:
        tests: list[Expression] = [Comparison(self.limits(v), ("<",)) for v in record.clips]
        tests += [_within(self.position(g.value), self.position(g.extent)) for g in record.guards]
        return [If(every(tests), self._all(record.body))]

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
        within = [_holds(g) for g in record.within]
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
        return [If(Comparison((self.array(record.array), NONE), ("is not",)), self._all(record.body))]

    @emit.register
    def _(self, record: Wanted) -> Sequence[Statement]:
        return [If(Name(record.flag), self._all(record.body))]

    @emit.register
    def _(self, record: Nest) -> Sequence[Statement]:
        return [Assign(self.done, self._loops(record))]

    def _loops(self, record: Nest) -> Expression:
        """The call of loops, which says whether they have computed anything."""
        made = nest_loops(record, f"{self.function}_{len(self.nests) + 1}", argument)
        known = like(made, self.nests)
        self.nests += [made] if known is None else []
        return call(f"loops.{(known or made).name}", *map(self.array, (*made.arrays, *made.others)))

    @emit.register
    def _(self, record: Invoke) -> Sequence[Statement]:
        given: tuple[Expression, ...] = (Literal(record.place), *map(Name, record.arguments))
        value = Call(Name(record.function), given, tuple((name, size(e)) for name, e in record.sizes))
        said = [Comment(record.words)] if record.words else []
        return [*said, Assign(names(record.results), value)]

    # ----- labels ---------------------------------------------------------------------------------------------------
    @emit.register
    def _(self, record: Positions) -> Sequence[Statement]:
        printer = self._printer(record.update, record.update.axes)
        # small and unsigned types would overflow
        wide = ArrayPrinter(printer.words, lambda a: call("rt.wide", printer.access(a)), printer.index, printer.vectors)
        return [let(record.name, wide.value(record.update.body, whole=True))]

    @emit.register
    def _(self, record: Gather) -> Sequence[Statement]:
        spec = _looked_up(record.source_axes, record.labels, (r.index for r in record.axes))
        labels = (self.array(k.array) for k in record.labels)
        return [let(record.name, call("rt.gather", spec, self.array(record.source), *labels))]

    @emit.register
    def _(self, record: Count) -> Sequence[Statement]:
        brackets = (Group(tuple(map(size, bracket))) for bracket in record.brackets)
        counts = call("rt.counts", size(record.along.extent), size(record.counted.extent), *brackets)
        return [let(record.name, method(counts, "astype", DTYPE))]

    @emit.register
    def _(self, record: Known) -> Sequence[Statement]:
        return [let(record.name, call("rt.known", self.array(record.labels), size(record.extent)))]

    @emit.register
    def _(self, record: ScatterAdd) -> Sequence[Statement]:
        spec = _looked_up(record.values_axes, record.labels, record.target_axes)
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
        taken = Assign(name, self._take(tuple(r.extent for r in record.update.ranges), DTYPE))
        filled = into(name, record.update.body, self._printer(record.update, record.update.axes))
        return self._with_spans([taken, *filled])

    @emit.register
    def _(self, record: Scale) -> Sequence[Statement]:
        target = self.slice(record.update.target, record.update)
        return self._with_spans([Assign(target, self._value(record.update), "*=")])

    @emit.register
    def _(self, record: Update) -> Sequence[Statement]:
        return self._with_spans(self._added(record) if record.is_sum else self._reduced(record))


def _within(value: Expression, extent: Expression) -> Expression:
    return Comparison((ZERO, value, extent), ("<=", "<"))


def _holds(guard: Guard) -> Expression:
    """A condition on sizes; ``G == 1`` for that on G - 1 to be 0, ``R*T < 200`` for what is never negative."""
    if guard.extent == 1:
        return Comparison((size(guard.value + 1), ONE), ("==",))
    if guard.value.is_nonnegative:
        return Comparison((size(guard.value), size(guard.extent)), ("<",))
    return _within(size(guard.value), size(guard.extent))


def _looked_up(axes: Iterable[Expr], labels: Iterable[Labels], out: Iterable[Expr]) -> Expression:
    """Axes by name, then per label array the axis that it stands for and its own axes."""
    parts = [names_of(axes), *(f"{k.index.name}: {names_of(k.axes)}" for k in labels)]
    return Literal(f"{', '.join(parts)} -> {names_of(out)}")
