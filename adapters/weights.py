"""Weights to and from PyTorch and Keras: their names and layouts, both ways, as plain arrays.

Neither framework is imported: tensors are taken for what they offer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradscribe.adapters.flattened import Images, channels_first, channels_last, check_images, flattened_images
from gradscribe.adapters.layouts import KERAS, TORCH, Framework, Placed
from gradscribe.adapters.named import Array, Kind, Weight, check, weights
from gradscribe.derive.ir.quote import quoted

Names = Mapping[str, str]
"""Our name of a layer in a network, "" for a layer alone -> their prefix, or a pattern such as "lstm.{}_l0"."""


def to_torch(layer: Any, names: Names | None = None, flattened: Images | None = None) -> dict[str, Array]:
    """The weights and running statistics of a layer or network under PyTorch's names, in its layouts.

    `module.load_state_dict({name: torch.from_numpy(array) for name, array in to_torch(net).items()})` takes them.

    Args:
        layer: a generated layer, a network, or a `Sequential`.
        names: our name of a layer -> PyTorch's, {"c1": "conv1"}, {"s2": "layer1.0.pool"}; the same by default. A
            pattern such as {"cell": "lstm.{}_l0"} says where the name of the weight stands.
        flattened: weights whose rows are a flattened image (H, W, C), {"7.w": (5, 5, 16)}: PyTorch flattens channels
            first. By default what a network says of itself, or what follows a `Flatten` that has been called.

    Returns:
        Copies by name, such as "conv1.weight" of shape (K, C, R, T).

    Raises:
        ValueError: when `names` or `flattened` do not fit, or the shape of a flattened image is not known.
    """
    return _exported(layer, TORCH, names or {}, flattened)


def from_torch(
    layer: Any, state_dict: Mapping[str, Any], names: Names | None = None, flattened: Images | None = None
) -> None:
    """Take over the weights and running statistics of a PyTorch module, in place.

    Args:
        layer: a generated layer, a network, or a `Sequential`.
        state_dict: the module's `state_dict()`; values are tensors or arrays of any real type.
        names: as of `to_torch`.
        flattened: as of `to_torch`.

    Raises:
        ValueError: when a weight is missing, not expected or misshapen; nothing has been written then.
    """
    _import(layer, TORCH, state_dict, names or {}, flattened)


def to_keras(layer: Any, names: Names | None = None) -> dict[str, Array]:
    """The weights and running statistics of a layer or network under the names of Keras 3, in its layouts.

    Args:
        layer: a generated layer, a network, or a `Sequential`.
        names: our name of a layer -> that of Keras, {"c1": "conv2d"} or {"c1": "sequential/conv2d"}; the same by
            default.

    Returns:
        Copies by name, such as "conv2d/kernel".

    Raises:
        ValueError: when `names` do not fit.
    """
    return _exported(layer, KERAS, names or {}, None)


def from_keras(layer: Any, variables: Mapping[str, Any], names: Names | None = None) -> None:
    """Take over the weights and running statistics of a Keras model, in place.

    Args:
        layer: a generated layer, a network, or a `Sequential`.
        variables: by path, `{v.path: v.numpy() for v in model.weights}`.
        names: as of `to_keras`.

    Raises:
        ValueError: when a weight is missing, not expected or misshapen; nothing has been written then.
    """
    _import(layer, KERAS, variables, names or {}, None)


@dataclass(frozen=True)
class _Slot:
    """One of our weights and where the framework keeps it; `image` when its rows are to be channels first."""

    weight: Weight
    placed: Placed
    image: tuple[int, ...] | None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.placed.layout.shape(self.weight.array.shape)

    def theirs(self) -> Array:
        array = self.weight.array
        array = array if self.image is None else channels_first(array, self.image)
        array = array.take(self.placed.gates, axis=-2) if self.placed.gates else array
        return np.array(self.placed.layout.forth(array), order="C")

    def ours(self, array: Array) -> Array:
        array = self.placed.layout.back(array, self.weight.array.shape)
        array = array.take(np.argsort(self.placed.gates), axis=-2) if self.placed.gates else array
        return array if self.image is None else channels_last(array, self.image)


@dataclass(frozen=True)
class _Exchange:
    """All that a framework keeps of a layer.

    Attributes:
        slots: their name -> our weights in it: one, or the rows that they stack.
        added: their further weights, each with the name of that to which they add it.
        counters: names of integers that we do not keep.
    """

    slots: Mapping[str, tuple[_Slot, ...]]
    added: Mapping[str, str]
    counters: tuple[str, ...]

    def expected(self) -> dict[str, Kind]:
        shapes = {name: slots[0].shape for name, slots in self.slots.items()}
        shapes |= {n: (len(s), *shapes[n]) for n, s in self.slots.items() if s[0].placed.row is not None}
        shapes |= {name: shapes[other] for name, other in self.added.items()}
        return {name: Kind(shape, "float") for name, shape in shapes.items()}


def _exchange(layer: Any, framework: Framework, names: Names, flattened: Images | None) -> _Exchange:
    found = weights(layer)
    nodes = {w.node: w.layer for w in found}
    for node in names:
        if node not in nodes:
            raise ValueError(
                f"names: no layer with weights is called {quoted(node)}; expected one of {', '.join(nodes)}"
            )
    images: Images = {}
    if framework.channels_first:
        images = flattened_images(layer) if flattened is None else flattened
        check_images(layer, images)

    def full(node: str, name: str) -> str:
        prefix = names.get(node, node)
        if "{}" in prefix:
            return prefix.replace("{}", name)
        return f"{prefix}{framework.separator}{name}" if prefix else name

    slots: dict[str, tuple[_Slot, ...]] = {}
    added: dict[str, str] = {}
    for weight in found:
        slot = _Slot(weight, framework.place(weight.layer, weight.tensor), images.get(weight.name))
        name = full(weight.node, slot.placed.name)
        slots[name] = (*slots.get(name, ()), slot)
        if slot.placed.added:
            added[full(weight.node, slot.placed.added)] = name
    for name, together in slots.items():
        _check_together(framework, name, [slot.weight for slot in together])
    counters = [full(node, c) for node, kind in nodes.items() for c in framework.counters.get(kind, ())]
    return _Exchange(slots, added, tuple(counters))


def _check_together(framework: Framework, name: str, found: list[Weight]) -> None:
    """Raise unless the weights that the framework keeps under one name are those that it stacks, all of them."""
    first = found[0]
    own = framework.place(first.layer, first.tensor).name
    stacked = [t for t, placed in framework.layers.get(first.layer, {}).items() if placed.name == own] or [first.tensor]
    expected = [f"{first.node}.{t}" if first.node else t for t in stacked]
    if [w.name for w in found] != expected:
        raise ValueError(
            f"{framework.name}: {name}: expected {' and '.join(expected)} there, "
            f"found {' and '.join(w.name for w in found)}"
        )


def _exported(layer: Any, framework: Framework, names: Names, flattened: Images | None) -> dict[str, Array]:
    exchange = _exchange(layer, framework, names, flattened)
    found = {}
    for name, slots in exchange.slots.items():
        arrays = [slot.theirs() for slot in slots]
        found[name] = arrays[0] if slots[0].placed.row is None else np.stack(arrays)
    found |= {name: np.zeros_like(found[other]) for name, other in exchange.added.items()}
    return found | {name: np.zeros((), np.int64) for name in exchange.counters}


def _import(layer: Any, framework: Framework, given: Mapping[str, Any], names: Names, flattened: Images | None) -> None:
    exchange = _exchange(layer, framework, names, flattened)
    expected = exchange.expected()
    arrays = {name: _array(value) for name, value in given.items() if name not in exchange.counters}
    arrays |= {name: _trimmed(arrays[name], len(kind.shape)) for name, kind in expected.items() if name in arrays}
    found = {name: Kind(array.shape, array.dtype.name) for name, array in arrays.items()}
    check(f"weights from {framework.name}", expected, found)
    for name, other in exchange.added.items():
        arrays[other] = arrays[other] + arrays[name]
    written = [
        (slot.weight.array, slot.ours(arrays[name] if slot.placed.row is None else arrays[name][slot.placed.row]))
        for name, slots in exchange.slots.items()
        for slot in slots
    ]
    for ours, value in written:
        ours[...] = value


def _array(value: Any) -> Array:
    """A tensor or an array; NumPy has no bfloat16, which float32 holds exactly."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
    return np.asarray(value)


def _trimmed(array: Array, rank: int) -> Array:
    """Without axes of one element in front that are too many, as a slope that Keras shares over an image has them."""
    extra = array.ndim - rank
    return array.reshape(array.shape[extra:]) if extra > 0 and array.shape[:extra] == (1,) * extra else array
