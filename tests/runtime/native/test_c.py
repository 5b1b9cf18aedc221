"""The files of C by themselves: what compilers say of them, and a program in C under their sanitizers."""

import subprocess
from pathlib import Path

import pytest

from gradscribe.generated.runtime.machine.native import compiler
from tests.runtime.native.texts import C

pytestmark = pytest.mark.usefixtures("compiles")
STRICT = (
    *("-std=gnu11", "-pthread", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow"),
    *("-Wstrict-prototypes", "-Werror"),
)
STRESS = Path(__file__).with_name("stress.c")
ALWAYS = "-fno-sanitize-recover=all"
SANITIZERS = {
    "none": ((), ("3000", "50")),
    "no futex": (("-U__linux__",), ("2000", "20")),  # how threads sleep elsewhere
    "undefined": (("-fsanitize=undefined", ALWAYS), ("2000", "20")),
    # what these two know of threads does not survive a fork
    "address": (("-fsanitize=address,undefined", ALWAYS), ("2000", "0")),
    "thread": (("-fsanitize=thread",), ("2000", "0")),
}


def command(*arguments: str) -> list[str]:
    found = compiler.compiler()
    assert found is not None
    return [*found.command, *STRICT, *arguments]


def test_compilers_have_nothing_to_say(tmp_path: Path) -> None:
    """Of the file that nothing is defined for; those of nests and loops have tests of their own."""
    subprocess.run(command("-c", str(C / "pool.c"), "-o", str(tmp_path / "made.o")), check=True)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.thorough] if name != "none" else []) for name in SANITIZERS]
)
def test_a_program_in_c(name: str, tmp_path: Path) -> None:
    flags, arguments = SANITIZERS[name]
    if flags and command()[0].endswith("zig"):
        pytest.skip("zig compiles the libraries of its sanitizers first, for minutes")
    program = tmp_path / "stress"
    made = subprocess.run(command(*flags, f"-I{C}", str(STRESS), "-o", str(program)), capture_output=True, check=False)
    if made.returncode and flags:
        pytest.skip(f"this compiler has no {name}")
    assert made.returncode == 0, made.stderr.decode()
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "fine\n", "")
