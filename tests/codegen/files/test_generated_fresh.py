"""generated/ is what the equations give, module by module; `gradscribe generate --check` says so of the whole."""

from difflib import unified_diff
from pathlib import Path

import numpy as np
import pytest

from gradscribe.codegen.driver import emitted
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.codegen.tool.explain import explain
from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.codegen.tool.package import generated_modules, stale
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.layer.interface import Kind
from tests.cases.catalogue import TRIED
from tests.cases.layers import sampled_case
from tests.cases.thorough import some

GENERATED = Path(__file__).parents[3] / "generated"
NAMES = [*LAYERS, *OPTIMISERS, *NETWORKS]
AT_ONCE = [*some(TRIED, 7), *OPTIMISERS, *some(NETWORKS, 1, first=1)]


@pytest.mark.parametrize("name", AT_ONCE)
def test_a_module_is_what_the_equations_give_and_is_explained(name: str) -> None:
    for part in emitted(find_any(name)).modules:
        lines = ((GENERATED / part.path).read_text(encoding="utf-8").splitlines(), part.text.splitlines())
        assert not [*unified_diff(*lines, f"{part.path} (as it is)", "(as the equations say)", lineterm="")]
    if name in LAYERS:
        is_explained(name)


def is_explained(name: str) -> None:
    """`gradscribe explain` starts from the same module."""
    case = sampled_case(name, np.random.default_rng(5))
    numbers = {s: case.sizes[s] for o in case.layer.options for s in o.symbols if o.kind is not Kind.NUMBER}
    found = explain(name, case.shapes, {s.name: str(int(v)) for s, v in numbers.items()})
    assert [f.name for f in found.functions] == [k.name for k in first_order(case.layer)]
    assert all(f.statements for f in found.functions)
    assert str(found)


def test_so_is_what_every_module_needs_and_nothing_else_is_there() -> None:
    """The runtime, the package's own file, and loops of no module."""
    assert set(generated_modules(GENERATED)) == set(NAMES)
    assert stale([find_any("conv1d")], GENERATED, whole=False) == []


def test_a_module_that_is_not_is_shown(tmp_path: Path) -> None:
    layer = find_any("tanh")
    (tmp_path / "tanh.py").write_text((GENERATED / "tanh.py").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert any("tanh.py" in diff for diff in stale([layer], tmp_path, whole=False))
