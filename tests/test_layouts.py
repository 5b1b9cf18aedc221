"""Every kernel and class, whatever the memory layout, the batch size and the type of what it is given."""

import importlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

import generated
from codegen.arguments import shape_argument
from codegen.kernel import Kernel, kernels
from derive.layers import LAYERS
from tests.cases import CASES, LayerCase, conv, pool, random_values

Array = np.ndarray
Values = dict[str, Any]
KERNELS = {name: kernels(build()) for name, build in LAYERS.items()}
TABLE = (
    *CASES,
    # large enough for blocks and for every branch of a kernel
    conv((3, 9, 8, 4), (3, 3, 4, 5), padding=1),
    conv((3, 9, 8, 4), (3, 3, 4, 5), stride=2, padding=1, dilation=2),
    conv((2, 6, 6, 4), (3, 3, 1, 4), groups=4, padding=1),
    pool("max", (2, 9, 8, 3), kernel_size=3, stride=2, padding=1),
)
ROWS = pytest.mark.parametrize("case", TABLE, ids=lambda case: case.id)


# ----- layouts: each takes an array and returns an equal one, laid out differently in memory --------------------------
def fortran(a: Array) -> Array:
    return np.asarray(a, order="F")


def permuted(a: Array) -> Array:
    return a.copy() if a.ndim < 2 else a.swapaxes(0, 1).copy().swapaxes(0, 1)


def negative(a: Array) -> Array:
    return np.flip(np.flip(a).copy())


def strided(a: Array) -> Array:
    whole = np.full(tuple(2 * e + 1 for e in a.shape), 99, a.dtype)
    where: Any = (*(slice(1, 2 * e + 1, 2) for e in a.shape), ...)
    whole[where] = a
    return whole[where]


def unaligned(a: Array) -> Array:
    whole = np.zeros(a.nbytes + 1, np.uint8)
    part = whole[1:].view(a.dtype).reshape(a.shape)
    part[...] = a
    return part


def read_only(a: Array) -> Array:
    copy = a.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS = (fortran, permuted, negative, strided, unaligned, read_only)


# ----- one run of all functions of a layer ----------------------------------------------------------------------------
def functions(name: str) -> Iterator[tuple[Kernel, Callable[..., Any]]]:
    module = importlib.import_module(f"generated.{name}")
    yield from ((kernel, getattr(module, kernel.name)) for kernel in KERNELS[name])


def call(kernel: Kernel, function: Callable[..., Any], values: Values, case: LayerCase) -> dict[str, Any]:
    """The results by name."""
    options = {o.name: case.options[o.name] for o in kernel.options if o.name in case.options}
    if "kernel_size" in {o.name for o in kernel.options}:
        options.setdefault("kernel_size", values["w"].shape[:2] if "w" in values else None)
    options |= {shape_argument(t): values[t.name].shape for t in kernel.shaped}
    found = function(*(values.get(t.name) for t in kernel.arguments), **options)
    return dict(zip(kernel.results, found if len(kernel.results) > 1 else (found,), strict=True))


def run(case: LayerCase, values: Values) -> Values:
    """Everything that a layer computes; `values` may hold dy, else it is made up."""
    results: Values = {}
    for kernel, function in functions(case.name):
        if kernel.is_gradient and kernel.name.endswith("_bias") and "b" not in values:
            continue
        results |= call(kernel, function, {**values, **results}, case)
    return results


@lru_cache(maxsize=256)
def given(case_id: str, dtype: Any = np.float64) -> Values:
    """The inputs of a case and dy; nobody writes into them."""
    case = next(c for c in TABLE if c.id == case_id)
    rng = np.random.default_rng(11)
    values = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in random_values(case, rng).items()}
    kernel, function = next(functions(case.name))
    output = call(kernel, function, values, case)[kernel.results[0]]
    values["dy"] = rng.normal(size=np.shape(output)).astype(dtype)
    for v in values.values():
        v.flags.writeable = False
    return values


def check_equal(found: Values, expected: Values) -> None:
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        assert np.shape(found[name]) == np.shape(wanted), name
        assert found[name].dtype == wanted.dtype, name
        np.testing.assert_allclose(found[name], wanted, rtol=1e-12, atol=1e-12, err_msg=name)


@ROWS
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
def test_any_layout_gives_the_same_result(case: LayerCase, layout: Callable[[Array], Array]) -> None:
    values = {k: v.copy() for k, v in given(case.id).items()}
    laid_out = {k: layout(v) for k, v in values.items()}
    bytes_before = {k: v.tobytes() for k, v in laid_out.items()}
    expected = run(case, values)
    check_equal(run(case, laid_out), expected)
    assert {k: v.tobytes() for k, v in laid_out.items()} == bytes_before


@ROWS
def test_what_forward_returns_may_be_laid_out_anyhow_for_backward(case: LayerCase) -> None:
    forward, *gradients = functions(case.name)
    values = {**given(case.id)}
    values |= call(*forward, values, case)
    for kernel, function in gradients:
        expected = call(kernel, function, values, case)
        for layout in (fortran, negative, read_only):
            laid_out = {k: layout(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}
            check_equal(call(kernel, function, laid_out, case), expected)


def broadcast(values: Values) -> tuple[Values, Values]:
    """Arrays whose every element is one and the same in memory, and contiguous arrays equal to them."""
    views = {k: np.broadcast_to(np.asarray(v.flat[0] if v.size else 0, v.dtype), v.shape) for k, v in values.items()}
    return views, {k: v.copy() for k, v in views.items()}


@ROWS
def test_broadcast_arrays_give_the_same_result(case: LayerCase) -> None:
    views, copies = broadcast(given(case.id))
    check_equal(run(case, views), run(case, copies))


@ROWS
def test_results_share_no_memory(case: LayerCase) -> None:
    values = {k: v.copy() for k, v in given(case.id).items()}
    results = run(case, values)
    arrays = {k: v for k, v in {**values, **results}.items() if isinstance(v, np.ndarray)}
    names = sorted(arrays)
    for one in (n for n in names if n in results):
        assert arrays[one].flags.writeable, one
        for other in names:
            assert one == other or not np.shares_memory(arrays[one], arrays[other]), f"{one} and {other}"


@ROWS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_floating_point_type_is_kept(case: LayerCase, dtype: Any) -> None:
    for name, value in run(case, given(case.id, dtype)).items():
        assert value.dtype == (np.int32 if name == "argmax" else dtype), name


@ROWS
def test_float32_is_as_accurate_as_it_can_be(case: LayerCase) -> None:
    double = {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in given(case.id, np.float32).items()}
    exact, found = run(case, double), run(case, given(case.id, np.float32))
    for name, wanted in exact.items():
        scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
        np.testing.assert_allclose(found[name], wanted, rtol=0, atol=2e-6 * scale, err_msg=name)


def empty_batch(case: LayerCase) -> Values | None:
    """The inputs of a case with no image at all; None for a case whose input has no axis."""
    first = {"x": 0, "t": 0, "dy": 0}
    values = given(case.id)
    if not values["x"].ndim:
        return None
    return {k: v[:0] if k in first and v.ndim else v for k, v in values.items()}


@ROWS
@pytest.mark.filterwarnings("error")
def test_an_empty_batch_works(case: LayerCase) -> None:
    values = empty_batch(case)
    if values is None:
        return
    for name, value in run(case, values).items():
        expected = values.get(name.removeprefix("d"))
        if name.startswith("d") and expected is not None:
            assert value.shape == expected.shape, name
            assert not value.any(), name


# ----- classes --------------------------------------------------------------------------------------------------------
INSTANCES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "Conv2D": (lambda dtype: generated.Conv2D(4, 6, 3, padding=1, groups=2, dtype=dtype, rng=0), (2, 5, 6, 4)),
    "MaxPool2D": (lambda dtype: generated.MaxPool2D(2), (2, 4, 6, 3)),
    "AvgPool2D": (lambda dtype: generated.AvgPool2D(3, stride=2, padding=1), (2, 5, 6, 3)),
    "Dense": (lambda dtype: generated.Dense(5, 3, dtype=dtype, rng=0), (4, 5)),
    "Flatten": (lambda dtype: generated.Flatten(), (2, 3, 4, 2)),
    "ReLU": (lambda dtype: generated.ReLU(), (3, 4)),
    "Sigmoid": (lambda dtype: generated.Sigmoid(), (3, 4)),
    "Tanh": (lambda dtype: generated.Tanh(), (3, 4)),
    "ScaledTanh": (lambda dtype: generated.ScaledTanh(), (3, 4)),
    "SoftmaxCrossEntropy": (lambda dtype: generated.SoftmaxCrossEntropy(), (4, 3)),
    "MeanSquaredError": (lambda dtype: generated.MeanSquaredError(), (4, 3)),
}
CLASSES = pytest.mark.parametrize("name", INSTANCES)


def targets(name: str, x: Array) -> tuple[Array, ...]:
    """The further arguments of a loss."""
    if name == "SoftmaxCrossEntropy":
        return (np.arange(len(x)) % 3,)
    return (np.ones_like(x),) if name == "MeanSquaredError" else ()


def step(name: str, x: Array, layout: Callable[[Array], Array] = np.copy) -> tuple[Any, ...]:
    """Output, gradient of the input and of the weights of one forward and backward call."""
    layer = INSTANCES[name][0](x.dtype)
    before = {k: p.copy() for k, p in layer.params.items()}
    x, rest = layout(x), tuple(layout(t) for t in targets(name, x))
    frozen = x.tobytes()
    y = layer(x, *rest)
    arguments = () if np.ndim(y) == 0 else (layout(np.cos(np.arange(y.size)).reshape(y.shape).astype(x.dtype)),)
    dx = layer.backward(*arguments)
    assert x.tobytes() == frozen
    assert all(np.array_equal(p, before[k]) for k, p in layer.params.items())
    assert layer.grads.keys() == layer.params.keys()
    assert not np.shares_memory(dx, x)
    assert not any(np.shares_memory(g, p) for g, p in zip(layer.grads.values(), layer.params.values(), strict=True))
    return (y, dx, *layer.grads.values())


def images(name: str, dtype: Any) -> Array:
    return np.random.default_rng(2).normal(size=INSTANCES[name][1]).astype(dtype)


def test_every_class_is_tried() -> None:
    assert set(INSTANCES) == set(generated.__all__) - {"Sequential"}


@CLASSES
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
def test_a_class_takes_any_layout(name: str, layout: Callable[[Array], Array]) -> None:
    x = images(name, np.float64)
    for found, expected in zip(step(name, x, layout), step(name, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@CLASSES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_class_keeps_the_floating_point_type(name: str, dtype: Any) -> None:
    assert [value.dtype for value in step(name, images(name, dtype))] == [dtype] * len(step(name, images(name, dtype)))


@CLASSES
def test_a_class_takes_an_empty_batch(name: str) -> None:
    x = images(name, np.float32)[:0]
    _, dx, *grads = step(name, x)
    assert dx.shape == x.shape
    assert all(np.isfinite(g).all() for g in grads)


@CLASSES
def test_a_gradient_is_a_new_array_every_time(name: str) -> None:
    layer = INSTANCES[name][0](np.float64)
    x = images(name, np.float64)
    y = layer(x, *targets(name, x))
    dy = () if np.ndim(y) == 0 else (np.ones_like(y),)
    first, kept = layer.backward(*dy), dict(layer.grads)
    second = layer.backward(*dy)
    assert not np.shares_memory(first, second)
    assert not any(np.shares_memory(g, kept[k]) for k, g in layer.grads.items())
