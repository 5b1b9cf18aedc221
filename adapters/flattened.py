"""Which weights have a flattened image as their first axis: frameworks flatten channels first, or last as we do."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradscribe.adapters.layouts import PER_FEATURE
from gradscribe.adapters.named import Array, layer_name, parts, weights

Images = Mapping[str, tuple[int, ...]]
"""The name of a weight -> the image (H, W, C), channels last, that its first axis is, in row-major order."""


def flattened_images(layer: Any) -> Images:
    """The flattened images in `layer`: what a network says, or what follows a `Flatten` in a row of layers.

    Raises:
        ValueError: when a `Flatten` has not been called, so that the shape of its image is not known.
    """
    found: dict[str, tuple[int, ...]] = {}
    flatten: Any = None
    for path, part in parts(layer):
        name = layer_name(part)
        of = {w: f"{path}.{w}" if path else w for w in (*part.params, *part.state)}
        found |= {of[w]: tuple(image) for w, image in getattr(part, "flattened", {}).items()}
        if name == "flatten":
            flatten = part
        elif flatten is not None and of:
            if name == "dense" or name in PER_FEATURE:
                seen = [w for w in of if name != "dense" or w == "w"]
                found |= dict.fromkeys((of[w] for w in seen), _image(flatten, of[seen[0]]))
            flatten = flatten if name in PER_FEATURE else None
    return found


def _image(flatten: Any, name: str) -> tuple[int, ...]:
    if flatten._saved is None:
        raise ValueError(
            f"weight {name}: the shape of the image that Flatten flattens is not known; "
            f'call the layers once, or give flattened={{"{name}": (height, width, channels)}}'
        )
    return tuple(flatten._saved[0][1:])


def check_images(layer: Any, images: Images) -> None:
    """Raise unless every image has as many elements as its weight has rows.

    Raises:
        ValueError: one line with the weight, its rows and the image.
    """
    arrays = {w.name: w.array for w in weights(layer)}
    for name, image in images.items():
        if name not in arrays:
            raise ValueError(f"flattened: no weight is called {name}; expected one of {', '.join(arrays)}")
        rows = arrays[name].shape[0] if arrays[name].ndim else 0
        if len(image) < 2 or int(np.prod(image)) != rows:
            raise ValueError(f"flattened: weight {name}: expected an image of {rows} elements, found {tuple(image)}")


def channels_first(array: Array, image: tuple[int, ...]) -> Array:
    """Its rows in the order channel, row, column."""
    axes = len(image)
    moved = np.moveaxis(array.reshape(*image, *array.shape[1:]), axes - 1, 0)
    return moved.reshape(array.shape)


def channels_last(array: Array, image: tuple[int, ...]) -> Array:
    """Its rows in the order row, column, channel; they were in that of `channels_first`."""
    axes = len(image)
    moved = np.moveaxis(array.reshape(image[-1], *image[:-1], *array.shape[1:]), 0, axes - 1)
    return moved.reshape(array.shape)
