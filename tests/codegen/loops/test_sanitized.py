"""The tests of compiled passes and windows once more, with every address and every number checked."""

from pathlib import Path

import pytest

from tests.cases.run_loops import COMPILED
from tests.cases.sanitizers import sanitized

pytestmark = [COMPILED, pytest.mark.thorough]
FILES = (
    *("test_random_passes.py", "test_passes.py", "test_long_rows.py", "test_compiled.py", "test_sums_of_elements.py"),
    "test_at_labels.py",
)


@pytest.mark.parametrize("file", FILES)
def test_sanitizers_find_nothing(file: str, tmp_path: Path) -> None:
    quiet = "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"
    done = sanitized(("-m", "pytest", *quiet, "-m", "not oracle", str(Path(__file__).with_name(file))), tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert " passed" in done.stdout
