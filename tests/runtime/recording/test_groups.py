"""Steps that go on with each other piece by piece: to the bit what they compute one after the other."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from gradscribe import network
from gradscribe.generated.runtime.arguments.arrays import Array
from gradscribe.generated.runtime.arguments.traced import Uses
from gradscribe.generated.runtime.recording.layout import layout
from gradscribe.generated.runtime.recording.layout.groups import Group, alone, early, groups
from gradscribe.generated.runtime.recording.layout.in_place import in_place
from gradscribe.generated.runtime.recording.layout.values import Kind, Region, Value
from gradscribe.generated.runtime.recording.trace import Step
from tests.cases.thorough import some
from tests.cases.together import together

pytestmark = pytest.mark.usefixtures("compiled")

CHAINS = {
    "pool": ("input x[N, 24, 24, 8]; c: conv2d(32, 3, padding=1) -> relu -> p: max_pool2d(2)", (24, 24, 8)),
    "tanh": ("input x[N, 25, 23, 16]; c: conv2d(32, 3) -> tanh -> d: conv2d(16, 1) -> p: avg_pool2d(2)", (25, 23, 16)),
    "skip": ("input x[N, 20, 20, 32]; s: residual(a: conv2d(32, 3, padding=1) -> sigmoid) -> relu", (20, 20, 32)),
    "steps": (
        "input x[N, 31, 31, 16]; c: conv2d(32, 3, stride=2) -> gelu_tanh -> d: conv2d(48, 1) -> relu",
        (31, 31, 16),
    ),
    "gaps": ("input x[N, 20, 20, 16]; c: conv2d(32, 3, dilation=2) -> silu -> d: conv2d(32, 3) -> elu", (20, 20, 16)),
    "dense": ("input x[N, 96]; a: dense(512) -> relu -> b: dense(256) -> tanh -> c: dense(10)", (96,)),
    "few": (
        "input x[N, 40, 40, 3]; c: conv2d(6, 5) -> tanh -> p: max_pool2d(2) -> d: conv2d(10, 3) -> relu",
        (40, 40, 3),
    ),
}


SMALL = "skip", "dense", "few"
"""What is made of one of these piece by piece is no rows of vectors, or little."""


def computed(own: Any, x: Array) -> list[Array]:
    y = own(x)
    dx = own.backward(np.cos(np.arange(y.size, dtype=x.dtype)).reshape(y.shape))
    return [y.copy(), dx.copy(), *(g.copy() for g in own.grads.values()), own.predict(x)]


@together("name", some(CHAINS, 3, 1))
def test_chains(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, shape = CHAINS[name]
    source = network(text, f"grouped_{name}")
    module = source.compile()
    rng, several = np.random.default_rng(3), 0

    def noted(*given: Any) -> list[Group]:
        nonlocal several
        found = groups(*given)
        several += sum(len(group.members) > 1 for group in found)
        return found

    cases: list[tuple[Any, int, dict[str, Any]]] = [
        (np.float32, 5, {"threads": 2}),
        (np.float64, 3, {"threads": 3, "accuracy": "strict"}),
        (np.float32, 64, {"threads": 1, "accuracy": "strict"}),
    ]
    for dtype, batch, options in cases:
        x = rng.standard_normal((batch, *shape)).astype(dtype)
        results = []
        with module.rt.settings(backend="compiled", **options):
            for how in (noted, alone):
                monkeypatch.setattr(layout, "groups", how)
                own = getattr(module, source.class_name)(dtype=dtype, rng=0)
                results.append([computed(own, x) for _ in range(2)][1])
                assert len(own._recordings.found) == 3
        for one, other in zip(*results, strict=True):
            np.testing.assert_array_equal(one, other)
        with module.rt.settings(backend="numpy"):
            plain = getattr(module, source.class_name)(dtype=dtype, rng=0)(x)
        most = (2e-4 if dtype == np.float32 else 1e-9) * float(np.max(np.abs(plain)))
        for one in (results[0][0], results[0][-1]):
            np.testing.assert_allclose(one, plain, 0, most)
    assert several or name in SMALL


def test_what_nobody_else_reads_needs_no_memory() -> None:
    text = "input x[N, 24, 24, 16]; c: conv2d(32, 3, padding=1) -> r: relu -> d: conv2d(32, 3, padding=1) -> s: tanh"
    source = network(text, "grouped_memory")
    module = source.compile()
    own = getattr(module, source.class_name)(rng=0)
    with module.rt.settings(backend="compiled"):
        for _ in range(2):
            own.predict(np.ones((3, 24, 24, 16), np.float32))
    (found,) = (recording for _, _, recording in own._recordings.found)
    one = 3 * 24 * 24 * 32 * 4
    assert (found.shared, found.size) == (one, 0)  # of the second pair of sums and tanh there is the result alone


# ----- steps that are made up -----------------------------------------------------------------------------------------
def step(*used: tuple[int, str, int, int], rows: int = 0, piece: int = 0) -> tuple[Step, list[Region | None]]:
    """A step: of each array the value, the letter, where it begins and ends."""
    letters = "".join(letter for _, letter, _, _ in used)
    regions: list[Region | None] = [
        Region(value, low, low, high, letter, (high - low) // rows if rows and letter in "warh" else 0)
        for value, letter, low, high in used
    ]
    return Step(0, (None,) * len(used), (rows or 9, 1), 1, Uses(letters, rows, piece)), regions


def members(*steps: tuple[Step, list[Region | None]]) -> list[list[int]]:
    """The groups, by the numbers of their steps."""
    found = groups([one for one, _ in steps], [used for _, used in steps])
    order = [id(one) for one, _ in steps]
    return [[order.index(id(m.step)) for m in group.members] for group in found]


SUMS = step((0, "-", 0, 500), (1, "w", 0, 1600), piece=160)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((SUMS, step((2, "w", 0, 1600), (1, "h", 0, 1600), rows=20)), [[0, 1]]),
        ((SUMS, step((2, "w", 0, 400), (1, "r", 0, 1600), rows=10)), [[0, 1]]),
        ((SUMS, step((2, "w", 0, 400), (1, "r", 0, 1600), rows=5)), [[0], [1]]),  # rows of two pieces
        ((SUMS, step((2, "w", 0, 1600), (1, "-", 0, 1600), rows=20)), [[0], [1]]),  # any row reads any
        ((SUMS, step((0, "w", 0, 1600), (1, "h", 0, 1600), rows=20)), [[0], [1]]),  # the sums still read it
        ((SUMS, step((2, "w", 0, 1600), (1, "h", 0, 3200), rows=20)), [[0], [1]]),  # there is more to read
        ((SUMS, step((2, "*", 0, 1600), (1, "h", 0, 1600), rows=20)), [[0], [1]]),
        ((SUMS, step((1, "a", 0, 1600), (2, "r", 0, 1600), rows=20)), [[0, 1]]),  # in place
        (
            (
                SUMS,
                step((2, "w", 0, 1600), (1, "h", 0, 1600), rows=20),
                step((3, "w", 0, 400), (2, "r", 0, 1600), rows=10),
                step((4, "w", 0, 400), (3, "h", 0, 400), (5, "-", 0, 9), rows=10),
            ),
            [[0, 1, 2, 3]],
        ),
        (  # the second one reads other rows of what the first one goes on changing
            (
                SUMS,
                step((1, "a", 0, 1600), (5, "r", 0, 1600), rows=20),
                step((2, "w", 0, 1600), (1, "-", 0, 1600), (5, "r", 0, 1600), rows=20),
            ),
            [[0, 1], [2]],
        ),
        (  # rows from the front and from behind: each a part of what comes next
            (
                SUMS,
                step((2, "w", 0, 960), (1, "h", 0, 960), rows=12),
                step((2, "w", 960, 1600), (1, "h", 960, 1600), rows=8),
                step((3, "w", 0, 100), (2, "r", 0, 1600), rows=20),
            ),
            [[0, 1, 2, 3]],
        ),
        (  # rows of the second are those of the first, moved
            (
                SUMS,
                step((2, "w", 0, 1600), (1, "h", 0, 1600), (6, "w", 0, 1600), rows=20),
                step((3, "w", 0, 1520), (2, "r", 0, 1520), (6, "w", 80, 1600), rows=19),
            ),
            [[0, 1], [2]],
        ),
    ],
)
def test_what_goes_on_with_what(steps: tuple[Any, ...], expected: list[list[int]]) -> None:
    assert members(*steps) == expected


def test_what_stands_between_is_computed_before_if_it_can_be() -> None:
    small = step((7, "*", 0, 64), (8, "-", 0, 64))
    small = small[0]._replace(numbers=(1, 1)), small[1]
    goes_on = step((2, "w", 0, 1600), (1, "h", 0, 1600), (7, "-", 0, 64), rows=20)
    assert members(SUMS, small, goes_on) == [[1], [0, 2]]
    reads = small[0], [small[1][0], Region(1, 0, 0, 64, "-")]
    assert members(SUMS, reads, goes_on) == [[0], [1], [2]]


def values(number: int, kind: Kind = Kind.SHARED) -> list[Value]:
    return [Value(kind, 0, 1600, None) for _ in range(number)]


def placed(steps: Sequence[Any], change: Callable[[list[Group]], Any]) -> list[list[int]]:
    """The values that each step uses afterwards."""
    found = alone([one for one, _ in steps], [used for _, used in steps])
    change(found)
    return [[r.value for r in group.used] for group in found]


def test_what_is_computed_where_it_was_read() -> None:
    reads = step((2, "w", 0, 1600), (1, "h", 0, 1600))
    last = step((3, "w", 0, 1600), (2, "-", 0, 1600))
    assert placed((SUMS, reads, last), lambda g: in_place(g, values(4))) == [[0, 2], [2, 2], [3, 2]]
    again = step((3, "w", 0, 1600), (2, "-", 0, 1600), (1, "-", 0, 9))
    assert placed((SUMS, reads, again), lambda g: in_place(g, values(4))) == [[0, 1], [2, 1], [3, 2, 1]]
    assert placed((SUMS, reads, last), lambda g: in_place(g, values(4, Kind.KEPT))) == [[0, 1], [2, 1], [3, 2]]
    rows = step((2, "w", 0, 1600), (1, "r", 0, 1600), rows=20)  # of a row all may be read
    assert placed((SUMS, rows, last), lambda g: in_place(g, values(4))) == [[0, 1], [2, 1], [3, 2]]
    twice = step((2, "w", 0, 1600), (1, "h", 0, 1600), (1, "-", 0, 1600))
    assert placed((SUMS, twice, last), lambda g: in_place(g, values(4))) == [[0, 1], [2, 1, 1], [3, 2]]


def test_results_are_computed_as_soon_as_they_can_be() -> None:
    first, second = step((1, "*", 0, 64), (0, "-", 0, 64)), step((2, "*", 0, 64), (1, "-", 0, 64))
    result, other = step((3, "*", 0, 64), (1, "-", 0, 64)), step((4, "*", 0, 64), (2, "-", 0, 64))
    steps = (first, second, other, result)
    found = early(alone([one for one, _ in steps], [used for _, used in steps]), [3])
    assert [id(group.members[0].step) for group in found] == [id(one) for one, _ in (first, result, second, other)]
