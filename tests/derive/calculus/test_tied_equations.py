"""Ties of a maximum or minimum in equations of any shape, and how the count of the tied is represented."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Idx, IndexedBase, Sum, Symbol, exp

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.passes.inline import inline
from gradscribe.derive.calculus.passes.ties import split_ties
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import EquationError, Program
from gradscribe.derive.ir.well_formed import check
from gradscribe.derive.language import read
from gradscribe.derive.layer.equations import Maximum, Minimum, inside, program, to_sympy
from gradscribe.derive.layer.interface import Layer
from tests.cases.random_programs import Case, random_case
from tests.cases.thorough import draws
from tests.derive.calculus.tied import E, M, N, R, a, d, e, line, m, n, p, plain, s, tied_values, w, x, y

Array = np.ndarray


def check_kernels(layer: Layer, values: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """The class against the interpreter, in both precisions; returns the interpreter's gradients."""
    sizes = {N: values["x"].shape[0], E: values["x"].shape[1]}
    gradient = differentiate(layer.program)
    found = interpret(layer.program, values, sizes)
    dy = rng.normal(size=found["y"].shape)
    found = interpret(gradient.program, {**found, "dy": dy}, sizes)
    module = compile_layer(layer)
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-5)):
        own = module.Own()
        result = own(*(values[t.name].astype(dtype) for t in layer.program.inputs))
        np.testing.assert_allclose(result, found["y"], rtol=tolerance)
        slopes = own.backward(dy.astype(dtype) if dy.ndim else float(dy))
        for t, slope in zip(layer.program.inputs, slopes if isinstance(slopes, tuple) else [slopes], strict=True):
            np.testing.assert_allclose(slope, found[f"d{t.name}"], atol=tolerance)
    return found


@pytest.mark.parametrize("op", [Maximum, Minimum])
def test_a_global_extremum(op: type) -> None:
    rng = np.random.default_rng(0)
    array = tied_values(rng, (4, 5))
    layer = plain(op, Symbol("y"), a[n, e], n, e)
    found = check_kernels(layer, {"x": array}, rng)
    best = array == (array.max() if op is Maximum else array.min())
    np.testing.assert_allclose(found["dx"], best * found["dy"] / best.sum())


@pytest.mark.parametrize("op", [Maximum, Minimum])
def test_an_extremum_per_row_with_nan(op: type) -> None:
    rng = np.random.default_rng(1)
    array = tied_values(rng, (6, 4))
    array[2, 1] = np.nan
    layer = plain(op, IndexedBase("y", shape=(N,))[n], a[n, e], e)
    found = check_kernels(layer, {"x": array}, rng)
    best = array == (array.max(1) if op is Maximum else array.min(1))[:, None]
    np.testing.assert_allclose(found["dx"], best * found["dy"][:, None] / np.maximum(best.sum(1), 1)[:, None])
    assert not found["dx"][2].any()


def test_a_composite_body_is_stored_once() -> None:
    rng = np.random.default_rng(2)
    values = {"x": tied_values(rng, (7, 9)), "w": tied_values(rng, (9,))}
    layer = plain(Maximum, IndexedBase("y", shape=(N,))[n], exp(a[n, e]) * w[e] / 3, e, inputs=(a, w))
    assert [st.target.name for st in layer.program.statements] == ["v", "y", "count"]
    found = check_kernels(layer, values, rng)
    body = np.exp(values["x"]) * values["w"] / 3
    best = body == body.max(1, keepdims=True)
    share = best * found["dy"][:, None] / best.sum(1, keepdims=True)
    np.testing.assert_allclose(found["dx"], share * body)
    np.testing.assert_allclose(found["dw"], (share * np.exp(values["x"]) / 3).sum(0))


def test_an_index_that_the_body_lacks_counts_every_time_but_cancels() -> None:
    rng = np.random.default_rng(3)
    array = tied_values(rng, (3, 4))
    layer = plain(Maximum, IndexedBase("y", shape=(N,))[n], inside(e - 1, E) * a[n, 0], e)
    found = check_kernels(layer, {"x": array}, rng)
    np.testing.assert_allclose(found["dx"], np.pad(found["dy"][:, None], ((0, 0), (0, 3))))


RUN = draws(8, 16)


@pytest.mark.parametrize("first", range(0, draws(8, 80), RUN))
def test_random_programs(first: int) -> None:
    tried = 0
    for seed in range(first, first + RUN):
        case = random_case(seed)
        if any(s.argument for s in case.layer.program.statements):
            check_random(seed, case)
            tried += 1
    assert tried > 2


def check_random(seed: int, case: Case) -> None:
    layer = case.layer.with_ties("split")
    gradient = differentiate(layer.program)
    found = interpret(layer.program, case.values, case.sizes)
    before = interpret(case.layer.program, case.values, case.sizes)
    np.testing.assert_array_equal(found["y"], before["y"])
    rng = np.random.default_rng(seed)
    found |= {"dy": rng.normal(size=found["y"].shape)}
    found = interpret(gradient.program, found, case.sizes)
    module = compile_layer(layer)
    known: dict[str, Any] = {**found, **case.options}
    for kernel in kernels(layer):
        given = [known[t.name] for t in kernel.arguments]
        options = {o.name: known[o.name] for o in kernel.options}
        shapes = {shape_argument(t): found[t.name].shape for t in kernel.shaped}
        results = getattr(module, kernel.name)(*given, **options, **shapes)
        for name, value in zip(kernel.results, results if len(kernel.results) > 1 else [results], strict=True):
            if name in found:
                np.testing.assert_allclose(value, found[name], rtol=1e-9, atol=1e-9, err_msg=f"{kernel.name} {name}")
            else:
                assert not np.any(value)  # nothing depends on that input


def test_the_count_survives_inlining_and_goes_with_its_extremum() -> None:
    source = split_ties(line(Maximum).program)
    assert [st.target.name for st in inline(source).statements] == ["y", "count"]
    k = IndexedBase("k", shape=(N,), real=True)
    other = program(Eq(y[m], Maximum(x[n + m], n)), Eq(k[n], 2 * x[n]), inputs=(x,), outputs=(k,))
    assert [st.target.name for st in inline(split_ties(other)).statements] == ["k"]


def test_sizes_are_replaced_in_the_ties_too() -> None:
    source = split_ties(line(Maximum).program).substitute({M: integers("L")[0]})
    assert source.statements[0].ties == source.tensors["count"]


def test_the_split_program_as_sympy_equations_has_the_same_values() -> None:
    source = split_ties(line(Minimum).program)
    sizes, values = {N: 5, M: 4, R: 3, s: 1, p: 1, d: 1}, {"x": np.array([0.0, 1, 1, 0, 0])}
    again = program(*to_sympy(source), inputs=(x,), outputs=[IndexedBase("count", shape=(M,))])
    np.testing.assert_array_equal(interpret(again, values, sizes)["count"], interpret(source, values, sizes)["count"])


def test_names_in_use_are_avoided() -> None:
    count, v = IndexedBase("count", shape=(N,), real=True), IndexedBase("v", shape=(N,), real=True)
    source = program(Eq(y[m], Maximum(count[n] * v[n + m], n)), inputs=(count, v))
    assert [st.target.name for st in split_ties(source, {"v_y"}).statements] == ["v1", "y", "count_y"]


def test_malformed_ties_are_refused() -> None:
    source = split_ties(line(Maximum).program)
    first, count = source.statements
    for wrong in (
        (replace(first, argument=replace(first.target, name="arg", integer=True)), count),
        (replace(first, ties=replace(count.target, constant=False)), count),
        (replace(first, ties=replace(count.target, shape=(N,))), count),
        (first,),
        (first, replace(count, ties=count.target)),
    ):
        with pytest.raises(EquationError, match="ties"):
            check(replace(source, statements=wrong))


def test_policies() -> None:
    layer = LAYERS["max_pool2d"]()
    assert layer.with_ties("first") is layer
    split = layer.with_ties("split")
    assert split.with_ties("split").program == split.program
    for wrong, policy, message in (
        (layer, "last", "max_pool2d: unknown policy for ties 'last'; expected one of first, split"),
        (split, "first", "max_pool2d: its ties are split already"),
        (LAYERS["dense"](), "split", "dense: no ties to split"),
        (LAYERS["softmax_cross_entropy"](), "split", "softmax_cross_entropy: no ties to split"),
    ):
        with pytest.raises(EquationError, match=message):
            wrong.with_ties(policy)


b = IndexedBase("b", shape=(N,), real=True)
OUT = IndexedBase("y", shape=(N,), real=True)


@pytest.mark.parametrize(
    "equations",
    [
        (Eq(OUT[n], b[n]), Eq(OUT[n], OUT[n] + Maximum(a[n, e], e))),
        (Eq(OUT[n], Maximum(a[n, e], e)), Eq(OUT[n], OUT[n] + b[n])),
        (Eq(OUT[n], Sum(b[n], Idx("z", 1)) + Maximum(a[n, e], e)),),
    ],
)
def test_an_extremum_that_is_added_to_something(equations: tuple[Eq, ...]) -> None:
    source = program(*equations, inputs=(a, b))
    rng = np.random.default_rng(4)
    values = {"x": tied_values(rng, (4, 5)), "b": rng.normal(size=4)}
    for made in (source, split_ties(source)):
        found = check_kernels(Layer("own", "Own", "a sum", made), values, rng)
        best = values["x"].max(1)
        ties = values["x"] == best[:, None]
        if made is source:
            ties &= np.cumsum(ties, 1) == 1
        np.testing.assert_allclose(found["y"], values["b"] + best)
        np.testing.assert_allclose(found["dx"], ties * (found["dy"] / ties.sum(1))[:, None])


def test_an_extremum_has_its_tensor_to_itself() -> None:
    (statement,) = plain(Maximum, OUT[n], a[n, e], e).program.statements[:1]
    alone = replace(statement, ties=None)
    with pytest.raises(EquationError, match="y: a maximum cannot be added to; give it a name of its own"):
        check(Program(LAYERS["dense"]().program.inputs, (alone, alone), ("y",)))


def test_the_first_of_a_tie_is_the_first_in_row_major_order_though_a_condition_couples_the_indices() -> None:
    layer = read("y[n] = max(i,j) [i + j == 3] x[n,i,j]; i < 4; j < 4; input x[N,I,J]", "antidiagonal")
    module = compile_layer(layer)
    x = np.zeros((2, 4, 4))
    result, argument = module.antidiagonal_forward(x)
    np.testing.assert_array_equal(argument, [3, 3])  # (0, 3), not (3, 0)
    np.testing.assert_array_equal(result, [0, 0])
    gradient = module.antidiagonal_grad_input(np.ones(2), argument, input_shape=x.shape)
    assert gradient[0, 0, 3] == 1
    assert gradient.sum() == 2
