"""What the command line says of itself: it fits a terminal, and nothing is called wrongly without a hint."""

import pytest

from gradscribe import __version__
from gradscribe.codegen.tool.cli.run import COMMANDS
from tests.codegen.tool.cli.running import Command, is_a_mistake


def test_without_a_command_there_is_help(gradscribe: Command) -> None:
    done = gradscribe()
    assert (done.code, done.err) == (0, "")
    assert all(f" {word} " in done.out for word in COMMANDS)
    assert "Exit codes: 0 when it is done; 1 when the answer" in " ".join(done.out.split())


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_terminal(gradscribe: Command, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = gradscribe(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert f"Usage: gradscribe {command}".rstrip() in done.out
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version(gradscribe: Command, option: str) -> None:
    assert gradscribe(option) == (0, f"gradscribe {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["lsit"], "'list'?"),
        (["derive", "relu", "--fromat", "latex"], "--format"),
        (["verify", "--shape", "3"], "--shapes"),
        (["completion", "zssh"], "'zsh'"),
        (["derive", "relu", "--set", "stride=2", "--format", "latx"], "did you mean latex?"),
        (["derive", "adm"], "did you mean adam?"),
        (["generate", "resnet2"], "did you mean resnet20?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_was_meant_is_said(gradscribe: Command, arguments: list[str], meant: str) -> None:
    is_a_mistake(gradscribe(*arguments), meant)
