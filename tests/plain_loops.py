"""Modules whose loops run as the plain Python that they are: no compiler, no wait."""

from dataclasses import replace
from functools import cache
from types import ModuleType

from gradscribe.codegen.compiler import compile_module, emitted
from gradscribe.derive.interface import Layer


def plain(layer: Layer) -> ModuleType:
    """The module of a layer; its loops are never compiled, and the addresses in them are Python's integers."""
    made = emitted(layer)
    module = compile_module(replace(made, text=made.text.replace("np.uintp(", "int(")))
    for value in vars(module).values():
        if isinstance(value, module.rt.Loops):
            value._compiled = value.function
    return module


@cache
def plain_module(name: str) -> ModuleType:
    """The module of a layer of the catalogue."""
    from tests.catalogue import layer

    return plain(layer(name))
