"""The chapter on convolutional networks: pages in the order in which one follows from another. A list, nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradscribe.said import Message

CHAPTER = "chapter"
TITLE = Message("Back-propagation through convolutions")
LISTED = Message("Back-propagation through convolutions, several pages with a table of contents")
"""What it is called where it is one page of many."""
SEVERAL = Message("Derivations")
"""The heading of several pages that a reader has chosen."""


@dataclass(frozen=True)
class Topic:
    """A page of a chapter.

    Attributes:
        name: what it derives: a name of the catalogue, a network's layers, equations or a file.
        title: its heading; the page's own where nothing is said.
        wrt: the tensors to differentiate by; all by default.
        settings: options and sizes by name.
    """

    name: str
    title: str = ""
    wrt: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fast:
    """Which fast correlation F(m, r) a page derives.

    Attributes:
        m: outputs of a tile along an axis.
        r: taps of the kernel along an axis.
        points: such as "0, 1, -1, oo"; those of the least error if None.
        dims: axes it is nested along, 1 or 2.
    """

    m: int
    r: int
    points: str | None = None
    dims: int = 2


TOPICS = (
    Topic("convolution"),
    Topic("conv2d"),
    Topic("conv2d -> tanh -> conv2d", Message("Convolution to convolution")),
    Topic("conv2d -> tanh -> max_pool2d -> conv2d", Message("Maximum pooling between convolutions")),
    Topic("conv2d -> tanh -> avg_pool2d -> conv2d", Message("Average pooling between convolutions")),
    Topic("subsampling2d", Message("Trainable pooling")),
    Topic("conv2d -> tanh -> flatten -> dense", Message("Convolution to a dense layer")),
    Topic("conv2d(C, 3, padding=1) -> residual(conv2d(C, 3, padding=1) -> relu) -> relu", Message("Residual")),
    Topic("conv2d", Message("Bias"), wrt=("b",)),
)
