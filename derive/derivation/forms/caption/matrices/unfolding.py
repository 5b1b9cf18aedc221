"""Forward equation -> matrix form: u = X̂ Ŵ, with what X̂ and Ŵ read where two tensors are multiplied and summed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sympy import Symbol, count_ops

from gradscribe.derive.calculus.passes.left_side import equation
from gradscribe.derive.derivation.forms.caption.matrices.matrix_record import MatrixForm, Unfolding
from gradscribe.derive.derivation.forms.caption.operation import Product
from gradscribe.derive.derivation.forms.caption.reading.row_reader import product
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Program, Statement, Term


def matrix_forms(program: Program, notation: Notation, gradients: Mapping[str, str]) -> tuple[MatrixForm, ...]:
    """The matrix forms of all equations that have one.

    Args:
        program: the equations.
        notation: how tensors are written.
        gradients: by tensor that of its gradient; an equation without one is left out.
    """
    targets = dict.fromkeys(s.target.name for s in program.statements)
    found = (_matrix_form(program.definitions(n), gradients.get(n), notation, program) for n in targets)
    return tuple(form for form in found if form is not None)


def _matrix_form(
    statements: Sequence[Statement], gradient: str | None, notation: Notation, program: Program
) -> MatrixForm | None:
    """The matrix form of one tensor; None where a summand is neither a product of two matrices nor added to each."""
    parts: list[Unfolding] = []
    added: list[tuple[str, Product]] = []
    for statement in statements:
        term = _placed(statement)
        made = product(term, notation, program) if gradient is not None else None
        if made is None or made.scale != 1 or made.front:
            return None
        unfolding = _unfolding(made, term, statement)
        if unfolding is not None:
            parts.append(unfolding)
        elif not made.summed and len(made.operands) == 1 and isinstance(made.operands[0].value, Access):
            added.append((made.operands[0].reads[0][1].tensor, made))
        else:
            return None
    return MatrixForm(statements[0].target.name, gradient or "", tuple(parts), tuple(added)) if parts else None


def _placed(statement: Statement) -> Term:
    """The statement's term with an index for each digit of the target, in the order of the target's axes."""
    left, term = equation(statement)
    digits = [affine(e, term.indices).terms for e in left.indices]
    order = [v for places in digits for v, _ in sorted(places, key=lambda place: count_ops(place[1]), reverse=True)]
    ranges = {r.index: r for r in term.free}
    return replace(term, free=tuple(ranges[v] for v in order if v in ranges))


def _unfolding(made: Product, term: Term, statement: Statement) -> Unfolding | None:
    """A product as one of matrices; None for other than two tensors, and where windows are counted backwards."""
    plain = all(o.value == o.reads[0][0] and len(o.reads) == 1 and not o.reads[0][1].numbers for o in made.operands)
    if len(made.operands) != 2 or not plain or not made.summed or any(w.backwards for w in made.windows):
        return None
    first, second = made.operands
    own = [v for v in made.axes if (v in first.labels) != (v in second.labels)]
    data = made.moved or (first if own and own[0] in first.labels else second)
    weights = next(o for o in made.operands if o is not data)

    def chosen(labels: Sequence[Symbol], in_data: bool, in_weights: bool) -> tuple[Symbol, ...]:
        return tuple(v for v in labels if (v in data.labels) == in_data and (v in weights.labels) == in_weights)

    inner = chosen(made.summed, True, True)
    rows, columns = chosen(made.axes, True, False), chosen(made.axes, False, True)
    if len(inner) < len(made.summed) or not rows:
        return None
    return Unfolding(made, term, statement, data, weights, rows, inner, columns, chosen(made.axes, True, True))
