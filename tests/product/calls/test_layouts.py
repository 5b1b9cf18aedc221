"""Every kernel and class, whatever the memory layout, the batch size and the type of what it is given."""

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from gradscribe import generated
from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.derive.calculus.passes.positions import label_conditions
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from tests.cases.catalogue import TRIED, layer_kernels
from tests.cases.catalogue import layer as catalogue_layer
from tests.cases.instances import call_arguments, instance, returned
from tests.cases.layers import CASES, LayerCase, SampledCase, conv, pool, random_values, sampled_case
from tests.cases.together import together

Array = np.ndarray
Values = dict[str, Any]


@cache
def sampled(name: str) -> SampledCase:
    """A row of any layer: the largest of some draws."""
    return sampled_case(name, np.random.default_rng(3), draws=5)


WRITTEN = (
    *CASES,
    # large enough for blocks and for every branch of a kernel
    conv((3, 9, 8, 4), (3, 3, 4, 5), padding=1),
    conv((3, 9, 8, 4), (3, 3, 4, 5), stride=2, padding=1, dilation=2),
    conv((2, 6, 6, 4), (3, 3, 1, 4), groups=4, padding=1),
    pool("max", (2, 9, 8, 3), kernel_size=3, stride=2, padding=1),
)
ROWS = together(
    "case",
    [*WRITTEN, *LAYERS],
    ids=lambda row: getattr(row, "id", row),
    made=lambda row: sampled(row) if isinstance(row, str) else row,
)
"""Rows that are written, or drawn for the layer of that name when a test wants them."""


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
    module = importlib.import_module(f"gradscribe.generated.{name}")
    yield from ((kernel, getattr(module, kernel.name)) for kernel in layer_kernels(name))


def call(kernel: Kernel, function: Callable[..., Any], values: Values, case: LayerCase) -> dict[str, Any]:
    """The results by name."""
    options = {o.name: case.options[o.name] for o in kernel.options if o.name in case.options}
    if "kernel_size" in {o.name for o in kernel.options}:
        options.setdefault("kernel_size", values["w"].shape[:2] if "w" in values else None)
    options |= {shape_argument(t): values[t.name].shape for t in kernel.shaped}
    found = function(*(values.get(t.name) for t in kernel.arguments), **options)
    return dict(zip(kernel.results, found if len(kernel.results) > 1 else (found,), strict=True))


def run(case: LayerCase, values: Values) -> Values:
    """Everything that a layer computes; an array that is absent has no gradient."""
    forward, *gradients = functions(case.name)
    results = call(*forward, values, case)
    for tensor, (kernel, function) in zip(case.layer.differentiable, gradients, strict=True):
        if tensor in values:
            results |= call(kernel, function, {**values, **results}, case)
    return results


KEPT: dict[tuple[str, Any], Values] = {}


def given(case: LayerCase, dtype: Any = np.float64) -> Values:
    """The inputs of a case and the gradients of its outputs; nobody writes into them."""
    if (case.id, dtype) not in KEPT:
        KEPT[case.id, dtype] = _given(case, dtype)
    return KEPT[case.id, dtype]


def _given(case: LayerCase, dtype: Any) -> Values:
    rng = np.random.default_rng(11)
    values = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in random_values(case, rng).items()}
    results = call(*next(functions(case.name)), values, case)
    for seed, output in layer_kernels(case.name)[1].seeds:
        values[seed] = np.asarray(rng.normal(size=np.shape(results[output])), dtype)
    for v in values.values():
        v.flags.writeable = False
    return values


def check_equal(found: Values, expected: Values, layout: str = "") -> None:
    assert found.keys() == expected.keys(), layout
    for name, wanted in expected.items():
        assert np.shape(found[name]) == np.shape(wanted), (name, layout)
        assert found[name].dtype == wanted.dtype, (name, layout)
        np.testing.assert_allclose(found[name], wanted, rtol=1e-12, atol=1e-12, err_msg=f"{name} {layout}")


@pytest.mark.thorough
@ROWS
def test_any_layout_gives_the_same_result(case: LayerCase) -> None:
    values = {k: v.copy() for k, v in given(case).items()}
    expected = run(case, values)
    for layout in LAYOUTS:
        laid_out = {k: layout(v) for k, v in values.items()}
        bytes_before = {k: v.tobytes() for k, v in laid_out.items()}
        check_equal(run(case, laid_out), expected, layout.__name__)
        assert {k: v.tobytes() for k, v in laid_out.items()} == bytes_before, layout.__name__


@pytest.mark.thorough
@ROWS
def test_what_forward_returns_may_be_laid_out_anyhow_for_backward(case: LayerCase) -> None:
    forward, *gradients = functions(case.name)
    values = {**given(case)}
    values |= call(*forward, values, case)
    for kernel, function in gradients:
        expected = call(kernel, function, values, case)
        for layout in (fortran, negative, read_only):
            laid_out = {k: layout(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}
            check_equal(call(kernel, function, laid_out, case), expected, layout.__name__)


def broadcast(values: Values) -> tuple[Values, Values]:
    """Arrays whose every element is one and the same in memory, and contiguous arrays equal to them."""
    views = {k: np.broadcast_to(np.asarray(v.flat[0] if v.size else 0, v.dtype), v.shape) for k, v in values.items()}
    return views, {k: v.copy() for k, v in views.items()}


@ROWS
def test_broadcast_arrays_give_the_same_result(case: LayerCase) -> None:
    views, copies = broadcast(given(case))
    check_equal(run(case, views), run(case, copies))


@ROWS
def test_results_share_no_memory(case: LayerCase) -> None:
    values = {k: v.copy() for k, v in given(case).items()}
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
    for name, value in run(case, given(case, dtype)).items():
        tensor = case.layer.program.tensors.get(name)
        own = case.layer.program.definitions(name)
        whole = np.int64 if own and not own[0].term.reduction.places else np.int32  # of places and recorded positions
        assert value.dtype == (whole if tensor is not None and tensor.integer else dtype), name


@ROWS
def test_float32_is_as_accurate_as_it_can_be(case: LayerCase) -> None:
    double = {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in given(case, np.float32).items()}
    exact, found = run(case, double), run(case, given(case, np.float32))
    for name, wanted in exact.items():
        scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
        np.testing.assert_allclose(found[name], wanted, rtol=0, atol=2e-6 * scale, err_msg=name)


def empty_batch(case: LayerCase, values: Values) -> Values | None:
    """`values` without any image; None for a case that has no axis of images, or labels that are images' numbers."""
    first, *_ = case.layer.program.inputs
    if not first.shape or not values[first.name].ndim:
        return None
    if first.shape[0] in {c.extent for c in label_conditions(case.layer.program)}:
        return None
    tensors = {t.name: t for kernel in layer_kernels(case.name) for t in kernel.arguments}
    axes = {k: list(tensors[k].shape).index(first.shape[0]) for k in values if first.shape[0] in tensors[k].shape}
    return {k: np.take(v, [], axes[k]) if k in axes else v for k, v in values.items()}


@ROWS
@pytest.mark.filterwarnings("error")
def test_an_empty_batch_works(case: LayerCase) -> None:
    values = empty_batch(case, given(case))
    if values is None:
        return
    for name, value in run(case, values).items():
        expected = values.get(name.removeprefix("d"))
        if name.startswith("d") and expected is not None:
            assert value.shape == expected.shape, name
            assert not value.any(), name


# ----- classes --------------------------------------------------------------------------------------------------------
CLASSES = together("name", TRIED)


def test_every_class_is_tried() -> None:
    others = (
        {"Sequential"} | {f().class_name for f in OPTIMISERS.values()} | {f().class_name for f in NETWORKS.values()}
    )
    classes = {name for name in generated.__all__ if name[0].isupper()}
    assert {catalogue_layer(name).class_name for name in LAYERS} == classes - others


def listed(result: Any) -> tuple[Any, ...]:
    """What is there of one result or several."""
    return tuple(r for r in (result if isinstance(result, tuple) else (result,)) if r is not None)


def arrays(name: str, dtype: Any) -> Values:
    """What a call of the layer's class takes, by name."""
    values = given(sampled(name), dtype)
    return {k: values[k] for k in call_arguments(sampled(name)) if k in values}


def forward_and_seeds(name: str, layer: Any, inputs: Values, layout: Callable[[Array], Array]) -> tuple[Any, Any]:
    """The outputs of a call, and what backward is given for them: nothing for a loss."""
    outputs = listed(layer(**inputs))
    known = dict(zip(returned(sampled(name)), outputs, strict=True))
    wanted = [known[o] for _, o in layer_kernels(name)[1].seeds if np.ndim(known[o])]
    return outputs, [layout(np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)) for y in wanted]


def step(name: str, inputs: Values, dtype: Any, layout: Callable[[Array], Array] = np.copy) -> tuple[Any, ...]:
    """Outputs, gradients of the inputs and of the weights of one forward and backward call."""
    layer = instance(sampled(name), dtype)
    before = {k: p.copy() for k, p in layer.params.items()}
    inputs = {k: layout(v) for k, v in inputs.items()}
    frozen = {k: v.tobytes() for k, v in inputs.items()}
    outputs, seeds = forward_and_seeds(name, layer, inputs, layout)
    slopes = listed(layer.backward(*seeds))
    assert {k: v.tobytes() for k, v in inputs.items()} == frozen
    assert all(np.array_equal(p, before[k]) for k, p in layer.params.items())
    assert layer.grads.keys() == layer.params.keys()
    assert not any(np.shares_memory(d, v) for d in slopes for v in inputs.values())
    assert not any(np.shares_memory(g, p) for g, p in zip(layer.grads.values(), layer.params.values(), strict=True))
    return (*outputs, *slopes, *layer.grads.values())


@CLASSES
def test_a_class_takes_any_layout(name: str) -> None:
    inputs = arrays(name, np.float64)
    expected = step(name, inputs, np.float64)
    for layout in LAYOUTS:
        for found, wanted in zip(step(name, inputs, np.float64, layout), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12, err_msg=layout.__name__)


@CLASSES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_class_keeps_the_floating_point_type(name: str, dtype: Any) -> None:
    results = step(name, arrays(name, dtype), dtype)
    assert {value.dtype for value in results if value.dtype.kind == "f"} == {np.dtype(dtype)}
    assert {value.dtype.kind for value in results} <= {"f", "i"}, "places of a maximum are integers"


@CLASSES
def test_a_class_takes_an_empty_batch(name: str) -> None:
    inputs = empty_batch(sampled(name), arrays(name, np.float32))
    if inputs is None:
        pytest.skip("it has no batch that may be empty")
    layer = instance(sampled(name), np.float32)
    _, seeds = forward_and_seeds(name, layer, inputs, np.copy)
    slopes = listed(layer.backward(*seeds))
    differentiable = [inputs[k] for k in layer_kernels(name)[0].layer.differentiable if k in inputs]
    assert [d.shape for d in slopes] == [v.shape for v in differentiable]
    assert all(np.isfinite(g).all() for g in layer.grads.values())


@CLASSES
def test_a_gradient_is_a_new_array_every_time(name: str) -> None:
    layer = instance(sampled(name), np.float64)
    _, seeds = forward_and_seeds(name, layer, arrays(name, np.float64), np.copy)
    first, kept = listed(layer.backward(*seeds)), dict(layer.grads)
    second = listed(layer.backward(*seeds))
    assert not any(np.shares_memory(one, two) for one, two in zip(first, second, strict=True))
    assert not any(np.shares_memory(g, kept[k]) for k, g in layer.grads.items())
