"""The book: the chapter, then the whole catalogue in chapters. Lists, nothing else."""

from dataclasses import dataclass

from gradscribe.derive.catalogue.pages.chapter import TITLE as CHAPTER_TITLE
from gradscribe.derive.catalogue.pages.chapter import TOPICS, Fast, Topic
from gradscribe.derive.catalogue.pages.families import FAMILIES, members
from gradscribe.said import Message

TITLE = Message("Gradients of neural networks")


@dataclass(frozen=True)
class Chapter:
    """A chapter of the book and what it derives."""

    title: str
    topics: tuple[Topic | Fast, ...]


def chapters() -> tuple[Chapter, ...]:
    """The chapter on convolutions, the catalogue by family, fast correlations."""
    return (
        Chapter(CHAPTER_TITLE, TOPICS),
        *(Chapter(title, tuple(Topic(name) for name in members(title))) for title in FAMILIES),
        Chapter(Message("Fast correlations"), (Fast(2, 3, dims=1), Fast(4, 3))),
    )
