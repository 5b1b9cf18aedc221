"""LeNet-5 put together from layers by hand, until a generated network class takes its place.

Its interface is that of a network: net(x), net.loss(x, t), net.backward(), net.predict(x), net.params, net.grads.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from generated import (
    ConnectedConv2D,
    Conv2D,
    Dense,
    EuclideanRBF,
    Flatten,
    MapCriterion,
    ScaledTanh,
    Subsampling2D,
)

Array = NDArray[Any]

# Table I of the paper: which maps of S2 (row) a map of C3 (column) reads.
TABLE = """
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX
"""

# Figure 3 of the paper: the codes of the digits 0 to 9, 7 pixels wide and 12 high.
BITMAPS = """
.#####. ...##.. .#####. ####### .#####. .#####. ..####. ####### .#####. .#####.
....... ..###.. ....... .....## ....... ....... .##.... .....## ##...## ##..###
..###.. .####.. .#####. ....##. ....... ####### ##..... .....## ##...## ##...##
.##.##. ...##.. ##...## ...##.. .##..## ##..... ##..... ....##. ##...## ##...##
##...## ...##.. #....## ..####. .##..## ##..... ######. ...##.. .#####. ##..###
##...## ...##.. ....##. .....## ###..## .####.. ###..## ...##.. ##...## .######
##...## ...##.. ..###.. .....## ##...## ..####. ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ##...## .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ##..### ##...## ###..## ..##... ##...## ....##.
..###.. .###### ####### .#####. .###### .#####. .#####. ..##... .#####. .####..
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
"""


def connections() -> Array:
    """Table I: 1 where a map of S2 (row) is read by a map of C3 (column), else 0; shape (6, 16)."""
    return np.array([[mark == "X" for mark in row] for row in TABLE.split()], np.float32)


def codes() -> Array:
    """The codes of the digits, row by row, 1 for ink and -1 for paper; shape (10, 84)."""
    rows = [row.split() for row in BITMAPS.strip().splitlines()]
    ink = [[pixel == "#" for row in rows for pixel in row[digit]] for digit in range(10)]
    return np.where(ink, 1, -1).astype(np.float32)


class LeNet5:
    """LeNet-5 as published: images (N, 32, 32, 1) in, the distances to the codes of the digits (N, 10) out.

    Args:
        rubbish: the distance j of the rubbish class in the loss, eq. 9.
        rng: draws the initial weights, uniform within 2.4/F, F being the unit's fan-in (appendix A).
    """

    def __init__(self, *, rubbish: float = 1.0, rng: Any = None) -> None:
        rng = np.random.default_rng(rng)
        self.table = connections()
        self.nodes: dict[str, Any] = {
            "c1": Conv2D(1, 6, 5),  # 32 -> 28
            "a1": ScaledTanh(),
            "s2": Subsampling2D(6),  # 28 -> 14
            "c3": ConnectedConv2D(6, 16, 5),  # 14 -> 10
            "a3": ScaledTanh(),
            "s4": Subsampling2D(16),  # 10 -> 5
            "c5": Conv2D(16, 120, 5),  # 5 -> 1
            "a5": ScaledTanh(),
            "flat": Flatten(),
            "f6": Dense(120, 84),
            "a6": ScaledTanh(),
            "output": EuclideanRBF(84, 10),
        }
        self.criterion = MapCriterion(rubbish=rubbish)
        self.nodes["output"].params["w"][...] = codes()  # which stay as they are
        fans = {"c1": 25, "s2": 4, "c3": 25 * self.table.sum(axis=0), "s4": 4, "c5": 25 * 16, "f6": 120}
        self.params: dict[str, Array] = {}
        for node, fan in fans.items():
            for tensor, value in self.nodes[node].params.items():
                value[...] = rng.uniform(-2.4, 2.4, value.shape) / fan
                self.params[f"{node}.{tensor}"] = value
        self.grads: dict[str, Array] = {}

    def __call__(self, x: Array) -> Array:
        """The distances for x."""
        for node, layer in self.nodes.items():
            x = layer(x, self.table) if node == "c3" else layer(x)
        return x

    def loss(self, x: Array, t: Array) -> float:
        """The MAP criterion for images x with labels t."""
        return float(self.criterion(self(x), t))

    def backward(self) -> Array:
        """The gradient of the loss with respect to the images; fills `grads`."""
        dy = self.criterion.backward()
        for layer in reversed(self.nodes.values()):
            dy = layer.backward(dy)
        names = (name.split(".") for name in self.params)
        self.grads = {f"{node}.{tensor}": self.nodes[node].grads[tensor] for node, tensor in names}
        return dy

    def predict(self, x: Array) -> Array:
        """The distances for x, as in a call: nothing differs between training and test."""
        return self(x)
