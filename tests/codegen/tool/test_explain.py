"""`gradscribe explain`: figures that agree with definitions, choices that are those of a call, mistakes in one line."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe import network
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.numpy.explain import ExplainError
from gradscribe.codegen.numpy.explain.observe import Figures
from gradscribe.codegen.numpy.explain.statement_costs import Statement
from gradscribe.codegen.target import Explanation
from gradscribe.codegen.tool.explain import explain
from gradscribe.generated import runtime as rt
from gradscribe.generated.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.contraction import Contraction
from tests.cases.thorough import some
from tests.codegen.tool.cli.running import Done, run

IMAGES, WEIGHTS = (2, 13, 12, 16), (3, 3, 16, 24)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Done]:
    """Run ``gradscribe explain`` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return partial(run, "explain")


def contractions(found: Explanation, function: str) -> list[Statement]:
    (report,) = (f for f in found.functions if f.name == function)
    return list(report.contractions)


def chosen(statement: Statement) -> Figures:
    (way,) = (way for way in statement.ways if way.chosen)
    return way


def way(statement: Statement, name: str) -> Figures:
    (found,) = (way for way in statement.ways if way.strategy == name)
    return found


# ----- figures --------------------------------------------------------------------------------------------------------
def test_every_function_with_its_contraction_and_the_ways_to_compute_it() -> None:
    found = explain("conv2d", {"x": IMAGES, "w": WEIGHTS}, {"padding": "1"})
    assert [f.name for f in found.functions] == [
        "conv2d_forward", "conv2d_grad_input", "conv2d_grad_weight", "conv2d_grad_bias",
    ]  # fmt: skip
    flops = 2 * 2 * 13 * 12 * 24 * 3 * 3 * 16
    for function, names in {
        "conv2d_forward": {"matrix", "winograd4", "winograd2"},
        "conv2d_grad_input": {"polyphase", "scatter"},
        "conv2d_grad_weight": {"matrix", "winograd4", "winograd2"},
    }.items():
        (statement,) = contractions(found, function)
        assert names <= {w.strategy for w in statement.ways}
        assert statement.times == 1
        assert all(w.seconds > 0 and w.flops > 0 and w.bytes > 0 and w.scratch >= 0 for w in statement.ways)
        if "matrix" in names:
            assert way(statement, "matrix").flops == flops
            assert way(statement, "winograd2").flops < flops
    assert not contractions(found, "conv2d_grad_bias")


def test_sizes_are_put_in_and_elements_counted() -> None:
    found = explain("bilinear", {"x": (5, 3), "z": (5, 4), "w": (3, 4, 6)})
    statements = {s.text: s for s in found.functions[0].statements}
    assert "allocate u (5, 6)" in statements
    (bias,) = (s for text, s in statements.items() if text.startswith("update"))
    elements = 5 * 6
    assert bias.elements == elements
    assert bias.bytes == 4 * (2 * elements + 6)  # read, written, and b


def test_bytes_of_float64_are_twice_as_many() -> None:
    single, double = (explain("conv2d", {"x": IMAGES, "w": WEIGHTS}, dtype=t) for t in ("float32", "float64"))
    for a, b in zip(single.functions[0].statements, double.functions[0].statements, strict=True):
        assert b.bytes == (None if a.bytes is None else 2 * a.bytes)
        for w in a.ways:
            other = way(b, w.strategy)
            assert other.bytes > w.bytes
            assert other.seconds > w.seconds


def test_loops_multiply_what_is_in_them() -> None:
    found = explain("adaptive_avg_pool1d", {"x": (2, 8, 3)}, {"output_size": "4"})
    inner = [s for s in found.functions[0].statements if s.depth]
    assert max(s.elements for s in inner) == 4 * 2 * 8 * 3  # the batch, elements and channels for each of 4 results


def test_elements_of_windows() -> None:
    for function in explain("max_pool2d", {"x": (2, 8, 8, 3)}, {"kernel_size": "2"}).functions:
        statement = function.statements[-1]
        assert statement.elements == 2 * 8 * 8 * 3  # windows do not overlap: every element once
        assert statement.bytes == 4 * (2 * 8 * 8 * 3 + 2 * 2 * 4 * 4 * 3)  # and result, position or gradient


# ----- choices --------------------------------------------------------------------------------------------------------
def taken(accuracy: str, threads: int) -> Iterator[str]:
    """The strategies that calls of the generated functions take."""
    names: list[str] = []

    def note(c: Contraction, compute: Any) -> None:
        found = choice.choice(c, rt.current())
        names.append(found.strategy.name)
        compute(found)

    rng = np.random.default_rng(0)
    x, w = (rng.random(shape, np.float32) for shape in (IMAGES, WEIGHTS))
    with rt.settings(accuracy=accuracy, threads=threads), choice.observing(note):
        y = conv2d_forward(x, w, None, padding=1)
        conv2d_grad_input(y, w, input_shape=x.shape, padding=1)
        conv2d_grad_weight(y, x, kernel_size=3, padding=1)
    yield from names


@pytest.mark.parametrize("accuracy", ["fast", "strict"])
def test_what_is_shown_as_chosen_is_what_a_call_takes(accuracy: str) -> None:
    found = explain("conv2d", {"x": IMAGES, "w": WEIGHTS}, {"padding": "1"}, accuracy=accuracy, threads=1)
    shown = [chosen(s).strategy for f in found.functions for s in f.contractions]
    assert shown == [*taken(accuracy, 1)]


def test_the_fastest_that_is_accurate_enough_is_chosen() -> None:
    for accuracy in ("fast", "strict"):
        found = explain("conv2d", {"x": (2, 56, 56, 128), "w": (3, 3, 128, 128)}, accuracy=accuracy)
        for statement in (s for f in found.functions for s in f.contractions):
            allowed = [w for w in statement.ways if accuracy == "fast" or w.direct]
            assert chosen(statement) == min(allowed, key=lambda w: w.seconds)


def test_of_what_a_way_consists() -> None:
    found = explain("conv2d", {"x": (2, 16, 16, 32), "w": (3, 3, 32, 48)}, {"stride": "2", "padding": "1"})
    (statement,) = contractions(found, "conv2d_grad_input")
    names = {w.strategy for w in contractions(found, "conv2d_forward")[0].ways}
    assert way(statement, "polyphase").parts
    assert set(way(statement, "polyphase").parts) <= names | {"taps", "winograd4", "winograd2", "banded"}
    assert way(statement, "scatter").parts == ()


def test_measured_times_are_shown_beside_predictions(command: Callable[..., Done]) -> None:
    arguments = ("dense", "--shape", "x=7,5", "--shape", "w=5,3", "--measure")
    data = json.loads(command(*arguments, "--json").out)
    for function in data["functions"]:
        assert function["measured"] > 0
        assert all(w["measured"] > 0 for s in function["statements"] for w in s["ways"])
    shown = command(*arguments).out
    assert "measured" in shown
    assert "the whole function, measured" in shown


# ----- sizes ----------------------------------------------------------------------------------------------------------
def test_shapes_follow_from_others_options_and_sizes() -> None:
    found = explain("conv2d", {"x": (2, 9, 9, 4)}, {"kernel_size": "3", "K": "6", "stride": "2", "padding": "1"})
    assert found.shapes["w"] == (3, 3, 4, 6)
    assert found.shapes["b"] == (6,)
    assert "allocate u (2, 5, 5, 6)" in {s.text for s in found.functions[0].statements}


def test_a_weight_of_a_network_is_called_by_its_key_or_its_name() -> None:
    layer = "input x[N, C]; a: dense(4) -> relu -> dense(3)"
    for name in ("a.w", "a_w"):
        found = explain(layer, {"x": (2, 5), name: (5, 4)})
        assert (found.shapes["a_w"], found.shapes["dense1_w"]) == ((5, 4), (4, 3))
        with pytest.raises(ExplainError, match="argument a_w"):
            explain(layer, {"x": (2, 5), name: (6, 4)})


def test_an_optional_input_may_be_left_out(command: Callable[..., Done]) -> None:
    arguments = ("conv2d", "--shape", "x=2,9,9,4", "--shape", "w=3,3,4,6")
    given, absent = (" ".join(command(*arguments, *more).out.split()) for more in ((), ("--shape", "b=none")))
    assert "plus b in each row" in given
    assert "plus b" not in absent


def test_an_empty_batch() -> None:
    found = explain("conv2d", {"x": (0, 9, 9, 4), "w": (3, 3, 4, 6)})
    assert all(s.ways == () for s in contractions(found, "conv2d_forward"))


# ----- networks, equations of one's own; for the catalogue see test_generated_fresh.py --------------------------------
@pytest.mark.thorough
@pytest.mark.parametrize(("name", "batch"), some([(name, (2, 32, 32, 1)) for name in ("lenet5", "lenet")], 1))
def test_a_network(name: str, batch: tuple[int, ...]) -> None:
    found = explain(name, {"x": batch})
    assert [f.name for f in found.functions] == [f"{name}_forward", f"{name}_backward"]
    assert all(len(list(f.contractions)) >= 4 for f in found.functions)


BLOCKS = """
input x[N, 8, 8, 6]
block unit(k) = conv2d(k, 1) -> batch_norm -> relu -> conv2d(k, 1) -> batch_norm
a: unit(6) -> b: unit(6) -> c: unit(6) -> d: unit(4) -> flatten -> dense(2)
"""


@pytest.mark.thorough
def test_contractions_of_blocks_and_shared_functions_have_their_ways() -> None:
    """All that calls of the network contract is shown, in the function and at the places where it is."""
    item = network(BLOCKS, "net")
    called: Counter[str] = Counter()

    def note(c: Contraction, compute: Any) -> None:
        found = choice.choice(c, own.rt.current())
        called.update({found.strategy.name: found.cost.flops, "times": 1})
        compute(found)

    own = compile_layer(item)
    net, x = own.Net(rng=0), np.ones((2, 8, 8, 6), np.float32)
    room = import_module(f"{own.rt.__name__}.contractions.choice")
    with own.rt.settings(threads=1):
        dy = np.ones_like(net(x))  # the first call rehearses: what it needs is compiled together
        net.backward(dy)
        with room.observing(note):
            net(x)
            net.backward(dy)

    found = explain(item, {"x": x.shape}, threads=1)
    shown: Counter[str] = Counter()
    for statement in (s for f in found.functions for s in f.contractions):
        shown.update({chosen(statement).strategy: chosen(statement).flops, "times": statement.times})
    assert shown == called
    assert [(f.name, f.places) for f in found.functions if "forward" in f.name] == [
        ("net_forward", ()), ("_unit_forward", ("b", "c")), ("_unit_forward", ("d",)),
    ]  # fmt: skip
    assert {f.heading for f in found.functions} >= {"_unit_forward at b, c (K = 6)"}
    within = [s for f in found.functions for s in f.contractions if s.depth]
    assert any("batch_norm2_h" in s.text and s.times == 2 for s in within)


def test_equations_in_quotes_and_in_a_file(command: Callable[..., Done], tmp_path: Path) -> None:
    text = "y[n,k] = sum(c) x[n,c]*w[c,k] + b[k]"
    (tmp_path / "own.eq").write_text(text, encoding="utf-8")
    shapes = ("--shape", "x=6,5", "--shape", "w=5,3")
    for layer in (text, "own.eq"):
        done = command(layer, *shapes, "--json")
        assert done.code == 0, done.err
        data = json.loads(done.out)
        (statement,) = (s for s in data["functions"][0]["statements"] if s["ways"])
        assert {w["strategy"]: w["flops"] for w in statement["ways"]}["matrix"] == 2 * 6 * 5 * 3
    network = command("conv2d(4, 3) -> relu", "--shape", "x=2,8,8,1")
    assert network.code == 0, network.err


def test_settings_are_told_and_put_back(command: Callable[..., Done]) -> None:
    before = rt.current()
    found = command(
        "conv2d", "--shape", "x=2,9,9,4", "--shape", "w=3,3,4,6", "--set", "stride=2", "--dtype", "float64",
        "--accuracy", "strict", "--backend", "numpy", "--threads", "1", "--json",
    )  # fmt: skip
    data = json.loads(found.out)
    told = {key: data[key] for key in ("dtype", "accuracy", "backend", "threads")}
    assert told == {"dtype": "float64", "accuracy": "strict", "backend": "numpy", "threads": 1}
    assert data["options"]["stride"] == [2, 2]
    assert rt.current() == before


# ----- mistakes -------------------------------------------------------------------------------------------------------
SHAPES = ("--shape", "x=2,9,9,4", "--shape", "w=3,3,4,6")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("conv2d",), ("argument x", "--shape x=")),
        (("conv2d", "--shape", "x=2,9,9,4"), ("argument w", "--shape w=3,3,4,")),
        (("conv2d", "--shape", "q=2,9,9,4"), ("--shape q", "one of x, w, b")),
        (("conv2d", "--shape", "x=2,9,9", "--shape", "w=3,3,4,6"), ("argument x", "expected 4 axes", "received 3")),
        (("conv2d", "--shape", "x=2,9,9,5", "--shape", "w=3,3,4,6"), ("axis", "expected 4, received 5")),
        (("conv2d", *SHAPES, "--shape", "b=7"), ("argument b, axis 0", "expected 6, received 7")),
        (
            ("residual_add", "--shape", "x=2,3,4", "--shape", "z=2,4,3"),  # as many elements
            ("argument z: expected shape (2, 3, 4), received (2, 4, 3)",),
        ),
        (("conv2d", "--shape", "x=2,2,9,4", "--shape", "w=3,3,4,6"), ("height", "larger than the padded input")),
        (("conv2d", "--shape", "x=2,9,nine,4"), ("--shape x=2,9,nine,4", "expected NAME=EXTENT")),
        (("conv2d", *SHAPES, "--shape", "w=none"), ("--shape w=none", "not optional")),
        (("conv2d", *SHAPES, "--set", "strid=2"), ("'strid'", "did you mean stride?")),
        (("conv2d", *SHAPES, "--set", "stride=0"), ("stride", "'0'")),
        (("conv2d", *SHAPES, "--set", "stride=s"), ("stride=s", "expected numbers")),
        (("conv2d", *SHAPES, "--set", "stride"), ("--set stride", "NAME=VALUE")),
        (("conv2d", *SHAPES, "--dtype", "int8"), ("dtype", "float32, float64", "int8")),
        (("conv2d", *SHAPES, "--accuracy", "exact"), ("accuracy", "fast, strict", "exact")),
        (("conv2d", *SHAPES, "--backend", "gpu"), ("backend", "compiled", "gpu")),
        (("conv2d", "--shape", "x=8,1000000,1000000,128", "--shape", "w=3,3,128,128"), ("not enough memory",)),
        (("convd", *SHAPES), ("unknown layer 'convd'", "did you mean conv")),
        (("sgd", *SHAPES), ("sgd is an optimiser",)),
        (
            ("input x[N, 8, 7, 1]; tanh -> relu", "--shape", "x=2,8,6,1"),
            ("argument x, axis 2", "expected 7, received 6"),
        ),
    ],
)
def test_a_mistake_is_one_line(
    command: Callable[..., Done], arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    done = command(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("gradscribe: ")
    assert done.err.count("\n") == 1, done.err
    assert all(part in done.err for part in parts), done.err


def test_a_mistake_in_python_raises() -> None:
    with pytest.raises(ExplainError, match="expected 4, received 5"):
        explain("conv2d", {"x": (2, 9, 9, 5), "w": (3, 3, 4, 6)})
    with pytest.raises(ExplainError, match="--shape w=none: expected a shape, w is not optional"):
        explain("dense", {"x": (2, 5), "w": None})
