"""Updates of slices as code: what is added, what is reduced, how a sum is said; and arrays that the runtime makes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

from sympy import Expr, Symbol

from gradscribe.codegen.numpy.plan import (
    Accumulate,
    ContractByLabel,
    Gather,
    Known,
    LabelExtrema,
    PartSums,
    Sum,
    Update,
    row,
    summation,
)
from gradscribe.codegen.numpy.print.numpy_table import NUMPY_REDUCTIONS
from gradscribe.codegen.numpy.print.slicing import INFINITY, Slicing
from gradscribe.codegen.numpy.print.subscripts import looked_up, spec, whole
from gradscribe.codegen.python.expression import (
    ELLIPSIS,
    Binary,
    Call,
    Expression,
    Group,
    Literal,
    Name,
    Part,
    call,
    chain,
    negated,
)
from gradscribe.codegen.python.scalars.array_printer import ArrayPrinter
from gradscribe.codegen.python.scalars.scalar import DTYPE, size
from gradscribe.codegen.python.statement import Assign, Do, Statement, let
from gradscribe.derive.ir.functions import admission
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import Access, accesses


class Updating(Slicing):
    """The right sides of updates, and the statements that write them."""

    def _with_spans(self, statements: Sequence[Statement]) -> Sequence[Statement]:
        """The slices that `statements` use, by name, and then the statements."""
        named = [let(name, value) for value, (_, name) in self.spans.items()]
        self.spans = {}
        return [*named, *statements]

    def _added(self, record: Update) -> Sequence[Statement]:
        target, axes = self.slice(record.target, record), row(record)
        if record.op == "=":
            return [Assign(target if isinstance(target, Part) else Part(target, (ELLIPSIS,)), self._value(record))]
        if axes:
            return [Do(call("rt.add_row", target, self._printer(record, axes).value(record.body)))]
        value = self._value(record)
        if isinstance(target, Part) and any(v is not None for v in record.target.vectors):
            part = self.names.own("part")  # a view that is added to by its subscripts is copied onto itself afterwards
            return [let(part, target), Assign(Name(part), value, "+=")]
        return [Assign(target, value, "+=")]

    def _reduced(self, record: Update) -> Sequence[Statement]:
        target = self.slice(record.target, record)
        how = NUMPY_REDUCTIONS[record.op]
        brackets, value = admission(record.body)
        if record.argument is None:
            writable = target if isinstance(target, Part) else Part(target, (ELLIPSIS,))
            return [Assign(writable, call(how.ufunc, target, self._value(record)))]
        found, position = record.argument
        where = [self._printer(record, record.axes).condition(brackets)] if brackets else []
        arrays = _view(target), _view(self.slice(found, record))
        if record.summed:
            values = self._printer(record, record.axes).value(value)
            return [Do(call(how.searched, *arrays, values, Literal(len(record.summed)), *where))]
        values = self._value(replace(record, body=value))
        return [Do(call(how.recorded, *arrays, values, self.position(position), *where))]

    def _elements(self, update: Update) -> Expression:
        """The elements of a reduction other than a sum, its identity where a bracket excludes one."""
        brackets, value = admission(update.body)
        printer = self._printer(update, update.axes)
        found = printer.value(value)
        if not brackets:
            return found
        kind = call("dtype", found) if printer.is_scalar(value) else found
        return call("np.where", printer.condition(brackets), kind, empty(update.op))

    def _given(self, scale: Update | None, argument: str | None) -> tuple[tuple[str, Expression], ...]:
        scaled = (("scale", self._value(scale)),) if scale is not None else ()
        return (*scaled, *((("argument", self.array(argument)),) if argument is not None else ()))

    def _scaled(self, value: Expression, scale: Expr) -> Expression:
        if scale in (1, -1):
            return value if scale == 1 else negated(value)
        return Binary("*", self.number(scale), value)

    def _positions(self, update: Update) -> Expression:
        """An expression of integers; small and unsigned types would overflow."""
        own = self._printer(update, update.axes)
        wide = ArrayPrinter(own.words, lambda a: call("rt.wide", own.access(a)), own.index, own.vectors)
        return wide.value(update.body, whole=True)

    def _value(self, update: Update) -> Expression:
        """The right side: a pointwise expression, a sum over axes, a contraction, or another reduction over axes."""
        if update.is_sum:
            return self._sum(update, summation(update))
        elements = self._elements(update)
        if not update.summed:
            return elements
        axes = (("axis", last(len(update.summed))), ("initial", empty(update.op)))
        return Call(Name(NUMPY_REDUCTIONS[update.op].along), (elements,), axes)

    def _accumulated(self, record: Accumulate) -> Expression:
        """The call that goes along rows of factors."""
        arrays = (self.array(name) for name in (record.out, record.weights, record.factors) if name)
        given = (*arrays, Literal(record.axis))
        if record.first is None:
            return call("rt.others", *given, Literal(len(record.places)))
        name = Name("rt.running_slopes" if record.weights else "rt.running")
        return Call(name, (*given, size(record.first)), (("backwards", Literal(True)),) if record.backwards else ())

    def _sum(self, update: Update, said: Sum) -> Expression:
        """A sum: what it does not see multiplies it once."""
        printer = self._printer(update, said.axes)
        if not said.summed:
            found = printer.value(said.body)
        elif said.product is not None:
            found = self._contraction(update, said, said.product)
        else:
            axes = _as_read(update, said)
            found = call("rt.total", self._printer(update, axes).value(said.body), _numbers(axes, said.summed))
        outer = [self._printer(update, said.kept).value(said.outer)] if said.outer != 1 else []
        scale = [self.number(said.scale)] if said.scale not in (1, -1) else []
        value = chain("*", [*outer, *scale, found, *(self._count(v, update) for v in said.counted)])
        return negated(value) if said.scale == -1 else value

    def _count(self, vector: Symbol, update: Update) -> Expression:
        """The number of values of a vector index."""
        low, high = self._range(vector, update)
        return Binary("-", high, low) if vector in update.clipped else high

    def _contraction(self, update: Update, said: Sum, product: tuple[Access, Access]) -> Expression:
        lookup = dict(update.slices)
        axes = [lookup[a].axes for a in product]
        words = spec([whole(a) for a in axes], whole(said.kept))
        return call("rt.contract", words, *(self.slice(lookup[a], update) for a in product))


def _view(value: Expression) -> Expression:
    """A subscript by integers alone yields a scalar; an ellipsis keeps it a view."""
    return Part(value.value, (*value.subscripts, ELLIPSIS)) if isinstance(value, Part) else value


def _as_read(update: Update, said: Sum) -> tuple[Symbol, ...]:
    """The axes of what is summed: as an array has them that varies along all, if the result's are in order then."""

    def in_order(axes: tuple[Symbol, ...]) -> bool:
        return set(axes) == set(said.axes) and tuple(v for v in axes if v not in said.summed) == said.kept

    read = dict(update.slices)
    found = (read[a].axes for a in accesses(said.body) if in_order(read[a].axes))
    return next(found, said.axes)


def last(count: int) -> Expression:
    """The numbers of the last axes."""
    return Literal(-1) if count == 1 else Group(tuple(Literal(-k) for k in range(count, 0, -1)))


def _numbers(axes: tuple[Symbol, ...], summed: tuple[Symbol, ...]) -> Expression:
    """The numbers of the axes that are summed over."""
    if set(axes[-len(summed) :]) == set(summed):
        return last(len(summed))
    places = tuple(Literal(k) for k, v in enumerate(axes) if v in summed)
    return places[0] if len(places) == 1 else Group(places)


def empty(op: str) -> Expression:
    """The value of a reduction over no element."""
    return constant(REDUCTIONS[op].identity)


def constant(value: float) -> Expression:
    """A number as NumPy has it, an infinite one too."""
    if abs(value) == inf:
        return INFINITY if value > 0 else negated(INFINITY)
    return Literal(value)


Made = Gather | Known | PartSums | LabelExtrema | ContractByLabel
"""What a function of the runtime makes."""


def by_the_runtime(record: Made, array: Callable[[str], Expression]) -> tuple[tuple[str, ...], Expression]:
    """The names of what is made, and the call of the runtime that makes it.

    Args:
        record: what is made.
        array: the variable of an array by its name.
    """
    match record:
        case Gather(name, source, source_axes, labels, axes):
            words = looked_up(source_axes, labels, (r.index for r in axes))
            return (name,), call("rt.gather", words, array(source), *(array(k.array) for k in labels))
        case Known(name, values, extent):
            return (name,), call("rt.known", array(values), size(extent), DTYPE)
        case PartSums(name, source, axes_of, summed, place, ends, names_, adjoint):
            given = array(source), Literal(axes_of.index(summed.index))
            places, found = size(place.extent), map(array, names_)
            if ends:
                pairs = (Group((size(a), size(b))) for a, b in ends)
                return (name,), call("rt.running_sums", *given, places, *pairs)
            if adjoint:
                return (name,), call("rt.spread_segments", *given, places, *found)
            return (name,), call("rt.segment_sums", *given, *found)
        case LabelExtrema(name, op, values, values_axes, kept, rows, extent, argument):
            words = looked_up(values_axes, [rows], kept)
            how = Name(NUMPY_REDUCTIONS[op].ufunc), empty(op), array(values), array(rows.array), size(extent)
            if argument is not None:
                located = (("located", Literal(True)),)
                return (name, argument), Call(Name("rt.label_extrema"), (words, *how), located)
            return (name,), Part(call("rt.label_extrema", words, *how), (Literal(0),))
        case ContractByLabel(name, left, right, left_axes, right_axes, kept, rows, extent):
            looked = (f"{rows.index.name}: ", *whole(rows.axes))
            words = spec([whole(left_axes), whole(right_axes), looked], whole(kept))
            arrays = map(array, (left, right, rows.array))
            return (name,), call("rt.contract_by_label", words, *arrays, size(extent))
