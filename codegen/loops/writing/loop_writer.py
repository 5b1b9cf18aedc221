"""What all loop functions share: names, bodies, the statements for addresses, ranges and elements."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.loops.text.c_function import APART, FINAL_LONG, FINAL_REAL, UNROLLED, Along, CIf
from gradscribe.codegen.loops.text.c_names import CNames
from gradscribe.codegen.loops.writing.addresses import Address, Constraint, address, constraints
from gradscribe.codegen.loops.writing.body import ScalarPrinter, integers, is_plain
from gradscribe.codegen.loops.writing.builder import Builder
from gradscribe.codegen.python.expression import (
    Binary,
    Comparison,
    Expression,
    Literal,
    Name,
    Part,
    Unary,
    call,
    chain,
)
from gradscribe.codegen.python.scalars.scalar import ZERO, size
from gradscribe.codegen.python.statement import Return
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Range, accesses

INFINITE = Name("INFINITE")
WRITTEN: dict[Expr, Expression] = {sympy.oo: INFINITE, -sympy.oo: Unary("-", INFINITE)}
"""Numbers that have a word in C."""

EXACT = 1 << 24
"""The greatest integer up to which all are numbers of every type: they are written down."""

COMMON = "what windows have in common"
"""A row of the function's own; no array of a program has such a name."""

SCALE = Symbol("scale")
"""A number that a window is multiplied by, in a variable; no index of a program is the same symbol."""


@dataclass(frozen=True)
class Base:
    """Where elements begin: the variable that holds the address, None for 0, and how it moves."""

    name: Name | None
    where: Address


class Writer(Builder):
    """The statements of one function and the names in it.

    Args:
        nest: the loops.
        order: the indices from the outermost loop to the innermost one.
    """

    def __init__(self, nest: Nest, order: tuple[Symbol, ...]) -> None:
        super().__init__()
        self.nest, self.order = nest, order
        self.names = CNames()
        self.indices = {r.index for r in nest.ranges}
        self.shapes = dict(nest.shapes)
        self.extents = {r.index: r.extent for r in nest.ranges}
        self.constraints = constraints(nest.brackets, order)
        self.numbers: dict[Expr, Name] = {}
        self.team = False
        self.sums: Expr | None = None
        """How many sums each value of the outermost index has, where they are added up in a second sweep."""
        self.integers = integers(nest.body, self.indices) | nest.labels
        self.sizes: dict[Symbol, Name] = {}
        for index in order:
            self.index(index)
        every = dict.fromkeys([nest.target, *([nest.argument] if nest.argument else []), *self.shapes])
        self.arrays = tuple(a for a in every if self.shapes[a] and a not in nest.local)
        self.version: dict[str, int] = {}
        self.in_row: dict[Access, Name] = {}
        """Numbers that are in variables for good."""
        self.variables: dict[Symbol, Name] = {}
        """Integers that are in variables."""
        self.memory: dict[str, Name] = {}
        """What an array is here, if not itself."""
        for array in self.arrays:
            self.array(array)

    # ----- names ----------------------------------------------------------------------------------------------------
    def name(self, word: str, role: str = "") -> Name:
        """A name of this function's own; words that are made of others have a role."""
        return Name(self.names.own(word, role))

    def unique(self, word: str) -> Name:
        """A name that nothing has yet: ``word_1``, ``word_2``, and others where these are taken."""
        self.version[word] = self.version.get(word, 0) + 1
        number = self.version[word]
        return self.name(f"{word}_{number}", f"made {number}")

    def index(self, symbol: Symbol) -> Name:
        """The name of an index."""
        return self.name(symbol.name, "index")

    def array(self, array: str) -> Name:
        """The name of an array."""
        if array in self.memory:
            return self.memory[array]
        return self.name("common") if array == COMMON else self.name(array, "array")

    def number(self, value: Expr) -> Expression:
        """A number of the arrays' type: it is written down, or an argument."""
        if value == SCALE:
            return self.name("scale", "number")
        if value in WRITTEN:
            return WRITTEN[value]
        if value.is_Integer and abs(int(value)) <= EXACT:
            return Literal(int(value))
        return self.numbers.setdefault(value, self.name(f"number_{len(self.numbers) + 1}", "number"))

    def _symbol(self, symbol: Symbol) -> Expression:
        if symbol in self.variables:
            return self.variables[symbol]
        if symbol in self.indices:
            return self.index(symbol)
        return self.sizes.setdefault(symbol, self.name(symbol.name, "size"))

    def integer(self, expression: Expr) -> Expression:
        """An integer; its sizes become arguments."""
        return size(expression, self._symbol)

    # ----- elements -------------------------------------------------------------------------------------------------
    def bases(
        self, body: Expr, inner: tuple[Symbol, ...] = (), ahead: tuple[Symbol, ...] = (), word: str = "at"
    ) -> dict[Access, Base]:
        """Write down where the accesses of `body` begin, see `address`; where two do at the same place, it is once.

        Variables end in `word`: another one where others of the same arrays may be declared beside them.
        """
        found: dict[Access, Base] = {}
        named: dict[tuple[str, Expr], Name | None] = {}
        for access in accesses(body):
            if not access.indices or access in self.in_row:
                continue
            where = address(access.indices, self.shapes[access.tensor], (*inner, self.nest.vector.index), ahead)
            key = access.tensor, where.base
            if key not in named and where.base == 0:
                named[key] = None
            elif key not in named:
                number = sum(tensor == access.tensor for tensor, _ in named)
                name = self.name(f"{access.tensor}_{word}{number + 1 if number else ''}", "base")
                named[key] = self._located(name, where)
            found[access] = Base(named[key], where)
        return found

    def base(self, ahead: tuple[Symbol, ...] = (), inner: tuple[Symbol, ...] = ()) -> Base:
        """Write down where elements of the target begin."""
        place = self.nest.place
        where = address(place, self.shapes[self.nest.target], (*inner, self.nest.vector.index), ahead)
        return Base(self._located(self.name("at"), where) if where.base != 0 else None, where)

    def _located(self, name: Name, where: Address) -> Name:
        """Write down an address."""
        self.new(FINAL_LONG, name, self.integer(where.base))
        return name

    def element(self, array: str, base: Base, moved: Mapping[Symbol, Expr]) -> Part:
        """An element, with indices `moved` by so much from where the base is."""
        offset = sum((base.where.step(v) * value for v, value in moved.items()), Integer(0))
        v = self.nest.vector.index
        parts: list[Expression] = [base.name] if base.name else []
        parts += [self.integer(offset)] if offset != 0 else []
        parts += [self.index(v)] if base.where.step(v) != 0 else []
        return Part(self.array(array), (chain("+", parts or [ZERO]),))

    def value(self, body: Expr, bases: Mapping[Access, Base], moved: Mapping[Symbol, Expr]) -> Expression:
        """`body`, with indices `moved` as in `element`.

        Elements of more than a product are read before, in statements of their own: a read under a condition is slow.
        """
        places = {v: e if v in e.free_symbols else v + e for v, e in moved.items()}
        plain = is_plain(body)

        def access(a: Access) -> Expression:
            if a in self.in_row:
                return self.in_row[a]
            found = self.element(a.tensor, bases[a], moved)
            return found if plain and found not in self.held else self._read(a, found)

        printer = ScalarPrinter(
            access,
            self.number,
            lambda e: call("position", self.integer(sympy.expand(e.xreplace(places)))),
            self._hold,
            self.indices,
        )
        return printer.operand(body)

    def scalar(
        self, body: Expr, bases: Mapping[Access, Base], moved: Mapping[Symbol, Expr] = MappingProxyType({})
    ) -> Expression:
        """`body` outside of the innermost loop, where nothing that was read before counts; `moved` as in `element`."""

        def access(a: Access) -> Expression:
            return self.in_row[a] if a in self.in_row else self.element(a.tensor, bases[a], moved)

        printer = ScalarPrinter(access, self.number, self.integer, self._hold, self.indices)
        return printer.operand(body)

    def _hold(self, value: Expression) -> Name:
        return self.hold(value, self.name(f"term_{len(self.held) + 1}", "held"))

    def _read(self, access: Access, element: Part) -> Name:
        number = sum(isinstance(e, Part) and e.value == element.value for e in self.held)
        name = self.name(f"{self.array(access.tensor).text}_{number + 1}", "element")
        if element not in self.held:
            kind = self.final(access.tensor)
            self.new(kind, name, element)
        return self.held.setdefault(element, name)

    def make(self, array: str, element: Part, value: Expression) -> Name:
        """The variable that holds an element from now on; it is not stored yet."""
        name = self.unique(self.array(array).text)
        self.new(FINAL_REAL, name, value)
        self.held[element] = name
        return name

    def final(self, array: str) -> Name:
        """The type of a variable that holds an element of an array for good."""
        return Name(f"const {self.kind(array)}")

    def kind(self, array: str) -> str:
        """The type of an array's elements: what is compared with positions has integers."""
        if array == self.nest.argument:
            return "int32_t"
        return f"TYPE_{self.arrays.index(array)}" if array in self.integers else "REAL"

    def scratch(self, kind: Name, name: Name, element: str, number: Expression) -> None:
        """Memory for so many elements; without it the function returns."""
        self.new(kind, name, call("SCRATCH", Name(element), number))
        self.put(CIf(Unary("not", name), (Return(()),)))
        self.team = True

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

    def limits(self, index: Symbol, found: Iterable[Constraint], names: tuple[Name, Name], kind: Name) -> None:
        """Write the range that constraints leave an index, in variables of that type."""
        low, high = self._limits(index, found)
        self.new(kind, names[0], low)
        self.new(kind, names[1], high)

    def narrow(self, index: Symbol, names: tuple[Name, Name]) -> None:
        """Assign the range of an index to variables that there are."""
        self.lets(names, self._limits(index, self.clips(index)))

    def _limits(self, index: Symbol, found: Iterable[Constraint]) -> tuple[Expression, Expression]:
        found = tuple(found)
        low = dict.fromkeys(self.integer(c.low) for c in found)
        high = dict.fromkeys(self.integer(c.high) for c in found)
        return call("max", ZERO, *low), call("min", self.integer(self.extents[index]), *high)

    def limited(self, index: Symbol) -> tuple[Name, Name]:
        """The names of the limits of an index."""
        return self.name(f"{index.name}_low", "low"), self.name(f"{index.name}_high", "high")

    def between(self, index: Symbol) -> tuple[Name, Name]:
        """The names of the limits within which all taps of a window lie within the arrays."""
        return self.name(f"{index.name}_first", "first"), self.name(f"{index.name}_last", "last")

    def clip(self, index: Symbol) -> None:
        """Write the range of an index, if it is restricted."""
        if self.clips(index):
            self.limits(index, self.clips(index), self.limited(index), FINAL_LONG)

    def clip_known(self, indices: Iterable[Symbol], bound: Collection[Symbol]) -> list[Symbol]:
        """Write the ranges of those indices whose range is known once others are `bound`; returns them."""
        found = [v for v in indices if self.known(v, bound)]
        for v in found:
            self.clip(v)
        return found

    def span(self, index: Symbol) -> tuple[Expression, Expression]:
        """From where to where an index goes."""
        return self.limited(index) if self.clips(index) else (ZERO, self.integer(self.extents[index]))

    @contextmanager
    def loops(self, ranges: Iterable[Range], macro: str = "") -> Iterator[None]:
        """Statements within a loop over each of the whole `ranges`."""
        with ExitStack() as stack:
            for r in ranges:
                stack.enter_context(self.upto(self.index(r.index), self.integer(r.extent), macro))
            yield

    @contextmanager
    def taps(self, taps: Iterable[Symbol], whole: bool) -> Iterator[None]:
        """Statements within loops over taps, unrolled where windows are `whole`, else over their ranges."""
        with ExitStack() as stack:
            for v in taps:
                low, high = (ZERO, self.integer(self.extents[v])) if whole else self.span(v)
                stack.enter_context(self.loop(self.index(v), low, high, UNROLLED if whole else ""))
            yield

    def all_taps(self, taps: Iterable[Symbol], most: int) -> list[Expression]:
        """What it takes that there are at most so many taps, and that all of these lie within the arrays."""
        number = extents(self.nest.taps)
        tests: list[Expression] = (
            [] if number.is_Integer else [Comparison((self.integer(number), Literal(most)), ("<=",))]
        )
        for v in taps:
            if self.clips(v):
                low, high = self.limited(v)
                tests.append(Comparison((low, ZERO), ("==",)))
                tests.append(Comparison((high, self.integer(self.extents[v])), ("==",)))
        return tests

    @contextmanager
    def along(self, low: Expression, high: Expression, macro: str | None = None, again: bool = False) -> Iterator[None]:
        """Statements within a loop over vectors, and over elements behind them; see `Along`."""
        with self.apart() as body:
            yield
        macro = self.apart_macro if macro is None else macro
        self.put(Along(self.index(self.nest.vector.index), low, high, tuple(body), macro, again))

    @contextmanager
    def vector(self, again: bool = False) -> Iterator[None]:
        """Statements within the innermost loop; see `Along`."""
        with self.along(*self.span(self.nest.vector.index), again=again):
            yield

    @contextmanager
    def row(self) -> Iterator[None]:
        """Statements within a loop over the innermost index that no bracket restricts."""
        v = self.nest.vector
        with self.upto(self.index(v.index), self.integer(v.extent), self.apart_macro):
            yield

    @property
    def apart_macro(self) -> str:
        """Whether what the innermost loop writes for several taps or windows lies in rows that do not overlap."""
        v, axes = self.nest.vector, zip(self.nest.place, self.shapes[self.nest.target], strict=True)
        *_, last = ((place, extent) for place, extent in axes if extent != 1)
        whole = last == (v.index, v.extent)
        return APART if whole else ""

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


def fit(index: Expression, last: Expression, number: int = 1, first: Expression | None = None) -> Comparison:
    """Whether `number` values from an index on lie before `last`, and not before `first`: ``0 <= j <= last - 4``."""
    end, sign = (last, "<") if number == 1 else (Binary("-", last, Literal(number)), "<=")
    return Comparison((index, end), (sign,)) if first is None else Comparison((first, index, end), ("<=", sign))
