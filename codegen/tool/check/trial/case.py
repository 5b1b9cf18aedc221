"""One example: sizes, numbers, the derived gradient of them by the interpreter, and what the function is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import sympy
from sympy import Symbol

from gradscribe.codegen.tool.check.problem.array_layout import order, to_layout
from gradscribe.codegen.tool.check.problem.binding import Argument, assembled
from gradscribe.codegen.tool.check.problem.parameter_names import Role
from gradscribe.codegen.tool.check.problem.problem import Problem
from gradscribe.derive.ir.functions import at_least, greater, larger, relu, smaller, step
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from gradscribe.derive.layer.sampling import sample_values

Values = Mapping[str, np.ndarray]
WIDE = 6.0
"""The spread of wide numbers."""
KINKS = (relu, step, larger, smaller, greater, at_least, sympy.Abs, sympy.sign)
"""Functions with a corner or a jump, where more than one slope is right: whole numbers would meet it."""


@dataclass(frozen=True)
class Case:
    """One example.

    Attributes:
        problem: what is checked.
        sizes: every size symbol, derived ones included.
        full_shape: what the axis written ``...`` stands for.
        given: inputs and seeds by name.
        tensors: these, every forward tensor and every gradient.
    """

    problem: Problem
    sizes: Mapping[Symbol, Any]
    full_shape: tuple[int, ...]
    given: Values
    tensors: Values

    def expected(self, name: str) -> np.ndarray:
        """The derived gradient of an input, in gradscribe's layout."""
        adjoint = self.problem.gradient.adjoint(name)
        return self.tensors[adjoint.gradient.name] if adjoint is not None else np.zeros(np.shape(self.tensors[name]))

    def to_user(self, name: str, array: np.ndarray) -> np.ndarray:
        """An array of the shape of tensor `name` as the function has it: axes in its layout, ``...`` written out."""
        tensor = self.problem.tensor(name)
        if tensor.ravel is not None:
            shape = array.shape
            array = array.reshape(*shape[: tensor.ravel], *self.full_shape, *shape[tensor.ravel + 1 :])
        return to_layout(array, order(self.problem.layer, tensor, self.problem.layout, array.ndim))

    def values(self) -> dict[Argument, Any]:
        """What the function is given, one by one; the arrays are copies."""
        found: dict[Argument, Any] = {}
        for argument in self.problem.arguments:
            name = argument.meaning.name
            if argument.meaning.role is Role.OPTION:
                found[argument] = self.problem.option_value(self.problem.layer.option(name), self.sizes, argument)
                continue
            array = self.to_user(name, np.asarray(self.tensors[name]))
            if argument.meaning.role is Role.SHAPE:
                found[argument] = array.shape
            else:
                found[argument] = array.copy() if array.ndim else array[()]
        return found

    def arguments(self) -> dict[str, Any]:
        """What the function is given, by parameter."""
        return assembled(self.values())

    @cached_property
    def signature(self) -> tuple[Any, ...]:
        """The shapes and options that the function sees."""
        given = self.values().items()
        return tuple(np.shape(v) if a.meaning.role is Role.TENSOR else v for a, v in given)

    @property
    def numbers(self) -> int:
        """How many numbers the example is made of."""
        return sum(np.size(v) for v in self.given.values())


def case(problem: Problem, sizes: Mapping[Symbol, Any], full_shape: tuple[int, ...], given: Values) -> Case:
    """The example with everything computed from what is given."""
    with np.errstate(all="ignore"):
        forward = interpret(problem.program, given, sizes)
        tensors = interpret(problem.backward, {**forward, **given}, sizes)
    return Case(problem, complete_sizes(problem.program, sizes), full_shape, given, tensors)


def random_case(
    problem: Problem, sizes: Mapping[Symbol, Any], full_shape: tuple[int, ...], whole: bool, seed: int
) -> Case:
    """An example with random numbers.

    Args:
        problem: what is checked.
        sizes: every size symbol but the derived ones.
        full_shape: what ``...`` stands for.
        whole: take small whole numbers, among which there are ties; where the layer has kinks, which they would meet,
            this is the difference between ordinary and wide numbers.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    given = dict(sample_values(problem.program, sizes, rng))
    given = {name: value for name, value in given.items() if name not in problem.absent}
    known = complete_sizes(problem.program, sizes)
    # a function that takes no gradient from above is asked for that of the sum of the results
    seeds = {t.name: rng.normal(size=shape_of(t.shape, known)) for t in problem.seeds}
    seeds = {name: v if name in problem.asked else np.ones(v.shape) for name, v in seeds.items()}
    plain = {**given, **seeds}
    if whole != has_kinks(problem):  # wide numbers reach every piece of a function that has corners
        fixed = {name for name in seeds if name not in problem.asked}
        kept = fixed | {name for name, v in plain.items() if v.dtype.kind != "f"}
        other = {n: v if n in kept else np.rint(1.5 * v) if whole else WIDE * v for n, v in plain.items()}
        found = case(problem, sizes, full_shape, other)
        if is_finite(found):
            return found
    return case(problem, sizes, full_shape, plain)


def has_kinks(problem: Problem) -> bool:
    """Whether an elementwise function of the layer has a corner or a jump."""
    return any(s.term.body.has(*KINKS) for s in problem.program.statements)


def is_finite(example: Case) -> bool:
    """Whether every gradient asked for is a number."""
    return all(bool(np.isfinite(example.expected(name)).all()) for name in example.problem.returns)


def shape_sizes(symbol: Symbol | None, full_shape: tuple[int, ...]) -> dict[Symbol, int]:
    """The extent that ``...`` has as one axis."""
    return {} if symbol is None else {symbol: prod(full_shape)}
