"""Modules whose loops run as the plain Python that they are: no compiler, no wait."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from gradscribe.codegen.compiler import compile_module, emitted
from gradscribe.derive.layer.interface import Layer


def plain(layer: Layer) -> ModuleType:
    """The module of a layer; its loops are never compiled, and the addresses in them are Python's integers."""
    made = emitted(layer)
    made = replace(made, beside=tuple(replace(m, text=m.text.replace("np.uintp(", "int(")) for m in made.beside))
    module = compile_module(made)
    for loops in loops_of(module):
        loops._compiled = loops.function
    return module


def loops_of(module: ModuleType) -> Iterator[Any]:
    """The compiled loops of a module."""
    if hasattr(module, "loops"):
        companion = import_module(f"{module.__package__}.compiled.{module.__name__.rpartition('.')[2]}")
        yield from (found for found in vars(companion).values() if hasattr(found, "apart"))


@cache
def plain_module(name: str) -> ModuleType:
    """The module of a layer of the catalogue."""
    from tests.cases.catalogue import layer

    return plain(layer(name))
