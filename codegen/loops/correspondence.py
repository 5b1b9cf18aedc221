"""Two records -> what of the one stands for what of the other: arrays, extents, indices and sizes.

Loops that are others under other names, those of two norms in a row, are one text.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from sympy import Expr, Symbol

from gradscribe.codegen.kernel.page.equation import Equation
from gradscribe.codegen.loops.loop_function import NestLoops
from gradscribe.codegen.loops.nest import Nest, all_bodies
from gradscribe.derive.ir.term import Access, accesses

Value = TypeVar("Value")
WORDS = frozenset({"kind", "op", "relation", "flag", "words"})
"""The fields of records whose texts are no arrays."""
EXTENTS = frozenset({"shape", "shapes", "extent", "elements", "steps"})
"""The fields that hold extents."""
UNORDERED = frozenset({"shapes", "slices"})
"""The fields that hold something of each array, in an order that means nothing."""
Order = Callable[[str], Any]
SHOWN = frozenset({"order", "number"})
"""The fields of an equation that say how it is shown."""


@dataclass
class Correspondence:
    """What of one record stands for what of another one that does the same.

    Attributes:
        orders: how the arrays of either are sorted where a record names them in no order of its own.
        arrays: array -> array.
        symbols: index or size -> what it is there.
        extents: extent that is no symbol -> extent.
        bodies: pairs of expressions that have to be equal, once all of it is put in.
    """

    orders: tuple[Order, Order] = (str, str)
    arrays: dict[str, str] = field(default_factory=dict)
    symbols: dict[Expr, Expr] = field(default_factory=dict)
    extents: dict[Expr, Expr] = field(default_factory=dict)
    bodies: list[tuple[Expr, Expr]] = field(default_factory=list)

    def copy(self) -> "Correspondence":
        """One that can be added to."""
        return Correspondence(self.orders, dict(self.arrays), dict(self.symbols), dict(self.extents), list(self.bodies))

    def enter(self, one: Any, other: Any, extent: bool = False) -> bool:
        """Enter what stands for what in two records; False where nothing can."""
        if isinstance(one, Expr):
            return isinstance(other, Expr) and self._expressions(one, other, extent)
        if isinstance(one, str):
            return isinstance(other, str) and self._arrays(one, other)
        if isinstance(one, tuple):
            same = isinstance(other, tuple) and len(one) == len(other)
            return same and all(self.enter(a, b, extent) for a, b in zip(one, other, strict=True))
        if not is_dataclass(one):
            return bool(one == other)
        return type(one) is type(other) and all(
            getattr(one, name) == getattr(other, name)
            if name in WORDS
            else self.enter(*self._field(name, one, other), extent=extent or name in EXTENTS)
            for name in _compared(one)
        )

    def _field(self, name: str, one: Any, other: Any) -> tuple[Any, Any]:
        """A field of both records."""
        values = getattr(one, name), getattr(other, name)
        if name not in UNORDERED:
            return values
        return _sorted(values[0], self.orders[0]), _sorted(values[1], self.orders[1])

    def _arrays(self, one: str, other: str) -> bool:
        if not one or one in self.arrays:
            return self.arrays.get(one, "") == other
        if other in self.arrays.values():
            return False
        self.arrays[one] = other
        return True

    def _expressions(self, one: Expr, other: Expr, extent: bool) -> bool:
        if one.is_Symbol:
            return self.symbols.setdefault(one, other) == other
        if extent:
            return self.extents.setdefault(one, other) == other
        self.bodies.append((one, other))
        return one.func == other.func

    @property
    def holds(self) -> bool:
        """Whether all bodies are equal once everything is put in."""
        return all(self.put(one) == other for one, other in self.bodies)

    @property
    def is_identity(self) -> bool:
        """Whether everything stands for itself: the records are equal."""
        return self.holds and all(
            one == two for known in (self.arrays, self.symbols, self.extents) for one, two in known.items()
        )

    def put(self, value: Value) -> Value:
        """A record, or several, in the other's names; other extents than symbols stay as they are."""
        return cast("Value", _renamed(value, self.arrays, self.symbols, {}, False))


def _sorted(entries: Iterable[tuple[Any, Any]], order: Order) -> tuple[tuple[Any, Any], ...]:
    """Shapes or slices by the arrays that they are of."""
    return tuple(sorted(entries, key=lambda e: order(e[0] if isinstance(e[0], str) else e[1].array)))


def like(made: NestLoops, known: Iterable[NestLoops]) -> NestLoops | None:
    """Those of the `known` loops that do the same, given what takes the place of each array, number and size."""
    return next((other for other in known if _is(made, other)), None)


def _is(made: NestLoops, other: NestLoops) -> bool:
    """Whether loops are the others, given what is called in order; indices keep their names."""
    found = Correspondence()
    if not found.enter(made.nest, other.nest) or not found.holds:
        return False
    sizes = {str(one): str(two) for one, two in found.symbols.items()}
    arrays = [found.arrays.get(name, name) for name in (*made.arrays, *made.nest.local)]
    kept = all(sizes[v.name] == v.name for v in made.nest.order)
    return (
        kept
        and arrays == [*other.arrays, *other.nest.local]
        and [sizes.get(name, name) for name in made.others] == [*other.others]
        and all(found.put(one) == two for one, two in found.extents.items())
    )


def _compared(record: Any) -> list[str]:
    """The fields of a record that say what it does; what members of loops compute, these say."""
    left_out = SHOWN if isinstance(record, Equation) else {"body"} if getattr(record, "members", ()) else ()
    return [f.name for f in fields(record) if f.name not in left_out]


def symbols_of(value: Any) -> set[Symbol]:
    """The symbols in records: indices, sizes and options."""
    if isinstance(value, Expr):
        return {s for s in value.free_symbols if isinstance(s, Symbol)}
    if is_dataclass(value):
        value = tuple(getattr(value, f.name) for f in fields(value))
    return set().union(*map(symbols_of, value)) if isinstance(value, tuple) else set()


def renamed(
    value: Value, arrays: Mapping[str, str], symbols: Mapping[Expr, Expr], extents: Mapping[Expr, Expr]
) -> Value:
    """A record, or several, with other names for arrays, indices and sizes, and other extents for those given."""
    return cast("Value", _renamed(value, arrays, symbols, extents, False))


def _renamed(
    value: Any, arrays: Mapping[str, str], symbols: Mapping[Expr, Expr], extents: Mapping[Expr, Expr], extent: bool
) -> Any:
    if isinstance(value, Expr):
        if extent and value in extents:
            return extents[value]
        known = dict(symbols)
        for a in accesses(value):
            indices = (_renamed(e, arrays, symbols, {}, False) for e in a.indices)  # a label is an array's, too
            known[a] = Access(arrays.get(a.tensor, a.tensor), *indices)
        return value.xreplace(known)
    if isinstance(value, str):
        return arrays.get(value, value)
    if isinstance(value, tuple):
        return tuple(_renamed(part, arrays, symbols, extents, extent) for part in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    made = {
        f.name: _renamed(getattr(value, f.name), arrays, symbols, extents, extent or f.name in EXTENTS)
        for f in fields(value)
        if f.name not in WORDS
    }
    if isinstance(value, Nest) and value.members:
        made["body"] = all_bodies(made["members"])
    return replace(value, **made)
