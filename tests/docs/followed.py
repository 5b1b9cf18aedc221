"""A page of the documentation done as it is written, from top to bottom, in an empty folder.

A block with a title is a file, one of ``sh`` holds commands of gradscribe, one of ``python`` goes on with what those
before it have named, and one of ``text`` is a part of what the block before it has printed.
"""

import re
import shlex
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.codegen.tool.cli.running import run

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\S+)(?: title=\"(.+?)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Followed(NamedTuple):
    """What a page has printed, and what its Python has named."""

    printed: str
    scope: dict[str, Any]


def follow(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Followed:
    """Do what the page of this name says; all of it has to work, and to print what the page shows."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    scope: dict[str, Any] = {"__name__": page}
    before, printed, said = set(sys.modules), "", ""
    try:
        for kind, title, text in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
            if title:
                Path(title).write_text(text, encoding="utf-8")
            elif kind == "text":
                assert text in said, f"{text}\nis no part of\n{said}"
            elif kind == "sh":
                said = "".join(map(_command, text.splitlines()))
                printed += said
            elif kind == "python":
                exec(compile(text, page, "exec"), scope)
                said = capsys.readouterr().out
                printed += said
    finally:
        own = {name for name in set(sys.modules) - before if _lies_in(folder, sys.modules[name])}
        for name in own:
            del sys.modules[name]
    return Followed(printed, scope)


def _command(line: str) -> str:
    program, *arguments = shlex.split(line, comments=True)
    assert program == "gradscribe", line
    done = run(*arguments)
    assert done.code == 0, done.err
    return done.out


def _lies_in(folder: Path, module: Any) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)
