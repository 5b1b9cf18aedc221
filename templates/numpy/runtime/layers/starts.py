"""The tables of a network: how its weights start, and what is true of every place of a block."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..arguments.arrays import Array
from ..machine.memory import affordable
from .layer import Layer

Value = TypeVar("Value")


@dataclass(frozen=True)
class Constant:
    """A weight that starts as one number."""

    extents: tuple[int, ...]
    value: float

    def array(self, _: Any, dtype: Any) -> Array:
        """The weight as it starts."""
        return np.full(self.extents, self.value, dtype)


class State(Constant):
    """A running statistic, which starts as one number."""


@dataclass(frozen=True)
class Normal:
    """A weight drawn from a normal distribution of mean 0."""

    extents: tuple[int, ...]
    variance: float

    def array(self, rng: Any, dtype: Any) -> Array:
        """The weight as it starts."""
        return np.asarray(rng.normal(0.0, np.sqrt(self.variance), self.extents).astype(dtype))


@dataclass(frozen=True)
class Uniform:
    """A weight drawn uniformly from -bound to bound."""

    extents: tuple[int, ...]
    bound: float

    def array(self, rng: Any, dtype: Any) -> Array:
        """The weight as it starts."""
        return np.asarray(rng.uniform(-self.bound, self.bound, self.extents).astype(dtype))


Start = Constant | Normal | Uniform
"""How a weight or a running statistic starts."""


def start(layer: Layer, name: str, table: Mapping[str, Start], dtype: Any, rng: Any = None) -> None:
    """Give a layer its weights and running statistics, in the order of the table; `rng` draws what is random."""
    affordable(name, dtype, {key: row.extents for key, row in table.items()})
    generator = np.random.default_rng(rng)
    for key, row in table.items():
        arrays = layer.state if isinstance(row, State) else layer.params
        arrays[key] = row.array(generator, dtype)


def placed(table: Mapping[str, Value], *places: str) -> dict[str, Value]:
    """What a table says of a block, for each of its places: "a.w" is "stage1_a.w" at stage1."""
    return {f"{place}_{name}": value for place in places for name, value in table.items()}


def placed_names(names: tuple[str, ...], *places: str) -> tuple[str, ...]:
    """The names of a block at each of its places, likewise."""
    return tuple(placed(dict.fromkeys(names), *places))
