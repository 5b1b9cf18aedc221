"""Plain deep convolutional networks of 3x3 kernels."""

from gradscribe.derive.catalogue.network_text import network
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import Network, Normal

CONFIGURATION_A = ((64,), (128,), (256, 256), (512, 512), (512, 512))
"""Channels of the convolutions between two poolings: VGG-11, table 1 of the paper."""


def vgg11() -> Network:
    """VGG-11 for images of 32x32 pixels: eight convolutions and, as such images are 1x1 after them, one dense layer."""
    stages = [
        " -> ".join([*(f"conv2d({k}, 3, padding=1) -> relu" for k in stage), "max_pool2d(2)"])
        for stage in CONFIGURATION_A
    ]
    lines = ["input x[N, 32, 32, 3]", "\n-> ".join([*stages, "flatten -> dense(10)"]), "loss softmax_cross_entropy"]
    return network(
        "\n".join(lines),
        "vgg11",
        class_name="VGG11",
        title=NETWORKS["vgg11"].title,
        starts={"w": Normal(), "b": 0.0},
        source="Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, 2015, "
        "table 1, configuration A",
    )
