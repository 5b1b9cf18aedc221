"""What steps of recorded calls say of their arrays is so: rows by themselves, in place; what lies in memory when."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from gradscribe import generated, network
from gradscribe.generated.runtime.arguments.arrays import Array
from gradscribe.generated.runtime.arguments.traced import UNKNOWN, Uses
from gradscribe.generated.runtime.machine.memory import empty
from gradscribe.generated.runtime.machine.native.library import Placed, call_steps, packed
from gradscribe.generated.runtime.recording.layout import layout
from gradscribe.generated.runtime.recording.layout.values import Kind, Values
from gradscribe.generated.runtime.recording.trace import Step, Tracing
from tests.cases.thorough import some
from tests.cases.together import together

pytestmark = pytest.mark.usefixtures("compiled")

NETWORKS: dict[str, tuple[str, tuple[int, ...]]] = {
    "LeNet": ("", (32, 32, 1)),
    "Bottleneck": ("", (4, 4, 64)),
    "used_norms": (
        "input x[N, 6, 6, 4]; c: conv2d(8, 3, padding=1) -> n: group_norm(2) -> gelu -> l: layer_norm -> softmax",
        (6, 6, 4),
    ),
    "used_pools": (
        "input x[N, 9, 8, 5]; max_pool2d(3, 2, 1) -> elu -> avg_pool2d(2, 1) -> tanh -> b: batch_norm -> softplus",
        (9, 8, 5),
    ),
    "used_rows": ("input x[N, 7]; a: dense(40) -> tanh -> b: dense(16) -> silu -> c: dense(3) -> log_softmax", (7,)),
}


def made(name: str) -> Any:
    if not NETWORKS[name][0]:
        return getattr(generated, name)(rng=0)
    source = network(NETWORKS[name][0], name)
    return getattr(source.compile(), source.class_name)(rng=0)


def copies(arrays: Sequence[Array | None]) -> list[Array]:
    """Arrays of the same numbers, in memory row by row."""
    found = []
    for a in arrays:
        found.append(empty((1,), np.uint8) if a is None else empty(a.shape, a.dtype))
        if a is not None:
            found[-1][...] = a
    return found


def run(step: Step, arrays: Sequence[Array], first: int, end: int) -> None:
    """Some rows of a step, of these arrays."""
    places = []
    for k, (a, letter) in enumerate(zip(step.arrays, step.uses.letters, strict=True)):
        row = 0 if a is None or letter not in "warh" else a.nbytes // step.uses.rows
        places.append((-1, 0, 0) if a is None else (k, first * row, 0))
    numbers = (end - first, end - first, *step.numbers[2:])
    call_steps(*packed([[Placed(step.address, places, numbers, 1)]]), arrays)


def steps_of(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[Step]:
    """The steps of the calls of a network."""
    found: list[Step] = []
    kept = layout.Layout.__init__

    def noted(self: Any, given: Any, trace: Tracing, *others: Any) -> None:
        found.extend(trace.steps)
        kept(self, given, trace, *others)

    monkeypatch.setattr(layout.Layout, "__init__", noted)
    own = made(name)
    x = np.random.default_rng(4).standard_normal((3, *NETWORKS[name][1])).astype(np.float32)
    y = own(x)
    own.backward(np.ones_like(y))
    own.predict(x)
    assert len(own._recordings.found) == 3
    return iter(found)


@together("name", some(NETWORKS, 3, 1))
def test_rows_by_themselves(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = in_place = 0
    for step in steps_of(monkeypatch, name):
        rows, letters = step.uses.rows, step.uses.letters
        if not rows or not set(letters) & set("warh"):
            continue
        whole, parts = copies(step.arrays), copies(step.arrays)
        run(step, whole, 0, rows)
        elements = any(a is not None and a.nbytes // rows <= 8 for a in step.arrays)
        ends = [k // 64 * 64 if elements else k for k in (0, rows // 3, rows - 1)]  # vectors begin where they did
        for first, end in zip(ends, (*ends[1:], rows), strict=True):
            if first < end:
                run(step, parts, first, end)
        for one, other in zip(whole, parts, strict=True):
            np.testing.assert_array_equal(one, other)
        tried += 1
        for k, a in enumerate(step.arrays):
            target = next((n for n, letter in enumerate(letters) if letter == "w"), None)
            if a is None or letters[k] != "h" or target is None or whole[target].nbytes != a.nbytes:
                continue
            same = copies(step.arrays)
            same[target] = same[k]
            run(step, same, 0, rows)
            np.testing.assert_array_equal(same[k].reshape(-1), whole[target].reshape(-1))
            in_place += 1
    assert tried >= 3
    assert in_place or name in ("Bottleneck", "used_norms")  # their rows are added up besides


def trace_of(*steps: tuple[str, Sequence[Array]]) -> Tracing:
    """A trace of steps that use whole arrays so."""
    trace = Tracing()
    for letters, arrays in steps:
        trace.steps.append(Step(0, tuple(arrays), (1,), 1, Uses(letters) if letters else UNKNOWN))
        for a in arrays:
            trace.made.setdefault(id(a), a)
    return trace


def test_memory_that_is_written_anew_is_another_value() -> None:
    given, a, b, result = (np.zeros(32, np.float32) for _ in range(4))
    trace = trace_of(("w-", (a, given)), ("w-", (b, a)), ("*-", (a, b)), ("w-", (result, a)))
    del trace.made[id(given)]
    values = Values([given], trace, [result], [])
    numbers = [[r.value for r in used if r is not None] for used in values.used]
    (one, _), (other, read_one), (again, read_other), (_, read_again) = numbers
    assert (read_one, read_other, read_again) == (one, other, again)
    assert one != again
    kinds = [values.found[k].kind for k in (numbers[0][1], one, other, again, numbers[3][0])]
    assert kinds == [Kind.GIVEN, Kind.SHARED, Kind.SHARED, Kind.SHARED, Kind.NEW]


@pytest.mark.parametrize("letters", ["a-", "wh", "?-", ""])
def test_memory_whose_content_counts_is_the_same_value(letters: str) -> None:
    given, a, result = (np.zeros(32, np.float32) for _ in range(3))
    second = (a, a) if letters == "wh" else (a, given)
    trace = trace_of(("w-", (a, given)), (letters, second), ("w-", (result, a)))
    del trace.made[id(given)]
    numbers = [[r.value for r in used if r is not None] for used in Values([given], trace, [result], []).used]
    assert numbers[0][0] == numbers[1][0] == numbers[2][1]


def test_parts_that_are_written_one_by_one_are_one_value() -> None:
    given, a, result = (np.zeros(32, np.float32) for _ in range(3))
    trace = trace_of(("w-", (a, given)), ("w-", (a[:20], given)), ("w-", (a[20:], given)), ("w-", (result, a)))
    trace.made = {id(a): a, id(result): result}
    values = Values([given], trace, [result], [])
    numbers = [[r.value for r in used if r is not None] for used in values.used]
    assert numbers[1][0] == numbers[2][0] == numbers[3][1]


def test_what_is_held_stays_and_what_is_whole_numbers_has_its_own_memory() -> None:
    given, held, result, temporary = (np.zeros(32, np.float32) for _ in range(4))
    numbers = np.zeros(32, np.int32)
    trace = trace_of(
        ("w-", (held, given)), ("w-", (numbers, held)), ("w-", (temporary, numbers)), ("w-", (result, temporary))
    )
    del trace.made[id(given)]
    values = Values([given], trace, [result, held], [held])
    kinds = {id(v.whole): v.kind for v in values.found}
    assert [kinds[id(a)] for a in (held, numbers, temporary, result)] == [Kind.KEPT, Kind.KEPT, Kind.SHARED, Kind.NEW]
