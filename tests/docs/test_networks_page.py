"""docs/networks.md is true: its commands print what it shows, its network and its Python run, its tables are whole."""

import re
from pathlib import Path
from typing import Any

import pytest

from gradscribe import network
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import derive
from gradscribe.derive.typeset.writers.text import text_writer

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(TRAINING,) = [block for block in PYTHON if "for _ in range" in block]
SOURCES = [
    "conv2d -> tanh -> conv2d",
    "lenet5",
    "conv2d -> tanh -> avg_pool2d -> conv2d",
    "conv2d(4, 3, padding=1) -> residual(conv2d(4, 3, padding=1) -> relu -> conv2d(4, 3, padding=1)) -> relu -> conv2d",
    "lenet5",
]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("shown", "source"), list(zip(SHOWN, SOURCES, strict=True)), ids=["first", "table", "pool", "sum", "levels"]
)
def test_what_the_page_shows_is_printed(shown: str, source: str) -> None:
    printed = text_writer.render(derive(find(source))).splitlines()
    assert set(shown.splitlines()) <= set(printed)


def test_the_commands_of_the_page_name_networks() -> None:
    found = re.findall(r"gradscribe derive ('[^']+'|\w+)(?![.\w])", PAGE)
    assert len(found) >= 2
    for name in found:
        assert find(name.strip("'")).program.statements


def test_the_network_of_the_page_is_read() -> None:
    sources = dict(re.findall(r"```gradscribe-network title=\"(\w+)\.net\"\n(.*?)```", PAGE, re.DOTALL))
    found = network(sources["lenet_like"], "lenet_like")
    assert {"c1_w", "c3_b", "f5_w"} <= set(found.weights)
    assert found.loss is not None
    assert sources["resnet20"].strip() == NETWORKS["resnet20"]().text


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for block in PYTHON:
        if block != TRAINING:
            exec(block, {})
    assert "∂E/∂w⁽ˡ⁾[r,t,c,k] = Σ_{n,i,j} δ⁽ˡ⁾[n,i,j,k] x[n, i+r−1, j+t−1, c]" in capsys.readouterr().out


def test_every_construct_of_the_table_is_read() -> None:
    rows = dict(re.findall(r"^\| `(.+?)` \| (.+?) \|$", PAGE, re.MULTILINE))
    assert len([r for r in rows if r in NETWORKS]) == len(NETWORKS)
    for chain in ("conv2d(8, 3, stride=2) -> relu", "c1: conv2d(6, 5)"):
        assert chain in rows
        assert network(chain).program.statements
    joined = "input x[N, 9, 9, 8]\na = conv2d(8, 3)\nb = x -> conv2d(8, 3, bias=false)\n(a, b) -> concatenation"
    assert network(joined).weights == ("conv2d1_w", "conv2d1_b", "conv2d2_w")
    unit, pair = "block unit(k) = conv2d(k, 3) -> relu", "first: unit(8) -> second: unit(8)"
    assert {unit, pair} <= set(rows)
    assert network(f"{unit}\n{pair}").weights[::2] == ("first_conv2d1_w", "second_conv2d1_w")
    assert "sum" in dict(network("conv2d(8, 3, padding=1) -> sum: residual(conv2d(8, 3, padding=1))").results)
    assert network("input x[N, H, W, 8]; residual(conv2d(8, 3, padding=1) -> relu)  # a comment").program.statements


@pytest.mark.thorough
def test_the_network_of_the_page_trains() -> None:
    scope: dict[str, Any] = {}
    exec(TRAINING, scope)
    assert scope["value"] < 0.5
    assert scope["model"].params["c1.w"].shape == (3, 3, 1, 8)
