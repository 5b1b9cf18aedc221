"""docs/layers.md, docs/conventions.md and docs/commands.md say what is true."""

import re
from pathlib import Path

from gradscribe.codegen.tool.cli import app
from gradscribe.codegen.tool.finding.find import find_all
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.pages.families import FAMILIES, members

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_layer_is_listed_with_its_class_and_options() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*?) ?\|", text("layers.md"), re.MULTILINE)
    expected = [(lay.name, lay.class_name, ", ".join(o.name for o in lay.options)) for lay in find_all([])]
    assert rows == expected


def test_the_families_are_those_of_the_catalogue() -> None:
    rows = re.findall(r"^\| ([A-Z][a-z ]+) \| (`[^|]*) \|$", text("layers.md"), re.MULTILINE)
    listed = {title: re.findall(r"`(\w+)`", row) for title, row in rows}
    expected = {title: [name for name in members(title) if name in LAYERS] for title in FAMILIES}
    assert list(listed.items()) == [row for row in expected.items() if row[1]]
    assert sorted(name for row in listed.values() for name in row) == sorted(LAYERS)


def test_every_command_has_its_line_and_its_row() -> None:
    page = text("commands.md")
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert len(commands) >= 12
    assert set(re.findall(r"^    gradscribe (\w+)", page, re.MULTILINE)) == commands
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == commands


def test_every_convention_names_a_test_that_exists() -> None:
    rows = [line for line in text("conventions.md").splitlines() if line.startswith("| ")][2:]
    tests = {path.name: path for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(rows) >= 40
    for row in rows:
        cells = [c.strip() for c in row.strip("|").split(" | ")]
        assert len(cells) == 6, row
        (file, name) = re.fullmatch(r"`(\w+\.py)::(\w+)`", cells[-1]).groups()  # type: ignore[union-attr]
        assert re.search(rf"^def {name}\(", tests[file].read_text(encoding="utf-8"), re.MULTILINE), row
