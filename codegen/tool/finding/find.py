"""Layers, networks and optimisers by name: of the catalogue or a user's own, a text, a file or ``FILE.py:FUNCTION``.

A name is looked up before anything is loaded: who mistypes one does not wait for SymPy.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.finding.own_file import function_of, text_of, words
from gradscribe.codegen.tool.finding.unknown_layer import UnknownLayerError
from gradscribe.derive.catalogue.entry import Entry
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.catalogue.pages import OTHER_NAMES, PAGES
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import listed, located, quoted, shown

if TYPE_CHECKING:
    from gradscribe.derive.composition import Network
    from gradscribe.derive.layer.interface import Layer
    from gradscribe.derive.layer.update import Optimiser


def known() -> Mapping[str, Mapping[str, "Entry[Layer] | Entry[Network] | Entry[Optimiser]"]]:
    """What the catalogue has, by kind and by name."""
    return {"layer": LAYERS, "network": NETWORKS, "optimiser": OPTIMISERS}


def find(name: str) -> "Layer":
    """The layer or network called `name`, of a file ``FILE.eq``, ``FILE.net`` or ``FILE.py:FUNCTION``, or of a text.

    Raises:
        UnknownLayerError: when there is none.
        LanguageError: when the text is not well formed.
    """
    found = find_any(name)
    from gradscribe.derive.layer.update import Optimiser

    if isinstance(found, Optimiser):
        raise UnknownLayerError(
            f"{shown(name)} is an optimiser, and no layer: it has no gradient; see gradscribe derive {shown(name)}"
        )
    return found


def find_any(name: str) -> "Layer | Optimiser":
    """The layer, network or optimiser called `name`, otherwise as `find`."""
    if is_text(name):
        return find_text(name)
    if name.endswith(".net"):
        return _network(text_of(Path(name)), Path(name).stem, _beside(Path(name)))
    if name.endswith(".eq"):
        return _read_file(Path(name))
    if ".py:" in name:
        return _from_python(name)
    return _entry(name)()


def is_text(name: str) -> bool:
    """Whether that is a network or equations, no name."""
    return "->" in name or "=" in name or "\n" in name


def find_text(text: str) -> "Layer | Optimiser":
    """What a text describes, or the catalogue has under that name; no file is looked at.

    Raises:
        UnknownLayerError: when it is one word that the catalogue has not.
        LanguageError: when the text is not well formed; NetworkError, for a network.
    """
    if "->" in text:
        return _network(text)
    return _layer(text) if is_text(text) else _entry(text, "a name of the catalogue, an equation or a network")()


def equations_of(name: str) -> "Layer":
    """What is derived of `name`: a layer or network, or the equations of an optimiser."""
    found = find_any(name)
    from gradscribe.derive.layer.update import Optimiser

    return found.layer if isinstance(found, Optimiser) else found


def find_optimiser(name: str) -> "Optimiser":
    """The optimiser called `name`, or that of a file ``FILE.py:FUNCTION``.

    Raises:
        UnknownLayerError: when there is none.
    """
    if name.isidentifier() and name not in {entry for entries in known().values() for entry in entries}:
        close = get_close_matches(name.lower(), OPTIMISERS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {listed(OPTIMISERS)}, or FILE.py:FUNCTION"
        raise UnknownLayerError(f"unknown optimiser {quoted(name)}: {hint}")
    found = find_any(name)
    from gradscribe.derive.layer.update import Optimiser

    if not isinstance(found, Optimiser):
        raise UnknownLayerError(f"{shown(name)} is a layer; expected an optimiser, such as {listed(OPTIMISERS)}")
    return found


def _entry(
    name: str, expected: str = "a name that `gradscribe list` shows, an equation or a file"
) -> "Entry[Layer] | Entry[Network] | Entry[Optimiser]":
    """The catalogue's entry of that name."""
    every = {name: entry for entries in known().values() for name, entry in entries.items()}
    if name in every:
        return every[name]
    subject = OTHER_NAMES.get(name.lower())
    close = [subject] if subject else get_close_matches(name.lower(), (*every, *PAGES), n=1)
    hint = f"did you mean {close[0]}?" if close else f"expected {expected}"
    raise UnknownLayerError(f"unknown layer {quoted(name)}: {hint}")


def find_all(names: Sequence[str]) -> "list[Layer]":
    """The layers called `names`; the whole catalogue for none."""
    return [find(name) for name in names] if names else [build() for build in LAYERS.values()]


def networks() -> "list[Network]":
    """The networks that come with gradscribe."""
    return [build() for build in NETWORKS.values()]


def optimisers() -> "list[Optimiser]":
    """The optimisers of the catalogue."""
    return [build() for build in OPTIMISERS.values()]


def _network(text: str, name: str = "network", layers: "Mapping[str, Callable[[], Layer]] | None" = None) -> "Network":
    """The network that a text describes."""
    from gradscribe.derive.catalogue.network_text import network

    return network(text, name, layers=layers)


def _beside(path: Path) -> "dict[str, Callable[[], Layer]]":
    """The layers in files ``NAME.eq`` beside that of a network, which are read when it names them."""
    files = sorted(path.parent.glob("*.eq"))
    return {file.stem: partial(_read_file, file) for file in files if file.stem not in LAYERS}


def _read_file(file: Path) -> "Layer":
    return _layer(text_of(file), file.stem, str(file))


def _layer(text: str, name: str = "layer", file: str = "") -> "Layer":
    """The layer that equations describe; `file` is where they stand."""
    from gradscribe.derive.language import read

    return read(text, name, file)


def _from_python(name: str) -> "Layer | Optimiser":
    """Call the function of the user's own file that builds the layer or optimiser."""
    build = function_of(name, "that returns a Layer")
    from gradscribe.derive.layer.interface import Layer
    from gradscribe.derive.layer.update import Optimiser

    try:
        found = build()
    except EquationError:
        raise
    except Exception as error:
        raise UnknownLayerError(f"{located(name)}: {words(error)}") from error
    if not isinstance(found, Layer | Optimiser):
        raise UnknownLayerError(f"{located(name)}: expected a Layer or an Optimiser, received {type(found).__name__}")
    return found
