"""The C compiler of this machine; what looks for it is loaded when it is asked for."""

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from ..process import process

if TYPE_CHECKING:  # with all that it needs it takes as long to load as the rest of the runtime
    from .searching import Compiler, Search


def compiler() -> "Compiler | None":
    """The compiler; None where there is none."""
    return search().found


def search() -> "Search":
    """What has been found: $CC alone where that is set, else cc, gcc, clang, or zig of Python's package ziglang.

    It is looked for once for what the environment says; what a compiler says of itself is kept on disk.
    """
    return _search(os.environ.get("CC", ""), os.environ.get("PATH", ""))


@lru_cache(8)
def _search(given: str, path: str) -> "Search":
    with process.loading:
        from .searching import search as found

    return found(given, path)
