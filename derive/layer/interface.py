"""A layer: its forward program, and how people call it. No gradient and no code is written here.

Everything that the generated functions and classes need beyond the equations is data: which inputs are weights, which
symbols an option such as ``stride`` stands for, what must hold of them. Where nothing is said, it follows from the
program.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from numbers import Integral
from typing import Any, Self

from sympy import Expr, Symbol

from gradscribe.derive.calculus.differentiate import Gradient, differentiate
from gradscribe.derive.calculus.passes.ties import TIES, split_ties
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.interpret.recurrence import circles
from gradscribe.derive.ir.quote import listed, quoted
from gradscribe.derive.ir.term import EquationError, Program, Tensor, accesses
from gradscribe.derive.layer.interval import Interval
from gradscribe.printed import Printed
from gradscribe.said import Saying

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
        interval: the values that it may have; None for any that its kind admits.
        reach: for padding, the extent of the dilated kernel minus one, per axis ('same' pads so much in all).
        step: for padding, the strides, per axis ('same' needs stride 1).
        words: what sentences call it, where that is not its name.
    """

    name: str
    symbols: tuple[Symbol, ...]
    kind: Kind = Kind.SIZE
    default: Any = REQUIRED
    interval: Interval | None = None
    reach: tuple[Expr, ...] = ()
    step: tuple[Expr, ...] = ()
    words: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.default, list):  # records are hashed
            object.__setattr__(self, "default", tuple(self.default))

    @property
    def values(self) -> Interval | None:
        """The values that it may have: sizes and counts are at least 1, paddings at least 0; None for any."""
        kinds = {Kind.SIZE: Interval(1), Kind.COUNT: Interval(1), Kind.PADDING: Interval(0)}
        return self.interval or kinds.get(self.kind)

    @property
    def minimum(self) -> int:
        """The smallest admissible integer of a size, a count or a padding."""
        return int(self.values.low) if self.values is not None and self.kind is not Kind.NUMBER else 1


@dataclass(frozen=True)
class Requirement:
    """All `expressions` must be >= 0; `expected` says so in words, `option` names the argument to blame.

    Where that is no option, but an axis of an array, `received` is the size that is none as expected.
    """

    expressions: tuple[Expr, ...]
    option: str
    expected: str
    received: Expr | None = None


@dataclass(frozen=True, repr=False)
class Layer(Printed):
    """A named program with its calling convention.

    Attributes:
        name: the layer's name, also the stem of its functions: ``conv2d_forward``.
        class_name: the name of its class: ``Conv2D``.
        title: a short description, or "".
        program: the forward equations.
        weights: names of the inputs that are trained.
        options: hyper-parameters in the order of the signature.
        features: constructor arguments that fix weight shapes, such as ``in_channels = G*C``. A symbol of these shapes
            that neither they nor the options give becomes a constructor argument of its own name.
        initial: weights that start as a constant, (name, value); the others are drawn, uniform within
            ``1/sqrt(fan_in)``.
        state: inputs that the class keeps from call to call, (name, output that replaces it, value at the start): the
            running statistics of batch normalisation.
        axes: words for extents in messages: H is "height".
        requirements: what must hold of the options.
        display: option settings under which the derivation is printed when the user says nothing.
        source: paper and equation that the formula follows.
        evaluation: the forward equations after training, over the same inputs; None where they are those of training.
        letters: what derivations are written with where nobody says otherwise, see `derive.layer.letters`.
        meanings: what tensors are where their shapes do not say it.
        checkpoint: of recurrences, every how many positions a state is kept, from which gradients compute the others
            again; 0 where all that they read is kept.
        text: the lines that it was read from; "" where it was made otherwise. Equal equations make equal layers.
    """

    name: str
    class_name: str
    title: str
    program: Program
    weights: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    features: tuple[tuple[str, Expr], ...] = ()
    initial: tuple[tuple[str, float], ...] = ()
    state: tuple[tuple[str, str, float], ...] = ()
    axes: tuple[tuple[Symbol, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()
    display: tuple[tuple[str, Any], ...] = ()
    source: str = ""
    evaluation: Program | None = None
    letters: str = ""
    meanings: tuple[Saying, ...] = ()
    checkpoint: int = 0
    text: str = field(default="", compare=False)

    @property
    def differentiable(self) -> tuple[str, ...]:
        """The inputs a gradient exists for."""
        return tuple(t.name for t in self.program.inputs if not t.integer and not t.constant)

    @property
    def words(self) -> str:
        """The layer in words: its title, else its name."""
        return self.title or f"{self.name.replace('_', ' ')} layer"

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The results of the forward pass."""
        return tuple(self.program.tensors[name] for name in self.program.outputs)

    @property
    def output(self) -> Tensor:
        """The first result of the forward pass."""
        return self.outputs[0]

    def option(self, name: str) -> Option:
        """The option called `name`, such as "stride".

        Raises:
            EquationError: when the layer has no such option.
        """
        for option in self.options:
            if option.name == name:
                return option
        known = listed(o.name for o in self.options) or "none"
        raise EquationError(f"{self.name}: unknown option {quoted(name)}; expected one of: {known}")

    def differentiate(self, wrt: Sequence[str] | None = None) -> Gradient:
        """The gradient as equations again.

        Args:
            wrt: names of inputs; all differentiable ones by default.

        Returns:
            The gradient of a scalar E of the outputs, dE/d(output) being given.

        Raises:
            EquationError: when `wrt` names no differentiable input.
        """
        return differentiate(self.program, wrt)

    def with_ties(self, policy: str) -> Self:
        """The layer with the gradient of its maxima and minima going to the "first" position, or "split" among all.

        Args:
            policy: one of these two words.

        Raises:
            EquationError: for another word, and for "split" where no gradient flows through a maximum or minimum.
        """
        if policy not in TIES:
            raise EquationError(
                f"{self.name}: unknown policy for ties {quoted(policy)}; expected one of {', '.join(TIES)}"
            )
        shared = any(s.ties for s in self.program.statements)
        if policy == "first":
            if shared:
                raise EquationError(f"{self.name}: its ties are split already; expected the layer as it was read")
            return self
        if not shared and not any(s.argument for s in self.program.statements):
            raise EquationError(f"{self.name}: no ties to split, as no gradient flows through a maximum or minimum")
        return replace(self, program=split_ties(self.program, {o.name for o in self.options}))

    def with_checkpoint(self, every: int) -> Self:
        """The layer, of whose recurrences a state is kept every so many positions; gradients compute the others again.

        Args:
            every: how many positions, at least 1; memory is least where it is about the root of their number.

        Raises:
            EquationError: when `every` is no such number, and where there is no recurrence.
        """
        if not isinstance(every, Integral) or isinstance(every, bool) or every < 1:
            raise EquationError(f"{self.name}: checkpoint {every!r}: expected a number of positions, at least 1")
        if not circles(self.program.statements):
            raise EquationError(f"{self.name}: checkpoint {every}: expected a layer with a recurrence; it has none")
        return replace(self, checkpoint=int(every))

    def specialise(self, mapping: Mapping[Symbol, Expr]) -> Self:
        """The same layer with size symbols replaced: ``stride=1`` is a substitution.

        Args:
            mapping: what replaces which symbol of the program.
        """
        return replace(self, program=self.program.substitute(mapping))


def layer_of(program: Program, name: str = "layer") -> Layer:
    """A plain layer around `program`: no weights, one option per size or number that its inputs leave open."""
    class_name = "".join(part.capitalize() for part in name.split("_"))
    return Layer(name, class_name, "", program, options=open_options(program))


def open_options(program: Program, given: Iterable[Symbol] = ()) -> tuple[Option, ...]:
    """A required option for every symbol that neither a shape, nor a formula, nor `given` determines."""
    known = {*given, *(symbol for symbol, _ in program.sizes)}
    extents = [e for t in program.inputs if not t.optional for e in t.shape]
    known |= {e for e in extents if isinstance(e, Symbol)}
    for extent in (e for e in extents if e.is_Mul):  # G*C gives C where G is known
        unknown = extent.free_symbols - known
        known |= unknown if len(unknown) == 1 else set()
    found = sorted(program.symbols() - known, key=lambda s: s.name)
    return tuple(
        Option(s.name, (s,), Kind.COUNT, REQUIRED, Interval(int(_is_count(s, program))))
        if s.is_integer
        else Option(s.name, (s,), Kind.NUMBER)
        for s in found
    )


def _is_count(symbol: Symbol, program: Program) -> bool:
    """Whether a size is an extent, or the step of an index: then it is at least 1."""
    for term in (s.term for s in program.statements):
        places = [*(e for a in accesses(term.body) for e in a.indices), *term.deltas, *(g.value for g in term.guards)]
        steps = [affine(e, term.indices).coefficient(v) for e in places for v in term.indices]
        if any(symbol in e.free_symbols for e in steps) or any(r.extent == symbol for r in term.ranges):
            return True
    return False
