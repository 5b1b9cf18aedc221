"""A run that is stopped, saved and loaded into new objects ends at the very bytes of one that went on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe import generated as g
from gradscribe.adapters import load_checkpoint, save, save_checkpoint
from gradscribe.adapters.named import weights

safetensors = pytest.importorskip("safetensors.numpy")


class Adam:
    """An optimiser of the contract, with a state of its own and a bias correction that depends on the steps."""

    def __init__(self, params: dict[str, Any], lr: float = 0.01) -> None:
        self.params, self.lr, self.steps = params, lr, 0
        self.state = {f"{m}.{name}": np.zeros_like(p) for name, p in params.items() for m in ("first", "second")}

    def step(self, grads: dict[str, Any]) -> None:
        self.steps += 1
        for name, p in self.params.items():
            first, second = self.state[f"first.{name}"], self.state[f"second.{name}"]
            first += 0.1 * (grads[name] - first)
            second += 0.001 * (grads[name] ** 2 - second)
            rate = self.lr * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
            p -= p.dtype.type(rate) * first / (np.sqrt(second) + p.dtype.type(1e-8))


class Run:
    """Training with batch norm, dropout and batches drawn at random, from one generator."""

    def __init__(self, seed: int, dtype: Any = np.float32, bits: Any = np.random.PCG64) -> None:
        options: dict[str, Any] = {"dtype": dtype, "rng": seed}
        first, last = g.Dense(6, 8, **options), g.Dense(8, 3, **options)
        self.net = g.Sequential(first, g.BatchNorm(8, dtype=dtype), g.Tanh(), last)
        self.optimiser, self.rng, self.dtype = Adam(self.net.params), np.random.Generator(bits(seed)), dtype
        self.data = np.random.default_rng(5).normal(size=(40, 6)).astype(dtype)
        self.labels = np.arange(40) % 3

    def train(self, steps: int) -> None:
        dropout, loss = g.Dropout(p=0.3), g.SoftmaxCrossEntropy()
        for _ in range(steps):
            batch = self.rng.permutation(40)[:16]
            mask = (self.rng.random((16, 6)) > 0.3).astype(self.dtype)
            loss(self.net(dropout(self.data[batch], mask)), self.labels[batch])
            dropout.backward(self.net.backward(loss.backward()))
            self.optimiser.step(self.net.grads)
            self.optimiser.lr *= 0.97

    def bytes(self) -> dict[str, bytes]:
        arrays = {w.name: w.array for w in weights(self.net)} | self.optimiser.state
        return {name: array.tobytes() for name, array in arrays.items()}


BITS = [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bits", BITS)
def test_resumed_to_the_bit(bits: Any, dtype: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    run = Run(0, dtype, bits)
    run.train(7)
    save_checkpoint(path, run.net, run.optimiser, run.rng, step=7, notes={"epoch": 2, "losses": [0.1, 0.2]})
    run.train(6)

    resumed = Run(1, dtype, bits)
    assert resumed.bytes() != run.bytes()
    found = load_checkpoint(path, resumed.net, resumed.optimiser, resumed.rng)
    assert (found.step, found.notes) == (7, {"epoch": 2, "losses": [0.1, 0.2]})
    resumed.train(6)
    assert resumed.bytes() == run.bytes()
    assert (resumed.optimiser.steps, resumed.optimiser.lr) == (13, run.optimiser.lr)
    assert resumed.rng.random() == run.rng.random()


def test_each_part_counts(tmp_path: Path) -> None:
    """Without the generator, the steps or the state the bytes are others: the test above can fail."""
    path = tmp_path / "run.safetensors"
    run = Run(0)
    run.train(7)
    save_checkpoint(path, run.net, run.optimiser, run.rng)
    run.train(6)
    for forget in ("rng", "steps", "state", "running"):
        resumed = Run(1)
        load_checkpoint(path, resumed.net, resumed.optimiser, resumed.rng)
        if forget == "rng":
            resumed.rng.random(100)  # a few draws might be those that a permutation rejects
        if forget == "steps":
            resumed.optimiser.steps = 0
        for name, array in resumed.optimiser.state.items():
            array *= 0 if forget == "state" and name == "first.0.w" else 1
        if forget == "running":
            resumed.net.layers[1].state["running_mean"][:] = 0
        resumed.train(6)
        assert resumed.bytes() != run.bytes(), forget


@pytest.mark.parametrize("optimiser", [g.SGD, g.Adam])
def test_a_network_with_a_generated_optimiser_is_resumed_to_the_bit(optimiser: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def run(network: Any, optimiser: Any, steps: int) -> None:
        for _ in range(steps):
            x = rng.normal(size=(2, 4, 4, 64)).astype(np.float32)
            network.backward(network(x))
            optimiser.step(network.grads)
            optimiser.lr *= 0.9

    def made(seed: int) -> tuple[Any, Any]:
        network = g.Bottleneck(rng=seed)
        options = {"momentum": 0.9} if optimiser is g.SGD else {}
        return network, optimiser(network.params, lr=1e-4, **options)

    network, steps = made(0)
    run(network, steps, 2)
    save_checkpoint(tmp_path / "run.safetensors", network, steps, rng, step=2)
    run(network, steps, 2)
    resumed, others = made(1)
    assert load_checkpoint(tmp_path / "run.safetensors", resumed, others, rng).step == 2
    run(resumed, others, 2)
    assert (others.steps, others.lr) == (steps.steps, steps.lr)
    assert [w.array.tobytes() for w in weights(resumed)] == [w.array.tobytes() for w in weights(network)]
    assert {n: a.tobytes() for n, a in others.state.items()} == {n: a.tobytes() for n, a in steps.state.items()}


def test_a_layer_alone_and_several_generators(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    layer, other = g.Dense(2, 3, rng=0), g.Dense(2, 3, rng=1)
    rngs = {"data": np.random.default_rng(0), "dropout": np.random.Generator(np.random.MT19937(1))}
    save_checkpoint(path, layer, rng=rngs)
    expected = {name: rng.random(3).tobytes() for name, rng in rngs.items()}
    again = {"data": np.random.default_rng(8), "dropout": np.random.Generator(np.random.MT19937(9))}
    assert load_checkpoint(path, other, rng=again).step == 0
    assert {name: rng.random(3).tobytes() for name, rng in again.items()} == expected
    np.testing.assert_array_equal(layer.params["w"], other.params["w"])


def spoilt(path: Path, **facts: Any) -> None:
    """The checkpoint at `path` with other facts in its header."""
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (an open file is no dict)
        saved = json.loads(file.metadata()["gradscribe.checkpoint"])
    safetensors.save_file(arrays, path, {"gradscribe.checkpoint": json.dumps(saved | facts)})


def state_of(rng: np.random.Generator) -> str:
    return str(rng.bit_generator.state)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("weights", "expected a checkpoint, found a safetensors file without gradscribe.checkpoint"),
        ("version", "expected a checkpoint of version 1, found version 9"),
        ("no optimiser", "optimiser: expected Adam, found none"),
        ("optimiser", "optimiser: expected Adam, found SGD"),
        ("no generator", "random generators: expected PCG64, found none"),
        ("generator", "random generators: expected PCG64, found MT19937"),
        ("state of the generator", "random generator PCG64: expected its state, found"),
        ("net", "weight layer.0.w: expected shape (6, 8), found (6, 9)"),
        ("type", "weight layer.0.w: expected type float32, found float64"),
        ("text", "expected a safetensors file, found something else"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line_and_nothing_changes(kind: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    run = Run(0, np.float64 if kind == "type" else np.float32)
    if kind == "net":
        run.net = g.Sequential(g.Dense(6, 9), g.BatchNorm(9), g.Tanh(), g.Dense(9, 3))
        run.optimiser = Adam(run.net.params)
    other = np.random.Generator(np.random.MT19937(0))
    rng = {"no generator": None, "generator": other}.get(kind, run.rng)
    optimiser: Any = None if kind == "no optimiser" else run.optimiser
    save_checkpoint(path, run.net, optimiser, rng)
    if kind == "weights":
        save(run.net, path)
    if kind == "version":
        spoilt(path, version=9)
    if kind == "optimiser":
        spoilt(path, optimiser={"class": "SGD", "steps": 0, "lr": 0.1})
    if kind == "state of the generator":
        spoilt(path, rng={"": {"bit_generator": "PCG64", "state": {"state": "x", "inc": 1}}})
    if kind == "text":
        path.write_text("no safetensors")
    into = Run(1)
    before, drawn = into.bytes(), state_of(into.rng)
    with pytest.raises(ValueError, match=r"run\.safetensors: ") as caught:
        load_checkpoint(path, into.net, into.optimiser, into.rng)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)
    assert (into.bytes(), state_of(into.rng), into.optimiser.steps) == (before, drawn, 0)


def test_notes_that_json_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_checkpoint(tmp_path / "run.safetensors", g.Dense(2, 3), notes={"net": object()})
    assert not list(tmp_path.iterdir())
