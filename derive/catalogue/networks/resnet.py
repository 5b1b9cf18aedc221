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


def _block(channels: int, stride: int, around: str) -> str:
    first = f"conv2d({channels}, 3, stride={stride}, padding=1, bias=false) -> batch_norm -> relu"
    second = f"conv2d({channels}, 3, padding=1, bias=false) -> batch_norm"
    return f"residual(\n  {first}\n  -> {second}{around}) -> relu"


def _residual_network(depth: int) -> Network:
    """6n + 2 layers: three stages of n blocks of two convolutions, with 16, 32 and 64 channels."""
    blocks = (depth - 2) // 6
    stages = [_block(16, 1, "")] * blocks
    for channels in (32, 64):
        stages += [_block(channels, 2, f", shortcut({channels // 4})"), *[_block(channels, 1, "")] * (blocks - 1)]
    lines = [
        "input x[N, 32, 32, 3]",
        "conv2d(16, 3, padding=1, bias=false) -> batch_norm -> relu",
        *(f"-> {stage}" for stage in stages),
        "-> global_avg_pool -> dense(10)",
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
        residual(
            conv2d(64, 1, bias=false) -> batch_norm -> relu
            -> conv2d(64, 3, padding=1, bias=false) -> batch_norm -> relu
            -> conv2d(256, 1, bias=false) -> batch_norm,
            conv2d(256, 1, bias=false) -> batch_norm)
        -> relu
        """,
        "bottleneck",
        title=NETWORKS["bottleneck"].title,
        starts={"w": Normal()},
        source=f"{HE}, figure 5 and table 1",
    )
