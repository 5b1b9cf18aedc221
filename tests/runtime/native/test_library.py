"""Functions in C: what they compute, when they are compiled, and what happens when they cannot be."""

import gc
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.machine.ahead import Definitions
from gradscribe.generated.runtime.machine.native import compiler, library, objects, running, store
from tests.runtime.native.conftest import forget
from tests.runtime.native.texts import DOUBLED, ROOT, SUMS, TEAM, counting, runs

pytestmark = pytest.mark.usefixtures("compiles")
FLOATS = (("FLOAT", "float"), ("FACTOR", 3))
BROKEN = "this is no C, whatever {number} says\n"


def made(text: str, definitions: Definitions = ()) -> library.Kernel:
    found = library.kernel(text, definitions)
    assert found is not None, objects.failures
    return found


@pytest.mark.parametrize(("word", "dtype"), [("float", np.float32), ("double", np.float64)])
@pytest.mark.parametrize("factor", [-2, 0, 3])
def test_it_computes(word: str, dtype: Any, factor: int) -> None:
    kernel = made(DOUBLED, (("FLOAT", word), ("FACTOR", factor)))
    x, b = np.linspace(-1, 1, 37).astype(dtype), np.asarray(5, dtype)
    x.flags.writeable = b.flags.writeable = False
    y = np.empty_like(x)
    kernel([x, y, None], [x.size], 1)
    np.testing.assert_array_equal(y, dtype(factor) * x)
    kernel((x, y, b), (20,), 4)
    np.testing.assert_allclose(y[:20], dtype(factor) * x[:20] + 5, rtol=1e-6)
    np.testing.assert_array_equal(y[20:], dtype(factor) * x[20:])


def test_the_same_is_one_function() -> None:
    assert made(DOUBLED, FLOATS) is made(DOUBLED, FLOATS)
    assert made(DOUBLED, FLOATS) is not made(DOUBLED, (("FLOAT", "float"), ("FACTOR", 4)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("float", 1), ("", 1), ("A B", 1), ("A(x)", 1), ("A\n", 1), ("É", 1), ("1A", 1), ("_A", 1), ("A" * 65, 1),
        ("A", "1"), ("A", ""), ("A", "a b"), ("A", "a;"), ("A", 'a"'), ("A", "a\n#include <x>"), ("A", "a\\"),
        ("A", "é"), ("A", 1.5), ("A", None), ("A", 1 << 63), ("A", -(1 << 63)), ("A", "a" * 65), ("A", ("a",)),
    ],
)  # fmt: skip
def test_definitions_are_names_and_numbers_or_words(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="expected a NAME in capitals") as error:
        library.kernel(DOUBLED, ((name, value),))
    assert len(str(error.value)) < 250


def test_definitions_as_lines_of_c() -> None:
    given = (("A", 1), ("B_2", -7), ("C", "float"), ("D", (1 << 63) - 1), ("E", True))
    assert library.defined(given) == (
        "#define A 1\n#define B_2 (-7)\n#define C float\n#define D 9223372036854775807\n#define E 1\n"
    )


GIVEN = (
    TEAM
    + """
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    long *given = arrays[0];
    for (long k = 0; k < numbers[0]; k++)
        given[k] = (long)arrays[k];
    given[numbers[0]] = team->threads;
    for (long k = 0; k < numbers[0]; k++)
        given[numbers[0] + 1 + k] = numbers[k];
}
"""
)
"""What it was given."""


def test_addresses_are_numpys() -> None:
    kernel, whole, given = made(GIVEN), np.arange(120.0).reshape(2, 3, 4, 5), np.zeros(40, int)
    read_only = np.frombuffer(b"12345678", np.uint8)
    others = [whole, whole[1:], whole[:, ::-1], whole.T, whole[..., 2], whole[0, 0, 0], np.asarray(3), read_only]
    others += [np.ma.ones(3), np.empty(0), np.empty((2, 0), ">i4"), np.zeros(2, "S3")]
    arrays = [given, None, *others, None]
    numbers = [len(arrays), -1, (1 << 63) - 1, -(1 << 63), 0, *range(len(arrays) - 5)]
    kernel(arrays, numbers, 7)
    expected = [0 if array is None else array.__array_interface__["data"][0] for array in arrays]
    assert given[: 2 * len(arrays) + 1].tolist() == [*expected, 7, *numbers]


@pytest.mark.parametrize("numbers", [(1 << 63,), (1.5,), ("1",), (None,)])
def test_numbers_are_whole_and_have_64_bits(numbers: Any) -> None:
    with pytest.raises(struct.error):
        made(GIVEN)([np.zeros(9, int)], numbers, 1)


def test_where_arrays_are_built_otherwise_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert library.known()
    monkeypatch.setattr(library, "HEAD", object.__basicsize__ + 8)
    assert not library.known.__wrapped__()
    monkeypatch.setattr(library, "known", lambda: False)
    assert library._pool.__wrapped__() is None


# ----- what is kept ---------------------------------------------------------------------------------------------------
def test_a_text_is_compiled_once_for_a_machine(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, notes = counting(tmp_path)
    monkeypatch.setenv("CC", str(named))
    assert compiler.compiler()

    before = len(runs(notes))
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: library.kernel(DOUBLED, FLOATS), range(8)))
    assert None not in found
    assert len(runs(notes)) == before + 1
    forget()
    made(DOUBLED, FLOATS)
    assert len(runs(notes)) == before + 1
    (path,) = (path for path in cache.glob("*.so") if b"kernel" in path.read_bytes())
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.unlink()  # what this process has loaded stays as it is
    path.write_bytes(half)
    forget()
    x, y = np.ones(3, np.float32), np.empty(3, np.float32)
    made(DOUBLED, FLOATS)([x, y, None], [3], 1)
    assert y.tolist() == [3, 3, 3]
    assert len(runs(notes)) == before + 2


def test_what_is_made_is_the_same_everywhere(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made(DOUBLED, FLOATS)
    first = sorted(path.name for path in cache.glob("*.so"))
    assert first
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(tmp_path / "another"))
    forget()
    made(DOUBLED, FLOATS)
    assert sorted(path.name for path in (tmp_path / "another").glob("*.so")) == first


def test_one_that_is_removed_goes_on(cache: Path) -> None:
    kernel = made(DOUBLED, (("FLOAT", "float"), ("FACTOR", 11)))
    for path in cache.glob("*.so"):
        path.unlink()
    gc.freeze()  # what other tests keep is much, and nobody looks for it here
    gc.collect()
    gc.unfreeze()
    y = np.empty(1, np.float32)
    kernel([np.ones(1, np.float32), y, None], [1], 1)
    assert y[0] == 11


def test_one_that_is_removed_before_it_is_loaded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "find", lambda name, suffix: cache / "gone.so")
    made(DOUBLED, (("FLOAT", "float"), ("FACTOR", 13)))


APART = """
import sys
import numpy as np
from gradscribe.generated.runtime.machine.native import library
from tests.runtime.native.texts import DOUBLED
y = np.empty(1)
for factor in range(2, 6):
    library.kernel(DOUBLED, (("FLOAT", "double"), ("FACTOR", factor)))([np.ones(1), y, None], [1], 1)
    print(int(y[0]), end=" ")
"""


def test_processes_that_compile_the_same_at_once(cache: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [subprocess.Popen([sys.executable, "-c", APART], env=env, stdout=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].decode() for process in started]
    assert said == ["2 3 4 5 "] * 2
    assert len(list(cache.glob("*.so"))) == 5
    assert not list(cache.glob(f"{store.UNFINISHED}*"))


@pytest.mark.parametrize("place", ["/dev/null/none", "open"])
def test_without_a_cache_everything_works(place: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    (cache / "open").mkdir()
    (cache / "open").chmod(0o777)
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(cache / place))
    y = np.empty(1, np.float32)
    made(DOUBLED, (("FLOAT", "float"), ("FACTOR", 12)))([np.ones(1, np.float32), y, None], [1], 1)
    assert y[0] == 12
    assert list((cache / "open").iterdir()) == []


# ----- what fails -----------------------------------------------------------------------------------------------------
def test_what_cannot_be_compiled_is_tried_once(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, notes = counting(tmp_path)
    monkeypatch.setenv("CC", str(named))
    assert compiler.compiler()
    before = len(runs(notes))
    assert library.kernel(BROKEN) is None
    library.made.cache_clear()
    assert library.kernel(BROKEN) is None
    assert len(runs(notes)) == before + 1
    (said,) = objects.failures.values()
    assert "kernel.c:1" in said
    assert len(said.splitlines()) <= 8
    assert store.texts(objects.FAILED) == [said]
    assert not list(cache.glob("*.so"))
    assert not list(cache.glob(f"{store.UNFINISHED}*"))


def test_a_failure_is_forgotten_when_it_is_none_any_more(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> str:
        raise running.Failure("no space left")

    assert compiler.compiler()
    with monkeypatch.context() as patch:
        patch.setattr(objects, "run", fails)
        assert library.kernel(DOUBLED, FLOATS) is None
    assert store.texts(objects.FAILED) == ["no space left"]
    forget()
    objects.failures.clear()
    made(DOUBLED, FLOATS)
    assert store.texts(objects.FAILED) == []


def test_a_text_without_a_kernel(cache: Path) -> None:
    assert library.kernel("int other(void);\nint other(void)\n{\n    return 1;\n}\n") is None
    (said,) = objects.failures.values()
    assert "kernel" in said


def test_without_a_compiler_there_is_none(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert library.kernel(DOUBLED, FLOATS) is None


def test_memory_that_there_is_not() -> None:
    kernel = made(SUMS)
    with pytest.raises(MemoryError, match="compiled function"):
        kernel([np.ones(1), np.ones(1)], [1, 1 << 58], 1)
    with pytest.raises(MemoryError):
        kernel([np.ones(1), np.ones(1)], [4, 1 << 58], 2)
    sums = np.empty(2)
    kernel([np.ones((2, 3)), sums], [2, 3], 2)
    assert sums.tolist() == [3, 3]


RESIDENT = (
    TEAM
    + """
#include <string.h>

void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    char *memory = team->scratch((size_t)numbers[0]);
    if (memory)
        memset(memory, 1, (size_t)numbers[0]);
    *(char **)arrays[0] = memory;
}
"""
)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is told elsewhere")
def test_memory_is_kept_for_the_next_call_and_given_back() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    kernel, size, place = made(RESIDENT), 64 << 20, np.zeros(1, np.uint64)
    kernel([place], [size], 1)
    places = set()
    for _ in range(3):
        kernel([place], [size], 1)
        places.add(int(place[0]))
        assert place[0] % 64 == 0
    assert len(places) == 1
    before = resident()
    rt.release()
    assert resident() < before - size // 2
    kernel([place], [100], 1)
    assert place[0] % 64 == 0
