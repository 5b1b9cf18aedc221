"""The notebooks of examples/notebooks: as programs, and as notebooks that Jupyter's tools run."""

import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")
pytest.importorskip("hypothesis")
FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
LONG = {"cnn_backpropagation"}
"""Those that train for seconds."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.thorough) if n in LONG else n for n in NAMES])
def test_a_notebook_is_a_program(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cells assert what its words claim."""
    monkeypatch.chdir(FOLDER)
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(FOLDER / f"{name}.py"))
    assert capsys.readouterr().out


@pytest.mark.oracle
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_shows_what_it_makes(name: str, tmp_path: Path) -> None:
    for tool in ("jupytext", "nbconvert", "ipykernel"):
        pytest.importorskip(tool)
    command = [sys.executable, "-m", "jupytext", "--quiet", "--to", "ipynb", "--execute", "--run-path", str(FOLDER)]
    made = tmp_path / f"{name}.ipynb"
    done = subprocess.run([*command, "-o", str(made), str(FOLDER / f"{name}.py")], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    cells = list(code(json.loads(made.read_text(encoding="utf-8"))))
    for source, outputs in cells:
        last = source.strip().splitlines()[-1]
        kinds = {kind for output in outputs for kind in output.get("data", {})}
        if "drawing." in last:
            assert "image/png" in kinds, source
        if ".derivation(" in last or source.startswith("%%"):
            assert {"text/latex", "text/plain"} <= kinds, source
        if last.startswith(("print(", "assert")):
            assert outputs, source
    assert any(outputs for _, outputs in cells)


def code(notebook: Any) -> Iterator[tuple[str, list[Any]]]:
    """The cells with code, and what they have put out."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            yield "".join(cell["source"]), cell["outputs"]
