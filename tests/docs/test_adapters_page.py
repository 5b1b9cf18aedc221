"""docs/adapters.md is true: its Python prints what it says, its error is what is raised, its program trains."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
((FAILING, MESSAGE),) = re.findall(r"```error\n(.*?)\n(.*?)\n```", PAGE)
(PROGRAM,) = [block for block in PYTHON if block.startswith("# parallel.py")]

pytest.importorskip("safetensors")


def run(blocks: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(folder)
    scope: dict[str, Any] = {}
    for block in blocks:
        exec(block, scope)
    said = [line.removeprefix("# ") for block in blocks for line in block.splitlines() if line.startswith("# ")]
    assert capsys.readouterr().out.splitlines() == said
    return scope


def test_files_weights_and_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scope = run(PYTHON[:3], tmp_path, monkeypatch, capsys)
    with pytest.raises(ValueError, match="unexpected") as caught:
        exec(FAILING, scope)
    assert str(caught.value) == MESSAGE


@pytest.mark.oracle
def test_modules_of_pytorch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    run([PYTHON[0], PYTHON[3]], tmp_path, monkeypatch, capsys)


@pytest.mark.oracle
def test_two_processes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if not (torch.distributed.is_available() and torch.distributed.is_gloo_available()):
        pytest.skip("no gloo")
    (tmp_path / "parallel.py").write_text(PROGRAM, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for attempt in range(3):  # gloo's connections are sometimes reset, see test_data_parallel.py
        command = [sys.executable, "parallel.py", (tmp_path / f"store{attempt}").as_uri()]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    # Both write to one pipe, so their lines may share one.
    found = sorted(re.findall(r"process (\d): loss (\d\.\d\d), weights (-?\d\.\d{4})", done.stdout))
    assert [rank for rank, _, _ in found] == ["0", "1"], done.stdout
    assert len({weights for _, _, weights in found}) == 1
    assert all(float(loss) < 0.4 for _, loss, _ in found)
