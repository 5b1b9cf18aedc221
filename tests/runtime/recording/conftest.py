"""A compiler where a test needs one, and settings by which every call is recorded."""

from collections.abc import Iterator

import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.machine.native import library


@pytest.fixture
def compiled() -> Iterator[None]:
    """Calls are recorded whatever their size; skips a test where there is no compiler."""
    if not library.available():
        pytest.skip("no C compiler here")
    with rt.settings(backend="compiled"):
        yield
