"""Loops that read and write where labels say: several statements in one nest, and never beside an array."""

from inspect import signature
from typing import Any

import numpy as np
import pytest

from gradscribe import layer
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Compiled, Gather, walk
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.generated import settings
from tests.cases.agreement import assert_kernels_agree, called, compiled
from tests.cases.run_loops import COMPILED, looped

Array = np.ndarray
IMAGE = "y[n,i,j,c] = x[n, lerp(p[n,i,j], zero), lerp(q[n,i,j], zero), c]"
TEXTS = {
    "images": f"input x[N,H,W,C], p[N,I,J], q[N,I,J]; {IMAGE}",
    "channels_first": "input x[N,C,H,W], p[N,I,J], q[N,I,J]; y[n,c,i,j] = x[n, c, lerp(p[n,i,j], zero), "
    "lerp(q[n,i,j], reflect)]",
    "lines": "input x[N,L], p[N,I]; y[n,i] = x[n, lerp(p[n,i], zero)]",
    "names": "input x[L], p[I]; y[alone] = x[lerp(p[alone], zero)] * a[alone]; alone < I",
    "one_line": "input x[L], p[I]; y[i] = x[lerp(p[i], zero)]",
    "scaled_rows": "integer t; input x[V,C], t[E], g[E]; y[e,c] = tanh(g[e]) * x[t[e],c]",
    "moved_rows": "integer t; input x[V,C], t[E], g[E]; y[e,c] = g[e] * x[t[e] + 2,c] + x[t[e],c]^2",
    "graph": "integer s, t; v < V; input h[V,K], a[K], s[E], t[E]; u[e] = sum(k) tanh(h[s[e],k] * a[k] + h[t[e],k]); "
    "y[v,k] = sum(e) [t[e] == v] u[e] * h[s[e],k]",
    "attention": "integer s, t; v < V; input h[V,K], a[V], b[V], s[E], t[E]; "
    "y[v,k] = sum(e) [t[e] == v] exp(a[s[e]]) / b[t[e]] * h[s[e],k]",
    "boxes": "integer t; input x[N,H,C], t[M], p[M,A]; y[m,a,c] = x[t[m], lerp(p[m,a], replicate), c]",
    "window": "input x[N,L,C], o[N,I,R], w[R,C,K]; "
    "y[n,i,k] = sum(r,c) x[n, lerp(i + r + o[n,i,r], zero), c] * w[r,c,k]",
}
SAMPLED = "images", "channels_first", "lines", "one_line", "boxes"


def made(name: str) -> Layer:
    """The layer of a text."""
    return layer(TEXTS[name], name)


def found(name: str, given: dict[str, Any], backend: str, threads: int = 1) -> dict[str, Array]:
    """What all functions compute."""
    module = compiled(made(name))
    results: dict[str, Array] = {}
    with module.rt.settings(backend=backend, threads=threads), np.errstate(all="ignore"):
        for kernel in first_order(made(name)):
            computed = called(getattr(module, kernel.name), {**given, **results})
            computed = computed if isinstance(computed, tuple) else (computed,)
            results |= dict(zip(kernel.results, computed, strict=True))
            if "dy" not in results and "y" in results:
                results["dy"] = given["seed"](results["y"])
    return results


@COMPILED
@pytest.mark.parametrize("name", TEXTS)
def test_loops_compute_what_the_equations_say(name: str) -> None:
    one = made(name)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        sizes = sample_sizes(one, rng, limit=2000)
        values = sample_values(one.program, sizes, rng)
        with looped(compiled(one)) as ran:
            assert_kernels_agree(one, sizes, values, rng)
        assert ran


def hostile(name: str, rng: np.random.Generator, size: int, dtype: type[Any]) -> dict[str, Any]:
    """Arrays of a sampled text whose positions are anywhere, or nowhere, and whose elements may be no numbers."""
    sizes = sample_sizes(made(name), rng, limit=2000)
    values = sample_values(made(name).program, sizes, rng)
    given: dict[str, Any] = {key: v if v.dtype.kind == "i" else v.astype(dtype) for key, v in values.items()}
    nowhere = [np.nan, np.inf, -np.inf, 1e30, -1e30, -1.0, -0.5, 1e9, float(2**31), float(2**53), -float(2**62)]
    for key in {"p", "q"} & given.keys():
        given[key] = rng.uniform(-2.0, size + 2.0, given[key].shape).astype(dtype)
        given[key].flat[: len(nowhere)] = np.array(nowhere[: given[key].size], dtype)
    given["x"].flat[0], given["x"].flat[-1] = np.nan, np.inf

    def seed(y: Array) -> Array:
        dy = np.asarray(np.random.default_rng(1).normal(size=y.shape), dtype)
        if dy.size:
            dy.flat[0], dy.flat[-1] = np.inf, np.nan
        return dy

    return given | {"seed": seed}


@COMPILED
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SAMPLED)
def test_positions_beside_the_array_read_and_write_nothing(name: str, dtype: type[Any]) -> None:
    for seed in range(3):
        given = hostile(name, np.random.default_rng(seed), 4, dtype)
        loops, wanted = found(name, given, "compiled"), found(name, given, "numpy")
        assert loops.keys() == wanted.keys()
        for key, result in loops.items():
            np.testing.assert_allclose(result, wanted[key], 1e-5, 1e-5, err_msg=key)


@COMPILED
@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "i4", "i8", "u8"])
def test_labels_have_any_type_of_integers(kind: str) -> None:
    rng = np.random.default_rng(0)
    given = {"x": rng.normal(size=(5, 3)), "g": rng.normal(size=9), "seed": np.ones_like}
    labels = np.array([0, 1, 2, 3, 4, 4, 2, 0, 1])
    wanted = found("scaled_rows", given | {"t": labels}, "numpy")
    results = found("scaled_rows", given | {"t": labels.astype(kind)}, "compiled")
    for key, result in results.items():
        np.testing.assert_allclose(result, wanted[key], 1e-12, err_msg=key)


@COMPILED
def test_the_largest_labels_do_not_overflow() -> None:
    """Loops are called here without the checks of labels before them: y += g x[t + 2]."""
    ends = np.iinfo(np.int64)
    module = compiled(made("moved_rows"))
    added = module.loops.moved_rows_forward_1
    sizes = {"C": 3, "E": 1, "V": 5}
    for label in (ends.max, ends.min, ends.max - 1, -1, -2, -3, 2, 3):
        given = {"x": np.ones((5, 3)), "g": np.ones(1), "t": np.array([label]), "y": np.zeros((1, 3))}
        with module.rt.settings(backend="compiled"):
            assert added(*((given | sizes)[name] for name in signature(added).parameters))
        assert (given["y"] == (0 <= label + 2 < 5)).all()


@COMPILED
@pytest.mark.parametrize("name", TEXTS)
def test_threads_compute_the_same_bits(name: str) -> None:
    one = made(name)
    rng = np.random.default_rng(3)
    sizes = sample_sizes(one, rng, limit=20_000)
    values = sample_values(one.program, sizes, rng)
    given = {**values, "seed": lambda y: np.random.default_rng(0).normal(size=y.shape)}
    alone, team = (found(name, given, "compiled", threads) for threads in (1, 2))
    for key, result in alone.items():
        assert np.array_equal(result, team[key], equal_nan=True), key


@pytest.mark.parametrize("name", ["images", "boxes"])
def test_each_function_looks_up_in_one_nest(name: str) -> None:
    """The four elements around a position, and both gradients by it, are no arrays: they would be read 8 times."""
    for kernel in first_order(made(name)):
        records = plan(kernel).records
        assert not any(isinstance(r, Gather) for r in records)
        compiled_ = [r for r in records if isinstance(r, Compiled)]
        nests = [r for c in compiled_ for _, r in walk(c.then) if isinstance(r, Nest) and r.kind == "at_labels"]
        assert len(nests) == 1
        assert {m.target for m in nests[0].members} <= {"y", "dx", "dp", "dq", "dalpha"}


def test_rows_are_taken_and_added_as_they_are() -> None:
    """An embedding is what NumPy takes; no loops are compiled for it."""
    for kernel in first_order(layer("integer t; input x[V,C], t[E]; y[e,c] = x[t[e],c]", "rows")):
        every = [r for _, r in walk(plan(kernel).records)]
        assert not any(isinstance(r, Nest) and r.kind == "at_labels" for r in every)


def test_long_sums_keep_their_digits() -> None:
    """What is added at one label many times does not stop growing, as it would in float32."""
    module = compiled(made("scaled_rows"))
    many = 1 << 20
    g, t = np.full(many, 20.0, np.float32), np.zeros(many, np.int64)
    with module.rt.settings(backend="compiled"):
        (dx,) = (
            called(
                getattr(module, k.name),
                {
                    "dy": np.full((many, 1), 0.1, np.float32),
                    "t": t,
                    "g": g,
                    "x_shape": (2, 1),
                    "x": np.ones((2, 1), np.float32),
                },
            )
            for k in first_order(made("scaled_rows"))
            if k.wrt == ("x",)
        )
    np.testing.assert_allclose(dx[0], np.float32(0.1) * many, 1e-6)


def test_statements_that_write_two_positions_of_an_array_are_apart() -> None:
    """The gradient by p is a sum at its position 0, and another one at 1, both where labels say."""
    text = "y[n,k,a] = sum(e) [i[e] == n] (v[e,k,a]*p[e,0,k] + p[e,1,k]*d[e,a]); integer i; input p[E,2,K]; n < 60"
    module = compiled(layer(text, "mine"))
    rng = np.random.default_rng(4)
    p, v, d, dy = (rng.normal(size=shape) for shape in ((900, 2, 5), (900, 5, 3), (900, 3), (60, 5, 3)))
    i = rng.integers(60, size=900)
    arrays = {"p": p, "v": v, "d": d, "dy": dy, "i": i}
    with settings(backend="compiled"):
        found = called(module.mine_grad_p, arrays)
    expected = np.stack([(dy[i] * v).sum(2), np.einsum("eka,ea->ek", dy[i], d)], 1)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
