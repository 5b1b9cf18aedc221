"""The compiled loops of a generated module, which stand in a module of their own."""

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

from .compiled import worthwhile
from .process import process


class Companion:
    """The functions of ``compiled/NAME.py``, which lies beside the module NAME and is loaded when loops are wanted.

    A module that was copied without it computes everything with NumPy.

    Args:
        package: of the module; "" or None where it lies beside a script.
        name: of the module.
    """

    def __init__(self, package: str | None, name: str) -> None:
        self._name = f"{package}.compiled.{name}" if package else f"compiled.{name}"

    def wanted(self, steps: int, *options: int) -> bool:
        """Whether there are loops and those of so many steps are to be run, see `worthwhile`."""
        return worthwhile(steps, *options) and self._module is not None

    @cached_property
    def _module(self) -> ModuleType | None:
        try:
            with process.loading:
                return import_module(self._name)
        except ImportError:
            return None

    def __getattr__(self, name: str) -> Callable[..., bool]:
        """A function of it by its name; it says whether it has computed anything."""
        if name.startswith("_"):
            raise AttributeError(name)
        found: Callable[..., bool] = _nothing if self._module is None else getattr(self._module, name)
        return self.__dict__.setdefault(name, found)


def _nothing(*_: Any) -> bool:
    """What is called where there are no loops: it has not computed anything."""
    return False
