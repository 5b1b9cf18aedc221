"""Modules whose compiled loops are run, and which of them were; most tests compile them once, for whatever numbers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.runtime.rooms import room, set_in_all

COMPILED = pytest.mark.skipif(not room("machine.configuration").has_c(), reason="no C compiler")
"""A test of what is compiled."""


@contextmanager
def looped(module: ModuleType, known: bool = False) -> Iterator[set[str]]:
    """All loops of `module` are run; yields the names of those that were.

    Args:
        module: a module of a layer or a network.
        known: whether they are compiled anew for small numbers, as they are otherwise.
    """
    ran: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        if not known:
            set_in_all(patch, "MOST_KNOWN", 0, module.rt)

        def noted(run: Callable[..., bool]) -> Callable[..., bool]:
            def called(text: str, *given: Any, **named: Any) -> bool:
                computed = run(text, *given, **named)
                assert computed, text
                ran.update(name for name, value in vars(module.loops._module).items() if value is text)
                return computed

            return called

        patch.setattr(module.rt, "run", noted(module.rt.run))
        with module.rt.settings(backend="compiled", threads=2), np.errstate(all="ignore"):
            yield ran
