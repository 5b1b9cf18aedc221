"""Golden files, which a test compares byte for byte; what a run leaves out, and that it is not even loaded then."""

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
ORACLES = Path(__file__).parent / "oracles"
"""Where all tests are marked as such."""
COMPILED = Path(".pytest_cache") / "compiled"
"""Where tests keep what they compile, from one run to the next."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew instead of comparing")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files out by -m: loading PyTorch, Keras and ONNX takes longer than collecting all tests without them."""
    if config.option.markexpr == "not oracle":
        return True if collection_path == ORACLES else None
    if config.option.markexpr == "oracle" and collection_path.suffix == ".py":
        return True if "mark.oracle" not in collection_path.read_text(encoding="utf-8") else None
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Golden files are all written anew, whatever a run tries; SymPy's small objects are collected less often.

    Tests have a cache of compiled functions of their own; that of the user is never touched.
    """
    gc.set_threshold(200_000, 50, 200)
    if config.option.update_golden:
        os.environ["GRADSCRIBE_THOROUGH"] = "1"  # before a test is loaded: its cases are chosen then
    if not hasattr(config, "workerinput"):  # the workers of one run share it
        folder = config.rootpath / COMPILED
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.rglob("*.txt"):  # what compilers refused in another run
            path.unlink(missing_ok=True)
        os.environ["GRADSCRIBE_CACHE"] = str(folder)


def pytest_collection_finish() -> None:
    """What all tests share stays until the end: nothing is gained by looking through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only a thorough run tries, unless it is asked for: `-m thorough`."""
    from tests.cases.thorough import THOROUGH

    if THOROUGH or "thorough" in config.option.markexpr:
        return
    left_out = {item.nodeid for item in items if item.get_closest_marker("thorough")}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
    items[:] = [item for item in items if item.nodeid not in left_out]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """A function that compares a text with the golden file of that name."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing; run pytest --update-golden and read what it wrote"
        assert text == path.read_text(encoding="utf-8")

    return compare
