"""What lowering knows of its surroundings: the tensors, typical sizes, and which names are taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sympy
from sympy import Expr, Symbol

from gradscribe.codegen.kernel.form import Form, estimate
from gradscribe.codegen.loops import FEWEST_STEPS
from gradscribe.derive.calculus.collapse import proved
from gradscribe.derive.ir.index import affine, bounds, same
from gradscribe.derive.ir.term import Access, Guard, Program, Range, Statement, Tensor, Term


@dataclass
class Scope:
    """Grows while a function is lowered: every view and temporary is declared here once, under a name of its own."""

    tensors: dict[str, Tensor]
    hints: Mapping[Symbol, int]
    program: Program
    taken: set[str] = field(default_factory=set)
    stems: dict[str, str] = field(default_factory=dict)
    """By the name of a block of an array that of the array."""
    most: Mapping[Symbol, Expr] = field(default_factory=dict)
    """The greatest number that a size symbol may be, where that is known."""
    unmade: dict[str, tuple[Statement, str]] = field(default_factory=dict)
    """Tensors that nobody needs as a whole, so that they are not made: the definition, and the array of its factors."""

    def declare(self, stem: str, shape: Sequence[Expr], integer: bool = False) -> Tensor:
        """A new tensor whose name starts with `stem`."""
        number = 1
        while f"{stem}{number}" in self.taken:
            number += 1
        tensor = Tensor(f"{stem}{number}", tuple(shape), integer=integer)
        self.taken.add(tensor.name)
        self.tensors[tensor.name] = tensor
        return tensor

    def extent_matches(self, a: Expr, b: Expr) -> bool:
        """Whether two extents are the same expression."""
        return same(a, b)

    def fits(self, expression: Expr, extent: Expr, form: Form) -> bool:
        """Whether an index expression can never leave its axis: one index of that very extent, or a small number."""
        plain = affine(expression, form.indices).plain()
        if plain is not None:
            return self.extent_matches(form.range(plain).extent, extent)
        return bool(expression.is_Integer and extent.is_Integer and 0 <= int(expression) < int(extent))

    def inside(self, expression: Expr, extent: Expr, form: Form) -> bool:
        """Whether an index expression never leaves its axis, as its index or numbers tell at once.

        An index alone has to run along all of its axis: slices by it are whole.
        """
        if affine(expression, form.indices).plain() is not None:
            return self.fits(expression, extent, form)
        ends = bounds(expression, {r.index: r.extent for r in form.box})
        numbers = ends is not None and extent.is_Integer and all(e.is_Integer and 0 <= int(e) < extent for e in ends)
        return bool(numbers) or self.fits(expression, extent, form)

    def stays(self, expression: Expr, extent: Expr, form: Form) -> bool:
        """Whether an index expression is proved never to leave its axis."""
        inside = Guard(sympy.expand(expression), extent)
        return self.fits(expression, extent, form) or proved(Term(form.box, (), form.body), inside, self.program)

    def plain(self, access: Access, form: Form) -> bool:
        """Whether `access` reads whole axes, each by an index of its own."""
        return self.whole(access, form) and not any(e.is_Integer for e in access.indices)

    def whole(self, access: Access, form: Form) -> bool:
        """Whether `access` reads whole axes, each by an index of its own, or positions of axes that are there."""
        shape = self.tensors[access.tensor].shape
        moving = [e for e in access.indices if not e.is_Integer]
        fits = (self.fits(e, extent, form) for e, extent in zip(access.indices, shape, strict=True))
        return len(set(moving)) == len(moving) and all(fits)

    def volume(self, ranges: Sequence[Range]) -> float:
        """A typical number of points in the box of `ranges`."""
        total = 1.0
        for r in ranges:
            total *= estimate(r.extent, self.hints)
        return total

    def takes_long(self, steps: Expr) -> bool:
        """Whether there may be as many steps as somebody waits for a compiler for."""
        most = steps.xreplace(dict(self.most))
        return not most.is_Integer or int(most) >= FEWEST_STEPS
