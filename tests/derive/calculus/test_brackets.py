"""Brackets as factors, and those that a factor implies, against the interpreter."""

import numpy as np

from gradscribe import layer
from gradscribe.derive.calculus.passes.brackets import as_factors, as_guards, implied, within, without
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import evaluate, interpret
from gradscribe.derive.ir.term import Guard, Range, Tensor, Term

N, J, i, j = integers("N J i j")
P, X = Tensor("p", (N, J)), Tensor("x", (N, J))
LOWER = Guard(i - j, N)


def test_a_guard_is_a_factor_and_a_factor_a_guard() -> None:
    term = Term((Range(i, N),), (Range(j, J),), X(i, j) ** 2, guards=(LOWER,))
    assert as_factors(term).body == X(i, j) ** 2 * within(i - j, N)
    assert as_guards(as_factors(term)) == term
    assert as_factors(term).body * within(i - j, N) == as_factors(term).body  # its own power
    largest = Term((Range(i, N),), (Range(j, J),), X(i, j), guards=(LOWER,), op="max")
    assert as_factors(largest) == largest  # what it excludes is no 0
    inner = Term((Range(i, N),), (), 1 + within(i - 1, N))
    assert as_guards(inner) == inner


def test_what_a_tensor_implies_may_go_and_nothing_else() -> None:
    program = layer("p[i, j] = [j <= i] * exp(x[i, j])\ny[i] = sum(j) p[i, j]\ninput x[N, J]", "own").program
    ranges = ((Range(i, N),), (Range(j, J),))
    rng = np.random.default_rng(2)
    sizes = {N: 4, J: 3}
    values = interpret(program, {"x": rng.normal(size=(4, 3))}, sizes)
    for body, goes in [
        (P(i, j) * X(i, j), True),
        (P(i, j) ** 2, True),
        (X(i, j), False),
        (P(i, j) + X(i, j), False),
        (1 / P(i, j), False),
        (P(i, J - 1 - j) * X(i, j), False),  # 0 elsewhere
    ]:
        term = Term(*ranges, body, guards=(LOWER,))
        found = implied(term, program)
        assert bool(found) == goes
        if goes:
            assert found == {LOWER: P(i, j)}
            smaller = without(term, found)
            assert not smaller.guards
            np.testing.assert_allclose(evaluate(smaller, values, sizes)[0], evaluate(term, values, sizes)[0])


def test_a_bracket_on_what_is_summed_is_not_one_on_the_sum() -> None:
    program = layer("s[i] = sum(j) [j <= i] * x[i, j]\ny[i] = s[i]\ninput x[N, J]", "own").program
    summed = Tensor("s", (N,))
    assert implied(Term((Range(i, N),), (Range(j, J),), summed(i), guards=(LOWER,)), program) == {}
