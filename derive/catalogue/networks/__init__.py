"""The networks that come with gradscribe, by name and title. A file of this folder composes layers, nothing else.

A title stands here only: the network takes it from here.
"""

from typing import TYPE_CHECKING

from gradscribe.derive.catalogue.entry import Entry, entries
from gradscribe.said import Message

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at names and titles does not wait for it
    from gradscribe.derive.composition import Network

NETWORKS: "dict[str, Entry[Network]]" = entries(
    __name__,
    {
        "lenet": {
            "lenet5": Message("LeNet-5 as published"),
            "lenet": Message("LeNet with maximum pooling and softmax"),
        },
        "vgg": {
            "vgg11": Message("VGG-11 for 32x32 images"),
        },
        "resnet": {
            "resnet20": Message("residual network of 20 layers for 32x32 images"),
            "bottleneck": Message("bottleneck block with a projection"),
        },
        "transformer": {
            "gpt": Message("small GPT: causal attention, learned positions, tied embedding"),
            "vit": Message("small vision transformer for 32x32 images"),
        },
        "unet": {
            "unet": Message("small U-Net for 32x32 images"),
        },
        "tagger": {
            "tagger": Message("small tagger: an LSTM in both directions over embedded words"),
        },
    },
)
