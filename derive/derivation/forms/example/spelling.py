"""Numbers in the places of names, as expressions; display only."""

from collections.abc import Iterable, Sequence

from sympy import Expr, Integer, Tuple


class Numeral(Expr):
    """A number in the place of a name, with that name, so that equal numbers stay apart."""

    is_commutative = True
    is_real = True

    @property
    def number(self) -> Expr:
        """The number."""
        return self.args[1]


class Coordinates(Expr):
    """A place, by its numbers."""

    is_commutative = True


def place(number: int, extents: Sequence[int]) -> Expr:
    """The place with a number in row-major order, one number where there is one axis; -1 is none."""
    if len(extents) == 1 or number < 0:
        return Integer(number)
    found: list[Expr] = []
    for extent in reversed(extents):
        number, position = divmod(number, extent)
        found.insert(0, Integer(position))
    return Coordinates(*found)


class Spelt(Expr):
    """A product of numbers as it is read: the factors above a line, those below it."""

    is_commutative = True

    def __new__(cls, upper: Iterable[Expr], lower: Iterable[Expr] = ()) -> "Spelt":
        """SymPy leaves both as they are."""
        return Expr.__new__(cls, Tuple(*upper), Tuple(*lower))

    @property
    def upper(self) -> tuple[Expr, ...]:
        """The factors above the line."""
        return tuple(self.args[0])

    @property
    def lower(self) -> tuple[Expr, ...]:
        """The factors below the line; none where there is no line."""
        return tuple(self.args[1])
