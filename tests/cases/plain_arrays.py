"""Arrays of single numbers, which small examples are computed with, as NumPy's and the other way."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradscribe.derive.ir.interpret.plain import Array


def array(plain: Array) -> np.ndarray:
    """As NumPy has it."""
    return np.array(list(plain.numbers)).reshape(plain.shape)


def arrays(plain: Mapping[str, Array]) -> dict[str, np.ndarray]:
    """The same of several."""
    return {name: array(own) for name, own in plain.items()}


def plain(given: Any) -> Array:
    """An array of NumPy's as numbers by their places."""
    found = np.asarray(given)
    return Array(found.shape, {at: found[at].item() for at in np.ndindex(found.shape)})
