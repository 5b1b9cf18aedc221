"""Bodies of statements of random programs: what stands behind the sum, of reads that a writer has drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sympy import (
    Abs,
    Expr,
    Idx,
    IndexedBase,
    Mul,
    Rational,
    Sum,
    Symbol,
    cos,
    exp,
    log,
    sin,
    sqrt,
    tanh,
)

from gradscribe.derive.ir.functions import at_least, equal, greater, relu, sigmoid


@dataclass(frozen=True)
class Operand:
    """A tensor that equations may read, with the value of its shape."""

    base: IndexedBase | Symbol
    extents: tuple[int, ...]


class Writer(Protocol):
    """What bodies ask of who writes a program."""

    rng: np.random.Generator
    more: np.random.Generator
    inputs: list[Operand]
    labels: Operand | None
    names: Any

    def chance(self, probability: float) -> bool: ...

    def pick(self, choices: Sequence[Any]) -> Any: ...

    def position(self, indices: Sequence[Idx]) -> Expr: ...

    def read(self, operand: Operand, indices: Sequence[Idx]) -> Expr: ...


Body = Callable[[Writer, Sequence[Expr], Sequence[Idx]], Expr]


def _indicator(writer: Writer, reads: Sequence[Expr], indices: Sequence[Idx]) -> Expr:
    a = reads[0]
    if writer.labels is None or not indices:
        return a * reads[1]
    position = writer.position(indices)
    if isinstance(position, Idx):
        position -= 1  # a kernel refuses labels beyond a plain index
    return equal(position, writer.read(writer.labels, indices)) * a


def lookup(writer: Writer, reads: Sequence[Expr], indices: Sequence[Idx]) -> Expr:
    """A tensor read at labels, all along the axes that are looked up; some labels are no position."""
    operand = writer.pick(writer.inputs)
    if writer.labels is None or not operand.extents:
        return reads[0] * reads[1]
    looked = [k for k in range(len(operand.extents)) if k == 0 or writer.chance(0.3)]
    new = {k: Idx(next(writer.names), operand.base.shape[k]) for k in looked}
    element = operand.base[tuple(new[k] if k in new else writer.position(indices) for k in range(len(operand.extents)))]
    # labels that are no position are left out, or a kernel would refuse them
    labels = [writer.read(writer.labels, indices) + writer.pick([-1, 1]) for _ in new]
    brackets = [equal(v, label) for v, label in zip(new.values(), labels, strict=True)]
    brackets += [f(v, label) for v, label in zip(new.values(), labels, strict=True) for f in (_known, _positive)]
    others = [reads[0]] if writer.chance(0.3) else []
    factors = [*brackets, writer.pick([element, tanh(element), 1 + element**2]), *others]
    found = Sum(Mul(*factors), *new.values()) * reads[1]
    if writer.more.random() < 0.5:  # another tensor is read by the same label
        other = writer.inputs[int(writer.more.integers(len(writer.inputs)))]
        if len(other.extents) == 1:
            v = Idx(next(writer.names), other.base.shape[0])
            brackets = [equal(v, labels[0]), _known(v, labels[0]), _positive(v, labels[0])]
            found *= Sum(Mul(*brackets, other.base[v]), v)
    return found


def _known(index: Idx, label: Expr) -> Expr:
    return greater(index.upper + 1, label)


def _positive(index: Idx, label: Expr) -> Expr:
    return at_least(label, 0)


def _index_value(writer: Writer, reads: Sequence[Expr], indices: Sequence[Idx]) -> Expr:
    return reads[0] * (1 + writer.pick(indices)) if indices else reads[0]


def _index_in_function(writer: Writer, reads: Sequence[Expr], indices: Sequence[Idx]) -> Expr:
    return tanh(reads[0] + writer.pick(indices) * reads[1]) if indices else tanh(reads[0])


BODIES: tuple[Body, ...] = (
    lambda writer, reads, indices: reads[0] * reads[1],
    lambda writer, reads, indices: reads[0] * reads[1],
    lambda writer, reads, indices: reads[0] * reads[1] * reads[2],
    lambda writer, reads, indices: reads[0],
    lambda writer, reads, indices: tanh(reads[0] * reads[1]),
    lambda writer, reads, indices: Rational(3, 2) * tanh(2 * reads[0] / 3),
    lambda writer, reads, indices: exp(tanh(reads[0]) - reads[1] ** 2),
    lambda writer, reads, indices: (reads[0] - reads[1]) ** 2,
    lambda writer, reads, indices: relu(reads[0] - reads[1]),
    lambda writer, reads, indices: relu(reads[0]) * reads[1],
    lambda writer, reads, indices: reads[0] * (reads[1] + reads[2]),
    lambda writer, reads, indices: reads[0] * reads[1] + reads[0] * reads[2] - 2 * reads[1],
    lambda writer, reads, indices: reads[0] / (1 + reads[1] ** 2),
    lambda writer, reads, indices: reads[0] * log(1 + reads[1] ** 2) + sin(reads[2]) * cos(reads[0]),
    lambda writer, reads, indices: sqrt(1 + reads[0] ** 2) * sigmoid(reads[1]),
    lambda writer, reads, indices: Abs(reads[0]) * reads[1] + reads[2] ** 3 / 4,
    _indicator,
    _index_value,
    _index_in_function,
)
