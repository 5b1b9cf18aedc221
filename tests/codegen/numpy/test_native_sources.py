"""C within a module of Python: the text that a compiler gets is that of the file, whatever it holds."""

import ast
from pathlib import Path

import pytest

from gradscribe.codegen.driver import shared
from gradscribe.codegen.numpy.package.native_sources import c_files
from gradscribe.codegen.numpy.package.runtime import runtime_sources
from gradscribe.codegen.python.text.literal import raw
from gradscribe.derive.ir.error import EquationError
from gradscribe.generated.runtime.machine.native import sources

C = Path(__file__).parents[3] / "templates/c"


@pytest.mark.parametrize("text", ["", "a\\n\"'''\n", '"quoted" \\\n', "// %s {{ x }} {# #}\n"])
def test_a_text_stays_what_it_is(text: str) -> None:
    assert ast.literal_eval(raw("file", text)) == text


@pytest.mark.parametrize(
    "text", ['"""', 'a"""\nimport os\n"""', 'ends with "', "ends with \\", "a\tb", "a\rb", "é", "\x00", "\u202e"]
)
def test_what_could_be_something_else_is_refused(text: str) -> None:
    with pytest.raises(EquationError, match="file: expected"):
        raw("file", text)


def test_every_file_is_a_text() -> None:
    texts = {name: text for name, text in vars(sources).items() if name.isupper()}
    assert texts == {name.upper(): text for name, text in c_files().items()}
    assert {path.stem for path in C.glob("*.c")} == set(c_files())


def test_what_is_included_is_put_in() -> None:
    for text in c_files().values():
        assert '#include "' not in text
        assert text.count("struct team {") >= 1
    (written,) = (text for path, text in runtime_sources().items() if path.endswith("native/sources.py"))
    assert ast.parse(written)


def test_a_package_in_memory_has_them_too() -> None:
    assert c_files()["pool"] == shared()["runtime.machine.native.sources"].POOL


@pytest.mark.parametrize("path", sorted(C.iterdir()), ids=lambda path: path.name)
def test_no_file_is_too_long_to_be_read(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400
    assert max(map(len, lines)) <= 120
