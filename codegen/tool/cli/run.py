"""The commands, and the code that each run of one ends with. No command decides what a mistake is worth."""

import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Annotated, Any

import typer

from gradscribe.codegen.tool.cli.commands.checking import check
from gradscribe.codegen.tool.cli.commands.compiling import compile_ahead, tune
from gradscribe.codegen.tool.cli.commands.derivations.bookbinding import bind
from gradscribe.codegen.tool.cli.commands.derivations.building import site
from gradscribe.codegen.tool.cli.commands.derivations.deriving import derive
from gradscribe.codegen.tool.cli.commands.derivations.paging import page
from gradscribe.codegen.tool.cli.commands.derivations.picturing import picture
from gradscribe.codegen.tool.cli.commands.derivations.serving import serve
from gradscribe.codegen.tool.cli.commands.diagnosing import doctor
from gradscribe.codegen.tool.cli.commands.explaining import explain
from gradscribe.codegen.tool.cli.commands.generating import generate
from gradscribe.codegen.tool.cli.commands.listing import list_catalogue
from gradscribe.codegen.tool.cli.commands.verifying import verify
from gradscribe.codegen.tool.cli.completion import COMPLETE, PROGRAM, completion, offer
from gradscribe.codegen.tool.cli.screen import flush, prepare, told
from gradscribe.codegen.tool.finding.unknown_layer import UnknownLayerError
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import MOST_LISTED, shown
from gradscribe.version import __version__

DONE, NO, FAILED = 0, 1, 2
INTERRUPTED, UNREAD = 130, 141
"""As shells have it: 128, and the number of the signal that would have ended the run."""
CODES = (
    "Exit codes: 0 when it is done; 1 when the answer of verify, check or generate --check is no; 2 when it was not "
    "understood or could not be done, as standard error says."
)
MISTAKES = (EquationError, UnknownLayerError, OSError, RecursionError, MemoryError)
"""What a user, the system or the size of the equations is to blame for."""
USAGE: Any = next(c for c in reversed(typer.BadParameter.__mro__) if hasattr(c, "exit_code"))
"""What Typer raises for wrong arguments."""
COMMANDS: dict[str, Callable[..., bool | None]] = {
    "list": list_catalogue,
    "derive": derive,
    "page": page,
    "picture": picture,
    "site": site,
    "serve": serve,
    "book": bind,
    "generate": generate,
    "verify": verify,
    "explain": explain,
    "compile": compile_ahead,
    "tune": tune,
    "check": check,
    "doctor": doctor,
    "completion": completion,
}
"""A command that asks something returns the answer."""

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From layer equations to derivations and NumPy kernels.",
    epilog=CODES,
)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def _print_version(wanted: bool) -> None:
    """Say which version this is, and stop."""
    if wanted:
        print(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Options without a command."""


def main() -> None:
    """Entry point of the console script."""
    gc.set_threshold(50_000, 20, 100)  # most of SymPy's small objects live on: walking them again and again takes 10 %
    prepare()
    if COMPLETE in os.environ:
        offer(app)
    code = _code(sys.argv[1:] or ["--help"])
    with suppress(OSError):  # what is left after a mistake
        flush()
    raise SystemExit(code)


def _code(arguments: Sequence[str]) -> int:
    """Run a command; what it says of a mistake stands on standard error then."""
    try:
        answer = _answer(arguments)
        flush()
    except (BrokenPipeError, SystemExit):  # a reader who has left, as `head` does, is not told; rich would exit with 1
        return UNREAD
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except MISTAKES as error:
        return _failed(told(error))
    except USAGE as error:
        return _failed(shown(" ".join(error.format_message().split()), MOST_LISTED // 2))
    except Exception:
        traceback.print_exc()
        return _failed("this is a fault of gradscribe, not of what was asked; please report it")
    return DONE if answer else NO


def _answer(arguments: Sequence[str]) -> bool:
    """What a command answers; one that is asked nothing has done what it was told."""
    command = _built()
    try:
        with command.make_context(PROGRAM, list(arguments)) as context:
            return command.invoke(context) is not False
    except typer.Exit:  # of --help and --version
        return True


@cache
def _built() -> Any:
    """What Typer makes of the signatures. That takes 20 ms, and a process may run many commands."""
    return typer.main.get_command(app)


def _failed(message: str) -> int:
    """Say why, to whoever still listens."""
    with suppress(OSError):
        print(f"{PROGRAM}: {message}", file=sys.stderr)
    return FAILED
