"""`gradscribe doctor`: it says what there is, and never fails, whatever there is."""

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.driver import shared
from tests.codegen.tool.cli.running import Command, Done

pytestmark = pytest.mark.skipif(os.name != "posix", reason="nothing is compiled here")


def native(module: str) -> Any:
    return import_module(f"{shared()['runtime.__init__'].__name__}.machine.native.{module}")


@pytest.fixture(autouse=True)
def forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(tmp_path / "cache"))
    native("compiler")._search.cache_clear()
    native("folder")._private.cache_clear()
    for name in list(native("objects").failures):  # what other tests of this process could not compile
        monkeypatch.delitem(native("objects").failures, name)
    yield
    native("compiler")._search.cache_clear()
    native("folder")._private.cache_clear()


def rows(done: Done) -> dict[str, str]:
    """What is said, by what it is said of; what has several lines is one text."""
    assert (done.code, done.err) == (0, "")
    found: dict[str, str] = {}
    for line in done.out.splitlines():
        name = line[: doctor_margin()].strip() or [*found][-1]
        found[name] = f"{found.get(name, '')} {line[doctor_margin() :]}".strip()
    return found


def doctor_margin() -> int:
    return int(import_module("gradscribe.codegen.tool.cli.commands.diagnosing").MARGIN)


def test_what_there_is(gradscribe: Command, tmp_path: Path) -> None:
    said = rows(gradscribe("doctor"))
    assert [*said] == ["Python", "NumPy", "BLAS", "C compiler", "vectors", "threads in C", "cache", "failures"]
    assert said["Python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert said["NumPy"] == np.__version__
    assert said["cache"].startswith(str(tmp_path / "cache"))
    assert said["failures"] == "none"
    if native("compiler").compiler() is not None:
        assert said["vectors"] in ("16 bytes", "32 bytes", "64 bytes")
        assert said["threads in C"] == "works"


def test_without_a_compiler_it_says_how_to_get_one(gradscribe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(native("searching"), "find_spec", lambda name: None)
    said = rows(gradscribe("doctor"))
    assert said["C compiler"].startswith("none")
    assert "pip install 'gradscribe[compiled]'" in said["C compiler"]
    assert said["vectors"] == "unknown without a compiler"


def test_a_compiler_that_does_not_work(gradscribe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/no/such/compiler \x1b[31m")
    done = gradscribe("doctor")
    assert "/no/such/compiler" in rows(done)["C compiler"]
    assert "\x1b" not in done.out


def test_a_cache_that_is_refused(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    said = rows(gradscribe("doctor"))["cache"]
    assert said.startswith("none")
    assert f"chmod go-w {tmp_path / 'cache'}" in said


def test_a_cache_that_cannot_be_written_to(gradscribe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native("folder"), "is_writable", lambda place: False)
    assert "cannot be written to" in rows(gradscribe("doctor"))["cache"]


def test_what_could_not_be_compiled(gradscribe: Command) -> None:
    if native("compiler").compiler() is None:
        pytest.skip("no C compiler here")
    native("store").note("kernel.c:1: error: \x1b[1m", "some", native("objects").FAILED)
    assert rows(gradscribe("doctor"))["failures"] == r"kernel.c:1: error: \x1b[1m"


def test_what_cannot_be_found_out(gradscribe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_: str) -> None:
        raise KeyError("blas")

    monkeypatch.setattr(np, "show_config", fails)
    said = rows(gradscribe("doctor"))
    assert said["BLAS"] == "could not be found out: KeyError: 'blas'"
    assert said["failures"] == "none"
