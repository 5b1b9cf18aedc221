"""What is built: the wheel's exact top level, its templates and types; and that it works where the checkout is not."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("build")
pytest.importorskip("hatchling")

ROOT = Path(__file__).parents[1]
TEMPLATES = {path.relative_to(ROOT / "templates").as_posix() for path in (ROOT / "templates").rglob("*.jinja")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


def metadata(wheel: zipfile.ZipFile) -> str:
    (folder,) = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    return folder


def test_the_top_level_of_the_wheel(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert top == {"derive", "codegen", "generated", "adapters", metadata(wheel)}
    assert metadata(wheel).startswith("gradscribe-")


def test_the_wheel_holds_every_module_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packages = ("derive", "codegen", "generated", "adapters")
    modules = {p.relative_to(ROOT).as_posix() for name in packages for p in (ROOT / name).rglob("*.py")}
    grammars = {p.relative_to(ROOT).as_posix() for p in (ROOT / "derive").rglob("*.lark")}
    expected = (
        modules
        | grammars
        | {f"{name}/py.typed" for name in packages}
        | {f"codegen/templates/{name}" for name in TEMPLATES}
    )
    assert {name for name in wheel.namelist() if not name.startswith(metadata(wheel))} == expected
    assert TEMPLATES
    assert grammars


def test_the_wheel_names_its_command_and_licence(wheel: zipfile.ZipFile) -> None:
    folder = metadata(wheel)
    entry_points = wheel.read(f"{folder}/entry_points.txt").decode()
    assert "gradscribe = codegen.cli:main" in entry_points
    assert "numpy = codegen.backend" in entry_points
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()
    assert "License-Expression: BSD-3-Clause" in wheel.read(f"{folder}/METADATA").decode()


def test_the_source_distribution_holds_what_the_wheel_is_built_from(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "codegen/cli.py", "generated/py.typed"} <= names
    assert {f"templates/{name}" for name in TEMPLATES} <= names
    assert not {name for name in names if "__pycache__" in name or name.startswith((".venv", ".git/"))}


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    wheel.extractall(folder)
    return folder


def run(installed: Path, cwd: Path, code: str, *arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, check=False, cwd=cwd, env=env, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


MAIN = (
    "import codegen; from codegen.cli import main; assert codegen.__file__.startswith({!r}), codegen.__file__; main()"
)


def test_what_is_installed_lists_its_layers(installed: Path, tmp_path: Path) -> None:
    assert "conv2d" in run(installed, tmp_path, MAIN.format(str(installed)), "list")


def test_what_is_installed_generates_the_same_files(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, MAIN.format(str(installed)), "generate", "--out", "here")
    found = {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()}
    assert found == {path.name: path.read_bytes() for path in (ROOT / "generated").glob("*.py")}


def test_what_is_installed_computes(installed: Path, tmp_path: Path) -> None:
    code = "import generated, numpy as np; print(generated.__file__, generated.ReLU()(np.array([-1.0, 2.0])))"
    assert run(installed, tmp_path, code) == f"{installed / 'generated' / '__init__.py'} [0. 2.]\n"
