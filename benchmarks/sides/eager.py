"""PyTorch, eager, in one of its two memory layouts; only the operator itself is timed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.cases import torch_cases
from benchmarks.cases.equations import Equation
from benchmarks.cases.torch_cases import Ways
from benchmarks.rows import Array, Layer, Row
from benchmarks.sides import Prepared, Unsupported

aten = torch.ops.aten
form: list[Any] = [torch.contiguous_format]
"""The memory layout of this process."""
by_compiler = [False]
"""Whether steps and networks go through `torch.compile`."""
LAST_AXES = {3: (0, 2, 1), 4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}
"""From PyTorch's order of axes to channels-last."""
FIRST_AXES = {3: (0, 2, 1), 4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}
"""The other way."""
FORWARD = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
"""Convolutions by the image's axes."""


def start(threads: int, layout: str, compiled: str = "") -> None:
    """Choose threads, layout, and whether `torch.compile` is asked, once per process."""
    torch.set_num_threads(threads)
    form[0] = getattr(torch, layout)
    by_compiler[0] = bool(compiled)


def release() -> None:
    """PyTorch's CPU allocator keeps nothing."""


def tensor(array: Array, *axes: int) -> Any:
    """A tensor with the axes in that order, in the layout of this process where images have one."""
    found = torch.tensor(array).permute(axes)
    layouts = {4: form[0], 5: torch.channels_last_3d if form[0] is torch.channels_last else form[0]}
    return found.contiguous(memory_format=layouts.get(array.ndim, torch.contiguous_format))


def image(result: Any) -> Array:
    """Back to channels-last."""
    return result.detach().permute(LAST_AXES[result.ndim]).numpy()


def prepare(row: Row, arrays: Mapping[str, Array]) -> Prepared:
    """The row's operation on these arrays.

    Raises:
        Unsupported: for single operations where `torch.compile` is asked.
    """
    layer = row.layer
    step = layer.kind in ("training", *torch_cases.STEPS)
    if by_compiler[0] and not step:
        raise Unsupported("torch.compile is asked for steps and networks")
    if layer.kind == "training":
        return _training(layer.title, arrays)
    if isinstance(layer, Equation):
        return torch_cases.equation(layer, arrays)
    if not isinstance(layer, Layer):
        return torch_cases.prepare(layer, row.operation, arrays, Ways(form[0], by_compiler[0]))
    x, dy = (tensor(arrays[name], *FIRST_AXES[layer.axes + 2]) for name in ("x", "dy"))
    window = [layer.kernel] * 2, [layer.stride] * 2, [layer.padding] * 2
    if layer.kind == "max_pool":

        def both() -> Any:
            y, places = aten.max_pool2d_with_indices(x, *window)
            return y, aten.max_pool2d_with_indices_backward(dy, x, *window, [1, 1], False, places)

        return Prepared(both, lambda found: {"y": image(found[0]), "dx": image(found[1])})
    if layer.kind == "avg_pool":

        def pair() -> Any:
            return aten.avg_pool2d(x, *window), aten.avg_pool2d_backward(dy, x, *window, False, True, None)

        return Prepared(pair, lambda found: {"y": image(found[0]), "dx": image(found[1])})
    return _convolution(row, layer, x, dy, arrays["w"])


def _convolution(row: Row, layer: Layer, x: Any, dy: Any, weight: Array) -> Prepared:
    """Depthwise weights lie in NumPy as (R, T, C, 1), those of transposed ones as (R, T, K, C)."""
    ends = (-2, -1) if layer.kind == "depthwise" else (-1, -2)
    order = (*(layer.axes + 2 + end for end in ends), *range(layer.axes))
    w = tensor(weight, *order)
    transposed, groups = layer.kind == "transposed", layer.channels if layer.kind == "depthwise" else layer.groups
    steps = [[n] * layer.axes for n in (layer.stride, layer.padding, layer.dilation)]
    rest = transposed, [0] * layer.axes, groups

    def backward(*wanted: bool) -> Any:
        return aten.convolution_backward(dy, x, w, None, *steps, *rest, wanted)

    if row.operation == "forward":
        function = functional.conv_transpose2d if transposed else FORWARD[layer.axes]
        options: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
        return Prepared(lambda: function(x, w, groups=groups, **options), lambda found: {"forward": image(found)})
    if row.operation == "dx":
        return Prepared(lambda: backward(True, False, False)[0], lambda found: {"dx": image(found)})
    back = tuple(int(axis) for axis in np.argsort(order))
    return Prepared(lambda: backward(False, True, False)[1], lambda found: {"dw": found.permute(back).numpy()})


def _training(name: str, arrays: Mapping[str, Array]) -> Prepared:
    """The same network, the weights those of the generated one."""
    x, t = tensor(arrays["x"], 0, 3, 1, 2), torch.tensor(arrays["t"])
    module = torch_cases.catalogue(name, x.dtype, form[0])
    optimiser = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
    called = torch.compile(module) if by_compiler[0] else module

    def step() -> Any:
        optimiser.zero_grad()
        loss = module.loss(called(x), t)
        loss.backward()
        optimiser.step()
        return loss

    return Prepared(step, lambda loss: {"loss": loss.detach().numpy()})
