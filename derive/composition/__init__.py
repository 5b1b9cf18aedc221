"""Networks: layers composed into one program.

text       network text -> nodes                    network.lark, text.py
compose    nodes -> Network, one program            compose.py, settings.py, axes.py, tidy.py, fan.py
levels     a layer and its activation are one       level.py
parameters how many numbers it trains               parameters.py
with_loss  the network and its loss as one network  loss.py
concrete   the network with its numbers put in      concrete.py
"""

from gradscribe.derive.composition.compose import compose
from gradscribe.derive.composition.concrete import concrete
from gradscribe.derive.composition.level import Level, levels
from gradscribe.derive.composition.loss import with_loss
from gradscribe.derive.composition.parameters import parameters
from gradscribe.derive.composition.record import Network, NetworkError, Node, Normal, Part, Uniform
from gradscribe.derive.composition.text import read_network

__all__ = [
    "Level", "Network", "NetworkError", "Node", "Normal", "Part", "Uniform", "compose", "concrete",
    "levels", "parameters", "read_network", "with_loss",
]  # fmt: skip
