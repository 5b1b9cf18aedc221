"""The two files: a program of C that uses them, names and titles of strangers, what is refused, the command line."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer, emitted
from gradscribe.codegen.loops.text.c_comment import comment
from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.codegen.tool.package import package_sources, write_package
from gradscribe.derive.ir.error import EquationError
from tests.cases import hostile
from tests.codegen.loops.product.calling_c import COMPILER, built, compiled
from tests.codegen.tool.cli.running import run

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
compiles = pytest.mark.skipif(not COMPILER, reason="no compiler of C")


def sanitizers(folder: Path) -> list[str]:
    """The flags that look for mistakes of memory and undefined behaviour, where the compiler has what they need."""
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    (folder / "none.c").write_text("int main(void)\n{\n    return 0;\n}\n")
    tried = subprocess.run([COMPILER, *flags, "none.c", "-o", "none"], cwd=folder, capture_output=True, check=False)
    works = (
        tried.returncode == 0 and subprocess.run([folder / "none"], capture_output=True, check=False).returncode == 0
    )
    return flags if works else []


@compiles
def test_a_program_of_c_uses_them(tmp_path: Path) -> None:
    assert run("generate", "conv2d", "max_pool2d", "--backend", "c", "-o", tmp_path).code == 0
    flags = ["-g", "-O1", "-DREAL=double", f"-I{tmp_path}", *sanitizers(tmp_path)]
    built([*flags, str(HERE / "windows.c"), "conv2d.c", "max_pool2d.c", "-o", "windows", "-lm"], tmp_path)
    done = subprocess.run([tmp_path / "windows"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@compiles
def test_headers_stand_for_themselves(tmp_path: Path) -> None:
    assert run("generate", "dense", "relu", "sgd", "--backend", "c", "--out", tmp_path).code == 0
    (tmp_path / "all.c").write_text('#include "dense.h"\n#include "relu.h"\n#include "sgd.h"\n#include "dense.h"\n')
    built(["-c", "all.c"], tmp_path)


HOSTILE = "*/ int x; /* \n ??/ \u202e \\"


@compiles
def test_texts_and_names_of_strangers_stay_what_they_are(tmp_path: Path) -> None:
    text = (
        "input int[N,double], NULL[N], settings[N], scratch[N], total[N], REAL[N], real[N], square[N], I[N], given[N]\n"
        "y[n] = sum(d) int[n,d]*exp(real[n])*square[n]^2 + NULL[n]*settings[n] + scratch[n]*REAL[n]*total[n] "
        "+ I[n]^given[n]"
    )
    layer = gradscribe.layer(text, "names", title=HOSTILE, source=HOSTILE)
    compiled([layer, replace(layer, name="double")], tmp_path)
    for path in (tmp_path / "names.h", tmp_path / "names.c"):
        code = subprocess.run(
            [COMPILER, "-fpreprocessed", "-dD", "-E", "-P", path.name], cwd=tmp_path, capture_output=True, check=True
        )
        assert b"int x" not in code.stdout
        assert all(ord(c) >= ord(" ") and c != "\u202e" for c in path.read_text(encoding="utf-8").replace("\n", ""))


def test_files_are_the_same_each_time_and_narrow() -> None:
    first, second = (package_sources([find_any(name) for name in ("lstm_cell", "adam")], backend="c") for _ in "12")
    assert first == second
    assert sorted(first) == ["adam.c", "adam.h", "lstm_cell.c", "lstm_cell.h"]
    for text in first.values():
        assert max(map(len, text.splitlines())) <= 120
        assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_the_equation_stands_above_its_statement() -> None:
    text = emitted(find_any("conv2d"), backend="c").text
    assert "/* (7) dx[m, s_h·i+d_h·r−p_h, s_w·j+d_w·t−p_w, Cg+c] += Σ_{k} dy[m, i, j, Kg+k] w[r, t, c, Kg+k] */" in text
    row = text.index("for (ptrdiff_t k = 0; k < K; k++) {\n                                    u[")
    assert row > text.index("const REAL x_1 = x[")  # a row of outputs is added to


# ----- the command ----------------------------------------------------------------------------------------------------
def test_equations_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.eq").write_text("y[n,i] = sum(r) w[r] * x[n, i + r]\n")
    out = tmp_path / "out"
    assert run("generate", tmp_path / "mine.eq", "z[n] = x[n]^2", "--backend", "c", "--out", out).code == 0
    assert sorted(p.name for p in out.iterdir()) == ["layer.c", "layer.h", "mine.c", "mine.h"]
    assert run("generate", tmp_path / "mine.eq", "--backend", "c", "--out", out, "--check").code == 0
    (out / "mine.h").write_text((out / "mine.h").read_text(encoding="utf-8") + "\n")
    assert run("generate", tmp_path / "mine.eq", "--backend", "c", "--out", out, "--check").code == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["lenet5"], "lenet5: C has no networks; generate each of its layers, and call them in turn"),
        (["conv2d", "--order", "2"], "conv2d: order: C has the functions of order 1; received 2"),
    ],
)
def test_what_is_refused(given: list[str], message: str, tmp_path: Path) -> None:
    done = run("generate", *given, "--backend", "c", "--out", tmp_path / "out")
    assert (done.code, done.err) == (2, f"gradscribe: {message}\n")
    assert not (tmp_path / "out").exists()


def test_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "relu.c").write_text("int mine;\n")
    done = run("generate", "relu", "--backend", "c", "--out", tmp_path)
    assert done.code == 2
    assert "relu.c was not generated by gradscribe" in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["relu.c"]


def test_one_folder_has_one_backend(tmp_path: Path) -> None:
    write_package([find_any("relu")], tmp_path / "c", backend="c")
    with pytest.raises(FileExistsError, match="modules of another backend need a folder of their own"):
        write_package([find_any("tanh")], tmp_path / "c")


def test_what_is_no_module_of_python() -> None:
    with pytest.raises(EquationError, match="backend c: its files are not Python; expected generate"):
        compile_layer(find_any("relu"), backend="c")
    with pytest.raises(EquationError, match="math: C has a header of this name itself"):
        package_sources([gradscribe.layer("y[n] = x[n]^2", "math")], backend="c")


# ----- words ----------------------------------------------------------------------------------------------------------
def test_nothing_ends_a_comment() -> None:
    for words in (*hostile.TEXTS, HOSTILE, "*/", "/*", "**//", "/*/", "*/*/", "??/", "a*", "/"):
        inside = "\n".join(comment(words, 100)).removeprefix("/*").removesuffix("*/")
        assert not any(sign in inside for sign in ("*/", "/*", "??/")), words
        assert all(c.isprintable() or c == "\n" for c in inside), words


@compiles
def test_the_page_shows_a_program_that_works(tmp_path: Path) -> None:
    page = (ROOT / "docs/c.md").read_text(encoding="utf-8")
    code, printed = (page.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("c", "text"))
    assert run("generate", "conv2d", "--backend", "c", "-o", tmp_path).code == 0
    (tmp_path / "example.c").write_text(code, encoding="utf-8")
    built(["example.c", "conv2d.c", "-o", "example", "-lm"], tmp_path)
    assert subprocess.run([tmp_path / "example"], capture_output=True, text=True, check=True).stdout == printed
