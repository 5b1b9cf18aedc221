"""Residual networks."""

from gradscribe.derive.catalogue.network_text import network
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import Network, Normal
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

HE = "He et al., Deep residual learning for image recognition, 2016"


def shortcut() -> Layer:
    """Every second pixel, channels padded with zeros: the shortcut without parameters (option A of the paper).

    p of the new channels come before those of x, the others behind them: an access outside x reads 0.
    """
    return read(
        """
        input x[N, H, W, C]
        p = 0
        n < N
        i < (H - 1)//2 + 1
        j < (W - 1)//2 + 1
        k < 2*C
        y[n, i, j, k] = x[n, 2*i, 2*j, k - p]
        """,
        "shortcut",
        title="shortcut of half the size and twice the channels",
        source=f"{HE}, section 4.2, option A",
    )


BLOCKS = """\
input x[N, 32, 32, 3]
block basic(k) = sum: residual(
  conv1: conv2d(k, 3, padding=1, bias=false) -> norm1: batch_norm -> relu1: relu
  -> conv2: conv2d(k, 3, padding=1, bias=false) -> norm2: batch_norm) -> relu2: relu
block down(k, added) = sum: residual(
  conv1: conv2d(k, 3, stride=2, padding=1, bias=false) -> norm1: batch_norm -> relu1: relu
  -> conv2: conv2d(k, 3, padding=1, bias=false) -> norm2: batch_norm,
  around: shortcut(added)) -> relu2: relu
conv1: conv2d(16, 3, padding=1, bias=false) -> norm1: batch_norm -> relu1: relu"""
"""A block of two convolutions, one that halves the image, and the layers before the first."""


def _stage(number: int, channels: int, first: str, blocks: int) -> str:
    calls = [first, *[f"basic({channels})"] * (blocks - 1)]
    return " ".join(f"-> stage{number}_block{k}: {call}" for k, call in enumerate(calls, 1))


def _residual_network(depth: int) -> Network:
    """6n + 2 layers: three stages of n blocks of two convolutions, with 16, 32 and 64 channels."""
    blocks = (depth - 2) // 6
    lines = [
        BLOCKS,
        _stage(1, 16, "basic(16)", blocks),
        _stage(2, 32, "down(32, 8)", blocks),
        _stage(3, 64, "down(64, 16)", blocks),
        "-> pool: global_avg_pool -> output: dense(10)",
        "loss softmax_cross_entropy",
    ]
    return network(
        "\n".join(lines),
        f"resnet{depth}",
        layers={"shortcut": shortcut},
        class_name=f"ResNet{depth}",
        title=NETWORKS[f"resnet{depth}"].title,
        starts={"w": Normal(), "b": 0.0},
        source=f"{HE}, section 4.2",
    )


def resnet20() -> Network:
    """ResNet-20: three blocks per stage."""
    return _residual_network(20)


def bottleneck() -> Network:
    """ResNet-50's bottleneck block with a projection: 1x1 to 64, 3x3, 1x1 to 256 channels; any number of pixels."""
    return network(
        """
        input x[N, H, W, 64]
        sum: residual(
            conv1: conv2d(64, 1, bias=false) -> norm1: batch_norm -> relu1: relu
            -> conv2: conv2d(64, 3, padding=1, bias=false) -> norm2: batch_norm -> relu2: relu
            -> conv3: conv2d(256, 1, bias=false) -> norm3: batch_norm,
            project: conv2d(256, 1, bias=false) -> norm4: batch_norm)
        -> relu3: relu
        """,
        "bottleneck",
        title=NETWORKS["bottleneck"].title,
        starts={"w": Normal()},
        source=f"{HE}, figure 5 and table 1",
    )
