"""What lies between the products of a recorded network: how much fusing it into them could save at most.

    python -m benchmarks.between [THREADS]

A step of a network is one call of C for its forward pass and one for its backward pass (docs/compiled.md). Here their
functions are called one by one: products (contractions in whatever way), and all else, such as biases, activations,
norms, additions of residuals and pools.
"""

import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from benchmarks.rows import Array, arrays, row
from benchmarks.shown import table
from benchmarks.sides import ours
from gradscribe.generated.runtime.machine.native import library, sources
from gradscribe.generated.runtime.recording import recording
from gradscribe.generated.runtime.recording.layout import layout
from gradscribe.generated.runtime.recording.layout.groups import alone

ROWS = (
    *("training: lenet5, step", "training: lenet, step"),
    *("training, deep: resnet20, step", "training, deep: vgg11, step"),
    *("inference: lenet, predict", "inference: resnet20, predict", "inference: vgg11, predict"),
)
PRODUCTS = sources.CONTRACTION, sources.DOTS, sources.FOLD, sources.WINOGRAD, sources.WINOGRAD_SUMS
ROUNDS = 9

Step = tuple[bytes, int, int]
"""A step as bytes: the program that it belongs to, its number there, and its function."""


class Watch:
    """Calls the steps of recorded calls one by one.

    Attributes:
        least: the least seconds of each step.
        watching: whether steps are timed; else they are called at once, as ever.
    """

    def __init__(self) -> None:
        self.least: dict[Step, float] = {}
        self.watching = True
        self._products: set[int] = set()
        made = library.made.__wrapped__

        def noted(text: str, definitions: Any) -> Any:
            found = made(text, definitions)
            if found is not None and text.endswith(PRODUCTS):
                self._products.add(found.address)
            return found

        library.made = lru_cache(512)(noted)
        vars(recording)["call_steps"] = self._call
        vars(layout)["groups"] = alone  # what goes on with products would count as a part of them

    def _call(self, steps: bytes, count: int, objects: Sequence[Array]) -> None:
        if not self.watching:
            library.call_steps(steps, count, objects)
            return
        for number, (address, one) in enumerate(_single(steps)):
            start = time.perf_counter()
            library.call_steps(one, 0, objects)  # what a call takes without a step
            middle = time.perf_counter()
            library.call_steps(one, 1, objects)
            taken = max(0.0, time.perf_counter() - middle - (middle - start))
            step = steps, number, address
            self.least[step] = min(taken, self.least.get(step, taken))

    def milliseconds(self) -> tuple[float, float]:
        """Of all products, and of all else."""
        sums = [0.0, 0.0]
        for (_, _, address), taken in self.least.items():
            sums[address not in self._products] += taken * 1e3
        return sums[0], sums[1]


def _single(steps: bytes) -> Iterator[tuple[int, bytes]]:
    """The function of each step, and the step as a group of one, see templates/c/pool.c."""
    numbers = struct.unpack(f"{len(steps) // 8}q", steps)
    start = 0
    while start < len(numbers):
        _, _, address, _, read, others = numbers[start : start + 6]
        end = start + 9 + 3 * read + others
        yield address, struct.pack(f"{end - start}q", *numbers[start:end])
        start = end


def _least(call: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def main() -> None:
    """Print the table, in Markdown: float32, this machine."""
    ours.start(int(sys.argv[1]) if len(sys.argv) > 1 else 1, "compiled", "fast")
    watch = Watch()
    found = []
    for name in ROWS:
        wanted = row(name)
        call = ours.prepare(wanted, arrays(wanted.layer, "float32")).call
        call()
        watch.least.clear()
        watch.watching = True
        _least(call)
        watch.watching = False
        products, rest = watch.milliseconds()
        whole = _least(call)
        found.append([name, f"{whole:.2f}", f"{products:.2f}", f"{rest:.2f}", f"{100 * rest / whole:.0f} %"])
    print(table(["row", "all, ms", "products, ms", "between, ms", "share"], found))


if __name__ == "__main__":
    main()
