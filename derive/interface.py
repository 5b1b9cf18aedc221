"""A layer: its forward program, and how people call it. No gradient and no code is written here.

Everything that the generated functions and classes need beyond the equations is data: which inputs are weights, which
symbols an option such as ``stride`` stands for, what must hold of them. Where nothing is said, it follows from the
program.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from sympy import Expr, Symbol

from derive.term import EquationError, Program, Tensor

# What an argument is called in a function's name: conv2d_grad_input, conv2d_grad_weight; others by their own name.
ROLES = {"x": "input", "w": "weight", "b": "bias"}


class Kind(Enum):
    """What values an option takes."""

    SIZE = "an integer, or one per axis"
    PADDING = "an integer, one per axis, a (start, end) pair per axis, 'same' or 'valid'"
    COUNT = "an integer"
    FLAG = "True or False"
    NUMBER = "a real number"


REQUIRED = None
"""The default of an option that has none."""


@dataclass(frozen=True)
class Option:
    """A hyper-parameter as the user knows it and the symbols that it sets.

    Attributes:
        name: PyTorch's name, such as "stride".
        symbols: the symbols set, one per axis; for padding (start, end) per axis.
        kind: the values it takes.
        default: its default; the name of another option to take over that option's value; REQUIRED for none.
        minimum: the smallest admissible integer.
        reach: for padding, the extent of the dilated kernel minus one, per axis ('same' pads so much in all).
        step: for padding, the strides, per axis ('same' needs stride 1).
    """

    name: str
    symbols: tuple[Symbol, ...]
    kind: Kind = Kind.SIZE
    default: Any = REQUIRED
    minimum: int = 1
    reach: tuple[Expr, ...] = ()
    step: tuple[Expr, ...] = ()


@dataclass(frozen=True)
class Requirement:
    """All `expressions` must be >= 0; `expected` says so in words, `option` names the argument to blame."""

    expressions: tuple[Expr, ...]
    option: str
    expected: str


@dataclass(frozen=True)
class Layer:
    """A named program with its calling convention.

    Attributes:
        name: the layer's name, also the stem of its functions: ``conv2d_forward``.
        class_name: the name of its class: ``Conv2D``.
        title: a short description.
        program: the forward equations.
        weights: names of the inputs that are trained.
        options: hyper-parameters in the order of the signature.
        features: constructor arguments that fix weight shapes, such as ``in_channels = G*C``.
        axes: words for extents in messages: H is "height".
        requirements: what must hold of the options.
        display: option settings under which the derivation is printed when the user says nothing.
        source: paper and equation that the formula follows.
    """

    name: str
    class_name: str
    title: str
    program: Program
    weights: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    features: tuple[tuple[str, Expr], ...] = ()
    axes: tuple[tuple[Symbol, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()
    display: tuple[tuple[str, Any], ...] = ()
    source: str = ""

    @property
    def differentiable(self) -> tuple[str, ...]:
        """The inputs a gradient exists for."""
        return tuple(t.name for t in self.program.inputs if not t.integer and not t.constant)

    @property
    def output(self) -> Tensor:
        """The result of the forward pass."""
        return self.program.tensors[self.program.outputs[0]]

    def option(self, name: str) -> Option:
        """The option called `name`.

        Raises:
            EquationError: when the layer has no such option.
        """
        for option in self.options:
            if option.name == name:
                return option
        known = ", ".join(o.name for o in self.options) or "none"
        raise EquationError(f"{self.name}: unknown option {name!r}; expected one of: {known}")

    def specialise(self, mapping: Mapping[Symbol, Expr]) -> "Layer":
        """The same layer with size symbols replaced: ``stride=1`` is a substitution."""
        return replace(self, program=self.program.substitute(mapping))
