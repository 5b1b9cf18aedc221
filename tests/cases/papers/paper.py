"""A layer or loss of a paper as a researcher writes it, the same in PyTorch, and its arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

Tensor = Any
"""PyTorch's, which has no types where it is not installed."""


@dataclass(frozen=True)
class Paper:
    """A text beside a function of PyTorch's tensors.

    Attributes:
        text: the equations.
        function: what they say, of the arrays in their order; a tensor or a tuple of them.
        arrays: ``"x: N T C, t: N <V"``: letters of `sizes` or numbers; ``<V`` says integers below V,
            ``+`` values above 0, ``order`` a random order of the last axis.
        sizes: by letter.
        options: settings of the functions.
    """

    text: str
    function: Callable[..., Any]
    arrays: str
    sizes: dict[str, int]
    options: dict[str, Any] = field(default_factory=dict)

    def drawn(self, dtype: str = "float64", **sizes: int) -> dict[str, np.ndarray]:
        """Random arrays by name, the same for the same sizes."""
        known, rng = {**self.sizes, **sizes}, np.random.default_rng(0)
        found: dict[str, np.ndarray] = {}
        for piece in filter(None, (p.strip() for p in self.arrays.split(","))):
            name, _, axes = piece.partition(":")
            words = axes.split()
            plain = [w for w in words if w[0] not in "<+" and w != "order"]
            shape = tuple(int(w) if w.isdigit() else known[w] for w in plain)
            below = [w[1:] for w in words if w[0] == "<"]
            if below:
                found[name] = rng.integers(0, int(below[0]) if below[0].isdigit() else known[below[0]], shape)
            elif "order" in words:
                found[name] = np.argsort(rng.normal(size=shape), axis=-1)
            else:
                values = rng.normal(size=shape)
                found[name] = (np.abs(values) + 0.2 if "+" in words else values).astype(dtype)
        return found


def scan(step: Callable[..., Any], start: Any, *inputs: Tensor) -> Any:
    """The states that a step makes, one after the other along axis 1 of the inputs; of several states a tuple."""
    states: list[Any] = []
    for position in range(inputs[0].shape[1]):
        start = step(start, *(x[:, position] for x in inputs))
        states.append(start)
    if isinstance(states[0], tuple):
        return tuple(torch.stack(parts, 1) for parts in zip(*states, strict=True))
    return torch.stack(states, 1)


def zeros(like: Tensor, *shape: int) -> Tensor:
    """Zeros of the type of a tensor."""
    return torch.zeros(shape, dtype=like.dtype)


def total(values: Sequence[Tensor]) -> Tensor:
    """The sum of a list."""
    return torch.stack(tuple(values)).sum(0)
