"""The entry point ``gradscribe.backends``: how `derive.interface.Layer` finds this package without importing it."""

from pathlib import Path
from types import ModuleType

from gradscribe.codegen.compiler import compile_layer
from gradscribe.codegen.package import write_package
from gradscribe.derive.interface import Layer
from gradscribe.derive.update import Optimiser


def generate(layer: Layer | Optimiser, out: Path, order: int = 1) -> tuple[Path, ...]:
    """Write the module, the runtime and the package file into the folder `out`; returns the files that changed."""
    return tuple(write_package([layer], out, order))


def compile(layer: Layer | Optimiser, order: int = 1) -> ModuleType:
    """The module of a layer or an optimiser, in memory."""
    return compile_layer(layer, order)
