"""Where values lie that share a memory: those that are needed at once apart."""

from itertools import combinations
from threading import Thread

import numpy as np

from gradscribe.generated.runtime.recording.layout.arena import Arena, Need, arranged
from gradscribe.generated.runtime.recording.layout.values import LINE


def test_values_that_are_needed_at_once_lie_apart() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        number = int(rng.integers(0, 25))
        spans = np.sort(rng.integers(0, 12, (number, 2)))
        sizes = rng.choice([0, 4, 60, 64, 65, 1000, 4096], number)
        needs = {k: Need(int(sizes[k]), *map(int, spans[k])) for k in range(number)}
        places, size = arranged(needs)
        assert places.keys() == needs.keys()
        assert all(at % LINE == 0 and at + needs[k].size <= size for k, at in places.items())
        for (k, one), (m, other) in combinations(needs.items(), 2):
            together = one.first <= other.last and other.first <= one.last
            apart = places[k] + one.size <= places[m] or places[m] + other.size <= places[k]
            assert apart or not together
        at_once = [sum(need.size for need in needs.values() if need.first <= t <= need.last) for t in range(12)]
        assert max(at_once) <= size <= sum(-(-need.size // LINE) * LINE for need in needs.values())


def test_a_chain_needs_two_places() -> None:
    needs = {k: Need(640, k, k + 1) for k in range(9)}
    assert arranged(needs)[1] == 2 * 640


def test_to_find_places_goes_with_the_number_of_values() -> None:
    """Each is compared with those that are needed about when it is, not with all; a few are needed all the time."""
    started, compared = 5_000, [0]

    class Counted(int):
        def __le__(self, other: int) -> bool:
            compared[0] += 1
            return int(self) <= int(other)

    needs = {k: Need(640, Counted(k), Counted(k + 1)) for k in range(started)}
    needs |= {started + k: Need(64, Counted(0), Counted(started)) for k in range(3)}
    assert arranged(needs)[1] == 2 * 640 + 3 * 64
    assert compared[0] < 200 * started


def test_who_finds_the_memory_taken_has_another_one() -> None:
    arena = Arena()
    first = arena.take(100)
    other = arena.take(100)
    assert not np.may_share_memory(first, other)
    arena.give(other)
    arena.give(first)
    again = arena.take(50)
    assert again is first
    assert arena.size == 100
    arena.give(again)
    larger = arena.take(1000)
    assert (larger.nbytes, arena.size) == (1000, 1000)
    found: list[bool] = []
    thread = Thread(target=lambda: found.append(arena.take(10) is larger))
    thread.start()
    thread.join()
    assert found == [False]
    arena.give(larger)
