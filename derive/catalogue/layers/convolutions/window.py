"""Sliding windows over one, two or three spatial axes: letters, positions, how many windows fit, and the options.

Along an axis the output position i sees the elements ``s*i + d*r - p`` of the input, r being a position in the kernel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Symbol

from gradscribe.derive.ir.index import integer, integers, minimum
from gradscribe.derive.layer.interface import REQUIRED, Kind, Option, Requirement
from gradscribe.derive.layer.interval import Interval
from gradscribe.said import Message

ISOTROPIC = (("stride", "s"), ("padding", "p"))
"""One symbol for all axes in print, as in a textbook."""


@dataclass(frozen=True)
class Axis:
    """The letters of one spatial axis.

    Attributes:
        extent: of the input.
        place: index of the input position.
        out: index of the output position.
        tap: index of the position in the kernel.
        kernel: extent of the kernel.
        suffix: behind the letters of stride s, dilation d, padding p and output padding o.
        word: what errors call the axis.
    """

    extent: str
    place: str
    out: str
    tap: str
    kernel: str
    suffix: str
    word: str

    @property
    def windows(self) -> str:
        """The extent of the output."""
        return f"{self.extent}_out"

    def symbol(self, letter: str) -> str:
        """The name of this axis' stride s, dilation d, padding p or output padding o."""
        return f"{letter}{self.suffix}"

    @property
    def end(self) -> str:
        """The name of the padding after the end."""
        return f"p{self.suffix}_end"

    def reach(self) -> str:
        """The extent of the dilated kernel minus one."""
        return f"{self.symbol('d')}*({self.kernel} - 1)"

    def position(self) -> str:
        """The element that the output position sees at the position in the kernel."""
        s, d, p = (self.symbol(letter) for letter in "sdp")
        return f"{s}*{self.out} + {d}*{self.tap} - {p}"

    def count(self) -> str:
        """How many windows fit (Dumoulin and Visin, A guide to convolution arithmetic, 2016, relationship 15)."""
        return f"({self.space()})//{self.symbol('s')} + 1"

    def pooled_count(self) -> str:
        """As `count`; with ceil_mode also a last partial window that starts inside the input or the left padding."""
        s = self.symbol("s")
        rounded_up = f"({self.space()} + {s} - 1)//{s} + 1"
        starts_inside = f"({self.extent} + {self.symbol('p')} - 1)//{s} + 1"
        return f"choose(ceil_mode, min({rounded_up}, {starts_inside}), {self.count()})"

    def space(self) -> str:
        """How far a window may move."""
        return f"{self.extent} + {self.symbol('p')} + {self.end} - {self.reach()} - 1"


_DEPTH = Axis("D", "q", "l", "a", "A", "_d", "depth")
_HEIGHT = Axis("H", "h", "i", "r", "R", "_h", "height")
_WIDTH = Axis("W", "v", "j", "t", "T", "_w", "width")
_LENGTH = Axis("W", "v", "j", "t", "T", "", "width")

SPATIAL: dict[int, tuple[Axis, ...]] = {
    1: (_LENGTH,),
    2: (_HEIGHT, _WIDTH),
    3: (_DEPTH, _HEIGHT, _WIDTH),
}
"""The axes of images of one, two and three dimensions."""


def joined(axes: Iterable[Axis], attribute: str) -> str:
    """An attribute of all axes, such as ``i, j``."""
    return ", ".join(getattr(axis, attribute) for axis in axes)


def positions(axes: Iterable[Axis]) -> str:
    """The subscripts of a window."""
    return ", ".join(axis.position() for axis in axes)


def sizes(axes: Iterable[Axis], pooled: bool = False) -> str:
    """The lines that define the output's extents."""
    counts = {axis: axis.pooled_count() if pooled else axis.count() for axis in axes}
    return "\n".join(f"{axis.windows} = {count}\n{axis.out} < {axis.windows}" for axis, count in counts.items())


def kernel_ranges(axes: Iterable[Axis]) -> str:
    """The lines that give the kernel's indices their extents."""
    return "\n".join(f"{axis.tap} < {axis.kernel}" for axis in axes)


def words(axes: Iterable[Axis]) -> tuple[tuple[Symbol, str], ...]:
    """What errors call the extents."""
    axes = tuple(axes)
    found = {"N": "batch", **{axis.extent: axis.word for axis in axes}, "C": "channels"}
    found |= {axis.kernel: f"kernel {axis.word}" for axis in axes}
    return tuple((integer(name), word) for name, word in found.items())


def symbols(axes: Iterable[Axis], letter: str) -> tuple[Symbol, ...]:
    """Stride s, dilation d, padding p or output padding o of all axes."""
    return tuple(integer(axis.symbol(letter)) for axis in axes)


def kernel_size(axes: Iterable[Axis], default: int | None = REQUIRED) -> Option:
    """The option kernel_size."""
    return Option(
        "kernel_size", tuple(integer(axis.kernel) for axis in axes), default=default, words=Message("kernel size")
    )


def stride(axes: Sequence[Axis], default: int | str = 1) -> Option:
    """The option stride."""
    return Option("stride", symbols(axes, "s"), default=default, words=Message("stride"))


def dilation(axes: Sequence[Axis]) -> Option:
    """The option dilation."""
    return Option("dilation", symbols(axes, "d"), default=1, words=Message("dilation"))


def padding(axes: Sequence[Axis]) -> Option:
    """The option padding of windows: 'same' pads by the reach of the dilated kernel."""
    reach = tuple(integer(a.symbol("d")) * (integer(a.kernel) - 1) for a in axes)
    return Option("padding", _ends(axes), Kind.PADDING, 0, None, reach, symbols(axes, "s"), Message("padding"))


def margins(axes: Sequence[Axis]) -> Option:
    """The option padding of a layer that only pads; there is no kernel, and 'same' adds nothing."""
    none = (Integer(0),) * len(axes)
    return Option(
        "padding", _ends(axes), Kind.PADDING, reach=none, step=(Integer(1),) * len(axes), words=Message("padding")
    )


def _ends(axes: Sequence[Axis]) -> tuple[Symbol, ...]:
    return tuple(integer(name) for axis in axes for name in (axis.symbol("p"), axis.end))


def ceil_mode() -> Option:
    """The option ceil_mode: a last partial window counts."""
    return Option("ceil_mode", integers("ceil_mode"), Kind.FLAG, default=False)


def half_of_kernel(axes: Iterable[Axis]) -> Requirement:
    """Padding of at most half of the dilated kernel: no window lies wholly in the padding of one side."""
    found: list[Expr] = []
    for axis in axes:
        extent = integer(axis.symbol("d")) * (integer(axis.kernel) - 1) + 1
        found += [extent - 2 * integer(axis.symbol("p")), extent - 2 * integer(axis.end)]
    return Requirement(tuple(found), "padding", "at most half of the kernel's extent")


def within_extent(axes: Iterable[Axis]) -> Requirement:
    """Dilation of at most the extent, so that no window steps over the whole input; a kernel of one element never does.

    With `half_of_kernel` every window then sees an element of the input.
    """
    found = ((integer(a.kernel) - 1) * (integer(a.extent) - integer(a.symbol("d"))) for a in axes)
    return Requirement(tuple(found), "dilation", "at most the extent of the input")


def output_padding(axes: Sequence[Axis]) -> tuple[Option, Requirement]:
    """The option output_padding of a transposed convolution, and what must hold of it."""
    least: list[Expr] = []
    for axis in axes:
        s, d, o = (integer(axis.symbol(letter)) for letter in "sdo")
        least.append(-minimum(-s, -d) - 1 - o)
    option = Option(
        "output_padding", symbols(axes, "o"), default=0, interval=Interval(0), words=Message("output_padding")
    )
    return option, Requirement(tuple(least), "output_padding", "less than the stride or less than the dilation")
