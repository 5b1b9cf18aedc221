"""Network text -> Network, where the layers of the catalogue are words: what users, and the catalogue itself, call."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from gradscribe.derive.catalogue.layers import JOINS, LAYERS
from gradscribe.derive.composition import Network, read_network
from gradscribe.derive.layer.interface import Layer


def network(
    text: str,
    name: str = "network",
    *,
    layers: Mapping[str, Layer | Callable[[], Layer]] | None = None,
    **options: Any,
) -> Network:
    """The network that a text describes, of layers of the catalogue and your own.

    Args:
        text: chains of layers, such as ``conv2d(8, 3, padding=1) -> relu -> flatten -> dense(10)``.
        name: the network's name, also the stem of its functions.
        layers: layers of your own by name, besides the catalogue's, or functions that make them.
        **options: data, starts and fields of `Network`, see `derive.composition.read_network`.

    Raises:
        NetworkError: for any mistake; the message names the network, the node, what was expected and received.
    """
    own = layers or {}
    joins = {word: partial(_joined, word) for word in JOINS if word not in own}
    return read_network(text, name, {**LAYERS, **own}, joins=joins, **options)


def _joined(word: str, branches: int) -> Layer:
    """A layer of so many inputs; its module is loaded where one is asked for."""
    made: Layer = getattr(import_module(LAYERS[word].module), word)(branches)
    return made
