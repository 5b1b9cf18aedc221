"""Weights: those given by name, and those at the beginning."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .arrays import Array, array, as_array
from .extents import same_shape
from .quote import short


def weight(layer: str, weights: Mapping[str, Any], name: str, dtype: Any, expected: tuple[int | None, ...]) -> Array:
    """The weight `name` of a network, of the type and shape expected; None for any extent."""
    if name not in weights:
        raise ValueError(f"{layer}: weight {name} is missing; expected one of shape {_extents(expected)}")
    found = as_array(layer, name, weights[name])
    if found.dtype != dtype:
        raise TypeError(
            f"{layer}: the input is {np.dtype(dtype)}, weight {name} is {found.dtype}; expected one type: convert the "
            f"input, np.asarray(x, np.{found.dtype}), or make the network with dtype=np.{np.dtype(dtype)}"
        )
    if found.ndim != len(expected) or any(e not in (None, f) for e, f in zip(expected, found.shape, strict=True)):
        raise ValueError(f"{layer}: weight {name}: expected shape {_extents(expected)}, found {found.shape}")
    return found


def names(layer: str, argument: str, given: Mapping[str, Any], known: tuple[str, ...], every: bool = False) -> None:
    """Raise where a name in an argument is not known or, if `every` one is expected, missing."""
    wrong = [name for name in given if name not in known]
    absent = [name for name in known if every and name not in given]
    if wrong or absent:
        found = f"received {short(wrong[0])}" if wrong else f"{absent[0]!r} is missing"
        raise ValueError(f"{layer}: argument {argument}: expected names among {', '.join(known)}; {found}")


def direction(layer: str, given: Mapping[str, Any], name: str, dtype: Any, expected: tuple[int, ...]) -> Array:
    """What a first gradient is multiplied by; zeros where it is missing."""
    if given.get(name) is None:
        return np.zeros(expected, dtype)
    found = array(layer, f"direction of {name}", given[name], len(expected))
    same_shape(layer, f"direction of {name}", found.shape, expected)
    return found


def _extents(expected: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if e is None else str(e) for e in expected)}{',' if len(expected) == 1 else ''})"


def uniform(rng: Any, extents: tuple[int, ...], fan_in: int, dtype: Any) -> Array:
    """Initial weights: uniform within ``1/sqrt(fan_in)`` (PyTorch's default, He et al. 2015 with a = sqrt(5))."""
    bound = 1.0 / np.sqrt(max(1, fan_in))
    generator = np.random.default_rng(rng)
    return generator.uniform(-bound, bound, extents).astype(dtype)
