"""A layer or network with its sizes, the arrays of each kind, and what each operation touches. Data only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

Sizes = Mapping[str, int]
Shapes = dict[str, tuple[int, ...]]

PERCEPTRON = (("N", 64), ("C", 784), ("H", 256), ("G", 128), ("K", 10))
BLOCK = (("N", 8), ("T", 64), ("C", 128), ("A", 4), ("E", 32), ("F", 512))
"""Sizes of the steps."""

SEQUENCES = {
    f"{n}x{t}x{c}x{h}": (("N", n), ("T", t), ("C", c), ("H", h))
    for n, t, c, h in ((16, 64, 64, 64), (32, 100, 128, 128))
}
"""Sizes of what recurrent layers read, batch, positions and features, and units."""


class Operation(NamedTuple):
    """What an operation reads and writes, by names of arrays of those shapes, and its multiplications and additions."""

    touched: str
    flops: Callable[[Sizes], float] = lambda _: 0.0


class Kind(NamedTuple):
    """The shapes of a kind's arrays, and its operations by name.

    Attributes:
        shapes: an axis is a letter of the sizes or a number.
        operations: what is timed separately.
    """

    shapes: Mapping[str, str]
    operations: Mapping[str, Operation]


def _product(factor: float, letters: str) -> Callable[[Sizes], float]:
    def flops(sizes: Sizes) -> float:
        found = factor
        for letter in letters:
            found *= sizes[letter]
        return found

    return flops


def _cell(factor: float) -> Callable[[Sizes], float]:
    return lambda sizes: factor * sizes["N"] * (sizes["C"] + sizes["H"]) * 4 * sizes["H"]


_MATRIX = _product(2, "NCK")
_NORM = {
    "forward": Operation("x gamma beta x"),
    "dx": Operation("dy x gamma x"),
    "dw": Operation("dy x gamma beta"),
}
_CELL = "x h c w r b"
_HEADS = "q k v dy"

KINDS = {
    "dense": Kind(
        {"x": "N C", "w": "C K", "b": "K", "dy": "N K"},
        {
            "forward": Operation("x w b dy", _MATRIX),
            "dx": Operation("dy w x", _MATRIX),
            "dw": Operation("dy x w", _MATRIX),
        },
    ),
    "softmax": Kind({"x": "N C", "dy": "N C"}, {"forward": Operation("x dy"), "dx": Operation("dy x x")}),
    "layer_norm": Kind({"x": "N C", "gamma": "C", "beta": "C", "dy": "N C"}, _NORM),
    "batch_norm": Kind({"x": "N H H C", "gamma": "C", "beta": "C", "dy": "N H H C"}, _NORM),
    "attention": Kind(
        dict.fromkeys(_HEADS.split(), "E L D"),
        {
            "forward": Operation(_HEADS, _product(4, "ELLD")),
            "backward": Operation(f"{_HEADS} q k v", _product(8, "ELLD")),
        },
    ),
    "lstm_cell": Kind(
        {"x": "N C", "h": "N H", "c": "N H", "w": "C 4 H", "r": "H 4 H", "b": "4 H", "dy": "N H", "dz": "N H"},
        {
            "forward": Operation(f"{_CELL} dy dz", _cell(2)),
            "backward": Operation(f"{_CELL} dy dz {_CELL}", _cell(4)),
        },
    ),
    "perceptron": Kind(
        {"x": "N C", "w": "C H", "b": "H", "p": "H G", "d": "G", "q": "G K", "f": "K", "dy": "N K"},
        {"step": Operation("")},
    ),
    "block": Kind(
        {
            "x": "N T C", "gain": "C", "shift": "C", "wq": "C A E", "wk": "C A E", "wv": "C A E", "wo": "A E C",
            "gain2": "C", "shift2": "C", "w1": "C F", "b1": "F", "w2": "F C", "b2": "C", "dy": "N T C",
        },
        {"step": Operation("")},
    ),
    "lstm": Kind({"x": "N T C", "w": "C 4 H", "r": "H 4 H", "b": "4 H", "dy": "N T H"}, {"step": Operation("")}),
    "gru": Kind(
        {"x": "N T C", "w": "C 3 H", "r": "H 3 H", "b": "3 H", "d": "3 H", "dy": "N T H"}, {"step": Operation("")}
    ),
    "simple_rnn": Kind({"x": "N T C", "w": "C H", "r": "H H", "b": "H", "dy": "N T H"}, {"step": Operation("")}),
    "inference": Kind({"x": "N H H C"}, {"predict": Operation("")}),
}  # fmt: skip
"""By the name that sides know them by. A step is forward and all gradients, of the input too."""


@dataclass(frozen=True)
class Case:
    """A layer or network and its sizes.

    Attributes:
        group: rows of a group share a target.
        title: sizes, or the network, as a reader writes them.
        kind: one of `KINDS`.
        sizes: by letter.
    """

    group: str
    title: str
    kind: str
    sizes: tuple[tuple[str, int], ...]

    @property
    def operations(self) -> tuple[str, ...]:
        """What is timed separately."""
        return tuple(KINDS[self.kind].operations)

    @property
    def network(self) -> bool:
        """Whether a step is that of a network rather than of a layer."""
        return self.title.endswith("network")

    def shapes(self) -> Shapes:
        """Shapes of all arrays by name."""
        sizes = dict(self.sizes)
        return {
            name: tuple(int(axis) if axis.isdigit() else sizes[axis] for axis in axes.split())
            for name, axes in KINDS[self.kind].shapes.items()
        }

    def scale(self, name: str) -> float:
        """What random normal numbers are multiplied by: weights keep what goes through many layers at one size."""
        shape = self.shapes()[name]
        return float(1.0 if name in ("x", "dy", "dz", "q", "k", "v", "h", "c") else shape[0] ** -0.5)

    def touched(self, operation: str) -> tuple[str, ...]:
        """What an operation reads and writes, by the names of arrays of those shapes."""
        return tuple(KINDS[self.kind].operations[operation].touched.split())

    def flops(self, operation: str) -> float:
        """Multiplications and additions of an operation; 0 where they take no time, or nobody counts them."""
        return KINDS[self.kind].operations[operation].flops(dict(self.sizes))

    def reduced(self) -> "Case":
        """The same with sizes that take no time; a network of the catalogue has those that it fixes."""
        if self.kind == "inference":
            return self
        return replace(self, sizes=tuple((letter, min(size, 3 + k)) for k, (letter, size) in enumerate(self.sizes)))
