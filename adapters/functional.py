"""A generated layer as pure functions of arrays: what it keeps between calls is returned, and given back.

A layer that computes is a copy that lives as long as the call, so that calls may come in any order; a network's copy
does not use buffers again. Results share no memory with what is given, nor with each other.
"""

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradscribe.adapters.named import Array, layer_name
from gradscribe.adapters.saved import put_together, taken_apart

Arrays = Sequence[Array]

REMEMBERED = 1024  # structures, one per combination of shapes


@dataclass(frozen=True)
class Structure:
    """What a forward call returns for arrays of given shapes and types.

    Attributes:
        results: (shape, type) of every result: the outputs, the new state, then what else is kept for backward.
        kept: the structure of what is kept; its arrays are inputs, weights, outputs, and the last of the results.
    """

    results: tuple[tuple[tuple[int, ...], Any], ...]
    kept: Any


class Functional:
    """The functions of one layer with its options.

    Args:
        layer: an object of a generated class. Its weights and state do not matter, only their names and shapes.

    Attributes:
        layer: a copy without weights.
        name: the layer's name, for messages.
        inputs: names of the arrays that a call takes.
        optional: those that may be absent.
        differentiable: those that have gradients.
        outputs: (name, name of its gradient or None) of what a call returns.
        params: names of the weights.
        state: names of the running statistics.
        asked: names of the arrays that `predict` takes, where what holds after training has equations of its own;
            None where it is what a call computes.
    """

    def __init__(self, layer: Any) -> None:
        cls = type(layer)
        parameters = list(inspect.signature(cls.__call__).parameters.values())[1:]
        self.layer = self._layer(layer, _hollow(layer.params), _hollow(layer.state))
        if hasattr(layer, "buffers"):  # which a network would use again in its next call
            self.layer.buffers = None
        self.name = layer_name(layer) or cls.__name__
        self.inputs = tuple(p.name for p in parameters)
        self.optional = frozenset(p.name for p in parameters if p.default is not p.empty)
        # A class that does not say it has one output, and a gradient for its first input.
        self.differentiable: tuple[str, ...] = getattr(cls, "differentiable", self.inputs[:1])
        self.outputs: tuple[tuple[str, str | None], ...] = getattr(cls, "outputs", (("y", "dy"),))
        self.asked: tuple[str, ...] | None = getattr(
            cls, "evaluation", self.inputs if hasattr(cls, "predict") else None
        )
        self.params, self.state = tuple(layer.params), tuple(layer.state)
        self._structures: dict[Any, Structure] = {}

    def wanted(self, given: Sequence[str]) -> list[str]:
        """The given inputs that have gradients, in the order of the layer."""
        return [name for name in self.differentiable if name in given]

    def forward(self, given: Mapping[str, Array], params: Arrays, state: Arrays) -> list[Array]:
        """The outputs, the new state, and what else `backward` needs."""
        layer = self._layer(self.layer, dict(zip(self.params, params, strict=True)), self._copies(state))
        outputs = _tuple(layer(**given))
        arrays: list[Any] = [*given.values(), *params, *outputs]
        there = len(arrays)
        kept = taken_apart(layer._saved, arrays)
        results = [*outputs, *(layer.state[name] for name in self.state), *arrays[there:]]
        own = _own(results, [*given.values(), *params])
        structure = Structure(tuple((a.shape, a.dtype) for a in own), kept)
        if len(self._structures) >= REMEMBERED:
            self._structures.clear()
        self._structures[_key(given, params)] = structure
        return own

    def evaluate(self, given: Mapping[str, Array], params: Arrays, state: Arrays) -> list[Array]:
        """The outputs after training; inputs that only training takes are ignored."""
        layer = self._layer(self.layer, dict(zip(self.params, params, strict=True)), self._copies(state))
        asked = self.inputs if self.asked is None else self.asked
        return _own(_tuple(layer.predict(**{n: a for n, a in given.items() if n in asked})), [*given.values(), *params])

    def backward(self, seeds: Arrays, given: Mapping[str, Array], params: Arrays, results: Arrays) -> list[Array]:
        """The gradients of the inputs that have one, then of the weights; 0 where the layer gives none.

        Args:
            seeds: the gradients of the outputs that have one.
            given: the inputs of the forward call.
            params: its weights.
            results: its results, without the new state.
        """
        layer = self._after(given, params, results)
        found = dict(zip(self.differentiable, _tuple(layer.backward(*seeds)), strict=False))
        gradients = [found[name] for name in self.wanted(list(given))]
        gradients += [
            layer.grads[name] if name in layer.grads else np.zeros_like(p)
            for name, p in zip(self.params, params, strict=True)
        ]
        return _own(gradients, [*seeds, *given.values(), *params, *results])

    def double_backward(
        self,
        directions: Mapping[str, Array],
        seeds: Arrays,
        given: Mapping[str, Array],
        params: Arrays,
        results: Arrays,
    ) -> list[Array]:
        """The gradient of sum(direction * gradient): of the seeds, the inputs that have one, then the weights.

        Args:
            directions: by the names of inputs and weights; those that are missing are 0.
            seeds: as of `backward`, like the rest.
            given: as of `backward`.
            params: as of `backward`.
            results: as of `backward`.
        """
        layer = self._after(given, params, results)
        names = [name for _, name in self.outputs if name is not None]
        found = layer.double_backward(dict(zip(names, seeds, strict=True)), dict(directions))
        wanted = self.wanted(list(given))
        arrays = [*seeds, *(given[name] for name in wanted), *params]
        gradients = [
            found[name] if found.get(name) is not None else np.zeros_like(array)
            for name, array in zip([*names, *wanted, *self.params], arrays, strict=True)
        ]
        return _own(gradients, [*seeds, *given.values(), *params, *results, *directions.values()])

    def structure(self, given: Mapping[str, Array], params: Arrays) -> Structure:
        """What `forward` returns for arrays of these shapes and types; found by a call where there was none yet."""
        key = _key(given, params)
        if key not in self._structures:
            self._tried("forward", given, params)
        return self._structures[key]

    def evaluated(self, given: Mapping[str, Array], params: Arrays) -> list[tuple[tuple[int, ...], Any]]:
        """(shape, type) of what `evaluate` returns for arrays of these shapes and types."""
        return [(a.shape, a.dtype) for a in self._tried("evaluate", given, params)]

    def _tried(self, method: str, given: Mapping[str, Array], params: Arrays) -> list[Array]:
        """What a method makes of zeros; of integers of 1 where it refuses 0, as a loss refuses a length of 0."""
        try:
            return self._tried_with(0, method, given, params)
        except ValueError:
            return self._tried_with(1, method, given, params)

    def _tried_with(self, number: int, method: str, given: Mapping[str, Array], params: Arrays) -> list[Array]:
        state = [np.zeros(a.shape, a.dtype) for a in self.layer.state.values()]
        tried = {name: np.full(a.shape, number if a.dtype.kind in "iu" else 0, a.dtype) for name, a in given.items()}
        trial = copy.copy(self)
        trial.layer = copy.deepcopy(self.layer)  # which may draw from a generator of its own
        with np.errstate(all="ignore"):
            found: list[Array] = getattr(trial, method)(tried, [np.zeros(p.shape, p.dtype) for p in params], state)
        return found

    def _after(self, given: Mapping[str, Array], params: Arrays, results: Arrays) -> Any:
        """The layer as it was after the forward call."""
        layer = self._layer(self.layer, dict(zip(self.params, params, strict=True)), {})
        layer._saved = put_together(self.structure(given, params).kept, [*given.values(), *params, *results])
        return layer

    @staticmethod
    def _layer(layer: Any, params: dict[str, Array], state: dict[str, Array]) -> Any:
        working = copy.copy(layer)
        working.params, working.state, working.grads, working._saved = params, state, {}, None
        return working

    def _copies(self, state: Arrays) -> dict[str, Array]:
        return {name: array.copy() for name, array in zip(self.state, state, strict=True)}


def _hollow(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Zeros of the same shapes that take no memory."""
    return {name: np.broadcast_to(np.zeros((), a.dtype), a.shape) for name, a in arrays.items()}


def _own(values: Sequence[Any], others: Arrays) -> list[Array]:
    """The values as arrays in row-major order that share no memory, with the others nor among themselves."""
    found: list[Array] = []
    for value in values:
        array = np.asarray(value)
        fresh = array.flags.c_contiguous and array.flags.writeable
        if not fresh or any(np.may_share_memory(array, other) for other in (*others, *found)):
            array = np.array(array, order="C")
        found.append(array)
    return found


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _key(given: Mapping[str, Array], params: Arrays) -> Any:
    return tuple((n, a.shape, a.dtype) for n, a in given.items()), tuple((p.shape, p.dtype) for p in params)
