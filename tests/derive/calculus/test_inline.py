"""Inlining removes copies and single-use lets, and changes no value."""

from dataclasses import replace

import numpy as np
import pytest
from sympy import Expr, exp

from gradscribe import layer as layer_of_text
from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.passes.inline import _one_pass, inline, inserted
from gradscribe.derive.calculus.programs.gradient_program import gradient_program
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.functions import sigmoid, step
from gradscribe.derive.ir.index import integer, integers
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from gradscribe.derive.ir.term import Access, Guard, Program, Range, Statement, Tensor, Term, accesses
from gradscribe.derive.ir.well_formed import check
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from tests.cases.catalogue import TRIED
from tests.cases.random_programs import random_case
from tests.cases.thorough import draws
from tests.cases.together import together

i, j, r, N, M = integers("i j r N M")
X, T, U, Y = (Tensor(name, (N,)) for name in "xtuy")


def let(target: Tensor, body: Expr, *bound: Range, **brackets: Expr) -> Statement:
    return Statement(target, Term((Range(i, N),), bound, body, **brackets))


def program(*statements: Statement, outputs: tuple[str, ...] = ("y",)) -> Program:
    return check(Program((X,), statements, outputs))


def names(source: Program) -> list[str]:
    return [s.target.name for s in source.statements]


def test_a_single_use_let_goes() -> None:
    smaller = inline(program(let(T, exp(X(i))), let(Y, 3 * T(i))))
    assert names(smaller) == ["y"]
    assert smaller.statements[0].term.body == 3 * exp(X(i))


def test_a_let_used_twice_stays() -> None:
    assert names(inline(program(let(T, exp(X(i))), let(Y, T(i)), let(Y, T(i) ** 2)))) == ["t", "y", "y"]


def test_a_copy_goes_however_often_it_is_read() -> None:
    smaller = inline(program(let(T, X(i)), let(Y, T(i)), let(Y, T(i) ** 2)))
    assert names(smaller) == ["y", "y"]


def test_an_output_takes_over_what_it_copies() -> None:
    smaller = inline(program(let(T, X(j) * X(i), Range(j, N)), let(T, X(i)), let(Y, T(i))))
    assert names(smaller) == ["y", "y"]
    assert smaller.statements[0].term.bound


def test_an_extremum_does_not_take_over_what_is_added_to() -> None:
    highest = Statement(T, Term((Range(i, N),), (Range(j, N),), X(i + j), op="max"))
    source = program(highest, let(Y, T(i)), let(Y, X(i) ** 2))
    assert inline(source) == source


def test_what_is_kept_and_what_is_dead() -> None:
    source = program(let(T, exp(X(i))), let(U, X(i)), let(Y, T(i)))
    assert names(inline(source)) == ["y"]
    assert names(inline(source, {"t"})) == ["t", "y"]
    assert names(inline(source, {"t", "u"})) == ["t", "u", "y"]


def test_a_read_that_may_leave_the_let_stays() -> None:
    """exp(x) is 1 outside x, but the let reads 0 there."""
    source = program(let(T, exp(X(i))), let(Y, T(i - 1)))
    assert inline(source) == source


def test_a_let_with_brackets_or_a_reduction_stays() -> None:
    for statement in (
        let(T, X(i), guards=(Guard(i - 1, N),)),
        let(T, X(i), deltas=(i - 2,)),
        let(T, X(j), Range(j, N)),
    ):
        source = program(statement, let(Y, 2 * T(i)))
        assert inline(source) == source


def test_a_let_whose_operands_change_in_between_stays() -> None:
    source = program(let(U, X(i)), let(T, 2 * U(i)), let(Y, T(i)), outputs=("y", "u"))
    assert names(inline(source)) == ["u", "y"]
    late = Program((X,), (let(U, X(i)), let(T, 2 * U(i)), let(U, X(i)), let(Y, 3 * T(i))), ("y", "u"))
    assert _one_pass(late, {"y", "u"}) == late


def test_a_bracket_does_not_get_to_silence_more_than_before() -> None:
    """0 * inf is NaN; a false bracket times inf is 0."""
    product = program(let(T, step(X(i)) * exp(X(i))), let(Y, T(i) / X(i)))
    assert inline(product) == product
    power = program(let(T, step(X(i)) * X(i)), let(Y, T(i) ** 2))
    assert inline(power) == power
    alone = program(let(T, step(X(i)) * exp(X(i))), let(Y, X(i) - 2 * T(i)))
    assert names(inline(alone)) == ["y"]


def test_a_let_read_with_other_indices() -> None:
    matrix, row = Tensor("a", (N, M)), Tensor("b", (N, M))
    define = Statement(row, Term((Range(i, N), Range(j, M)), (), exp(matrix(i, j))))
    read = Statement(Y, Term((Range(j, N),), (Range(i, M),), row(j, i)))
    smaller = inline(check(Program((matrix,), (define, read), ("y",))))
    assert smaller.statements == (Statement(Y, Term((Range(j, N),), (Range(i, M),), exp(matrix(j, i)))),)
    swapped = Statement(Y, Term((Range(j, N),), (Range(i, M),), row(i, j)))  # leaves b where N > M
    assert len(inline(check(Program((matrix,), (define, swapped), ("y",)))).statements) == 2


def test_inserted_leaves_a_term_that_does_not_read_the_let() -> None:
    term = Term((Range(i, N),), (), X(i))
    assert inserted(term, let(T, exp(X(i)))) is term
    assert inserted(Term((Range(i, N),), (), T(i)), let(T, exp(X(i)))).body == exp(X(i))


@together("name", TRIED)
def test_gradients_of_the_catalogue_keep_their_values(name: str) -> None:
    layer = LAYERS[name]()
    gradient = differentiate(layer.program).program
    rng = np.random.default_rng(1)
    sizes = complete_sizes(layer.program, sample_sizes(layer, rng))
    values = interpret(layer.program, sample_values(layer.program, sizes, rng), sizes)
    for tensor in gradient.inputs:
        if tensor.name not in values:
            values[tensor.name] = rng.normal(size=shape_of(tensor.shape, sizes))
    before, after = interpret(gradient, values, sizes), interpret(inline(gradient), values, sizes)
    for output in gradient.outputs:
        np.testing.assert_allclose(after[output], before[output], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seed", range(draws(7, 40)))
def test_random_programs_keep_their_values(seed: int) -> None:
    case = random_case(seed)
    source = case.layer.program
    gradient = differentiate(source)
    both = check(
        Program(
            (*source.inputs, *gradient.seeds.values()),
            (*source.statements, *gradient.program.statements),
            (*source.outputs, *gradient.program.outputs),
            source.sizes,
        )
    )
    sizes = complete_sizes(both, case.sizes)
    rng = np.random.default_rng(seed)
    seeds = {t.name: rng.normal(size=shape_of(t.shape, sizes)) for t in gradient.seeds.values()}
    before = interpret(both, {**case.values, **seeds}, sizes)
    after = interpret(inline(both), {**case.values, **seeds}, sizes)
    for output in both.outputs:
        np.testing.assert_allclose(after[output], before[output], rtol=1e-9, atol=1e-11)


def test_softmax_gradients_merge() -> None:
    gradient = differentiate(LAYERS["softmax_cross_entropy"]().program).program
    assert [s.target.name for s in gradient.statements] == ["dz", "dh", "dx", "dx"]
    renamed = replace(gradient, statements=tuple(replace(s, term=rename(s.term)[0]) for s in gradient.statements))
    assert names(inline(renamed)) == ["dx", "dx"]


def test_counts_that_always_hold_disappear() -> None:
    layer = LAYERS["avg_pool2d"]()
    shown = derive(layer)
    assert names(shown.program) == ["y"]
    assert shown.rewritten is not None
    assert [let.target.name for let in shown.rewritten.lets] == ["a_h", "a_w"]
    assert names(derive(layer, settings={"count_include_pad": "false"}).program) == ["a_h", "a_w", "y"]
    body = shown.program.statements[0].term.body
    assert isinstance(body * integer("R") * integer("T"), Access)


GATED = """
    input x[N,A,C], w[R,C,K], v[R,C,K]
    u[n,i,k] = sum(r,c) x[n,i+r,c] * w[r,c,k]
    g[n,i,k] = sum(r,c) x[n,i+r,c] * v[r,c,k]
    y[n,i,k] = u[n,i,k] * sigmoid(g[n,i,k])
    weight w, v
"""


def test_functions_are_not_computed_anew_for_every_summand_of_a_contraction() -> None:
    """A gradient by a gated convolution's input is two contractions of what was computed once for each element."""
    made = layer_of_text(GATED, "gated")
    program = gradient_program(made.differentiate(), ["x"], set())
    sums = [s for s in program.statements if s.term.bound]
    assert len(sums) == 2
    assert not any(s.term.body.has(sigmoid) for s in sums)
    assert sum(s.term.body.has(sigmoid) for s in program.statements) >= 1


def test_products_are_written_out_where_they_are_contracted() -> None:
    made = layer_of_text("z[n,c] = x[n,c] * a[c]\ny[n,k] = sum(c) z[n,c] * w[c,k]", "scaled")
    (statement,) = inline(made.program).statements
    assert {a.tensor for a in accesses(statement.term.body)} == {"x", "a", "w"}


def test_functions_are_written_out_where_each_element_is_read_once() -> None:
    made = layer_of_text("z[n,c] = exp(x[n,c])\ny[n] = sum(c) z[n,c]", "summed")
    (statement,) = inline(made.program).statements
    assert statement.term.body.has(exp)
