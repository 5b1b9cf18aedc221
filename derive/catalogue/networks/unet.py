"""Networks that label every pixel."""

from gradscribe.derive.catalogue.network_text import network
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import Network, Normal

TEXT = """\
input x[N, 32, 32, 1]
block double(k) = conv1: conv2d(k, 3, padding=1) -> relu1: relu -> conv2: conv2d(k, 3, padding=1) -> relu2: relu
block up(k) of (below, skip) =
  (below -> grow: upsample_bilinear2d(2) -> conv: conv2d(k, 1), skip) -> join: concatenation -> merge: double(k)
first = x -> down1: double(8)
second = first -> pool1: max_pool2d(2) -> down2: double(16)
bottom = second -> pool2: max_pool2d(2) -> down3: double(32)
middle = (bottom, second) -> up2: up(16)
(middle, first) -> up1: up(8) -> output: conv2d(2, 1)
loss cross_entropy
"""
"""What is contracted twice is expanded twice; what was there before the contraction is joined to it."""


def unet() -> Network:
    """A small U-Net: two contractions, two bilinear expansions, and the maps of the same size beside them."""
    return network(
        TEXT,
        "unet",
        class_name="UNet",
        title=NETWORKS["unet"].title,
        starts={"w": Normal(), "b": 0.0},
        source="Ronneberger, Fischer and Brox, U-Net: convolutional networks for biomedical image segmentation, 2015, "
        "figure 1",
    )
