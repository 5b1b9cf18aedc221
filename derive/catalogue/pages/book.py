"""The book: the chapter, then the whole catalogue in chapters. Lists, nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradscribe.derive.catalogue import layers
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.catalogue.pages.chapter import TITLE as CHAPTER_TITLE
from gradscribe.derive.catalogue.pages.chapter import TOPICS, Topic
from gradscribe.said import Message

TITLE = Message("Gradients of neural networks")


@dataclass(frozen=True)
class Tile:
    """A fast correlation F(m, r): outputs of a tile, taps, and along how many axes it is nested."""

    m: int
    r: int
    dims: int


@dataclass(frozen=True)
class Chapter:
    """A chapter of the book and what it derives."""

    title: str
    topics: tuple[Topic | Tile, ...]


FAMILIES: Mapping[str, tuple[str, ...]] = {
    Message("Convolutions"): ("convolutions",),
    Message("Pooling"): ("poolings.pooling", "poolings.adaptive"),
    Message("Resampling and padding"): ("poolings.resampling", "poolings.padding"),
    Message("Dense layers and joins"): ("linear.dense", "linear.combination", "lenet_layers"),
    Message("Activations"): ("activations",),
    Message("Normalisation"): ("normalisation",),
    Message("Attention and recurrent cells"): ("linear.attention", "linear.recurrent"),
    Message("Losses"): ("losses",),
}
"""The chapters of layers: modules of the catalogue, or folders of them."""


def chapters() -> tuple[Chapter, ...]:
    """The chapter on convolutions, layers by family, networks, optimisers, fast correlations."""
    return (
        Chapter(CHAPTER_TITLE, TOPICS),
        *(Chapter(title, tuple(_topics(_of(rooms)))) for title, rooms in FAMILIES.items()),
        Chapter(Message("Networks"), tuple(_topics(NETWORKS))),
        Chapter(Message("Optimisers"), tuple(_topics(OPTIMISERS))),
        Chapter(Message("Fast correlations"), (Tile(2, 3, 1), Tile(4, 3, 2))),
    )


def _topics(names: Iterable[str]) -> Iterator[Topic]:
    return (Topic(name) for name in names)


def _of(rooms: Sequence[str]) -> Iterator[str]:
    """The layers that stand in these modules and folders, in the order of the catalogue."""
    return (
        e.name
        for e in LAYERS.values()
        if any(f"{e.module}.".startswith(f"{layers.__name__}.{room}.") for room in rooms)
    )
