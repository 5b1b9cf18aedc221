"""generated/ is what the equations give, module by module; `gradscribe generate --check` says so of the whole."""

from pathlib import Path

import pytest

from gradscribe.codegen.tool.find import find_any
from gradscribe.codegen.tool.package import stale
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS

GENERATED = Path(__file__).parents[3] / "generated"


@pytest.mark.parametrize("name", [*LAYERS, *OPTIMISERS, "lenet5"])
def test_a_module_is_what_the_equations_give(name: str) -> None:
    assert stale([find_any(name)], GENERATED, whole=False) == []


def test_a_module_that_is_not_is_shown(tmp_path: Path) -> None:
    layer = find_any("tanh")
    (tmp_path / "tanh.py").write_text((GENERATED / "tanh.py").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert any("tanh.py" in diff for diff in stale([layer], tmp_path, whole=False))
