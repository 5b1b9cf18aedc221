"""What is built: the wheel's exact contents, and that it works where the checkout is not, beside any other package."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("build")
pytest.importorskip("hatchling")

ROOT = Path(__file__).parents[3]
ROOMS = ("adapters", "codegen", "derive", "generated")
TOP = {path.name for path in (ROOT / "gradscribe").glob("*.py")} | {"py.typed"}
LOCALE = {path.relative_to(ROOT / "gradscribe").as_posix() for path in (ROOT / "gradscribe/locale").rglob("*.[mp]o")}
TEMPLATES = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "templates").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}
GENERATED = ("adam", "lenet", "max_pool2d", "relu")
"""An optimiser, a network, and layers, one with loops of its own: the sources are those of the checkout."""
MAIN = "from gradscribe.codegen.tool.cli import main; main()"


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


@pytest.mark.thorough
def test_the_top_level_of_the_wheel(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert top == {"gradscribe", metadata(wheel)}
    assert metadata(wheel).startswith("gradscribe-")


@pytest.mark.thorough
def test_the_wheel_holds_every_module_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    modules = {p.relative_to(ROOT).as_posix() for name in ROOMS for p in (ROOT / name).rglob("*.py")}
    grammars = {p.relative_to(ROOT).as_posix() for p in (ROOT / "derive").rglob("*.lark")}
    texts = {p.relative_to(ROOT).as_posix() for p in (ROOT / "derive").rglob("*.eq")}
    assert TEMPLATES
    assert grammars
    assert texts
    assert "locale/ko/LC_MESSAGES/gradscribe.mo" in LOCALE
    inside = modules | grammars | texts | TEMPLATES | LOCALE | {f"{name}/py.typed" for name in ROOMS} | TOP
    found = [name for name in wheel.namelist() if not name.startswith(metadata(wheel))]
    assert sorted(found) == sorted(f"gradscribe/{name}" for name in inside)


def test_the_wheel_names_its_command_and_licence(wheel: zipfile.ZipFile) -> None:
    folder = metadata(wheel)
    entry_points = wheel.read(f"{folder}/entry_points.txt").decode()
    assert "gradscribe = gradscribe.codegen.tool.cli:main" in entry_points
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()
    about = wheel.read(f"{folder}/METADATA").decode()
    assert "License-Expression: BSD-3-Clause" in about
    assert "Do Not Upload" not in about


def test_the_source_distribution_holds_what_the_wheel_is_built_from(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "codegen/tool/cli/run.py", "generated/py.typed"} <= names
    assert names >= TEMPLATES
    assert {n for n in names if n.startswith("gradscribe/")} == {f"gradscribe/{name}" for name in TOP | LOCALE}
    assert not {name for name in names if "__pycache__" in name or name.startswith((".venv", ".git/"))}


# ----- installed ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as site-packages would be, where every room has a namesake of somebody else's."""
    folder = tmp_path_factory.mktemp("site")
    for name in ROOMS:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("WHOSE = 'somebody else'\n")
    wheel.extractall(folder)
    return folder


def run(installed: Path, cwd: Path, code: str, *arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, check=False, cwd=cwd, env=env, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.thorough
def test_what_is_installed_stands_beside_packages_of_the_same_names(installed: Path, tmp_path: Path) -> None:
    code = f"import gradscribe, {', '.join(ROOMS)}; print({', '.join(f'{name}.WHOSE' for name in ROOMS)})\n"
    code += "import gradscribe.adapters as found; print(found.__file__)"
    theirs, own = " ".join(["somebody else"] * len(ROOMS)), installed / "gradscribe" / "adapters" / "__init__.py"
    assert run(installed, tmp_path, code) == f"{theirs}\n{own}\n"


def test_what_is_installed_lists_its_layers(installed: Path, tmp_path: Path) -> None:
    assert "conv2d" in run(installed, tmp_path, MAIN, "list")


def test_what_is_installed_is_the_checkout_byte_by_byte(installed: Path) -> None:
    """So that what the checkout generates, module by module, is what it generates."""
    for name in (*ROOMS, "templates"):
        files = [path for path in (ROOT / name).rglob("*") if path.suffix in {".py", ".lark", ".jinja"}]
        for path in files:
            assert (installed / "gradscribe" / path.relative_to(ROOT)).read_bytes() == path.read_bytes(), path


@pytest.mark.thorough
def test_what_is_installed_generates_the_same_files_and_they_shadow_nothing(installed: Path, tmp_path: Path) -> None:
    """The whole runtime, and of each kind of module one, into a folder that is empty."""
    run(installed, tmp_path, MAIN, "generate", *GENERATED)
    assert [path.name for path in tmp_path.iterdir()] == ["gradscribe_layers"]
    here, there = tmp_path / "gradscribe_layers", ROOT / "generated"
    found = {path.relative_to(here): path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert {path.stem for path in here.glob("*.py")} == {*GENERATED, "__init__"}
    wanted = {path.relative_to(there) for path in (there / "runtime").rglob("*.py")}
    wanted |= {Path(folder, f"{name}.py") for name in GENERATED for folder in ("", "compiled")}
    wanted = {path for path in wanted if (there / path).is_file()} | {Path("compiled", "__init__.py")}
    assert set(found) == wanted | {Path("__init__.py")}
    assert {path: found[path] for path in wanted} == {path: (there / path).read_bytes() for path in wanted}
    code = (
        "import numpy as np; from gradscribe.generated import Conv2D; import generated; print(generated.WHOSE);"
        "from gradscribe_layers import ReLU, relu_forward, relu; print(relu_forward(np.array([-1.0, 2.0])))"
    )
    assert run(installed, tmp_path, code) == "somebody else\n[0. 2.]\n"


def test_what_is_installed_computes(installed: Path, tmp_path: Path) -> None:
    code = (
        "import numpy as np; from gradscribe import generated; from gradscribe.generated import ReLU, relu_forward;"
        "print(generated.__file__, ReLU()(np.array([-1.0, 2.0])), relu_forward(np.array([-3.0, 4.0])))"
    )
    expected = f"{installed / 'gradscribe' / 'generated' / '__init__.py'} [0. 2.] [0. 4.]\n"
    assert run(installed, tmp_path, code) == expected


@pytest.mark.parametrize("room", ["adapters", "codegen", "derive"])
def test_a_room_is_no_package_of_its_own(room: str) -> None:
    """In a checkout, where Python would find it: two copies of a class would not be equal."""
    command = [sys.executable, "-c", f"import {room}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith(f"and no package of its own: import gradscribe.{room}\n")


def test_without_the_links_the_rooms_are_found_beside(tmp_path: Path) -> None:
    """As where a file system, or an archive, has no links."""
    (tmp_path / "gradscribe").mkdir()
    for name in TOP:
        (tmp_path / "gradscribe" / name).write_bytes((ROOT / "gradscribe" / name).read_bytes())
    (tmp_path / "derive").mkdir()
    (tmp_path / "derive" / "__init__.py").write_text("HERE = True\n")
    assert run(tmp_path, tmp_path, "import gradscribe; print(gradscribe.derive.HERE)") == "True\n"
