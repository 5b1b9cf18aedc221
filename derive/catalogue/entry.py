"""An entry of the catalogue: its title, and where its equations stand. Nothing is loaded before it is called for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Generic, TypeVar

Built = TypeVar("Built")
"""What is built: a layer, a network or an optimiser."""


@dataclass(frozen=True)
class Entry(Generic[Built]):
    """What the catalogue knows without loading it; called, it builds it.

    Attributes:
        name: its name, also that of the function that builds it.
        title: a short description.
        module: where the function stands.
    """

    name: str
    title: str
    module: str

    def __call__(self) -> Built:
        """Build it, once: its module is loaded, and with it SymPy."""
        built: Built = _built(getattr(import_module(self.module), self.name))
        return built


@cache
def _built(function: Callable[[], Any]) -> Any:
    """What a function of the catalogue builds. Nobody changes it: layers, networks and optimisers are frozen."""
    return function()


def entries(package: str, families: Mapping[str, Mapping[str, str]]) -> dict[str, Entry[Built]]:
    """The entries of a package by name, in the order given.

    Args:
        package: the package's name, ``__name__`` within it.
        families: names and titles, by the module of the package that builds them.
    """
    return {
        name: Entry(name, title, f"{package}.{family}")
        for family, titles in families.items()
        for name, title in titles.items()
    }
