"""The console script in a folder of its own."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from tests.codegen.tool.cli.running import OWN, Command, run


@pytest.fixture
def gradscribe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run the console script in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # where files of one's own lie ends with a test
    monkeypatch.setenv("COLUMNS", "200")
    return run


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN, encoding="utf-8")
    return path


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the catalogue have these names only, for what does not depend on which they are."""

    def have(*names: str) -> None:
        for table, kind in (("LAYERS", LAYERS), ("NETWORKS", NETWORKS), ("OPTIMISERS", OPTIMISERS)):
            monkeypatch.setattr(
                f"gradscribe.codegen.tool.finding.find.{table}", {n: kind[n] for n in names if n in kind}
            )

    return have
