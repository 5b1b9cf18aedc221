"""Strategies that were measured to be faster on this machine than those that the model predicts: `gradscribe tune`.

They are names in one file beside the functions that have been compiled, for the processor and the compiler they were
measured with. A name that is none, or of a strategy that cannot compute a contraction, has no meaning.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

from ..machine.configuration import Settings
from ..machine.process import process
from .contraction import Contraction

KIND = ".tuned"
"""The suffix of the file."""
MOST = 4096
"""Contractions that are remembered."""


def measured(c: Contraction, wanted: Settings) -> str | None:
    """The strategy that was the fastest; None where nobody has measured, or the model was right.

    Args:
        c: the contraction.
        wanted: the settings as far as ways depend on them, see `ways.resolved`; without a compiler nothing is read.
    """
    if wanted.backend != "compiled":
        return None
    table = _table()
    return table.get(told(c, wanted.accuracy)) if table else None


def told(c: Contraction, accuracy: str) -> str:
    """What a contraction is called in the file."""
    from ..machine.native.store import key

    return key(c, accuracy)


def remember(found: Mapping[str, str | None]) -> None:
    """Keep strategies by what contractions are called; None forgets one. A new file takes the place of the last one."""
    from ..machine.native.folder import readable
    from ..machine.native.store import note

    name = _name()
    table = {told: strategy for told, strategy in (_read(name) | dict(found)).items() if strategy is not None}
    for folder in readable():
        for path in folder.glob(f"{name}-*{KIND}"):
            with suppress(OSError):
                path.unlink()
    note(json.dumps(dict(list(table.items())[-MOST:])), name, KIND)
    _table.cache_clear()


@lru_cache(1)
def _table() -> Mapping[str, str | None]:
    with process.loading:
        return _read(_name())


def _name() -> str:
    from ..machine.native.compiler import compiler
    from ..machine.native.searching import processor
    from ..machine.native.store import key

    return key("tuned", processor(), compiler())


def _read(name: str) -> dict[str, str | None]:
    from ..machine.native.store import find

    with suppress(OSError, ValueError, AttributeError):
        path = find(name, KIND)
        if path is not None:
            found = json.loads(path.read_text(encoding="utf-8"))
            return {str(told): str(strategy) for told, strategy in found.items()}
    return {}
