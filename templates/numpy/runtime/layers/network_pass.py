"""One pass through a network: what its functions and those of its blocks share."""

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from typing import Any

from ..arguments.arrays import Array
from ..arguments.weights import weight
from ..machine.memory import Buffers

Named = Mapping[str, Any]
"""Weights, statistics or directions by name."""
Arrays = dict[str, Array]
"""Results by name."""
Saved = tuple[Any, ...]
"""What a forward pass keeps for the backward pass."""
Memory = Buffers | None
"""Memory that is used again from pass to pass; None for memory of its own."""


class Pass:
    """One pass through a network, forward or backward, as a place in it sees it: names are those within the place.

    Args:
        network: the name of the network.
        dtype: of all its real numbers.
        params: the weights by name.
        state: the running statistics by name.
        buffers: memory that is used again from pass to pass; None for memory of its own.
        blocks: what the forward pass kept of every place of a block; None in a forward pass.

    Attributes:
        dtype: as it was given.
        blocks: what is kept for backward of every place of a block, by place.
    """

    def __init__(
        self,
        network: str,
        dtype: Any,
        params: Named,
        state: Named | None = None,
        buffers: Memory = None,
        blocks: dict[str, tuple[Array, ...]] | None = None,
    ) -> None:
        self.network, self.dtype = network, dtype
        self.params, self.state = params, {} if state is None else state
        self.buffers = Buffers() if buffers is None else buffers
        self.give = self.buffers.give
        self.blocks = {} if blocks is None else blocks
        self._place = self._prefix = ""
        self._made: Arrays = {}

    def take(self, extents: tuple[int, ...]) -> Array:
        """An array of any content from the buffers, which `give` gives back."""
        return self.buffers.take(extents, self.dtype)

    def at(self, place: str) -> "Pass":
        """The pass at a place of a block: weight "w" is "place_w" there."""
        found = copy(self)
        found._place, found._prefix = place, f"{place}_"
        return found

    def weights(self, words: str) -> tuple[Array, ...]:
        """Weights and running statistics of the shapes that `words` say: "hidden.w 3 3 16 32, hidden.b 32".

        An extent that is not known is "_".

        Raises:
            TypeError, ValueError: when one is missing, or its type or shape is another.
        """
        return tuple(self._weight(self._prefix + name, extents) for name, extents in _said(words))

    def _weight(self, name: str, extents: tuple[int | None, ...]) -> Array:
        return weight(self.network, self.state if name in self.state else self.params, name, self.dtype, extents)

    def put(self, names: str, *arrays: Array) -> None:
        """Enter results by name: gradients of weights, new running statistics."""
        for name, array in zip(names.split(), arrays, strict=True):
            self._made[self._prefix + name] = array

    @property
    def results(self) -> Arrays:
        """The results by name, in the order of weights and running statistics."""
        made = self._made
        return {name: made[name] for name in (*self.params, *self.state) if name in made} | made

    def keep(self, *arrays: Array) -> None:
        """Keep what the backward pass needs of this place."""
        self.blocks[self._place] = arrays

    @property
    def kept(self) -> tuple[Array, ...]:
        """What the forward pass kept of this place."""
        return self.blocks[self._place]


@lru_cache(maxsize=4096)
def _said(words: str) -> tuple[tuple[str, tuple[int | None, ...]], ...]:
    """The names and shapes of weights."""
    found = (part.split() for part in words.split(","))
    return tuple((name, tuple(None if e == "_" else int(e) for e in extents)) for name, *extents in found)
