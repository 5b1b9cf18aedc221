"""`gradscribe list`: names and titles, more of those that are named, all as JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gradscribe.derive.catalogue.entry import Entry
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from tests.codegen.tool.cli.running import Command, is_a_mistake

EVERY: Mapping[str, Mapping[str, Entry[Any]]] = {"layers": LAYERS, "networks": NETWORKS, "optimisers": OPTIMISERS}


def test_names_and_titles_stand_under_what_they_are(gradscribe: Command) -> None:
    done = gradscribe("list")
    assert (done.code, done.err) == (0, "")
    found: dict[str, dict[str, str]] = {}
    kind = ""
    for line in done.out.splitlines():
        if line.startswith("  "):
            name, title = line.split(maxsplit=1)
            found[kind][name] = title
        else:
            kind = line
            found[kind] = {}
    assert found == {kind: {e.name: e.title for e in entries.values()} for kind, entries in EVERY.items()}
    assert found["layers"]["conv2d"] == "2-D convolution (correlation with a learned kernel)"


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_list_fits_the_terminal(gradscribe: Command, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    whole = gradscribe("list").out
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = gradscribe("list").out.splitlines()
    assert max(map(len, lines)) <= max(columns, 60)  # names are not broken
    assert " ".join(" ".join(lines).split()) == " ".join(whole.split())


def test_what_is_named_is_told_at_length(gradscribe: Command) -> None:
    done = gradscribe("list", "conv2d", "lenet", "sgd", "y[n] = x[n]^2")
    assert (done.code, done.err) == (0, "")
    conv2d, lenet, sgd, own = done.out.rstrip("\n").split("\n\n")
    assert conv2d.splitlines() == [
        "conv2d: 2-D convolution (correlation with a learned kernel)",
        "  kind        layer",
        "  class       Conv2D",
        "  options     kernel_size, stride, padding, dilation, groups",
        "  functions   conv2d_forward, conv2d_grad_input, conv2d_grad_weight, conv2d_grad_bias",
    ]
    assert "kind        network" in lenet
    assert "functions   sgd_update" in sgd
    assert own.splitlines()[:2] == ["layer", "  kind        layer"]
    assert "options     none" in own


def test_list_as_json(gradscribe: Command) -> None:
    done = gradscribe("list", "--json", "conv2d", "max_pool2d", "lenet", "sgd")
    assert (done.code, done.err) == (0, "")
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "conv2d": "layer", "max_pool2d": "layer", "lenet": "network", "sgd": "optimiser",
    }  # fmt: skip
    assert rows["conv2d"]["class"] == "Conv2D"
    assert rows["conv2d"]["title"] == LAYERS["conv2d"].title
    assert rows["conv2d"]["options"] == ["kernel_size", "stride", "padding", "dilation", "groups"]
    assert rows["sgd"]["functions"] == ["sgd_update"]
    assert rows["lenet"]["functions"] == ["lenet_forward", "lenet_predict", "lenet_backward"]
    assert rows["max_pool2d"]["functions"] == ["max_pool2d_forward", "max_pool2d_grad_input"]


def test_json_without_names_is_of_all(gradscribe: Command, few: Callable[..., None]) -> None:
    few("sgd", "relu", "lenet", "dense")
    assert [row["name"] for row in json.loads(gradscribe("list", "--json").out)] == ["relu", "dense", "lenet", "sgd"]


def test_a_list_of_what_is_not_there(gradscribe: Command) -> None:
    is_a_mistake(gradscribe("list", "conv2"), "unknown layer 'conv2'", "did you mean conv2d?")
