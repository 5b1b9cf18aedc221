"""Random programs: small layers with random affine accesses, brackets, scattered outputs and bodies, and data for them.

A seed gives one program. Accesses may leave their tensors on purpose (zero padding), windows of an extremum may lie
partly or wholly outside, extents may be 1 or 0, a size is a number or a symbol. Data are continuous, so that ties
and kinks have probability zero unless an equation makes them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sympy import (
    Eq,
    Expr,
    Idx,
    IndexedBase,
    Integer,
    Mul,
    Rational,
    Sum,
    Symbol,
    expand,
    tanh,
)

from gradscribe.derive.ir.functions import at_least, equal, greater, unequal
from gradscribe.derive.ir.index import floordiv, integer
from gradscribe.derive.ir.interpret import complete_sizes, interpret, number, shape_of
from gradscribe.derive.ir.term import Program, accesses
from gradscribe.derive.layer.equations import Maximum, Minimum, inside, program
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.interval import Interval
from tests.cases.random_bodies import BODIES, Operand, lookup

Array = np.ndarray
# The letters reverse mode prefers for new indices are among them, and letters of tensors too.
INDEX_NAMES = [
    "i",
    "j",
    "n",
    "r",
    "t",
    "c",
    "k",
    "a",
    "h",
    "q",
    "m",
    "v",
    "e",
    "o",
    "f",
    "g",
    "x",
    "w",
    "dy",
    "y_0",
    "y_1",
    "u1_0",
]
MOST_POINTS = 300
"""Limit of the volume of one statement's index box."""


class Case(NamedTuple):
    """A layer with sizes for its free symbols and values for its inputs."""

    layer: Layer
    sizes: dict[Symbol, int]
    values: dict[str, Array]

    @property
    def options(self) -> dict[str, int]:
        """The keyword arguments of the layer's functions."""
        return {o.name: self.sizes[o.symbols[0]] for o in self.layer.options}


def random_case(seed: int, most_points: int = MOST_POINTS) -> Case:
    """The program of `seed`: the first draw whose values are finite where they must be."""
    for attempt in range(100):
        rng = np.random.default_rng([seed, attempt])
        case = _Writer(rng, most_points).case()
        if case is not None:
            return case
    raise AssertionError(f"seed {seed} gives no usable program")


class _Writer:
    """Writes one program; holds what has been named so far."""

    def __init__(self, rng: np.random.Generator, most_points: int) -> None:
        self.rng = rng
        self.most_points = most_points
        self.more = rng.spawn(1)[0]
        """Choices that came later: they leave the programs of known seeds as they are."""
        self.sizes: dict[Symbol, int] = {}
        self.derived: dict[Symbol, Expr] = {}
        self.inputs: list[Operand] = []
        self.lets: list[Operand] = []
        self.labels: Operand | None = None
        self.names = iter([str(name) for name in rng.permutation(INDEX_NAMES)] + [f"z{k}" for k in range(50)])
        self.values: dict[str, Array] = {}

    # ----- choices ------------------------------------------------------------------------------------------------
    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    # ----- sizes --------------------------------------------------------------------------------------------------
    def size(self, value: int, prefix: str) -> Expr:
        """A number, or a symbol of that value: a known one or a new one."""
        if self.chance(0.5):
            return Integer(value)
        same = [s for s, known in self.sizes.items() if known == value and s.name[0] == prefix]
        if same and self.chance(0.5):
            return self.pick(same)
        symbol = integer(f"{prefix}{len(self.sizes) + 1}")
        self.sizes[symbol] = value
        return symbol

    def extent(self, most: int = 4) -> tuple[Expr, int]:
        draw = self.rng.random()
        value = 0 if draw < 0.02 else 1 if draw < 0.15 else self.between(2, max(most, 2))
        if self.chance(0.15):
            return self.window_count()
        return self.size(value, "E"), value

    def window_count(self) -> tuple[Expr, int]:
        """A derived extent ``floor(space / stride) + 1``."""
        space, stride = self.size(self.between(0, 5), "E"), self.size(self.between(1, 3), "S")
        symbol = integer(f"O{len(self.derived) + 1}")
        self.derived[symbol] = floordiv(space + Integer(self.between(0, 1)), stride) + 1
        return symbol, number(self.derived[symbol], self.sizes)

    def value(self, expression: Expr) -> int:
        known = dict(self.sizes)
        for symbol, definition in self.derived.items():
            known[symbol] = number(definition, known)
        return number(expression, known)

    # ----- indices and accesses -----------------------------------------------------------------------------------
    def indices(self, count: int, points: int) -> tuple[list[Idx], int]:
        """New indices whose box stays below the limit; also the volume of the box."""
        made = []
        for _ in range(count):
            extent, value = self.extent()
            if points * max(value, 1) > self.most_points:
                extent, value = Integer(1), 1
            made.append(Idx(next(self.names), extent))
            points *= max(value, 1)
        return made, points

    def affine(self, indices: Sequence[Idx], negative: bool = True) -> tuple[Expr, int, int]:
        """A random affine form without offset, and the smallest and largest value it takes."""
        total, low, high = Integer(0), 0, 0
        count = self.pick([1, 1, 1, 2, 2, 3])
        for index in self.rng.permutation(np.array(indices, dtype=object))[:count]:
            scale = self.pick([1, 1, 1, 1, 2, 2, 3])
            coefficient = self.size(scale, "S") if scale > 1 or self.chance(0.3) else Integer(scale)
            if negative and self.chance(0.25):
                scale, coefficient = -scale, -coefficient
            reach = scale * max(self.value(index.upper + 1) - 1, 0)
            total, low, high = total + coefficient * index, low + min(reach, 0), high + max(reach, 0)
        return total, low, high

    def position(self, indices: Sequence[Idx]) -> Expr:
        """A random index expression that starts near 0."""
        if not indices or self.chance(0.06):
            return Integer(self.between(-1, 2))
        if self.chance(0.3):
            return self.pick(indices)
        form, low, _ = self.affine(indices)
        start = -low + self.pick([-2, -1, -1, 0, 0, 0, 1])
        if self.chance(0.3):
            padding = self.size(self.between(0, 2), "P")
            return expand(form - padding + (start + self.value(padding)))
        return expand(form + start)

    def read(self, operand: Operand, indices: Sequence[Idx]) -> Expr:
        """A random element of `operand`; diagonals and skew accesses come up with some weight."""
        rank = len(operand.extents)
        if rank == 0:
            return operand.base
        if rank == 2 and len(indices) >= 2 and self.chance(0.15):
            i, j = (indices[int(k)] for k in self.rng.permutation(len(indices))[:2])
            padding = self.size(self.between(0, 2), "P")
            return operand.base[i + j, i - j + padding]
        if rank >= 2 and indices and self.chance(0.1):
            index = self.pick(indices)
            return operand.base[(index,) * rank]
        return operand.base[tuple(self.position(indices) for _ in range(rank))]

    def operand(self) -> Operand:
        """Recent results more often than inputs, so that statements form a chain."""
        if self.lets and self.chance(0.5):
            return self.pick(self.lets)
        return self.pick(self.inputs)

    # ----- tensors ------------------------------------------------------------------------------------------------
    def declare_inputs(self) -> None:
        for name in ("x", "w", "b")[: self.between(1, 3)]:
            rank = self.pick([1, 2, 2, 3] if name == "x" else [1, 1, 2, 3] if name == "w" else [0, 1, 1, 2])
            shape = [self.extent(6 if rank < 3 else 3) for _ in range(rank)]
            base = IndexedBase(name, shape=tuple(e for e, _ in shape), real=True) if rank else Symbol(name)
            extents = tuple(v for _, v in shape)
            self.inputs.append(Operand(base, extents))
            self.values[name] = self.rng.normal(size=extents)
        if self.chance(0.25):
            extent, value = self.extent(5)
            self.labels = Operand(IndexedBase("l", shape=(extent,)), (value,))
            self.values["l"] = self.rng.integers(-1, 4, size=value)

    def target(self, name: str, free: list[Idx]) -> tuple[Any, tuple[int, ...]]:
        """The left side: plain axes, or axes that the indices are scattered over."""
        axes: list[Expr] = []
        shape: list[Expr] = []
        rest = list(free)
        while rest:
            if self.chance(0.75):
                index = rest.pop(0)
                axes.append(index)
                shape.append(index.upper + 1)
                continue
            used, rest = rest[: self.pick([1, 2])], rest[self.pick([1, 2]) :] if len(rest) > 2 else []
            form, _, high = self.scattered(used)
            axes.append(form)
            shape.append(self.size(max(high + self.pick([-1, 0, 1, 1, 1, 2]), 0), "E"))
        lost = [v for v in free if not any(e.has(v) for e in axes)]
        axes += lost
        shape += [v.upper + 1 for v in lost]
        if not axes:
            return Symbol(name), ()
        base = IndexedBase(name, shape=tuple(shape), real=True)
        return base[tuple(axes)], tuple(self.value(e) for e in shape)

    def scattered(self, indices: Sequence[Idx]) -> tuple[Expr, int, int]:
        total, high = Integer(self.between(0, 2)), 0
        high = int(total)
        for index in indices:
            scale = self.pick([1, 2, 2, 3])
            total += self.size(scale, "S") * index
            high += scale * max(self.value(index.upper + 1) - 1, 0)
        return total, 0, high

    def statement(self, name: str, last: bool) -> Eq:
        points = 1
        free, points = self.indices(self.pick([0, 1, 1, 2, 2, 3]), points)
        bound, points = self.indices(self.pick([0, 1, 1, 2, 2, 3]), points)
        everything = free + bound
        reads = [self.read(self.operand(), everything) for _ in range(3)]
        if self.lets:
            # the result before is used, else the statements would not form one function
            reads[0] = self.read(self.lets[-1], everything)
        kind = lookup if self.labels and self.chance(0.3) else self.pick(BODIES)
        body = kind(self, reads, everything)
        left, extents = self.target(name, free)
        if bound and self.chance(0.22):
            among = self.excluding(self.bracketed(body, everything, 0.5), everything)
            right = self.pick([Maximum, Minimum])(among, *bound)
            if not last:
                right = tanh(right)  # an empty window is infinite
        else:
            body = self.bracketed(body, everything, 0.2)
            right = self.outer(Sum(body, *bound) if bound else body, free)
        self.lets.append(Operand(left.base if extents or not isinstance(left, Symbol) else left, extents))
        return Eq(left, right, evaluate=False)

    def bracketed(self, body: Expr, indices: Sequence[Idx], probability: float) -> Expr:
        """`body` with range and equality brackets as factors; for an extremum mostly the range of an access."""
        if not indices:
            return body
        if self.chance(probability):
            body = inside(self.position(indices), self.size(self.between(0, 5), "E")) * body
        if self.chance(probability / 4):
            body = equal(self.position(indices), self.position(indices)) * body
        return body

    def excluding(self, body: Expr, indices: Sequence[Idx]) -> Expr:
        """`body` with brackets on values, labels or single indices, which exclude elements of an extremum."""
        if not indices or self.more.random() < 0.4:
            return body
        index = indices[int(self.more.integers(len(indices)))]
        other = indices[int(self.more.integers(len(indices)))]
        operand = self.inputs[int(self.more.integers(len(self.inputs)))]
        element = operand.base[(index,) * len(operand.extents)] if operand.extents else operand.base
        choices = [greater(element, 0), at_least(Rational(1, 2), element), unequal(index, other)]
        if self.labels:
            choices += [equal(self.labels.base[index], 1), unequal(self.labels.base[index], other - 1)]
        number = int(self.more.integers(1, 3))
        chosen = self.more.permutation(len(choices))[:number]
        return Mul(*(choices[k] for k in chosen), body)

    def outer(self, value: Expr, free: Sequence[Idx]) -> Expr:
        """Something around the reduction: a factor, a further summand, a function (which makes a let)."""
        draw = self.rng.random()
        if draw < 0.6:
            return value
        other = self.read(self.pick(self.inputs), free)
        if draw < 0.75:
            return value * other
        if draw < 0.9 or value.has(inside, equal):
            return value + other
        return tanh(value) * other

    # ----- the whole ----------------------------------------------------------------------------------------------
    def case(self) -> Case | None:
        self.declare_inputs()
        count = self.pick([1, 1, 2, 2, 3])
        names = [f"u{k}" for k in range(1, count)] + ["y"]
        equations = [self.statement(name, name == "y") for name in names]
        source = self.program(equations)
        if not any(a.tensor in self.values for s in source.statements for a in accesses(s.term.body)):
            return None
        determined = {e for t in source.inputs for e in t.shape}
        used = source.symbols()
        options = tuple(
            Option(s.name, (s,), Kind.COUNT, interval=Interval(int(s.name.startswith("S"))))
            for s in self.sizes
            if s in used and s not in determined
        )
        sizes = {s: v for s, v in self.sizes.items() if s in used}
        layer = Layer("fuzz", "Fuzz", "a random program", source, options=options)
        return Case(layer, sizes, self.values) if self.usable(source, sizes) else None

    def program(self, equations: Sequence[Eq]) -> Program:
        bases = [operand.base for operand in self.inputs]
        return program(
            *equations,
            inputs=(*bases, self.labels.base) if self.labels else bases,
            integers="l" if self.labels else "",
            sizes=self.derived,
        )

    def usable(self, source: Program, sizes: dict[Symbol, int]) -> bool:
        """Whether the values are finite, but for the infinity of empty windows in the output."""
        if (
            min(
                (n for t in source.tensors.values() for n in shape_of(t.shape, complete_sizes(source, sizes))),
                default=0,
            )
            < 0
        ):
            return False
        found = interpret(source, self.values, sizes)
        results = [found[s.target.name] for s in source.statements]
        return all(not np.isnan(v).any() and (np.abs(v[np.isfinite(v)]) < 1e4).all() for v in results)
