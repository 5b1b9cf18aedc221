"""Networks: layers composed into one program.

text       network text -> nodes                    network.lark, text.py
compose    nodes -> Network, one program            compose.py, settings.py, axes.py, tidy.py, fan.py
concrete   the network with its numbers put in      concrete.py
"""

from derive.composition.compose import compose
from derive.composition.record import Network, NetworkError, Node, Normal, Part, Uniform
from derive.composition.text import is_network, network

__all__ = ["Network", "NetworkError", "Node", "Normal", "Part", "Uniform", "compose", "is_network", "network"]
