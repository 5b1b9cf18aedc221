"""Caches of a test's own, and a compiler where a test needs one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gradscribe.generated.runtime.machine.native import compiler, folder, library, objects


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache that does not exist yet; nothing is remembered of others."""
    place = tmp_path / "cache"
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(place))
    monkeypatch.setattr(objects, "failures", {})
    forget()
    yield place
    forget()


@pytest.fixture
def compiles() -> None:
    """Skips a test where there is no compiler."""
    if not library.available():
        pytest.skip("no C compiler here")


def forget() -> None:
    for kept in (compiler._search, library.made, folder._private):
        kept.cache_clear()
