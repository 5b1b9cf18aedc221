"""docs/check.md is true: its command prints what it shows, its correction is right, its test passes."""

import re
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from gradscribe.codegen.tool.check import check
from tests.codegen.tool.cli.running import run

PAGE = (Path(__file__).parents[2] / "docs" / "check.md").read_text(encoding="utf-8")
CODE = dict(re.findall(r"```python title=\"(\S+)\"\n(.*?)```", PAGE, re.DOTALL))
(COMMAND,) = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)
(SHOWN,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def without_counts(text: str) -> str:
    """Which examples are drawn depends on the version of hypothesis; which one is the smallest does not."""
    return re.sub(r"\b\d+ (of|random|examples)\b", r"N \1", text)


@pytest.mark.thorough
def test_the_command_prints_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("layers.py").write_text(CODE["layers.py"], encoding="utf-8")
    program, *arguments = COMMAND.split()
    assert program == "gradscribe"
    done = run(*arguments)
    assert done.code == 1, done.err
    assert without_counts(done.out) == without_counts(SHOWN)


def test_the_correction_of_the_page_passes_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "dx_padded[:, i : i + R, j : j + T] +="
    assert wrong in CODE["layers.py"]
    right = "dx_padded[:, stride * i : stride * i + R, stride * j : stride * j + T] +="
    layers, test = ModuleType("layers"), ModuleType("test_layers")
    exec(CODE["layers.py"].replace(wrong, right), layers.__dict__)
    monkeypatch.setitem(sys.modules, "layers", layers)
    exec(CODE["test_layers.py"], test.__dict__)
    test.__dict__["check"] = partial(check, examples=20)  # of 200; the command of the page tries all
    test.test_conv_backward()
    verdict = check(layers.conv_backward, "conv2d", examples=20)
    assert without_counts(str(verdict)) in without_counts(PAGE)

    exec(CODE["layers.py"], layers.__dict__)
    exec(CODE["test_layers.py"], test.__dict__)
    test.__dict__["check"] = partial(check, examples=20)
    with pytest.raises(AssertionError, match="with s=1"):
        test.test_conv_backward()
