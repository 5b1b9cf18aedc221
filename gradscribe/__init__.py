"""Index-notation equations of neural-network layers: derivations to read, NumPy kernels to import.

>>> from gradscribe import layer, network, check, explain
>>> from gradscribe.generated import Conv2D, conv2d_forward

What is asked for first is loaded then: generated layers wait for NumPy only.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gradscribe.printed import Printers, give
from gradscribe.version import __version__ as __version__

if TYPE_CHECKING:
    from gradscribe.codegen.tool.check import check
    from gradscribe.codegen.tool.explain import explain
    from gradscribe.derive.ir.index import integers
    from gradscribe.derive.layer.equations import program, to_sympy
    from gradscribe.facade import layer, network, optimiser

__all__ = ["check", "explain", "integers", "layer", "network", "optimiser", "program", "to_sympy"]

_HOMES = {
    "check": "gradscribe.codegen.tool.check",
    "explain": "gradscribe.codegen.tool.explain",
    "integers": "gradscribe.derive.ir.index",
    "layer": "gradscribe.facade",
    "network": "gradscribe.facade",
    "optimiser": "gradscribe.facade",
    "program": "gradscribe.derive.layer.equations",
    "to_sympy": "gradscribe.derive.layer.equations",
}
_ROOMS = ("adapters", "codegen", "derive", "generated")

# In a checkout the rooms lie beside this folder. The links here are for type checkers and editors; where the file
# system has none, the folder above is searched.
_here = __path__[0]
if not os.access(f"{_here}/derive", os.F_OK):  # pathlib would take as long as the rest of this module and its imports
    __path__.append(_here.rpartition(os.sep)[0])


def _printers() -> Printers:
    """What shows records, loaded when one is shown."""
    from gradscribe.derive.typeset.printers import printers

    return printers()


give(_printers)


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext gradscribe`` calls: cells ``%%layer NAME`` and ``%%network NAME``."""
    from gradscribe.magics import register

    register(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What ``%unload_ext gradscribe`` calls."""
    from gradscribe.magics import forget

    forget(shell)


def __getattr__(name: str) -> Any:
    """A function of the package, or one of its rooms."""
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS, "__version__"]
