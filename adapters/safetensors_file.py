"""Arrays in safetensors files: written atomically, checked by their header before an array is read. No pickle."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gradscribe.adapters.named import Array, Kind, check, weights
from gradscribe.codegen.files.write import write as write_file
from gradscribe.derive.ir.quote import MOST_LISTED, shown

TYPES = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16", "BOOL": "bool"}


def save(layer: Any, path: str | Path) -> None:
    """Save the weights and running statistics of a layer, network or `Sequential`, by their own names and layouts.

    Args:
        layer: what has them.
        path: a safetensors file; the one there is replaced at once, or not at all.

    Raises:
        OSError: when the file cannot be written.
    """
    write(path, {w.name: w.array for w in weights(layer)}, {"format": "gradscribe"})


def load(layer: Any, path: str | Path) -> None:
    """Load weights and running statistics that `save` wrote, in place.

    Args:
        layer: a layer, network or `Sequential` whose arrays have the same names, shapes and types.
        path: a safetensors file.

    Raises:
        ValueError: when the file is none, or a weight is missing, not expected, misshapen or of another type. Nothing
            has been written then.
        OSError: when the file cannot be read.
    """
    with opened(path) as file:
        found = weights(layer)
        check(str(path), {w.name: Kind(w.array.shape, w.array.dtype.name) for w in found}, kinds(file))
        arrays = [(w.array, file.get_tensor(w.name)) for w in found]
    for ours, array in arrays:
        ours[...] = array


def write(path: str | Path, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write a file: it is the old one or the new one, never a part.

    Args:
        path: of the file.
        arrays: by name.
        metadata: texts by name, kept in the header.

    Raises:
        OSError: when the file cannot be written.
    """
    from safetensors.numpy import save as serialised

    # Not ascontiguousarray: it would give a number an axis.
    laid_out = {name: np.array(array, order="C") for name, array in arrays.items()}
    write_file(path, serialised(laid_out, dict(metadata)))


@contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """An open safetensors file.

    Raises:
        ValueError: when it is none.
        OSError: when it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with Path(path).open("rb"):  # a missing file is an OSError with its name, a folder too
            pass
        with safe_open(path, framework="np") as file:
            yield file
    except SafetensorError as error:
        reason = shown(" ".join(str(error).split()), MOST_LISTED)
        raise ValueError(f"{path}: expected a safetensors file, found something else ({reason})") from None


def kinds(file: Any) -> dict[str, Kind]:
    """Shape and type of every array of an open file, from its header."""
    found = {}
    for name in sorted(file.keys()):
        part = file.get_slice(name)
        dtype = part.get_dtype()
        found[name] = Kind(tuple(part.get_shape()), TYPES.get(dtype, dtype))
    return found
