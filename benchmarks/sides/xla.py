"""JAX on the CPU, jitted, on channels-last arrays."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.rows import Array, Layer, Row
from benchmarks.sides import Prepared, Unsupported

LAYOUTS = {1: ("NHC", "HIO", "NHC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}


def start(threads: int) -> None:
    """The driver has chosen the number of threads in the environment; float64 is allowed here."""
    jax.config.update("jax_enable_x64", True)


def release() -> None:
    """XLA's CPU allocator keeps nothing that can be given back."""


def prepare(row: Row, arrays: Mapping[str, Array]) -> Prepared:
    """The row's operation on these arrays.

    Raises:
        Unsupported: for all but convolutions and pools.
    """
    layer = row.layer
    if not isinstance(layer, Layer) or layer.kind in ("training", "transposed"):
        raise Unsupported("convolutions and pools only")
    x, dy = (jnp.asarray(arrays[name]) for name in ("x", "dy"))
    if "pool" in layer.kind:
        return _pair(_pool(layer), x, dy)
    w = jnp.asarray(arrays["w"].swapaxes(2, 3) if layer.kind == "depthwise" else arrays["w"])
    operation = _convolution(layer)
    jitted = {
        "forward": (jax.jit(operation), (x, w)),
        "dx": (jax.jit(lambda g, v: jax.vjp(lambda u: operation(u, v), x)[1](g)[0]), (dy, w)),
        "dw": (jax.jit(lambda g, u: jax.vjp(lambda v: operation(u, v), w)[1](g)[0]), (dy, x)),
    }
    function, given = jitted[row.operation]
    return Prepared(
        lambda: function(*given).block_until_ready(), lambda found: {row.operation: _result(layer, row, found)}
    )


def _convolution(layer: Layer) -> Callable[[Any, Any], Any]:
    groups = layer.channels if layer.kind == "depthwise" else layer.groups

    def convolution(x: Any, w: Any) -> Any:
        return lax.conv_general_dilated(
            x, w, (layer.stride,) * layer.axes, [(layer.padding,) * 2] * layer.axes,
            rhs_dilation=(layer.dilation,) * layer.axes, dimension_numbers=LAYOUTS[layer.axes],
            feature_group_count=groups,
        )  # fmt: skip

    return convolution


def _result(layer: Layer, row: Row, found: Any) -> Array:
    values = np.asarray(found)
    return values.swapaxes(2, 3) if layer.kind == "depthwise" and row.operation == "dw" else values


def _pool(layer: Layer) -> Callable[[Any], Any]:
    window, strides = (1, layer.kernel, layer.kernel, 1), (1, layer.stride, layer.stride, 1)
    padding = ((0, 0), (layer.padding,) * 2, (layer.padding,) * 2, (0, 0))

    def pool(x: Any) -> Any:
        if layer.kind == "max_pool":
            return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, padding)
        return lax.reduce_window(x, 0.0, lax.add, window, strides, padding) / layer.kernel**2

    return pool


def _pair(pool: Callable[[Any], Any], x: Any, dy: Any) -> Prepared:
    def both(given: Any, gradient: Any) -> Any:
        y, back = jax.vjp(pool, given)
        return y, back(gradient)[0]

    jitted = jax.jit(both)

    return Prepared(
        lambda: jax.block_until_ready(jitted(x, dy)),
        lambda found: dict(zip(("y", "dx"), map(np.asarray, found), strict=True)),
    )
