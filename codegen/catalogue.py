"""Layers, networks and optimisers by name: of the catalogue or a user's own, a text, a file or ``FILE.py:FUNCTION``."""

import importlib.util
import keyword
import stat
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from gradscribe.codegen.error import UnknownLayerError as UnknownLayerError  # noqa: PLC0414  (exported, as mypy sees it)
from gradscribe.derive.composition import Network, is_network, network
from gradscribe.derive.interface import Layer
from gradscribe.derive.language import layer, read
from gradscribe.derive.layers import LAYERS
from gradscribe.derive.networks import NETWORKS
from gradscribe.derive.optimisers import OPTIMISERS
from gradscribe.derive.quote import MOST_LISTED, listed, located, quoted, shown
from gradscribe.derive.term import EquationError
from gradscribe.derive.update import Optimiser

LONGEST_NAME = 60
"""Characters of the name of a layer that is read from a file."""
LONGEST_FILE = 100_000
"""Bytes of a file of equations: four for each character that a text may have, and some for comments."""


def find(name: str) -> Layer:
    """The layer or network called `name`, of a file ``FILE.eq``, ``FILE.net`` or ``FILE.py:FUNCTION``, or of a text.

    Raises:
        UnknownLayerError: when there is none.
        LanguageError: when the text is not well formed.
    """
    found = find_any(name)
    if isinstance(found, Optimiser):
        raise UnknownLayerError(
            f"{shown(name)} is an optimiser, and no layer: it has no gradient; see gradscribe derive {shown(name)}"
        )
    return found


def find_any(name: str) -> Layer | Optimiser:
    """The layer, network or optimiser called `name`, otherwise as `find`."""
    if is_network(name):
        return network(name)
    if "=" in name or "\n" in name:
        return layer(name)
    if name.endswith(".net"):
        return network(_text(Path(name)), Path(name).stem)
    if name.endswith(".eq"):
        return _from_text(Path(name))
    if ".py:" in name:
        return _from_python(name)
    known: dict[str, Callable[[], Layer | Optimiser]] = {**LAYERS, **NETWORKS, **OPTIMISERS}
    if name in known:
        return known[name]()
    close = get_close_matches(name.lower(), known, n=1)
    hint = (
        f"did you mean {close[0]}?" if close else "expected a name that `gradscribe list` shows, an equation or a file"
    )
    raise UnknownLayerError(f"unknown layer {quoted(name)}: {hint}")


def find_all(names: Sequence[str]) -> list[Layer]:
    """The layers called `names`; the whole catalogue for none."""
    return [find(name) for name in names] if names else [build() for build in LAYERS.values()]


def networks() -> list[Network]:
    """The networks that come with gradscribe."""
    return [build() for build in NETWORKS.values()]


def optimisers() -> list[Optimiser]:
    """The optimisers of the catalogue."""
    return [build() for build in OPTIMISERS.values()]


def _from_text(path: Path) -> Layer:
    """The layer of a file of equations; its name is the file's."""
    return read(_text(path), path.stem, file=str(path))


def _text(path: Path) -> str:
    """The text of a file whose stem is a Python name; a byte order mark before it is none of it."""
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


def _check_file(path: Path) -> None:
    """Raise unless there is an ordinary file: a pipe or a device may never end."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise UnknownLayerError(f"{located(path)}: no such file") from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise UnknownLayerError(f"{located(path)}: expected a file, found {kind}")


def _words(error: BaseException) -> str:
    """What somebody's own code raised, on one line."""
    return f"{type(error).__name__}: {shown(error, MOST_LISTED)}"


def _from_python(name: str) -> Layer | Optimiser:
    """Call the function of the user's own file that builds the layer or optimiser."""
    build = function_of(name, "that returns a Layer")
    try:
        found = build()
    except EquationError:
        raise
    except Exception as error:
        raise UnknownLayerError(f"{located(name)}: {_words(error)}") from error
    if not isinstance(found, Layer | Optimiser):
        raise UnknownLayerError(f"{located(name)}: expected a Layer or an Optimiser, received {type(found).__name__}")
    return found


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
        raise UnknownLayerError(f"{located(file)}: {_words(error)}") from error
    return module
