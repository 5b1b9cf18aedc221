"""What is measured: layers with their sizes, and the operations of each. Data only; arrays are channels-last."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A layer and its sizes.

    Attributes:
        group: rows of a group share a target; the class of issue-table or layer kind, such as "A" or "pools, average".
        title: kernel, channels and image as a reader writes them.
        kind: "conv", "depthwise", "max_pool", "avg_pool" or "training".
        batch: images.
        size: height and width of the input.
        channels: of the input.
        filters: channels of the output; as many as `channels` where a kernel has one channel.
        kernel: height and width of the window.
        stride: step of the window.
        padding: zeros on each side.
        dilation: step within the window.
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

    @property
    def out(self) -> int:
        """Height and width of the output."""
        return (self.size + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) // self.stride + 1

    @property
    def operations(self) -> tuple[str, ...]:
        """What is timed separately; a pooling layer is judged by forward and backward together."""
        return {"training": ("step",), "max_pool": ("pair",), "avg_pool": ("pair",)}.get(
            self.kind, ("forward", "dx", "dw")
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of x, dy and, for convolutions, w; depthwise weights are (R, T, C, 1)."""
        image = (self.batch, self.size, self.size, self.channels)
        result = (self.batch, self.out, self.out, self.filters)
        depthwise = self.kind == "depthwise"
        weight = (self.kernel, self.kernel, self.channels, 1 if depthwise else self.filters)
        shapes: dict[str, tuple[int, ...]] = {"x": image, "dy": result, "w": weight}
        if self.kind not in ("conv", "depthwise"):
            del shapes["w"]
        return shapes

    def reduced(self) -> "Layer":
        """The same kind of layer with sizes that take no time."""
        channels = min(self.channels, 6)
        filters = channels if self.filters == self.channels else min(self.filters, 8)
        size = min(self.size, self.dilation * (self.kernel - 1) + 2 + 3 * self.stride)
        if self.kind == "training":
            return replace(self, batch=2)
        return replace(self, batch=2, size=size, channels=channels, filters=filters)


class Row(NamedTuple):
    """One operation of a layer; what a table has a line for."""

    layer: Layer
    operation: str

    @property
    def name(self) -> str:
        """Unique among all rows; what ``--rows`` is matched with."""
        return f"{self.layer.group}: {self.layer.title}, {self.operation}"

    @property
    def flops(self) -> float:
        """Multiplications and additions by definition, of the whole window at every position; 0 for training."""
        layer = self.layer
        if layer.kind == "training":
            return 0.0
        each = layer.channels if layer.kind == "conv" else 1
        work = layer.batch * layer.out**2 * layer.filters * layer.kernel**2 * each
        return 2.0 * work

    def bytes(self, itemsize: int) -> float:
        """Bytes of what is read and written, each array once; 0 for training."""
        if self.layer.kind == "training":
            return 0.0
        shapes = self.layer.shapes()
        total = sum(float(np.prod(shape)) for shape in shapes.values())
        return itemsize * total * (2 if self.operation == "pair" else 1)


def arrays(layer: Layer, dtype: str, relu: bool = False) -> dict[str, Array]:
    """The arrays of a layer, the same in every process; random normal numbers, labels for training.

    Args:
        layer: the layer.
        dtype: "float32" or "float64".
        relu: as behind a ReLU: x is not negative, dy is 0 at random places.
    """
    rng = np.random.default_rng(0)
    found: dict[str, Array] = {}
    for name, shape in layer.shapes().items():
        found[name] = rng.standard_normal(shape, np.float32).astype(dtype, copy=False)
    if relu:
        found["x"] = np.maximum(found["x"], 0)
        found["dy"] = found["dy"] * (rng.random(found["dy"].shape, np.float32) < 0.5)
    if layer.kind == "training":
        found["t"] = rng.integers(0, 10, layer.batch)
    return found


A, B, LENET, RESNET, DEPTHWISE, LARGE = "A", "B", "LeNet", "ResNet", "depthwise", "large window"
TRAINING, TRAINING_DEEP = "training", "training, ResNet-20"
MAX2, MAX3, AVERAGE = "pools, max 2x2", "pools, max 3x3", "pools, average"

LAYERS = (
    Layer(A, "3x3 64 to 128 at 112", "conv", 4, 112, 64, 128, 3, padding=1),
    Layer(A, "3x3 128 to 256 at 56", "conv", 4, 56, 128, 256, 3, padding=1),
    Layer(A, "3x3 256 to 512 at 28", "conv", 4, 28, 256, 512, 3, padding=1),
    Layer(A, "3x3 512 to 512 at 14", "conv", 8, 14, 512, 512, 3, padding=1),
    Layer(A, "3x3 64 to 64 at 56", "conv", 8, 56, 64, 64, 3, padding=1),
    Layer(B, "3x3 3 to 64 at 224", "conv", 4, 224, 3, 64, 3, padding=1),
    Layer(B, "7x7/2 3 to 64 at 224", "conv", 4, 224, 3, 64, 7, stride=2, padding=3),
    Layer(B, "1x1 64 to 256 at 56", "conv", 4, 56, 64, 256, 1),
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
    Layer(LARGE, "depthwise 31x31 64 at 56", "depthwise", 4, 56, 64, 64, 31, padding=15),
    Layer(TRAINING, "lenet5", "training", 64, 32, 1, 10, 5),
    Layer(TRAINING, "lenet", "training", 64, 32, 1, 10, 5),
    Layer(TRAINING_DEEP, "resnet20", "training", 32, 32, 3, 10, 3),
)
"""Every layer; the names of the last three are those of the networks in the catalogue."""

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
