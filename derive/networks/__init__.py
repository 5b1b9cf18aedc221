"""The networks that come with gradscribe, by name. A file of this folder holds compositions of layers, nothing else."""

from collections.abc import Callable

from gradscribe.derive.composition import Network
from gradscribe.derive.networks.lenet import LENETS
from gradscribe.derive.networks.resnet import RESNETS
from gradscribe.derive.networks.vgg import VGGS

NETWORKS: dict[str, Callable[[], Network]] = {
    **LENETS,
    **VGGS,
    **RESNETS,
}
