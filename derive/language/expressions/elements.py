"""Elements of tensors: subscripts, lookups by labels, and reads beyond an axis that is continued."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product as choices

import sympy
from sympy import Eq, Expr, Idx, Indexed, IndexedBase, Integer, Sum

from gradscribe.derive.ir.functions import equal, floor
from gradscribe.derive.ir.index import IntegerFunction, affine, floordiv, integer, mod
from gradscribe.derive.language.expressions.continuation import continued
from gradscribe.derive.language.expressions.float_positions import Between, Wholes, is_integral, mode_of
from gradscribe.derive.language.meaning.digits import Digits, is_split, split, triangles
from gradscribe.derive.language.meaning.integers import check_affine, direction_of, interval
from gradscribe.derive.language.meaning.scope import DOTS
from gradscribe.derive.language.meaning.vocabulary import Bound, Vocabulary, called
from gradscribe.derive.language.syntax.located_error import Located, computed_place, stray_index
from gradscribe.derive.language.syntax.tree import Call, Element, Ellipsis, Name, Node, divides, is_computed, walk
from gradscribe.derive.language.syntax.words import FOLDED, LERP, PADDINGS, STEPPED


@dataclass(frozen=True)
class Found:
    """Indices of axes, and the factor that says where they are."""

    indices: tuple[Idx, ...]
    bracket: Expr
    digits: Digits | None = None


Lookup = Found | Between
"""A place that is computed, or one between two."""
MOST_FLOATS = 4
"""Each doubles the neighbours that are summed up."""

NOT_EMPTY = "an axis that is not empty"
LENGTHS = {
    "reflect": "an extent greater than what is read beyond it",
    "circular": "an extent not less than what is read beyond it",
}
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
        wholes: the tensors that float positions and computed labels need.
    """

    vocabulary: Vocabulary
    value: Callable[[Node, Bound], Expr]
    before: list[Eq] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wholes = Wholes(self.vocabulary, self.before)
        self._continued: dict[tuple[str, int, str, Expr, Expr, Expr], IndexedBase] = {}
        self._written: dict[str, list[str]] = {}  # the letters of continued tensors

    def target(self, node: Element) -> tuple[Expr, tuple[Expr, ...], tuple[Idx, ...]]:
        """The element on a left side; what it multiplies the right side by there, and what that is summed over then.

        The digits of an index, ``y[n, i//2, i%2]``, are indices of the element in its place.
        """
        for subscript in node.subscripts:
            if self._is_lookup(subscript):
                raise computed_place(node.tensor, subscript.at)
        everything, lookups = frozenset(self.vocabulary.indices), list[Lookup]()
        for axis, subscript in enumerate(node.subscripts):
            if not self._is_split(subscript, everything):
                self._require_steps(f"{node.tensor}, axis {axis}", subscript, everything)
        found = self._element(node, everything, lookups)
        brackets = tuple(k.bracket for k in lookups if isinstance(k, Found))
        seen = {v for e in (*found.indices, *brackets) for v in e.atoms(Idx)}
        own = {v for e in found.indices for v in e.atoms(Idx)}
        return found, brackets, tuple(sorted(seen - own, key=lambda v: v.name))

    def read(self, node: Element, bound: Bound, alone: bool = False) -> Expr:
        """An element as a value; a lookup is a sum over the axis, of which the label takes one.

        Args:
            node: the element.
            bound: the indices that have a value here.
            alone: whether the equation says nothing else; else what is between elements has a tensor of its own.
        """
        lookups: list[Lookup] = []
        value = self._element(node, bound, lookups)
        floats = [k for k in lookups if isinstance(k, Between)]
        if len(floats) > MOST_FLOATS:
            raise Located(f"lerp stands in {len(floats)} subscripts; expected at most {MOST_FLOATS}", node.at)
        sums = []
        for above in choices((0, 1), repeat=len(floats)):
            near = zip(floats, (k.neighbour(a) for k, a in zip(floats, above, strict=True)), strict=True)
            found = [k for k in lookups if isinstance(k, Found)]
            found += [Found((k.index,), equal(k.index, label) * weight) for k, (label, weight) in near]
            over = [v for k in found for v in k.indices]
            sums.append(Sum(sympy.Mul(*(k.bracket for k in found)) * value, *over) if found else value)
        total = sympy.Add(*sums)
        if alone or not floats:
            return total
        return self.wholes.named([f"{node.tensor}_{LERP}"], total, self._indices(node, bound))

    def _indices(self, node: Node, bound: Bound) -> list[Idx]:
        """The indices below a node that have a value there, in reading order."""
        names = (called(n) for n in walk(node) if isinstance(n, Name | Ellipsis))
        return [self.vocabulary.indices[n] for n in dict.fromkeys(names) if n in bound]

    def _element(self, node: Element, bound: Bound, lookups: list[Lookup]) -> Expr:
        """An element; every label in it becomes an index of the axis, listed in `lookups` with what it equals."""
        base, place = self.vocabulary.bases[node.tensor], []
        for axis, subscript in enumerate(node.subscripts):
            if isinstance(subscript, Call) and subscript.function in PADDINGS:
                base, position = self._beyond(node, base, axis, subscript, bound)
                place.append(position)
            elif isinstance(subscript, Call) and subscript.function == LERP:
                move = mode_of(subscript)
                at = move(self.value(subscript.arguments[0], bound), base.shape[axis])
                near = self.wholes.between(at, base.shape[axis], self._indices(subscript, bound))
                lookups.append(near)
                place.append(near.index)
            elif self._is_lookup(subscript):
                index = Idx(self.vocabulary.letter(), base.shape[axis])
                lookups.append(Found((index,), equal(index, self._label(subscript, bound, lookups))))
                place.append(index)
            elif self._is_split(subscript, bound):
                place.append(self._split(subscript, bound, base.shape[axis], lookups))
            else:
                place.append(self.subscript(subscript, bound))
                self._check_reaches(node, axis, base.shape[axis], bound)
        return base[tuple(place)]

    def _is_split(self, node: Node, bound: Bound) -> bool:
        """Whether a subscript has quotients or remainders of indices."""
        return divides(node) and is_split(self.vocabulary.integer(node, bound), self.vocabulary.ranges)

    def _split(self, node: Node, bound: Bound, extent: Expr, lookups: list[Lookup]) -> Expr:
        """A subscript whose quotients and remainders are indices of their own, listed in `lookups`."""
        words = self.vocabulary
        written = words.integer(node, bound)
        if rows := triangles(written, words.ranges):
            check_affine(written.xreplace(dict.fromkeys(rows, Integer(0))), words.ranges, node)
            index = Idx(words.letter(), extent)
            labels = {v: self.wholes.label(v, self._indices(node, bound)) for v in map(words.indexed, rows)}
            lookups.append(Found((index,), equal(index, words.indexed(written).xreplace(labels))))
            return index
        position, found = split(written, words.reaches, lambda: integer(words.letter()), node)
        mapping: dict[Expr, Expr] = {}
        for digits in found:
            whole = digits.whole.xreplace(mapping)
            same = (k for k in lookups if isinstance(k, Found) and k.digits is not None and k.digits.are(digits))
            known = next((k.indices for k in same), None)
            size = extent if position == digits.high else words.size(digits.extent)  # what leaves the axis reads 0
            own = known or (Idx(digits.high.name, size), Idx(digits.low.name, digits.base))
            mapping |= dict(zip((digits.high, digits.low), own, strict=True))
            if known is None:
                sides = (words.indexed(e) for e in (whole, digits.written.xreplace(mapping)))
                lookups.append(Found(own, equal(*sides), digits))
        return words.indexed(position.xreplace(mapping))

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
            if node.tensor in self.vocabulary.scope.inputs and node.tensor not in self.vocabulary.scope.shapes:
                last += f"; where {node.tensor} is longer than that, say so: input {node.tensor}[...]"
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

    def _label(self, node: Node, bound: Bound, lookups: list[Lookup]) -> Expr:
        """An integer expression with elements of integer tensors, and with integers made of real numbers."""

        def element(part: Node) -> Expr | None:
            if isinstance(part, Call) and part.function in STEPPED:
                return self.wholes.label(self.value(part, bound), self._indices(part, bound))
            if isinstance(part, Call) and part.function in FOLDED and self._is_lookup(part):
                return self._clamped(part, bound)
            if isinstance(part, Call) and part.function == LERP:
                raise Located("lerp is a subscript by itself; put into it what is added: lerp(p + 1, zero)", part.at)
            if not isinstance(part, Element) and not self._is_number(part):
                return None
            name = part.tensor if isinstance(part, Element) else called(part)
            if name not in self._integers():
                hint = f"declare it: integer {name}, or read between elements: lerp({name}[...], zero)"
                if name not in self.vocabulary.scope.inputs:
                    hint = f"make it integers: floor({name}[...]), or a place: {name}[...] = argmax(i) ..."
                raise Located(f"{name} stands in a subscript; {hint}", part.at)
            return self._element(part, bound, lookups) if isinstance(part, Element) else self.vocabulary.bases[name]

        found = self.vocabulary.indexed(self.vocabulary.integer(node, bound, element))
        return self.wholes.labelled(found.replace(_varies, _divided), bound)

    def _clamped(self, node: Call, bound: Bound) -> Expr:
        """The least or greatest of several positions: an element of a tensor of integers."""
        found = self.value(node, bound)
        if not is_integral(found, self._integers()):
            hint = "make integers of real numbers: floor(...), ceil or round"
            raise Located(f"{node.function} of what are no integers stands in a subscript; {hint}", node.at)
        return self.wholes.label(found, self._indices(node, bound))

    def _integers(self) -> set[str]:
        """The tensors that hold integers or places."""
        flags = self.vocabulary.scope.flags
        return {*flags["integer"], *flags["position"]}

    def _is_number(self, node: object) -> bool:
        """Whether a node is the name of a tensor without axes."""
        return isinstance(node, Name) and self.vocabulary.scope.ranks.get(node.name) == 0

    def _is_lookup(self, node: object) -> bool:
        return is_computed(node, self.vocabulary.indices) or any(self._is_number(part) for part in walk(node))

    def _beyond(
        self, element: Element, base: IndexedBase, axis: int, node: Call, bound: Bound
    ) -> tuple[IndexedBase, Expr]:
        """The tensor that is `base`, made of an element's, continued along `axis`, and the position in it."""
        kind, count = node.function, PADDINGS[node.function]
        if len(node.arguments) != count:
            raise Located(f"{kind} takes {count} argument{'s' * (count > 1)}; found {len(node.arguments)}", node.at)
        if any(isinstance(n, Call) and n.function == LERP for n in walk(node.arguments)):
            raise Located(f"{kind} cannot wrap lerp; lerp says itself what is read outside: lerp(p, zero)", node.at)
        if self._is_lookup(node.arguments[0]):
            last = sympy.expand(base.shape[axis] - 1)
            hints = {"replicate": f"max(0, min(..., {last}))", "circular": f"(...) % {base.shape[axis]}"}
            hint = f"write {hints[kind]}" if kind in hints else "expected indices and sizes"
            raise Located(f"{kind} cannot wrap a label; {hint}, or a label that is a position", node.at)
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
            self._require(found.least, kind, f"{base.label}, axis {axis}", base.shape[axis], low)
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
        """From where to where a subscript reads; what of the axis itself is certainly not read is included."""
        reach = interval(self.vocabulary.position(node, bound), self.vocabulary.ranges)
        if reach is None:
            raise Located("the sign of a coefficient is unknown; expected an index times a size", node.at)
        low = Integer(0) if direction_of(reach[0]) > 0 else reach[0]
        return low, reach[1] if direction_of(extent - 1 - reach[1]) <= 0 else extent - 1

    def _require(self, least: tuple[Expr, ...], kind: str, where: str, extent: Expr, low: Expr) -> None:
        """Ask for axes that are long enough, where no option is to blame for what is read beyond them."""
        for expression in least:
            if blamed := self._blamed(low):
                found = Condition(expression, blamed, WORDS.get(kind, NOT_EMPTY))
            else:
                found = Condition(expression, where, LENGTHS.get(kind, NOT_EMPTY), extent)
            self.conditions.append(found)

    def _blamed(self, size: Expr) -> str:
        """The first option in a size; "" where it is given by the arrays."""
        sizes = {s for shape in self.vocabulary.extents.shapes.values() for e in shape for s in e.free_symbols}
        return min((s.name for s in size.free_symbols - sizes), default="")


def _varies(e: Expr) -> bool:
    """Whether an expression is a quotient or a remainder that is not the same everywhere."""
    return isinstance(e, floordiv | mod) and e.has(Idx, Indexed)


def _divided(e: Expr) -> Expr:
    """A quotient or a remainder of integers by a function of real numbers, so that it is computed as a label."""
    whole, base = e.args
    quotient = floor(whole / base)
    return quotient if isinstance(e, floordiv) else whole - base * quotient
