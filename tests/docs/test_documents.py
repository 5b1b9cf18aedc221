"""docs/layers.md and docs/conventions.md say what is true."""

import re
from pathlib import Path

from gradscribe.codegen.tool.finding.find import find_all

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_layer_is_listed_with_its_class_and_options() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*?) ?\|", text("layers.md"), re.MULTILINE)
    expected = [(lay.name, lay.class_name, ", ".join(o.name for o in lay.options)) for lay in find_all([])]
    assert rows == expected


def test_every_convention_names_a_test_that_exists() -> None:
    rows = [line for line in text("conventions.md").splitlines() if line.startswith("| ")][2:]
    tests = {path.name: path for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(rows) >= 40
    for row in rows:
        cells = [c.strip() for c in row.strip("|").split(" | ")]
        assert len(cells) == 6, row
        (file, name) = re.fullmatch(r"`(\w+\.py)::(\w+)`", cells[-1]).groups()  # type: ignore[union-attr]
        assert re.search(rf"^def {name}\(", tests[file].read_text(encoding="utf-8"), re.MULTILINE), row
