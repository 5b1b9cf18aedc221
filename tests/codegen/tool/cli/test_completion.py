"""What a shell offers: a shell asks through the environment, and bash is driven as it drives itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gradscribe.codegen.tool.cli.completion import COMPLETE, Shell
from gradscribe.codegen.tool.cli.run import COMMANDS, DONE
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.typeset.formats import FORMATS
from tests.codegen.tool.cli.running import ROOT, START, Command, is_a_mistake

SOFT = ["softplus", "softsign", "softmax", "softmax_cross_entropy"]
OFFERED = {
    "": [*COMMANDS],
    "de": ["derive"],
    "derive conv2": ["conv2d"],
    "derive win": ["winograd"],
    "derive soft": SOFT,
    "derive relu --form": ["--format", "--form"],
    "derive relu --forma": ["--format"],
    "derive relu --format ": [*FORMATS],
    "derive relu --form ": ["index", "operator", "matrix", "all"],
    "derive relu --ties s": ["split"],
    "derive relu --letters n=b,g": ["n=b,goodfellow"],
    "derive relu --optimiser s": ["sgd"],
    "derive relu --format m": ["markdown"],
    "generate ad": ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adam"],
    "generate dense resn": ["resnet20"],
    "list ": [*LAYERS, *NETWORKS, *OPTIMISERS],
    "verify ": [*LAYERS, *NETWORKS],
    "explain sgd": [],
    "check f.py:g --layer soft": SOFT,
    "completion ": ["bash", "zsh", "fish", "powershell"],
}
"""What fits what has been typed."""


@pytest.mark.parametrize("typed", OFFERED)
def test_what_fits_is_offered(gradscribe: Command, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    words = ["gradscribe", *typed.split(" ")]
    monkeypatch.setenv(COMPLETE, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    assert gradscribe() == (DONE, "\n".join(OFFERED[typed]) + "\n", "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(tmp_path: Path) -> None:
    """What its script does when somebody types: bash says which words there are and takes what it offers then."""
    program = tmp_path / "bin" / "gradscribe"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec {START[0]} {START[1]} '{START[2]}' \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    script = """
        set -e
        eval "$(gradscribe completion bash)"
        complete -p gradscribe
        ask() {
            COMP_WORDS=(gradscribe "$@"); COMP_CWORD=$#; COMPREPLY=()
            _gradscribe_completion gradscribe
            echo "${COMPREPLY[*]}"
        }
        ask der
        ask derive conv_tr
        ask derive relu --format ""
    """
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "complete -o default -F _gradscribe_completion gradscribe",
        "derive",
        "conv_transpose1d conv_transpose2d conv_transpose3d",
        "text latex markdown",
    ]


@pytest.mark.parametrize("shell", [Shell.ZSH, Shell.FISH])
def test_other_shells_are_offered_titles_too(
    gradscribe: Command, monkeypatch: pytest.MonkeyPatch, shell: Shell
) -> None:
    monkeypatch.setenv(COMPLETE, f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "gradscribe derive conv2")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    done = gradscribe()
    assert (done.code, done.err) == (DONE, "")
    assert "conv2d" in done.out
    assert LAYERS["conv2d"].title.partition(" (")[0] in done.out


@pytest.mark.parametrize("shell", Shell)
def test_every_shell_has_a_script(gradscribe: Command, shell: Shell) -> None:
    done = gradscribe("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert f"complete_{shell}" in done.out
    assert COMPLETE in done.out


def test_an_unknown_shell(gradscribe: Command) -> None:
    is_a_mistake(gradscribe("completion", "tcsh"), "'bash'", "'zsh'", "'fish'")
    is_a_mistake(gradscribe("completion"), "SHELL")
