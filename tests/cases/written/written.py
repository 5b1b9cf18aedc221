"""An equation as its author would write it, what PyTorch makes of the same, and the arrays that both are given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Written:
    """A text, a function of PyTorch with the same meaning, what it is given."""

    text: str
    function: Callable[..., Any]
    given: str
    """`x 2,5,3; t 4 <6; o 2,3 @6; p 3 +; q 0 %`: shapes, integers below 6, 3 of an order of 6, positive values,
    a number from 0 to 1."""
    options: Mapping[str, int | float] | None = None

    def arrays(self) -> dict[str, Array]:
        """Random arrays by name."""
        rng = np.random.default_rng(len(self.text))
        return {name: _drawn(rng, *rest) for name, *rest in (part.split() for part in self.given.split(";"))}


def _drawn(rng: np.random.Generator, shape: str, kind: str = "") -> Array:
    sizes = tuple(int(size) for size in shape.split(",") if size != "0")
    if kind.startswith("<"):
        return rng.integers(0, int(kind[1:]), sizes)
    if kind.startswith("@"):
        return np.argsort(rng.normal(size=(*sizes[:-1], int(kind[1:]))))[..., : sizes[-1]]
    if kind == "%":
        return np.asarray(rng.uniform(0.05, 0.95, sizes))
    values = np.asarray(rng.normal(size=sizes))
    return np.abs(values) + 0.1 if kind == "+" else values
