"""The extents of runs that are alike -> those of a function that they share: sizes for numbers that differ."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from sympy import Expr, Integer, Symbol, prod

from gradscribe.codegen.loops import Correspondence
from gradscribe.codegen.python.names import Names
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Range


@dataclass
class Extents:
    """The extents of the function.

    Attributes:
        told: what of the first run stands for what of each of the runs, the first one too.
        names: those of its arrays and sizes.
        put: extent of the first run -> that of the function, where it is another.
        sizes: new size -> what it is in each of the runs.
    """

    told: Sequence[Correspondence]
    names: Names
    put: dict[Expr, Expr] = field(default_factory=dict)
    sizes: dict[Symbol, tuple[Expr, ...]] = field(default_factory=dict)

    def enter(self, shapes: Iterable[tuple[Expr, ...]], ranges: Iterable[Range], others: Iterable[Expr]) -> None:
        """Find what stands for the extents of shapes, of indices, and others of the first run."""
        called = {r.extent: r.index.name.upper() for r in ranges}
        known = [*dict.fromkeys(shapes)]
        for extent in (e for shape in known for e in shape if not e.is_Symbol and self._differs(e)):
            self._new(extent, called.get(extent, "S"))
        for extent in others:
            if extent not in self.put and self._differs(extent):
                found = self._product(extent, known)
                if found is None:
                    self._new(extent, called.get(extent, "S"))
                else:
                    self.put[extent] = found

    def values(self, extent: Expr) -> tuple[Expr, ...]:
        """What an extent of the first run is in each of the runs."""
        return tuple(told.symbols.get(extent, told.extents.get(extent, extent)) for told in self.told)

    def value(self, size: Symbol, run: int) -> Expr:
        """What a size of the function is in a run."""
        return self.sizes[size][run] if size in self.sizes else self.values(size)[run]

    def _differs(self, extent: Expr) -> bool:
        """Whether an extent is not what its symbols make it."""
        found = zip(self.values(extent), self.told, strict=True)
        return any(extent.xreplace(told.symbols) != value for value, told in found)

    def _new(self, extent: Expr, word: str) -> None:
        if extent not in self.put:
            again = any(str(size) == word for size in self.sizes)
            size = integer(self.names.own(f"{word}_out" if again else word, str(extent)))
            self.put[extent] = size
            self.sizes[size] = self.values(extent)

    def _product(self, extent: Expr, shapes: Iterable[tuple[Expr, ...]]) -> Expr | None:
        """The extent as the product of neighbouring axes of an array, in each of the runs."""
        for shape in shapes:
            for start, stop in combinations(range(len(shape) + 1), 2):
                axes = shape[start:stop]
                columns = zip(*map(self.values, axes), strict=True)
                if tuple(prod(column, start=Integer(1)) for column in columns) == self.values(extent):
                    return prod((self.put.get(e, e) for e in axes), start=Integer(1))
        return None
