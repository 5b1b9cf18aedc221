"""What all loop functions share: names, indented lines, the lines for addresses, ranges and elements."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.names import Names
from gradscribe.codegen.nest.addresses import Address, Constraint, address, constraints
from gradscribe.codegen.nest.body import CHOICE, ScalarPrinter, is_plain
from gradscribe.codegen.plan import Nest
from gradscribe.codegen.scalar import size_text
from gradscribe.derive.index import affine
from gradscribe.derive.term import Access, Range, accesses

INDENT = "    "
LONG = 64
"""Characters of an expression that is taken apart."""

NUMBERS = {Integer(0): "zero", Integer(1): "one", -sympy.oo: "lowest", sympy.oo: "highest"}

AMBIGUOUS = "l", "I", "O"
"""Names that read like others."""

PLACE = Symbol("place")
"""An address that is being made; no index of a program is the same symbol, whatever its name."""

SCALE = Symbol("scale")
"""A number that a window is multiplied by, in a variable."""


class Writer:
    """The lines of one function and the names in it.

    Args:
        nest: the loops.
        taken: names of arrays, sizes and options.
        order: the indices from the outermost loop to the innermost one.
    """

    def __init__(self, nest: Nest, taken: Collection[str], order: tuple[Symbol, ...]) -> None:
        self.nest, self.order = nest, order
        self.names = Names({*taken, *(name for name, _ in nest.shapes), *AMBIGUOUS})
        self.indices = {r.index for r in nest.ranges}
        self.shapes = dict(nest.shapes)
        self.extents = {r.index: r.extent for r in nest.ranges}
        self.constraints = constraints(nest.brackets, order)
        self.numbers: dict[Expr, str] = {}
        self.sizes: set[Symbol] = set()
        self.elements: dict[str, str] = {}
        self.lines: list[str] = []
        self.depth = 0
        for index in order:
            self.index(index)

    # ----- lines and names ------------------------------------------------------------------------------------------
    def line(self, *texts: str) -> None:
        """Lines at the present depth."""
        self.lines += [INDENT * self.depth + text for text in texts]

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines within a statement."""
        self.line(head)
        self.depth += 1
        yield
        self.depth -= 1

    def name(self, word: str, role: str = "") -> str:
        """A name of this function's own; words that are made of others have a role."""
        return self.names.own(word, role)

    def index(self, symbol: Symbol) -> str:
        """The name of an index."""
        return self.name(symbol.name, "" if symbol == PLACE else "index")

    def number(self, value: Expr) -> str:
        """The argument or variable that holds a number."""
        if value == SCALE:
            return self.name("scale")
        if value not in self.numbers:
            self.numbers[value] = self.name(NUMBERS.get(value, f"number_{len(self.numbers) + 1}"))
        return self.numbers[value]

    def integer(self, expression: Expr, level: int = 0) -> str:
        """The text of an integer expression; its sizes become arguments."""
        self.sizes |= expression.free_symbols - self.indices
        return size_text(expression, level, lambda s: self.index(s) if s in self.indices else s.name)

    def unsigned(self, expression: Expr) -> str:
        """The same as an unsigned integer: an index that may be negative would be tested in every round."""
        return f"np.uintp({self.integer(expression)})"

    # ----- elements -------------------------------------------------------------------------------------------------
    def bases(
        self, body: Expr, inner: tuple[Symbol, ...] = (), ahead: tuple[Symbol, ...] = ()
    ) -> dict[Access, tuple[str, Address]]:
        """Write down where the accesses of `body` begin; the name and the steps of each, see `address`."""
        found: dict[Access, tuple[str, Address]] = {}
        named: dict[Expr, str] = {}
        for access in accesses(body):
            if not access.indices:
                continue
            where = address(access.indices, self.shapes[access.tensor], (*inner, self.nest.vector.index), ahead)
            key = Access(access.tensor, where.base)
            if key not in named and where.base == 0:
                named[key] = ""
            elif key not in named:
                number = sum(k.tensor == access.tensor for k in named)
                named[key] = self.name(f"{access.tensor}_at{number + 1 if number else ''}", "base")
                self._locate(named[key], where)
            found[access] = (named[key], where)
        return found

    def base(self, ahead: tuple[Symbol, ...] = (), inner: tuple[Symbol, ...] = ()) -> tuple[str, Address]:
        """Write down where elements of the target begin."""
        place = self.nest.place
        where = address(place, self.shapes[self.nest.target], (*inner, self.nest.vector.index), ahead)
        name = self.name("at") if where.base != 0 else ""
        if name:
            self._locate(name, where)
        return name, where

    def _locate(self, name: str, where: Address) -> None:
        """Write down a base, axis by axis where it is long."""
        text = self.unsigned(where.base)
        if len(text) <= LONG:
            self.line(f"{name} = {text}")
            return
        place = self.index(PLACE)
        self.indices.add(PLACE)
        before: Expr = Integer(0)
        for extent, position in where.parts[:-1]:
            value = before * extent + position
            if value not in (0, PLACE):
                self.line(f"{place} = {self.integer(value)}")
                before = PLACE
        extent, position = where.parts[-1]
        self.line(f"{name} = {self.unsigned(before * extent + position)}")

    def add(self, element: str, value: str) -> None:
        """Add a value to an element, in two lines where it is long."""
        if len(element) + len(value) > LONG:
            self.line(f"{self.name('value')} = {value}")
            value = self.name("value")
        self.line(f"{element} += {value}")

    def element(self, base: tuple[str, Address], moved: Mapping[Symbol, Expr]) -> str:
        """The address of an element, with indices `moved` by so much from where the base is."""
        name, where = base
        offset = sum((where.step(v) * value for v, value in moved.items()), Integer(0))
        v = self.nest.vector.index
        parts = [name, self.unsigned(offset) if offset != 0 else "", self.index(v) if where.step(v) != 0 else ""]
        return " + ".join(p for p in parts if p) or "0"

    def value(self, body: Expr, bases: Mapping[Access, tuple[str, Address]], moved: Mapping[Symbol, Expr]) -> str:
        """The text of `body`, with indices `moved` as in `element`.

        Elements of more than a product are read before, in lines of their own: a read under a condition is slow.
        """
        places = {v: v + e for v, e in moved.items() if e != v}
        first = not is_plain(body)
        printer = ScalarPrinter(
            lambda a: self._read(a, self.element(bases[a], moved), first),
            self.number,
            lambda e: f"np.int32({self.integer(sympy.expand(e.xreplace(places)))})",
            self._hold,
            self.indices,
        )
        if not first:
            return printer.text(body)
        name = self.name("value")
        self.line(f"{name} = {printer.text(body, CHOICE)}")
        return name

    def _hold(self, text: str) -> str:
        if text not in self.elements:
            self.elements[text] = self.name(f"term_{len(self.elements) + 1}")
            self.line(f"{self.elements[text]} = {text}")
        return self.elements[text]

    def _read(self, access: Access, where: str, first: bool) -> str:
        text = f"{access.tensor}[{where}]"
        if not first:
            return text
        if text not in self.elements:
            number = sum(k.startswith(f"{access.tensor}[") for k in self.elements)
            self.elements[text] = self.name(f"{access.tensor}_{number + 1}", "element")
            self.line(f"{self.elements[text]} = {text}")
        return self.elements[text]

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

    def limits(self, index: Symbol, found: Iterable[Constraint], names: tuple[str, str]) -> None:
        """Write the range that constraints leave an index."""
        low = list(dict.fromkeys(self.integer(c.low) for c in found))
        high = list(dict.fromkeys(self.integer(c.high) for c in found))
        self.line(
            f"{names[0]} = max(0, {', '.join(low)})",
            f"{names[1]} = min({self.integer(self.extents[index])}, {', '.join(high)})",
        )

    def limited(self, index: Symbol) -> tuple[str, str]:
        """The names of the limits of an index."""
        return self.name(f"{index.name}_low", "low"), self.name(f"{index.name}_high", "high")

    def clip(self, index: Symbol) -> None:
        """Write the range of an index, if it is restricted."""
        if self.clips(index):
            self.limits(index, self.clips(index), self.limited(index))

    def span(self, index: Symbol) -> str:
        """The arguments of ``range`` for an index."""
        low, high = self.limited(index)
        return f"{low}, {high}" if self.clips(index) else self.integer(self.extents[index])

    def vector_head(self) -> str:
        """The innermost loop."""
        v = self.nest.vector.index
        self.elements = {}
        if not self.clips(v):
            return f"for {self.index(v)} in range({self.unsigned(self.extents[v])}):"
        low, high = self.limited(v)
        return f"for {self.index(v)} in range(np.uintp({low}), np.uintp(max({low}, {high}))):"

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
