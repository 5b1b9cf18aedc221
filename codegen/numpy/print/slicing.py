"""Slices of arrays as code: positions in loops, clipped ranges, arrays that broadcast along axes."""

from collections.abc import Iterable, Mapping

from sympy import Expr, Symbol

from gradscribe.codegen.numpy.plan import Clip, Slice, Stretches, Update
from gradscribe.codegen.numpy.print.fixed_names import FIXED
from gradscribe.codegen.numpy.print.numpy_table import WORDS
from gradscribe.codegen.python.expression import (
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
    call,
    method,
    negated,
)
from gradscribe.codegen.python.names import Names
from gradscribe.codegen.python.scalars.array_printer import ArrayPrinter
from gradscribe.codegen.python.scalars.scalar import DTYPE, ONE, ZERO, shape, size
from gradscribe.codegen.python.statement import Assign, Body, Delete, For, Statement, let
from gradscribe.derive.ir.index import Affine
from gradscribe.derive.ir.term import Access, Guard

NONE, INFINITY = Literal(None), Name("np.inf")


def argument(value: Expr) -> Expression:
    """A number as loops are given it: of sizes, options and scalar arguments under their own names."""
    plain = ArrayPrinter(WORDS, lambda a: Name(a.tensor), lambda s, _: Name(s.name))
    return _infinity(value) or plain.value(value)


def _infinity(value: Expr) -> Expression | None:
    """The limit that an extremum over nothing has; None for a number."""
    if not value.is_infinite:
        return None
    return INFINITY if value.is_positive else negated(INFINITY)


class Slicing:
    """The names of one function, and the slices that its statements use.

    Args:
        taken: names of arrays, sizes and options; what else has a name is called otherwise.
        arrays: the Python variable of a tensor whose own name is taken otherwise.
    """

    def __init__(self, taken: Iterable[str], arrays: Mapping[str, str] | None = None) -> None:
        self.given = set(taken)
        self.names = Names({*FIXED, *self.given})
        self.arrays = dict(arrays or {})
        self.loops: dict[Symbol, str] = {}
        self.filled: set[Symbol] = set()
        """Indices whose limits are known, and not empty."""
        self.spans: dict[Expression, tuple[Symbol, str]] = {}

    # ----- names and sizes ------------------------------------------------------------------------------------------
    def index(self, symbol: Symbol) -> str:
        """The Python name of an index."""
        return self.names.own(symbol.name, "index")

    def clipped(self, record: Clip) -> Assign:
        """The limits of an index; where all sizes are numbers, so are they."""
        known = known_limits(record)
        self.filled -= {record.index}
        if known is None:
            brackets = (Group((size(a), self.position(b), self.position(e))) for a, b, e in record.constraints)
            return Assign(Items(self.limits(record.index)), call("rt.clip", size(record.extent), *brackets))
        self.filled |= {record.index} if known[0] < known[1] else set()
        return Assign(Items(self.limits(record.index)), Items(tuple(map(Literal, known))))

    def limits(self, symbol: Symbol) -> tuple[Expression, Expression]:
        """The Python names of the limits of an index."""
        low, high = f"{symbol.name}_low", f"{symbol.name}_high"
        return Name(self.names.own(low, "low")), Name(self.names.own(high, "high"))

    def array(self, name: str) -> Expression:
        """The Python name of an array."""
        return Name(self.arrays.get(name, name))

    def position(self, expression: Expr) -> Expression:
        """A position: its symbols may be loop indices or sizes."""
        return size(expression, lambda s: Name(self.loops.get(s, s.name)))

    def number(self, value: Expr) -> Expression:
        """A number made of sizes, options and scalar arguments."""
        return _infinity(value) or self._printer(None).value(value)

    # ----- slices ---------------------------------------------------------------------------------------------------
    def slice(self, part: Slice, update: Update) -> Expression:
        """An array with its subscripts."""
        found = [self._axis(f, v, update) for f, v in zip(part.positions, part.vectors, strict=True)]
        while found and found[-1] == Span():
            found.pop()
        name = self.array(part.array)
        return Part(name, tuple(found)) if found else name

    def plane(self, array: str, axis: int, place: Expr) -> Expression:
        """The elements of an array at a position of an axis, 0 where that is outside."""
        if isinstance(place, Symbol):
            return Part(self.array(array), (*[Span()] * axis, self.position(place)))
        return call("rt.plane", self.array(array), Literal(axis), self.position(place))

    def stretches(self, record: Stretches, body: Body) -> tuple[Statement, ...]:
        """A loop over stretches of positions around what is computed for one."""
        start, stop = Name(record.start.name), Name(self.names.own("stop", record.start.name))
        number = Binary("//", start, Literal(record.every))
        kinds: dict[bool, Expression] = {True: Name("np.int32"), False: DTYPE}
        zeros = [let(s, call("rt.zeros", shape(extents), kinds[whole])) for s, _, _, extents, whole in record.carried]
        cut = [let(p, self._stretch(a, axis, (start, stop), far)) for p, a, axis, far in record.cut]
        cut += [let(state, Part(self.array(a), (*[Span()] * axis, number))) for state, a, axis in record.known]
        kept = [Assign(Part(self.array(a), (*[Span()] * axis, number)), Name(s)) for a, s, axis in record.kept]
        made = [
            Assign(Part(self.array(a), (*[Span()] * axis, Span(start, stop))), self.array(p))
            for a, p, axis in record.made
        ]
        carried = [
            let(state, call("rt.carried", Name(state), self.array(p), Literal(axis), Literal(record.step)))
            for state, p, axis, _, _ in record.carried
        ]
        sums = [Assign(self.array(a), self.array(p), "+=") for a, p in record.sums]
        length = let(record.length.name, Binary("-", stop, start))
        gone = dict.fromkeys([*(p for _, p, _ in record.made), *(p for _, p, *_ in record.carried)])
        over = call("rt.stretches", size(record.extent), Literal(record.every), Literal(record.step))
        every = (length, *cut, *kept, *body, *made, *carried, *sums, *map(Delete, gone))
        return (*zeros, For(Items((start, stop)), over, every))

    def _stretch(self, array: str, axis: int, ends: tuple[Expression, Expression], distance: int) -> Expression:
        """The elements of an array from one position of an axis to another, so far away; 0 where that is outside."""
        if distance == 0:
            return Part(self.array(array), (*[Span()] * axis, Span(*ends)))
        return call("rt.stretch", self.array(array), Literal(axis), *ends, Literal(distance))

    def _axis(self, form: Affine, vector: Symbol | None, update: Update) -> Expression:
        if vector is None:
            return self.position(form.expression())
        low, high = self._range(vector, update)
        if form.plain() is not None:
            return Span(low, high) if vector in update.clipped else Span()
        slope = form.coefficient(vector)
        rest = form.expression() - slope * vector
        span = call("rt.span", size(slope), self.position(rest), low, high)
        number = sum(known == vector for known, _ in self.spans.values())
        name = self.names.own(f"{vector.name}_at{number or ''}", "at")
        return Name(self.spans.setdefault(span, (vector, name))[1])

    def _range(self, vector: Symbol, update: Update) -> tuple[Expression, Expression]:
        if vector in update.clipped:
            return self.limits(vector)
        return ZERO, size(next(r.extent for r in update.ranges if r.index == vector))

    def _printer(self, update: Update | None, axes: tuple[Symbol, ...] = ()) -> ArrayPrinter:
        lookup = dict(update.slices) if update else {}

        def access(a: Access) -> Expression:
            if a not in lookup:  # in a scale: a number
                return self.array(a.tensor)
            assert update is not None  # or the lookup were empty
            part = lookup[a]
            return _aligned(self.slice(part, update), part.axes, axes)

        def index(symbol: Symbol, integer: bool) -> Expression:
            if update is None or symbol not in update.axes:
                return Name(self.loops.get(symbol, symbol.name))
            kind = () if integer else (("dtype", DTYPE),)
            return _aligned(Call(Name("np.arange"), self._range(symbol, update), kind), (symbol,), axes)

        return ArrayPrinter(WORDS, access, index, update.axes if update else ())


def _aligned(value: Expression, own: tuple[Symbol, ...], axes: tuple[Symbol, ...]) -> Expression:
    """Transpose an array with axes `own` and insert axes of length 1, so that it broadcasts along `axes`."""
    order = tuple(v for v in axes if v in own)
    if order != own:
        value = method(value, "transpose", *(Literal(own.index(v)) for v in order))
    if not own:
        return value
    wanted = tuple(Span() if v in own else NONE for v in axes[axes.index(order[0]) :])
    return value if NONE not in wanted else Part(value, wanted)


def places(extent: Expr, step: int) -> Expression:
    """The positions of an axis, from the first or from the last."""
    return call("range", size(extent) if step > 0 else size(extent - 1), *([] if step > 0 else [Literal(-1)] * 2))


def known_limits(record: Clip) -> tuple[int, int] | None:
    """The range within the extent where ``0 <= a*v + b < e`` for all constraints; None where sizes are not numbers."""
    if not all(e.is_Integer for e in (record.extent, *(e for c in record.constraints for e in c))):
        return None
    low, high = 0, int(record.extent)
    for a, b, e in (tuple(map(int, c)) for c in record.constraints):
        if a < 0:  # the same from the other end
            a, b = -a, e - 1 - b
        if a == 0:
            high = high if 0 <= b < e else 0
        else:
            low, high = max(low, -(b // a)), min(high, (e - 1 - b) // a + 1)
    return low, high


def within(value: Expression, extent: Expression) -> Expression:
    """``0 <= value < extent``."""
    return Comparison((ZERO, value, extent), ("<=", "<"))


def holds(guard: Guard) -> Expression:
    """A condition on sizes; ``G == 1`` for that on G - 1 to be 0, ``R*T < 200`` for what is never negative."""
    if guard.extent == 1:
        return Comparison((size(guard.value + 1), ONE), ("==",))
    if guard.value.is_nonnegative:
        return Comparison((size(guard.value), size(guard.extent)), ("<",))
    return within(size(guard.value), size(guard.extent))
