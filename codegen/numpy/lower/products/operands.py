"""The factors of a product, grouped into few operands by the indices they depend on."""

from dataclasses import dataclass, replace

from sympy import Expr, Integer, Mul, Pow, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.term import Access, accesses


@dataclass(frozen=True)
class Operand:
    """A group of factors and the indices it depends on; `whole`: its accesses read whole arrays, axis by axis."""

    body: Expr
    indices: tuple[Symbol, ...]
    whole: bool

    @property
    def bare(self) -> bool:
        """Whether the group is one element of one array."""
        return isinstance(self.body, Access)


def operands(form: Form, scope: Scope) -> tuple[Expr, list[Operand]]:
    """The scale (free of indices) and the operands of a product; factors of the same or fewer indices are merged."""
    scale: Expr = Integer(1)
    groups: list[Operand] = []
    for factor in Mul.make_args(form.body):
        used = _indices(factor, form)
        if not used and not any(a.indices for a in accesses(factor)):
            scale *= factor
            continue
        whole = all(scope.plain(a, form) for a in accesses(factor))
        groups.append(Operand(factor, used, whole))
    groups.sort(key=lambda o: -len(o.indices))
    merged: list[Operand] = []
    for group in groups:
        home = next(
            (k for k, o in enumerate(merged) if o.whole and group.whole and set(group.indices) <= set(o.indices)),
            None,
        )
        if home is None:
            merged.append(group)
        else:
            merged[home] = replace(merged[home], body=merged[home].body * group.body)
    merged = [replace(o, indices=_indices(o.body, form)) for o in merged]
    return scale, sorted(merged, key=lambda o: [form.indices.index(v) for v in o.indices])


def _indices(body: Expr, form: Form) -> tuple[Symbol, ...]:
    """The indices of `body`, in the order of the axes of its largest access."""
    found: dict[Symbol, None] = {}
    for access in sorted(accesses(body), key=lambda a: -len(a.indices)):
        for symbols in (expression.free_symbols for expression in access.indices):
            found |= dict.fromkeys(v for v in form.indices if v in symbols)
    anywhere = body.free_symbols
    return (*found, *(v for v in form.indices if v in anywhere and v not in found))


def bracketed_division(factor: Expr, form: Form) -> bool:
    """Whether `factor` divides by an array beside a bracket, which may be false just where the divisor is 0."""
    brackets = form.guards or any(is_indicator(f) for f in Mul.make_args(form.body))
    return bool(brackets) and any(p.exp.is_negative and p.base.has(Access) for p in factor.atoms(Pow))
