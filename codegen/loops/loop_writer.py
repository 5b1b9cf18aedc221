"""What all loop functions share: names, bodies, the statements for addresses, ranges and elements."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.loops.addresses import Address, Constraint, address, constraints
from gradscribe.codegen.loops.body import ScalarPrinter, is_plain
from gradscribe.codegen.loops.builder import Builder
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.python.expression import Binary, Comparison, Expression, Literal, Name, Part, call, chain
from gradscribe.codegen.python.names import Names
from gradscribe.codegen.python.scalars.scalar import ZERO, size
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Range, accesses

MOST_TERMS = 6
"""Terms of an address that is written in one expression; one of more is made axis by axis."""

NUMBERS = {Integer(0): "zero", Integer(1): "one", -sympy.oo: "lowest", sympy.oo: "highest"}

AMBIGUOUS = "l", "I", "O"
"""Names that read like others."""

PLACE = Symbol("place")
"""An address that is being made; no index of a program is the same symbol, whatever its name."""

SCALE = Symbol("scale")
"""A number that a window is multiplied by, in a variable."""


@dataclass(frozen=True)
class Base:
    """Where elements begin: the variable that holds the address, None for 0, and how it moves."""

    name: Name | None
    where: Address


class Writer(Builder):
    """The statements of one function and the names in it.

    Args:
        nest: the loops.
        taken: names of arrays, sizes and options.
        order: the indices from the outermost loop to the innermost one.
    """

    def __init__(self, nest: Nest, taken: Collection[str], order: tuple[Symbol, ...]) -> None:
        super().__init__()
        self.nest, self.order = nest, order
        self.names = Names({"np", *taken, *(name for name, _ in nest.shapes), *AMBIGUOUS})
        self.indices = {r.index for r in nest.ranges}
        self.shapes = dict(nest.shapes)
        self.extents = {r.index: r.extent for r in nest.ranges}
        self.constraints = constraints(nest.brackets, order)
        self.numbers: dict[Expr, Name] = {}
        self.sizes: set[Symbol] = set()
        for index in order:
            self.index(index)

    # ----- names ----------------------------------------------------------------------------------------------------
    def name(self, word: str, role: str = "") -> Name:
        """A name of this function's own; words that are made of others have a role."""
        return Name(self.names.own(word, role))

    def index(self, symbol: Symbol) -> Name:
        """The name of an index."""
        return self.name(symbol.name, "" if symbol == PLACE else "index")

    def number(self, value: Expr) -> Name:
        """The argument or variable that holds a number."""
        if value == SCALE:
            return self.name("scale")
        if value not in self.numbers:
            self.numbers[value] = self.name(NUMBERS.get(value, f"number_{len(self.numbers) + 1}"))
        return self.numbers[value]

    def integer(self, expression: Expr) -> Expression:
        """An integer; its sizes become arguments."""
        self.sizes |= expression.free_symbols - self.indices
        return size(expression, lambda s: self.index(s) if s in self.indices else Name(s.name))

    def unsigned(self, expression: Expr) -> Expression:
        """The same as an unsigned integer: an index that may be negative would be tested in every round."""
        return unsigned(self.integer(expression))

    # ----- elements -------------------------------------------------------------------------------------------------
    def bases(self, body: Expr, inner: tuple[Symbol, ...] = (), ahead: tuple[Symbol, ...] = ()) -> dict[Access, Base]:
        """Write down where the accesses of `body` begin, see `address`."""
        found: dict[Access, Base] = {}
        named: dict[Expr, Name | None] = {}
        for access in accesses(body):
            if not access.indices:
                continue
            where = address(access.indices, self.shapes[access.tensor], (*inner, self.nest.vector.index), ahead)
            key = Access(access.tensor, where.base)
            if key not in named and where.base == 0:
                named[key] = None
            elif key not in named:
                number = sum(k.tensor == access.tensor for k in named)
                name = self.name(f"{access.tensor}_at{number + 1 if number else ''}", "base")
                named[key] = self._located(name, where)
            found[access] = Base(named[key], where)
        return found

    def base(self, ahead: tuple[Symbol, ...] = (), inner: tuple[Symbol, ...] = ()) -> Base:
        """Write down where elements of the target begin."""
        place = self.nest.place
        where = address(place, self.shapes[self.nest.target], (*inner, self.nest.vector.index), ahead)
        return Base(self._located(self.name("at"), where) if where.base != 0 else None, where)

    def _located(self, name: Name, where: Address) -> Name:
        """Write down an address, axis by axis where it has many terms."""
        if where.terms <= MOST_TERMS:
            self.let(name, self.unsigned(where.base))
            return name
        place = self.index(PLACE)
        self.indices.add(PLACE)
        before: Expr = Integer(0)
        for extent, position in where.parts[:-1]:
            value = before * extent + position
            if value not in (0, PLACE):
                self.let(place, self.integer(value))
                before = PLACE
        extent, position = where.parts[-1]
        self.let(name, self.unsigned(before * extent + position))
        return name

    def element(self, array: str, base: Base, moved: Mapping[Symbol, Expr]) -> Part:
        """An element, with indices `moved` by so much from where the base is."""
        offset = sum((base.where.step(v) * value for v, value in moved.items()), Integer(0))
        v = self.nest.vector.index
        parts: list[Expression] = [base.name] if base.name else []
        parts += [self.unsigned(offset)] if offset != 0 else []
        parts += [self.index(v)] if base.where.step(v) != 0 else []
        return Part(Name(array), (chain("+", parts or [ZERO]),))

    def value(self, body: Expr, bases: Mapping[Access, Base], moved: Mapping[Symbol, Expr]) -> Expression:
        """`body`, with indices `moved` as in `element`.

        Elements of more than a product are read before, in statements of their own: a read under a condition is slow.
        """
        places = {v: v + e for v, e in moved.items() if e != v}
        plain = is_plain(body)

        def access(a: Access) -> Expression:
            found = self.element(a.tensor, bases[a], moved)
            return found if plain else self._read(a.tensor, found)

        printer = ScalarPrinter(
            access,
            self.number,
            lambda e: call("np.int32", self.integer(sympy.expand(e.xreplace(places)))),
            self._hold,
            self.indices,
        )
        if plain:
            return printer.operand(body)
        name = self.name("value")
        self.let(name, printer.value(body))
        return name

    def _hold(self, value: Expression) -> Name:
        return self.hold(value, self.name(f"term_{len(self.held) + 1}"))

    def _read(self, array: str, element: Part) -> Name:
        number = sum(isinstance(e, Part) and e.value == element.value for e in self.held)
        return self.hold(element, self.name(f"{array}_{number + 1}", "element"))

    @property
    def nest_taps(self) -> set[Symbol]:
        """The indices of the taps."""
        return {r.index for r in self.nest.taps}

    # ----- ranges ---------------------------------------------------------------------------------------------------
    def clips(self, index: Symbol) -> tuple[Constraint, ...]:
        """What restricts an index."""
        return tuple(c for c in self.constraints if c.index == index)

    def known(self, index: Symbol, bound: Collection[Symbol]) -> bool:
        """Whether the range of `index` depends on nothing but the indices `bound`."""
        return all(c.rest.free_symbols & self.indices <= set(bound) for c in self.clips(index))

    def limits(self, index: Symbol, found: Iterable[Constraint], names: tuple[Name, Name]) -> None:
        """Write the range that constraints leave an index."""
        low = dict.fromkeys(self.integer(c.low) for c in found)
        high = dict.fromkeys(self.integer(c.high) for c in found)
        self.let(names[0], call("max", ZERO, *low))
        self.let(names[1], call("min", self.integer(self.extents[index]), *high))

    def limited(self, index: Symbol) -> tuple[Name, Name]:
        """The names of the limits of an index."""
        return self.name(f"{index.name}_low", "low"), self.name(f"{index.name}_high", "high")

    def between(self, index: Symbol) -> tuple[Name, Name]:
        """The names of the limits within which all taps of a window lie within the arrays."""
        return self.name(f"{index.name}_first", "first"), self.name(f"{index.name}_last", "last")

    def clip(self, index: Symbol) -> None:
        """Write the range of an index, if it is restricted."""
        if self.clips(index):
            self.limits(index, self.clips(index), self.limited(index))

    def clip_known(self, indices: Iterable[Symbol], bound: Collection[Symbol]) -> list[Symbol]:
        """Write the ranges of those indices whose range is known once others are `bound`; returns them."""
        found = [v for v in indices if self.known(v, bound)]
        for v in found:
            self.clip(v)
        return found

    def span(self, index: Symbol) -> tuple[Expression, ...]:
        """The arguments of ``range`` for an index."""
        return self.limited(index) if self.clips(index) else (self.integer(self.extents[index]),)

    @contextmanager
    def loops(self, ranges: Iterable[Range]) -> Iterator[None]:
        """Statements within a loop over each of the whole `ranges`."""
        with ExitStack() as stack:
            for r in ranges:
                stack.enter_context(self.loop(self.index(r.index), self.integer(r.extent)))
            yield

    @contextmanager
    def vector(self) -> Iterator[None]:
        """Statements within the innermost loop."""
        v = self.nest.vector.index
        if self.clips(v):
            low, high = self.limited(v)
            with self.loop(self.index(v), unsigned(low), unsigned(call("max", low, high))):
                yield
        else:
            with self.row():
                yield

    @contextmanager
    def row(self) -> Iterator[None]:
        """Statements within a loop over the innermost index that no bracket restricts."""
        v = self.nest.vector
        with self.loop(self.index(v.index), self.unsigned(v.extent)):
            yield

    def whole(self, last: Symbol, taps: tuple[Symbol, ...]) -> tuple[Constraint, ...]:
        """What it takes that all `taps` lie within the arrays, as constraints on the index `last`."""
        found = []
        for bracket in self.nest.brackets:
            parts = affine(bracket.value, self.order)
            mine = [v for v in parts.indices if v in taps]
            if last not in parts.indices:
                continue
            for ends in product(*((Integer(0), self.extents[v] - 1) for v in mine)):
                value = sympy.expand(bracket.value.xreplace(dict(zip(mine, ends, strict=True))))
                factor = parts.coefficient(last)
                found.append(Constraint(last, factor, sympy.expand(value - factor * last), bracket.extent))
        return tuple(dict.fromkeys(found))

    @property
    def windows(self) -> bool:
        """Whether the outer indices alone tell where windows lie within the arrays: no bracket on the vector index.

        The sign of an outer index's factor is known; an index with another factor is a tap.
        """
        return all(self.nest.vector.index not in b.value.free_symbols for b in self.nest.brackets)


def extents(ranges: Iterable[Range]) -> Expr:
    """The product of extents."""
    return sympy.prod([r.extent for r in ranges], start=Integer(1))


def unsigned(value: Expression) -> Expression:
    """An integer as an unsigned one."""
    return call("np.uintp", value)


def fit(index: Expression, last: Expression, number: int = 1, first: Expression | None = None) -> Comparison:
    """Whether `number` values from an index on lie before `last`, and not before `first`: ``0 <= j <= last - 4``."""
    end, sign = (last, "<") if number == 1 else (Binary("-", last, Literal(number)), "<=")
    return Comparison((index, end), (sign,)) if first is None else Comparison((first, index, end), ("<=", sign))
