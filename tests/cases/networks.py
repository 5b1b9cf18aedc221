"""Networks as tests make them: nodes by name, instances of what is generated."""

from typing import Any

import numpy as np

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.composition import Network, Node


def instance(net: Network, **arguments: Any) -> Any:
    """An object of a network's class, in float64."""
    return getattr(compile_layer(net), net.class_name)(dtype=np.float64, rng=0, **arguments)


def node(name: str, layer: str, *inputs: str, **settings: Any) -> Node:
    return Node(name, LAYERS[layer](), inputs, tuple(settings.items()))
