"""Functions with slopes by decree as what is computed of them: their values, where all has been differentiated."""

from dataclasses import replace

from gradscribe.derive.calculus.differentiate import Adjoint, Contribution, Gradient
from gradscribe.derive.ir.functions import computed
from gradscribe.derive.ir.term import Program, Statement, Term


def computed_program(program: Program) -> Program:
    """The program with the values of such functions."""
    statements = tuple(map(_statement, program.statements))
    return program if statements == program.statements else replace(program, statements=statements)


def computed_gradient(gradient: Gradient) -> Gradient:
    """The same of a differentiated program."""
    adjoints = tuple(map(_adjoint, gradient.adjoints))
    forward, program = map(computed_program, (gradient.forward, gradient.program))
    return replace(gradient, forward=forward, adjoints=adjoints, program=program)


def _adjoint(adjoint: Adjoint) -> Adjoint:
    return replace(adjoint, contributions=tuple(map(_contribution, adjoint.contributions)))


def _contribution(c: Contribution) -> Contribution:
    by_value = _term(c.by_value) if c.by_value is not None else None
    return replace(c, reader=_statement(c.reader), term=_term(c.term), by_value=by_value)


def _statement(statement: Statement) -> Statement:
    return replace(statement, term=_term(statement.term))


def _term(term: Term) -> Term:
    return replace(term, body=computed(term.body))
