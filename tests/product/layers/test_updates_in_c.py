"""Updates of weights in C: what NumPy makes of them, in place, all of them or none."""

import pickle
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.generated import SGD, Adam, settings
from gradscribe.generated.runtime.layers import optimiser as numpys
from gradscribe.generated.runtime.layers import updating
from tests.runtime.rooms import set_in_all

SHAPES = {"w": (5, 9), "scale": (), "empty": (0, 4), "long": (1000,), "b": (3,)}
STEPS = 4
BUILDS = [
    lambda p: SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True),
    lambda p: Adam(p, lr=0.03, weight_decay=0.1),
]


@pytest.fixture(params=[1, 3])
def in_c(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Updates in C where they can be, at most 64 elements at a time; what each of them said."""
    set_in_all(monkeypatch, "AT_A_TIME", 64)
    updating._program.cache_clear()
    said: list[bool] = []

    class Watched(updating.Updates):
        def in_place(self, *given: Any) -> bool:
            said.append(super().in_place(*given))
            return said[-1]

    monkeypatch.setattr(numpys, "Updates", Watched)
    with settings(backend="compiled", threads=request.param):
        yield said
    updating._program.cache_clear()


def copied(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value.copy() for name, value in arrays.items()}


def drawn(rng: np.random.Generator, shapes: dict[str, Any], *kinds: Any) -> dict[str, np.ndarray]:
    return {n: np.array(rng.normal(size=s), kinds[k % len(kinds)]) for k, (n, s) in enumerate(shapes.items())}


@pytest.mark.parametrize("kinds", [(np.float32,), (np.float64,), (np.float32, np.float64)], ids=str)
@pytest.mark.parametrize("build", BUILDS, ids=["sgd", "adam"])
def test_they_are_numpys(build: Any, kinds: Any, in_c: list[bool]) -> None:
    rng = np.random.default_rng(5)
    sizes = {f"r{k}": tuple(rng.integers(1, 12, rng.integers(1, 4))) for k in range(6)}
    params = drawn(rng, {**SHAPES, **sizes}, *kinds)
    others = copied(params)
    ours, theirs = build(params), build(others)
    arrays = {name: id(value) for name, value in {**params, **ours.state}.items()}
    for k in range(STEPS):
        grads = drawn(rng, {**SHAPES, **sizes}, *kinds)
        ours.lr = theirs.lr = ours.lr / (k + 1)
        grads["w"] = np.asfortranarray(grads["w"]) if k == 1 else grads["w"]
        ours.step(grads)
        with settings(backend="numpy"):
            theirs.step(grads)
    assert in_c[::2] == [True, False, True, True]
    assert {name: id(value) for name, value in {**params, **ours.state}.items()} == arrays
    for name, value in {**params, **ours.state}.items():
        near = 1e-6 if value.dtype == np.float32 else 1e-14
        np.testing.assert_allclose(value, {**others, **theirs.state}[name], rtol=near, atol=near, err_msg=name)


@pytest.mark.parametrize("place", [0, 63, 64, 999])
@pytest.mark.parametrize(
    ("wrong", "message"), [(np.nan, "the gradient of long: .* nan"), (3e38, "long would not stay finite")]
)
def test_where_something_is_wrong_nothing_changes(wrong: float, message: str, place: int, in_c: list[bool]) -> None:
    params = drawn(np.random.default_rng(0), SHAPES, np.float32)
    optimiser = SGD(params, lr=10.0, momentum=0.9)
    optimiser.step({name: np.ones_like(p) for name, p in params.items()})
    before = copied({**params, **optimiser.state})
    grads = {name: np.ones_like(p) for name, p in params.items()}
    grads["long"][place] = wrong
    with pytest.raises(FloatingPointError, match=message):
        optimiser.step(grads)
    assert in_c == [True, False]
    assert optimiser.steps == 1
    for name, value in {**params, **optimiser.state}.items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_a_sum_that_is_not_finite_is_no_mistake(in_c: list[bool]) -> None:
    """The sum of elements that are all finite may not be."""
    params = {"w": np.full(100, 1e307)}
    SGD(params, lr=1.0).step({"w": np.full(100, -1e307)})
    assert in_c == [False]
    np.testing.assert_array_equal(params["w"], 2e307)


def test_arrays_that_overlap_are_updated_from_what_they_were(in_c: list[bool]) -> None:
    """The one is not read after the other one has changed."""
    memory = np.arange(20.0)
    params = {"one": memory[:12], "two": memory[8:]}
    others = copied(params)
    grads = {"one": np.ones(12), "two": np.full(12, 2.0)}
    SGD(params, lr=1.0).step(grads)
    SGD(others, lr=1.0).step(grads)
    assert in_c == [False, True]
    memory[:12], memory[8:] = others["one"], others["two"]
    np.testing.assert_array_equal(np.concatenate([params["one"], params["two"]]), np.r_[memory[:12], memory[8:]])


@pytest.mark.parametrize("owned", [True, False])
def test_a_gradient_may_be_the_weight(owned: bool, in_c: list[bool]) -> None:
    held = bytearray(8 * 70)
    weight = np.arange(70.0) if owned else np.frombuffer(held, np.float64)
    weight[:] = np.arange(70.0)
    SGD({"w": weight}, lr=0.5).step({"w": weight})
    weight[:] *= 2
    np.testing.assert_array_equal(weight, np.arange(70.0))
    SGD({"w": weight[1:]}, lr=1.0).step({"w": weight[:-1]})
    assert in_c == [False, False]
    np.testing.assert_array_equal(weight, [0.0] + [1.0] * 69)


def test_arrays_may_be_replaced(in_c: list[bool]) -> None:
    params = {"w": np.ones(70)}
    optimiser = SGD(params, lr=1.0)
    optimiser.step({"w": np.ones(70)})
    params["w"] = np.full(70, 5.0)
    optimiser.state["velocity.w"] = np.full(70, 2.0)
    optimiser.momentum = 1.0
    optimiser.step({"w": np.ones(70)})
    assert in_c == [True, True]
    np.testing.assert_array_equal(params["w"], 2.0)
    np.testing.assert_array_equal(optimiser.state["velocity.w"], 3.0)


def protected(optimiser: SGD) -> None:
    optimiser.params["w"].setflags(write=False)


def kept_in_another_type(optimiser: SGD) -> None:
    optimiser.state["velocity.w"] = np.zeros(70, np.float32)


def kept_in_another_shape(optimiser: SGD) -> None:
    optimiser.state["velocity.w"] = np.zeros(7)


def several_numbers(optimiser: SGD) -> None:
    optimiser.lr = np.ones(3)  # type: ignore[assignment]


def no_flag(optimiser: SGD) -> None:
    optimiser.nesterov = 0  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (protected, "argument params, w: expected an array that can be written to"),
        (kept_in_another_type, "argument v: expected float64 as p has, received float32"),
        (kept_in_another_shape, "cannot reshape"),
        (several_numbers, "argument lr: expected a number"),
        (no_flag, "argument nesterov: expected True or False, received 0"),
    ],
)
def test_what_is_wrong_between_steps_is_said_as_by_numpy(change: Any, message: str, in_c: list[bool]) -> None:
    params = {"w": np.full(70, 8.0)}
    optimiser = SGD(params, lr=1.0)
    optimiser.step({"w": np.ones(70)})
    change(optimiser)
    with pytest.raises((TypeError, ValueError), match=message):
        optimiser.step({"w": np.ones(70)})
    assert in_c[0]
    np.testing.assert_array_equal(params["w"], 7.0)


class Halved(SGD):
    """Depends on what its class does not name."""

    share = 1.0

    def _updated(self, p: Any, g: Any, *state: Any) -> Any:
        new, *kept = super()._updated(p, g, *state)
        return self.share * new, *kept


def test_a_class_of_ones_own_is_looked_at_anew(in_c: list[bool]) -> None:
    params = {"w": np.full(70, 8.0)}
    optimiser = Halved(params, lr=0.0)
    for share in (1.0, 0.5, 0.5):
        optimiser.share = share
        optimiser.step({"w": np.ones(70)})
    np.testing.assert_array_equal(params["w"], 2.0)


@pytest.mark.parametrize("copy", [deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["copied", "pickled"])
def test_a_copy_begins_anew(copy: Any, in_c: list[bool]) -> None:
    params = {"w": np.full(70, 8.0)}
    optimiser = Adam(params, lr=1.0)
    optimiser.step({"w": np.ones(70)})
    other = copy(optimiser)
    for one in (optimiser, other):
        one.step({"w": np.ones(70)})
    assert other.params["w"] is not params["w"]
    np.testing.assert_array_equal(other.params["w"], params["w"])


OWN = {
    "rmsprop": """
        lr = 0.01; rho = 0.9; eps = 1e-8
        new_v[...] = rho * v[...] + (1 - rho) * g[...]^2
        new_p[...] = p[...] - lr * g[...] / (sqrt(new_v[...]) + eps)""",
    "greatest": """
        lr = 0.1
        new_v[...] = max(v[...], tanh(g[...]))
        new_p[...] = p[...] - lr * [g[...] > 0] * new_v[...]""",
}


@pytest.mark.parametrize("name", OWN)
def test_updates_of_ones_own(name: str, in_c: list[bool]) -> None:
    build = gradscribe.optimiser(OWN[name], "mine", class_name="Mine", state={"v": "kept"}).compile().Mine
    rng = np.random.default_rng(1)
    params = {"w": rng.normal(size=(7, 30)), "b": rng.normal(size=3)}
    others = copied(params)
    ours, theirs = build(params, lr=0.1), build(others, lr=0.1)
    for _ in range(STEPS):
        grads = drawn(rng, {"w": (7, 30), "b": (3,)}, np.float64)
        ours.step(grads)
        with settings(backend="numpy"):
            theirs.step(grads)
    assert in_c[::2] == [True] * STEPS
    for word, value in {**params, **ours.state}.items():
        np.testing.assert_allclose(value, {**others, **theirs.state}[word], rtol=1e-13, atol=1e-14, err_msg=word)
