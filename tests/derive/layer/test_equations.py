"""Reading SymPy equations: what becomes of them, and every way in which one can be wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from sympy import Abs, Eq, Function, Idx, IndexedBase, Integer, Sum, Symbol, exp, floor, symbols, tanh

from gradscribe import layer
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import floordiv, integer, integers
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.ir.term import EquationError, Guard, Program, Range, Tensor
from gradscribe.derive.layer.equations import Maximum, Minimum, inside, program, to_sympy
from tests.cases.catalogue import TRIED
from tests.cases.layers import random_values, sampled_case, sizes_of
from tests.cases.together import together

N, M, L = integers("N M L")
n, m, k = Idx("n", N), Idx("m", M), Idx("k", L)
x, w = IndexedBase("x", shape=(N,), real=True), IndexedBase("w", shape=(N, M), real=True)
y, z = IndexedBase("y", shape=(N,), real=True), IndexedBase("z", shape=(M,), real=True)
SIZES = {N: 3, M: 4, L: 2}
RNG = np.random.default_rng(0)
X, W = RNG.normal(size=3), RNG.normal(size=(3, 4))


def value(source: Program, name: str = "y") -> np.ndarray:
    return interpret(source, {"x": X, "w": W}, SIZES)[name]


# ----- what equations become ------------------------------------------------------------------------------------------
def test_a_sum_is_one_statement() -> None:
    source = program(Eq(y[n], Sum(w[n, m], m) * x[n]), inputs=(x, w))
    (statement,) = source.statements
    assert statement.term.free == (Range(integer("n"), N),)
    assert statement.term.bound == (Range(integer("m"), M),)
    np.testing.assert_allclose(value(source), W.sum(1) * X)


def test_summands_with_and_without_sum_accumulate() -> None:
    source = program(Eq(y[n], x[n] + 2 * Sum(w[n, m], m) - Sum(w[n, m] ** 2, m)), inputs=(x, w))
    assert [s.target.name for s in source.statements] == ["y"] * 3
    np.testing.assert_allclose(value(source), X + 2 * W.sum(1) - (W**2).sum(1))


def test_an_inner_sum_becomes_a_let_over_what_it_uses() -> None:
    source = program(Eq(y[n], tanh(Sum(w[n, m], m)) * x[n]), inputs=(x, w))
    assert [(s.target.name, s.target.shape) for s in source.statements] == [("t1", (N,)), ("y", (N,))]
    np.testing.assert_allclose(value(source), np.tanh(W.sum(1)) * X)


def test_softmax_in_one_equation() -> None:
    source = program(
        Eq(y[n], exp(x[n] - Maximum(x[Idx("a", N)], Idx("a", N))) / Sum(exp(x[Idx("b", N)]), Idx("b", N))),
        inputs=(x,),
    )
    np.testing.assert_allclose(value(source), np.exp(X - X.max()) / np.exp(X).sum())


@pytest.mark.parametrize("taken", ["t1", "t2"])
def test_a_let_never_takes_a_name_in_use(taken: str) -> None:
    given = IndexedBase(taken, shape=(N,), real=True)
    later = Eq(given[n], x[n])
    source = program(Eq(z[m], tanh(Sum(w[n, m], n)) + tanh(Sum(x[n], n))), later, Eq(y[n], given[n]), inputs=(x, w))
    np.testing.assert_allclose(value(source), X)
    np.testing.assert_allclose(value(source, "z"), np.tanh(W.sum(0)) + np.tanh(X.sum()))


def test_nested_sums_and_limits_merge() -> None:
    a, b = symbols("a b", integer=True)
    source = program(Eq(Symbol("y"), Sum(Sum(w[a, b], (a, 0, N - 1)), (b, 0, M - 1))), inputs=(w,))
    assert len(source.statements[0].term.bound) == 2
    np.testing.assert_allclose(value(source), W.sum())


def test_brackets_as_factors() -> None:
    source = program(Eq(y[n], Sum(inside(m - n, 2) * equal(m, 2 * n) * w[n, m], m)), inputs=(w,))
    term = source.statements[0].term
    assert term.guards == (Guard(integer("m") - integer("n"), Integer(2)),)
    assert len(term.deltas) == 1
    np.testing.assert_allclose(value(source), [W[0, 0], W[1, 2], 0])


def test_equal_brackets_twice_count_once() -> None:
    source = program(Eq(y[n], inside(n - 1, N) * inside(n - 1, N) * equal(n, 2) ** 2 * x[n]), inputs=(x,))
    np.testing.assert_allclose(value(source), [0, 0, X[2]])


def test_a_bracket_holds_for_its_own_summand_only() -> None:
    source = program(Eq(y[n], inside(n - 2, N) * x[n] + 3), inputs=(x,))
    np.testing.assert_allclose(value(source), [3, 3, 3 + X[2]])


def test_scattered_left_side() -> None:
    out = IndexedBase("y", shape=(N * M,))
    source = program(Eq(out[M * n + m], w[n, m]), inputs=(w,))
    np.testing.assert_allclose(value(source), W.ravel())


def test_scattering_adds_up_and_drops_what_lies_outside() -> None:
    out = IndexedBase("y", shape=(Integer(3),))
    source = program(Eq(out[n + m], w[n, m]), inputs=(w,))
    np.testing.assert_allclose(value(source), [W[0, 0], W[0, 1] + W[1, 0], W[0, 2] + W[1, 1] + W[2, 0]])


def test_a_scattered_axis_avoids_the_names_in_use() -> None:
    taken = Idx("y_0", M)
    out = IndexedBase("y", shape=(2 * N,))
    source = program(Eq(out[2 * n], Sum(w[n, taken], taken)), inputs=(w,))
    np.testing.assert_allclose(value(source)[::2], W.sum(1))


def test_tensor_and_index_may_share_a_letter() -> None:
    letter = Idx("x", N)
    source = program(Eq(y[letter], x[letter] ** 2), inputs=(x,))
    np.testing.assert_allclose(value(source), X**2)


def test_scalars_are_plain_symbols() -> None:
    scale, total = symbols("a y")
    source = program(Eq(total, scale * Sum(x[n], n)), inputs=(x, scale))
    found = interpret(source, {"x": X, "a": np.array(2.0)}, SIZES)["y"]
    assert found.shape == ()
    np.testing.assert_allclose(found, 2 * X.sum())


def test_floor_becomes_floordiv_and_sizes_are_derived_in_order() -> None:
    half, more = integers("half more")
    out = IndexedBase("y", shape=(more,))
    i = Idx("i", more)
    source = program(Eq(out[i], x[2 * i]), inputs=(x,), sizes={half: floor((N - 1) / 2), more: half + 1})
    assert source.sizes == ((half, floordiv(N - 1, 2)), (more, half + 1))
    assert complete_sizes(source, SIZES)[more] == 2
    np.testing.assert_allclose(value(source), X[::2])


def test_symbols_are_known_by_name_whatever_their_assumptions() -> None:
    foreign = Symbol("N", integer=True)
    i = Idx("i", foreign)
    source = program(Eq(IndexedBase("y", shape=(foreign,))[i], IndexedBase("x", shape=(foreign,))[i]), inputs=(x,))
    assert source.statements[0].term.free == (Range(integer("i"), N),)


def test_an_index_belongs_to_its_equation() -> None:
    short = Idx("n", M)
    source = program(Eq(z[short], Sum(w[k, short], k)), Eq(y[n], x[n] + z[n]), inputs=(x, w))
    np.testing.assert_allclose(value(source), X + W[:2].sum(0)[:3])


def test_accumulation_written_out() -> None:
    source = program(Eq(y[n], x[n]), Eq(y[n], y[n] + 2 * x[n]), inputs=(x,))
    np.testing.assert_allclose(value(source), 3 * X)


def test_a_maximum_records_where() -> None:
    source = program(Eq(y[n], Maximum(w[n, m], m)), inputs=(w,), arguments={"y": "where"})
    np.testing.assert_allclose(value(source), W.max(1))
    np.testing.assert_array_equal(value(source, "where"), W.argmax(1))


def test_a_minimum_records_where() -> None:
    source = program(Eq(y[n], Minimum(inside(m - 1, M) * w[n, m], m)), inputs=(w,), arguments={"y": "where"})
    np.testing.assert_allclose(value(source), W[:, 1:].min(1))
    np.testing.assert_array_equal(value(source, "where"), 1 + W[:, 1:].argmin(1))
    again = program(*to_sympy(source), inputs=(w,))
    np.testing.assert_allclose(value(again), value(source))


@pytest.mark.parametrize("first", [True, False])
def test_a_maximum_that_is_added_to_in_another_equation_is_a_tensor_of_its_own(first: bool) -> None:
    parts = [Maximum(w[n, m], m), x[n]] if first else [x[n], Maximum(w[n, m], m)]
    source = program(Eq(y[n], parts[0]), Eq(y[n], y[n] + parts[1]), inputs=(x, w))
    assert {s.term.op for s in source.definitions("y")} == {"sum"}
    np.testing.assert_allclose(value(source), X + W.max(1))


def test_a_minimum_within_an_expression_is_a_tensor_of_its_own() -> None:
    source = program(Eq(y[n], x[n] - 2 * Minimum(w[n, m], m)), inputs=(x, w))
    assert [s.term.op for s in source.statements] == ["min", "sum"]
    np.testing.assert_allclose(value(source), X - 2 * W.min(1))


# ----- there and back -------------------------------------------------------------------------------------------------
@together("name", TRIED)
def test_layers_survive_the_way_to_sympy_and_back(name: str) -> None:
    rng = np.random.default_rng(1)
    case = sampled_case(name, rng)
    source = case.layer.program
    flags: Any = {flag: " ".join(t.name for t in source.tensors.values() if has(t)) for flag, has in FLAGS.items()}
    flags["ravel"] = {t.name: t.ravel for t in source.tensors.values() if t.ravel is not None}
    arguments = {s.target.name: s.argument.name for s in source.statements if s.argument is not None}
    inputs = [IndexedBase(t.name, shape=t.shape, real=True) for t in source.inputs]
    again = program(
        *to_sympy(source),
        inputs=inputs,
        sizes=dict(source.sizes),
        arguments=arguments,
        **flags,
    )
    values = random_values(case, rng)
    first, second = (interpret(p, values, sizes_of(case)) for p in (source, again))
    assert first.keys() == second.keys()
    for tensor, expected in first.items():
        np.testing.assert_allclose(second[tensor], expected, rtol=1e-12)


FLAGS: dict[str, Callable[[Tensor], bool]] = {
    "integers": lambda t: t.integer,
    "optional": lambda t: t.optional and t.absent == 0,
    "factors": lambda t: t.optional and t.absent == 1,
    "constants": lambda t: t.constant,
}


def test_to_sympy_speaks_sympy() -> None:
    (equation,) = to_sympy(program(Eq(y[n], Sum(w[n, m] * x[n], m)), inputs=(x, w)))
    assert isinstance(equation, Eq)
    assert equation.lhs == y[n]
    assert equation.rhs == Sum(w[n, m] * x[n], m)


# ----- errors ---------------------------------------------------------------------------------------------------------
ERRORS: dict[str, tuple[Callable[[], object], str]] = {
    "no equation": (lambda: program(inputs=(x,)), "at least one equation"),
    "unknown shape of an input": (
        lambda: program(Eq(y[n], x[n]), inputs=(IndexedBase("x"),)),
        r"x has no shape; write IndexedBase\('x', shape=",
    ),
    "unknown shape of a target": (
        lambda: program(Eq(IndexedBase("y")[n], x[n]), inputs=(x,)),
        r"y has no shape; write IndexedBase\('y', shape=",
    ),
    "index without extent": (
        lambda: program(Eq(y[Idx("i")], x[Idx("i")]), inputs=(x,)),
        r"index i has no extent; write Idx\('i', extent\)",
    ),
    "index bound twice": (
        lambda: program(Eq(y[n], x[n] * Sum(w[n, m], n, m)), inputs=(x, w)),
        "y: index n is bound twice",
    ),
    "two extents": (
        lambda: program(Eq(y[n], x[n] + z[Idx("n", M)]), inputs=(x, z)),
        "index n is used with two extents, N and M",
    ),
    "loose index": (
        lambda: program(Eq(y[n], w[n, m]), inputs=(w,)),
        "y: index m is neither on the left side nor summed over",
    ),
    "loose index in a range bracket": (
        lambda: program(Eq(y[n], inside(m, 2) * x[n]), inputs=(x,)),
        "y: index m is neither on the left side nor summed over",
    ),
    "loose index in an equality bracket": (
        lambda: program(Eq(y[n], equal(m, n) * x[n]), inputs=(x,)),
        "y: index m is neither on the left side nor summed over",
    ),
    "lower bound not 0": (
        lambda: program(Eq(y[n], Sum(w[n, m], (m, 1, M - 1))), inputs=(w,)),
        "the sum over m starts at 1; expected 0",
    ),
    "unknown function": (
        lambda: program(Eq(y[n], Function("wiggle")(x[n])), inputs=(x,)),
        "y: function wiggle is unknown; expected one of Abs,",
    ),
    "sympy's Max": (
        lambda: program(Eq(y[n], sympy.Max(x[n], 0)), inputs=(x,)),
        "y: function Max is unknown",
    ),
    "undefined tensor": (
        lambda: program(Eq(y[n], x[n]), inputs=(w,)),
        "y uses x, which is not defined before it",
    ),
    "tensor defined later": (
        lambda: program(Eq(y[n], z[n]), Eq(z[m], Sum(w[n, m], n)), inputs=(w,)),
        "y uses z, which is not defined before it",
    ),
    "tensor defined by itself": (
        lambda: program(Eq(y[n], y[n] + x[n]), inputs=(x,)),
        "y: no order of positions computes y; a recurrence reads",
    ),
    "tensor read before it is complete": (
        lambda: program(Eq(z[m], w[0, m]), Eq(y[n], z[n]), Eq(z[m], w[1, m]), inputs=(w,)),
        "z is read before its last definition",
    ),
    "input defined": (lambda: program(Eq(x[n], x[n] ** 2), inputs=(x,)), "x is an input and cannot be defined"),
    "unknown output": (lambda: program(Eq(y[n], x[n]), inputs=(x,), outputs=(z,)), "output z is never defined"),
    "wrong number of axes": (
        lambda: program(Eq(y[n], IndexedBase("x", shape=(N, M))[n, 0] + IndexedBase("x")[n]), inputs=(w, x)),
        "x has 1 axes, but is used as",
    ),
    "left side is no tensor": (lambda: program(Eq(2 * x[n], 1), inputs=(x,)), "is not an element of a tensor"),
    "index not affine": (lambda: program(Eq(y[n], x[n * n]), inputs=(x,)), r"y: .*x\[n\*\*2\] is not affine"),
    "index is also a size": (
        lambda: program(Eq(y[Idx("N", N)], x[Idx("N", N)]), inputs=(x,)),
        "N is both an index and a size",
    ),
    "bracket inside a function": (
        lambda: program(Eq(y[n], tanh(inside(n, 2) * x[n])), inputs=(x,)),
        r"y: the bracket inside\(n, 2\) must be a factor of a summand",
    ),
    "an equation that SymPy decides": (
        lambda: program(Eq(y[n], x[n]), Eq(y[n], y[n] + 1), inputs=(x,)),
        r"SymPy decided an equation to be False; write Eq\(left, right, evaluate=False\)",
    ),
    "complex tensor": (
        lambda: program(Eq(y[n], Sum(Abs(IndexedBase("x", shape=(N,))[n - m]), m)), inputs=(x,)),
        r"takes .* for a complex number; write IndexedBase\(..., real=True\)",
    ),
}


@together(("build", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_name_what_is_wrong(build: Callable[[], object], message: str) -> None:
    with pytest.raises(EquationError, match=message):
        build()


def test_inner_reductions_have_the_indices_of_the_left_side_in_their_order() -> None:
    """Not in that of the alphabet: what is read element by element is seen to be."""
    inner = layer("y[n,i,c] = log(sum(r) exp(x[n,2*i+r,c]))").program
    assert [r.index.name for r in inner.statements[0].term.free] == ["n", "i", "c"]
