"""How a network is computed and what memory that takes, to read: ``print(plans(network))``."""

from dataclasses import dataclass

from gradscribe.codegen.network.functions import backward_memory, forward_memory, predict_memory
from gradscribe.codegen.network.kernels import network_kernels
from gradscribe.codegen.network.memory import Memory
from gradscribe.derive.composition import Network


@dataclass(frozen=True)
class Plans:
    """The plans of a network's functions; each knows what it keeps and its peak."""

    forward: Memory
    predict: Memory
    backward: Memory

    def __str__(self) -> str:
        parts = (self.forward, self.predict, self.backward)
        return "\n".join("\n".join([str(m.plan), *(f"  {words}" for words in m.words)]) for m in parts)


def plans(network: Network) -> Plans:
    """The plans of the functions of `network`."""
    k = network_kernels(network)
    return Plans(forward_memory(k), predict_memory(k), backward_memory(k))
