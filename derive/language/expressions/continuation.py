"""Paddings other than zero: a tensor continued beyond its axis, as equations of its own.

``x[n, reflect(i + r - p), c]`` reads a tensor ``x_reflect`` that is x continued at both ends; it is written by several
equations into disjoint places, affine each, so that it is differentiated and generated like everything else:

    reflect    ... x[2] x[1] | x[0] x[1] ... x[L-1] | x[L-2] ...    at most L - 1 on either side
    replicate  ... x[0] x[0] | x[0] x[1] ... x[L-1] | x[L-1] ...
    circular   ... x[L-2] x[L-1] | x[0] ... x[L-1] | x[0] ...       at most L on either side
    value      ... v v | x[0] ... x[L-1] | v ...
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sympy
from sympy import Eq, Expr, Idx, IndexedBase, Integer

from gradscribe.derive.layer.equations import inside


@dataclass(frozen=True)
class Continued:
    """A tensor continued along one axis.

    Attributes:
        base: the new tensor; its position 0 along the axis is position `low` of the old one.
        equations: what defines it.
        least: what must be >= 0 for the continuation to be defined everywhere.
    """

    base: IndexedBase
    equations: tuple[Eq, ...]
    least: tuple[Expr, ...]


def continued(
    base: IndexedBase, axis: int, kind: str, reach: tuple[Expr, Expr], name: str, letters: Sequence[str], value: Expr
) -> Continued:
    """`base` continued so that positions low..high of `axis` can be read.

    Args:
        base: the tensor.
        axis: the axis.
        kind: reflect, replicate, circular or value.
        reach: low and high, the smallest and the largest position read.
        name: the new tensor's name.
        letters: names for the indices, one per axis.
        value: what stands outside, for kind value.
    """
    low, high = reach
    old = base.shape[axis]
    length = sympy.expand(high - low + 1)
    shape = tuple(length if k == axis else e for k, e in enumerate(base.shape))
    new = IndexedBase(name, shape=shape, real=True)
    indices = [Idx(letter, extent) for letter, extent in zip(letters, shape, strict=True)]
    place = sympy.expand(indices[axis] + low)  # in the old tensor

    def read(position: Expr) -> Expr:
        return base[tuple(position if k == axis else v for k, v in enumerate(indices))]

    before, after = inside(-1 - place, -low), inside(place - old, high - old + 1)
    ends: tuple[Expr, Expr]
    least: tuple[Expr, ...]
    match kind:
        case "reflect":
            ends = (before * read(-place), after * read(2 * (old - 1) - place))
            least = (old - 1 + low, 2 * (old - 1) - high)
        case "replicate":
            ends = (before * read(Integer(0)), after * read(old - 1))
            least = (old - 1,)
        case "circular":
            ends = (before * read(place + old), after * read(place - old))
            least = (old + low, 2 * old - 1 - high)
        case _:
            ends = (before * value, after * value)
            least = ()
    target = new[tuple(indices)]
    # what is certainly empty is not written
    sides = zip(ends, (low == 0, sympy.expand(high - old + 1) == 0), strict=True)
    parts = [read(place), *(end for end, empty in sides if not empty)]
    equations = [Eq(target, parts[0], evaluate=False)]
    equations += [Eq(target, target + part, evaluate=False) for part in parts[1:]]
    return Continued(new, tuple(equations), tuple(sympy.expand(e) for e in least))
