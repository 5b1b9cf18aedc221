"""The record that says which equation the records behind it compute."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gradscribe.codegen.kernel.form import Form, chosen_forms, size_hints
from gradscribe.derive.ir.index import as_written
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import Access, Program, Statement, Term
from gradscribe.derive.typeset.writers.text.text_lines import relation_lines


@dataclass(frozen=True)
class Equation:
    """``left relation term``, in the names of the code; what is computed for it follows.

    Attributes:
        left: the element that it is about.
        relation: "=", or "+=" where it adds to what is there.
        term: the right side.
        order: tensors in the order in which products have them.
        number: of the row or box of the derivation that says so; None where no page does.
    """

    left: Access
    relation: str
    term: Term
    order: tuple[str, ...] = ()
    number: int | None = None

    def lines(self, width: int) -> list[str]:
        """The equation as text, its number before it."""
        head = f"({self.number}) " if self.number is not None else ""
        first, *others = relation_lines(self.left, self.relation, self.term, self.order, width - len(head))
        return [head + first, *(" " * len(head) + line for line in others)]


def equations(program: Program, numbers: Mapping[str, int] | None = None) -> Iterator[Equation]:
    """The equations of a program in the order of its statements, as they are computed.

    Args:
        program: the program.
        numbers: of the equations of a derivation by tensor, see `Document.numbers`.
    """
    order = (*(t.name for t in program.inputs), *(s.target.name for s in program.statements))
    written: set[str] = set()
    for statement, form in zip(program.statements, chosen_forms(program, size_hints(program)), strict=True):
        yield equation(statement, form, statement.target.name not in written, order, numbers or {})
        written.add(statement.target.name)


def equation(
    statement: Statement, form: Form, first: bool, order: Sequence[str], numbers: Mapping[str, int]
) -> Equation:
    """That of one statement; one that scatters, or is not the `first` of its target, adds."""
    ranges = {r.index: r for r in form.box}
    free = tuple(ranges[v] for v in form.indices if v in form.placed)
    term = Term(free, tuple(ranges[v] for v in form.contracted), as_written(form.body), guards=form.guards, op=form.op)
    relation = "+=" if form.is_sum and (form.scatters or not first) else "="
    name = statement.target.name
    if statement.target.constant and statement.argument is not None:  # computed for its place alone
        name, place = statement.argument.name, next(w for w, row in REDUCTIONS.items() if row.places == form.op)
        term = replace(term, op=place)
    return Equation(Access(name, *form.place), relation, term, tuple(order), numbers.get(name))
