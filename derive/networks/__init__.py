"""The networks that come with gradscribe, by name. A file of this folder holds compositions of layers, nothing else."""

from collections.abc import Callable

from derive.composition import Network
from derive.networks.lenet import LENETS
from derive.networks.resnet import RESNETS
from derive.networks.vgg import VGGS

NETWORKS: dict[str, Callable[[], Network]] = {
    **LENETS,
    **VGGS,
    **RESNETS,
}
