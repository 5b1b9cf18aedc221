"""The runtime as a package: which of its modules imports which, how long they are, that it is what templates/ has."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from gradscribe.codegen.python.text.render import MARK
from tests.cases.together import together

ROOT = Path(__file__).parents[2]
WRITTEN, RUNTIME = ROOT / "templates/numpy/runtime", ROOT / "generated/runtime"
FILES = sorted(path.relative_to(RUNTIME) for path in RUNTIME.rglob("*.py"))
ROOMS = (
    *("arguments", "machine", "arithmetic", "cook_toom", "contractions", "windows", "recording", "layers"),
    "__init__.py",
)
"""A room imports itself and those before it."""
SOURCES = Path("machine/native/sources.py")
"""The files of C as texts."""
OPTIONAL = {"threadpoolctl": "machine/threads.py"}
"""What is imported in one function, where it is installed."""


def imports(path: Path) -> Iterator[tuple[str, Path | None]]:
    """What a module imports anywhere, functions included: the name of a package, or a file of the runtime."""
    for node in ast.walk(ast.parse((RUNTIME / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0], None
        elif isinstance(node, ast.ImportFrom):
            yield "", path.parents[node.level - 1] / f"{(node.module or '').replace('.', '/')}.py"


def within(path: Path) -> set[Path]:
    return {file for _, file in imports(path) if file is not None}


@together("path", FILES, ids=Path.as_posix)
def test_a_module_imports_numpy_the_standard_library_and_modules_of_the_runtime(path: Path) -> None:
    packages = {name for name, file in imports(path) if file is None}
    optional = {name for name, file in OPTIONAL.items() if file == path.as_posix()}
    assert packages <= {*sys.stdlib_module_names, "numpy", *optional}
    assert within(path) <= set(FILES)


def test_no_circle_of_imports() -> None:
    assert len(list(TopologicalSorter({path: within(path) for path in FILES}).static_order())) == len(FILES)


@together("path", FILES, ids=Path.as_posix)
def test_a_room_imports_those_before_it(path: Path) -> None:
    assert all(ROOMS.index(file.parts[0]) <= ROOMS.index(path.parts[0]) for file in within(path))


@together("path", [path for path in FILES if path != SOURCES], ids=Path.as_posix)
def test_no_module_is_long(path: Path) -> None:
    assert len((RUNTIME / path).read_text(encoding="utf-8").splitlines()) <= 300


def test_it_is_what_lies_in_templates_and_the_algorithms_of_fast_correlations() -> None:
    copied = {path.relative_to(WRITTEN) for path in WRITTEN.rglob("*.py")}
    for path in copied:
        text = (RUNTIME / path).read_bytes()
        header, rest = text.split(b"\n", 2)[:2], text.split(b"\n", 2)[2]
        assert header[0].startswith(MARK.encode())
        assert header[1].startswith(b"# Do not edit")
        assert rest == (WRITTEN / path).read_bytes()
    assert {path.parts[0] for path in set(FILES) - copied} == {"cook_toom", "machine"}


def annotated(path: Path) -> set[tuple[str, str]]:
    """The names that a module declares, and their types."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {(ast.unparse(n.target), ast.unparse(n.annotation)) for n in body if isinstance(n, ast.AnnAssign)}


def test_what_is_written_from_numbers_has_its_types_in_templates() -> None:
    stubs = sorted(WRITTEN.rglob("*.pyi"))
    assert stubs
    for stub in stubs:
        assert annotated(stub) == annotated((RUNTIME / stub.relative_to(WRITTEN)).with_suffix(".py"))


def test_every_strategy_is_a_row_of_a_table_above_all_strategies() -> None:
    folder = Path("contractions/strategies")
    tables = {Path("contractions/gathering.py"), Path("contractions/choice.py")}
    above = {path for path in FILES for file in within(path) if file.parent == folder and path.parent != folder}
    assert above == tables
