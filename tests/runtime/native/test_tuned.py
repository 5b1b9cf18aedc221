"""Strategies that have been measured: what is kept, and that nothing else decides."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.conv2d import conv2d_forward
from gradscribe.generated.runtime.contractions import choice, tuned
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.contractions.ways import Way, resolved
from tests.runtime.rooms import forget_plans

pytestmark = pytest.mark.usefixtures("compiles")
RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((2, 30, 30, 16), np.float32), RNG.standard_normal((3, 3, 16, 16), np.float32)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the compiler's answers are kept for all these tests."""
    return tmp_path_factory.mktemp("tuned")


@pytest.fixture(autouse=True)
def cache(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing has been measured."""
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(place))
    for path in place.glob(f"*{tuned.KIND}"):
        path.unlink()
    tuned._table.cache_clear()
    forget_plans()
    yield place
    tuned._table.cache_clear()
    forget_plans()


def contraction() -> Contraction:
    found: list[Contraction] = []

    def observe(c: Contraction, compute: Callable[[Way], None]) -> None:
        found.append(c)
        compute(choice.choice(c, rt.current()))

    with choice.observing(observe):
        conv2d_forward(X, W, padding=1)
    return found[0]


def chosen(c: Contraction, **settings: str) -> str:
    with rt.settings(**{"backend": "compiled", **settings}):  # type: ignore[arg-type]  # texts all of them
        return choice.choice(c, rt.current()).strategy.name


def test_what_is_kept_is_taken_and_forgotten() -> None:
    c = contraction()
    with rt.settings(backend="compiled"):
        first, *others = [way.strategy.name for way in choice.ways(c, rt.current())]
    told, strict = tuned.told(c, "fast"), chosen(c, accuracy="strict")
    assert chosen(c) == first
    for name in others:
        tuned.remember({told: name})
        assert chosen(c) == name
        assert chosen(c, strategy=first) == first
        assert chosen(c, accuracy="strict") == strict
        forget_plans()
        with rt.settings(backend="compiled"):
            np.testing.assert_allclose(
                conv2d_forward(X, W, padding=1), expected := _expected(), atol=1e-5 * np.abs(expected).max()
            )
    tuned.remember({told: None})
    assert chosen(c) == first


def _expected() -> np.ndarray:
    with rt.settings(backend="numpy", accuracy="strict"):
        return conv2d_forward(X, W, padding=1)


def test_a_name_that_is_none_changes_nothing() -> None:
    c = contraction()
    first = chosen(c)
    tuned.remember({tuned.told(c, "fast"): "no such strategy"})
    assert chosen(c) == first


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"a": {"b": 1}}', "\xff"])
def test_a_damaged_file_is_none(text: str, cache: Path) -> None:
    c = contraction()
    first = chosen(c)
    tuned.remember({tuned.told(c, "fast"): "matrix"})
    (file,) = cache.glob(f"*{tuned.KIND}")
    file.write_text(text, encoding="latin-1")
    tuned._table.cache_clear()
    assert chosen(c) == first


def test_there_is_one_file_for_all(cache: Path) -> None:
    for number in range(5):
        tuned.remember({f"c{number}": "matrix"})
    assert len(list(cache.glob(f"*{tuned.KIND}"))) == 1
    tuned._table.cache_clear()
    assert set(tuned._table()) == {f"c{number}" for number in range(5)}


def test_numpy_reads_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    c = contraction()
    with monkeypatch.context() as patch, rt.settings(backend="numpy"):
        patch.setattr(tuned, "_table", lambda: pytest.fail("nothing is read"))
        assert tuned.measured(c, resolved(c, rt.current())) is None
        choice.choice(c, rt.current())
