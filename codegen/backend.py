"""The entry point ``gradscribe.backends``: how `derive.interface.Layer` finds this package without importing it."""

from pathlib import Path
from types import ModuleType

from codegen.compiler import compile_layer, write_package
from derive.interface import Layer


def generate(layer: Layer, out: Path, order: int = 1) -> tuple[Path, ...]:
    """Write the layer's module, the runtime and the package file into `out`; returns the files that changed."""
    return tuple(write_package([layer], out, order))


def compile(layer: Layer, order: int = 1) -> ModuleType:
    """The layer's module, in memory."""
    return compile_layer(layer, order)
