"""Modules whose loops run as the plain Python that they are: no compiler, no wait."""

from functools import cache
from types import ModuleType

from codegen.compiler import compile_source, source
from derive.interface import Layer


def plain(layer: Layer) -> ModuleType:
    """The module of a layer; its loops are never compiled, and the addresses in them are Python's integers."""
    module = compile_source(layer.name, source(layer).replace("np.uintp(", "int("))
    for value in vars(module).values():
        if isinstance(value, module.rt.Loops):
            value._compiled = value.function
    return module


@cache
def plain_module(name: str) -> ModuleType:
    """The module of a layer of the catalogue."""
    from tests.catalogue import layer

    return plain(layer(name))
