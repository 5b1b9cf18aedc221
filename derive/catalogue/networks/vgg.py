"""Plain deep convolutional networks of 3x3 kernels."""

from gradscribe.derive.catalogue.network_text import network
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import Network, Normal

TEXT = """\
input x[N, 32, 32, 3]
block single(k) = conv1: conv2d(k, 3, padding=1) -> relu1: relu -> pool: max_pool2d(2)
block double(k) = conv1: conv2d(k, 3, padding=1) -> relu1: relu -> conv2: conv2d(k, 3, padding=1) -> relu2: relu
  -> pool: max_pool2d(2)
stage1: single(64) -> stage2: single(128) -> stage3: double(256) -> stage4: double(512) -> stage5: double(512)
-> flat: flatten -> output: dense(10)
loss softmax_cross_entropy
"""
"""What stands between two poolings is a block: VGG-11, table 1 of the paper."""


def vgg11() -> Network:
    """VGG-11 for images of 32x32 pixels: eight convolutions and, as such images are 1x1 after them, one dense layer."""
    return network(
        TEXT,
        "vgg11",
        class_name="VGG11",
        title=NETWORKS["vgg11"].title,
        starts={"w": Normal(), "b": 0.0},
        source="Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, 2015, "
        "table 1, configuration A",
    )
