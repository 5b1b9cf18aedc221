"""Labels have to be positions: one rule for every subscript, in forward and backward functions."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradscribe
from tests.cases.agreement import assert_kernels_agree, shapes

LOWEST, GREATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
N, K, W = 4, 2, 5
RULED = {
    "w[t[n],k]": (0, W - 1),
    "w[t[n] + 1,k]": (-1, W - 2),
    "w[t[n] - 1,k]": (1, W),
    "w[W - 1 - t[n],k]": (0, W - 1),
    "w[2*t[n],k]": (0, 2),
    "w[t[n] + k,k]": (0, W - K),
    "exp(w[t[n],k])": (0, W - 1),
    "sum(v) [v == t[n]] w[v,k]": (0, W - 1),
    "sum(v) [v == t[n] + 1] w[v,k]": (-1, W - 2),
    "max(v) [v == t[n]] w[v,k]": (0, W - 1),
}
"""Right sides, and the labels that are admitted."""


def module(right: str, more: str = "") -> ModuleType:
    return gradscribe.layer(f"input w[W,K], t[N]\ninteger t\n{more}\ny[n,k] = {right}", "read").compile()


def first(results: Any) -> Any:
    return results[0] if isinstance(results, tuple) else results


@pytest.mark.parametrize("right", RULED)
def test_a_label_that_is_no_position_is_refused(right: str) -> None:
    made, (low, high) = module(right), RULED[right]
    w = np.random.default_rng(0).normal(size=(W, K))
    for good in (low, high):
        assert np.isfinite(made.read_forward(w, np.full(N, good))[0]).all()
    for wrong in (low - 1, high + 1, LOWEST, GREATEST, LOWEST + 1):
        t = np.full(N, low)
        t[2] = wrong
        with pytest.raises(ValueError, match=r"read: argument t.*: expected labels from 0 to 4, received"):
            made.read_forward(w, t)


@pytest.mark.parametrize("offset", ["", " + 1"])
@pytest.mark.parametrize("order", [1, 2])
def test_gradients_refuse_too(order: int, offset: str) -> None:
    text = f"integer t\ny[n,k] = z[n, t[n]{offset}] * exp(w[t[n]{offset},k])"
    made = gradscribe.layer(text, "read").compile(order)
    rng = np.random.default_rng(1)
    w, z, t = rng.normal(size=(W, K)), rng.normal(size=(N, W + 1)), np.arange(N)
    layer = made.Read()
    for wrong in (-2, W):
        with pytest.raises(ValueError, match="expected labels"):
            layer(z, np.where(t == 1, wrong, t), w)
    for name in ("read_grad_z", "read_grad_weight"):
        grad = getattr(made, name)
        parameters = grad.__code__.co_varnames[: grad.__code__.co_argcount + grad.__code__.co_kwonlyargcount]
        shapes_of = {"dy": (N, K), "w": (W, K), "z": (N, W + 1), "t1": (N, K), "t2": (N,), "y": (N, K)}
        given: dict[str, Any] = {p: np.ones(shapes_of[p]) for p in parameters if p in shapes_of}
        given |= {"t": np.where(t == 1, W + 1, t), "z_shape": z.shape, "weight_shape": w.shape}
        with pytest.raises(ValueError, match="expected labels"):
            grad(**{p: given[p] for p in parameters})


def test_every_axis_that_a_label_addresses_is_checked() -> None:
    made = gradscribe.layer("integer t\ny[n,k] = z[n,t[n]] * w[t[n],k]", "read").compile()
    with pytest.raises(ValueError, match="from 0 to 2, received 4"):
        made.read_forward(np.ones((N, 3)), np.full(N, 4), np.ones((W, K)))


def test_a_label_of_a_label_is_checked() -> None:
    made = gradscribe.layer("integer t, u\ny[n,k] = w[t[u[n]],k]", "read").compile()
    w, t, u = np.arange(10.0).reshape(W, K), np.array([4, 0, 2]), np.array([2, 1, 0, 0])
    np.testing.assert_array_equal(made.read_forward(w, t, u), w[t[u]])
    for wrong in ((np.array([4, 0, 5]), u), (t, np.array([3, 0, 0, 0]))):
        with pytest.raises(ValueError, match="expected labels"):
            made.read_forward(w, *wrong)


@pytest.mark.parametrize(
    ("right", "left_out"),
    [
        ("[t[n] >= 0] w[t[n],k]", (-1, LOWEST)),
        ("[t[n] < W] w[t[n],k]", (W, GREATEST)),
        ("[0 <= t[n] + 1 < W] w[t[n] + 1,k]", (-2, W, LOWEST, GREATEST)),
        ("[t[n] != -100] w[t[n],k]", (-100,)),
        ("[t[n] != -100] exp(w[t[n] + 1,k])", (-100,)),
        ("[t[n] > -1] exp(w[t[n],k])", (-1,)),
        ("[t[n] >= 0] w[t[n] + k,k]", (-1, LOWEST)),
        ("max(v) [t[n] >= 0, v == t[n]] w[v,k]", (-1,)),
    ],
)
def test_what_a_condition_leaves_out_may_be_anything(right: str, left_out: tuple[int, ...]) -> None:
    made = module(right)
    w, t = np.arange(10.0).reshape(W, K) + 1, np.array([1, 0, 1, 2])
    whole, empty = first(made.read_forward(w, t)), -np.inf if "max" in right else 0
    for label in left_out:
        found = first(made.read_forward(w, np.where(t == 2, label, t)))
        np.testing.assert_array_equal(found[:3], whole[:3])
        np.testing.assert_array_equal(found[3], empty)


@pytest.mark.parametrize("right", ["[t[n] >= 0] w[t[n],k]", "[t[n] != -1] exp(w[t[n] + 1,k])"])
def test_other_labels_are_not_left_out(right: str) -> None:
    with pytest.raises(ValueError, match="expected labels"):
        module(right).read_forward(np.ones((W, K)), np.array([0, -1, 7, 0]))


def test_labels_are_added_before_they_are_judged() -> None:
    made, w = module("w[t[n] + t[n+1],k]"), np.arange(10.0).reshape(W, K)
    np.testing.assert_array_equal(made.read_forward(w, np.array([-1, 1, 3, 1])), w[[0, 4, 4, 1]])
    with pytest.raises(ValueError, match="received 5"):
        made.read_forward(w, np.array([0, 2, 3, 1]))


def test_a_condition_on_a_label_and_an_index_leaves_nothing_out() -> None:
    made, w = module("sum(j) [t[n] != j] w[t[n],k] * w[j,k]"), np.arange(10.0).reshape(W, K)
    wanted = [[sum(w[t, k] * w[j, k] for j in range(W) if j != t) for k in range(K)] for t in range(4)]
    np.testing.assert_allclose(first(made.read_forward(w, np.arange(4))), wanted)
    with pytest.raises(ValueError, match="received -1"):
        made.read_forward(w, np.full(N, -1))


def test_a_condition_elsewhere_leaves_nothing_out() -> None:
    made = module("w[t[n],k] + [t[n] > 0] w[t[n],k]")
    with pytest.raises(ValueError, match="received -1"):
        made.read_forward(np.ones((W, K)), np.full(N, -1))


def test_a_recorded_position_that_no_window_has_is_refused() -> None:
    made = gradscribe.layer("s = 2\ninput x[N,L,C]\nr < 2\ny[n,i,c] = max(r) x[n, s*i + r, c]", "pool").compile()
    y, position = made.pool_forward(np.random.default_rng(2).normal(size=(1, 6, 2)))
    for wrong in (2, -2):
        changed = np.where(position == position.max(), wrong, position)
        message = rf"pool: argument arg_y: expected positions in windows from -1 \(none\) to 1, received {wrong}"
        with pytest.raises(ValueError, match=message):
            made.pool_grad_input(np.ones_like(y), changed, input_shape=(1, 6, 2))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64])
@pytest.mark.parametrize("right", ["z[n,t[n]] * w[t[n],k]", "exp(z[n,t[n]+1]) * w[t[n],k] * w[t[n],0]"])
def test_lookups_of_several_tensors_by_one_label(right: str, kind: type) -> None:
    layer = gradscribe.layer(f"integer t\ny[n,k] = {right}")
    rng = np.random.default_rng(3)
    sizes = {s: {"N": N, "K": K}.get(s.name, W) for s in layer.program.symbols()}
    values = {name: rng.normal(size=shape) for name, shape in shapes(layer, sizes).items()}
    values["t"] = rng.integers(0, W - 1, N).astype(kind)
    assert_kernels_agree(layer, sizes, values, rng)
