"""Ties of a maximum or minimum: the first takes the gradient, or all share it; against loops and against PyTorch."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Expr, Idx, IndexedBase, Sum, Symbol, exp

from gradscribe.codegen.compiler import compile_layer
from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.lower import lower
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.passes.inline import inline
from gradscribe.derive.calculus.passes.ties import split_ties
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import EquationError, Program
from gradscribe.derive.ir.well_formed import check
from gradscribe.derive.language import read
from gradscribe.derive.layer.equations import Maximum, Minimum, inside, program, to_sympy
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.typeset.latex import latex_writer
from gradscribe.derive.typeset.text import text_writer
from tests.cases.layers import LayerCase, random_layer_case, sizes_of
from tests.cases.naive import both_axes, padding_pairs, windows
from tests.cases.random_programs import Case, random_case
from tests.cases.thorough import draws
from tests.cases.together import together
from tests.codegen.tool.cli.running import is_a_mistake, run

Array = np.ndarray
N, M, R, s, p, d = integers("N M R s p d")
x, y = IndexedBase("x", shape=(N,), real=True), IndexedBase("y", shape=(M,), real=True)
n, m, r = Idx("n", N), Idx("m", M), Idx("r", R)
SPECIAL = [0.0, -0.0, 1.0, 2.0, 2.0, -np.inf, np.inf, np.nan]


# ----- by loops -------------------------------------------------------------------------------------------------------
def shared(values: list[float], dy: float, op: str, policy: str) -> list[float]:
    """What each element of one window gets of the gradient `dy`."""
    slopes = [0.0] * len(values)
    if not values:
        return slopes
    if any(np.isnan(v) for v in values):
        if policy == "first":  # the first NaN is what was found
            slopes[[bool(np.isnan(v)) for v in values].index(True)] = dy
        return slopes
    best = max(values) if op == "max" else min(values)
    attained = [k for k, v in enumerate(values) if v == best]
    for k in attained[:1] if policy == "first" else attained:
        slopes[k] = dy / (1 if policy == "first" else len(attained))
    return slopes


def pool_gradient(case: LayerCase, x: Array, dy: Array, policy: str) -> Array:
    """The gradient of max_pool2d, window by window."""
    options = dict(case.options)
    kernel, dilation = both_axes(options["kernel_size"]), both_axes(options.get("dilation", 1))
    reach = (dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1))
    pads = padding_pairs(options.get("padding", 0), reach)
    stride = options.get("stride") or kernel
    dx = np.zeros(x.shape)
    for i, j, found in windows(x, kernel, stride, pads, dilation, options.get("ceil_mode", False)):
        for b, c in np.ndindex(len(x), x.shape[3]):
            values = [float(x[b, row, column, c]) for _, row, column in found]
            slopes = shared(values, dy[b, i, j, c], "max", policy)
            for (_, row, column), slope in zip(found, slopes, strict=True):
                dx[b, row, column, c] += slope
    return dx


def line_gradient(array: Array, dy: Array, sizes: dict[Symbol, int], op: str, policy: str) -> Array:
    """The gradient of windows of a line: positions s*m + d*r - p within it."""
    dx = np.zeros(len(array))
    for at in range(sizes[M]):
        places = [sizes[s] * at + sizes[d] * k - sizes[p] for k in range(sizes[R])]
        places = [q for q in places if 0 <= q < len(array)]
        for q, slope in zip(places, shared([float(array[q]) for q in places], dy[at], op, policy), strict=True):
            dx[q] += slope
    return dx


# ----- the ways to compute --------------------------------------------------------------------------------------------
@cache
def pooling(policy: str) -> tuple[Layer, ModuleType]:
    layer = LAYERS["max_pool2d"]().with_ties(policy)
    return layer, compile_layer(layer)


def pool_by_kernel(case: LayerCase, array: Array, dy: Array, policy: str) -> Array:
    """The gradient by the functions of the class."""
    layer = pooling(policy)[1].MaxPool2D(**case.options)
    layer(array)
    return layer.backward(dy)


def line(op: type) -> Layer:
    """The extremum of windows of a line."""
    position = s * m + d * r - p
    equation = Eq(y[m], op(inside(position, N) * x[position], r))
    return Layer("line", "Line", "windows of a line", program(equation, inputs=(x,), sizes=None))


def slopes_of(source: Program, values: dict[str, Array], sizes: dict[Any, int], dy: Array) -> Array:
    """dx by the interpreter."""
    gradient = differentiate(source)
    found = interpret(source, values, sizes)
    return interpret(gradient.program, {**found, "dy": dy}, sizes)["dx"]


def tied_values(rng: np.random.Generator, shape: tuple[int, ...], special: bool = False) -> Array:
    found = rng.integers(-1, 2, size=shape).astype(float)
    if special:
        where = rng.random(shape) < 0.3
        found[where] = rng.choice(SPECIAL, size=int(where.sum()))
    return found


# ----- pooling --------------------------------------------------------------------------------------------------------
@together("policy", ["first", "split"])
@together("seed", range(draws(10, 30)))
def test_pooling_equals_loops(seed: int, policy: str) -> None:
    rng = np.random.default_rng(seed)
    case = random_layer_case("max_pool2d", rng)
    array = tied_values(rng, case.shapes["x"], special=seed % 3 == 0)
    layer, module = pooling(policy)
    found = interpret(layer.program, {"x": array}, sizes_of(case))
    dy = rng.normal(size=found["y"].shape)
    expected = pool_gradient(case, array, dy, policy)
    np.testing.assert_allclose(slopes_of(layer.program, {"x": array}, sizes_of(case), dy), expected, atol=1e-12)
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-5)):
        dx = pool_by_kernel(case, array.astype(dtype), dy.astype(dtype), policy)
        assert dx.dtype == dtype
        np.testing.assert_allclose(dx, expected, atol=tolerance)
    if policy == "split":
        result, count = module.max_pool2d_forward(array, **case.options)
        np.testing.assert_array_equal(result, found["y"])
        np.testing.assert_array_equal(count, found["count"])


def test_four_equal_elements_get_a_quarter_each() -> None:
    case = LayerCase("max_pool2d", {"x": (1, 2, 2, 1)}, {"kernel_size": 2})
    ones, dy = np.ones((1, 2, 2, 1)), np.full((1, 1, 1, 1), 8.0)
    np.testing.assert_array_equal(pool_by_kernel(case, ones, dy, "split").ravel(), [2, 2, 2, 2])
    np.testing.assert_array_equal(pool_by_kernel(case, ones, dy, "first").ravel(), [8, 0, 0, 0])


@together("op", [Maximum, Minimum])
@together("seed", range(12))
def test_windows_of_a_line_equal_loops(op: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = {N: 5, M: 4, R: 3, s: int(rng.integers(1, 4)), p: int(rng.integers(0, 7)), d: int(rng.integers(1, 3))}
    array, dy = tied_values(rng, (5,), special=seed % 2 == 0), rng.normal(size=4)
    word = "max" if op is Maximum else "min"
    for policy in ("first", "split"):
        layer = line(op).with_ties(policy)
        expected = line_gradient(array, dy, sizes, word, policy)
        np.testing.assert_allclose(slopes_of(layer.program, {"x": array}, sizes, dy), expected, atol=1e-12)


@pytest.mark.parametrize(("op", "empty"), [(Maximum, -np.inf), (Minimum, np.inf)])
def test_a_window_wholly_in_padding_and_one_with_nan_get_nothing(op: type, empty: float) -> None:
    source = split_ties(line(op).program)
    sizes = {N: 5, M: 4, R: 2, s: 2, p: 2, d: 1}  # windows [], [0, 1], [2, 3], [4]
    array, dy = np.array([7.0, 7.0, np.nan, 7.0, 0.0]), np.array([1.0, 10.0, 100.0, np.inf])
    found = interpret(source, {"x": array}, sizes)
    np.testing.assert_array_equal(found["y"], [empty, 7, np.nan, 0])
    np.testing.assert_array_equal(found["count"], [0, 2, 0, 1])
    np.testing.assert_array_equal(slopes_of(source, {"x": array}, sizes, dy), [5, 5, 0, 0, np.inf])


def test_a_window_of_infinities_shares() -> None:
    source = split_ties(line(Maximum).program)
    sizes = {N: 2, M: 1, R: 3, s: 1, p: 1, d: 1}
    slopes = slopes_of(source, {"x": np.full(2, -np.inf)}, sizes, np.array([6.0]))
    np.testing.assert_array_equal(slopes, [3, 3])  # the position in the padding does not count


# ----- other shapes of equations --------------------------------------------------------------------------------------
E = integers("E")[0]
a, w = IndexedBase("x", shape=(N, E), real=True), IndexedBase("w", shape=(E,), real=True)
e = Idx("e", E)


def plain(op: type, left: Any, body: Expr, *bound: Idx, inputs: Any = (a,)) -> Layer:
    """A layer of one equation without options."""
    source = program(Eq(left, op(body, *bound)), inputs=inputs)
    return Layer("own", "Own", "an extremum", source).with_ties("split")


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


@pytest.mark.parametrize("first", range(0, draws(16, 80), 16))
def test_random_programs(first: int) -> None:
    tried = 0
    for seed in range(first, first + 16):
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


# ----- representation -------------------------------------------------------------------------------------------------
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


# ----- print ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("policy", ["first", "split"])
def test_derivations_are_certified(policy: str) -> None:
    for layer in (LAYERS["max_pool2d"]().with_ties(policy), line(Minimum).with_ties(policy)):
        certificate = certify(derive(layer))
        assert certificate.holds, certificate
        assert certificate.rows >= 5


def test_printed_derivation() -> None:
    derivation = derive(LAYERS["max_pool2d"]().with_ties("split"))
    shown = text_writer.render(derivation)
    assert "each has an equal share in the gradient" in " ".join(shown.split())
    assert "argmax" not in shown
    assert "[x[n′,i′,j′,c′]=y[n′, (i′+p−dr)/s, (j′+p−dt)/s, c′]]" in shown
    assert "δ⁽ˡ⁻¹⁾ = f′(u⁽ˡ⁻¹⁾) ⊙ ∂E/∂x" in shown
    assert "An access outside x" not in shown  # the padding is excluded, it does not read 0
    assert all(len(row) <= 112 for row in shown.splitlines())
    written = latex_writer.render(derivation)
    assert r"\frac{1}{\mathrm{count}_{" in written
    assert r"[x_{n',i',j',c'}=y_{" in written


def test_a_minimum_is_printed_as_one() -> None:
    derivation = derive(line(Minimum))
    assert "y[m] = min_{r} x[sm+dr−p]   over 0≤sm+dr−p<N" in text_writer.render(derivation)
    assert "r* is the place of the minimum, of several the first one." in text_writer.render(derivation)
    assert r"\min_{r}\,x_{s m+d r-p}" in latex_writer.render(derivation)


def test_plans_name_the_reduction() -> None:
    layer = plain(Minimum, IndexedBase("y", shape=(N,))[n], a[n, e], e)
    shown = str(plan(kernels(layer)[0]))
    assert "define y = min of x[n, e]" in shown
    shown = str(lower(line(Minimum).program, "line", ["x"]))
    assert "reduce y = min of x_1, first position in arg_y" in shown


# ----- PyTorch --------------------------------------------------------------------------------------------------------
@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def by_torch(torch: Any, array: Array, dy: Array, reduce_: Callable[[Any], Any]) -> tuple[Array, Array]:
    given = torch.tensor(array, requires_grad=True)
    result = reduce_(given)
    result.backward(torch.tensor(dy))
    return result.detach().numpy(), given.grad.numpy()


@pytest.mark.oracle
@pytest.mark.parametrize("op", [Maximum, Minimum])
@pytest.mark.parametrize("seed", range(10))
def test_amax_and_amin(torch: Any, op: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    array, dy = tied_values(rng, (5, 7)), rng.normal(size=5)
    reduce_ = torch.amax if op is Maximum else torch.amin
    expected, slopes = by_torch(torch, array, dy, lambda t: reduce_(t, dim=1))
    own = compile_layer(plain(op, IndexedBase("y", shape=(N,))[n], a[n, e], e)).Own()
    np.testing.assert_array_equal(own(array), expected)
    np.testing.assert_allclose(own.backward(dy), slopes, atol=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(40))
def test_pooling_as_amax_of_unfolded_windows(torch: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernel, stride, dilation = (int(k) for k in rng.integers(1, 4, size=3))
    padding = int(rng.integers(0, kernel // 2 + 1))
    case = LayerCase(
        "max_pool2d",
        {"x": (2, 8, 7, 3)},
        {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation},
    )
    array = tied_values(rng, case.shapes["x"])

    def pooled(t: Any) -> Any:
        margins = (padding,) * 4
        planes = torch.nn.functional.pad(t.permute(0, 3, 1, 2), margins, value=-1e9)
        columns = torch.nn.functional.unfold(planes, kernel, dilation=dilation, stride=stride)
        columns = columns.reshape(2, 3, kernel * kernel, -1).amax(dim=2)
        rows, width = (pooling("split")[1].max_pool2d_forward(array, **case.options)[0].shape[k] for k in (1, 2))
        return columns.reshape(2, 3, rows, width).permute(0, 2, 3, 1)

    dy = rng.normal(size=pooling("split")[1].max_pool2d_forward(array, **case.options)[0].shape)
    _, slopes = by_torch(torch, array, dy, pooled)
    np.testing.assert_allclose(pool_by_kernel(case, array, dy, "split"), slopes, atol=1e-12)
    _, first = by_torch(
        torch,
        array,
        dy,
        lambda t: torch.nn.functional.max_pool2d(t.permute(0, 3, 1, 2), kernel, stride, padding, dilation).permute(
            0, 2, 3, 1
        ),
    )
    np.testing.assert_allclose(pool_by_kernel(case, array, dy, "first"), first, atol=1e-12)


# ----- the command line -----------------------------------------------------------------------------------------------
def test_the_command_line_takes_the_policy(tmp_path: Path) -> None:
    shown = run("derive", "max_pool2d", "--ties", "split")
    assert "each has an equal share in the gradient" in " ".join(shown.out.split())
    assert run("derive", "max_pool2d", "--ties", "first").out == run("derive", "max_pool2d").out
    assert run("generate", "max_pool2d", "--ties", "split", "--out", str(tmp_path)).code == 0
    assert "return y, count" in (tmp_path / "max_pool2d.py").read_text(encoding="utf-8")
    assert run("generate", "max_pool2d", "--out", str(tmp_path), "--check").code == 1
    assert run("generate", "max_pool2d", "--ties", "split", "--out", str(tmp_path), "--check").code == 0
    assert run("verify", "max_pool2d", "--ties", "split", "--shapes", "2").code == 0


@pytest.mark.parametrize(("layer", "policy"), [("dense", "split"), ("max_pool2d", "both")])
@pytest.mark.parametrize("command", ["derive", "generate", "verify"])
def test_the_command_line_refuses(command: str, layer: str, policy: str) -> None:
    done = run(command, layer, "--ties", policy)
    is_a_mistake(done)
    assert done.err.startswith(f"gradscribe: {layer}")


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
