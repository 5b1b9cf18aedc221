"""Sizes that layers and networks of the catalogue commonly have: what `gradscribe compile` compiles by itself."""

from collections.abc import Mapping
from typing import NamedTuple


class Configuration(NamedTuple):
    """A layer or network with its sizes.

    Attributes:
        name: in the catalogue.
        shapes: of inputs by name, those that others do not follow from.
        settings: options, features and sizes by name.
    """

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    settings: Mapping[str, str]


def _image(name: str, x: tuple[int, ...], w: tuple[int, ...], **settings: int) -> Configuration:
    return Configuration(name, {"x": x, "w": w}, {key: str(value) for key, value in settings.items()})


def _rows(name: str, *shape: int) -> Configuration:
    return Configuration(name, {"x": shape}, {})


def _pool(name: str, **settings: int) -> Configuration:
    return Configuration(name, {"x": (8, 112, 112, 64)}, {key: str(value) for key, value in settings.items()})


_HEADS = (8, 128, 64)
_CELL = {"x": (64, 128), "h": (64, 128)}

CONFIGURATIONS = (
    Configuration("lenet5", {"x": (64, 32, 32, 1)}, {}),
    Configuration("lenet", {"x": (64, 32, 32, 1)}, {}),
    Configuration("resnet20", {"x": (32, 32, 32, 3)}, {}),
    Configuration("vgg11", {"x": (32, 32, 32, 3)}, {}),
    _image("conv2d", (8, 56, 56, 64), (3, 3, 64, 64), padding=1),
    _image("conv2d", (8, 28, 28, 128), (3, 3, 128, 128), padding=1),
    _image("conv2d", (8, 14, 14, 256), (3, 3, 256, 256), padding=1),
    _image("conv2d", (8, 56, 56, 64), (3, 3, 64, 128), padding=1, stride=2),
    _image("conv2d", (4, 224, 224, 3), (7, 7, 3, 64), padding=3, stride=2),
    _image("conv2d", (4, 56, 56, 64), (1, 1, 64, 256)),
    _image("depthwise_conv2d", (8, 112, 112, 32), (3, 3, 32, 1), padding=1),
    _pool("max_pool2d", kernel_size=2),
    _pool("max_pool2d", kernel_size=3, stride=2, padding=1),
    _pool("avg_pool2d", kernel_size=2),
    _rows("batch_norm", 8, 56, 56, 64),
    _rows("layer_norm", 4096, 512),
    _rows("rms_norm", 4096, 512),
    _rows("softmax", 4096, 512),
    _rows("log_softmax", 4096, 512),
    *(_rows(name, 4096, 512) for name in ("relu", "gelu", "silu", "sigmoid", "tanh")),
    Configuration("scaled_dot_product_attention", {"q": _HEADS, "k": _HEADS, "v": _HEADS, "m": (128, 128)}, {}),
    Configuration("lstm_cell", {**_CELL, "w": (128, 4, 128), "r": (128, 4, 128)}, {}),
    Configuration("gru_cell", _CELL, {}),
    Configuration("dense", {"x": (64, 512), "w": (512, 512)}, {}),
)
