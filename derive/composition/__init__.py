"""Networks: layers composed into one program.

read_network  network text -> nodes                    parsing/
compose       nodes -> Network, one program            network.py, joining/
levels        a layer and its activation are one       level.py
parameters    how many numbers it trains               parameters.py
with_loss     the network and its loss as one network  with_loss.py
as_derived    the same, or with outputs that no node reads
concrete      the network with its numbers put in      concrete.py
"""

from gradscribe.derive.composition.concrete import concrete
from gradscribe.derive.composition.joining.compose import compose
from gradscribe.derive.composition.level import Level, levels
from gradscribe.derive.composition.network import Network, NetworkError, Node, Normal, Part, Uniform
from gradscribe.derive.composition.parameters import parameters
from gradscribe.derive.composition.parsing.parse_network import read_network
from gradscribe.derive.composition.with_loss import as_derived, with_loss

__all__ = [
    "Level", "Network", "NetworkError", "Node", "Normal", "Part", "Uniform", "as_derived", "compose", "concrete",
    "levels", "parameters", "read_network", "with_loss",
]  # fmt: skip
