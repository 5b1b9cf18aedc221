"""Layers by name: the catalogue's, or a user's own: an equation text, ``FILE.eq`` or ``FILE.py:FUNCTION``."""

import importlib.util
import keyword
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from derive import layer
from derive.interface import Layer
from derive.language import read
from derive.layers import LAYERS
from derive.term import EquationError


class UnknownLayerError(ValueError):
    """A name that is no layer; the message says what was expected and what is near."""


def find(name: str) -> Layer:
    """The layer called `name`, in the file ``FILE.eq``, of the function ``FILE.py:FUNCTION``, or of an equation text.

    Raises:
        UnknownLayerError: when there is none.
        LanguageError: when the text is not well formed.
    """
    if "=" in name or "\n" in name:
        return layer(name)
    if name.endswith(".eq"):
        return _from_text(Path(name))
    if ".py:" in name:
        return _from_python(name)
    if name in LAYERS:
        return LAYERS[name]()
    close = get_close_matches(name.lower(), LAYERS, n=1)
    hint = (
        f"did you mean {close[0]}?" if close else "expected a name that `gradscribe list` shows, an equation or a file"
    )
    raise UnknownLayerError(f"unknown layer {name!r}: {hint}")


def find_all(names: Sequence[str]) -> list[Layer]:
    """The layers called `names`; the whole catalogue for none."""
    return [find(name) for name in names] if names else [build() for build in LAYERS.values()]


def _from_text(path: Path) -> Layer:
    """The layer of a file of equations; its name is the file's."""
    if not path.is_file():
        raise UnknownLayerError(f"{path}: no such file")
    if not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        raise UnknownLayerError(f"{path}: the layer is named as the file; expected a Python name, such as my_layer.eq")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UnknownLayerError(f"{path}: expected UTF-8 text; byte {error.start} is none") from None
    return read(text, path.stem, file=str(path))


def _from_python(name: str) -> Layer:
    """Call the function of the user's own file that builds the layer."""
    build = function_of(name, "that returns a Layer")
    try:
        found = build()
    except EquationError:
        raise
    except Exception as error:
        raise UnknownLayerError(f"{name}: {type(error).__name__}: {error}") from error
    if not isinstance(found, Layer):
        raise UnknownLayerError(f"{name}: expected a Layer, received {type(found).__name__}")
    return found


def function_of(name: str, purpose: str) -> Callable[..., Any]:
    """The function ``FILE.py:FUNCTION`` of a user's own file, which is imported as Python imports any module.

    Args:
        name: file and function.
        purpose: what the function is for, for messages.

    Raises:
        UnknownLayerError: when there is none, or the file cannot be imported.
    """
    file, _, function = name.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise UnknownLayerError(f"{file or name}: no such file")
    # a name of its own: a file called like a package in use would replace it
    spec = importlib.util.spec_from_file_location(f"layers_of_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UnknownLayerError(f"{file}: cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look a class up
    sys.path.append(str(path.parent.resolve()))  # what the file imports from beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UnknownLayerError(f"{file}: {type(error).__name__}: {error}") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise UnknownLayerError(f"{file}: expected a function {function}() {purpose}")
    return found
