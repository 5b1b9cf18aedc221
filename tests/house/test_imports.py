"""What is loaded for what: whoever asks for little does not wait for SymPy, nor for an optional package."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from gradscribe.derive.typeset.formats import FORMATS

ROOT = Path(__file__).parents[2]
SYMBOLIC = {"sympy", "mpmath", "lark"}
OPTIONAL = {"threadpoolctl", "hypothesis", "torch"}
GENERATING = {"jinja2", "gradscribe.codegen", "gradscribe.derive"}
REPORT = """
import os, sys
start, *codes = {codes!r}
exec(start)
for code, arguments, exits in codes:
    sys.stdout.flush()
    child = os.fork()
    if not child:
        sys.argv[1:] = arguments
        try:
            exec(code, {{}})
        except SystemExit as stop:
            assert stop.code == exits, (arguments, stop.code)
        print("LOADED", *sorted(sys.modules), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, (code, arguments)
"""
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="what all have to load is loaded once, then forked")


class Code(NamedTuple):
    """What is run, the arguments of the process, and the exit code."""

    text: str
    arguments: tuple[str, ...] = ()
    exits: int = 0


def command(*arguments: str, exits: int = 0) -> Code:
    return Code("from gradscribe.codegen.tool.cli import main; main()", arguments, exits)


def loaded(*codes: Code, after: str = "pass") -> list[set[str]]:
    """The modules that a process has loaded once it has run a code; it is forked from one that ran `after`."""
    script = REPORT.format(codes=[after, *map(tuple, codes)])
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [set(line.split()[1:]) for line in done.stdout.splitlines() if line.startswith("LOADED ")]
    assert len(found) == len(codes)
    return found


def test_a_generated_class_loads_numpy_and_its_runtime_only() -> None:
    codes = (
        "from gradscribe.generated import Conv2D",
        "from gradscribe.generated import Conv2D; Conv2D(2, 3, kernel_size=3)",
        "from gradscribe.generated.conv2d import conv2d_forward",
        "from gradscribe import generated; generated.LeNet5",
    )
    for code, modules in zip(codes, loaded(*map(Code, codes)), strict=True):
        assert "numpy" in modules
        assert "gradscribe.generated.runtime" in modules
        assert not modules & (SYMBOLIC | OPTIONAL | GENERATING), code
        generated = {".".join(m.split(".")[2:3]) for m in modules if m.startswith("gradscribe.generated.")}
        assert len(generated) == 2, code
        assert "gradscribe.generated.runtime.cook_toom.transforms" not in modules  # waits for loops that are compiled
        assert "gradscribe.generated.runtime.machine.native.objects" not in modules  # waits for functions in C


NEED_NO_SYMPY = (
    command("--help"),
    command("--version"),
    command("derive", "--help"),
    command("generate", "--help"),
    command("nonsense", exits=2),
    command("derive", exits=2),
    command("derive", "conv2d", "--nonsense", exits=2),
    command("derive", "conv2d", "--order", "3", exits=2),
    command("derive", "conv2d", "--format", "nonsense", exits=2),
    command("derive", "conv2d", "--set", "stride", exits=2),
    command("list"),
    command("completion", "bash"),
    command("list", "convv2d", exits=2),
    command("derive", "convv2d", exits=2),
    command("generate", "convv2d", exits=2),
    command("verify", "convv2d", exits=2),
    command("explain", "convv2d", "--shape", "x=2,3", exits=2),
    command("derive", "missing.eq", exits=2),
    command("derive", "missing.net", exits=2),
    command("derive", "missing.py:f", exits=2),
    command("check", "missing.py:f", "--layer", "relu", exits=2),
)
TYPED = {"_GRADSCRIBE_COMPLETE": "complete_bash", "COMP_WORDS": "gradscribe derive conv2", "COMP_CWORD": "2"}
"""What a shell says where it asks for what it may offer."""


@pytest.mark.thorough
def test_names_and_help_and_mistakes_in_arguments_do_not_load_sympy() -> None:
    offered = Code(f"import os; os.environ.update({TYPED}); {command().text}")
    codes = (*NEED_NO_SYMPY, offered)
    for code, modules in zip(codes, loaded(*codes, after="import gradscribe.codegen.tool.cli"), strict=True):
        assert not modules & (SYMBOLIC | OPTIONAL | {"numpy", "jinja2"}), code


SHARED = "import gradscribe.codegen.tool.cli, gradscribe.derive.derivation, gradscribe.derive.language"
"""What all of these need; it is among the modules of each, so that nothing is overlooked."""


@pytest.mark.thorough
def test_what_is_named_is_loaded_and_nothing_else(tmp_path: Path) -> None:
    names = {"dense": {"layers.linear.dense"}, "sgd": {"optimisers.descent"}, "vgg11": None}
    found, formats, (generating,) = [
        [Code(f"from gradscribe.codegen.tool.finding.find import find_any; find_any({name!r})") for name in names],
        [command("derive", "tanh", "--format", form) for form in FORMATS],
        [command("generate", "tanh", "--out", str(tmp_path))],
    ]
    every = iter(loaded(*found, *formats, generating, after=SHARED))
    for families in names.values():
        _no_other_of_the_catalogue(next(every), families)
    for form in FORMATS:
        modules = next(every)
        _no_code_generator(modules)
        assert modules & {f.room for f in FORMATS.values()} == {FORMATS[form].room}
        writer = {m for m in modules if m.startswith("gradscribe.derive.typeset.writers.latex.latex_writer")}
        assert form != "text" or not writer
    _no_derivation(next(every))


def _no_other_of_the_catalogue(modules: set[str], families: set[str] | None) -> None:
    found = {m.removeprefix("gradscribe.derive.catalogue.") for m in modules}
    found = {m for m in found if m.startswith(("layers.", "networks.", "optimisers."))}
    found -= {m for m in found if any(other.startswith(f"{m}.") for other in found)}  # packages
    assert found == families if families else "networks.vgg" in found and "layers.linear.recurrent" not in found


def _no_code_generator(modules: set[str]) -> None:
    """In a process that has printed a derivation."""
    assert "gradscribe.derive.derivation" in modules
    assert {m.split(".")[2] for m in modules if m.startswith("gradscribe.codegen.")} == {
        "target",  # the names of backends
        "tool",
    }
    assert not {m for m in modules if m.startswith(("gradscribe.codegen.tool.verify", "gradscribe.codegen.tool.check"))}
    assert not modules & ({"jinja2", "gradscribe.generated"} | OPTIONAL)


def _no_derivation(modules: set[str]) -> None:
    """In a process that has generated a module."""
    assert "gradscribe.codegen.numpy.print.emit" in modules
    assert not {
        m
        for m in modules
        if m.startswith(
            ("gradscribe.derive.typeset.writers.latex.latex_writer", "gradscribe.derive.typeset.writers.markdown")
        )
    }
    assert not modules & ({"gradscribe.generated"} | OPTIONAL)
