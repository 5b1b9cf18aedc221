"""Index-notation equations of neural-network layers: derivations to read, NumPy kernels to import.

>>> from gradscribe import layer, network, check
>>> from gradscribe.generated import Conv2D, conv2d_forward

What is asked for first is loaded then: generated layers wait for NumPy only.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradscribe.codegen.check import check
    from gradscribe.derive.composition import network
    from gradscribe.derive.language import layer
    from gradscribe.derive.update import optimiser

__version__ = "0.1.0"
__all__ = ["check", "layer", "network", "optimiser"]

_HOMES = {
    "check": "codegen.check",
    "layer": "derive.language",
    "network": "derive.composition",
    "optimiser": "derive.update",
}
_ROOMS = ("adapters", "codegen", "derive", "generated")

# In a checkout the rooms lie beside this folder. The links here are for type checkers and editors; where the file
# system has none, the folder above is searched.
_here = Path(__file__).parent
if not (_here / "derive").is_dir():
    __path__.append(str(_here.parent))


def __getattr__(name: str) -> Any:
    """A function of the package, or one of its rooms."""
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS, "__version__"]
