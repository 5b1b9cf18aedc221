"""A user's own files: the text of one of equations, a function of one of Python."""

import importlib.util
import keyword
import stat
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from gradscribe.codegen.tool.finding.unknown_layer import UnknownLayerError
from gradscribe.derive.ir.quote import MOST_LISTED, listed, located, shown

LONGEST_NAME = 60
"""Characters of the name of a layer that is read from a file."""
LONGEST_FILE = 100_000
"""Bytes of a file of equations: four for each character that a text may have, and some for comments."""


def text_of(path: Path) -> str:
    """The text of a file whose stem is a Python name; a byte order mark before it is none of it.

    Raises:
        UnknownLayerError: when there is none, or it is not such a text.
    """
    _check_file(path)
    if not path.stem.isidentifier() or keyword.iskeyword(path.stem) or len(path.stem) > LONGEST_NAME:
        raise UnknownLayerError(
            f"{located(path)}: the layer is named as the file; expected a Python name of at most {LONGEST_NAME} "
            f"characters, such as my_layer{path.suffix}"
        )
    with path.open("rb") as file:
        text = file.read(LONGEST_FILE + 1)
    if len(text) > LONGEST_FILE:
        raise UnknownLayerError(f"{located(path)}: expected at most {LONGEST_FILE} bytes of text")
    try:
        return text.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise UnknownLayerError(f"{located(path)}: expected UTF-8 text; byte {error.start} is none") from None


def function_of(name: str, purpose: str) -> Callable[..., Any]:
    """The function ``FILE.py:FUNCTION`` of a user's own file, which is imported as Python imports any module.

    Args:
        name: file and function.
        purpose: what the function is for, for messages.

    Raises:
        UnknownLayerError: when there is none, or the file cannot be imported.
    """
    file, function = (name, "") if name.endswith(".py") else (name.rpartition(":")[0] or name, name.rpartition(":")[2])
    path = Path(file)
    _check_file(path)
    module = _imported(path, file)
    found = getattr(module, function, None) if function else None
    if callable(found):
        return found
    own = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module.__name__]
    close = get_close_matches(function, own, n=1)
    what = f"expected a function {shown(function)}() {purpose}" if function else f"a function {purpose} is missing"
    hint = f"did you mean {close[0]}? " if close else ""
    have = f"it has {listed(own)}" if own else "it has no function"
    example = f"; expected {located(file)}:{own[0] if own else 'FUNCTION'}" if not function else ""
    raise UnknownLayerError(f"{located(file)}: {what}; {hint}{have}{example}")


def _imported(path: Path, file: str) -> ModuleType:
    """The module of a user's own file."""
    # a name of its own: a file called like a package in use would replace it
    spec = importlib.util.spec_from_file_location(f"layers_of_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UnknownLayerError(f"{located(file)}: cannot be imported as Python; expected FILE.py:FUNCTION")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look a class up
    sys.path.append(str(path.parent.resolve()))  # what the file imports from beside it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UnknownLayerError(f"{located(file)}: {words(error)}") from error
    return module


def words(error: BaseException) -> str:
    """What somebody's own code raised, on one line."""
    return f"{type(error).__name__}: {shown(error, MOST_LISTED)}"


def _check_file(path: Path) -> None:
    """Raise unless there is an ordinary file: a pipe or a device may never end."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise UnknownLayerError(f"{located(path)}: no such file") from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise UnknownLayerError(f"{located(path)}: expected a file, found {kind}")
