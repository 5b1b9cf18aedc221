"""The command line: what it prints and writes; a user's mistake is one line on standard error and exit code 1."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from gradscribe.codegen import cli
from gradscribe.codegen.compiler import compile_layer
from gradscribe.derive.interface import Layer
from gradscribe.derive.layers import LAYERS
from gradscribe.derive.networks import NETWORKS
from gradscribe.derive.optimisers import OPTIMISERS

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "generated"
OWN = '''
"""A layer of one's own."""
from sympy import Eq, Idx, IndexedBase
from gradscribe.derive.equations import program
from gradscribe.derive.index import integers
from gradscribe.derive.interface import Layer

def cube():
    E, = integers("E")
    x, y, e = IndexedBase("x", shape=(E,)), IndexedBase("y", shape=(E,)), Idx("e", E)
    return Layer("cube", "Cube", "third power", program(Eq(y[e], x[e] ** 3), inputs=(x,), ravel="x y"))

def descent():
    from gradscribe.derive.update import optimiser
    return optimiser("lr = 0.1; new_p[...] = p[...] - lr * g[...]", "descent")

def raises():
    return undefined

def needs(argument):
    return cube()

number = 3

def no_layer():
    return 3
'''


class Done(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def gradscribe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Done]:
    """Run the console script in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["gradscribe", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        code = stop.value.code
        return Done(0 if code is None else int(code), *capsys.readouterr())

    return run


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN, encoding="utf-8")
    return path


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A catalogue of three layers, for what does not depend on which they are."""
    names = ["dense", "tanh", "max_pool1d"]
    monkeypatch.setattr("gradscribe.codegen.catalogue.LAYERS", {name: LAYERS[name] for name in names})
    monkeypatch.setattr("gradscribe.codegen.catalogue.OPTIMISERS", {})
    monkeypatch.setattr("gradscribe.codegen.catalogue.NETWORKS", {})
    return names


def is_a_mistake(done: Done, *parts: str) -> None:
    """One line on standard error that holds `parts`, nothing on standard output, no traceback."""
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith("gradscribe: ")
    assert done.err.count("\n") == 1, done.err
    assert "Traceback" not in done.err
    for part in parts:
        assert part in done.err


# ----- list -----------------------------------------------------------------------------------------------------------
def test_list(gradscribe: Command) -> None:
    done = gradscribe("list")
    assert done.code == 0
    assert all(name in done.out for name in LAYERS)
    assert "kernel_size, stride" in done.out


def test_list_as_json(gradscribe: Command) -> None:
    done = gradscribe("list", "--json")
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert list(rows) == [*LAYERS, *NETWORKS, *OPTIMISERS]
    assert [name for name, row in rows.items() if row["kind"] == "optimiser"] == list(OPTIMISERS)
    assert rows["conv2d"]["class"] == "Conv2D"
    assert rows["conv2d"]["options"] == ["kernel_size", "stride", "padding", "dilation", "groups"]
    assert rows["sgd"]["functions"] == ["sgd_update"]
    assert rows["max_pool2d"]["functions"] == ["max_pool2d_forward", "max_pool2d_grad_input"]
    assert done.code == 0


def test_without_a_command_there_is_help(gradscribe: Command) -> None:
    done = gradscribe()
    assert all(word in done.out + done.err for word in ("list", "derive", "generate", "verify"))


# ----- derive ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("form", "start"),
    [("text", ""), ("latex", "\\documentclass"), ("markdown", "#")],
    ids=["text", "latex", "markdown"],
)
def test_derive_in_every_format(gradscribe: Command, form: str, start: str) -> None:
    done = gradscribe("derive", "dense", "--format", form)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(start)
    assert done.out.endswith("\n")
    assert not done.out.endswith("\n\n")


def test_derive_prints_text_when_nothing_else_is_said(gradscribe: Command) -> None:
    assert gradscribe("derive", "tanh").out == gradscribe("derive", "tanh", "--format", "text").out


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_derive_to_a_file(gradscribe: Command, tmp_path: Path, option: str) -> None:
    done = gradscribe("derive", "dense", option, "dense.txt")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "dense.txt").read_text(encoding="utf-8") == gradscribe("derive", "dense").out


def test_derive_by_some_tensors(gradscribe: Command) -> None:
    whole = gradscribe("derive", "dense").out
    weights = gradscribe("derive", "dense", "--wrt", "w, b").out
    assert len(weights) < len(whole)
    assert gradscribe("derive", "dense", "--wrt", "x,w,b").out == whole


def test_derive_with_settings(gradscribe: Command) -> None:
    general = gradscribe("derive", "conv2d", "--wrt", "x").out
    special = gradscribe("derive", "conv2d", "--wrt", "x", "--set", "stride=1", "--set", "padding=0").out
    assert "full convolution of δ" in special
    assert "transposed convolution" not in special
    assert "transposed convolution" in general


def test_derive_a_layer_of_ones_own(gradscribe: Command, own_file: Path) -> None:
    done = gradscribe("derive", f"{own_file}:cube")
    assert done.code == 0
    assert "3" in done.out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["conv2"], ["unknown layer 'conv2'", "did you mean conv2d?"]),
        (["xyzzy"], ["unknown layer 'xyzzy'", "expected a name that `gradscribe list` shows"]),
        (["CONV2D"], ["unknown layer 'CONV2D'", "did you mean conv2d?"]),
        (["Conv2D"], ["unknown layer 'Conv2D'", "did you mean conv2d?"]),
        (["dense", "--format", "pdf"], ["unknown format 'pdf'", "text, latex, markdown"]),
        (["dense", "--wrt", "q"], ["respect to", "q", "x, w, b"]),
        (["dense", "--wrt", "x,,w"], ["respect to", "x, w, b"]),
        (["softmax_cross_entropy", "--wrt", "t"], ["respect to", "t", "expected one of x"]),
        (["conv2d", "--set", "stride"], ["--set stride", "NAME=VALUE"]),
        (["conv2d", "--set", "=1"], ["--set =1", "NAME=VALUE"]),
        (["conv2d", "--set", "strid=1"], ["conv2d", "'strid'", "stride"]),
        (["conv2d", "--set", "stride=0"], ["conv2d", "stride", "0"]),
        (["conv2d", "--set", "stride=1.5"], ["conv2d", "stride", "1.5"]),
        (["conv2d", "--set", "padding=-1"], ["conv2d", "padding", "-1"]),
        (["conv2d", "--set", "stride=__import__('os')"], ["conv2d", "stride"]),
        (["dense", "--set", "stride=1"], ["dense", "'stride'"]),
        (["dense", "-o", "missing/dense.txt"], ["missing/dense.txt"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_derive_refuses(gradscribe: Command, arguments: list[str], parts: list[str]) -> None:
    is_a_mistake(gradscribe("derive", *arguments), *parts)


# ----- derive winograd ------------------------------------------------------------------------------------------------
FAST = ("derive", "winograd", "--m", "2", "--r", "3")


@pytest.mark.parametrize(
    ("form", "start"), [("text", "F(2×2, 3×3): "), ("latex", "\\documentclass"), ("markdown", "# F(2×2, 3×3): ")]
)
def test_derive_winograd_in_every_format(gradscribe: Command, tmp_path: Path, form: str, start: str) -> None:
    done = gradscribe(*FAST, "--format", form)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(start)
    assert "Proved in symbols: the outputs of F(2, 3), expanded, are those of the correlation" in " ".join(
        done.out.split()
    )
    assert gradscribe(*FAST, "--format", form, "-o", "fast").out == ""
    assert (tmp_path / "fast").read_text(encoding="utf-8") == done.out


def test_derive_winograd_at_points_of_ones_own(gradscribe: Command) -> None:
    done = gradscribe(*FAST, "--dims", "1", "--points", "-1/2, oo, 0, 2")
    assert done.code == 0
    assert done.out.startswith("F(2, 3): ")
    assert [line.split()[1] for line in done.out.splitlines() if line[2:3] in "0123" and line[3:4] == " "] == [
        "−1/2", "∞", "0", "2"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["winograd"], ["winograd: --m is missing", "--m 4 --r 3"]),
        (["winograd", "--m", "4"], ["winograd: --r is missing"]),
        ([*FAST[1:], "--format", "pdf"], ["unknown format 'pdf'"]),
        ([*FAST[1:], "--wrt", "g"], ["--wrt g: winograd has no such option", "--points"]),
        ([*FAST[1:], "--set", "stride=2"], ["--set stride=2: winograd has no such option"]),
        ([*FAST[1:], "--ties", "split"], ["--ties split: winograd has no such option"]),
        ([*FAST[1:], "--order", "2"], ["--order 2: winograd has no such option"]),
        ([*FAST[1:], "--dims", "3"], ["F(2, 3): expected 1 axis or 2", "3"]),
        ([*FAST[1:], "--points", "0,1,oo"], ["F(2, 3): expected m + r - 1 = 4 points, received 3"]),
        ([*FAST[1:], "--points", "0,1,1,oo"], ["F(2, 3): expected different points, received 1 twice"]),
        ([*FAST[1:], "--points", "0,1,pi,oo"], ["point 'pi'; expected an integer or a fraction"]),
        ([*FAST[1:], "--points", ""], ["point ''"]),
        (["winograd", "--m", "0", "--r", "3"], ["F(0, 3): expected m of at least 1, received 0"]),
        (["winograd", "--m", "4", "--r", "-1"], ["F(4, -1): expected r of at least 1, received -1"]),
        (["winograd", "--m", "10000000", "--r", "3"], ["F(10000000, 3): expected m + r - 1 of at most 16"]),
        (["dense", "--m", "4"], ["--m 4: dense has no such option", "winograd"]),
        (["sgd", "--points", "0"], ["--points 0: sgd has no such option"]),
        (["winograd2", "--m", "4"], ["--m 4: winograd2 has no such option"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_derive_winograd_refuses(gradscribe: Command, arguments: list[str], parts: list[str]) -> None:
    is_a_mistake(gradscribe("derive", *arguments), *parts)


def test_the_help_names_winograd_and_its_options(gradscribe: Command) -> None:
    done = gradscribe("derive", "--help")
    assert "winograd, the fast correlation F(m, r)" in done.out
    assert all(option in done.out for option in ("--m ", "--r ", "--points", "--dims"))


def test_a_layer_of_ones_own_may_be_called_winograd(gradscribe: Command, own_file: Path, tmp_path: Path) -> None:
    own_file.write_text(OWN.replace("def cube", "def winograd"), encoding="utf-8")
    (tmp_path / "winograd.eq").write_text("winograd[n] = d[n]^2", encoding="utf-8")
    for name in ("winograd.eq", f"{own_file}:winograd"):
        done = gradscribe("derive", name)
        assert (done.code, done.err) == (0, "")
        assert "Vandermonde" not in done.out


# ----- generate -------------------------------------------------------------------------------------------------------
def test_generate_writes_the_package(gradscribe: Command, tmp_path: Path) -> None:
    done = gradscribe("generate", "--out", "new/folder")
    assert done.code == 0
    assert f"{len(LAYERS)} layers, {len(NETWORKS)} networks, {len(OPTIMISERS)} optimisers" in done.out
    written = {p.name: p.read_bytes() for p in (tmp_path / "new/folder").iterdir()}
    assert written == {p.name: p.read_bytes() for p in GENERATED.glob("*.py")}


def test_generate_writes_only_what_changed(gradscribe: Command, few: list[str]) -> None:
    assert f"{len(few)} layers, {len(few) + 3} files changed" in gradscribe("generate", "--out", "out").out
    assert "0 files changed" in gradscribe("generate", "--out", "out").out


def test_generate_some_layers_keeps_the_others(gradscribe: Command, tmp_path: Path) -> None:
    gradscribe("generate", "dense", "--out", "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"__init__.py", "dense.py", "runtime.py", "transforms.py"}
    gradscribe("generate", "tanh", "--out", "out")
    text = (tmp_path / "out/__init__.py").read_text(encoding="utf-8")
    assert '"Dense",' in text
    assert '"Tanh",' in text
    assert gradscribe("generate", "dense", "--out", "out", "--check").code == 0


def test_generate_a_layer_of_ones_own(gradscribe: Command, own_file: Path, tmp_path: Path) -> None:
    assert gradscribe("generate", f"{own_file}:cube", "--out", "out").code == 0
    assert "class Cube(rt.Layer):" in (tmp_path / "out/cube.py").read_text(encoding="utf-8")


@pytest.fixture
def folder(gradscribe: Command, tmp_path: Path) -> Path:
    """A fresh package of one layer."""
    gradscribe("generate", "dense", "--out", "out")
    return tmp_path / "out"


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
    (folder / "runtime.py").unlink()
    done = gradscribe("generate", "dense", "--out", "out", "--check")
    assert done.code == 1
    assert "+def contract(" in done.out
    assert not (folder / "runtime.py").exists()


def test_check_finds_an_empty_file(gradscribe: Command, folder: Path) -> None:
    (folder / "runtime.py").write_text("", encoding="utf-8")
    assert gradscribe("generate", "dense", "--out", "out", "--check").code == 1


def test_check_finds_an_orphan(gradscribe: Command, own_file: Path, few: list[str]) -> None:
    gradscribe("generate", "--out", "out")
    done = gradscribe("generate", "--out", "out", "--check")
    assert done.code == 0
    assert f"is fresh: {len(few)} layers" in done.out
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
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def fails(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fails)
    is_a_mistake(gradscribe("generate", "dense", "--out", "out"), "disk full")
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_a_mistake_in_one_layer_writes_none(gradscribe: Command, own_file: Path, tmp_path: Path) -> None:
    text = OWN.replace('"cube", "Cube"', '"class", "Cube"')
    own_file.write_text(text, encoding="utf-8")
    is_a_mistake(gradscribe("generate", "dense", f"{own_file}:cube", "--out", "out"), "'class'", "Python")
    assert not (tmp_path / "out").exists()


# ----- layers as text -------------------------------------------------------------------------------------------------
GATE = "# a gate\ny[n,k] = x[n,k] * sigmoid(a[k])\nweight a\n"


def test_a_file_of_equations(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "gate.eq").write_text(GATE, encoding="utf-8")
    assert gradscribe("derive", "gate.eq", "--wrt", "a").out.startswith("gate: a gate\n")
    assert gradscribe("verify", "gate.eq", "--shapes", "2").code == 0
    assert "1 layer, 4 files changed" in gradscribe("generate", "gate.eq", "--out", "out").out
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
    assert (done.code, done.out) == (1, "")
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


# ----- optimisers -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("form", "equation"),
    [
        ("text", "new_v[e] = momentum v[e]+h[e]"),
        ("latex", r"\operatorname{new\_v}_{e} &= \mathrm{momentum}\,v_{e}+h_{e}"),
        ("markdown", r"\operatorname{new\_v}_{e} &= \mathrm{momentum}\,v_{e}+h_{e}"),
    ],
    ids=["text", "latex", "markdown"],
)
def test_derive_prints_the_equations_of_an_optimiser(gradscribe: Command, form: str, equation: str) -> None:
    done = gradscribe("derive", "sgd", "--format", form)
    assert (done.code, done.err) == (0, "")
    assert equation in done.out
    assert "Sutskever" in done.out
    assert not any(word in done.out for word in ("rows evaluated", "from above", "\u2202", r"\partial"))


def test_an_optimiser_has_no_gradient(gradscribe: Command) -> None:
    is_a_mistake(gradscribe("derive", "adam", "--wrt", "p"), "adam", "--wrt p", "an optimiser has no gradient")
    is_a_mistake(gradscribe("verify", "adam"), "adam is an optimiser", "gradscribe derive adam")


def test_generate_an_optimiser(gradscribe: Command, own_file: Path, tmp_path: Path) -> None:
    done = gradscribe("generate", "sgd", f"{own_file}:descent", "dense", "--out", "out")
    assert (done.code, done.err) == (0, "")
    assert "1 layer, 2 optimisers, 6 files changed" in done.out
    assert (tmp_path / "out/sgd.py").read_bytes() == (GENERATED / "sgd.py").read_bytes()
    assert "class Descent(rt.Optimiser):" in (tmp_path / "out/descent.py").read_text(encoding="utf-8")
    gradscribe("generate", "tanh", "--out", "out")
    text = (tmp_path / "out/__init__.py").read_text(encoding="utf-8")
    assert all(f'"{name}",' in text for name in ("Dense", "Descent", "SGD", "Tanh"))
    assert gradscribe("generate", "sgd", "--out", "out", "--check").out == "out is fresh: 1 optimiser\n"


# ----- layers from files ----------------------------------------------------------------------------------------------
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


# ----- verify ---------------------------------------------------------------------------------------------------------
def test_verify_prints_figures(gradscribe: Command) -> None:
    done = gradscribe("verify", "dense", "tanh", "--shapes", "3")
    assert done.code == 0
    for word in ("dense_forward", "dense_grad_bias", "tanh_grad_input", "e-"):
        assert word in done.out
    for word in ("row before, exact", "the interpreter", "its box", "differences"):
        assert word in done.out
    assert "FAILED" not in done.out


def test_verify_a_layer_of_ones_own(gradscribe: Command, own_file: Path) -> None:
    done = gradscribe("verify", f"{own_file}:cube", "--shapes", "3")
    assert done.code == 0
    assert "cube_grad_input" in done.out


def broken(change: Callable[[Any], Any]) -> Callable[[Layer, int], ModuleType]:
    """Compile a layer, then spoil the result of its gradient of x."""

    def compiled(layer: Layer, order: int) -> ModuleType:
        module = compile_layer(layer, order)
        name = f"{layer.name}_grad_input"
        right = getattr(module, name)
        setattr(module, name, lambda *values, **options: change(right(*values, **options)))
        return module

    return compiled


@pytest.mark.parametrize(
    "change",
    [lambda dx: dx * (1 + 1e-6), lambda dx: dx + 1e-6, lambda dx: dx * float("nan"), lambda dx: dx[..., None]],
    ids=["scaled", "shifted", "nan", "shape"],
)
def test_verify_finds_a_broken_kernel(
    gradscribe: Command, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]
) -> None:
    monkeypatch.setattr("gradscribe.codegen.verify.compile_layer", broken(change))
    done = gradscribe("verify", "dense", "--shapes", "3")
    assert done.code == 1
    lines = [line.split() for line in done.out.splitlines() if "dense_" in line]
    assert {line[0] for line in lines if "FAILED" in line} == {"dense_grad_input"}


def test_verify_refuses(gradscribe: Command) -> None:
    is_a_mistake(gradscribe("verify", "denze"), "did you mean dense?")
    done = gradscribe("verify", "dense", "--shapes", "0")
    assert done.code == 2
    assert "Traceback" not in done.err


# ----- as a program of its own ----------------------------------------------------------------------------------------
def process(folder: Path, *arguments: str) -> Done:
    code = "from gradscribe.codegen.cli import main; main()"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        check=False,
        cwd=folder,
        env=env,
        encoding="utf-8",
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["derive", "relu"], "relu"),
        (["generate", "--check", "--out", str(GENERATED)], "fresh"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_works_in_any_folder(tmp_path: Path, arguments: list[str], word: str) -> None:
    done = process(tmp_path, *arguments)
    assert (done.code, done.err) == (0, "")
    assert word in done.out


def test_a_mistake_shows_no_traceback(tmp_path: Path) -> None:
    is_a_mistake(process(tmp_path, "derive", "conv2"), "did you mean conv2d?")


# ----- order 2 --------------------------------------------------------------------------------------------------------
def test_second_order_is_derived_generated_and_verified(gradscribe: Command, tmp_path: Path) -> None:
    done = gradscribe("derive", "tanh", "--order", "2")
    assert "│ ∂S/∂x[e] = −2 δ⁽ˡ⁾[e] ẋ[e] y[e] (1−y[e]²)" in done.out
    assert gradscribe("generate", "tanh", "--out", tmp_path / "twice", "--order", "2").code == 0
    assert "def tanh_double_backward(ddx: Any, dy: Any, y: Any)" in (tmp_path / "twice" / "tanh.py").read_text("utf-8")
    assert gradscribe("generate", "tanh", "--out", tmp_path / "twice", "--order", "2", "--check").code == 0
    assert gradscribe("generate", "tanh", "--out", tmp_path / "twice", "--check").code == 1
    done = gradscribe("verify", "tanh", "--order", "2", "--shapes", "2")
    assert done.code == 0
    assert all(word in done.out for word in ("order 2", "tanh_double_backward", "tanh_hessian_vector"))
    assert gradscribe("derive", "tanh", "--order", "3").code == 2
