"""Optimisers."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import is_
from typing import Any, ClassVar

import numpy as np

from ..arguments.arrays import Array, as_array
from ..arguments.extents import same_shape
from .updating import Updates

TOGETHER = 1 << 18
"""Elements of small weights that are updated at once."""

AT_A_TIME = 1 << 17
"""Elements of a large weight that are: with all that belongs to them they fit a core's cache."""

Flat = list[Array]
"""A weight, its gradient and what is kept of it, or what these become: arrays, each in one piece."""


class Group:
    """Weights that are updated at once, each array of theirs as a part of a flat one.

    Args:
        names: of the weights.
        params: the weights.
        state: what is kept of them, word by word; replaced by parts of flat arrays.

    Attributes:
        kept: the flat arrays of what is kept.
        blocks: the parts of a large weight that are updated one after another; () where all is updated at once.
    """

    def __init__(
        self, names: Sequence[str], params: Sequence[Array], state: Sequence[Sequence[Array]], pointwise: bool
    ) -> None:
        self.names, self.params = tuple(names), tuple(params)
        ends = np.cumsum([0, *(value.size for value in params)]).tolist()
        self.parts = [slice(*part) for part in pairwise(ends)]
        self.kept = [np.concatenate([np.ravel(a) for a in arrays]) for arrays in state]
        kind, several = params[0].dtype, len(params) > 1
        self._rooms = [np.empty(ends[-1], kind) for _ in range(2)] if several else None
        cut = pointwise and not several and ends[-1] > TOGETHER and params[0].flags.c_contiguous
        self.blocks = tuple(slice(k, k + AT_A_TIME) for k in range(0, ends[-1], AT_A_TIME)) if cut else ()

    def views(self, flat: Array) -> list[Array]:
        """A flat array as arrays of the weights' shapes."""
        return [flat[part].reshape(value.shape) for part, value in zip(self.parts, self.params, strict=True)]

    def given(self, grads: Sequence[Array]) -> list[Array]:
        """The weights, their gradients and what is kept: those of several flat, those of one as they are."""
        if self._rooms is None:
            return [*self.params, *grads, *(view for flat in self.kept for view in self.views(flat))]
        arrays = [[np.reshape(a, -1) for a in found] for found in (self.params, grads)]
        return [*(np.concatenate(a, out=room) for a, room in zip(arrays, self._rooms, strict=True)), *self.kept]

    def cut(self, grads: Sequence[Array]) -> list[Flat]:
        """A large weight, its gradient and what is kept of it, block by block."""
        flat = [np.reshape(a, -1) for a in (*self.params, *grads, *self.kept)]
        return [[a[part] for a in flat] for part in self.blocks]

    def take(self, new: Sequence[Array]) -> None:
        """Write what the weights are now, and what is kept."""
        weights, *kept = new
        for value, part in zip(self.params, self.parts, strict=True):
            value[...] = weights[part].reshape(value.shape)
        for flat, changed in zip(self.kept, kept, strict=True):
            flat[...] = changed


def _is_finite(flat: Array) -> bool:
    """Whether all numbers are; their squares tell it in one pass, unless these are too large themselves."""
    return bool(np.isfinite(np.dot(flat, flat)) or np.isfinite(flat).all())


def _check_writeable(name: str, weight: str, value: Array) -> None:
    if not value.flags.writeable:
        raise ValueError(f"{name}: argument params, {weight}: expected an array that can be written to")


class Optimiser:
    """Updates weights by their gradients, in place, step by step.

    Args:
        name: the optimiser's name, for errors.
        params: the weights by name, such as those of a layer or a network; their arrays are changed in place.
        kept: what is kept of every weight from step to step, by name.
        pointwise: whether every element of a weight is updated by itself: then small weights are updated together.

    Attributes:
        options: the attributes that an update of this class depends on, besides arrays; None where it does not say so.
        params: the weights.
        state: "velocity.w" -> what is kept of weight w under the name velocity: an array like the weight, at first 0.
        steps: how many steps were made.

    Raises:
        TypeError: when a weight is no array of float32 or float64.
        ValueError: when a weight cannot be written to.
    """

    options: ClassVar[tuple[str, ...] | None] = None

    def __init__(self, name: str, params: Mapping[str, Array], kept: Sequence[str], pointwise: bool = False) -> None:
        for weight, value in params.items():
            if not isinstance(value, np.ndarray) or value.dtype not in (np.float32, np.float64):
                received = getattr(value, "dtype", type(value).__name__)
                raise TypeError(
                    f"{name}: argument params, {weight}: expected an array of float32 or float64, received {received}"
                )
            _check_writeable(name, weight, value)
        self.name = name
        self.params = params
        self.kept = tuple(kept)
        self.pointwise = pointwise
        self.state = {f"{word}.{weight}": np.zeros_like(value) for word in kept for weight, value in params.items()}
        self.steps = 0
        self._known: list[Array] = []
        self._groups: list[Group] = []
        self._updates = Updates()
        self._grouped()

    def step(self, grads: Mapping[str, Array]) -> None:
        """Update every weight by its gradient. Where anything is wrong, nothing is changed.

        Args:
            grads: the gradients by the names of their weights, each of its weight's shape and type.

        Raises:
            TypeError: when a gradient has another type than its weight.
            ValueError: when a gradient is missing, has another shape than its weight, or is that of no weight; when a
                weight cannot be written to any more.
            FloatingPointError: when a gradient, or what an update makes of it, is infinite or NaN.
        """
        given = self._checked(grads)
        groups = self._grouped()
        rows = [(p, given[name], *self._kept_of(name)) for name, p in self.params.items()]
        if not self.pointwise or not self._updates.in_place(self._updated, rows, self._options()):
            self._update(groups, given)
        self.steps += 1

    def _update(self, groups: Sequence[Group], given: Mapping[str, Array]) -> None:
        """Update them in NumPy, which says what is not finite."""
        found = []
        with np.errstate(all="ignore"):  # what is not finite is found below
            for group in groups:
                own = [given[name] for name in group.names]
                blocks = group.cut(own)
                for block in blocks:  # only looked at: what is large is computed again rather than kept
                    self._new(group, given, block)
                found.append((group, blocks, [] if blocks else self._new(group, given, group.given(own))))
            for group, blocks, new in found:
                for weight, gradient, *kept in blocks:
                    for value, changed in zip((weight, *kept), self._updated(weight, gradient, *kept), strict=True):
                        value[...] = changed
                if new:
                    group.take(new)

    def _new(self, group: Group, grads: Mapping[str, Array], old: Flat) -> Flat:
        """What weights and what is kept of them become, which has to be finite."""
        flat = [np.reshape(value, -1) for value in self._updated(*old)]
        if not all(map(_is_finite, flat)):
            self._find_infinite(group, grads, flat)
        return flat

    def _grouped(self) -> list[Group]:
        """The weights in groups: small ones of one type are updated at once, for every call has a cost.

        They are made anew where a weight, or what is kept of one, is another array than in the last step.
        """
        arrays = [*self.params.values(), *self.state.values()]
        if len(arrays) != len(self._known) or not all(map(is_, arrays, self._known)):
            self._groups = [self._group(names) for names in self._together()]
            self._known = [*self.params.values(), *self.state.values()]
        return self._groups

    def _options(self) -> tuple[Any, ...] | None:
        """The values of `options` and their types; None where the class says none, or one is no plain number."""
        cls = next(cls for cls in type(self).__mro__ if "_updated" in vars(cls))
        names = vars(cls).get("options")
        values = [] if names is None else [getattr(self, name) for name in names]
        known = names is not None and all(type(value) in (bool, int, float) for value in values)
        return tuple([(type(value), value) for value in values]) if known else None

    def _kept_of(self, name: str) -> list[Array]:
        """What is kept of a weight."""
        return [self.state[f"{word}.{name}"] for word in self.kept]

    def _together(self) -> list[list[str]]:
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

    def _group(self, names: Sequence[str]) -> Group:
        keys = [[f"{word}.{name}" for name in names] for word in self.kept]
        state = [[self.state[key] for key in own] for own in keys]
        group = Group(names, [self.params[name] for name in names], state, self.pointwise)
        for own, flat in zip(keys, group.kept, strict=True):
            self.state |= dict(zip(own, group.views(flat), strict=True))
        return group

    def _updated(self, p: Array, g: Array, *state: Array) -> tuple[Array, ...]:
        """The new value of a weight and of what is kept of it."""
        raise NotImplementedError

    def _checked(self, grads: Mapping[str, Array]) -> dict[str, Array]:
        """The gradients as arrays like their weights."""
        for weight in grads:
            if weight not in self.params:
                raise ValueError(f"{self.name}: argument grads: {weight} is none of the weights that are updated")
        found = {}
        for weight, value in self.params.items():
            if weight not in grads:
                raise ValueError(f"{self.name}: argument grads: the gradient of {weight} is missing")
            _check_writeable(self.name, weight, value)
            gradient = grads[weight]
            if type(gradient) is not np.ndarray:
                gradient = as_array(self.name, f"grads, {weight}", gradient)
            if gradient.dtype != value.dtype:
                raise TypeError(
                    f"{self.name}: argument grads, {weight}: expected {value.dtype} as the weight has, "
                    f"received {gradient.dtype}"
                )
            if gradient.shape != value.shape:
                same_shape(self.name, f"grads, {weight}", gradient.shape, value.shape)
            found[weight] = gradient
        return found

    def _find_infinite(self, group: Group, grads: Mapping[str, Array], new: Flat) -> None:
        """Raise for the first weight whose gradient, or what an update makes of it, is not finite."""
        name = next(  # a large weight is alone in its group
            name
            for name, part in zip(group.names, group.parts, strict=True)
            if group.blocks or not all(np.isfinite(value[part]).all() for value in new)
        )
        wrong = grads[name][~np.isfinite(grads[name])]
        if wrong.size:
            raise FloatingPointError(
                f"{self.name}: the gradient of {name}: expected finite numbers, received {wrong[0]}; "
                f"look at the loss and the inputs, or lower lr"
            )
        raise FloatingPointError(f"{self.name}: {name} would not stay finite; its gradient is: lower lr")
