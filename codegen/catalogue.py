"""Layers by name: the catalogue's, or a user's own as ``FILE.py:FUNCTION``."""

import importlib.util
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from derive.interface import Layer
from derive.layers import LAYERS
from derive.term import EquationError


class UnknownLayerError(ValueError):
    """A name that is no layer; the message says what was expected and what is near."""


def find(name: str) -> Layer:
    """The layer called `name`, or returned by the function named in ``FILE.py:FUNCTION``.

    Raises:
        UnknownLayerError: when there is none.
    """
    if ".py:" in name:
        return _from_file(name)
    if name in LAYERS:
        return LAYERS[name]()
    close = get_close_matches(name.lower(), LAYERS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(LAYERS)}"
    raise UnknownLayerError(f"unknown layer {name!r}: {hint}")


def find_all(names: Sequence[str]) -> list[Layer]:
    """The layers called `names`; the whole catalogue for none."""
    return [find(name) for name in names] if names else [build() for build in LAYERS.values()]


def _from_file(name: str) -> Layer:
    """Import the user's own file, as Python imports any module, and call the function that builds the layer."""
    file, _, function = name.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise UnknownLayerError(f"{file}: no such file")
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
    build = getattr(module, function, None)
    if not callable(build):
        raise UnknownLayerError(f"{file}: expected a function {function}() that returns a Layer")
    try:
        layer = build()
    except EquationError:
        raise
    except Exception as error:
        raise UnknownLayerError(f"{name}: {type(error).__name__}: {error}") from error
    if not isinstance(layer, Layer):
        raise UnknownLayerError(f"{name}: expected a Layer, received {type(layer).__name__}")
    return layer
