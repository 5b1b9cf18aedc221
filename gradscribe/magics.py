"""Cells of notebooks whose text is a layer or a network: ``%%layer NAME`` and ``%%network NAME``.

``%load_ext gradscribe`` loads this, in IPython, which is imported nowhere else.
"""

from collections.abc import Callable
from keyword import iskeyword
from typing import Any

from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import quoted
from gradscribe.derive.layer import interface
from gradscribe.facade import Layer, Network, layer, network

CELL = "cell"
Shell = Any
"""An `IPython.core.interactiveshell.InteractiveShell`."""
Reader = Callable[[Shell, str, str], Layer | Network]
"""What makes a variable of that name of a text."""


def register(shell: Shell) -> None:
    """Let the shell have the cells."""
    for name, read, doc in (("layer", _layer, LAYER), ("network", _network, NETWORK)):
        shell.register_magic_function(_magic(shell, name, read, doc), CELL, name)


def forget(shell: Shell) -> None:
    """Take the cells away."""
    for name in ("layer", "network"):
        shell.magics_manager.magics[CELL].pop(name, None)


LAYER = """%%layer NAME

The equations below become the layer NAME, a variable of this notebook, and are shown: docs/language.md.
"""
NETWORK = """%%network NAME

The chain of layers below becomes the network NAME, a variable of this notebook, and is shown: docs/networks.md. The
layers of the notebook's variables are words, too.
"""


def _layer(shell: Shell, text: str, name: str) -> Layer:
    return layer(text, name)


def _network(shell: Shell, text: str, name: str) -> Network:
    variables = {word: value for word, value in shell.user_ns.items() if not word.startswith("_")}
    own = {word: value for word, value in variables.items() if isinstance(value, interface.Layer)}
    return network(text, name, layers=own)


def _magic(shell: Shell, kind: str, read: Reader, doc: str) -> Callable[[str, str], Layer | Network]:
    """What IPython calls; a mistake is told without a traceback."""
    from IPython.core.error import UsageError

    def called(line: str, cell: str) -> Layer | Network:
        name = line.strip()
        if not name.isidentifier() or iskeyword(name):
            raise UsageError(f"%%{kind} {quoted(name)}: expected the name of a variable, such as %%{kind} mine")
        try:
            found = read(shell, cell, name)
        except (EquationError, RecursionError) as error:
            raise UsageError(str(error)) from error
        shell.user_ns[name] = found
        return found

    called.__doc__ = doc
    return called
