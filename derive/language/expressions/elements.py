"""Elements of tensors: subscripts, lookups by labels, and reads beyond an axis that is continued."""

from collections.abc import Callable
from dataclasses import dataclass, field

import sympy
from sympy import Eq, Expr, Idx, IndexedBase, Integer, Sum

from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import IntegerFunction, affine
from gradscribe.derive.language.expressions.continuation import continued
from gradscribe.derive.language.meaning.integers import direction_of, interval
from gradscribe.derive.language.meaning.scope import DOTS
from gradscribe.derive.language.meaning.vocabulary import Bound, Vocabulary, called
from gradscribe.derive.language.syntax.located_error import Located, stray_index
from gradscribe.derive.language.syntax.tree import Call, Element, Ellipsis, Name, Node, reads_tensors, walk
from gradscribe.derive.language.syntax.words import PADDINGS

WORDS = {"reflect": "less than the extent it reflects", "circular": "at most the extent it repeats"}


@dataclass(frozen=True)
class Condition:
    """What must be >= 0 for a layer to be defined, and the parameter, or the axis and the size, to blame."""

    least: Expr
    parameter: str
    words: str
    received: Expr | None = None


@dataclass
class Elements:
    """Reads elements; collects what continued tensors need.

    Attributes:
        vocabulary: the names.
        value: reads a value.
        before: equations that have to stand before the one being read.
        conditions: what the sizes must fulfil.
    """

    vocabulary: Vocabulary
    value: Callable[[Node, Bound], Expr]
    before: list[Eq] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._continued: dict[tuple[str, int, str, Expr, Expr, Expr], IndexedBase] = {}
        self._written: dict[str, list[str]] = {}  # the letters of continued tensors

    def target(self, node: Element) -> Expr:
        """The element on a left side."""
        for subscript in node.subscripts:
            if self._is_lookup(subscript):
                hint = f"reduce instead: {node.tensor}[v, ...] = sum(n) [v == label[n]] * ..."
                raise Located(f"a tensor stands in a subscript on the left side; {hint}", subscript.at)
        everything = frozenset(self.vocabulary.indices)
        for axis, subscript in enumerate(node.subscripts):
            self._require_steps(f"{node.tensor}, axis {axis}", subscript, everything)
        return self.vocabulary.bases[node.tensor][tuple(self.subscript(s, everything) for s in node.subscripts)]

    def read(self, node: Element, bound: Bound) -> Expr:
        """An element as a value; a lookup is a sum over the axis, of which the label takes one."""
        lookups: list[tuple[Idx, Expr]] = []
        value = self._element(node, bound, lookups)
        if not lookups:
            return value
        brackets = sympy.Mul(*(equal(index, label) for index, label in lookups))
        return Sum(brackets * value, *(index for index, _ in lookups))

    def _element(self, node: Element, bound: Bound, lookups: list[tuple[Idx, Expr]]) -> Expr:
        """An element; every label in it becomes an index of the axis, listed in `lookups` with what it equals."""
        base, place = self.vocabulary.bases[node.tensor], []
        for axis, subscript in enumerate(node.subscripts):
            if isinstance(subscript, Call) and subscript.function in PADDINGS:
                base, position = self._beyond(node, base, axis, subscript, bound)
                place.append(position)
            elif self._is_lookup(subscript):
                index = Idx(self.vocabulary.letter(), base.shape[axis])
                lookups.append((index, self._label(subscript, bound, lookups)))
                place.append(index)
            else:
                place.append(self.subscript(subscript, bound))
                self._check_reaches(node, axis, base.shape[axis], bound)
        return base[tuple(place)]

    def _check_reaches(self, node: Element, axis: int, extent: Expr, bound: Bound) -> None:
        """Raise where a subscript never meets its axis, so that it would always read 0."""
        subscript = node.subscripts[axis]
        if isinstance(subscript, Ellipsis):
            return
        self._require_steps(f"{node.tensor}, axis {axis}", subscript, bound)
        reach = interval(self.vocabulary.position(subscript, bound), self.vocabulary.ranges)
        if reach is None:
            return
        before, after = sympy.expand(reach[1] + 1), sympy.expand(reach[0] - extent)
        if before == 0 or direction_of(before) < 0 or after == 0 or direction_of(after) > 0:
            last = f"positions count from 0 to {sympy.expand(extent - 1)}"
            raise Located(
                f"this never lies on axis {axis} of {node.tensor}, and would always read 0; {last}", subscript.at
            )

    def _require_steps(self, where: str, subscript: Node, bound: Bound) -> None:
        """Ask for steps of at least 1 where one is a quotient: ``x[n, C//3*i]``."""
        if isinstance(subscript, Ellipsis):
            return
        place = affine(self.vocabulary.position(subscript, bound), tuple(self.vocabulary.ranges))
        for _, step in place.terms:
            if step.has(IntegerFunction):
                blamed = self._blamed(step)
                received = None if blamed else step
                self.conditions.append(Condition(step - 1, blamed or where, "a step of at least 1", received))

    def subscript(self, node: Node, bound: Bound) -> Expr:
        """A subscript without tensors."""
        words = self.vocabulary
        if isinstance(node, Ellipsis):
            words.check_bound(node, bound)
            return words.indices[DOTS]
        known = {*words.indices, *words.extents.named, *words.scope.parameters, *words.bases}
        if isinstance(node, Name) and node.name not in known:
            raise stray_index(node.name, node.at)
        return words.indexed(words.position(node, bound))

    def _label(self, node: Node, bound: Bound, lookups: list[tuple[Idx, Expr]]) -> Expr:
        """An integer expression with elements of integer tensors."""

        def element(part: Node) -> Expr | None:
            if not isinstance(part, Element) and not self._is_number(part):
                return None
            flags, name = self.vocabulary.scope.flags, part.tensor if isinstance(part, Element) else called(part)
            if name not in {*flags["integer"], *flags["position"]}:
                if name not in self.vocabulary.scope.inputs:
                    hint = "expected an input of integers, or a position: " + f"{name}[...] = argmax(i) ..."
                    raise Located(f"{name} stands in a subscript, but holds values; {hint}", part.at)
                raise Located(f"{name} stands in a subscript; declare it: integer {name}", part.at)
            return self._element(part, bound, lookups) if isinstance(part, Element) else self.vocabulary.bases[name]

        return self.vocabulary.indexed(self.vocabulary.integer(node, bound, element))

    def _is_number(self, node: object) -> bool:
        """Whether a node is the name of a tensor without axes."""
        return isinstance(node, Name) and self.vocabulary.scope.ranks.get(node.name) == 0

    def _is_lookup(self, node: object) -> bool:
        return reads_tensors(node) or any(self._is_number(part) for part in walk(node))

    def _beyond(
        self, element: Element, base: IndexedBase, axis: int, node: Call, bound: Bound
    ) -> tuple[IndexedBase, Expr]:
        """The tensor that is `base`, made of an element's, continued along `axis`, and the position in it."""
        kind, count = node.function, PADDINGS[node.function]
        if len(node.arguments) != count:
            raise Located(f"{kind} takes {count} argument{'s' * (count > 1)}; found {len(node.arguments)}", node.at)
        if self._is_lookup(node.arguments[0]):
            raise Located(
                f"{kind} cannot wrap a label; expected indices and sizes, or a label that is a position", node.at
            )
        position = self.subscript(node.arguments[0], bound)
        if kind == "zero":
            return base, position
        low, high = self._reach(node.arguments[0], bound, base.shape[axis])
        value = self.value(node.arguments[1], frozenset()) if kind == "value" else Integer(0)
        if self._is_lookup(node.arguments[1:]):
            raise Located("the padding value depends on a tensor; expected a number or a parameter", node.at)
        key = (str(base.label), axis, kind, low, high, value)
        if key not in self._continued:
            name = self.vocabulary.fresh(f"{element.tensor}_{kind}")
            letters = self._letters(element, base, axis)
            found = continued(base, axis, kind, (low, high), name, letters, value)
            self._continued[key] = found.base
            self._written[name] = letters
            self.before += found.equations
            self._require(found.least, kind, f"{base.label}, axis {axis}", low)
        return self._continued[key], sympy.expand(position - low)

    def _letters(self, element: Element, base: IndexedBase, axis: int) -> list[str]:
        """Those of axes that an element reads as they are, those of axes continued before; else new ones."""
        words = self.vocabulary
        before = self._written.get(str(base.label), [""] * len(base.shape))
        letters: list[str] = []
        for k, subscript in enumerate(element.subscripts):
            name = DOTS if isinstance(subscript, Ellipsis) else subscript.name if isinstance(subscript, Name) else ""
            alike = name in words.indices and words.extents.indices[name] == base.shape[k]
            letter = words.symbols[name].name if alike else before[k]
            letters.append(letter if k != axis and letter and letter not in letters else words.letter())
        return letters

    def _reach(self, node: Node, bound: Bound, extent: Expr) -> tuple[Expr, Expr]:
        """From where to where a subscript reads, the axis itself included where that is not certain."""
        reach = interval(self.vocabulary.position(node, bound), self.vocabulary.ranges)
        if reach is None:
            raise Located("the sign of a coefficient is unknown; expected an index times a size", node.at)
        low = reach[0] if direction_of(reach[0]) < 0 else Integer(0)
        return low, reach[1] if direction_of(extent - 1 - reach[1]) <= 0 else extent - 1

    def _require(self, least: tuple[Expr, ...], kind: str, where: str, low: Expr) -> None:
        for expression in least:
            words = WORDS.get(kind, "an axis that is not empty")
            self.conditions.append(Condition(expression, self._blamed(low) or where, words))

    def _blamed(self, size: Expr) -> str:
        """The first option in a size; "" where it is given by the arrays."""
        sizes = {s for shape in self.vocabulary.extents.shapes.values() for e in shape for s in e.free_symbols}
        return min((s.name for s in size.free_symbols - sizes), default="")
