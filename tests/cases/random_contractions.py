"""Random contractions as kernels and users write them: windows of any kind, products of arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from tests.cases.contraction import Array, Operand, Place, Problem, draw, result_operand

# ----- windows --------------------------------------------------------------------------------------------------------
ALIKE: dict[tuple[int, ...], tuple[int, ...]] = {
    **dict.fromkeys([(5, 3), (3, 7), (7, 3), (5, 7), (7, 5)], (3, 5)),
    (2, 3): (3, 2),
}
"""Kernels in whose place another one stands: loops over tiles are compiled for both sides, which takes seconds."""


@dataclass(frozen=True)
class _Windows:
    """Indices of a windowed array: (position, tap) per spatial axis, and where they lead to."""

    outer: tuple[str, ...]
    taps: tuple[str, ...]
    places: tuple[Place, ...]
    sizes: tuple[int, ...]


def _windows(
    rng: np.random.Generator,
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Callable[[], int],
    dilation: Callable[[], int],
    extents: dict[str, int],
) -> _Windows:
    places = []
    for axis, (size, taps) in enumerate(zip(sizes, ALIKE.get(tuple(kernel), kernel), strict=True)):
        s, d, reach = stride(), dilation(), 0
        reach = d * (taps - 1)
        offset = -int(rng.integers(0, reach + 2)) if rng.random() < 0.7 else int(rng.integers(0, 3))
        count = max(1, (size - offset - reach - 1) // s + 1 + int(rng.integers(-1, 3)))  # windows also leave the array
        extents |= {f"i{axis}": count, f"r{axis}": taps}
        places.append((offset, {f"i{axis}": s, f"r{axis}": d}))
        if rng.random() < 0.04:  # read backwards
            places[-1] = (size - 1 - offset, {f"i{axis}": -s, f"r{axis}": -d})
    axes = range(len(places))
    return _Windows(tuple(f"i{a}" for a in axes), tuple(f"r{a}" for a in axes), tuple(places), tuple(sizes))


def _correlation(
    rng: np.random.Generator,
    family: str,
    windows: _Windows,
    features: Sequence[tuple[str, int]],
    extents: dict[str, int],
    direction: str,
    dtype: Any,
) -> Problem:
    """A correlation, or one of its two gradients; `features` are those of x, w and y among n, g, c, k."""
    extents |= dict(features)
    have = dict(features)

    def plain(letters: str) -> tuple[str, ...]:
        return tuple(v for v in letters if v in have)

    ends: tuple[Place, ...] = tuple((0, {v: 1}) for v in plain("gc"))
    whole: tuple[Place, ...] = (*((0, {v: 1}) for v in plain("n")), *windows.places, *ends)
    x_names = (*plain("n"), *windows.outer, *plain("g"), *windows.taps, *plain("c"))
    w_names = (*windows.taps, *plain("cgk"))
    y_names = (*plain("n"), *windows.outer, *plain("gk"))
    if rng.random() < 0.3:
        x_names = tuple(x_names[k] for k in rng.permutation(len(x_names)))
    if rng.random() < 0.2:
        w_names = tuple(w_names[k] for k in rng.permutation(len(w_names)))
    source = (*(extents[v] for v in plain("n")), *windows.sizes, *(extents[v] for v in plain("gc")))
    if direction == "dx":
        x = Operand(draw(rng, source, dtype, kept=True), x_names, whole)
    else:
        x = Operand(draw(rng, source, dtype), x_names, whole)
    w, y = (Operand(draw(rng, [extents[v] for v in names], dtype), names) for names in (w_names, y_names))
    add = rng.random() < 0.3
    if direction == "forward":
        left, right, names, out = x, w, y_names, result_operand(rng, y_names, extents, dtype)
    elif direction == "dw":
        left, right, names, out = x, y, w_names, result_operand(rng, w_names, extents, dtype)
    else:
        left, right, names, out = y, w, x_names, x
    if rng.random() < 0.5:
        left, right = right, left
    return Problem(f"{family} {direction}", extents, left, right, out, names, add and out is not None)


def convolution(rng: np.random.Generator, dtype: Any) -> Problem:
    """Any correlation of 0 to 3 spatial axes: strides, dilation, groups, windows that leave the array, extents 1, 0."""
    rank = int(rng.integers(0, 4))
    most = (0, 12, 8, 5)[rank]
    sizes = [int(rng.integers(1, most + 1)) for _ in range(rank)]
    kernel = [int(rng.integers(1, 5)) for _ in range(rank)]
    extents: dict[str, int] = {}
    small = lambda: int(rng.integers(1, 4)) if rng.random() < 0.5 else 1  # noqa: E731
    windows = _windows(rng, sizes, kernel, small, small, extents)
    n = 0 if rng.random() < 0.04 else int(rng.integers(1, 4))
    features = [("n", n), ("c", int(rng.integers(1, 6))), ("k", int(rng.integers(1, 6)))]
    if rng.random() < 0.4:
        features.append(("g", int(rng.integers(1, 4))))
    features = [f for f in features if f[0] == "n" or rng.random() < 0.9]
    return _correlation(rng, "convolution", windows, features, extents, _direction(rng), dtype)


def unit_stride(rng: np.random.Generator, dtype: Any, direction: str = "") -> Problem:
    """Windows of 2 to 7 at stride 1, over 4 to 20 channels; in any direction where none is given."""
    rank = int(rng.choice([1, 2, 2]))
    side = int(rng.choice([3, 3, 3, 5, 2, 4, 7]))
    kernel = [side if rng.random() < 0.9 else int(rng.choice([1, 3])) for _ in range(rank)]
    sizes = [int(rng.integers(side, 17)) for _ in range(rank)]
    extents: dict[str, int] = {}
    step = 2 if rng.random() < 0.15 else 1
    windows = _windows(rng, sizes, kernel, lambda: 1, lambda: step, extents)
    features = [("n", int(rng.integers(1, 4))), ("c", int(rng.integers(4, 21))), ("k", int(rng.integers(4, 21)))]
    if rng.random() < 0.15:
        features.append(("g", int(rng.integers(1, 3))))
    return _correlation(rng, "unit stride", windows, features, extents, direction or _direction(rng), dtype)


def layered(rng: np.random.Generator, dtype: Any) -> Problem:
    """The forward pass of arrays that lie in memory row by row, as those of layers do."""
    found = unit_stride(rng, dtype, "forward")
    left, right = (replace(side, array=np.array(side.array, order="C")) for side in (found.left, found.right))
    out = found.out and replace(found.out, array=np.array(found.out.array, order="C"))
    return replace(found, family="layered", left=left, right=right, out=out)


def few_channels(rng: np.random.Generator, dtype: Any) -> Problem:
    """One to four channels, as an image has, and rows that are longer."""
    rank = int(rng.integers(1, 3))
    kernel = [int(rng.integers(2, 8)) for _ in range(rank)]
    sizes = [int(rng.integers(8, 33)) for _ in range(rank)]
    extents: dict[str, int] = {}
    step = 1 if rng.random() < 0.7 else 2
    windows = _windows(rng, sizes, kernel, lambda: step, lambda: 1, extents)
    features = [("n", int(rng.integers(1, 4))), ("c", int(rng.integers(1, 5))), ("k", int(rng.integers(2, 9)))]
    return _correlation(rng, "few channels", windows, features, extents, _direction(rng), dtype)


def depthwise(rng: np.random.Generator, dtype: Any) -> Problem:
    """Every channel on its own, with windows that may be as large as the image."""
    rank = int(rng.integers(1, 3))
    most = 31 if rank == 2 else 63
    long = rng.random() < 0.5
    kernel = [int(rng.integers(most // 2, most + 1)) if long else int(rng.integers(2, 6)) for _ in range(rank)]
    sizes = [k + int(rng.integers(0, 9)) for k in kernel]
    extents: dict[str, int] = {}
    step = 1 if long or rng.random() < 0.5 else 2
    windows = _windows(rng, sizes, kernel, lambda: step, lambda: 1, extents)
    features = [("n", int(rng.integers(1, 3))), ("g", int(rng.integers(1, 4)))]
    return _correlation(rng, "depthwise", windows, features, extents, _direction(rng), dtype)


def _direction(rng: np.random.Generator) -> str:
    return str(rng.choice(["forward", "dx", "dw"]))


# ----- other sums of products -----------------------------------------------------------------------------------------
SPECS = (
    "n c, c k -> n k",
    "n c, n k -> c k",
    "b i j, b j k -> b i k",
    "b h i d, b h j d -> b h i j",
    "n i, i j k -> n j k",
    "n i, n i -> n",
    "n i, n i -> ",
    "n, k -> n k",
    "n i, n i -> n i",
    "n, n i -> i n",
    "n i c, c k -> n k",
    "n i c, c k j -> k n",
    "i j k l, k l m -> m j i",
    "g n c, g c -> g n",
    " , n c -> c n",
)


LONG_SPECS = (
    ("nk", "ck", "nc"),
    ("nk", "ck", "cn"),
    ("bnk", "bck", "bnc"),
    ("bnk", "ck", "bnc"),
    ("nik", "cik", "nc"),
    ("bnik", "bcmik", "bncm"),
)


def product_of_arrays(rng: np.random.Generator, dtype: Any) -> Problem:
    """Sums of products of plain arrays, indices that only one has among them."""
    if rng.random() < 0.6:
        return along_memory(rng, dtype)
    left, right, out = (
        tuple(part.split()) for part in SPECS[int(rng.integers(len(SPECS)))].replace("->", ",").split(",")
    )
    extents = {v: int(rng.choice([1, 2, 3, 5, 8, 40])) for v in dict.fromkeys((*left, *right))}
    a, b = (Operand(draw(rng, [extents[v] for v in names], dtype), names) for names in (left, right))
    target = result_operand(rng, out, extents, dtype)
    return Problem("arrays", extents, a, b, target, out, target is not None and bool(rng.random() < 0.3))


def along_memory(rng: np.random.Generator, dtype: Any) -> Problem:
    """Sums over what lies next to each other in both factors, as a gradient by the input of a dense layer has them."""
    left, right, names = LONG_SPECS[int(rng.integers(len(LONG_SPECS)))]
    extents = {v: int(rng.integers(1, 14)) for v in "bnmc"} | {
        "i": int(rng.integers(1, 4)),
        "k": int(rng.integers(16, 90)),
    }
    extents = {v: n for v, n in extents.items() if v in (*left, *right)}
    a, b = (
        Operand(rng.normal(size=[extents[v] + (v == own[-1]) for v in own]).astype(dtype)[..., 1:], tuple(own))
        for own in (left, right)
    )
    target = result_operand(rng, tuple(names), extents, dtype)
    return Problem("along memory", extents, a, b, target, tuple(names), target is not None and bool(rng.random() < 0.3))


def odd_windows(rng: np.random.Generator, dtype: Any) -> Problem:
    """What users may write: two windows, a diagonal, an axis at a number, weights per position, steps downwards."""
    extents = {v: int(rng.integers(1, 6)) for v in ("n", "i", "r", "c", "k")}
    size = int(rng.integers(1, 9))
    place = (int(rng.integers(-2, 3)), {"i": int(rng.choice([-1, 1, 2])), "r": int(rng.choice([-1, 1, 1, 2, 3]))})
    kind = int(rng.integers(5))

    def array(*shape: int) -> Array:
        return draw(rng, shape, dtype)

    n, c, k = extents["n"], extents["c"], extents["k"]
    along: tuple[Place, ...] = ((0, {"n": 1}), place, (0, {"c": 1}))
    window = Operand(array(n, size, c), ("n", "i", "r", "c"), along)
    names: tuple[str, ...] = ("n", "i", "k")
    if kind == 0:  # both factors are windows
        other = Operand(array(size, c, k), ("i", "r", "c", "k"), (place, (0, {"c": 1}), (0, {"k": 1})))
    elif kind == 1:  # a weight for every position
        other = Operand(array(extents["i"], extents["r"], c, k), ("i", "r", "c", "k"))
    elif kind == 2:  # a diagonal
        window = Operand(array(n, size, size), ("n", "i", "r"), ((0, {"n": 1}), place, (1, {"i": 1, "r": -1})))
        other = Operand(array(extents["r"], k), ("r", "k"))
        extents.pop("c")
    elif kind == 3:  # an axis at a number, perhaps outside
        at: Place = (int(rng.integers(-1, 3)), {})
        window = Operand(array(n, size, 2, c), ("n", "i", "r", "c"), (*along[:2], at, along[2]))
        other = Operand(array(extents["r"], c, k), ("r", "c", "k"))
    else:  # sums into a window by a weight per position
        w = Operand(array(extents["i"], extents["r"], c, k), ("i", "r", "c", "k"))
        y = Operand(array(n, extents["i"], k), ("n", "i", "k"))
        out = Operand(draw(rng, (n, size, c), dtype, kept=True), ("n", "i", "r", "c"), along)
        return Problem("odd windows", extents, y, w, out, out.names, bool(rng.random() < 0.3))
    return Problem("odd windows", extents, window, other, result_operand(rng, names, extents, dtype), names)


FAMILIES = (convolution, unit_stride, layered, few_channels, depthwise, product_of_arrays, odd_windows)


def problem(seed: Sequence[int], dtype: Any = np.float64) -> Problem:
    """A random contraction of any family."""
    rng = np.random.default_rng(list(seed))
    found = FAMILIES[int(rng.integers(len(FAMILIES)))](rng, dtype)
    assert prod(found.extents.values()) < 50_000_000
    return found
