"""Optimisers: against PyTorch, plain NumPy and the interpreter; in place, whole or not at all; and one's own."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import Symbol

import gradscribe
from gradscribe import facade
from gradscribe.codegen.numpy.package.runtime import runtime_sources
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.language import LanguageError
from gradscribe.generated import SGD, Adam, Dense, ReLU, Sequential, SoftmaxCrossEntropy
from gradscribe.generated.adam import adam_update
from gradscribe.generated.sgd import sgd_update
from tests.runtime.rooms import set_in_all

Array = np.ndarray
SHAPES = {"c1.w": (5, 5, 1, 3), "c1.b": (3,), "scale": (), "empty": (0, 4)}
STEPS = 6


def weights(rng: np.random.Generator, dtype: Any = np.float64) -> dict[str, Array]:
    return {name: np.array(rng.normal(size=shape), dtype) for name, shape in SHAPES.items()}


def copies(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name: value.copy() for name, value in arrays.items()}


# ----- the values -----------------------------------------------------------------------------------------------------
SETTINGS = [
    (SGD, "SGD", {"lr": 0.1}),
    (SGD, "SGD", {"lr": 0.1, "momentum": 0.9}),
    (SGD, "SGD", {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.3}),
    (SGD, "SGD", {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.3, "nesterov": True}),
    (Adam, "Adam", {}),
    (Adam, "Adam", {"lr": 0.03, "beta_1": 0.7, "beta_2": 0.9, "eps": 1e-3, "weight_decay": 0.2}),
    (Adam, "Adam", {"lr": 0.03, "beta_1": 0.0, "beta_2": 0.0}),
]


@pytest.mark.oracle
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)], ids=["float64", "float32"])
@pytest.mark.parametrize(("build", "name", "settings"), SETTINGS, ids=str)
def test_the_same_as_pytorch(
    build: type[Any], name: str, settings: dict[str, Any], dtype: Any, tolerance: float
) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    params = weights(rng, dtype)
    theirs = {key: torch.nn.Parameter(torch.tensor(value)) for key, value in params.items()}
    theirs_settings = {k: v for k, v in settings.items() if not k.startswith("beta")}
    if "beta_1" in settings:
        theirs_settings["betas"] = (settings["beta_1"], settings["beta_2"])
    other = getattr(torch.optim, name)(theirs.values(), **theirs_settings)
    optimiser = build(params, **settings)
    for k in range(STEPS):
        grads = weights(rng, dtype)
        for key, value in grads.items():
            theirs[key].grad = torch.tensor(value)
        if k == STEPS // 2:  # a schedule
            optimiser.lr /= 3
            other.param_groups[0]["lr"] /= 3
        optimiser.step(grads)
        other.step()
    for key, value in params.items():
        np.testing.assert_allclose(value, theirs[key].detach().numpy(), rtol=tolerance, atol=tolerance)


def test_sgd_is_its_formula() -> None:
    rng = np.random.default_rng(0)
    params = weights(rng)
    expected, velocity = copies(params), {name: np.zeros_like(p) for name, p in params.items()}
    optimiser = SGD(params, lr=0.1, momentum=0.9, weight_decay=0.01)
    for _ in range(STEPS):
        grads = weights(rng)
        optimiser.step(grads)
        for name in params:
            velocity[name] = 0.9 * velocity[name] + grads[name] + 0.01 * expected[name]
            expected[name] = expected[name] - 0.1 * velocity[name]
    for name, value in params.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-13)
        np.testing.assert_allclose(optimiser.state[f"velocity.{name}"], velocity[name], rtol=1e-13)


def test_adam_is_its_algorithm() -> None:
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(3, 2))}
    expected, m, v = params["w"].copy(), np.zeros((3, 2)), np.zeros((3, 2))
    optimiser = Adam(params, lr=0.1, beta_1=0.8, beta_2=0.9, eps=1e-4)
    for t in range(1, STEPS + 1):
        g = rng.normal(size=(3, 2))
        optimiser.step({"w": g})
        m = 0.8 * m + 0.2 * g
        v = 0.9 * v + 0.1 * g**2
        expected = expected - 0.1 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.9**t)) + 1e-4)
    np.testing.assert_allclose(params["w"], expected, rtol=1e-13)
    np.testing.assert_allclose(optimiser.state["second_moment.w"], v, rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "update", "options"),
    [
        ("sgd", sgd_update, {"lr": 0.3, "momentum": 0.7, "weight_decay": 0.1, "nesterov": False}),
        ("sgd", sgd_update, {"lr": 0.3, "momentum": 0.7, "weight_decay": 0.1, "nesterov": True}),
        ("adam", adam_update, {"lr": 0.3, "beta_1": 0.7, "beta_2": 0.8, "eps": 0.1, "weight_decay": 0.2, "t": 3}),
    ],
    ids=["sgd", "nesterov", "adam"],
)
def test_the_function_is_what_the_interpreter_makes_of_the_equations(
    name: str, update: Callable[..., tuple[Array, ...]], options: dict[str, float]
) -> None:
    program = OPTIMISERS[name]().layer.program
    rng = np.random.default_rng(1)
    given = {t.name: np.abs(rng.normal(size=7)) for t in program.inputs}
    sizes: dict[Any, Any] = {e: 7 for t in program.inputs for e in t.shape}
    sizes |= {s: options[s.name] for s in program.symbols() if s.name in options}
    values = interpret(program, given, sizes)
    found = update(*given.values(), **options)
    for output, value in zip(program.outputs, found, strict=True):
        np.testing.assert_allclose(value, values[output], rtol=1e-13)


def test_a_network_learns() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4))
    t = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    for build in (lambda p: SGD(p, lr=0.2, momentum=0.9), lambda p: Adam(p, lr=0.02)):
        net, loss = (
            Sequential(Dense(4, 16, dtype=np.float64, rng=0), ReLU(), Dense(16, 2, dtype=np.float64, rng=1)),
            (SoftmaxCrossEntropy()),
        )
        optimiser = build(net.params)
        values = []
        for _ in range(60):
            values.append(loss(net(x), t))
            net.backward(loss.backward())
            optimiser.step(net.grads)
        assert values[-1] < 0.2 * values[0]


# ----- in place -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("build", [SGD, Adam])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_stay_where_they_are_and_what_they_are(build: type[Any], dtype: Any) -> None:
    rng = np.random.default_rng(2)
    params = weights(rng, dtype)
    before, values = dict(params), copies(params)
    optimiser = build(params)
    state = dict(optimiser.state)
    assert all(not a.any() and a.dtype == dtype for a in state.values())
    optimiser.step(weights(rng, dtype))
    assert all(params[name] is before[name] for name in SHAPES)
    assert all(optimiser.state[name] is state[name] for name in state)
    for name, value in params.items():
        assert value.dtype == dtype
        assert value.shape == SHAPES[name]
        assert not value.size or (value != values[name]).any()
    assert optimiser.steps == 1


def test_state_is_named_after_what_it_is_and_its_weight() -> None:
    params = {"c1.w": np.zeros(2), "c1.b": np.zeros(1)}
    assert list(SGD(params).state) == ["velocity.c1.w", "velocity.c1.b"]
    assert set(Adam(params).state) == {f"{k}_moment.{w}" for k in ("first", "second") for w in params}


def test_arrays_that_are_replaced_between_steps_are_those_that_count() -> None:
    """A weight, and what is kept of one: as a checkpoint or a user may put others in their places."""
    params = {"w": np.ones((2, 3)), "b": np.ones(4)}
    optimiser = SGD(params, lr=1.0, momentum=0.5)
    optimiser.step({name: np.ones_like(value) for name, value in params.items()})
    params["w"] = np.full((2, 3), 7.0)
    optimiser.state["velocity.b"] = np.full(4, 8.0)
    optimiser.step({name: np.ones_like(value) for name, value in params.items()})
    np.testing.assert_array_equal(params["w"], np.full((2, 3), 7.0 - 1.5))
    np.testing.assert_array_equal(params["b"], np.full(4, 0.0 - 5.0))
    np.testing.assert_array_equal(optimiser.state["velocity.b"], np.full(4, 5.0))


def test_a_weight_that_is_a_view_is_updated_in_what_it_views() -> None:
    whole = np.ones((4, 4))
    SGD({"w": whole[::2, 1:]}, lr=1.0).step({"w": np.ones((2, 3))})
    assert whole.sum() == 16 - 6


def test_strided_gradients() -> None:
    params = {"w": np.zeros((2, 3))}
    g = np.arange(6.0).reshape(3, 2)
    SGD(params, lr=1.0).step({"w": g.T})
    np.testing.assert_array_equal(params["w"], -g.T)


# ----- whole or not at all --------------------------------------------------------------------------------------------
BAD = [
    ({"w": np.zeros(2)}, ValueError, "the gradient of b is missing"),
    ({"w": np.zeros(2), "b": np.zeros(3), "v": np.zeros(1)}, ValueError, "v is none of the weights"),
    ({"w": np.zeros(2), "b": np.zeros(2)}, ValueError, r"grads, b: expected shape \(3,\), received \(2,\)"),
    ({"w": np.zeros(2), "b": np.zeros(3, np.float32)}, TypeError, "grads, b: expected float64 .* received float32"),
    ({"w": np.zeros(2), "b": [0, 0, 0]}, TypeError, "grads, b: expected float64 as the weight has, received int64"),
    ({"w": np.zeros(2), "b": np.array([0, np.nan, 0])}, FloatingPointError, "gradient of b: .* received nan"),
    ({"w": np.zeros(2), "b": np.array([0, 0, -np.inf])}, FloatingPointError, "gradient of b: .* received -inf"),
    ({"w": np.zeros(2), "b": np.full(3, 1e308)}, FloatingPointError, "b would not stay finite"),
]


@pytest.mark.parametrize("build", [SGD, Adam])
@pytest.mark.parametrize(("grads", "error", "message"), BAD, ids=[m for _, _, m in BAD])
def test_where_something_is_wrong_nothing_changes(
    build: type[Any], grads: dict[str, Array], error: type[Exception], message: str
) -> None:
    params = {"w": np.ones(2), "b": np.ones(3)}
    optimiser = build(params, lr=10.0)
    optimiser.step({"w": np.ones(2), "b": np.ones(3)})
    before, state = copies(params), copies(optimiser.state)
    with pytest.raises(error, match=message) as caught:
        optimiser.step(grads)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{optimiser.name}: ")
    assert optimiser.steps == 1
    for name, value in {**params, **optimiser.state}.items():
        np.testing.assert_array_equal(value, {**before, **state}[name])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"lr": -0.1}, ValueError, "argument lr: expected a finite number, at least 0, received -0.1"),
        ({"lr": "fast"}, TypeError, "argument lr: expected a number, received 'fast'"),
        ({"weight_decay": -1}, ValueError, "argument weight_decay: expected a finite number, at least 0, "),
    ],
)
@pytest.mark.parametrize("build", [SGD, Adam])
def test_settings_out_of_range(
    build: type[Any], settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build({"w": np.zeros(1)}, **settings)
    optimiser = build({"w": np.zeros(1)})
    for name, value in settings.items():
        setattr(optimiser, name, value)
    with pytest.raises(error, match=message):
        optimiser.step({"w": np.zeros(1)})


def test_settings_that_one_of_them_has() -> None:
    with pytest.raises(ValueError, match=r"beta_2: expected a number, at least 0 and less than 1, received 1\.5"):
        Adam({}, beta_2=1.5)
    with pytest.raises(TypeError, match="nesterov: expected True or False, received 1"):
        SGD({}, nesterov=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weight", "error", "received"),
    [([1.0], TypeError, "received list"), (np.ones(1, int), TypeError, "received int64")],
)
def test_what_cannot_be_updated_in_place(weight: Any, error: type[Exception], received: str) -> None:
    with pytest.raises(error, match=f"argument params, w: expected an array of float32 or float64, {received}"):
        SGD({"w": weight})


def test_a_weight_that_is_read_only() -> None:
    weight = np.ones(1)
    weight.flags.writeable = False
    with pytest.raises(ValueError, match="argument params, w: expected an array that can be written to"):
        SGD({"w": weight})


# ----- one's own ------------------------------------------------------------------------------------------------------
RMSPROP = """
lr = 0.01; rho = 0.9; eps = 1e-8
new_v[...] = rho * v[...] + (1 - rho) * g[...]^2
new_p[...] = p[...] - lr * g[...] / (sqrt(new_v[...]) + eps)
"""
NORMALISED = """
lr = 0.1
s = sum(...) g[...]^2
new_p[...] = p[...] - lr * g[...] / sqrt(s)
"""


def rmsprop() -> facade.Optimiser:
    return gradscribe.optimiser(RMSPROP, "rmsprop", class_name="RMSProp", state={"v": "mean_square"})


def test_an_optimiser_of_ones_own() -> None:
    module: ModuleType = rmsprop().compile()
    rng = np.random.default_rng(5)
    params = weights(rng)
    expected, v = copies(params), {name: np.zeros_like(p) for name, p in params.items()}
    optimiser = module.RMSProp(params, rho=0.8)
    for _ in range(STEPS):
        grads = weights(rng)
        optimiser.step(grads)
        for name, g in grads.items():
            v[name] = 0.8 * v[name] + 0.2 * g**2
            expected[name] = expected[name] - 0.01 * g / (np.sqrt(v[name]) + 1e-8)
    for name, value in params.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12)
    assert "mean_square.c1.w" in optimiser.state


def test_without_state_and_with_a_sum_over_the_weight() -> None:
    module = gradscribe.optimiser(NORMALISED, "normalised").compile()
    params = {"w": np.ones((2, 2)), "b": np.ones(9)}
    optimiser = module.Normalised(params)
    optimiser.step({"w": np.full((2, 2), 5.0), "b": np.full(9, 2.0)})
    np.testing.assert_allclose(params["w"], 1 - 0.1 / 2)  # each by its own sum
    np.testing.assert_allclose(params["b"], 1 - 0.1 / 3)
    assert optimiser.state == {}


@pytest.mark.parametrize("together", [0, 80, 1 << 14])
def test_weights_updated_at_once_are_updated_as_each_by_itself(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    set_in_all(monkeypatch, "TOGETHER", together)
    rng = np.random.default_rng(8)
    params = {**weights(rng), **{f"{name}.single": w for name, w in weights(rng, np.float32).items()}}
    alone = {name: {name: value.copy()} for name, value in params.items()}
    optimiser, others = Adam(params), {name: Adam(own) for name, own in alone.items()}
    for _ in range(STEPS):
        grads = {name: np.asarray(rng.normal(size=p.shape), p.dtype) for name, p in params.items()}
        optimiser.step(grads)
        for name, other in others.items():
            other.step({name: grads[name]})
    for name, value in params.items():
        np.testing.assert_array_equal(value, alone[name][name])


def test_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = rmsprop().generate(tmp_path / "mine")
    found = {path.relative_to(tmp_path / "mine").as_posix() for path in written}
    assert found == {"__init__.py", "rmsprop.py", "compiled/__init__.py", "compiled/rmsprop.py", *runtime_sources()}
    assert rmsprop().generate(tmp_path / "mine") == ()
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("mine")
    params = {"w": np.zeros(2)}
    mine.RMSProp(params, lr=1.0).step({"w": np.ones(2)})
    np.testing.assert_allclose(params["w"], -1 / np.sqrt(0.1))


def test_what_an_unknown_name_in_the_text_says() -> None:
    with pytest.raises(LanguageError, match=r"line 1, column 21: unknown name lr"):
        gradscribe.optimiser("new_p[...] = p[...]-lr * g[...]", "mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("new_p[...] = p[...] - 0.1 * d[...]", "mine: expected the inputs p .* and g .*; g is none"),
        ("new_w[...] = w[...] - 0.1 * g[...]", "p is none"),
        ("q[...] = p[...] - 0.1 * g[...]", "nothing replaces p; expected an equation of new_p"),
        ("new_p[...] = p[...] - g[...] * v[...]", "nothing replaces v; expected an equation of new_v"),
        ("new_p = sum(...) p[...] * g[...]", r"new_p has shape \(\); expected that of p, \(E,\)"),
        ("new_p[n] = p[n] - g[n] * s\nnew_s = s + 1\ninput p[N], g[N], s", r"s has shape \(\); expected that of p"),
        ("new_p[n,k] = p[n,k] - g[n]", r"g has shape \(N,\); expected that of p, \(N, K\)"),
        ("integer g\nnew_p[...] = p[...] - g[...]", "g is integers; expected real numbers"),
        ("optional g\nnew_p[n] = p[n] - g[n]", "g is optional; expected real numbers"),
    ],
)
def test_equations_that_are_no_update(text: str, message: str) -> None:
    with pytest.raises(EquationError, match=message):
        gradscribe.optimiser(text, "mine")


def test_names_that_are_taken() -> None:
    update = "steps = 0.1; new_p[...] = p[...] - steps * g[...]"
    with pytest.raises(EquationError, match="option steps: every optimiser has an attribute of that name"):
        gradscribe.optimiser(update, "mine").compile()
    with pytest.raises(EquationError, match="state names v, expected one of no name: there is no state"):
        gradscribe.optimiser("new_p[...] = p[...] - g[...]", "mine", state={"v": "velocity"})


def test_nothing_is_differentiated() -> None:
    for build in OPTIMISERS.values():
        assert build().layer.differentiable == ()
        assert derive(build().layer).sections == ()
        assert Symbol("p") not in build().layer.program.symbols()
