"""docs/check.md is true: its command prints what it shows, its correction is right, its test passes."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
CODE = dict(re.findall(r"```python (\S+)\n(.*?)```", PAGE, re.DOTALL))
(COMMAND,) = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)
(SHOWN,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


def run(folder: Path) -> "subprocess.CompletedProcess[str]":
    program, *arguments = COMMAND.split()
    assert program == "gradscribe"
    script = "from codegen.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=folder, env=ENVIRONMENT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def without_counts(text: str) -> str:
    """Which examples are drawn depends on the version of hypothesis; which one is the smallest does not."""
    return re.sub(r"\b\d+ (of|random|examples)\b", r"N \1", text)


def test_the_example_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(CODE["layers.py"], encoding="utf-8")
    done = run(tmp_path)
    assert done.returncode == 1, done.stderr
    assert without_counts(done.stdout) == without_counts(SHOWN)

    wrong = "dx_padded[:, i : i + R, j : j + T] +="
    assert wrong in CODE["layers.py"]
    right = "dx_padded[:, stride * i : stride * i + R, stride * j : stride * j + T] +="
    (tmp_path / "layers.py").write_text(CODE["layers.py"].replace(wrong, right), encoding="utf-8")
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert without_counts(done.stdout) == "conv_backward against conv2d: dx, dw, db equal on N random shapes\n"

    (tmp_path / "test_layers.py").write_text(CODE["test"], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_layers.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**ENVIRONMENT, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
