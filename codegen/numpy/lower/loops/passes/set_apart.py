"""What takes functions, roots or quotients and varies along the innermost axes alone: an array of its own before.

Otherwise it would be computed for every row anew. What does not vary along a row, compilers compute once for it.
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
        records: what makes them.
        made: them, by what they hold.
    """

    form: Form
    order: tuple[Symbol, ...]
    scope: Scope
    records: list[Record] = field(default_factory=list)
    made: dict[Expr, Access] = field(default_factory=dict)

    def taken(self, e: Expr) -> Expr:
        """An expression in which these arrays are read."""
        if is_cheap(e) and computable(e, self.form.indices):
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
        return found if len(found) < len(self.order) and self.order[-1] in found and accesses(e) else ()

    def _array(self, e: Expr) -> Access:
        return self.made[e] if e in self.made else self.made.setdefault(e, self._new(e))

    def _new(self, e: Expr) -> Access:
        box = tuple(self.form.range(v) for v in self._axes(e))
        target = self.scope.declare("factor", [r.extent for r in box])
        place = tuple(r.index for r in box)
        self.records += lower_taps(Form(target, place, box, e), self.scope, fresh=True)
        return Access(target.name, *place)
