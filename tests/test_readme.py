"""README.md says what is true: its code runs, its output is what the commands print, its table is the catalogue."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codegen.catalogue import find, find_all
from codegen.compiler import compile_layer
from codegen.printing import printed
from codegen.verify import verify_layer

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_ten_lines_run_and_train(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {}
    exec(BLOCKS[0], scope)
    before = float(capsys.readouterr().out)
    after = float(scope["loss"](scope["net"](scope["images"]), scope["labels"]))
    assert 1.5 < before < 4
    assert after < before


def test_the_derivation_is_what_the_command_prints() -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown in printed(find("conv2d"), ["x"], {}, "text")


def test_the_layer_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "my_layer.py"
    file.write_text(BLOCKS[1], encoding="utf-8")
    layer = find(f"{file}:bilinear")
    assert all(row.passed for row in verify_layer(layer, 4))
    made = compile_layer(layer).Bilinear(3, 4, 5, dtype=np.float64, rng=0)
    x, z = np.random.default_rng(1).normal(size=(2, 3)), np.random.default_rng(2).normal(size=(2, 4))
    expected = np.einsum("ni,ijk,nj->nk", x, made.params["w"], z) + made.params["b"]
    np.testing.assert_allclose(made(x, z), expected, rtol=1e-12)
    dx, dz = made.backward(np.ones((2, 5)))
    np.testing.assert_allclose(dx, np.einsum("ijk,nj->ni", made.params["w"], z), rtol=1e-12)
    np.testing.assert_allclose(dz, np.einsum("ijk,ni->nj", made.params["w"], x), rtol=1e-12)


def test_the_table_is_the_catalogue() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*?) ?\|$", README, re.MULTILINE)
    expected = [(lay.name, lay.class_name, ", ".join(o.name for o in lay.options)) for lay in find_all([])]
    assert rows == expected
