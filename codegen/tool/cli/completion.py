"""What a shell offers while one types: commands, options, names of the catalogue, formats; Typer speaks with it."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import completion_init, get_completion_script

from gradscribe.codegen.tool.finding.find import known
from gradscribe.codegen.tool.finding.topics import OTHERS

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


def page_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Those that have a page: names of the catalogue, and pages that are no layer's."""
    yield from names(incomplete)
    yield from ((name, title) for name, title in OTHERS.items() if name.startswith(incomplete))


def layer_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Those of layers and networks."""
    return _offered(("layer", "network"), incomplete)


def _offered(kinds: Iterable[str], start: str) -> Iterator[tuple[str, str]]:
    catalogue = known()
    return ((e.name, e.title) for kind in kinds for e in catalogue[kind].values() if e.name.startswith(start))


def optimiser_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Those of optimisers."""
    return _offered(("optimiser",), incomplete)


def forms(incomplete: str) -> list[str]:
    """Forms of a page that begin so."""
    from gradscribe.derive.derivation.forms.caption.page_form import FORMS  # which loads SymPy

    return words(*FORMS)(incomplete)


def policies(incomplete: str) -> list[str]:
    """Policies for ties that begin so."""
    from gradscribe.derive.calculus.passes.ties import TIES  # which loads SymPy

    return words(*TIES)(incomplete)


def words(*known: str) -> Callable[[str], list[str]]:
    """What completes an option that takes one of these words; of words between commas the last one."""

    def offered(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [before + comma + word for word in known if word.startswith(last)]

    return offered
