"""The families of the catalogue: under which heading a book, a site and the documents list an entry."""

from collections.abc import Iterator, Mapping
from typing import Any

from gradscribe.derive.catalogue.entry import Entry
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.said import Message

FAMILIES: Mapping[Message, tuple[str, ...]] = {
    Message("Convolutions"): ("layers.convolutions",),
    Message("Pooling"): ("layers.poolings.pooling", "layers.poolings.adaptive"),
    Message("Resampling and padding"): (
        "layers.poolings.resampling",
        "layers.poolings.interpolation",
        "layers.poolings.padding",
    ),
    Message("Dense layers and joins"): ("layers.linear.dense", "layers.linear.combination", "layers.lenet_layers"),
    Message("Activations"): ("layers.activations",),
    Message("Normalisation"): ("layers.normalisation",),
    Message("Attention and recurrent layers"): (
        *("layers.linear.attention", "layers.linear.recurrent"),
        *("layers.linear.sequences", "layers.linear.state_space"),
    ),
    Message("Losses"): ("layers.losses",),
    Message("Networks"): ("networks",),
    Message("Optimisers"): ("optimisers",),
}
"""Headings, and the modules of the catalogue, or folders of them, that stand below each."""
_CATALOGUE = __name__.removesuffix(".pages.families")


def family(entry: Entry[Any]) -> Message:
    """The heading of an entry."""
    module = f"{entry.module}."
    return next(t for t, rooms in FAMILIES.items() if any(module.startswith(f"{_CATALOGUE}.{r}.") for r in rooms))


def members(title: Message) -> Iterator[str]:
    """The names below a heading, in the order of the catalogue."""
    every: tuple[Mapping[str, Entry[Any]], ...] = (LAYERS, NETWORKS, OPTIMISERS)
    return (name for table in every for name, entry in table.items() if family(entry) == title)
