"""Optimisers."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..arguments.arrays import Array, as_array
from ..arguments.extents import same_shape

TOGETHER = 1 << 14
"""Elements of weights that are updated at once."""


def _joined_flat(arrays: Sequence[Array]) -> Array:
    """Several arrays as one; a single one as it is."""
    return arrays[0] if len(arrays) == 1 else np.concatenate([np.asarray(a).reshape(-1) for a in arrays])


class Optimiser:
    """Updates weights by their gradients, in place, step by step.

    Args:
        name: the optimiser's name, for errors.
        params: the weights by name, such as those of a layer or a network; their arrays are changed in place.
        kept: what is kept of every weight from step to step, by name.
        pointwise: whether every element of a weight is updated by itself: then small weights are updated together.

    Attributes:
        params: the weights.
        state: "velocity.w" -> what is kept of weight w under the name velocity: an array like the weight, at first 0.
        steps: how many steps were made.

    Raises:
        TypeError: when a weight is no array of float32 or float64.
        ValueError: when a weight cannot be written to.
    """

    def __init__(self, name: str, params: Mapping[str, Array], kept: Sequence[str], pointwise: bool = False) -> None:
        for weight, value in params.items():
            if not isinstance(value, np.ndarray) or value.dtype not in (np.float32, np.float64):
                received = getattr(value, "dtype", type(value).__name__)
                raise TypeError(
                    f"{name}: argument params, {weight}: expected an array of float32 or float64, received {received}"
                )
            if not value.flags.writeable:
                raise ValueError(f"{name}: argument params, {weight}: expected an array that can be written to")
        self.name = name
        self.params = params
        self.kept = tuple(kept)
        self.pointwise = pointwise
        self.state = {f"{word}.{weight}": np.zeros_like(value) for word in kept for weight, value in params.items()}
        self.steps = 0

    def step(self, grads: Mapping[str, Array]) -> None:
        """Update every weight by its gradient. Where anything is wrong, nothing is changed.

        Args:
            grads: the gradients by the names of their weights, each of its weight's shape and type.

        Raises:
            TypeError: when a gradient has another type than its weight.
            ValueError: when a gradient is missing, has another shape than its weight, or is that of no weight.
            FloatingPointError: when a gradient, or what an update makes of it, is infinite or NaN.
        """
        self._check(grads)
        news: dict[str, list[Array]] = {}
        with np.errstate(all="ignore"):  # what is not finite is found below
            for weights in self._together():
                olds = [[self.params[w], grads[w], *self._kept_of(w)] for w in weights]
                joined = [_joined_flat(arrays) for arrays in zip(*olds, strict=True)]
                news |= self._parted(weights, self._updated(*joined), grads)
        for weight, new in news.items():
            for target, value in zip((self.params[weight], *self._kept_of(weight)), new, strict=True):
                target[...] = value
        self.steps += 1

    def _kept_of(self, weight: str) -> list[Array]:
        return [self.state[f"{word}.{weight}"] for word in self.kept]

    def _together(self) -> list[list[str]]:
        """The weights in groups: small ones of one type are updated at once, for every call has a cost."""
        groups: list[list[str]] = []
        size = 0
        for weight, value in self.params.items():
            last = self.params[groups[-1][0]] if groups else value
            if not groups or not self.pointwise or size + value.size > TOGETHER or value.dtype != last.dtype:
                groups.append([])
                size = 0
            groups[-1].append(weight)
            size += value.size
        return groups

    def _parted(
        self, weights: Sequence[str], new: Sequence[Array], grads: Mapping[str, Array]
    ) -> dict[str, list[Array]]:
        """The new arrays of each of several weights; an error if one of them is not finite."""
        finite = all(np.isfinite(value).all() for value in new)
        found, start = {}, 0
        for weight in weights:
            shape_, stop = self.params[weight].shape, start + self.params[weight].size
            found[weight] = [value.reshape(-1)[start:stop].reshape(shape_) for value in new]
            if not finite:
                self._check_finite(weight, grads[weight], found[weight])
            start = stop
        return found

    def _updated(self, p: Array, g: Array, *state: Array) -> tuple[Array, ...]:
        """The new value of a weight and of what is kept of it."""
        raise NotImplementedError

    def _check(self, grads: Mapping[str, Array]) -> None:
        for weight in grads:
            if weight not in self.params:
                raise ValueError(f"{self.name}: argument grads: {weight} is none of the weights that are updated")
        for weight, value in self.params.items():
            if weight not in grads:
                raise ValueError(f"{self.name}: argument grads: the gradient of {weight} is missing")
            found = as_array(self.name, f"grads, {weight}", grads[weight])
            if found.dtype != value.dtype:
                raise TypeError(
                    f"{self.name}: argument grads, {weight}: expected {value.dtype} as the weight has, "
                    f"received {found.dtype}"
                )
            same_shape(self.name, f"grads, {weight}", found.shape, value.shape)

    def _check_finite(self, weight: str, gradient: Array, new: Sequence[Array]) -> None:
        if all(np.isfinite(value).all() for value in new):
            return
        wrong = np.asarray(gradient)[~np.isfinite(gradient)]
        if wrong.size:
            raise FloatingPointError(
                f"{self.name}: the gradient of {weight}: expected finite numbers, received {wrong[0]}; "
                f"look at the loss and the inputs, or lower lr"
            )
        raise FloatingPointError(f"{self.name}: {weight} would not stay finite; its gradient is: lower lr")
