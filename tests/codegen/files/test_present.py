"""What lies in the folder of a package: files of others, links, what was left over, names that would be one."""

import os
import shutil
from pathlib import Path

import pytest

from gradscribe.codegen.python.text.render import MARK
from gradscribe.codegen.tool.package import generated_modules, stale, write_package
from gradscribe.derive.ir.error import EquationError
from tests.cases.folders import contents, own


@pytest.mark.parametrize("kind", ["text", "link", "broken link", "folder", "pipe"])
def test_what_was_not_generated_is_left_alone(tmp_path: Path, kind: str) -> None:
    folder, other = tmp_path / "package", tmp_path / "other.py"
    folder.mkdir()
    other.write_text(f"{MARK} somewhere else\n", encoding="utf-8")
    place = folder / "square.py"
    match kind:
        case "text":
            place.write_text("mine = 1\n", encoding="utf-8")
        case "link":
            place.symlink_to(other)
        case "broken link":
            place.symlink_to(tmp_path / "nowhere")
        case "folder":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
    with pytest.raises(FileExistsError, match=r"square\.py was not generated"):
        write_package([own("square")], folder)
    assert [p.name for p in folder.iterdir()] == ["square.py"]
    assert other.read_text(encoding="utf-8") == f"{MARK} somewhere else\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.py", "package"]


@pytest.mark.parametrize("kind", ["module", "text", "file", "link", "link within", "folder within", "empty"])
def test_a_folder_in_the_place_of_the_runtime_is_left_alone(tmp_path: Path, kind: str) -> None:
    folder, other = tmp_path / "package", tmp_path / "other"
    place = folder / "runtime"
    other.mkdir()
    folder.mkdir()
    match kind:
        case "file":
            place.write_text("mine", encoding="utf-8")
        case "link":
            place.symlink_to(other)
        case _:
            place.mkdir()
    match kind:
        case "module":
            (place / "__init__.py").write_text("mine = 1\n", encoding="utf-8")
        case "text":
            (place / "notes.txt").write_text("mine", encoding="utf-8")
        case "link within":
            (place / "machine").symlink_to(other)
        case "folder within":
            (place / "data").mkdir()
            (place / "data/notes.txt").write_text("mine", encoding="utf-8")
    before = contents(folder)
    if kind == "empty":
        write_package([own("square")], folder)
        assert (place / "__init__.py").is_file()
        return
    with pytest.raises(FileExistsError, match="was not generated"):
        write_package([own("square")], folder)
    assert contents(folder) == before
    assert [p.name for p in folder.iterdir()] == ["runtime"]
    assert not list(other.iterdir())


def test_a_link_within_a_runtime_is_left_alone(tmp_path: Path) -> None:
    write_package([own("square")], tmp_path / "package")
    machine = tmp_path / "package/runtime/machine"
    shutil.move(machine, tmp_path / "elsewhere")
    machine.symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="machine was not generated"):
        write_package([own("cube", "y[n] = x[n]^3")], tmp_path / "package")
    assert contents(tmp_path) == before


def test_what_other_versions_have_left_of_a_runtime_goes(tmp_path: Path) -> None:
    """A runtime that was one file, a module that there is no more; not what the user has put there."""
    write_package([own("square")], tmp_path)
    fresh = contents(tmp_path)
    left = {"runtime.py", "transforms.py", "runtime/strategy.py", "runtime/machine/clock.py"}
    for name in left:
        (tmp_path / name).write_text(f"{MARK} a template.\nclass Layer:\n    pass\n", encoding="utf-8")
    (tmp_path / "runtime/mine.py").write_text("x = 1\n", encoding="utf-8")
    assert len(stale([own("square")], tmp_path, whole=False)) == len(left)
    assert {p.relative_to(tmp_path).as_posix() for p in write_package([own("square")], tmp_path)} == left
    assert contents(tmp_path) == {**fresh, "runtime/mine.py": "x = 1\n"}
    assert stale([own("square")], tmp_path, whole=True) == []


LOOPED = "y[n,c] = relu(x[n,c] - v[n,c])*v[n,c] + abs(x[n,c])"


def test_compiled_loops_come_and_go_with_their_module(tmp_path: Path) -> None:
    write_package([own("mine", LOOPED), own("other", LOOPED)], tmp_path)
    loops = {"compiled/__init__.py", "compiled/mine.py", "compiled/other.py"}
    assert {name for name in contents(tmp_path) if name.startswith("compiled/")} == loops
    found = write_package([own("mine")], tmp_path)
    assert {p.relative_to(tmp_path).as_posix() for p in found} == {"__init__.py", "mine.py", "compiled/mine.py"}
    assert {name for name in contents(tmp_path) if name.startswith("compiled/")} == loops - {"compiled/mine.py"}
    assert stale([own("mine")], tmp_path, whole=False) == []
    (tmp_path / "other.py").unlink()
    assert [p.name for p in write_package([own("mine")], tmp_path) if p.parent.name == "compiled"] == ["other.py"]
    assert len(stale([own("mine")], tmp_path, whole=True)) == 1  # the file of the package of loops


def test_a_folder_in_the_place_of_compiled_loops_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled/notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="was not generated"):
        write_package([own("mine", LOOPED)], tmp_path)
    assert contents(tmp_path) == {"compiled/notes.txt": "mine"}
    write_package([own("mine")], tmp_path)  # which has none
    assert contents(tmp_path)["compiled/notes.txt"] == "mine"


def test_a_layer_may_be_called_as_a_file_that_packages_had(tmp_path: Path) -> None:
    write_package([own("transforms")], tmp_path)
    assert "transforms.py" not in {p.name for p in write_package([own("square")], tmp_path) if p.parent == tmp_path}
    assert sorted(generated_modules(tmp_path)) == ["square", "transforms"]


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file: expected a folder"):
        write_package([own("square")], tmp_path / "file")


def test_a_file_whose_name_is_no_module_does_not_get_into_the_package(tmp_path: Path) -> None:
    write_package([own("square")], tmp_path)
    text = (tmp_path / "square.py").read_text(encoding="utf-8")
    (tmp_path / "x import y; hostile() #.py").write_text(text, encoding="utf-8")
    write_package([own("cube", "y[n] = x[n]^3")], tmp_path)
    assert "hostile" not in (tmp_path / "__init__.py").read_text(encoding="utf-8")
    assert sorted(generated_modules(tmp_path)) == ["cube", "square"]


def test_a_pipe_does_not_stop_a_check(tmp_path: Path) -> None:
    write_package([own("square")], tmp_path)
    os.mkfifo(tmp_path / "pipe.py")
    assert stale([own("square")], tmp_path, whole=True) == []


# ----- names that would be one ----------------------------------------------------------------------------------------
CLASHES = {
    "the package's own": [["__init__"], ["runtime"], ["settings"], ["Sequential"], ["__path__"]],
    "case": [["gate", "Gate"], ["Runtime"], ["straße", "strasse"]],
    "class": [["x1", "x_1"], ["sequential"], ["foo_bar", "FooBar"]],
    "no module": [["a b"], ["../out"], ["class"], [""], ["a.b"], ["ﬁ"], ["x\n"]],
}


@pytest.mark.parametrize("names", [n for group in CLASHES.values() for n in group], ids=str)
def test_names_that_would_be_one_are_refused_before_anything_is_written(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(EquationError, match="expected another name"):
        write_package([own(name, f"y[n] = {k + 2}*x[n]") for k, name in enumerate(names)], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_names_are_compared_with_those_in_the_folder(tmp_path: Path) -> None:
    write_package([own("gate")], tmp_path)
    before = contents(tmp_path)
    for name in ("Gate", "GATE"):
        with pytest.raises(EquationError, match=f"{name} and .*gate would be one"):
            write_package([own(name)], tmp_path)
    assert contents(tmp_path) == before
    assert write_package([own("gate"), own("gate")], tmp_path) == []
    with pytest.raises(EquationError, match="two different layers"):
        write_package([own("gate"), own("gate", "y[n] = x[n]")], tmp_path)
