"""Layers of one's own on the command line: equations in quotes, files of them, functions of Python files."""

from pathlib import Path

import pytest

from gradscribe.codegen.numpy.package.runtime import runtime_sources
from tests.codegen.tool.cli.running import OWN, Command, is_a_mistake

GATE = "# a gate\ny[n,k] = x[n,k] * sigmoid(a[k])\nweight a\n"


def test_a_file_of_equations(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "gate.eq").write_text(GATE, encoding="utf-8")
    assert gradscribe("derive", "gate.eq", "--wrt", "a").out.startswith("gate: a gate\n")
    assert gradscribe("verify", "gate.eq", "--shapes", "2").code == 0
    changed = f"1 layer, {4 + len(runtime_sources())} files changed"  # two of them are compiled loops
    assert changed in gradscribe("generate", "gate.eq", "--out", "out").out
    assert "class Gate(rt.Layer):" in (tmp_path / "out/gate.py").read_text(encoding="utf-8")
    assert gradscribe("generate", "gate.eq", "--out", "out", "--check").code == 0


def test_an_equation_on_the_command_line(gradscribe: Command, tmp_path: Path) -> None:
    assert "∂E/∂w[c,k] = Σ_{n}" in gradscribe("derive", "y[n,k] = sum(c) x[n,c] * w[c,k]").out
    assert gradscribe("generate", "s = 2; y[n,i] = x[n, s*i]", "--out", "out").code == 0
    assert "def layer_forward(x: Any, *, s: int = 2)" in (tmp_path / "out/layer.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["derive", "generate", "verify"])
def test_a_mistake_in_an_equation_shows_its_place(gradscribe: Command, tmp_path: Path, command: str) -> None:
    (tmp_path / "gate.eq").write_text(GATE.replace("sigmoid", "sigmiod"), encoding="utf-8")
    done = gradscribe(command, "gate.eq")
    first, shown, caret = done.err.rstrip("\n").split("\n")
    assert (done.code, done.out) == (2, "")
    assert first == "gradscribe: gate.eq:2:19: unknown function sigmiod; did you mean sigmoid?"
    assert shown.strip() == "y[n,k] = x[n,k] * sigmiod(a[k])"
    assert caret.index("^") == shown.index("sigmiod")
    assert [p.name for p in tmp_path.iterdir()] == ["gate.eq"]


def test_files_that_are_no_equations(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "two words.eq").write_text(GATE, encoding="utf-8")
    (tmp_path / "bytes.eq").write_bytes(b"y[n] = \xff")
    is_a_mistake(gradscribe("derive", "two words.eq"), "two words.eq", "Python name")
    is_a_mistake(gradscribe("derive", "bytes.eq"), "bytes.eq", "UTF-8", "byte 7")
    is_a_mistake(gradscribe("derive", "none.eq"), "none.eq: no such file")


# ----- functions of Python files --------------------------------------------------------------------------------------
@pytest.mark.parametrize("command", ["derive", "generate", "verify"])
def test_a_function_that_is_no_layer(gradscribe: Command, own_file: Path, command: str) -> None:
    is_a_mistake(gradscribe(command, f"{own_file}:missing"), "missing()", "Layer")
    is_a_mistake(gradscribe(command, f"{own_file}:number"), "number()", "Layer")
    is_a_mistake(gradscribe(command, f"{own_file}:no_layer"), "expected a Layer or an Optimiser, received int")
    is_a_mistake(gradscribe(command, f"{own_file}:raises"), "raises", "NameError", "undefined")
    is_a_mistake(gradscribe(command, f"{own_file}:needs"), "needs", "TypeError", "argument")


def test_a_file_that_cannot_be_run(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("def f(:\n", encoding="utf-8")
    is_a_mistake(gradscribe("derive", "wrong.py:f"), "wrong.py", "SyntaxError", "line 1")
    (tmp_path / "fails.py").write_text("1 / 0\n", encoding="utf-8")
    is_a_mistake(gradscribe("derive", "fails.py:f"), "fails.py", "ZeroDivisionError")
    (tmp_path / "needs.py").write_text("import a_module_that_is_not_there\n", encoding="utf-8")
    is_a_mistake(gradscribe("derive", "needs.py:f"), "needs.py", "ModuleNotFoundError")
    is_a_mistake(gradscribe("derive", "absent.py:f"), "absent.py: no such file")


def test_an_equation_that_is_wrong(gradscribe: Command, own_file: Path) -> None:
    own_file.write_text(OWN.replace("x[e] ** 3", "q[e]").replace("x, y, e =", "q, x, y, e = IndexedBase('q'),"))
    is_a_mistake(gradscribe("derive", f"{own_file}:cube"), "q")


def test_a_file_may_import_what_stands_beside_it(gradscribe: Command, own_file: Path, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("from own import cube\n", encoding="utf-8")
    assert gradscribe("derive", "beside.py:cube").code == 0
