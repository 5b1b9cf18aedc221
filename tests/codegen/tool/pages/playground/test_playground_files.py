"""The playground as files: whole, the same each time, and without a word that it needs from elsewhere."""

import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gradscribe.codegen.python.text.render import templates
from gradscribe.codegen.tool.pages.playground import engine
from gradscribe.codegen.tool.pages.playground.playground import FETCHED, OF_THE_SCRIPT, SCRIPTED, playground_files
from gradscribe.derive.catalogue.pages.starting_texts import STARTING_TEXTS
from gradscribe.derive.ir.error import EquationError
from tests.codegen.tool.pages.html.reading import Read


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files under the names of npm's package, and no Node.js that would compile anything."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for name in (*SCRIPTED, *FETCHED):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_a_page_names_its_files_and_no_other_place(bundle: Path) -> None:
    files = playground_files(bundle)
    page = Read(files["index.html"].decode())
    linked = [*page.of("src"), *(path for path in page.of("href") if not path.startswith("#"))]
    assert linked
    assert set(linked) <= files.keys()
    for name in ("index.html", "worker.js", "playground.js", "playground.css"):
        assert not re.findall(rb"https?://", files[name])
    assert page.of("data-engine") == ["worker"]
    sizes = sum(len(data) for name, data in files.items() if Path(name).name in (*FETCHED, "engine.zip"))
    assert page.of("data-bytes") == [str(sizes)]
    assert set(STARTING_TEXTS.values()) == {
        value for value in page.of("value") if "[" in value or value in STARTING_TEXTS.values()
    }


def test_a_server_needs_no_python_in_the_browser() -> None:
    files = playground_files(None, '<nav id="above"></nav>')
    assert Read(files["index.html"].decode()).of("data-engine") == ["server"]
    assert b'<nav id="above"></nav>' in files["index.html"]
    assert not [name for name in files if name.startswith(("pyodide/", "engine", "worker"))]


def test_the_page_is_in_the_language_that_is_asked_for() -> None:
    korean, english = (playground_files(None, language=language)["index.html"].decode() for language in ("ko", "en"))
    assert (Read(korean).of("lang"), Read(english).of("lang")) == (["ko"], ["en"])
    assert [label for label in Read(korean).of("aria-label") if label.isascii()] == []
    titles = re.findall(r"<option[^>]*>([^<]*)</option>", korean)
    assert [title for title in titles if title.isascii()] == []
    assert len(titles) == len(STARTING_TEXTS) + 1
    with pytest.raises(EquationError, match="unknown language 'kr'"):
        playground_files(None, language="kr")


def test_scripts_say_the_words_that_the_page_has() -> None:
    page, worker = (templates() / f"playground/{name}.js" for name in ("playground", "worker"))
    said = re.findall(r'\b(?:say|mistake)\("(\w+)"', page.read_text(encoding="utf-8"))
    steps = re.findall(r'\bsaid\("(\w+)"\)', worker.read_text(encoding="utf-8"))
    assert {*said, *steps} == OF_THE_SCRIPT.keys()


def test_a_bundle_that_is_missing_is_named_with_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no pyodide\.mjs, .*: `make pyodide` gets them from npm"):
        playground_files(tmp_path)


def test_an_engine_is_the_same_each_time_and_answers_from_its_archive(bundle: Path, tmp_path: Path) -> None:
    packed = engine.engine(bundle)
    assert packed == engine.engine(bundle)
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert len({info.date_time for info in archive.infolist()}) == 1
        archive.extractall(folder)
    names = {path.relative_to(folder).parts[0] for path in folder.iterdir()}
    assert {"gradscribe", *engine.LIBRARIES} <= names
    script = (
        f"import sys; sys.path[:] = [{str(folder)!r}, *(p for p in sys.path if 'site-packages' not in p)]\n"
        "sys.modules['numpy'] = None\n"
        "from gradscribe.codegen.tool.pages.playground.answer import answer\n"
        "import gradscribe, sympy\n"
        "print(gradscribe.__file__, sympy.__file__)\n"
        "print('html' in answer('y[n,k] = x[n,k]^3'), 'html' in answer('conv2d -> tanh'), answer('y[i] = f(x[i])'))"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    where, told = done.stdout.splitlines()
    assert where.count(str(folder)) == 2
    assert told.startswith("True True {'error'")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, bundle: Path) -> None:
    monkeypatch.setattr(engine, "LIBRARIES", ("no_such_library",))
    with pytest.raises(ValueError, match="holds no_such_library, which is not installed; pip install no_such_library"):
        engine.engine(bundle)
