"""Contractions of 2-D convolutions by their sizes: with arrays to compute them, or as a description without memory."""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from gradscribe.generated import conv2d
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.contractions.operands import contraction_of
from tests.cases.subscripts import subscripts

Array = np.ndarray
DIRECTIONS = ("forward", "dx", "dw")


class Convolution(NamedTuple):
    """A square kernel on a square image; where `k` is 0, channel by channel."""

    n: int
    size: int
    c: int
    k: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def outputs(self) -> int:
        """Height and width of the result."""
        return (self.size + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) // self.stride + 1

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Of x, w and y."""
        features = (self.k,) if self.k else ()
        x = (self.n, self.size, self.size, self.c)
        return x, (self.kernel, self.kernel, self.c, *features), (self.n, *2 * (self.outputs,), self.k or self.c)

    @property
    def spec(self) -> dict[str, str]:
        """Per direction, x being a window."""
        k = " k" if self.k else ""
        y = " k" if self.k else " c"
        return {
            "forward": f"n i j r t c, r t c{k} -> n i j{y}",
            "dx": f"n i j{y}, r t c{k} -> n i j r t c",
            "dw": f"r t c n i j, n i j{y} -> r t c{k}",
        }

    def window(self, direction: str) -> tuple[tuple[int, ...], tuple[Any, ...]]:
        """Extents and positions of x."""
        o, r = self.outputs, self.kernel
        sizes = {"n": self.n, "i": o, "j": o, "r": r, "t": r, "c": self.c}
        names = "rtcnij" if direction == "dw" else "nijrtc"
        at = names.index
        along = [(-self.padding, (at(v), self.stride), (at(w), self.dilation)) for v, w in ("ir", "jt")]
        return tuple(sizes[v] for v in names), ((0, (at("n"), 1)), *along, (0, (at("c"), 1)))

    def described(self, direction: str, dtype: Any = np.float32) -> Contraction:
        """The contraction without arrays."""
        keys: list[tuple[Any, ...]] = [(shape, _strides(shape, dtype), None) for shape in self.shapes]
        x, w, y = keys
        x = (*x[:2], self.window(direction))
        operands = {"forward": (x, w, y), "dx": (y, w, x), "dw": (x, y, w)}[direction]
        return contraction_of(self.spec[direction], np.dtype(dtype), *operands)

    def computed(self, direction: str, x: Array, w: Array, y: Array) -> Array:
        """The result of a direction by the runtime; what is not given of x, w and y is its place."""
        cases: dict[str, tuple[Any, Any, Any]] = {"forward": (x, w, y), "dx": (y, w, x), "dw": (x, y, w)}
        left, right, out = cases[direction]
        extents, positions = self.window(direction)
        names = "r t c n i j" if direction == "dw" else "n i j r t c"
        spec = self.spec[direction].replace(names, subscripts(positions, names.split()))
        return rt.contract(spec, left, right, out=out, sizes=dict(zip(names.split(), extents, strict=True)))

    def expected(self, direction: str, x: Array, w: Array, y: Array) -> Array:
        """The same in float64, tap by tap with plain products of matrices."""
        x, w, y = (np.array(v, np.float64) for v in (x, w, y))
        pad = ((0, 0), *2 * ((self.padding, self.padding),), (0, 0))
        padded = np.pad(np.zeros_like(x) if direction == "dx" else x, pad)
        result = {"forward": np.zeros_like(y), "dx": padded, "dw": np.zeros_like(w)}[direction]
        for r in range(self.kernel):
            for t in range(self.kernel):
                rows, columns = (
                    slice(q * self.dilation, q * self.dilation + self.stride * (self.outputs - 1) + 1, self.stride)
                    for q in (r, t)
                )
                part = padded[:, rows, columns]
                if direction == "forward":
                    result += part @ w[r, t] if self.k else part * w[r, t]
                elif direction == "dx":
                    part += y @ w[r, t].T if self.k else y * w[r, t]
                else:
                    flat = part.reshape(-1, self.c), y.reshape(-1, y.shape[-1])
                    result[r, t] = flat[0].T @ flat[1] if self.k else (flat[0] * flat[1]).sum(axis=0)
        inner = slice(self.padding, self.padding + self.size)
        return result[:, inner, inner] if direction == "dx" else result


class Grouped(NamedTuple):
    """A convolution of each of some groups."""

    one: Convolution
    groups: int

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of x, w and y."""
        x, w, y = self.one.shapes
        return (*x[:-1], x[-1] * self.groups), (*w[:-1], w[-1] * self.groups), (*y[:-1], y[-1] * self.groups)

    def computed(self, direction: str, x: Array, w: Array, y: Array) -> Array:
        """The result of a direction by the generated functions."""
        c = self.one
        options = {"stride": c.stride, "padding": c.padding, "dilation": c.dilation, "groups": self.groups}
        if direction == "forward":
            return conv2d.conv2d_forward(x, w, np.zeros(w.shape[-1], w.dtype), **options)
        if direction == "dx":
            return conv2d.conv2d_grad_input(y, w, input_shape=x.shape, **options)
        return conv2d.conv2d_grad_weight(y, x, kernel_size=c.kernel, **options)

    def expected(self, direction: str, x: Array, w: Array, y: Array) -> Array:
        """The same group by group, in float64."""
        parts = [np.split(v, self.groups, axis=-1) for v in (x, w, y)]
        return np.concatenate([self.one.expected(direction, *own) for own in zip(*parts, strict=True)], axis=-1)


def _strides(shape: tuple[int, ...], dtype: Any) -> tuple[int, ...]:
    return tuple(np.dtype(dtype).itemsize * prod(shape[axis + 1 :]) for axis in range(len(shape)))
