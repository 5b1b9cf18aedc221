"""Loops in C that sum up element by element: what is no product, and products that are none of matrices."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.lower.products.separate import MOST_TAPS
from gradscribe.codegen.numpy.plan import Compiled, contracts, walk
from gradscribe.derive.layer.interface import Layer
from tests.cases.run_loops import COMPILED, looped
from tests.cases.thorough import some
from tests.codegen.loops.test_compiled import loops_of, results

pytestmark = COMPILED
Array = np.ndarray
Kinds = tuple[str, ...]

PRODUCTS: list[tuple[str, Kinds]] = [
    # filters of an element's own: no matrix is read for two of them
    ("y[n,i,j,g,c] = sum(r,s) w[n,i,j,r,s,g] * x[n,i+r-1,j+s-1,g,c]", ("result_rows", "gather", "summed_rows")),
    ("y[n,i,c] = sum(r) w[n,i,r] * x[n,2*i+r,c]; r < 3", ("gather", "scatter", "summed_rows")),
    ("y[n,i,j,p,q] = sum(c) x[n,i,j,c] * z[n,i+p-1,j+q-1,c]; p < 3; q < 3", ("summed_rows", "gather", "gather")),
    ("y[n,i,c] = sum(r) x[n,i+r-3,c] * k[n,i,r,c]", ("result_rows", "gather", "scatter")),
    ("y[n,i,c] = sum(r) x[n,i+2*r-3,c] * k[i,r,c]", ("result_rows", "gather", "result_rows")),
    # one window for all elements
    ("y[n,i,j,c] = sum(r,s) x[n,i+r,j+s,c] * w[r,s]", ("gather", "gather", "summed_rows")),
    ("y[n,c,i] = sum(r) x[n,c,i+r-1] * w[r]", ("gather", "gather", "summed_rows")),
]
SUMS: list[tuple[str, Kinds]] = [
    ("y[n,m] = sum(c) (x[n,c] - z[m,c])^2", ("summed_rows", "result_rows", "result_rows")),
    ("y[n,m] = sqrt(sum(c) (x[n,c] - z[m,c])^2 + 1)", ("summed_rows", "result_rows", "result_rows")),
    ("y[n,k] = exp(-sum(c) abs(x[n,c] - w[c,k]))", ("result_rows", "summed_rows", "result_rows")),
    ("y[n,k] = -0.5 * sum(c) ((x[n,c] - m[k,c]) * s[k,c])^2", ("summed_rows", *["result_rows"] * 3)),
    ("y[n,i,j,k] = sum(r,s,c) abs(x[n,i+r,j+s,c] - w[r,s,c,k])", ("result_rows", "summed_rows", "result_rows")),
    ("y[n,i,j,k] = sum(r,s,c) abs(x[n,2*i+r,j+3*s,c] - w[r,s,c,k])", ("result_rows", "summed_rows", "result_rows")),
    ("y[n,i,k] = sum(r,c) relu(x[n,3*i+2*r,c] - w[r,k,c])", ("summed_rows", "result_rows", "result_rows")),
    ("y[n,k] = sum(c) tanh(x[n,c]) * abs(x[n,c] - w[c,k])", ("result_rows", "summed_rows", "result_rows")),
    ("y[k] = sum(n,c) relu(x[n,c] - w[c,k])", ("result_rows", "summed_rows", "result_rows")),
    ("y[n,i,m] = sum(c) [c <= i] relu(x[n,i,c] - z[m,c])", ("summed_rows", "result_rows", "result_rows")),
    ("y[n,m] = sum(c) abs(x[n,c] - x[m,c])", ("summed_rows", "result_rows", "result_rows")),
    # what multiplies the sum reads the array that is summed
    (
        "y[n,m] = sum(c) x[m,n] * abs(x[n,c] - x[m,c]); m < N",
        ("summed_rows", "result_rows", "summed_rows", "result_rows"),
    ),
    # sums that are added where windows meet
    ("y[2*i+r,c] = sum(k) abs(x[i,k] - w[r,k,c])", ("result_rows", "summed_rows", "result_rows")),
    ("y[n,i+r] = sum(k) abs(x[n,i,k] - w[r,k])", ("summed_rows", "result_rows", "reduce")),
    ("y[i+r] = abs(x[i] - w[r])", ("result_rows", "result_rows", "result_rows")),
    # elements that are read where a maximum was found
    ("y[n,i,j,k] = max(r,s,c) (x[n,i+r,j+s,c] + w[r,s,c,k])", ("gather", "summed_rows", "result_rows")),
    ("y[n,i,k] = min(r,c) (x[n,2*i+r,c] + w[r,c,k])", ("gather", "summed_rows", "result_rows")),
]
PADDED: list[tuple[str, Kinds]] = [
    ("y[n,i,j,k] = sum(r,s,c) abs(x[n,i+r-1,j+s-2,c] - w[r,s,c,k])", ("result_rows", "summed_rows", "result_rows")),
    ("y[n,i,k] = sum(r,c) abs(x[n,2*i+r-1,c] - w[r,c,k])", ("result_rows", "summed_rows", "result_rows")),
    ("y[n,i,j,k] = max(r,s,c) (x[n,i+r-1,j+2*s-1,c] + w[r,s,c,k])", ("gather", "summed_rows", "result_rows")),
    ("y[n,i,c] = sum(r) exp(x[n,i-r+1,c]) * w[r,c]; r < 3", ("gather", "reduce")),
]
"""Zeros around an array count: they are 0 as elements, and not as summands."""
CLIPPED: list[tuple[str, Kinds]] = [
    ("y[n,k,i,j] = sum(c,r,s) abs(x[n,c,i+r,j+s] - w[k,c,r,s])", ("result_rows", "result_rows", "summed_rows")),
    ("y[n,k,i] = sum(c,r) abs(x[n,c,i+2*r-1] - w[k,c,r])", ("result_rows", "result_rows", "summed_rows")),
    ("y[n,k,i] = max(c,r) (x[n,c,i+r-1] + w[k,c,r])", ("gather", "result_rows", "summed_rows")),
    ("y[n,c] = sum(i) [c <= i] relu(x[n,i] - w[i,c]) * x[n,i]", ("result_rows", "summed_rows", "result_rows")),
    ("y[k] = sum(i,r) [i <= 2*r] abs(x[i,r] - w[r,k]) * x[i,r]", ("result_rows", "summed_rows", "result_rows")),
]
"""Brackets on the innermost index, and on those of a sum by one another."""
MATRICES = [
    "y[n,i,j,k] = sum(r,s,c) x[n,i+r,j+s,c] * w[r,s,c,k]",
    "y[n,i,j,c] = sum(r,s) x[n,i+r,j+s,c] * w[r,s,c]",
    "y[n,i,j] = sum(r,s,c) x[n,i+r,j+s,c] * w[r,s,c]",
    "y[n,i,j,k] = sum(r,s,c) x[n,i+r,j+s,c] * w[i,j,r,s,c,k]",
    "y[n,i,k] = sum(c) x[n,i,c] * w[n,c,k]",
    "y[n,k] = sum(c) x[n,c] * w[n,c,k]",
    "y[n,k] = sum(c) x[n,c] * w[c,k]",
]
TEXTS = [text for text, _ in (*PRODUCTS, *SUMS, *PADDED, *CLIPPED)]
BATCH = -1
SHAPES: list[tuple[str, dict[str, tuple[int, ...]]]] = [
    (PRODUCTS[0][0], {"x": (BATCH, 5, 4, 3, 21), "w": (BATCH, 5, 4, 3, 2, 3)}),
    (PRODUCTS[2][0], {"z": (BATCH, 3, 4, 37), "x": (BATCH, 3, 4, 37)}),
    (PRODUCTS[3][0], {"x": (BATCH, 2, 17), "k": (BATCH, 2, 7, 17)}),
    (PRODUCTS[5][0], {"x": (BATCH, 5, 4, 21), "w": (3, 2)}),
    (SUMS[0][0], {"x": (BATCH, 33), "z": (3, 33)}),
    (SUMS[2][0], {"x": (BATCH, 7), "w": (7, 35)}),
    (SUMS[4][0], {"x": (BATCH, 5, 4, 6), "w": (3, 2, 6, 19)}),
    (SUMS[5][0], {"x": (BATCH, 7, 6, 5), "w": (3, 2, 5, 1)}),
    (SUMS[-2][0], {"x": (BATCH, 5, 4, 6), "w": (3, 2, 6, 19)}),
    (PADDED[0][0], {"x": (BATCH, 5, 4, 6), "w": (3, 2, 6, 19)}),
    (PADDED[2][0], {"x": (BATCH, 5, 4, 6), "w": (3, 2, 6, 19)}),
    (CLIPPED[0][0], {"x": (BATCH, 2, 5, 21), "w": (3, 2, 2, 3)}),
]
"""Vectors and what is left of them; windows read the first array, which may hold NaN."""


def computed(item: Layer, module: ModuleType, given: dict[str, Array]) -> dict[str, Any]:
    """The results of all functions by name."""
    forward, *backward = kernels(item)
    values: dict[str, Any] = {**given, **results(module, forward, given, {})}
    dtype, rng = next(iter(given.values())).dtype, np.random.default_rng(5)
    (seeds,) = {k.seeds for k in backward}
    values |= {seed: rng.normal(size=np.shape(values[output])).astype(dtype) for seed, output in seeds}
    found = dict(values)
    for kernel in backward:
        found |= results(module, kernel, values, {})
    return found


def resized(shapes: dict[str, tuple[int, ...]], batch: int) -> dict[str, tuple[int, ...]]:
    """Shapes with that batch."""
    return {name: tuple(batch if n == BATCH else n for n in shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(("text", "expected"), [*PRODUCTS, *SUMS, *PADDED, *CLIPPED])
def test_each_function_is_a_nest(text: str, expected: Kinds) -> None:
    found = (k for k in kernels(gradscribe.layer(text, name="own")) if not k.name.endswith("_backward"))
    nests = (r.kind for k in found for _, r in walk(plan(k).records) if isinstance(r, Nest))
    assert tuple(kind for kind in nests if kind != "pointwise") == expected


@pytest.mark.parametrize("text", MATRICES)
def test_products_of_matrices_are_none(text: str) -> None:
    found = kernels(gradscribe.layer(text, name="own"))
    records = [r for k in found for _, r in walk(plan(k).records)]
    assert not any(isinstance(r, Nest) and r.kind in ("result_rows", "summed_rows", "gather") for r in records)
    assert any(map(contracts, records))


def test_long_windows_are_products() -> None:
    """Which are computed by other ways than by definition."""
    text = "y[n,i] = sum(r) x[n,i+r] * w[r]"
    records = [r for k in kernels(gradscribe.layer(text, name="own")) for _, r in walk(plan(k).records)]
    ways = [r for r in records if isinstance(r, Compiled)]
    assert [[str(g.value) for g in r.within] for r in ways] == [["R"], ["R"], ["R"]]
    assert all(g.extent == MOST_TAPS + 1 and any(map(contracts, r.otherwise)) for r in ways for g in r.within)


@pytest.mark.parametrize("text", some(TEXTS, 4))
def test_loops_compute_what_the_interpreter_does(text: str) -> None:
    """Random sizes, windows longer than their steps and shorter ones, every third time with ties."""
    ran = loops_of(text)
    assert "window_forward_1_loops" in ran
    assert len(ran) > 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("text", "shapes"), SHAPES)
def test_remainders_empty_axes_and_nan_are_numpy_s(text: str, shapes: dict[str, tuple[int, ...]], dtype: Any) -> None:
    item = gradscribe.layer(text, name="own")
    module, rng = compile_layer(item), np.random.default_rng(7)
    for batch, hostile in ((2, False), (0, False), (1, False), (3, True)):
        given = {name: rng.integers(-3, 4, size=shape).astype(dtype) for name, shape in resized(shapes, batch).items()}
        first = next(iter(given.values()))
        if hostile:
            first[rng.random(first.shape) < 0.02] = np.nan
        with module.rt.settings(backend="numpy"):
            expected = computed(item, module, given)
        with looped(module) as ran:
            found = computed(item, module, given)
        assert len(ran) > 1
        for name, theirs in expected.items():
            assert found[name].dtype == theirs.dtype, name
            close = 2e-5 if dtype is np.float32 else 1e-12
            np.testing.assert_allclose(found[name], theirs, rtol=close, atol=close, err_msg=f"{name}, batch {batch}")


@pytest.mark.parametrize(("text", "shapes"), SHAPES)
def test_the_number_of_threads_does_not_matter(text: str, shapes: dict[str, tuple[int, ...]]) -> None:
    item = gradscribe.layer(text, name="own")
    module, rng = compile_layer(item), np.random.default_rng(8)
    given = {name: rng.normal(size=shape).astype(np.float32) for name, shape in resized(shapes, 7).items()}
    found = []
    for threads in (1, 2, 3):
        with module.rt.settings(backend="compiled", threads=threads):
            found.append(computed(item, module, given))
    for others in found[1:]:
        assert all(others[name].tobytes() == value.tobytes() for name, value in found[0].items())


@pytest.mark.parametrize("condition", ["t != n", "t != n, x[n,t,c] > 0", "t != n or x[n,t,c] > 0"])
def test_conditions_that_do_not_vary_along_the_target(condition: str) -> None:
    module = compile_layer(gradscribe.layer(f"y[c] = sum(n,t) [{condition}] tanh(x[n,t,c]) * w[n,t,c]", name="own"))
    x, w = np.random.default_rng(11).normal(size=(2, 2, 4, 9))
    with module.rt.settings(backend="numpy"):
        expected = module.own_forward(x, w)
    with looped(module) as ran:
        np.testing.assert_allclose(module.own_forward(x, w), expected, rtol=1e-12)
    assert ran


def test_sums_that_leave_the_target_read_and_write_nothing() -> None:
    """What an element beyond the end of a row would be multiplied by belongs to the next row, or to nobody."""
    inputs = "output y[N,L]; input x[N,L,K], z[N,L,K], w[N,L,R], u[N,L]"
    item = gradscribe.layer(
        f"{inputs}; y[n,i+1-r] = -w[n,i+1-r,r] / u[n,i+1-r] * sum(k) x[n,i,k] * z[n,i+1-r,k]", name="own"
    )
    nests = [r for k in kernels(item)[:1] for _, r in walk(plan(k).records) if isinstance(r, Nest)]
    assert [(r.kind, r.adds) for r in nests] == [("summed_rows", True)]
    module, rng = compile_layer(item), np.random.default_rng(10)
    given = {t.name: rng.normal(size=(3, 4, 3)[: len(t.shape)]) for t in item.program.inputs}
    with looped(module):
        expected = module.own_forward(**given)
    assert np.isfinite(expected).all()
    given["w"][:, 0, 0] = given["w"][:, -1, 2] = np.nan  # of the windows of the first and the last element
    with looped(module):
        np.testing.assert_array_equal(module.own_forward(**given), expected)


@pytest.mark.parametrize(
    ("text", "shape", "other"),
    [
        ("y[n,m] = sum(c) abs(x[n,c] - z[m,c])", (1, 1_000_000), (1, 1_000_000)),
        ("y[n,m] = sum(a,c) abs(x[n,a,c] - z[m,a,c])", (1, 250_000, 4), (1, 250_000, 4)),
        ("y[n,k] = sum(c) abs(x[n,c] - z[c,k])", (1, 300_000), (300_000, 3)),
    ],
)
def test_long_sums_in_float32_do_not_stop_growing(text: str, shape: Any, other: Any) -> None:
    module = compile_layer(gradscribe.layer(text, name="own"))
    rng = np.random.default_rng(9)
    x, z = (rng.random(s, np.float32) for s in (shape, other))
    with module.rt.settings(backend="numpy"):
        exact = np.asarray(module.own_forward(x.astype(np.float64), z.astype(np.float64)))
    with looped(module) as ran:
        found = np.asarray(module.own_forward(x, z))
    assert ran
    np.testing.assert_allclose(found, exact, rtol=3e-6)
