"""Folders that files are written to, disks that fail, and a small layer to write."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gradscribe import layer
from gradscribe.derive.layer.interface import Layer


def contents(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in folder.rglob("*") if p.is_file()}


def own(name: str, text: str = "y[n] = x[n]^2") -> Layer:
    return layer(text, name)


def failing_after(calls: int, real: Any, failure: Callable[[], Any]) -> Any:
    """The function, until it has been called so often; then `failure` once."""
    count = iter(range(10**6))

    def step(*arguments: Any, **options: Any) -> Any:
        if next(count) == calls:
            failure()
        return real(*arguments, **options)

    return step


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
