"""What takes functions, roots or quotients and varies along the innermost axes alone: an array of its own before.

Otherwise it would be computed for every row anew. What does not vary along a row, compilers compute once for it.
Where loops do not go row by row it may vary along any axes but all.
"""

from dataclasses import dataclass, field

from sympy import Add, Expr, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import computable, is_cheap
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.slices.taps import lower_taps
from gradscribe.codegen.numpy.plan import Record
from gradscribe.derive.ir.term import Access, accesses


@dataclass
class Apart:
    """Collects the records that make such arrays.

    Attributes:
        form: of whose body they are parts.
        order: all indices, in the order of the axes.
        scope: where they are declared.
        along_rows: whether loops go row by row, and what does not vary along a row is computed once for it.
        records: what makes them.
        made: them, by what they hold.
    """

    form: Form
    order: tuple[Symbol, ...]
    scope: Scope
    along_rows: bool = True
    records: list[Record] = field(default_factory=list)
    made: dict[Expr, Access] = field(default_factory=dict)

    def taken(self, e: Expr) -> Expr:
        """An expression in which these arrays are read."""
        if not e.args or (is_cheap(e) and computable(e, self.form.indices)):
            return e
        if self._axes(e):
            return self._array(e)
        if not isinstance(e, Add | Mul):
            return e.func(*map(self.taken, e.args))
        few: dict[tuple[Symbol, ...], list[Expr]] = {}
        for a in e.args:
            few.setdefault(self._axes(a), []).append(a)
        whole = map(self.taken, few.pop((), []))
        return e.func(*whole, *(self.taken(e.func(*together)) for together in few.values()))

    def _axes(self, e: Expr) -> tuple[Symbol, ...]:
        """The indices that it varies along, in order; () for all of them, and for what does not vary along rows."""
        found = tuple(v for v in self.order if v in e.free_symbols)
        again = self.order[-1] in found if self.along_rows else self._is_array(e, set(found))
        return found if again and len(found) < len(self.order) and accesses(e) else ()

    def _is_array(self, e: Expr, found: set[Symbol]) -> bool:
        """Whether all parts of an expression vary along all that it does, and read whole arrays."""
        parts = [a for a in e.args if accesses(a)] if isinstance(e, Add | Mul) else []
        alike = all(a.free_symbols & {*self.order} == found for a in parts)
        return alike and all(self.scope.plain(a, self.form) for a in accesses(e))

    def _array(self, e: Expr) -> Access:
        return self.made[e] if e in self.made else self.made.setdefault(e, self._new(e))

    def _new(self, e: Expr) -> Access:
        box = tuple(self.form.range(v) for v in self._axes(e))
        target = self.scope.declare("factor", [r.extent for r in box])
        place = tuple(r.index for r in box)
        self.records += lower_taps(Form(target, place, box, e), self.scope, fresh=True)
        return Access(target.name, *place)
