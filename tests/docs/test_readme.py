"""README.md says what is true: its code runs, its output is what the commands print, its table is the catalogue."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.tool.cli.printing import printed
from gradscribe.codegen.tool.finding.find import find, find_all
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import derive

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_ten_lines_run_and_train(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {}
    exec(BLOCKS[0], scope)
    before = float(capsys.readouterr().out)
    after = float(scope["loss"](scope["net"](scope["images"]), scope["labels"]))
    assert 1.5 < before < 4
    assert after < before


@pytest.mark.thorough
def test_the_network_trains(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {}
    exec(BLOCKS[0], scope)
    exec(BLOCKS[1], scope)
    capsys.readouterr()
    assert scope["value"] < 0.5
    assert scope["model"].params["c1.w"].shape == (3, 3, 1, 8)


def test_the_networks_that_are_named_are_there() -> None:
    (named,) = re.findall(r"These come with gradscribe,.*?:(.*?)\n\[docs", README, re.DOTALL)
    assert re.findall(r"`(\w+)`", named) == [*NETWORKS]


def test_the_derivation_is_what_the_command_prints() -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown in printed(derive(find("conv2d"), ["x"]), "text")


@pytest.mark.thorough
def test_the_layer_of_ones_own(tmp_path: Path) -> None:
    (equations,) = re.findall(r"```\n(# gated.*?)```", README, re.DOTALL)
    file = tmp_path / "gated.eq"
    file.write_text(equations, encoding="utf-8")
    layer = find(str(file))
    assert all(row.passed for row in verify_layer(layer, 4))
    made = compile_layer(layer).Gated(R=3, C=2, K=4, dtype=np.float64, rng=0)
    x = np.random.default_rng(1).normal(size=(2, 6, 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)
    u, g = (np.einsum("nicr,rck->nik", windows, made.params[w]) + made.params[b] for w, b in (("w", "b"), ("v", "a")))
    np.testing.assert_allclose(made(x), u / (1 + np.exp(-g)), rtol=1e-12)


def test_the_layer_in_python(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {}
    exec(BLOCKS[2], scope)
    assert "gradient with respect to w".capitalize() in capsys.readouterr().out
    x, w, z = (np.random.default_rng(k).normal(size=s) for k, s in enumerate([(2, 3), (3, 4, 5), (2, 4)]))
    found = scope["kernels"].bilinear2_forward(x, w, np.zeros(5), z)
    np.testing.assert_allclose(found, np.einsum("ni,ijk,nj->nk", x, w, z), rtol=1e-12)


def test_the_families_are_the_catalogue() -> None:
    rows = re.findall(r"^\| [a-z, ]+ \| (`.*) \|$", README, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(layer.name for layer in find_all([]))
    assert len(set(listed)) == len(listed)
