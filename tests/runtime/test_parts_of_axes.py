"""Sums over parts of an axis, in C and by NumPy: as their definition says, and no digits lost to what is beside."""

import numpy as np
import pytest

import gradscribe
from gradscribe.generated import runtime as rt

BACKENDS = ("numpy", "compiled")


def by_definition(values: np.ndarray, axis: int, parts: list[tuple[int, int]]) -> np.ndarray:
    """The sums over begin <= k < end for each pair."""
    moved = np.moveaxis(values.astype(np.float64), axis, 0)
    found = [moved[max(begin, 0) : max(end, 0)].sum(axis=0) for begin, end in parts]
    return np.moveaxis(np.array(found).reshape(len(parts), *moved.shape[1:]), 0, axis)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_windows_and_what_grows(backend: str, dtype: type) -> None:
    rng = np.random.default_rng(0)
    for shape, axis in (((7,), 0), ((9, 11), 1), ((20, 5), 1), ((3, 6, 70), 1), ((2, 1, 3), 1), ((5, 4), 0)):
        values: np.ndarray = rng.integers(-9, 10, shape).astype(dtype)
        length = shape[axis]
        for places in (1, length, length + 3):
            for first, last in (
                (-99, 0),
                (-99, -1),
                (0, 99),
                (1, 99),
                (-2, 0),
                (-1, 2),
                (2, 4),
                (-5, -3),
                (0, 0),
                (1, 0),
            ):
                parts = [(i + first, i + last + 1) for i in range(places)]
                with rt.settings(backend=backend):
                    found = rt.running_sums(values, axis, places, (first, last), (-100, 100))
                assert found.dtype == dtype
                np.testing.assert_array_equal(found, by_definition(values, axis, parts))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_segments_and_their_adjoint(backend: str, kind: type) -> None:
    rng = np.random.default_rng(1)
    for shape, axis in (((9,), 0), ((4, 8), 1), ((8, 70), 0), ((2, 5, 3), 1)):
        values = rng.integers(-9, 10, shape).astype(np.float32)
        begins: np.ndarray = rng.integers(0, shape[axis] + 2, 6).astype(kind)
        ends: np.ndarray = rng.integers(0, shape[axis] + 2, 6).astype(kind)
        ends[0] = begins[0]
        parts = list(zip(begins.tolist(), ends.tolist(), strict=True))
        given = rng.integers(-9, 10, (*shape[:axis], 6, *shape[axis + 1 :])).astype(np.float32)
        with rt.settings(backend=backend):
            found = rt.segment_sums(values, axis, begins, ends)
            spread = rt.spread_segments(given, axis, shape[axis], begins, ends)
        np.testing.assert_array_equal(found, by_definition(values, axis, parts))
        assert (found * given).sum() == (spread * values).sum()


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_lost_beside_what_is_large(backend: str) -> None:
    values = np.full(4096, 1e-6, np.float32)
    values[100] = 1e8
    with rt.settings(backend=backend):
        windows = rt.running_sums(values, 0, 4096, (-7, 0))
        segments = rt.segment_sums(values, 0, np.arange(0, 4096, 8), np.arange(8, 4097, 8))
    np.testing.assert_allclose(windows[200:], 8e-6, rtol=1e-6)
    np.testing.assert_allclose(segments[20:], 8e-6, rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_stays_where_it_is_summed(backend: str) -> None:
    values = np.ones(20)
    values[7], values[15] = np.nan, np.inf
    with rt.settings(backend=backend):
        found = rt.running_sums(values, 0, 20, (-2, 0))
    assert np.isnan(found[7:10]).all()
    assert np.isinf(found[15:18]).all()
    assert np.isfinite(np.delete(found, [7, 8, 9, 15, 16, 17])).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "text",
    [
        "i < L; input x[N,L,C]; y[n,i,c] = sum(j) [j <= i] x[n,j,c]",
        "i < L; input x[N,L,C]; y[c,i,n] = sum(j) [j > i] x[n,j,c]^2",
        "W = 3; i < L; input x[N,L]; y[n,i] = i * (sum(j) [i - W < j <= i] x[n,j]) + x[n,i]",
        "i < L; input x[N,L], z[N,L]; y[n,i] = z[n,i] * sum(j) [i <= j < i + 2] x[n,j] * z[n,j]",
        "i < M; input x[N,L], z[M]; y[n,i] = z[i] * (sum(j) [j + 1 < i] x[n,j])",
        "integer o; input x[L,C], o[P]; s < P - 1; y[s,c] = sum(i) [o[s] <= i < o[s+1]] x[i,c]",
        "integer a, b; input x[N,L], a[S], b[S]; y[n,s] = sum(i) [a[s] < i <= b[s]] x[n,i]^2",
        "integer a; input x[N,L], a[S]; y[n,s] = sum(i) [a[s] <= i] x[n,i]",
    ],
)
def test_equations_and_their_gradients(backend: str, text: str) -> None:
    rng = np.random.default_rng(2)
    made = gradscribe.layer(text, "own")
    module = made.compile()
    sizes = {"N": 2, "L": 7, "C": 3, "M": 5, "P": 4, "S": 3}
    given = []
    for tensor in made.program.inputs:
        shape = [sizes[str(e)] for e in tensor.shape]
        given.append(np.sort(rng.integers(0, 7, shape)) if tensor.integer else rng.standard_normal(shape))
    with rt.settings(backend=backend):
        own = module.Own()
        y = own(*given)
        slopes = rng.standard_normal(y.shape)
        found = own.backward(slopes)
        gradients = [g for g in (found if isinstance(found, tuple) else (found,)) if g is not None]
        reals = [a for a in given if a.dtype.kind == "f"]
        direction = [rng.standard_normal(a.shape) for a in reals]
        ends = []
        for step in (1e-6, -1e-6):
            moved = iter(a + step * d for a, d in zip(reals, direction, strict=True))
            ends.append(np.sum(module.Own()(*(next(moved) if a.dtype.kind == "f" else a for a in given)) * slopes))
    expected = sum(np.sum(g * d) for g, d in zip(gradients, direction, strict=True))
    np.testing.assert_allclose((ends[0] - ends[1]) / 2e-6, expected, rtol=1e-6)
    from gradscribe.derive.ir.interpret import interpret

    names = {t.name: a for t, a in zip(made.program.inputs, given, strict=True)}
    symbols = {
        e: n for t, a in zip(made.program.inputs, given, strict=True) for e, n in zip(t.shape, a.shape, strict=True)
    }
    options = {s: int(o.default) for o in made.options for s in o.symbols}
    np.testing.assert_allclose(y, interpret(made.program, names, {**symbols, **options})["y"], rtol=1e-12)
