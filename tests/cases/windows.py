"""Random shapes and options of layers that move windows over one, two or three spatial axes, and plain loops."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from gradscribe.derive.catalogue.layers import LAYERS

Array = np.ndarray


@cache
def module(name: str) -> Any:
    """The functions and the class of a layer of the catalogue."""
    return import_module(f"gradscribe.generated.{name}")


def layer_class(name: str) -> Any:
    return getattr(module(name), LAYERS[name]().class_name)


def layer(name: str, *features: Any, weights: Any = None, **options: Any) -> Any:
    """An object of the layer's class, with the given weights by name."""
    if weights is None:
        return layer_class(name)(*features, **options)
    flags = {} if "b" in weights or not LAYERS[name]().program.tensors["b"].optional else {"bias": False}
    found = layer_class(name)(*features, **options, **flags, dtype=next(iter(weights.values())).dtype, rng=0)
    assert {k: v.shape for k, v in found.params.items()} == {k: v.shape for k, v in weights.items()}
    found.params.update(weights)
    return found


@dataclass(frozen=True)
class Windows:
    """Extents of the input, and the options of a window, per axis."""

    extents: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    ceil_mode: bool = False

    @property
    def options(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    @property
    def symmetric(self) -> bool:
        return all(start == end for start, end in self.padding)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many windows there are, counted one by one."""
        return tuple(self._count(axis) for axis in range(len(self.extents)))

    def _count(self, axis: int) -> int:
        start, end = self.padding[axis]
        extent, step = self.extents[axis], self.stride[axis]
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        count = 0
        while count * step + reach <= extent + start + end:
            count += 1
        partial = count and (count - 1) * step + reach < extent + start + end and count * step < extent + start
        return count + int(bool(self.ceil_mode and partial))

    def seen(self, place: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """What the window at `place` sees: number within the window and position, also outside the input."""
        for number, tap in enumerate(np.ndindex(*self.kernel)):
            axes = zip(place, tap, self.stride, self.dilation, self.padding, strict=True)
            yield number, tuple(s * i + d * r - p for i, r, s, d, (p, _) in axes)

    def inside(self, position: tuple[int, ...]) -> bool:
        return all(0 <= q < extent for q, extent in zip(position, self.extents, strict=True))

    def padded(self, position: tuple[int, ...]) -> bool:
        """Whether a position lies in the input or in its padding."""
        axes = zip(position, self.extents, self.padding, strict=True)
        return all(-start <= q < extent + end for q, extent, (start, end) in axes)


def random_windows(rng: np.random.Generator, rank: int, *, pool: bool = False, most: int = 7) -> Windows:
    """Random windows of which at least one fits; those of a `pool` are padded by half of the kernel at most."""
    while True:
        extents, kernel, stride, dilation = (
            tuple(int(v) for v in rng.integers(1, high + 1, size=rank)) for high in (most, 4 if rank < 3 else 3, 3, 3)
        )
        if rng.random() < 0.5:
            dilation = (1,) * rank
        limits = [(d * (k - 1) + 1) // 2 if pool else 3 for k, d in zip(kernel, dilation, strict=True)]
        padding = tuple((int(rng.integers(limit + 1)), int(rng.integers(limit + 1))) for limit in limits)
        if rng.random() < 0.6:
            padding = tuple((start, start) for start, _ in padding)
        found = Windows(extents, kernel, stride, padding, dilation, pool and bool(rng.random() < 0.4))
        if all(found.counts):
            return found


def pooled(x: Array, windows: Windows, kind: str, count_include_pad: bool = True, power: float = 2.0) -> Array:
    """Max, average or power pooling of (N, ..., C) in plain loops."""
    out = np.zeros((len(x), *windows.counts, x.shape[-1]))
    for place in np.ndindex(*windows.counts):
        seen = [position for _, position in windows.seen(place)]
        taken: list[Any] = [(slice(None), *q) for q in seen if windows.inside(q)]
        values = np.array([x[at] for at in taken]).reshape(len(taken), len(x), x.shape[-1])
        at = (slice(None), *place)
        if kind == "max":
            out[at] = np.max(values, axis=0, initial=-np.inf)
        elif kind == "avg":
            out[at] = values.sum(axis=0) / (sum(map(windows.padded, seen)) if count_include_pad else len(values))
        else:
            out[at] = (np.abs(values) ** power).sum(axis=0) ** (1 / power)
    return out
