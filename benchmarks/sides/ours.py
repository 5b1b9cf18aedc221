"""The generated kernels, called as a user calls them."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import own_cases
from benchmarks.cases.equations import Equation
from benchmarks.rows import Array, Layer, Row
from benchmarks.sides import Prepared
from gradscribe import generated
from gradscribe.generated import SGD
from gradscribe.generated import runtime as rt

STEMS = {
    ("conv", 1): "conv1d",
    ("conv", 2): "conv2d",
    ("conv", 3): "conv3d",
    ("depthwise", 2): "depthwise_conv2d",
    ("transposed", 2): "conv_transpose2d",
    ("max_pool", 2): "max_pool2d",
    ("avg_pool", 2): "avg_pool2d",
}
"""Layers by kind and the image's axes."""

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
    if isinstance(layer, Equation):
        return own_cases.equation(layer, arrays)
    if not isinstance(layer, Layer):
        return own_cases.prepare(layer, row.operation, arrays)
    if layer.kind == "training":
        return _training(layer.title, arrays)
    x, dy = arrays["x"], arrays["dy"]
    options: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding}
    stem = STEMS[layer.kind, layer.axes]
    forward, grad_input = (getattr(generated, f"{stem}_{f}") for f in ("forward", "grad_input"))
    if layer.kind in ("max_pool", "avg_pool"):
        options["kernel_size"] = layer.kernel

        def both() -> Any:
            y, *argmax = found if isinstance(found := forward(x, **options), tuple) else (found,)
            return y, grad_input(dy, *argmax, input_shape=x.shape, **options)

        return Prepared(both, lambda found: dict(zip(("y", "dx"), found, strict=True)))
    w, grad_weight = arrays["w"], getattr(generated, f"{stem}_grad_weight")
    options["dilation"] = layer.dilation
    if layer.kind != "depthwise":
        options["groups"] = layer.groups
    call = {
        "forward": lambda: forward(x, w, None, **options),
        "dx": lambda: grad_input(dy, w, input_shape=x.shape, **options),
        "dw": lambda: grad_weight(dy, x, kernel_size=layer.kernel, **options),
    }[row.operation]
    return Prepared(call, lambda found: {row.operation: found})


def _training(name: str, arrays: Mapping[str, Array]) -> Prepared:
    x, t = arrays["x"], arrays["t"]
    network = own_cases.catalogue(name)(dtype=x.dtype, rng=0)
    optimiser = SGD(network.params, lr=0.01, momentum=0.9)

    def step() -> Any:
        loss = network.loss(network(x), t)
        network.backward()
        optimiser.step(network.grads)
        return loss

    return Prepared(step, lambda loss: {"loss": np.asarray(loss)}, partial(own_cases.held, network))
