"""What equations are written with beside SymPy's own objects: brackets, maxima and minima, values with a name."""

from typing import Any, ClassVar

import sympy
from sympy import Expr, Function, Idx, Sum, Tuple
from sympy.core.symbol import Str

from gradscribe.derive.ir.reductions import REDUCTIONS, SUM, Reduction


class inside(Function):
    """The Iverson bracket ``[0 <= value < extent]`` as a factor."""

    nargs = (2,)


class Reduced(Expr):
    """A reduction of `body` over indices, where all brackets among its factors hold: ``Maximum(body, r, t)``."""

    is_commutative = True
    op: ClassVar[str]

    def __new__(cls, body: Expr, *indices: Idx) -> "Reduced":
        """Indices are kept as SymPy's tuple."""
        return Expr.__new__(cls, body, Tuple(*indices))


class Named(Expr):
    """A value that a tensor is made of if it is part of another: `named` makes it."""

    is_commutative = True
    is_real = True

    def __new__(cls, body: Expr, name: Str, own: sympy.Basic) -> "Named":
        """As `named` makes it."""
        return Expr.__new__(cls, body, name, own)

    @property
    def label(self) -> str:
        """The name."""
        return str(self.args[1])

    @property
    def own(self) -> bool:
        """Whether the tensor is there in any case."""
        return bool(self.args[2])


def named(body: Expr, name: str, own: bool = True) -> Named:
    """`body` under a name of its own.

    Args:
        body: the value.
        name: what the tensor is called, or something like it where that is taken.
        own: whether the tensor is there in any case; else a reduction that is a whole equation needs none.
    """
    return Named(body, Str(name), sympy.sympify(own))


def _class_name(word: str, row: Reduction) -> str:
    """``Maximum`` for "max", and ``Argmax`` for the place of one."""
    return word.capitalize() if row.places else row.noun.capitalize()


REDUCED: dict[str, Any] = {
    word: Sum if row is SUM else type(_class_name(word, row), (Reduced,), {"op": word, "__module__": __name__})
    for word, row in REDUCTIONS.items()
}
"""What stands for each row of the table, by its word."""
Maximum, Minimum = REDUCED["max"], REDUCED["min"]
