"""Where compiled functions are kept: a folder of the user's own."""

import os
import sys
import tempfile
from functools import cache
from pathlib import Path


@cache
def folder() -> Path:
    """The folder; it is made where it does not exist."""
    given = os.environ.get("GRADSCRIBE_CACHE")
    if given:
        found = Path(given)
    elif sys.platform == "darwin":
        found = Path.home() / "Library/Caches/gradscribe"
    else:
        found = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gradscribe"
    try:
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=found):
            return found
    except OSError:
        return Path(tempfile.mkdtemp(prefix="gradscribe-"))
