"""The generated kernels, called as a user calls them."""

from collections.abc import Mapping
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.rows import Array, Row
from benchmarks.sides import Prepared
from gradscribe.generated import SGD
from gradscribe.generated import runtime as rt
from gradscribe.generated.avg_pool2d import avg_pool2d_forward, avg_pool2d_grad_input
from gradscribe.generated.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from gradscribe.generated.depthwise_conv2d import (
    depthwise_conv2d_forward,
    depthwise_conv2d_grad_input,
    depthwise_conv2d_grad_weight,
)
from gradscribe.generated.max_pool2d import max_pool2d_forward, max_pool2d_grad_input

CONVOLUTIONS = {
    "conv": (conv2d_forward, conv2d_grad_input, conv2d_grad_weight),
    "depthwise": (depthwise_conv2d_forward, depthwise_conv2d_grad_input, depthwise_conv2d_grad_weight),
}
CLASSES = {"lenet5": "LeNet5", "lenet": "LeNet", "resnet20": "ResNet20"}

in_force = ExitStack()
"""Holds the settings for the life of the process."""


def start(threads: int, backend: str, accuracy: str) -> None:
    """Choose how to compute, once per process."""
    in_force.enter_context(rt.settings(backend=backend, accuracy=accuracy, threads=threads))


def release() -> None:
    """Give back what kernels keep for their next call, so that the next call shows all that it needs."""
    rt.release()


def prepare(row: Row, arrays: Mapping[str, Array]) -> Prepared:
    """The row's operation on these arrays."""
    layer = row.layer
    if layer.kind == "training":
        return _training(layer.title, arrays)
    x, dy = arrays["x"], arrays["dy"]
    options: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding}
    if layer.kind == "max_pool":
        options["kernel_size"] = layer.kernel

        def both() -> Any:
            y, argmax = max_pool2d_forward(x, **options)
            return y, max_pool2d_grad_input(dy, argmax, input_shape=x.shape, **options)

        return Prepared(both, lambda found: dict(zip(("y", "dx"), found, strict=True)))
    if layer.kind == "avg_pool":
        options["kernel_size"] = layer.kernel

        def pair() -> Any:
            return avg_pool2d_forward(x, **options), avg_pool2d_grad_input(dy, input_shape=x.shape, **options)

        return Prepared(pair, lambda found: dict(zip(("y", "dx"), found, strict=True)))
    w = arrays["w"]
    options["dilation"] = layer.dilation
    forward, grad_input, grad_weight = CONVOLUTIONS[layer.kind]
    call = {
        "forward": lambda: forward(x, w, None, **options),
        "dx": lambda: grad_input(dy, w, input_shape=x.shape, **options),
        "dw": lambda: grad_weight(dy, x, kernel_size=layer.kernel, **options),
    }[row.operation]
    return Prepared(call, lambda found: {row.operation: found})


def _training(name: str, arrays: Mapping[str, Array]) -> Prepared:
    x, t = arrays["x"], arrays["t"]
    network = getattr(import_module(f"gradscribe.generated.{name}"), CLASSES[name])(dtype=x.dtype, rng=0)
    optimiser = SGD(network.params, lr=0.01, momentum=0.9)

    def step() -> Any:
        loss = network.loss(network(x), t)
        network.backward()
        optimiser.step(network.grads)
        return loss

    return Prepared(step, lambda loss: {"loss": np.asarray(loss)})
