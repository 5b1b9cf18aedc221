"""What is measured: layers with their sizes, and the operations of each. Data only; arrays are channels-last."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases.equations import EQUATIONS, TEXTS, Equation
from benchmarks.cases.sizes_of_cases import BLOCK, PERCEPTRON, SEQUENCES, Case

Array = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A layer and its sizes.

    Attributes:
        group: rows of a group share a target; the class of issue-table or layer kind, such as "A" or "pools, average".
        title: kernel, channels and image as a reader writes them.
        kind: "conv", "depthwise", "transposed", "max_pool", "avg_pool" or "training".
        batch: images.
        size: of the input along each axis of the image.
        channels: of the input.
        filters: channels of the output; as many as `channels` where a kernel has one channel.
        kernel: of the window along each axis.
        stride: step of the window.
        padding: zeros on each side.
        dilation: step within the window.
        groups: of channels that do not meet.
        axes: of the image; 1, 2 or 3.
    """

    group: str
    title: str
    kind: str
    batch: int
    size: int
    channels: int
    filters: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    axes: int = 2

    @property
    def out(self) -> int:
        """The size of the output along each axis of the image."""
        if self.kind == "transposed":
            return (self.size - 1) * self.stride - 2 * self.padding + self.dilation * (self.kernel - 1) + 1
        return (self.size + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) // self.stride + 1

    @property
    def operations(self) -> tuple[str, ...]:
        """What is timed separately; a pooling layer is judged by forward and backward together."""
        return {"training": ("step",), "max_pool": ("pair",), "avg_pool": ("pair",)}.get(
            self.kind, ("forward", "dx", "dw")
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of x, dy and, for convolutions, w: (R, T, C/G, K), depthwise (R, T, C, 1), transposed (R, T, K, C)."""
        image = (self.batch, *(self.size,) * self.axes, self.channels)
        result = (self.batch, *(self.out,) * self.axes, self.filters)
        channels = {
            "conv": (self.channels // self.groups, self.filters),
            "depthwise": (self.channels, 1),
            "transposed": (self.filters, self.channels),
        }
        shapes: dict[str, tuple[int, ...]] = {"x": image, "dy": result}
        if self.kind in channels:
            shapes["w"] = (*(self.kernel,) * self.axes, *channels[self.kind])
        return shapes

    def touched(self, operation: str) -> tuple[str, ...]:
        """What an operation reads and writes, by the names of arrays of those shapes."""
        return tuple(self.shapes()) * (2 if operation == "pair" else 1) if self.kind != "training" else ()

    def flops(self, operation: str) -> float:
        """Multiplications and additions of an operation by definition, the whole window everywhere; 0 for training."""
        if self.kind == "training":
            return 0.0
        each = {"conv": self.channels // self.groups, "transposed": self.channels}.get(self.kind, 1)
        places = self.size if self.kind == "transposed" else self.out
        return 2.0 * self.batch * places**self.axes * self.filters * self.kernel**self.axes * each

    def reduced(self) -> "Layer":
        """The same kind of layer with sizes that take no time."""
        if self.kind == "training":
            return replace(self, batch=2)
        groups = min(self.groups, 2)
        channels = min(self.channels, 6)
        filters = channels if self.filters == self.channels else min(self.filters, 8)
        size = min(self.size, self.dilation * (self.kernel - 1) + 2 + 3 * self.stride)
        return replace(self, batch=2, size=size, channels=channels, filters=filters, groups=groups)


class Row(NamedTuple):
    """One operation of a layer; what a table has a line for."""

    layer: "Layer | Case | Equation"
    operation: str

    @property
    def name(self) -> str:
        """Unique among all rows; what ``--rows`` is matched with."""
        return f"{self.layer.group}: {self.layer.title}, {self.operation}"

    @property
    def flops(self) -> float:
        """Multiplications and additions by definition; 0 where nobody counts them, as for a whole network."""
        return self.layer.flops(self.operation)

    def bytes(self, itemsize: int) -> float:
        """Bytes of what is read and written, each array once; 0 for a whole network."""
        shapes = self.layer.shapes()
        return itemsize * sum(float(prod(shapes[name])) for name in self.layer.touched(self.operation))


def arrays(layer: Layer | Case | Equation, dtype: str, relu: bool = False) -> dict[str, Array]:
    """The arrays of a layer, the same in every process; random normal numbers, labels for training.

    They begin on a line of the cache, as those that a layer returns do, and tensors.

    Args:
        layer: the layer.
        dtype: "float32" or "float64".
        relu: as behind a ReLU: x is not negative, dy is 0 at random places.
    """
    if isinstance(layer, Equation):
        return {name: _on_a_line(array) for name, array in layer.arrays(dtype).items()}
    rng = np.random.default_rng(0)
    found: dict[str, Array] = {}
    for name, shape in layer.shapes().items():
        found[name] = rng.standard_normal(shape, np.float32).astype(dtype, copy=False)
    if relu:
        found["x"] = np.maximum(found["x"], 0)
        found["dy"] = found["dy"] * (rng.random(found["dy"].shape, np.float32) < 0.5)
    if isinstance(layer, Case):
        return {name: _on_a_line(array * layer.scale(name)) for name, array in found.items()}
    found = {name: _on_a_line(array) for name, array in found.items()}
    if layer.kind == "training":
        found["t"] = rng.integers(0, 10, layer.batch)
    return found


def _on_a_line(array: Array) -> Array:
    """A copy that begins on a line of the cache."""
    room = np.empty(array.nbytes + LINE, np.uint8)
    found: Array = np.ndarray(array.shape, array.dtype, room, -room.__array_interface__["data"][0] % LINE)
    found[...] = array
    return found


LINE = 64
"""Bytes of a line of the cache."""

A, B, LENET, RESNET, LARGE, TINY = "A", "B", "LeNet", "ResNet", "large window", "tiny"
DEPTHWISE, GROUPED, OTHER = "depthwise", "grouped", "other convolutions"
TRAINING, TRAINING_DEEP = "training", "training, deep"
MAX2, MAX3, AVERAGE = "pools, max 2x2", "pools, max 3x3", "pools, average"
DENSE, NORMS, ATTENTION, CELLS = "dense", "norms and softmax", "attention", "cells"
STEPS, INFERENCE = "steps", "inference"
RECURRENT = f"{EQUATIONS}, recurrent layers"
RECURRENCES = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "SimpleRNN"}
"""Classes of recurrent layers of the catalogue, by kind."""

LAYERS: tuple[Layer | Case | Equation, ...] = (
    Layer(A, "3x3 64 to 128 at 112", "conv", 4, 112, 64, 128, 3, padding=1),
    Layer(A, "3x3 128 to 256 at 56", "conv", 4, 56, 128, 256, 3, padding=1),
    Layer(A, "3x3 256 to 512 at 28", "conv", 4, 28, 256, 512, 3, padding=1),
    Layer(A, "3x3 512 to 512 at 14", "conv", 8, 14, 512, 512, 3, padding=1),
    Layer(A, "3x3 64 to 64 at 56", "conv", 8, 56, 64, 64, 3, padding=1),
    Layer(B, "3x3 3 to 64 at 224", "conv", 4, 224, 3, 64, 3, padding=1),
    Layer(B, "7x7/2 3 to 64 at 224", "conv", 4, 224, 3, 64, 7, stride=2, padding=3),
    Layer(B, "1x1 64 to 256 at 56", "conv", 4, 56, 64, 256, 1),
    Layer(B, "1x1 32 to 64 at 112", "conv", 4, 112, 32, 64, 1),
    Layer(B, "1x1 512 to 512 at 14", "conv", 4, 14, 512, 512, 1),
    Layer(B, "3x3/2 128 to 128 at 56", "conv", 4, 56, 128, 128, 3, stride=2, padding=1),
    Layer(B, "3x3 dilation 2, 64 to 64 at 56", "conv", 8, 56, 64, 64, 3, padding=2, dilation=2),
    Layer(LENET, "conv1 5x5 1 to 6 at 32", "conv", 64, 32, 1, 6, 5),
    Layer(LENET, "conv2 5x5 6 to 16 at 14", "conv", 64, 14, 6, 16, 5),
    Layer(RESNET, "3x3 16 to 16 at 32", "conv", 32, 32, 16, 16, 3, padding=1),
    Layer(RESNET, "3x3 32 to 32 at 16", "conv", 32, 16, 32, 32, 3, padding=1),
    Layer(RESNET, "3x3 64 to 64 at 8", "conv", 32, 8, 64, 64, 3, padding=1),
    Layer(MAX2, "max 2x2/2 64 at 112", "max_pool", 8, 112, 64, 64, 2, stride=2),
    Layer(MAX3, "max 3x3/2 64 at 112", "max_pool", 8, 112, 64, 64, 3, stride=2, padding=1),
    Layer(AVERAGE, "average 2x2/2 64 at 112", "avg_pool", 8, 112, 64, 64, 2, stride=2),
    Layer(AVERAGE, "average 3x3/2 64 at 112", "avg_pool", 8, 112, 64, 64, 3, stride=2, padding=1),
    Layer(DEPTHWISE, "3x3 32 at 112", "depthwise", 8, 112, 32, 32, 3, padding=1),
    Layer(DEPTHWISE, "3x3 256 at 28", "depthwise", 8, 28, 256, 256, 3, padding=1),
    Layer(GROUPED, "3x3 128 to 128 at 56, 32 groups", "conv", 4, 56, 128, 128, 3, padding=1, groups=32),
    Layer(LARGE, "depthwise 31x31 64 at 56", "depthwise", 4, 56, 64, 64, 31, padding=15),
    Layer(OTHER, "conv1d 9, 32 to 32 at 4000", "conv", 16, 4000, 32, 32, 9, padding=4, axes=1),
    Layer(OTHER, "conv3d 3x3x3, 16 to 32 at 24", "conv", 2, 24, 16, 32, 3, padding=1, axes=3),
    Layer(OTHER, "transposed 4x4/2, 64 to 32 at 28", "transposed", 8, 28, 64, 32, 4, stride=2, padding=1),
    Layer(TINY, "3x3 2 to 4 at 4", "conv", 1, 4, 2, 4, 3),
    Case(DENSE, "512 to 2048", "dense", (("N", 32), ("C", 512), ("K", 2048))),
    Case(NORMS, "softmax 4096x512", "softmax", (("N", 4096), ("C", 512))),
    Case(NORMS, "layer norm 4096x512", "layer_norm", (("N", 4096), ("C", 512))),
    Case(NORMS, "batch norm 64 at 56", "batch_norm", (("N", 8), ("H", 56), ("C", 64))),
    Case(ATTENTION, "8x128x64", "attention", (("E", 8), ("L", 128), ("D", 64))),
    Case(CELLS, "LSTM 64x128", "lstm_cell", (("N", 64), ("C", 128), ("H", 128))),
    Layer(TRAINING, "lenet5", "training", 64, 32, 1, 10, 5),
    Layer(TRAINING, "lenet", "training", 64, 32, 1, 10, 5),
    Layer(TRAINING_DEEP, "resnet20", "training", 32, 32, 3, 10, 3),
    Layer(TRAINING_DEEP, "vgg11", "training", 32, 32, 3, 10, 3),
    Case(STEPS, "perceptron, as layer", "perceptron", PERCEPTRON),
    Case(STEPS, "perceptron, as network", "perceptron", PERCEPTRON),
    Case(STEPS, "transformer block, as layer", "block", BLOCK),
    Case(STEPS, "transformer block, as network", "block", BLOCK),
    Case(INFERENCE, "lenet", "inference", (("N", 1), ("H", 32), ("C", 1))),
    Case(INFERENCE, "resnet20", "inference", (("N", 1), ("H", 32), ("C", 3))),
    Case(INFERENCE, "vgg11", "inference", (("N", 1), ("H", 32), ("C", 3))),
    *TEXTS,
    *(
        Case(RECURRENT, f"{title} {name}", kind, sizes)
        for kind, title in RECURRENCES.items()
        for name, sizes in SEQUENCES.items()
    ),
)
"""Every layer; the titles of training and inference are names of networks in the catalogue."""

ROWS = tuple(Row(layer, operation) for layer in LAYERS for operation in layer.operations)


def select(patterns: list[str]) -> tuple[Row, ...]:
    """The rows whose name matches one of the shell patterns; all without a pattern.

    Raises:
        ValueError: when a pattern matches no row.
    """
    for pattern in patterns:
        if not any(fnmatchcase(row.name, pattern) for row in ROWS):
            names = ", ".join(dict.fromkeys(row.layer.group for row in ROWS))
            raise ValueError(f"--rows {pattern!r} matches no row; names begin with one of: {names}; try 'A*'")
    return tuple(row for row in ROWS if not patterns or any(fnmatchcase(row.name, p) for p in patterns))


def row(name: str) -> Row:
    """The row of that name."""
    return next(each for each in ROWS if each.name == name)
