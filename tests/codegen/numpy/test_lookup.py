"""codegen.numpy.lower.indirect.lookup and the runtime: reads and writes at labels, against the definition."""

import inspect
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Expr, Idx, IndexedBase, Integer, Sum, Symbol, exp

import gradscribe
from gradscribe.codegen.driver import compile_layer, source
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Gather, Known, Positions, ScatterAdd, walk
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.equations import inside, program
from gradscribe.derive.layer.interface import ROLES, Layer
from gradscribe.generated import runtime as rt
from tests.cases.thorough import some
from tests.cases.together import together

Array = np.ndarray
A, B, C, J, N, V = SIZES = integers("A B C J N V")
a, b, c, j, n, v = (Idx(s.name.lower(), s) for s in SIZES)
KNOWN = {A: 3, B: 4, C: 5, J: 3, N: 7, V: 6}
EMPTY = [{}, {N: 0}, {V: 0}, {C: 0}, {J: 0}, {V: 1}]


def tensor(name: str, *shape: Expr) -> IndexedBase:
    return IndexedBase(name, shape=shape, real=True)


p, q, r, u, w, x, z = (partial(tensor, name) for name in "pqruwxz")
y1, y2, y3 = tensor("y", N), tensor("y", N, C), tensor("y", N, V)
s, t, t2 = tensor("s", N), tensor("t", N), tensor("t", N, J)


def layer(equation: Eq, *inputs: Any, integers: str = "t") -> Layer:
    return Layer("looked_up", "LookedUp", "lookups", program(equation, inputs=inputs, integers=integers))


def embedding() -> Layer:
    return layer(Eq(y2[n, c], Sum(equal(v, t[n]) * w(V, C)[v, c], v)), w(V, C), t)


def picked() -> Layer:
    """One score a row, the label on the left of the bracket."""
    return layer(Eq(y1[n], Sum(equal(t[n] - 1, v) * x(N, V)[n, v], v)), x(N, V), t)


def transposed() -> Layer:
    return layer(Eq(y2[n, c], Sum(equal(v, t[n] - 1) * w(C, V)[c, v] * x(N, V)[n, v], v)), w(C, V), x(N, V), t)


def two_lookups() -> Layer:
    body = equal(a, s[n] - 1) * equal(b, t[n]) * w(A, B, C)[a, b, c]
    return layer(Eq(y2[n, c], Sum(body, a, b)), w(A, B, C), s, t, integers="s t")


def two_tables() -> Layer:
    body = equal(a, s[n] - 1) * equal(b, t[n] - 1) * w(A, C)[a, c] * u(B)[b] * exp(z(N)[n])
    return layer(Eq(y2[n, c], Sum(body, a, b)), w(A, C), u(B), z(N), s, t, integers="s t")


def bag() -> Layer:
    """Rows of several labels are summed, weighted by another factor; padding is label 0."""
    body = equal(v, t2[n, j] - 1) * w(V, C)[v, c] * p(N, J)[n, j]
    return layer(Eq(y2[n, c], Sum(body, v, j)), w(V, C), p(N, J), t2)


def histogram() -> Layer:
    return layer(Eq(y3[n, v], Sum(equal(v, t2[n, j] - 1) * p(J)[j] * u(V)[v], j)), p(J), u(V), t2)


def counted() -> Layer:
    """Whether a label is known, and nothing looked up."""
    return layer(Eq(y1[n], Sum(equal(v, t[n] - 1), v) * x(N)[n] + Sum(w(V)[v], v)), x(N), t, w(V))


def scattered() -> Layer:
    """The label addresses the output, all columns at once."""
    y = tensor("y", C, V)
    return layer(Eq(y[c, v], Sum(equal(v, t[n] - 1) * x(N, C)[n, c] * u(V)[v], n)), x(N, C), u(V), t)


def nonlinear() -> Layer:
    return layer(Eq(y2[n, c], Sum(equal(v, t[n] - 1) / (2 + w(V, C)[v, c] ** 2), v)), w(V, C), t)


def padded() -> Layer:
    """Labels and other axes read beyond their arrays; a range bracket of another index."""
    body = equal(v, t[n + 2] - 1) * w(V, C)[v, c - 1] * inside(n - 1, Integer(4))
    return layer(Eq(y2[n, c], Sum(body, v)), w(V, C), t)


def chained() -> Layer:
    """A label looked up by a label."""
    body = equal(v, t[n] - 1) * equal(a, q(V)[v] - 1) * u(A)[a]
    return layer(Eq(y1[n], Sum(body, v, a)), u(A), q(V), t, integers="q t")


def diagonal() -> Layer:
    return layer(Eq(y1[n], Sum(equal(v, t[n] - 1) * w(V, V)[v, v], v)), w(V, V), t)


def shifted() -> Layer:
    return layer(Eq(y1[n], Sum(equal(v, t[n] - 1) * w(V)[v + 1], v)), w(V), t)


def bracketed() -> Layer:
    """A bracket that involves the index: what is not looked up."""
    return layer(Eq(y1[n], Sum(equal(v, t[n] - 1) * w(V)[v] * inside(v - 1, Integer(3)), v)), w(V), t)


def fixed_points() -> Layer:
    """A label that depends on the index."""
    return layer(Eq(Symbol("y"), Sum(equal(v, q(V)[v]) * w(V)[v], v)), w(V), q(V), integers="q")


def measured() -> Layer:
    """A real number that may equal the index."""
    return layer(Eq(y1[n], Sum(equal(v, x(N)[n]) * w(V)[v], v)), w(V), x(N), integers="")


def of_itself() -> Layer:
    """A label that depends on the index which it is compared with."""
    return layer(Eq(y1[n], Sum(equal(v, v * t[n]) * w(V)[v], v)), w(V), t)


def one_label() -> Layer:
    return layer(Eq(tensor("y", C)[c], Sum(equal(v, Symbol("t") - 1) * w(V, C)[v, c], v)), w(V, C), Symbol("t"))


LOOKUPS = (
    embedding,
    picked,
    transposed,
    two_lookups,
    two_tables,
    bag,
    histogram,
    counted,
    scattered,
    nonlinear,
    padded,
    chained,
    one_label,
)
FALLBACKS = (diagonal, shifted, bracketed, fixed_points, measured, of_itself)
BARE = {"embedding": "t", "two_lookups": "t"}
"""Labels that are compared with an index as they are: a kernel refuses those that are no position."""


def values_of(build: Callable[[], Layer], sizes: Mapping[Symbol, int], kind: type = np.int64) -> dict[str, Array]:
    rng = np.random.default_rng(4)
    found: dict[str, Array] = {}
    for given in build().program.inputs:
        shape = tuple(int(e.xreplace({k: Integer(m) for k, m in sizes.items()})) for e in given.shape)
        if not given.integer:
            found[given.name] = rng.normal(size=shape)
        elif given.name == BARE.get(build.__name__):
            found[given.name] = rng.integers(0, min(sizes[V], sizes[B]) or 1, size=shape).astype(kind)
        else:
            found[given.name] = rng.integers(0, 9, size=shape).astype(kind)
    return found


def called(function: Callable[..., Any], found: Mapping[str, Array]) -> Any:
    known = dict(found) | {f"{ROLES.get(k, k)}_shape": np.shape(value) for k, value in found.items()}
    parameters = inspect.signature(function).parameters.values()
    by_place = [known[o.name] for o in parameters if o.kind is not inspect.Parameter.KEYWORD_ONLY]
    return function(
        *by_place, **{o.name: known[o.name] for o in parameters if o.kind is inspect.Parameter.KEYWORD_ONLY}
    )


@contextmanager
def unchecked(module: ModuleType) -> Iterator[None]:
    """Labels that are no positions read 0 and add nothing; for what is said of them see test_labels.py."""
    with pytest.MonkeyPatch.context() as patch:  # the runtime is that of all modules in memory
        patch.setattr(module.rt, "labels", lambda *_: None)
        yield


def check(
    build: Callable[[], Layer], sizes: Mapping[Symbol, int], dtype: type = np.float64, kind: type = np.int64
) -> None:
    made, tolerance = build(), 1e-12 if dtype is np.float64 else 1e-5
    given = values_of(build, sizes, kind)
    wide = {k: value.astype(np.int64) if value.dtype.kind in "iu" else value for k, value in given.items()}
    module, gradient = compile_layer(made), differentiate(made.program)
    forward = interpret(made.program, wide, sizes)
    seed = np.random.default_rng(5).normal(size=forward["y"].shape)
    found = interpret(gradient.program, {**forward, "dy": seed}, sizes)
    arrays = {k: given.get(k, value) for k, value in found.items()}
    arrays = {k: value.astype(dtype) if value.dtype.kind == "f" else value for k, value in arrays.items()}
    with unchecked(module):
        result = called(module.looked_up_forward, arrays)
    result = result[0] if isinstance(result, tuple) else result
    assert result.dtype == dtype
    np.testing.assert_allclose(result, found["y"], tolerance, tolerance)
    for name in made.differentiable:
        adjoint = gradient.adjoint(name)
        expected = found[adjoint.gradient.name] if adjoint else np.zeros_like(given[name])
        with unchecked(module):
            slope = called(getattr(module, f"looked_up_grad_{ROLES.get(name, name)}"), arrays)
        assert slope.dtype == dtype
        np.testing.assert_allclose(slope, expected, tolerance, tolerance, err_msg=name)


@pytest.mark.parametrize("dtype", some([np.float64, np.float32], 1))
@pytest.mark.parametrize("build", [*LOOKUPS, *FALLBACKS])
def test_kernels_equal_interpreter(build: Callable[[], Layer], dtype: type) -> None:
    check(build, KNOWN, dtype)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize("build", LOOKUPS)
def test_labels_of_any_integer_type(build: Callable[[], Layer], kind: type) -> None:
    check(build, KNOWN, kind=kind)


@pytest.mark.parametrize("extents", EMPTY[1:], ids=str)
@pytest.mark.parametrize("build", LOOKUPS)
def test_empty_and_unit_extents(build: Callable[[], Layer], extents: dict[Symbol, int]) -> None:
    if V in extents and extents[V] == 0 and build is embedding:
        extents = {**extents, N: 0}  # without classes no label is admitted
    check(build, {**KNOWN, **extents})


@pytest.mark.parametrize("build", LOOKUPS)
def test_every_lookup_of_the_list_is_one(build: Callable[[], Layer]) -> None:
    for kernel in kernels(build()):
        records = [record for _, record in walk(plan(kernel).records)]
        if any(o.term.body.has(equal) for o in kernel.program.statements):
            assert any(isinstance(o, Gather | ScatterAdd | Known) for o in records), kernel.name
        looked = {o.index for record in records if isinstance(record, Gather | ScatterAdd) for o in record.labels}
        for record in records:  # no product with the bracket is left
            update = getattr(record, "update", record)
            assert not looked & set(getattr(update, "axes", ())) or isinstance(record, Gather | Positions), kernel.name


@pytest.mark.parametrize("build", FALLBACKS)
def test_what_is_no_plain_axis_is_computed_as_before(build: Callable[[], Layer]) -> None:
    (forward, *_) = kernels(build())
    assert not any(isinstance(o, Gather | ScatterAdd | Known) for _, o in walk(plan(forward).records))


def test_a_real_number_looks_up_where_it_is_an_integer() -> None:
    forward = compile_layer(measured()).looked_up_forward
    np.testing.assert_array_equal(forward(np.array([5.0, 7.0, 9.0]), np.array([1.0, 1.5, 2.0, -1.0])), [7, 0, 9, 0])


def test_a_plan_tells_lookups() -> None:
    forward, backward = (str(plan(kernel)).splitlines() for kernel in kernels(embedding()))
    assert forward[2:] == ["  gather y[n c] = w[t[n], c]; C*N elements"]
    assert "  scatter dw[t[n], q] += dy[n q]; C*N additions" in backward
    text = "\n".join(str(plan(kernel)) for kernel in kernels(bag()))
    assert "labels labels1 = t[n, j] - 1; J*N elements" in text
    assert "known known1 = 0 <= labels1 < V" in text
    assert any(isinstance(o, Positions) for _, o in walk(plan(kernels(bag())[0]).records))


def test_a_label_that_is_no_position_is_a_strong_zero() -> None:
    module = compile_layer(two_tables())
    given = values_of(two_tables, KNOWN)
    given["s"][:], given["t"][:] = 0, 1
    given["z"][:] = 1e6  # exp gives infinity
    with np.errstate(over="ignore", invalid="ignore"), unchecked(module):
        assert not module.looked_up_forward(*given.values()).any()


def test_a_real_number_is_a_label_only_where_it_is_whole() -> None:
    module = compile_layer(layer(Eq(y1[n], Sum(equal(v, x(N)[n]) * w(V)[v], v)), x(N), w(V), integers=""))
    weight = np.array([3.0, 5.0, 7.0])
    found = module.looked_up_forward(np.array([0.0, 1.5, 2.0, -1.0, 0.999]), weight)
    np.testing.assert_array_equal(found, [3, 0, 7, 0, 0])


def test_parts_of_an_axis_are_added_at_labels_too() -> None:
    """The gradient of complex rows, whose real and imaginary parts are written apart: memory of no size times batch."""
    text = "complex w; integer t; z[n,c] = w[t[n],c]; y[n] = sum(c) abs(z[n,c])^2"
    module = compile_layer(gradscribe.layer(text, "parts"))
    rng = np.random.default_rng(0)
    w_, t_, dy = rng.normal(size=(5000, 2, 2)), rng.integers(0, 5000, 5000), rng.normal(size=5000)
    tracemalloc.start()
    try:
        own = module.Parts()
        own(w_, t_)
        found = own.backward(dy)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    expected = np.zeros_like(w_)
    np.add.at(expected, t_, 2 * w_[t_] * dy[:, None, None])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert peak < 4 << 20
    assert source(gradscribe.layer(text, "parts")).count("rt.scatter") == 2


def test_a_large_vocabulary_needs_no_memory_of_its_size_times_the_batch() -> None:
    module = compile_layer(embedding())
    weight = np.arange(400_000.0).reshape(200_000, 2)
    labels = np.arange(0, 200_000, 10)  # one-hot rows would take 32 GB
    assert np.array_equal(module.looked_up_forward(weight, labels), weight[::10])
    slope = module.looked_up_grad_weight(weight[::10], labels, weight_shape=weight.shape)
    assert np.array_equal(slope[::10], weight[::10])
    assert not slope.reshape(-1, 10, 2)[:, 1:].any()


# ----- the runtime ----------------------------------------------------------------------------------------------------
def rows_added(target: Array, labels: Array, rows: Array) -> Array:
    """The definition, element by element."""
    wanted = target.astype(np.float64)
    for label, row in zip(labels, rows, strict=True):
        if 0 <= label < len(target):
            wanted[label] += row
    return wanted


@together("count", [1, 3, 40, 400])
@together("width", [1, 7, 31, 32, 50])
@together("classes", [1, 5, 2000])
@together("skewed", [False, True])
def test_rows_are_added_at_labels(count: int, width: int, classes: int, skewed: bool) -> None:
    rng = np.random.default_rng([count, width, classes])
    labels = rng.integers(-1, classes + 1, size=count)
    if skewed:
        labels[rng.random(count) < 0.7] = classes // 2
    rows = rng.normal(size=(count, width)).astype(np.float32)
    target = rng.normal(size=(classes, width)).astype(np.float32)
    wanted = rows_added(target, labels, rows)
    again = target.copy()
    rt.scatter("n c, v: n -> v c", target, rows, labels)
    rt.scatter("n c, v: n -> v c", again, rows, labels)
    np.testing.assert_allclose(target, wanted, 2e-5, 2e-5)
    assert np.array_equal(target, again)
    assert target.dtype == np.float32


@pytest.mark.parametrize("size", [0, 1, 4])
def test_scatter_into_a_view_with_values_that_lack_axes(size: int) -> None:
    rng = np.random.default_rng(size)
    labels = rng.integers(-1, 5, size=(3, size))
    target, values = np.zeros((4, 6, 3))[:, ::2], rng.normal(size=4)
    wanted = target.copy()
    for i, k in product(range(3), range(size)):
        if 0 <= labels[i, k] < 3:
            wanted[:, labels[i, k], i] += values
    rt.scatter("c, v: n j -> c v n", target, values, labels)
    np.testing.assert_allclose(target, wanted)


def test_an_infinite_row_stays_where_it_belongs() -> None:
    for width in (2, 40):
        target = np.zeros((3, width))
        rt.scatter("n c, v: n -> v c", target, np.full((2, width), [[np.inf], [np.nan]]), np.array([1, -1]))
        assert np.isinf(target[1]).all()
        assert not target[[0, 2]].any()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0, 3)])
def test_gather_reads_rows_and_zeros(order: Any, shape: Sequence[int]) -> None:
    rng = np.random.default_rng(1)
    source = np.asarray(rng.normal(size=(5, 4)), order=order)
    source.flags.writeable = False
    labels = rng.integers(-2, 7, size=shape)
    axes = " ".join("mn"[: len(shape)])
    found = rt.gather(f"v c, v: {axes} -> {axes} c", source, labels)
    assert found.shape == (*shape, 4)
    assert found.flags.writeable
    for place in np.ndindex(*shape):
        label = labels[place]
        assert np.array_equal(found[place], source[label] if 0 <= label < 5 else np.zeros(4))


def test_gather_of_single_elements_is_no_view() -> None:
    source = np.arange(6.0).reshape(2, 3)
    found = rt.gather("a b, a: , b:  -> ", source, np.array(1), np.array(-1))
    assert found == 0
    assert source[1, 0] == 3
