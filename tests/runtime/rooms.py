"""The modules of a runtime, for tests that look into it: constants set in all of them, plans forgotten."""

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from gradscribe.generated import runtime

PLANS = (
    ("contractions.gathering", "_ways"),
    ("contractions.choice", "_scattering_ways"),
    ("contractions.pieces", "_pieces"),
    ("contractions.contract", "_bound"),
    ("windows.reductions", "_bound"),
    ("windows.spreads", "_bound"),
)
"""What is kept by shapes, and depends on constants."""


def room(name: str, of: ModuleType = runtime) -> ModuleType:
    """A module of the runtime, such as "machine.threads"."""
    return import_module(f"{of.__name__}.{name}")


def rooms(of: ModuleType = runtime) -> Iterator[ModuleType]:
    """All modules of the runtime that are loaded."""
    within = f"{of.__name__}."
    yield from [module for name, module in sys.modules.items() if name.startswith(within)]


def set_in_all(patch: pytest.MonkeyPatch, name: str, value: Any, of: ModuleType = runtime) -> None:
    """Set a constant, or a function, in the module that defines it and in all that import it."""
    found = [module for module in (of, *rooms(of)) if hasattr(module, name)]
    assert found, name
    for module in found:
        patch.setattr(module, name, value)


def forget_plans() -> None:
    """Ways to compute contractions, pieces and tiles are worked out anew."""
    for name, kept in PLANS:
        getattr(room(name), kept).cache_clear()


def panels_first(patch: pytest.MonkeyPatch) -> None:
    """Fast correlations transform all tiles, then panels of the kernel, in several slices, whatever takes less time."""
    set_in_all(patch, "are_worth", lambda panels, blocks: True)
    set_in_all(patch, "block_cache", lambda: 96 << 10)
    forget_plans()
