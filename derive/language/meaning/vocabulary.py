"""The names of a text as SymPy objects: tensors, indices, sizes and parameters, and what an index expression means."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count

from sympy import Expr, Idx, IndexedBase, Symbol

from gradscribe.derive.ir.index import IntegerFunction, integer
from gradscribe.derive.language.meaning.extents import Extents
from gradscribe.derive.language.meaning.integers import check_affine, integer_expression
from gradscribe.derive.language.meaning.scope import DOTS, Scope
from gradscribe.derive.language.syntax.located_error import Located, nearest
from gradscribe.derive.language.syntax.tree import (
    Bracket,
    Call,
    Decreed,
    Element,
    Ellipsis,
    Name,
    Node,
    Number,
    Product,
    Reduction,
    walk,
)
from gradscribe.derive.language.syntax.words import CONSTANTS

Bound = frozenset[str]
"""The indices that have a value at a place of the text."""


@dataclass
class Vocabulary:
    """The SymPy objects of one text.

    Attributes:
        scope: the meaning of the names.
        extents: the extents.
    """

    scope: Scope
    extents: Extents

    def __post_init__(self) -> None:
        self.bases = {n: base_of(n, self.extents.shapes[n]) for n in self.scope.ranks}
        self.symbols = {n: integer(n) for n in self.scope.indices if n != DOTS}
        if self.extents.dots is not None:
            self.symbols[DOTS] = self.extents.dots
        self.indices = {n: Idx(self.symbols[n].name, self.extents.indices[n]) for n in self.scope.indices}
        self.ranges = {self.symbols[n]: self.extents.indices[n] for n in self.scope.indices}
        plain = {s: e for s, e in self.extents.sizes if not e.has(IntegerFunction)}
        self.reaches = {v: e.xreplace(plain) for v, e in self.ranges.items()}
        self.sizes: list[tuple[Symbol, Expr]] = []
        self._taken = {*self.bases, *self.scope.parameters, *self.extents.named}
        self._taken |= {symbol.name for symbol in self.symbols.values()}

    def name(self, node: Name, bound: Bound) -> Expr:
        """A name as a value."""
        name = node.name
        if name in self.indices:
            self.check_bound(node, bound)
            return self.indices[name]
        if name in self.scope.parameters:
            return integer(name) if self.scope.parameters[name].integer else Symbol(name, real=True)
        if name in self.bases:
            if self.scope.ranks[name]:
                raise Located(f"{name} has {self.scope.ranks[name]} axes; expected {name}[...]", node.at)
            return self.bases[name]
        if name in self.extents.named:
            return self.extents.named[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        known = [n for n in (*self.indices, *self.bases, *self.scope.parameters, *self.extents.named) if n != DOTS]
        hint = nearest(name, known)
        if not hint.startswith("did"):
            hint = f"write {name} = 1 for a parameter, input {name} for a number, or {name}[...] for a tensor"
        raise Located(f"unknown name {name}; {hint}", node.at)

    def check_bound(self, node: Name | Ellipsis, bound: Bound) -> None:
        """Raise unless an index has a value."""
        name = called(node)
        if name not in bound:
            hint = f"put it on the left, or reduce over it: sum({name}) ..., with parentheses around several summands"
            raise Located(f"index {name} is neither on the left side nor reduced over; {hint}", node.at)

    def position(self, node: Node, bound: Bound) -> Expr:
        """An affine expression of the indices, in their symbols."""
        expression = self.integer(node, bound)
        check_affine(expression, self.ranges, node)
        return expression

    def integer(self, node: Node, bound: Bound, special: Callable[[Node], Expr | None] = lambda node: None) -> Expr:
        """An integer expression, in the indices' symbols; `special` reads what is no name."""

        def look(name: Name) -> Expr:
            if name.name in self.indices:
                self.check_bound(name, bound)
                return self.symbols[name.name]
            if name.name in self.bases:
                raise Located(f"{name.name} is a tensor; expected an index, a parameter or a size", name.at)
            return self.extents.named.get(name.name, integer(name.name))

        return integer_expression(node, look, special)

    def indexed(self, expression: Expr) -> Expr:
        """`expression` with every index's symbol as the `Idx` that it stands for."""
        return expression.xreplace({self.symbols[n]: self.indices[n] for n in self.indices})

    def is_integer(self, node: Node) -> bool:
        """Whether a node consists of indices, sizes and integer parameters."""
        for part in walk(node):
            if isinstance(part, Element | Reduction | Bracket | Call | Decreed):
                return False
            if isinstance(part, Name) and part.name not in self.indices and part.name not in self.extents.named:
                parameter = self.scope.parameters.get(part.name)
                if parameter is None or not parameter.integer:
                    return False
            if isinstance(part, Number) and not part.text.isdigit():
                return False
            if isinstance(part, Product) and any(operator == "/" for operator, _ in part.rest):
                return False
        return True

    def size(self, formula: Expr) -> Expr:
        """A size that a formula gives, under a name of its own where the formula rounds."""
        if not formula.has(IntegerFunction):
            return formula
        known = {e: s for s, e in (*self.extents.sizes, *self.sizes)}
        if formula not in known:
            known[formula] = integer(self.fresh("Q"))
            self.sizes.append((known[formula], formula))
        return known[formula]

    def letter(self) -> str:
        """A name for an index that the text does not have."""
        return self.fresh(next(v for v in (*"qvmaol", *(f"q{k}" for k in range(1, 999))) if v not in self._taken))

    def fresh(self, *names: str) -> str:
        """The first of `names`, or something like it, that is not taken yet."""
        found = next(n for n in chain(names, (f"{names[0]}{k}" for k in count(2))) if n not in self._taken)
        self._taken.add(found)
        return found


def base_of(name: str, shape: tuple[Expr, ...]) -> Expr:
    """What a tensor is in SymPy; without axes a symbol."""
    return IndexedBase(name, shape=shape, real=True) if shape else Symbol(name, real=True)


def called(index: Node) -> str:
    """The name of an index, `DOTS` for ``...``."""
    return index.name if isinstance(index, Name) else DOTS
