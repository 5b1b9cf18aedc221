"""A call of PyTorch in terms of a layer of ours, and the layouts of its arrays."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from gradscribe.derive.catalogue.layers import LAYERS

torch = pytest.importorskip("torch")

TOLERANCE = 1e-9

Layout = Callable[[Any], Any]
"""From PyTorch's layout of a tensor to ours: linear, and one to one, so that it holds for gradients as well."""

Arrays = Mapping[str, tuple[Any, Layout]]
"""The tensors of a sample by our names, each with its layout; a tensor None is absent."""


def same(t: Any) -> Any:
    return t


@dataclass(frozen=True)
class Call:
    """A call of our layer.

    Attributes:
        layer: its name.
        arrays: the tensors of the sample.
        options: by our names.
        outputs: the layouts of the outputs to compare.
        constants: arrays that the sample leaves to a default.
        updated: tensors that PyTorch writes to, by the names of our outputs.
        tolerance: of gradients.
    """

    layer: str
    arrays: Arrays
    options: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[Layout, ...] = (same,)
    constants: dict[str, Any] = field(default_factory=dict)
    updated: dict[str, Any] = field(default_factory=dict)
    tolerance: float = TOLERANCE


def refused(call: Call) -> str:
    """The option of a sample that is out of the range which our layer declares, in words; "" where there is none."""
    for option in LAYERS[call.layer]().options:
        value = call.options.get(option.name)
        if option.values is not None and isinstance(value, int | float) and value not in option.values:
            return f"{option.name} out of range"
    return ""


Adapter = Callable[..., Call | str]


def channels_last(t: Any) -> Any:
    return t.movedim(1, -1) if t.ndim > 1 else t


def axis_last(axis: int) -> Layout:
    return lambda t: t.movedim(axis, -1) if t.ndim else t.reshape(1)


def one_channel(t: Any) -> Any:
    """Every element is an axis of one channel."""
    return t[..., None]


def kernel_first(t: Any) -> Any:
    """Both (K, C, ...) of a convolution and (C, K, ...) of a transposed one."""
    return t.movedim((0, 1), (-1, -2))


def batch_of(rank: int, t: Any) -> Any:
    """All axes but the last `rank` as one."""
    return t.reshape(math.prod(t.shape[: t.ndim - rank]), *t.shape[t.ndim - rank :])


def images(rank: int) -> Layout:
    """Channels last; an image without a batch is a batch of one."""
    return lambda t: batch_of(rank + 1, t).movedim(1, -1)


def planes(rank: int) -> Layout:
    """All axes but the last `rank` are a batch, and there is one channel."""
    return lambda t: batch_of(rank, t)[..., None]


def vectors(rank: int) -> Layout:
    """The last `rank` axes as one."""
    return lambda t: t.reshape(*t.shape[: t.ndim - rank], math.prod(t.shape[t.ndim - rank :]))


def additive(mask: Any) -> Any:
    """PyTorch also takes a mask of what is seen."""
    return torch.zeros(mask.shape).double().masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else mask
