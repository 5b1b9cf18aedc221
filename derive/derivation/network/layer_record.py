"""The records of the table of a network's layers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.ir.term import Access


@dataclass(frozen=True)
class Row:
    """One layer of a network in the table of its layers.

    Attributes:
        label: its level, such as "l+1" or "c3".
        layers: what it consists of, names of the catalogue: a layer and its activation.
        reads: the levels, by their labels, and inputs that it reads.
        shape: the extents of its value.
        weights: what is trained, (tensor, shape).
        parameters: how many numbers are trained.
        equations: the numbers of its equations, where other layers have the same.
    """

    label: str
    layers: tuple[str, ...]
    reads: tuple[str | Access, ...]
    shape: tuple[Expr, ...]
    weights: tuple[tuple[str, tuple[Expr, ...]], ...]
    parameters: Expr
    equations: tuple[int, ...] = ()


@dataclass(frozen=True)
class Repeat:
    """Blocks of levels, by their labels: the first one, and those behind it that are like it."""

    first: tuple[str, ...]
    others: tuple[tuple[str, ...], ...]


def hidden(repeats: Iterable[Repeat]) -> set[str]:
    """The labels of the levels that are not listed."""
    return {label for repeat in repeats for block in repeat.others for label in block}


@dataclass(frozen=True)
class LayerTable:
    """The layers of a network.

    Attributes:
        rows: one per layer.
        numbers: what its sizes are, as far as the network fixes them.
        notation: how the letters of its tensors are written.
        repeats: of blocks of levels that follow each other and differ in nothing that the table says, the first.
    """

    rows: tuple[Row, ...]
    numbers: Mapping[Symbol, Expr]
    notation: Notation
    repeats: tuple[Repeat, ...] = ()

    @property
    def shown(self) -> tuple[Row, ...]:
        """The rows without those of repeated blocks."""
        known = hidden(self.repeats)
        return tuple(row for row in self.rows if row.label not in known)

    @property
    def parameters(self) -> Expr:
        """How many numbers the network trains."""
        return sympy.expand(sum((row.parameters for row in self.rows), Integer(0)))

    def number(self, extents: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Extents with the numbers that the network fixes."""
        return tuple(sympy.expand(e.xreplace(dict(self.numbers))) for e in extents)
