"""A compiler where a test needs one, and calls that are recorded at once."""

from collections.abc import Callable
from types import ModuleType

import pytest

from gradscribe.generated import runtime
from gradscribe.generated.runtime.machine.native import library
from tests.runtime.rooms import set_in_all


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], None]:
    """The first call of a kind is recorded, of other runtimes where asked; skips a test where there is no compiler."""
    if not library.available():
        pytest.skip("no C compiler here")

    def recorded_by(other: ModuleType) -> None:
        set_in_all(monkeypatch, "CALLS", 1, of=other)

    recorded_by(runtime)
    return recorded_by
