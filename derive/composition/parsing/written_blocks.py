"""Blocks of a network's text, and what a step stands in: a block, a turn of a repetition, a place that is shared."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lark import Token, Tree


@dataclass(frozen=True)
class Block:
    """``block NAME(parameters) of (inputs) = chain``: what stands where the name stands; `above` it may consist of."""

    name: str
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    chain: Tree[Token]
    above: "Mapping[str, Block]"


@dataclass(frozen=True)
class Written:
    """A block that has been written out, so that another one can have its weights.

    Attributes:
        block: the block.
        given: the values of its parameters.
        prefix: what the names of its nodes begin with.
    """

    block: Block
    given: Mapping[str, Any]
    prefix: str


@dataclass(frozen=True)
class Surroundings:
    """The block that a step stands in; at the top of a text there is none.

    Attributes:
        prefix: what the names of its nodes begin with.
        suffix: what names end with that the user gave: the number of a repetition.
        bound: values of the parameters by name.
        given: what the names of its inputs stand for.
        block: the outermost block.
        instance: what its place in the network is called.
        depth: of how many blocks it is within.
        twin: what the names of the nodes begin with that have the weights; None where it has its own.
    """

    prefix: str = ""
    suffix: str = ""
    bound: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    block: str = ""
    instance: str = ""
    depth: int = 0
    twin: str | None = None

    def called(self, own: str) -> str:
        """What is called `own` in the text."""
        return f"{self.prefix}{own}{self.suffix}"

    def shared(self, name: str) -> str | None:
        """The node or block whose weights the one called `name` has."""
        return None if self.twin is None else self.twin + name.removeprefix(self.prefix)

    def turn(self, number: int) -> "Surroundings":
        """One of the turns of a repetition."""
        return replace(self, suffix=f"{self.suffix}_{number}" if self.suffix else str(number))
