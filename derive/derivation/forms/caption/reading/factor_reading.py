"""A factor of a row, and the places at which it reads its tensors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sympy import Dummy, Expr, Symbol, default_sort_key

from gradscribe.derive.derivation.forms.caption.operation import Number
from gradscribe.derive.derivation.forms.caption.reading.axis_places import Place, numbers, place
from gradscribe.derive.derivation.forms.caption.reading.grid import Grid
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.term import Access, Program, accesses


@dataclass(frozen=True)
class Reading:
    """A factor of the row, and the places at which it reads its tensors; of recorded positions also which are meant."""

    value: Expr
    places: tuple[tuple[Expr, str, tuple[Place, ...], tuple[Number, ...]], ...]

    @property
    def every(self) -> Iterator[Place]:
        """All places."""
        return (p for _, _, places, _ in self.places for p in places)

    @property
    def labels(self) -> set[Symbol]:
        """What the factor depends on."""
        numbers = {n.label for *_, numbers in self.places for n in numbers}
        return {v for p in self.every for v in p.labels} | numbers

    def each(self, change: Callable[[Place], Place]) -> "Reading":
        """The factor with other places."""
        return replace(self, places=tuple((e, t, tuple(map(change, ps)), n) for e, t, ps, n in self.places))


def read_factor(value: Expr, rows: Grid, program: Program) -> Reading | None:
    """A factor that depends on its tensors, and on an index itself only where positions are compared with it."""
    found = []
    rest = value
    positions = sorted(value.atoms(equal), key=default_sort_key)
    for leaf in (*positions, *accesses(value)):
        if not rest.has(leaf):
            continue
        access, number = _position(leaf, program) if isinstance(leaf, equal) else (leaf, None)
        if access is None:
            continue
        tensor = program.tensors.get(access.tensor)
        places = [place(e, n, rows) for e, n in zip(access.indices, tensor.shape, strict=True)] if tensor else [None]
        digits_ = numbers(number, rows) if number is not None else ()
        known = tuple(p for p in places if p is not None)
        if tensor is None or len(known) < len(places) or digits_ is None or (tensor.integer and number is None):
            return None
        found.append((leaf, access.tensor, known, digits_))
        rest = rest.xreplace({leaf: Dummy(real=True)})  # one each: u - m does not vanish
    return None if rest.free_symbols & set(rows.labels) or not found else Reading(value, tuple(found))


def _position(bracket: equal, program: Program) -> tuple[Access | None, Expr | None]:
    """The recorded position in a bracket, and what it is compared with."""
    for access, number in (bracket.args, bracket.args[::-1]):
        tensor = program.tensors.get(access.tensor) if isinstance(access, Access) else None
        if tensor is not None and tensor.integer and not accesses(number):
            return access, number
    return None, None
