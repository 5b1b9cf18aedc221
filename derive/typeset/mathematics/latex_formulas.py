"""Equations as LaTeX without delimiters: what notebooks show, and what stands between those of a page."""

from sympy import ImmutableMatrix, Rational

from gradscribe.derive.calculus.passes.left_side import equation
from gradscribe.derive.derivation.forward.forward_equations import definitions
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.section_record import Formula, Step
from gradscribe.derive.ir.term import Program, Statement
from gradscribe.derive.typeset.mathematics.latex_symbols import LatexTypesetter, joined
from gradscribe.derive.typeset.terms.sides import sides


def row(step: Step) -> str:
    """One row."""
    return _on_one_line(step, LatexTypesetter(step.notation))


def program(source: Program) -> str:
    """The equations of a program, aligned; an accumulating tensor is one equation."""
    t = LatexTypesetter(Notation(order=tuple(source.tensors)))
    rows = [_on_one_line(definition, t, "&") for definition in definitions(source)]
    return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"


def statement(source: Statement) -> str:
    """One statement as an equation."""
    left, term = equation(source)
    return _on_one_line(Definition(left, (term,)), LatexTypesetter(Notation()))


def formula(f: Formula, t: LatexTypesetter) -> str:
    """An equation; of a matrix all columns."""
    if isinstance(f.right, ImmutableMatrix):
        return f"{t.expr(f.left)} = {array(f.right, range(f.right.shape[1]), t)}"
    return _on_one_line(f, t)


def array(matrix: ImmutableMatrix, block: range, t: LatexTypesetter) -> str:
    """Some columns of a matrix; the bracket stays open where others stand before or after them."""
    apart = "6pt" if any(isinstance(v, Rational) and not v.is_Integer for v in matrix) else "2pt"
    rows = rf" \\[{apart}] ".join(
        " & ".join(t.expr(v) for v in row[block.start : block.stop]) for row in matrix.tolist()
    )
    left, right = "." if block.start else "[", "." if block.stop < matrix.shape[1] else "]"
    return rf"\left{left}\begin{{array}}{{{'r' * len(block)}}}{rows}\end{{array}}\right{right}"


def _on_one_line(e: Definition | Step | Formula, t: LatexTypesetter, align: str = "") -> str:
    both = sides(e, t)
    return f"{both.left} {align}{both.sign} {joined(both.right)}"
