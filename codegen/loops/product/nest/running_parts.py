"""Which statements of a program are products that grow by one factor, and which sums read what is left of these."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gradscribe.codegen.kernel.form import Form
from gradscribe.derive.calculus.programs.products.running_products import Running, Slopes, running, slopes, unmade
from gradscribe.derive.ir.term import Program, Tensor, accesses


@dataclass(frozen=True)
class RunningParts:
    """What is computed row by row.

    Attributes:
        products: by the number of the statement.
        slopes: by the number of the statement that reads them: what is computed before it, and into which array.
        forms: of all statements, those of such readers with that array.
        unmade: the tensors of others that are not made.
    """

    products: dict[int, Running]
    slopes: dict[int, tuple[Slopes, Tensor]]
    forms: tuple[Form, ...]
    unmade: frozenset[str]

    @property
    def made(self) -> tuple[Tensor, ...]:
        """The new arrays."""
        return tuple(tensor for _, tensor in self.slopes.values())


def running_parts(
    program: Program, forms: Sequence[Form], integers: Collection[str], recurring: Collection[int] = ()
) -> RunningParts:
    """What of a program is computed row by row.

    Args:
        program: that of a kernel.
        forms: those of its statements.
        integers: the arrays of integers.
        recurring: the numbers of the statements of recurrences, whose products are computed one by one.
    """
    taken = program.names()
    terms = [None if k in recurring else form.term for k, form in enumerate(forms)]
    apart = {program.statements[k] for k in recurring}
    statements = [
        s for s in program.statements
        if s not in apart and not any(a.tensor in integers for a in accesses(s.term.body))
    ]  # fmt: skip
    kept = {*program.outputs, *integers, *(s.target.name for s in apart)}
    idle = unmade(program.statements, [(t,) for t in terms], kept)
    known = {s.target.name: s for s in statements if s.target.name in idle}
    found: dict[int, tuple[Slopes, Tensor]] = {}
    own = list(forms)
    for k, (form, term) in enumerate(zip(forms, terms, strict=True)):
        read = next((known[a.tensor] for a in accesses(form.body) if a.tensor in known), None)
        if read is None or term is None:
            continue
        name = next(n for n in ("slopes", *(f"slopes_{j}" for j in range(1, 1000))) if n not in taken)
        taken.add(name)
        part = slopes(term, read, name)
        assert part is not None  # or the others would be made
        found[k] = part, Tensor(name, tuple(r.extent for r in part.product.element.free))
        own[k] = form.of_term(part.rest)
    numbered = ((k, running(s.term)) for k, s in enumerate(program.statements) if s in statements)
    products = {k: row for k, row in numbered if row is not None and _has_loops(row)}
    return RunningParts(products, found, tuple(own), frozenset(known))


def _has_loops(found: Running) -> bool:
    """Whether there are loops for it: along one axis, of factors that are no products themselves."""
    return len(found.places) == 1 and not found.element.bound
