"""What is loaded for what: whoever asks for little does not wait for SymPy, nor for an optional package."""

import subprocess
import sys
from pathlib import Path

import pytest

from gradscribe.derive.typeset.formats import FORMATS

ROOT = Path(__file__).parents[2]
SYMBOLIC = {"sympy", "mpmath", "lark"}
OPTIONAL = {"numba", "llvmlite", "threadpoolctl", "hypothesis", "torch"}
GENERATING = {"jinja2", "gradscribe.codegen", "gradscribe.derive"}
REPORT = """
import sys
before = set(sys.modules)
try:
    {code}
except SystemExit as stop:
    assert stop.code == {exits}, stop.code
print("LOADED", *sorted(set(sys.modules) - before))
"""


def loaded(code: str, *arguments: str, exits: int = 0) -> set[str]:
    """The modules that a fresh process has loaded once it has run `code`."""
    script = REPORT.format(code=code, exits=exits)
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED ")[2].split())


def of_command(*arguments: str, exits: int = 0) -> set[str]:
    """The modules that a command loads."""
    return loaded("from gradscribe.codegen.tool.cli import main; main()", *arguments, exits=exits)


@pytest.mark.parametrize(
    "code",
    [
        "from gradscribe.generated import Conv2D",
        "from gradscribe.generated import Conv2D; Conv2D(2, 3, kernel_size=3)",
        "from gradscribe.generated.conv2d import conv2d_forward",
        "from gradscribe import generated; generated.LeNet5",
    ],
)
def test_a_generated_class_loads_numpy_and_its_runtime_only(code: str) -> None:
    modules = loaded(code)
    assert "numpy" in modules
    assert "gradscribe.generated.runtime" in modules
    assert not modules & (SYMBOLIC | OPTIONAL | GENERATING)
    generated = {".".join(m.split(".")[2:3]) for m in modules if m.startswith("gradscribe.generated.")}
    assert len(generated) == 2
    assert "gradscribe.generated.runtime.cook_toom.transforms" not in modules  # waits for loops that are compiled


@pytest.mark.parametrize(
    ("arguments", "exits"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["derive", "--help"], 0),
        (["generate", "--help"], 0),
        (["nonsense"], 2),
        (["derive"], 2),
        (["derive", "conv2d", "--nonsense"], 2),
        (["derive", "conv2d", "--order", "3"], 2),
        (["derive", "conv2d", "--format", "nonsense"], 2),
        (["derive", "conv2d", "--set", "stride"], 2),
        (["list"], 0),
        (["completion", "bash"], 0),
        (["list", "convv2d"], 2),
        (["derive", "convv2d"], 2),
        (["generate", "convv2d"], 2),
        (["verify", "convv2d"], 2),
        (["explain", "convv2d", "--shape", "x=2,3"], 2),
        (["derive", "missing.eq"], 2),
        (["derive", "missing.net"], 2),
        (["derive", "missing.py:f"], 2),
        (["check", "missing.py:f", "--layer", "relu"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_names_and_help_and_mistakes_in_arguments_do_not_load_sympy(arguments: list[str], exits: int) -> None:
    assert not of_command(*arguments, exits=exits) & (SYMBOLIC | OPTIONAL | {"numpy", "jinja2"})


def test_a_derivation_loads_no_code_generator() -> None:
    modules = of_command("derive", "tanh")
    assert "gradscribe.derive.derivation" in modules
    assert {m.split(".")[2] for m in modules if m.startswith("gradscribe.codegen.")} == {
        "target",  # the names of backends
        "tool",
    }
    assert not {m for m in modules if m.startswith(("gradscribe.codegen.tool.verify", "gradscribe.codegen.tool.check"))}
    assert not modules & ({"jinja2", "gradscribe.generated"} | OPTIONAL)


@pytest.mark.parametrize(
    ("name", "families"), [("dense", {"layers.linear.dense"}), ("sgd", {"optimisers.descent"}), ("vgg11", None)]
)
def test_what_is_named_is_loaded_and_no_other_of_the_catalogue(name: str, families: set[str] | None) -> None:
    modules = loaded(f"from gradscribe.codegen.tool.find import find_any; find_any({name!r})")
    found = {m.removeprefix("gradscribe.derive.catalogue.") for m in modules}
    found = {m for m in found if m.startswith(("layers.", "networks.", "optimisers."))}
    found -= {m for m in found if any(other.startswith(f"{m}.") for other in found)}  # packages
    assert found == families if families else "networks.vgg" in found and "layers.linear.recurrent" not in found


def test_a_shell_is_offered_names_without_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_GRADSCRIBE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "gradscribe derive conv2")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert not of_command() & (SYMBOLIC | OPTIONAL | {"numpy", "jinja2"})


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_loads_its_own_writer(form: str) -> None:
    modules = of_command("derive", "tanh", "--format", form)
    assert modules & {f.room for f in FORMATS.values()} == {FORMATS[form].room}
    assert form != "text" or not {m for m in modules if m.startswith("gradscribe.derive.typeset.latex.latex_writer")}


def test_generating_loads_no_derivation(tmp_path: Path) -> None:
    modules = of_command("generate", "tanh", "--out", str(tmp_path))
    assert "gradscribe.codegen.numpy.print.emit" in modules
    assert not {
        m
        for m in modules
        if m.startswith(("gradscribe.derive.typeset.latex.latex_writer", "gradscribe.derive.typeset.markdown"))
    }
    assert not modules & ({"gradscribe.generated"} | OPTIONAL)
