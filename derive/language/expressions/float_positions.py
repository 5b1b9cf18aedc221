"""Positions between elements: ``x[n, lerp(p[n,i], zero), c]`` reads the two elements around p, weighted by distance.

It is an abbreviation: an integer tensor has the whole part of each position, another one the fraction, and the element
is a sum of two lookups, of four in two axes. What lies outside of the axis is said by the mode, which moves the
position into the axis before it is split:

    zero         the position as it is; what is read outside is 0
    replicate    min(L - 1, max(0, p))
    reflect      the distance to the nearest multiple of 2 (L - 1): mirrored at the first and last element
    symmetric    the same about the outer edges of these, half an element further out

Where a position is moved, and where mirrors meet, the derivative by it is 0.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import sympy
from sympy import Eq, Expr, Idx, Indexed, Integer, Rational

from gradscribe.derive.ir.functions import ceil, floor, is_indicator, larger, rounded, smaller, whole
from gradscribe.derive.language.meaning.vocabulary import Bound, Vocabulary, base_of
from gradscribe.derive.language.syntax.located_error import Located, nearest
from gradscribe.derive.language.syntax.tree import Call, Name

STEPPED = (floor, ceil, rounded)
"""The functions that make integers of real numbers."""
POSITIONS, LABELS, FRACTIONS = ("p", "q", "u", "v"), ("f", "g", "h"), ("alpha", "beta", "gamma")
"""What positions between elements, tensors of integers and fractions are called."""


def _zero(position: Expr, extent: Expr) -> Expr:
    return position


def _replicate(position: Expr, extent: Expr) -> Expr:
    return smaller(extent - 1, larger(Integer(0), position))


def _reflect(position: Expr, extent: Expr) -> Expr:
    return smaller(extent - 1, _distance(position, 2 * larger(extent - 1, Integer(1))))


def _symmetric(position: Expr, extent: Expr) -> Expr:
    return _replicate(_distance(position + Rational(1, 2), 2 * extent) - Rational(1, 2), extent)


def _distance(position: Expr, period: Expr) -> Expr:
    """The distance to the nearest multiple of the period."""
    return sympy.Abs(position - period * floor(position / period + Rational(1, 2)))


MODES: Mapping[str, Callable[[Expr, Expr], Expr]] = {
    "zero": _zero,
    "replicate": _replicate,
    "reflect": _reflect,
    "symmetric": _symmetric,
}
"""What becomes of a position, by its value and the extent of the axis."""


@dataclass(frozen=True)
class Between:
    """A position between two elements of an axis.

    Attributes:
        index: the index of the axis.
        below: the number of the element below it.
        fraction: how far above that it is, from 0 to less than 1.
    """

    index: Idx
    below: Expr
    fraction: Expr

    def neighbour(self, above: int) -> tuple[Expr, Expr]:
        """The number of the element below (0) or above (1), and what it counts."""
        return self.below + above, self.fraction if above else 1 - self.fraction


def mode_of(node: Call) -> Callable[[Expr, Expr], Expr]:
    """What a ``lerp(p, mode)`` does with positions outside of the axis.

    Raises:
        Located: when it does not say so.
    """
    first, *others = MODES
    hint = f"write lerp(p, {first}), or {', '.join(others)} in place of {first}"
    if len(node.arguments) != 2:
        count = f"{len(node.arguments)} argument{'s' * (len(node.arguments) != 1)}"
        raise Located(f"lerp takes a position and what is read outside of the axis, found {count}; {hint}", node.at)
    mode = node.arguments[1]
    if not isinstance(mode, Name) or mode.name not in MODES:
        close = nearest(mode.name, MODES) if isinstance(mode, Name) else ""
        hint = close if close.startswith("did") else hint
        raise Located(f"lerp does not know what is read outside of the axis; {hint}", mode.at)
    return MODES[mode.name]


@dataclass
class Wholes:
    """Tensors that the text does not name: positions, their whole parts and fractions.

    Attributes:
        vocabulary: the names.
        before: receives the equations that define them.
        integers: the names of those that hold integers.
    """

    vocabulary: Vocabulary
    before: list[Eq]
    integers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._known: dict[Expr, Expr] = {}

    def between(self, position: Expr, extent: Expr, indices: Sequence[Idx]) -> Between:
        """A position and its neighbours on an axis of an extent."""
        at = position if _is_plain(position) else self.named(POSITIONS, position, indices)
        below = self.label(floor(at), indices)
        return Between(Idx(self.vocabulary.letter(), extent), below, self.named(FRACTIONS, at - floor(at), indices))

    def label(self, value: Expr, indices: Sequence[Idx]) -> Expr:
        """An element of the tensor of integers that has these values."""
        return self.named(LABELS, whole(value), indices)

    def labelled(self, value: Expr, bound: Bound) -> Expr:
        """`value` with elements of tensors of integers in place of what makes integers of real numbers."""
        indices = [self.vocabulary.indices[name] for name in bound]
        found = sorted(value.atoms(*STEPPED), key=sympy.default_sort_key)
        outer = [f for f in found if not any(f is not g and g.has(f) for g in found)]
        return value.xreplace({f: self.label(f, indices) for f in outer})

    def named(self, names: Sequence[str], value: Expr, indices: Sequence[Idx]) -> Expr:
        """An element of the tensor that has these values, over those of the indices that they depend on.

        Args:
            names: what it may be called.
            value: its element.
            indices: the indices that have a value there.
        """
        if value not in self._known:
            own = [v for v in self.vocabulary.indices.values() if v in indices and value.has(v)]
            base = base_of(self.vocabulary.fresh(*names), tuple(v.upper + 1 for v in own))
            element = base[tuple(own)] if own else base
            self.before.append(Eq(element, value, evaluate=False))
            if isinstance(value, whole):
                self.integers.append(str(base.label) if own else base.name)
            self._known[value] = element
        return self._known[value]


def _is_plain(position: Expr) -> bool:
    """Whether a position is an element of a tensor at indices, each once."""
    if not isinstance(position, Indexed):
        return False
    return all(isinstance(e, Idx) for e in position.indices) and len(set(position.indices)) == len(position.indices)


def is_integral(value: Expr, integers: Collection[str]) -> bool:
    """Whether a value is an integer, or none: made by rounding, of indices, of elements of the tensors `integers`."""
    if isinstance(value, STEPPED) or is_indicator(value) or value.is_integer:
        return True
    if isinstance(value, Indexed):
        return str(value.base.label) in integers
    if isinstance(value, sympy.Pow):
        return bool(value.exp.is_Integer and value.exp > 0) and is_integral(value.base, integers)
    parts = isinstance(value, sympy.Add | sympy.Mul | larger | smaller | sympy.Abs)
    return parts and all(is_integral(e, integers) for e in value.args)
