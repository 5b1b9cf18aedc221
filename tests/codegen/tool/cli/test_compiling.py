"""`gradscribe compile` and `tune`: what they have made and measured, a process that calls the functions finds."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gradscribe.codegen.driver import compile_module, emitted
from gradscribe.codegen.numpy.explain.instance import instance, real_type
from gradscribe.codegen.numpy.explain.tuning import tuned
from gradscribe.derive.catalogue.configurations import CONFIGURATIONS, Configuration
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import Network, concrete
from gradscribe.derive.layer.interface import Layer
from gradscribe.generated.runtime.machine.compiled import FEWEST_STEPS
from gradscribe.generated.runtime.machine.native import library
from tests.cases.thorough import some
from tests.codegen.tool.cli.running import Command, is_a_mistake, run_apart

ROOT = Path(__file__).parents[4]
CALLS = {
    "max_pool2d --shape x=2,64,64,40 --set kernel_size=2": """
x = np.ones((2, 64, 64, 40), np.float32)
y, argmax = generated.max_pool2d_forward(x, kernel_size=2)
generated.max_pool2d_grad_input(y, argmax, input_shape=x.shape, kernel_size=2)
""",
    "lenet --shape x=16,32,32,1": """
net, x = generated.LeNet(rng=0), np.zeros((16, 32, 32, 1), np.float32)
net.backward(net(x))
net.predict(x)
""",
}
COUNTED = """
import json
import numpy as np
from gradscribe import generated
from gradscribe.generated.runtime.machine.native import objects
called, compiled, opened, made = [], [], objects._opened, objects._made
objects._opened = lambda *given: (called.append(given[-1]), opened(*given))[1]
objects._made = lambda *given: (compiled.append(given[-1]), made(*given))[1]
{calls}
print(json.dumps([len(called), len(compiled)]))
"""


def functions_of(calls: str, cache: Path) -> tuple[int, int]:
    """How many functions a process of its own asks for, and how many of them it compiles."""
    environment = {**os.environ, "GRADSCRIBE_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", COUNTED.format(calls=calls)],
        env=environment, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    called, compiled = json.loads(done.stdout)
    return called, compiled


@pytest.mark.parametrize("arguments", some(CALLS, 1))
def test_calls_find_what_they_need(arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not library.available():
        pytest.skip("no C compiler here")
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(tmp_path / "cache"))
    done = run_apart(tmp_path, "compile", *arguments.split())
    assert (done.code, done.err) == (0, "")
    number = int(done.out.rsplit(": ", 1)[1].split()[0])
    assert number >= 2
    called, compiled = functions_of(CALLS[arguments], tmp_path / "cache")
    assert called >= number
    assert compiled == 0


@pytest.mark.thorough
def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(tmp_path / "cache"))
    is_a_mistake(run_apart(tmp_path, "compile", "relu", "--shape", "x=512,512"), "needs a C compiler")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("relu --shape x=4,6", f"compiling pays from loops of {FEWEST_STEPS:,} steps on, the longest here have 24"),
        ("max_pool1d --shape x=1,9,5 --set kernel_size=3", "the longest here have 45"),  # stride 3: 3 x 5 windows of 3
        ("lenet --shape x=1,32,32,1", "the longest here have 4,704"),  # tanh of 28 x 28 x 6 numbers
        ("dense --shape x=4,8 --shape w=8,8", "NumPy is predicted to be faster at these sizes, see gradscribe explain"),
        ("pixel_shuffle --shape x=1,2,2,4 --set upscale_factor=2", "NumPy alone computes it, at all sizes"),
    ],
)
def test_what_needs_nothing_says_why(gradscribe: Command, arguments: str, reason: str) -> None:
    if library.available():
        _, told = gradscribe("compile", *arguments.split()).out.split(": ")
        assert told.startswith("0 functions in C; ")
        assert told.endswith(f"{reason}\n")


def test_what_is_said_to_be_worth_compiling_is(gradscribe: Command) -> None:
    if library.available():
        few = FEWEST_STEPS - 1
        assert gradscribe("compile", "relu", "--shape", f"x=1,{few}").out.endswith(f"have {few:,}\n")
        assert gradscribe("compile", "relu", "--shape", f"x=1,{FEWEST_STEPS}").out.endswith(": 1 function in C\n")


@pytest.mark.parametrize("configuration", some(list(CONFIGURATIONS), 4), ids=lambda c: c.name)
def test_every_configuration_has_all_sizes(configuration: Configuration) -> None:
    layer: Layer = NETWORKS[configuration.name]() if configuration.name in NETWORKS else LAYERS[configuration.name]()
    if isinstance(layer, Network):
        layer = concrete(layer)
    example = instance(layer, configuration.shapes, configuration.settings, real_type(layer, "float32"))
    for name, shape in configuration.shapes.items():
        assert example.values[name].shape == shape


# ----- tune -----------------------------------------------------------------------------------------------------------
def test_what_is_measured_to_be_faster_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not library.available():
        pytest.skip("no C compiler here")
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(tmp_path / "cache"))
    sizes = "dense", "--shape", "x=64,256", "--shape", "w=256,256"
    monkeypatch.setattr("gradscribe.codegen.numpy.explain.tuning._in_turns", _last_is_best)
    layer = LAYERS["dense"]()
    made = emitted(layer)
    shapes = {"x": (64, 256), "w": (256, 256)}
    found = list(tuned(layer, made, compile_module(made), shapes, {}, "float32", {"accuracy": "fast"}))
    assert [t.function for t in found] == ["dense_forward", "dense_grad_input", "dense_grad_weight"]
    assert all(t.fastest == [*t.seconds][-1] != t.predicted for t in found)
    told = json.loads(run_apart(tmp_path, "explain", *sizes, "--json").out)
    chosen = [
        way["strategy"]
        for f in told["functions"]
        for s in f["statements"]
        for way in s.get("ways", ())
        if way["chosen"]
    ]
    assert chosen == [t.fastest for t in found]
    monkeypatch.setattr("gradscribe.codegen.numpy.explain.tuning._in_turns", _first_is_best)
    again = list(tuned(layer, made, compile_module(made), shapes, {}, "float32", {"accuracy": "fast"}))
    assert all(t.fastest == t.predicted for t in again)
    assert len(list((tmp_path / "cache").glob("*.tuned"))) == 1


def _last_is_best(calls: Mapping[str, Any]) -> dict[str, float]:
    return {name: 1 / (1 + number) for number, name in enumerate(calls)}


def _first_is_best(calls: Mapping[str, Any]) -> dict[str, float]:
    return {name: 1.0 + number for number, name in enumerate(calls)}


def test_all_ways_are_told(gradscribe: Command) -> None:
    if not library.available():
        pytest.skip("no C compiler here")
    done = gradscribe("tune", "dense", "--shape", "x=64,256", "--shape", "w=256,256", "--threads", "1")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["dense_forward", "dense_grad_input", "dense_grad_weight"]
    assert all(" ms" in line for line in lines)
