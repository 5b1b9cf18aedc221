"""The house, drawn from its imports: every room stands on the ones below it, no module reaches itself, no name is two.

An import counts wherever it stands: in a function, for type checkers only, or as a module's name in a string, which
`import_module` is given. `generated` imports nothing of the house, see `test_boundaries`.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from gradscribe.codegen.target import TARGETS
from tests.cases.sources import tree

ROOT = Path(__file__).parents[2]
HOUSE = ("derive", "codegen", "adapters", "gradscribe")

FLOORS = (
    ("gradscribe.version", "gradscribe.printed", "gradscribe.kept", "gradscribe.said", "derive", "codegen"),
    ("derive.ir",),
    ("derive.calculus",),
    ("derive.layer",),
    ("derive.language",),
    ("derive.composition",),
    ("derive.derivation",),
    ("derive.typeset",),
    ("derive.catalogue",),
    ("codegen.kernel",),
    ("codegen.python",),
    ("codegen.files",),
    ("codegen.loops",),
    ("codegen.numpy",),
    ("codegen.target",),
    ("codegen.driver",),
    ("codegen.tool",),
    ("adapters",),
    ("gradscribe", "gradscribe.facade"),
)
"""The rooms from the ground up; a module is on the floor of the nearest package that stands here."""


def name_of(path: Path) -> str:
    """A module as the house calls it: "derive.ir.term" for gradscribe.derive.ir.term."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# gradscribe/ holds links to the other folders
PATHS = [p for room in HOUSE for p in sorted((ROOT / room).glob("*.py" if room == "gradscribe" else "**/*.py"))]
MODULES = {name_of(p): p for p in PATHS}
NUMBERS = {name: number for number, names in enumerate(FLOORS) for name in names}


def floor(module: str) -> int:
    """The floor of a module."""
    if module in NUMBERS:
        return NUMBERS[module]
    parent = module.rpartition(".")[0]
    assert parent not in ("", *HOUSE[:2]), f"{module} is in no room; put it into one, or a room into FLOORS"
    return floor(parent)


def imported(module: str) -> Iterator[tuple[str, int]]:
    """The modules of the house that a module names, and the lines."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom | ast.Import | ast.Constant):
            found = (plain(name) for name in named(node))
            yield from ((other, node.lineno) for other in found if other in MODULES and other != module)


def named(node: ast.ImportFrom | ast.Import | ast.Constant) -> list[str]:
    """What may be a module: of ``from a import b`` that is a.b, or else a."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and node.value.startswith("gradscribe.") else []
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, "imports of this house are absolute"
    whole = [f"{node.module}.{alias.name}" for alias in node.names]
    return [name if plain(name) in MODULES else str(node.module) for name in whole]


def plain(name: str) -> str:
    """A module as the house calls it; gradscribe itself is one, too."""
    return name if name in MODULES else name.removeprefix("gradscribe.")


@pytest.fixture(scope="module")
def arrows() -> dict[str, list[tuple[str, int]]]:
    return {module: list(imported(module)) for module in MODULES}


def test_the_table_speaks_of_what_there_is() -> None:
    names = [name for names in FLOORS for name in names]
    assert len(NUMBERS) == len(names)
    assert not NUMBERS.keys() - MODULES.keys()


def test_imports_go_down_or_stay_in_their_room(arrows: dict[str, list[tuple[str, int]]]) -> None:
    upward = [
        f"{module}:{line} ({floor(module)}) imports {other} ({floor(other)})"
        for module, found in arrows.items()
        for other, line in found
        if floor(module) < floor(other)
    ]
    assert not upward, "\n".join(upward)


def test_no_module_reaches_itself(arrows: dict[str, list[tuple[str, int]]]) -> None:
    try:
        TopologicalSorter({module: {o for o, _ in found} for module, found in arrows.items()}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize(("folder", "most"), [("derive", 400), ("codegen", 400), ("templates", 300)])
def test_no_file_is_too_long_to_be_read(folder: str, most: int) -> None:
    lengths = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in (ROOT / folder).rglob("*.py")}
    assert len(lengths) > 3
    assert not {p: n for p, n in lengths.items() if n > most}


def test_a_name_means_one_thing() -> None:
    names = Counter(name.rpartition(".")[2] for name, path in MODULES.items() if path.name != "__init__.py")
    assert not {name: count for name, count in names.items() if count > 1}


def test_a_folder_can_be_read_at_a_glance() -> None:
    entries = {
        folder: list(entries_of(folder))
        for folder in {p.parent for p in PATHS if p.parts[len(ROOT.parts)] != "adapters"}
    }
    assert len(entries) > 40
    assert not {folder: found for folder, found in entries.items() if len(found) > 8}


def entries_of(folder: Path) -> Iterator[str]:
    """What a folder holds but its `__init__.py`."""
    for entry in folder.iterdir():
        if (entry.suffix == ".py" and entry.name != "__init__.py") or (
            entry.is_dir() and not entry.is_symlink() and any(entry.glob("*.py"))
        ):
            yield entry.name


# ----- backends -------------------------------------------------------------------------------------------------------
BACKENDS = ("codegen.numpy", "codegen.loops")
"""The folders of backends; the loops stand behind NumPy's functions."""
TABLE = "codegen.target"
WORDS = re.compile(r"\b(np|rt)\b|numpy|\.jinja\b")
"""What belongs to one of them: its modules, its libraries, its templates."""
SAID = {
    "codegen.tool.check.finding.explanation": {
        ": a factor 0 does not undo NaN or infinity; choose by np.where where a bracket is false."  # to people
    },
    "codegen.tool.pages.html.html_page": {"page/page.html.jinja", "page/shown.html.jinja"},  # of no backend
    "codegen.tool.pages.playground.playground": {"playground/playground.html.jinja"},
    "codegen.tool.pages.playground.engine": {".jinja"},  # what is shipped of templates
    "codegen.tool.pages.site.frame": {"site/words.html.jinja"},
    "codegen.tool.pages.site.start_page": {"site/search.html.jinja"},
    "codegen.tool.cli.commands.explaining": {"auto, numpy, compiled or background."},
}


def backend(module: str) -> str:
    """The backend that a module belongs to; "" for others."""
    return next((room for room in BACKENDS if module == room or module.startswith(f"{room}.")), "")


def test_a_backend_is_reached_through_the_table_only(arrows: dict[str, list[tuple[str, int]]]) -> None:
    found = [(module, other) for module, others in arrows.items() for other, _ in others if backend(other)]
    into = {(module, other) for module, other in found if backend(module) != backend(other)}
    named = [room for row in TARGETS.values() for room in astuple(row)[2:]]
    rooms = {plain(room) for room in named if room}
    assert {other for module, other in into if module == TABLE} == rooms
    assert {(backend(module), other) for module, other in into if module != TABLE} == {
        ("codegen.numpy", "codegen.loops")
    }


def test_no_other_code_of_codegen_speaks_of_a_backend() -> None:
    outside = [module for module in MODULES if module.startswith("codegen.") and not backend(module)]
    assert len(outside) > 50
    for module in {*outside} - {TABLE}:
        nodes = [*ast.walk(tree(MODULES[module], WORDS))]
        docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        said = {text for node in nodes if isinstance(node, ast.Constant) and id(node) not in docs
                if isinstance(text := node.value, str) and WORDS.search(text)}  # fmt: skip
        assert said == SAID.get(module, set()), module
