"""Read MNIST's IDX files, gzipped or not.

An IDX file is two zero bytes, one byte for the element type (8: unsigned byte), one for the number of
axes, the extent of each axis as a big-endian 32-bit integer, then the elements in row-major order.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UNSIGNED_BYTE = 8


class IdxError(ValueError):
    """A file that is missing or is not what its name promises; the message names it and fits on one line."""


def read_mnist(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read one part of MNIST.

    Args:
        folder: where the files are, under the names they were published with.
        part: "train" or "t10k".

    Returns:
        Images (N, 28, 28) and labels (N,), each label in 0..9.

    Raises:
        IdxError: if a file is missing, damaged, or does not fit the other one.
    """
    images_file = find(folder, f"{part}-images-idx3-ubyte")
    labels_file = find(folder, f"{part}-labels-idx1-ubyte")
    images = read_idx(images_file, axes=3)
    labels = read_idx(labels_file, axes=1)
    if images.shape[1:] != (28, 28):
        raise IdxError(f"{images_file}: expected images of 28x28 pixels, got {images.shape[1]}x{images.shape[2]}")
    if len(images) == 0:
        raise IdxError(f"{images_file}: expected at least one image, got none")
    if len(labels) != len(images):
        raise IdxError(f"{labels_file}: expected {len(images)} labels, one per image, got {len(labels)}")
    if labels.max() > 9:
        raise IdxError(f"{labels_file}: expected labels 0..9, got {labels.max()}")
    return images, labels


def find(folder: Path, name: str) -> Path:
    """Return the file of that name in the folder, with or without ".gz"; the plain one wins."""
    if not folder.is_dir():
        raise IdxError(f"{folder}: no such directory")
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    raise IdxError(f"{folder}: neither {name} nor {name}.gz is there")


def read_idx(file: Path, *, axes: int) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes with that many axes; raise IdxError if it is anything else."""
    content = read_bytes(file)
    magic = bytes([0, 0, UNSIGNED_BYTE, axes])
    if content[:4] != magic:
        raise IdxError(f"{file}: expected the IDX magic number {magic.hex()}, got {content[:4].hex() or 'nothing'}")
    start = 4 + 4 * axes
    if len(content) < start:
        raise IdxError(f"{file}: expected a header of {start} bytes, the file ends after {len(content)}")
    shape = tuple(int.from_bytes(content[at : at + 4]) for at in range(4, start, 4))
    if len(content) - start != math.prod(shape):
        sizes = "x".join(map(str, shape))
        raise IdxError(f"{file}: expected {sizes} = {math.prod(shape)} elements, got {len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_bytes(file: Path) -> bytes:
    """Return the file's bytes, unpacked if its name ends in ".gz"."""
    try:
        content = file.read_bytes()
        return gzip.decompress(content) if file.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise IdxError(f"{file}: cannot be read: {error}") from error
