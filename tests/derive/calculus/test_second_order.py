"""Gradients of gradients over the whole catalogue, against central differences of the first-order functions.

The scalar is S, the sum of direction * gradient over all inputs; which of its slopes are 0 is left to be computed.
"""

import inspect
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.calculus.second_order import second_order
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.interpret import number
from gradscribe.derive.ir.term import EquationError
from tests.cases.catalogue import TRIED, layer
from tests.cases.finite_differences import Tally, compare_slopes
from tests.cases.instances import call_arguments
from tests.cases.layers import SampledCase
from tests.cases.second_order_calls import Functions, drawn, functions, functions_of
from tests.cases.thorough import some
from tests.cases.together import hold, together

GROWTH = 5
"""At most so many statements at order 2 per statement at order 1."""
ROUNDS = 2
Array = np.ndarray


def double_backward_is_the_slope_of_s(name: str) -> None:
    rng = np.random.default_rng(len(name))
    found, tally = functions(name), Tally()
    for _ in range(ROUNDS):
        case, values, directions = drawn(name, rng)
        gradients = present(found.gradients_of_s(values, directions, case.options), values)
        one = compare_slopes(found.scalar(directions, case.options), values, gradients, rng)
        tally.compared, tally.skipped = tally.compared + one.compared, tally.skipped + one.skipped
    assert tally.compared > 4 * tally.skipped


def hessian_vector_is_double_backward_by_the_inputs_and_symmetric(name: str) -> None:
    rng = np.random.default_rng(len(name))
    found = functions(name)
    case, values, u = drawn(name, rng)
    v = {n: np.asarray(rng.normal(size=np.shape(d))) for n, d in u.items()}
    hu = present(found.hessian_product(values, u, case.options), values)
    hv = present(found.hessian_product(values, v, case.options), values)
    gradients = found.gradients_of_s(values, u, case.options)
    for n, product in hu.items():
        np.testing.assert_allclose(product, gradients[n], rtol=1e-10, atol=1e-12)
    left = sum(float((v[n] * hu[n]).sum()) for n in hu)
    right = sum(float((u[n] * hv[n]).sum()) for n in hu)
    size = sum(float(np.abs(v[n] * hu[n]).sum() + np.abs(u[n] * hv[n]).sum()) for n in hu)
    assert abs(left - right) <= 1e-10 * max(1.0, size)


def the_class_and_absent_directions(name: str) -> None:
    rng = np.random.default_rng(len(name))
    found = functions(name)
    case, values, directions = drawn(name, rng)
    while len(case.shapes) < len(found.layer.program.inputs):  # something is absent
        case, values, directions = drawn(name, rng)
    instance = built(found, case, values)
    instance(*(values[n] for n in call_arguments(case)))
    seeds = {s: values[s] for s in found.seeds}
    everything = instance.double_backward(seeds, directions)
    expected = found.gradients_of_s(values, directions, case.options)
    assert tuple(everything) == tuple(expected)
    parts = [instance.double_backward(seeds, {n: d}) for n, d in directions.items()]
    for n, gradient in expected.items():
        assert np.shape(gradient) == np.shape(values[n])
        np.testing.assert_array_equal(everything[n], gradient)
        np.testing.assert_allclose(sum(p[n] for p in parts), gradient, rtol=1e-10, atol=1e-10)  # S is linear in them
    assert all(not np.any(g) for g in instance.double_backward(seeds, {}).values())
    with pytest.raises(ValueError, match=f"{name}: argument directions: expected names among .*; received .*'nothing'"):
        instance.double_backward(seeds, {"nothing": 0.0})
    with pytest.raises(ValueError, match=f"{name}: argument seeds: expected names among .*; received .*'nothing'"):
        instance.double_backward({"nothing": 0.0}, directions)


def float32_stays_float32(name: str) -> None:
    rng = np.random.default_rng(len(name))
    found = functions(name)
    case, values, directions = drawn(name, rng)
    exact = found.gradients_of_s(values, directions, case.options)
    products = found.hessian_product(values, directions, case.options)
    single = {n: v if v.dtype.kind in "iu" else v.astype(np.float32) for n, v in values.items()}
    narrow = {n: d.astype(np.float32) for n, d in directions.items()}
    for wanted, got in (
        (exact, found.gradients_of_s(single, narrow, case.options)),
        (products, found.hessian_product(single, narrow, case.options)),
    ):
        for n, gradient in got.items():
            # a number's type is that of the numbers given: a Python float is none of NumPy's
            assert np.asarray(gradient).dtype == np.float32 or not np.ndim(gradient), n
            scale = max(1.0, float(np.abs(wanted[n]).max(initial=0.0)))
            assert np.abs(gradient - wanted[n]).max(initial=0.0) <= 1e-3 * scale, n


def statements_grow_at_most_fivefold(name: str) -> None:
    first, second = second_order(layer(name).program).counts
    assert 0 < second <= GROWTH * first
    text = functions(name).module.__dict__[f"{name}_double_backward"].__doc__
    assert f"Statements: {second}; of the gradients of E: {first}." in text


def a_piecewise_linear_layer_has_no_hessian_but_a_mixed_term(name: str) -> None:
    """That is so where no gradient of S by an input has a statement; it must not be so for a curved one."""
    flat = not set(second_order(layer(name).program).second.program.outputs) - seeds_of(name)
    assert flat or name not in FLAT
    assert not flat or name not in CURVED
    mixed = False
    for seed in range(8 if flat else 0):  # all elements of a small sample may lie where the layer is constant
        case, values, directions = drawn(name, np.random.default_rng(seed))
        found = functions(name).gradients_of_s(values, directions, case.options)
        mixed |= any(np.any(found[s]) for s in functions(name).seeds)
        assert not any(np.any(found[n]) for n in layer(name).differentiable)
    assert mixed or not flat


FLAT = {"relu", "max_pool2d", "avg_pool2d", "flatten", "l1_loss", "hard_tanh", "embedding"}
CURVED = {"conv2d", "dense", "tanh", "softmax", "batch_norm", "huber_loss", "prelu", "hard_swish"}


def an_empty_batch_has_empty_gradients(name: str) -> None:
    if name not in BATCHED:
        return
    found = functions(name)
    rng = np.random.default_rng(0)
    case, values, directions = drawn(name, rng)
    batch = {n for n in ("x", *found.seeds) if n in values}
    empty = {n: v[:0] if n in batch else v for n, v in values.items()}
    moved = {n: d[:0] if n in batch else d for n, d in directions.items()}
    gradients = found.gradients_of_s(empty, moved, case.options)
    for n, gradient in present(gradients, empty).items():
        assert np.shape(gradient) == np.shape(empty[n])
        assert np.isfinite(gradient).all()


BATCHED = {"conv2d", "max_pool2d", "dense", "softmax", "batch_norm_inference", "tanh"}
PARTS = 4
CLAIMS = [
    double_backward_is_the_slope_of_s,
    hessian_vector_is_double_backward_by_the_inputs_and_symmetric,
    the_class_and_absent_directions,
    float32_stays_float32,
    statements_grow_at_most_fivefold,
    a_piecewise_linear_layer_has_no_hessian_but_a_mixed_term,
    an_empty_batch_has_empty_gradients,
]


@pytest.mark.parametrize("part", range(PARTS))
def test_the_catalogue(part: int) -> None:
    """All claims, layer by layer: to compile one takes longer than to try them."""
    hold((name, claim) for name in some(TRIED, 5)[part::PARTS] for claim in CLAIMS)


def test_the_layers_that_are_named_are_there() -> None:
    assert {*LAYERS} >= FLAT | CURVED | BATCHED


# ----- what no sample shows ---------------------------------------------------------------------------------------
def test_of_two_equal_maxima_the_first_has_the_gradient_and_its_slope() -> None:
    found = functions("max_pool2d")
    x = np.zeros((1, 2, 2, 1))
    values = {"x": x, "dy": np.full((1, 1, 1, 1), 3.0)}
    direction = np.array([[1.0, 2.0], [4.0, 8.0]]).reshape(x.shape)
    gradients = found.gradients_of_s(values, {"x": direction}, {"kernel_size": 2})
    assert gradients["dy"].item() == 1.0
    assert not gradients["x"].any()


def test_split_ties_are_shared_by_the_slope_too() -> None:
    found = functions_of(layer("global_max_pool").with_ties("split"))
    values = {"x": np.array([1.0, 5.0, 5.0, 0.0]).reshape(1, 2, 2, 1), "dy": np.array([[3.0]])}
    direction = np.array([1.0, 2.0, 4.0, 8.0]).reshape(1, 2, 2, 1)
    gradients = found.gradients_of_s(values, {"x": direction}, {})
    assert gradients["dy"].item() == (2.0 + 4.0) / 2


def test_nan_reaches_what_it_is_multiplied_with_and_nothing_else() -> None:
    found = functions("dense")
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {"x": rng.normal(size=(3, 2)), "w": rng.normal(size=(2, 4)), "dy": rng.normal(size=(3, 4))}
    values["x"][1, 0] = np.nan
    directions = {"x": rng.normal(size=(3, 2)), "w": rng.normal(size=(2, 4))}
    gradients = found.gradients_of_s(values, directions, {})
    assert np.isnan(gradients["dy"]).any(axis=1).tolist() == [False, True, False]
    assert np.isfinite(gradients["x"]).all()
    assert np.isfinite(gradients["w"]).all()


@together("shape", [(), (3,), (2, 0, 3), (2, 3, 4)])
def test_any_rank(shape: tuple[int, ...]) -> None:
    found = functions("tanh")
    rng = np.random.default_rng(0)
    x, dy, v = (np.asarray(rng.normal(size=shape)) for _ in range(3))
    gradients = found.gradients_of_s({"x": x, "dy": dy}, {"x": v}, {})
    y = np.tanh(x)
    np.testing.assert_allclose(gradients["x"], -2 * y * (1 - y**2) * dy * v, atol=1e-12)
    np.testing.assert_allclose(gradients["dy"], (1 - y**2) * v, atol=1e-12)


# ----- equations of one's own -------------------------------------------------------------------------------------
OWN = {
    "gated": "u[n,k] = sum(c) x[n,c] * w[c,k]; y[n,k] = u[n,k] * sigmoid(b[k] * u[n,k]); weight w, b",
    "cubic": "y[n] = sum(i,j,k) a[i,j,k] * x[n,i] * x[n,j] * x[n,k]; weight a",
    "clash": "y[n] = sum(c) x[n,c]^2 * dx[n,c] * ddx[c] * exp(vx[n] * grad_x[n])",
    "largest": "m[n] = max(c) x[n,c]; y[n] = m[n]^2 * sum(c) x[n,c]",
    "smallest": "y[n] = min(c) x[n,c]^3 * w[c]; weight w",
    "two": "y[n] = x[n]^3; z[n,k] = y[n] * x[n] * w[k]; output y, z; weight w",
    "diagonal": "y[i] = x[i,i]^2 * sum(j) x[i,j]",
}


@pytest.mark.parametrize("name", some(OWN, 3, first=1))
def test_equations_of_ones_own(name: str) -> None:
    found = functions_of(gradscribe.layer(OWN[name], name))
    rng = np.random.default_rng(0)
    sizes = {"N": 3, "C": 4, "K": 2, "I": 3, "J": 3}
    shapes = {t.name: [sizes[str(e)] for e in t.shape] for t in found.layer.program.inputs}
    values = {n: rng.normal(size=shape) for n, shape in shapes.items()}
    outputs = found.returned(values, {})
    values |= {s: rng.normal(size=np.shape(outputs[o])) for s, o in found.seeds.items()}
    directions = {n: rng.normal(size=np.shape(values[n])) for n in found.layer.differentiable}
    gradients = found.gradients_of_s(values, directions, {})
    tally = compare_slopes(found.scalar(directions, {}), values, gradients, rng)
    assert tally.compared > 4 * tally.skipped
    for n, product in found.hessian_product(values, directions, {}).items():
        np.testing.assert_allclose(product, gradients[n], rtol=1e-10, atol=1e-12)


@together("given", [("b", "z"), ("b",), ("z",), ()])
def test_the_class_has_the_order_of_the_arguments_whatever_is_absent(given: tuple[str, ...]) -> None:
    text = "y[n,k] = b[k]*tanh(sum(c) x[n,c]*w[c,k]) + z[n,k]^2; optional b, z; weight w, b; input x, b, w, z[N,K]"
    found = functions_of(gradscribe.layer(text, "middle"))
    rng = np.random.default_rng(0)
    shapes = {"x": (3, 2), "b": (4,), "w": (2, 4), "z": (3, 4)}
    values = {n: rng.normal(size=shape) for n, shape in shapes.items() if n in given or n in "xw"}
    instance = found.module.Middle(C=2, K=4, bias="b" in given, rng=0)
    instance.params |= {n: values[n] for n in instance.params}
    instance(values["x"], values.get("z"))
    directions = {n: np.asarray(rng.normal(size=np.shape(v))) for n, v in values.items()}
    seed = {"dy": rng.normal(size=(3, 4))}
    instance.backward(seed["dy"])
    everything = instance.double_backward(seed, directions)
    expected = found.gradients_of_s({**values, **seed}, directions, {})
    assert [*instance.grads] == [*instance.params]
    assert [*everything] == [n for n in ("dy", "x", "b", "w", "z") if n != "b" or n in given]
    assert [*expected] == ["dy", "x", "b", "w", "z"]
    for n in (*seed, *values):
        np.testing.assert_array_equal(everything[n], expected[n])


def test_only_orders_1_and_2() -> None:
    with pytest.raises(EquationError, match="tanh: order must be 1 or 2, received 3"):
        compile_layer(layer("tanh"), 3)


# ----- helpers ----------------------------------------------------------------------------------------------------
def present(found: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The results that belong to an array which is there."""
    return {n: g for n, g in found.items() if values.get(n) is not None}


def seeds_of(name: str) -> set[str]:
    """The gradients of S by seeds."""
    second = second_order(layer(name).program)
    found = (second.second.adjoint(t.name) for t in second.first.seeds.values())
    return {a.gradient.name for a in found if a is not None}


def built(found: Functions, case: SampledCase, values: dict[str, Array]) -> Any:
    """An object of the class with the weights and the state among `values`."""
    cls = found.module.__dict__[found.layer.class_name]
    features = {n: number(extent, case.sizes) for n, extent in case.layer.features}
    known = {**{s.name: v for s, v in case.sizes.items()}, **features, **case.options, "dtype": np.float64, "rng": 0}
    instance = cls(**{n: known[n] for n in inspect.signature(cls).parameters if n in known})
    for held in (instance.params, instance.state):
        for n in held:
            held[n] = values[n]
    return instance
