"""Memory is used again once no array lies in it, and never before."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.machine import allocator
from gradscribe.generated.runtime.machine.allocator import LEAST, MOST, Allocator

pytestmark = pytest.mark.skipif(not allocator.COUNTED, reason="this Python does not count who holds an object")

EXTENTS = (3, LEAST)


@pytest.fixture(autouse=True)
def anew() -> None:
    rt.release()


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_what_nobody_holds_is_used_again() -> None:
    first = rt.empty(EXTENTS, np.float32)
    where = address(first)
    assert address(rt.empty(EXTENTS, np.float32)) != where
    del first
    assert address(rt.empty(EXTENTS, np.float32)) == where


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[1:2, ::7],
        lambda a: a.reshape(-1).T,
        memoryview,
        lambda a: np.asarray(memoryview(a)),
        lambda a: a.view(np.uint8)[..., 5:],
        lambda a: [a],
        iter,
    ],
)
def test_whatever_still_reads_it_holds_it(view: object) -> None:
    array = rt.empty(EXTENTS, np.float32)
    where, held = address(array), view(array)  # type: ignore[operator]
    del array
    gc.collect()
    others = [rt.empty(EXTENTS, np.float32) for _ in range(3)]
    assert where not in map(address, others)
    del held
    assert address(rt.empty(EXTENTS, np.float32)) == where


def test_no_array_is_overwritten_while_it_lives() -> None:
    rng = np.random.default_rng(0)
    alive: list[tuple[int, np.ndarray]] = []
    for number in range(300):
        array = rt.empty((int(rng.integers(1, 4)), LEAST), np.float32)
        array.fill(number)
        alive.append((number, array[:, ::3] if number % 2 else array))
        if len(alive) > 12:
            alive.pop(int(rng.integers(len(alive))))
        assert all((found == filled).all() for filled, found in alive[:: max(1, len(alive) // 3)])


def test_threads_have_rooms_of_their_own() -> None:
    def use(number: int) -> bool:
        array = rt.filled(EXTENTS, number, np.float32)
        return bool((array == number).all())

    with ThreadPoolExecutor(4) as executor:
        assert all(executor.map(use, range(200)))
        far = [future.result() for future in [executor.submit(rt.filled, EXTENTS, k, np.float32) for k in range(8)]]
        assert all(executor.map(use, range(50)))
    assert [array[0, 0] for array in far] == list(range(8))


def test_so_many_bytes_are_kept_and_no_more() -> None:
    rooms = Allocator()
    held = [rooms.room(MOST // 8 + k) for k in range(20)]
    assert rooms.size <= MOST
    assert len({address(room) for room in held}) == len(held)
    small, large = rooms.room(LEAST - 1), rooms.room(MOST // 2 + 1)
    assert rooms.size <= MOST
    assert small.size == LEAST - 1
    assert large.size == MOST // 2 + 1


def test_it_is_given_back() -> None:
    array = rt.empty(EXTENTS, np.float32)
    array.fill(3)
    rt.release()
    assert address(rt.empty(EXTENTS, np.float32)) != address(array)
    assert (array == 3).all()
