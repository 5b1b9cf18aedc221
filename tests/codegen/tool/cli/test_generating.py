"""`gradscribe generate`: what is written, what is left alone, and whether files are fresh."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gradscribe.codegen.numpy.package.runtime import runtime_sources
from tests.codegen.tool.cli.running import GENERATED, OWN, Command, is_a_mistake, run, run_apart


def modules(folder: Path) -> dict[str, bytes]:
    """The modules in a folder, by their paths there."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.py")}


def test_generate_writes_the_package(gradscribe: Command, few: Callable[..., None], tmp_path: Path) -> None:
    few("dense", "max_pool2d", "lenet", "sgd")
    done = gradscribe("generate", "--out", "new/folder")
    assert done.code == 0
    written = modules(tmp_path / "new/folder")
    assert f"2 layers, 1 network, 1 optimiser, {len(written)} files changed in new/folder" in done.out
    del written["__init__.py"]  # it names the modules there are; test_wheel has the whole package
    looped = ("max_pool2d", "lenet", "sgd")
    made = {"dense.py", *(f"{n}.py" for n in looped), *(f"compiled/{n}.py" for n in ("__init__", *looped))}
    assert set(written) == {*made, *runtime_sources()}
    assert written == {name: (GENERATED / name).read_bytes() for name in written}


def test_generate_writes_only_what_changed(gradscribe: Command, few: Callable[..., None]) -> None:
    few("dense", "softplus")
    number = len(runtime_sources())
    done = gradscribe("generate", "--out", "out").out
    assert f"2 layers, {5 + number} files changed" in done
    assert f"wrote out/runtime, {number} files\n" in done
    assert "0 files changed" in gradscribe("generate", "--out", "out").out


def test_generate_some_layers_keeps_the_others(gradscribe: Command, tmp_path: Path) -> None:
    gradscribe("generate", "dense", "--out", "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"__init__.py", "dense.py", "runtime"}
    gradscribe("generate", "tanh", "--out", "out")
    text = (tmp_path / "out/__init__.py").read_text(encoding="utf-8")
    assert '"Dense",' in text
    assert '"Tanh",' in text
    assert gradscribe("generate", "dense", "--out", "out", "--check").code == 0


def test_generate_a_layer_of_ones_own(gradscribe: Command, own_file: Path, tmp_path: Path) -> None:
    assert gradscribe("generate", f"{own_file}:cube", "--out", "out").code == 0
    assert "class Cube(rt.Layer):" in (tmp_path / "out/cube.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of one layer."""
    path = tmp_path_factory.mktemp("fresh")
    assert run("generate", "dense", "--out", path).code == 0
    return path


@pytest.fixture
def folder(fresh: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(fresh, tmp_path / "out")


def test_check_finds_a_stale_file(gradscribe: Command, folder: Path) -> None:
    path = folder / "dense.py"
    text = path.read_text(encoding="utf-8").replace("Compute the dense", "Compute some dense")
    path.write_text(text, encoding="utf-8")
    done = gradscribe("generate", "dense", "--out", "out", "--check")
    assert done.code == 1
    assert '-    """Compute some dense' in done.out
    assert '+    """Compute the dense' in done.out
    assert "--- out/dense.py" in done.out
    assert "@@ " in done.out
    assert path.read_text(encoding="utf-8") == text


def test_check_finds_a_missing_file(gradscribe: Command, folder: Path) -> None:
    path = folder / "runtime/contractions/contract.py"
    path.unlink()
    done = gradscribe("generate", "dense", "--out", "out", "--check")
    assert done.code == 1
    assert "+def contract(" in done.out
    assert not path.exists()


def test_check_finds_an_empty_file(gradscribe: Command, folder: Path) -> None:
    (folder / "runtime/__init__.py").write_text("", encoding="utf-8")
    assert gradscribe("generate", "dense", "--out", "out", "--check").code == 1


def test_check_finds_an_orphan(gradscribe: Command, own_file: Path, few: Callable[..., None]) -> None:
    few("dense", "tanh")
    gradscribe("generate", "--out", "out")
    done = gradscribe("generate", "--out", "out", "--check")
    assert done.code == 0
    assert "is fresh: 2 layers" in done.out
    gradscribe("generate", f"{own_file}:cube", "--out", "out")
    done = gradscribe("generate", "--out", "out", "--check")
    assert done.code == 1
    assert "-class Cube(rt.Layer):" in done.out
    assert "orphaned" in done.out


def test_check_leaves_other_files_of_the_folder_alone(gradscribe: Command, folder: Path) -> None:
    (folder / "mine.py").write_text("x = 1\n", encoding="utf-8")
    assert gradscribe("generate", "dense", "--out", "out", "--check").code == 0


def test_check_writes_nothing(gradscribe: Command, tmp_path: Path) -> None:
    assert gradscribe("generate", "dense", "--out", "out", "--check").code == 1
    assert not (tmp_path / "out").exists()


def test_generate_refuses_to_overwrite_what_it_did_not_write(gradscribe: Command, tmp_path: Path) -> None:
    path = tmp_path / "out" / "dense.py"
    path.parent.mkdir()
    path.write_text("mine = 1\n", encoding="utf-8")
    done = gradscribe("generate", "dense", "--out", "out")
    is_a_mistake(done, "dense.py", "was not generated")
    assert path.read_text(encoding="utf-8") == "mine = 1\n"
    assert [p.name for p in path.parent.iterdir()] == ["dense.py"]


def test_generate_fills_an_empty_file(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/__init__.py").touch()
    assert gradscribe("generate", "dense", "--out", "out").code == 0
    assert "Dense" in (tmp_path / "out/__init__.py").read_text(encoding="utf-8")


def test_generate_into_what_is_no_folder(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    is_a_mistake(gradscribe("generate", "dense", "--out", "file"), "file")
    is_a_mistake(gradscribe("generate", "dense", "--out", "file/below"), "file/below")


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="permissions do not bind this user")
def test_generate_into_a_folder_that_may_not_be_written(gradscribe: Command, folder: Path) -> None:
    folder.chmod(0o500)
    is_a_mistake(gradscribe("generate", "tanh", "--out", "out"), "Permission denied")
    folder.chmod(0o700)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    gradscribe: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "dense.py"
    path.write_text("# Generated by gradscribe from before\n", encoding="utf-8")
    before = modules(folder)

    def fails(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fails)
    is_a_mistake(gradscribe("generate", "dense", "--out", "out"), "disk full")
    assert modules(folder) == before


def test_a_mistake_in_one_layer_writes_none(gradscribe: Command, own_file: Path, tmp_path: Path) -> None:
    text = OWN.replace('"cube", "Cube"', '"class", "Cube"')
    own_file.write_text(text, encoding="utf-8")
    is_a_mistake(gradscribe("generate", "dense", f"{own_file}:cube", "--out", "out"), "'class'", "Python")
    assert not (tmp_path / "out").exists()


@pytest.mark.thorough
def test_the_folder_of_a_run_does_not_matter(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = run_apart(elsewhere, "generate", "dense", "--check", "--out", str(folder))
    assert done == (0, f"{folder} is fresh: 1 layer\n", "")
