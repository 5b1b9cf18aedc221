"""The extent of every index and of every axis.

A plain subscript makes an index and an axis one: ``x[n, c]`` gives n the extent of the first axis of x, and every
tensor subscripted by n the same. What is left follows from the inequality that a window lies within its axis, widened
after the end by as much as it reaches before the start: ``x[s*i + r - p]`` of extent L gives i the extent
``(L + 2*p - R) // s + 1`` (Dumoulin and Visin, A guide to convolution arithmetic, 2016, relationship 6). An index that
is only reduced over and met on no axis, such as the window of a pooling layer, is a parameter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.ir.index import floordiv, integer, minimum
from gradscribe.derive.ir.quote import shown
from gradscribe.derive.ir.term import Access
from gradscribe.derive.language.meaning.axes import Key, called, extent_of, in_order, name_for, no_extent, two_extents
from gradscribe.derive.language.meaning.digits import is_split, positions, reach_of, remainder_base, undivided
from gradscribe.derive.language.meaning.integers import check_affine, direction_of, integer_expression, largest
from gradscribe.derive.language.meaning.scope import DOTS, Scope
from gradscribe.derive.language.syntax.located_error import Located, computed_place, extent_of_window, nearest
from gradscribe.derive.language.syntax.tree import (
    Call,
    Element,
    Ellipsis,
    Equation,
    Name,
    Node,
    Place,
    Product,
    RangeLine,
    Text,
    is_computed,
    walk,
)
from gradscribe.derive.language.syntax.words import PADDINGS


@dataclass(frozen=True)
class Extents:
    """What `find` returns.

    Attributes:
        indices: the extent of every index.
        shapes: the shape of every tensor.
        sizes: derived sizes with their formulas, in order.
        dots: the index that stands for ``...``, None where there is none.
        named: the size that a name stands for; ``C`` is the extent of the index c if nothing else is called so.
    """

    indices: Mapping[str, Expr]
    shapes: Mapping[str, tuple[Expr, ...]]
    sizes: tuple[tuple[Symbol, Expr], ...]
    dots: Symbol | None
    named: Mapping[str, Expr]


def find(text: Text, scope: Scope) -> Extents:
    """The extents of all indices and axes of `text`.

    Raises:
        Located: when an extent contradicts another one, or does not follow.
    """
    return _Search(text, scope).result()


class _Search:
    """Joins indices and axes to classes of one extent; the only mutable thing of this module."""

    def __init__(self, text: Text, scope: Scope) -> None:
        self.text, self.scope = text, scope
        self.parent: dict[Key, Key] = {}
        self.explicit: dict[Key, Expr] = {}
        self.sizes: list[tuple[Symbol, Expr]] = []
        self.open: dict[str, Symbol] = {}
        copied, ranged = dict(text.copies), {r.index.name for r in text.ranges}
        self.ranged = ranged | {copy for copy in copied if copied[copy] in ranged}
        self.declared = self._declared_names()
        self.symbol = {name: integer(name) for name in scope.indices if name != DOTS}
        self.dots = integer(self._fresh("e")) if DOTS in scope.indices else None
        if self.dots is not None:
            self.symbol[DOTS] = self.dots
        self.computed = self._computed_axes()

    def _declared_names(self) -> set[str]:
        """The names that shapes, ranges and size formulas use for sizes."""
        parts: list[Node] = [r.extent for r in self.text.ranges]
        parts += [s for e in self.scope.shapes.values() for s in e.subscripts]
        parts += [e.value for e in self.scope.sizes]
        defined = {e.target.name for e in self.scope.sizes if isinstance(e.target, Name)}
        others = defined | {n.name for p in parts[len(self.text.ranges) :] for n in walk(p) if isinstance(n, Name)}
        found = defined | {n.name for part in parts for n in walk(part) if isinstance(n, Name)}
        self.borrowed: set[str] = {n.upper() for n in self.scope.indices if n not in self.ranged} & found - others
        wrong = found & (set(self.scope.indices) | set(self.scope.ranks))
        for part in parts:
            for node in walk(part):
                if isinstance(node, Name) and node.name in wrong:
                    kind = "an index" if node.name in self.scope.indices else "a tensor"
                    raise Located(f"{node.name} is {kind}; expected a size such as {node.name.upper()}", node.at)
        self.borrowed -= {*self.scope.parameters, *self.scope.ranks}
        return found - set(self.scope.parameters) - self.borrowed

    def _fresh(self, name: str) -> str:
        taken = {*self.scope.indices, *self.scope.ranks, *self.scope.parameters, *self.declared, *self.open}
        taken |= {s.name for e in self.explicit.values() for s in e.free_symbols} - self.borrowed
        return next(n for n in chain([name], (f"{name}{k}" for k in count(1))) if n not in taken)

    # ----- classes of one extent -----
    def _root(self, key: Key) -> Key:
        while self.parent.setdefault(key, key) != key:
            key = self.parent[key]
        return key

    def _join(self, a: Key, b: Key, place: Place) -> None:
        first, second = self._root(a), self._root(b)
        if first == second:
            return
        known, other = self.explicit.get(first), self.explicit.get(second)
        if known is not None and other is not None and sympy.expand(known - other) != 0:
            index = a if a[1] < 0 else b
            if index[0] in self.ranged:
                return  # it runs over a part of the axis
            raise two_extents(index, shown(known), shown(other), place)
        self.parent[second] = first
        if known is None and other is not None:
            self.explicit[first] = other

    def _set(self, key: Key, extent: Expr, place: Place) -> None:
        root = self._root(key)
        known = self.explicit.setdefault(root, extent)
        if sympy.expand(known - extent) != 0:
            raise Located(f"{called(key)} has two extents, {shown(known)} and {shown(extent)}", place)

    # ----- reading the text -----
    def result(self) -> Extents:
        """All steps, from what is declared to what has to be derived."""
        self._read_declarations()
        for copy, index in (c for c in self.text.copies if set(c) <= set(self.scope.indices)):
            self._join((index, -1), (copy, -1), self.scope.equations[0].at)
        for equation in self.scope.equations:
            self._join_plain(equation)
        self._set_remainders()
        self._name_axes()
        self._derive()
        self._bind_reaches()
        ranks = self.scope.ranks
        shapes = {t: tuple(self._extent((t, k)) for k in range(rank)) for t, rank in ranks.items()}
        indices = {name: self._extent((name, -1)) for name in self.scope.indices}
        known = [*indices.values(), *(e for shape in shapes.values() for e in shape), *map(integer, self.declared)]
        named = {**self._spelt(), **{s.name: s for e in known for s in e.free_symbols}}
        return Extents(indices, shapes, in_order(self.sizes, self.scope), self.dots, named)

    def size(self, node: Node) -> Expr:
        """A size expression of the text."""
        return integer_expression(node, self._size_name, self._size_special)

    def _size_special(self, node: Node) -> Expr | None:
        return integer("E") if isinstance(node, Ellipsis) else None

    def _size_name(self, node: Name) -> Expr:
        self._check_integer(node)
        return integer(node.name)

    def _check_integer(self, node: Name) -> None:
        parameter = self.scope.parameters.get(node.name)
        if parameter is not None and not parameter.integer:
            raise Located(f"{node.name} is a real number; subscripts and sizes are integers", node.at)

    def _read_declarations(self) -> None:
        for element in self.scope.shapes.values():
            for axis, node in enumerate(element.subscripts):
                self._set((element.tensor, axis), self.size(node), node.at)
        for name in (n for n in self.text.pairs if n in self.scope.ranks):
            self._set((name, self.scope.ranks[name] - 1), Integer(2), self.scope.equations[0].at)
        for line in self.text.ranges:
            self._read_range(line)
        for equation in self.scope.sizes:
            assert isinstance(equation.target, Name)  # or it would define a tensor
            self.sizes.append((integer(equation.target.name), self.size(equation.value)))

    def _read_range(self, line: RangeLine) -> None:
        if line.index.name not in self.symbol:
            hint = nearest(line.index.name, (n for n in self.scope.indices if n != DOTS))
            raise Located(f"{line.index.name} is no index of an equation; {hint}", line.index.at)
        self._set((line.index.name, -1), self.size(line.extent), line.extent.at)

    def _join_plain(self, equation: Equation) -> None:
        for element in walk((equation.target, equation.value)):
            if not isinstance(element, Element):
                continue
            for axis, node in enumerate(element.subscripts):
                if isinstance(node, Ellipsis):
                    self._join((DOTS, -1), (element.tensor, axis), node.at)
                elif isinstance(node, Name) and node.name in self.symbol:
                    if element is equation.target and (element.tensor, axis) in self.computed:
                        continue
                    self._join((node.name, -1), (element.tensor, axis), node.at)

    def _set_remainders(self) -> None:
        """An axis that is read at ``i % s`` has s elements, where nothing else says how many."""
        for element in walk(tuple(e.value for e in self.scope.equations)):
            for axis, node in enumerate(element.subscripts if isinstance(element, Element) else ()):
                if isinstance(node, Product) and node.rest[-1][0] == "%" and not is_computed(node, self.scope.indices):
                    base = remainder_base(self._index_expression(node), self._all())
                    if base is not None:
                        self.explicit.setdefault(self._root((element.tensor, axis)), base)

    def _computed_axes(self) -> dict[Key, list[Node]]:
        """The axes of targets whose extent is the reach of what is written there, not the extent of one index."""
        written: dict[Key, list[Node]] = {}
        for equation in self.scope.equations:
            if isinstance(equation.target, Element) and equation.target.tensor not in self.scope.shapes:
                for axis, node in enumerate(equation.target.subscripts):
                    written.setdefault((equation.target.tensor, axis), []).append(node)
        return {
            key: nodes
            for key, nodes in written.items()
            if not all(isinstance(n, Ellipsis) for n in nodes)
            and (len({n.name if isinstance(n, Name) else None for n in nodes}) > 1 or not isinstance(nodes[0], Name))
        }

    # ----- names and derived extents -----
    def _name_axes(self) -> None:
        """A symbol for every class that has an axis of an input and no extent yet."""
        members: dict[Key, list[Key]] = {}
        keys = [(name, -1) for name in self.scope.indices]
        keys += [(t, k) for t in self.scope.inputs for k in range(self.scope.ranks[t])]
        for key in keys:
            members.setdefault(self._root(key), []).append(key)
        for root, found in members.items():
            if root not in self.explicit and any(axis >= 0 for _, axis in found):
                self.explicit[root] = integer(self._fresh(name_for(found)))

    def _derive(self) -> None:
        """Extents that follow from others, one after the other; then those of reduced indices become parameters."""
        while True:
            spelt = {integer(n): e for n, e in self._spelt().items()}
            self.explicit = {k: e.xreplace(spelt) for k, e in self.explicit.items()}
            self.sizes = [(s, e.xreplace(spelt)) for s, e in self.sizes]
            waiting = [k for k in self.computed if self._root(k) not in self.explicit]
            waiting += [(n, -1) for n in self.scope.indices if self._root((n, -1)) not in self.explicit]
            if not waiting:
                return
            derived = [self._derive_axis(k) if k[1] >= 0 else self._derive_index(k) for k in waiting]
            if any(derived) or any(self._derive_axis(k, partly=True) for k in self.computed):
                continue
            windows = [k for k in waiting if k[0] in self.scope.reduced and k[1] < 0]
            if not windows:
                raise self._without(waiting[0] if waiting[0][1] < 0 else waiting[-1])
            name = self._fresh(windows[0][0].upper())
            self.explicit[self._root(windows[0])] = self.open[name] = integer(name)

    def _without(self, key: Key) -> Located:
        known = {*self.scope.indices, *self.scope.ranks, *self.scope.parameters, *self.declared, *self._spelt()}
        return no_extent(key, self.scope, known)

    def _spelt(self) -> dict[str, Expr]:
        """The extents so far by the capital of their index, where no size is called so."""
        taken = self.declared | set(self.scope.parameters) | set(self.scope.ranks)
        sizes = {n: self.explicit.get(self._root((n, -1))) for n in self.scope.indices}
        own = {s.name for e in self.explicit.values() for s in e.free_symbols} - self.borrowed | taken
        found = {n.upper(): e for n, e in sizes.items() if n != DOTS and n.upper() not in own}
        return {n: e for n, e in (*found.items(), *((extent_of(n), e) for n, e in sizes.items())) if e is not None}

    def _known(self) -> dict[Symbol, Expr]:
        roots = {name: self._root((name, -1)) for name in self.scope.indices}
        return {self.symbol[n]: self.explicit[r] for n, r in roots.items() if r in self.explicit}

    def _derive_axis(self, key: Key, partly: bool = False) -> bool:
        """The extent of an axis that is written at ``2*i + a``: up to the largest place, less what lies before 0.

        With `partly`, an index that stands there alone and has no extent yet gets that of the axis.
        """
        if self._root(key) in self.explicit:
            return False
        found = self._reach(key)
        if found is None:
            return False
        best, waiting = found
        if waiting and not (partly and all(isinstance(n, Name) for n in waiting)):
            return False
        self.explicit[self._root(key)] = self._as_symbol(key, best) if best.has(floordiv) else best
        for node in waiting:
            assert isinstance(node, Name)  # tested above
            self._join((node.name, -1), key, node.at)
        return True

    def _reach(self, key: Key) -> tuple[Expr, list[Node]] | None:
        """How far what is written along an axis reaches, and what is written there whose extent is not known."""
        known, reaches, waiting = self._known(), [], []
        for node in self.computed[key]:
            if is_computed(node, self.scope.indices):
                raise computed_place(key[0], node.at)
            place = self._index_expression(node)
            if not place.free_symbols & set(self.symbol.values()) <= set(known):
                waiting.append(node)
                continue
            bounds = reach_of(place, known, node)
            if bounds is None:
                return None
            low, high = bounds
            before = low if direction_of(low) < 0 else sympy.S.Zero
            reaches.append(sympy.expand(high + 1 + before))
        best = largest(reaches)
        return None if best is None else (best, waiting)

    def _bind_reaches(self) -> None:
        """An axis that is written further than one index, and joined with an input's: the input's has its extent.

        Where a line says how far an index on it runs, that holds.
        """
        ranged = {self._root((index, -1)) for index in self.ranged if index in self.symbol}
        for key in self.computed:
            extent = self.explicit[self._root(key)]
            found = None if self._root(key) in ranged else self._reach(key)
            if found is None or found[1] or sympy.expand(found[0] - extent) == 0:
                continue
            known = dict(self.sizes)
            if isinstance(extent, Symbol) and extent not in known and extent not in found[0].free_symbols:
                self.sizes.append((extent, found[0]))

    def _as_symbol(self, key: Key, formula: Expr) -> Expr:
        symbol = integer(self._fresh(f"{key[0].upper()}{key[1]}"))
        self.sizes.append((symbol, formula))
        return symbol

    def _derive_index(self, key: Key) -> bool:
        """The extent of an index from the windows that it moves, the smallest of all."""
        symbol = self.symbol[key[0]]
        counts = (self._count(symbol, *window) for window in self._windows(symbol))
        formulas = list(dict.fromkeys(f for f in counts if f is not None))
        if not formulas:
            return False
        formula = formulas[0]
        for other in formulas[1:]:
            formula = minimum(formula, other)
        if key[0].upper() in self.declared and formula != integer(key[0].upper()):
            raise extent_of_window(key[0], key[0].upper(), next(self._windows(symbol))[2].at)
        if isinstance(formula, Symbol) or (formula.is_Mul and not formula.has(floordiv, minimum)):  # of digits
            self.explicit[self._root(key)] = formula
            return True
        extent = integer(self._fresh(key[0].upper()))
        self.sizes.append((extent, formula))
        self.explicit[self._root(key)] = extent
        return True

    def _windows(self, symbol: Symbol) -> Iterator[tuple[Expr, Expr, Node]]:
        """The subscripts in which an index moves a window, with the extent of their axis and where they stand."""
        for element in walk(tuple(e.value for e in self.scope.equations)):
            if not isinstance(element, Element):
                continue
            for axis, node in enumerate(element.subscripts):
                root = self._root((element.tensor, axis))
                if isinstance(node, Ellipsis) or root not in self.explicit or is_computed(node, self.scope.indices):
                    continue
                place = self._index_expression(node)
                expression, extent = undivided(place, symbol, self.explicit[root], self._known(), self._all())
                if symbol in expression.free_symbols:
                    yield expression, extent, node

    def _all(self) -> dict[Symbol, Expr]:
        """The symbols of all indices."""
        return dict.fromkeys(self.symbol.values(), sympy.S.One)

    def _count(self, symbol: Symbol, expression: Expr, extent: Expr, node: Node) -> Expr | None:
        known = self._known()
        if not expression.free_symbols & set(self.symbol.values()) - {symbol} <= set(known):
            return None
        return positions(symbol, expression, extent, known, node)

    def _index_expression(self, node: Node) -> Expr:
        if isinstance(node, Call) and node.function in PADDINGS and node.arguments:
            node = node.arguments[0]
        expression = integer_expression(
            node, self._index_name, lambda part: Access(part.tensor) if isinstance(part, Element) else None
        )
        if not is_split(expression, self._all()):
            check_affine(expression, self._all(), node)
        return expression

    def _index_name(self, node: Name) -> Expr:
        if node.name in self.symbol:
            return self.symbol[node.name]
        self._check_integer(node)
        if node.name in self.scope.ranks:
            raise Located(f"{node.name} is a tensor; expected an index, a parameter or a size", node.at)
        return self._spelt().get(node.name, integer(node.name))

    def _extent(self, key: Key) -> Expr:
        if self._root(key) not in self.explicit:
            raise self._without(key)
        return self.explicit[self._root(key)]
