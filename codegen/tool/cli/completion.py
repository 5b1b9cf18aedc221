"""What a shell offers while one types: commands, options, names of the catalogue, formats; Typer speaks with it."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import completion_init, get_completion_script

from gradscribe.codegen.target import TARGETS
from gradscribe.codegen.tool.find import known
from gradscribe.derive.typeset.formats import FORMATS

PROGRAM = "gradscribe"
COMPLETE = f"_{PROGRAM.upper()}_COMPLETE"
"""The environment variable by which a shell asks what it may offer."""


class Shell(StrEnum):
    """What Typer has a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def completion(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")]) -> None:
    """Print a script by which a shell completes commands, options and names: eval "$(gradscribe completion bash)"."""
    print(get_completion_script(prog_name=PROGRAM, complete_var=COMPLETE, shell=shell))


def offer(app: typer.Typer) -> None:
    """Print what fits what has been typed so far, and exit: the shell has put that into the environment."""
    completion_init()
    app(prog_name=PROGRAM, complete_var=COMPLETE)


def names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Names of the catalogue that begin so, and their titles."""
    return _offered(known(), incomplete)


def layer_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Those of layers and networks."""
    return _offered(("layer", "network"), incomplete)


def _offered(kinds: Iterable[str], start: str) -> Iterator[tuple[str, str]]:
    catalogue = known()
    return ((e.name, e.title) for kind in kinds for e in catalogue[kind].values() if e.name.startswith(start))


def formats(incomplete: str) -> list[str]:
    """Formats that begin so."""
    return [name for name in FORMATS if name.startswith(incomplete)]


def backends(incomplete: str) -> list[str]:
    """Backends that begin so."""
    return [name for name in TARGETS if name.startswith(incomplete)]
