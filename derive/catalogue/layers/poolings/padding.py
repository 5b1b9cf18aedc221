"""Padding of images, forward equations only. The padding is (start, end) per axis, first axis first, as for `conv2d`.

One axis is padded after the other: z has its rows padded, y its columns too. In every equation the first summand is x
in its place, which reads 0 outside x; the others fill what lies before and behind.
"""

from collections.abc import Callable
from typing import Any

from sympy import Symbol

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.convolutions.window import SPATIAL, Axis, joined, margins, words
from gradscribe.derive.ir.index import integer
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Kind, Layer, Option, Requirement
from gradscribe.said import Message


def _reflected(axis: Axis) -> tuple[str, str]:
    """What stands before and behind: the positions mirrored at 0 and at the last element."""
    return f"{axis.symbol('p')} - {axis.out}", f"2*({axis.extent} - 1) + {axis.symbol('p')} - {axis.out}"


def _replicated(axis: Axis) -> tuple[str, str]:
    """What stands before and behind: the first and the last position."""
    return "0", f"{axis.extent} - 1"


def _repeated(axis: Axis) -> tuple[str, str]:
    """What stands before and behind: the positions one period away."""
    return f"{axis.out} - {axis.symbol('p')} + {axis.extent}", f"{axis.out} - {axis.symbol('p')} - {axis.extent}"


def _padded(rank: int, ends: Callable[[Axis, str], tuple[str, str]]) -> str:
    """The equations that pad axis after axis; `ends` gives the values before and behind, from ``x[n, {}, c]``."""
    axes = SPATIAL[rank]
    lines, source = [], "x"
    for number, axis in enumerate(axes):
        subscripts = [*(a.out for a in axes[:number]), "{}", *(a.place for a in axes[number + 1 :])]
        place = f"[n, {', '.join(subscripts)}, c]"
        target = "y" if axis is axes[-1] else "z"
        padding, left = axis.symbol("p"), target + place.format(axis.out)
        before, behind = ends(axis, source + place)
        shifted = source + place.format(f"{axis.out} - {padding}")
        lines.append(f"{left} = {shifted} + [{axis.out} < {padding}] * {before}")
        lines.append(f"{left} += [{axis.extent} + {padding} <= {axis.out}] * {behind}")
        source = target
    return "\n".join(lines)


def _padding(rank: int, equations: str, name: str, **fields: Any) -> Layer:
    """A layer that pads `rank` spatial axes, after `equations`."""
    axes = SPATIAL[rank]
    grown = "\n".join(f"{a.windows} = {a.extent} + {a.symbol('p')} + {a.end}\n{a.out} < {a.windows}" for a in axes)
    return read(
        f"""
        input x[N, {joined(axes, "extent")}, C]
        {grown}
        {equations}
        """,
        f"{name}_pad{rank}d",
        class_name=f"{name.capitalize()}Pad{rank}D",
        title=LAYERS[f"{name}_pad{rank}d"].title,
        options=(margins(axes), *fields.pop("options", ())),
        axes=words(axes),
        display=(("padding", "p"),),
        source="Dumoulin and Visin, A guide to convolution arithmetic, 2016, chapter 2"
        if name in ("zero", "constant")
        else "Harris et al., Array programming with NumPy, 2020 (the modes of numpy.pad)",
        **fields,
    )


def _continued(rank: int, name: str, positions: Callable[[Axis], tuple[str, str]], **fields: Any) -> Layer:
    """Padding by elements of x from the `positions` that each axis has before and behind."""

    def ends(axis: Axis, element: str) -> tuple[str, str]:
        start, end = positions(axis)
        return element.format(start), element.format(end)

    return _padding(rank, _padded(rank, ends), name, **fields)


def _at_most(rank: int, less: int, expected: str) -> Requirement:
    """Padding of at most the extent minus `less`."""
    pairs = [(integer(a.extent), integer(p)) for a in SPATIAL[rank] for p in (a.symbol("p"), a.end)]
    return Requirement(tuple(extent - padding - less for extent, padding in pairs), "padding", expected)


def _reflection(rank: int) -> Layer:
    limit = _at_most(rank, 1, "less than the extent")
    return _continued(rank, "reflection", _reflected, requirements=(limit,))


def _replication(rank: int) -> Layer:
    filled = tuple(integer(axis.extent) - 1 for axis in SPATIAL[rank])
    limit = Requirement(filled, "padding", "given for axes that have an element")
    return _continued(rank, "replication", _replicated, requirements=(limit,))


def _circular(rank: int) -> Layer:
    limit = _at_most(rank, 0, "at most the extent")
    return _continued(rank, "circular", _repeated, requirements=(limit,))


def zero_pad2d() -> Layer:
    """Zeros around the image."""
    return _padding(2, "y[n, i, j, c] = x[n, i - p_h, j - p_w, c]", "zero")


def constant_pad2d() -> Layer:
    """The value a around the image."""
    equations = _padded(2, lambda axis, element: ("a", "a"))
    value = Option("value", (Symbol("a", real=True),), Kind.NUMBER, default=0.0, words=Message("value"))
    return _padding(2, f"a = 0.0\n{equations}", "constant", options=(value,))


def reflection_pad1d() -> Layer:
    """The sequence mirrored at its ends, which are not repeated."""
    return _reflection(1)


def reflection_pad2d() -> Layer:
    """The image mirrored at its borders, which are not repeated."""
    return _reflection(2)


def replication_pad1d() -> Layer:
    """The end elements repeated."""
    return _replication(1)


def replication_pad2d() -> Layer:
    """The border elements repeated."""
    return _replication(2)


def circular_pad1d() -> Layer:
    """The sequence continued periodically."""
    return _circular(1)


def circular_pad2d() -> Layer:
    """The image continued periodically."""
    return _circular(2)
