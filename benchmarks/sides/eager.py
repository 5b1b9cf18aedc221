"""PyTorch, eager, in one of its two memory layouts; only the operator itself is timed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.rows import Array, Row
from benchmarks.sides import Prepared

aten = torch.ops.aten
form: list[Any] = [torch.contiguous_format]
"""The memory layout of this process."""


def start(threads: int, layout: str) -> None:
    """Choose threads and layout, once per process."""
    torch.set_num_threads(threads)
    form[0] = getattr(torch, layout)


def release() -> None:
    """PyTorch's CPU allocator keeps nothing."""


def tensor(array: Array, *axes: int) -> Any:
    """A tensor with the axes in that order, in the layout of this process."""
    return torch.tensor(array).permute(axes).contiguous(memory_format=form[0])


def image(result: Any) -> Array:
    """Back to channels-last."""
    return result.detach().permute(0, 2, 3, 1).numpy()


def prepare(row: Row, arrays: Mapping[str, Array]) -> Prepared:
    """The row's operation on these arrays."""
    layer = row.layer
    if layer.kind == "training":
        return _training(layer.title, arrays)
    x, dy = (tensor(arrays[name], 0, 3, 1, 2) for name in ("x", "dy"))
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
    depthwise = layer.kind == "depthwise"
    order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
    w = tensor(arrays["w"], *order)
    groups = layer.channels if depthwise else 1
    options: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    dilation = [layer.dilation] * 2

    def backward(*wanted: bool) -> Any:
        return aten.convolution_backward(dy, x, w, None, *window[1:], dilation, False, [0, 0], groups, wanted)

    if row.operation == "forward":
        return Prepared(
            lambda: functional.conv2d(x, w, groups=groups, **options), lambda found: {"forward": image(found)}
        )
    if row.operation == "dx":
        return Prepared(lambda: backward(True, False, False)[0], lambda found: {"dx": image(found)})
    back = tuple(int(axis) for axis in np.argsort(order))
    return Prepared(lambda: backward(False, True, False)[1], lambda found: {"dw": found.permute(back).numpy()})


def _training(name: str, arrays: Mapping[str, Array]) -> Prepared:
    """The same network, the weights those of the generated one."""
    from gradscribe import generated
    from gradscribe.derive.catalogue.networks.lenet5_data import BITMAPS, TABLE
    from tests.oracles import torch_networks

    x, t = tensor(arrays["x"], 0, 3, 1, 2), torch.tensor(arrays["t"])
    if name == "lenet5":
        own: Any = generated.LeNet5(dtype=np.float64, rng=0)
        module: Any = torch_networks.LeNet5(np.array(TABLE), np.array(BITMAPS))
    else:
        word = {"lenet": "LeNet", "resnet20": "ResNet20"}[name]
        own, module = getattr(generated, word)(dtype=np.float64, rng=0), getattr(torch_networks, word)()
    module = torch_networks.load(module, own).to(dtype=x.dtype, memory_format=form[0])
    if name == "lenet5":
        module.table, module.codes = module.table.to(x.dtype), module.codes.to(x.dtype)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)

    def step() -> Any:
        optimiser.zero_grad()
        loss = module.loss(module(x), t)
        loss.backward()
        optimiser.step()
        return loss

    return Prepared(step, lambda loss: {"loss": loss.detach().numpy()})
