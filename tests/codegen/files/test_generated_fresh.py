"""generated/ is what the equations give, module by module; `gradscribe generate --check` says so of the whole."""

from difflib import unified_diff
from pathlib import Path

import pytest

from gradscribe.codegen.compiler import emitted
from gradscribe.codegen.tool.find import find_any
from gradscribe.codegen.tool.package import generated_modules, stale
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS

GENERATED = Path(__file__).parents[3] / "generated"
NAMES = [*LAYERS, *OPTIMISERS, *NETWORKS]


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_what_the_equations_give(name: str) -> None:
    for part in emitted(find_any(name)).modules:
        lines = ((GENERATED / part.path).read_text(encoding="utf-8").splitlines(), part.text.splitlines())
        assert not [*unified_diff(*lines, f"{part.path} (as it is)", "(as the equations say)", lineterm="")]


def test_so_is_what_every_module_needs_and_nothing_else_is_there() -> None:
    """The runtime, the package's own file, and loops of no module."""
    assert set(generated_modules(GENERATED)) == set(NAMES)
    assert stale([find_any("conv1d")], GENERATED, whole=False) == []


def test_a_module_that_is_not_is_shown(tmp_path: Path) -> None:
    layer = find_any("tanh")
    (tmp_path / "tanh.py").write_text((GENERATED / "tanh.py").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert any("tanh.py" in diff for diff in stale([layer], tmp_path, whole=False))
