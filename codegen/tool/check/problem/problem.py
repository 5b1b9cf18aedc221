"""What is to be checked: the layer with the options that the function takes, and the derived gradient of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sympy import Expr, Symbol

from gradscribe.codegen.tool.check.problem.array_layout import checked_layout
from gradscribe.codegen.tool.check.problem.binding import Argument, arguments
from gradscribe.codegen.tool.check.problem.parameter_names import CheckError, Role, returned
from gradscribe.codegen.tool.check.problem.setting import settings
from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import Contribution, Gradient, differentiate
from gradscribe.derive.derivation.forward.displayed_settings import displayed
from gradscribe.derive.derivation.forward.insertion import written_out
from gradscribe.derive.derivation.gradient.steps.strand import settled
from gradscribe.derive.ir.term import Program, Tensor
from gradscribe.derive.layer.interface import Kind, Layer, Option


@dataclass(frozen=True)
class Problem:
    """A function and the layer that it is held against.

    Attributes:
        function: somebody's backward.
        layer: the layer, its options set as the check needs them.
        mapping: what the symbols of the layer's definition were replaced by.
        gradient: the derived gradient.
        arguments: what the parameters of the function are given.
        results: the inputs whose gradients it returns, in order; "" for a result that is none.
        layout: the order of the axes in its arrays.
        axes: how many axes an axis written ``...`` stands for.
        fixed: real numbers that keep their defaults.
    """

    function: Callable[..., Any]
    layer: Layer
    mapping: Mapping[Symbol, Expr]
    gradient: Gradient
    arguments: tuple[Argument, ...]
    results: tuple[str, ...]
    layout: str
    axes: int
    fixed: Mapping[Symbol, float]

    @property
    def program(self) -> Program:
        """The forward equations."""
        return self.layer.program

    @cached_property
    def backward(self) -> Program:
        """The gradient's equations, with the Kronecker deltas between single indices used up: quick to evaluate."""
        program = self.gradient.program
        statements = tuple(replace(s, term=rename(s.term)[0]) for s in program.statements)
        return replace(program, statements=statements)

    @property
    def returns(self) -> tuple[str, ...]:
        """The inputs whose gradients it returns."""
        return tuple(name for name in self.results if name)

    @property
    def varied(self) -> str:
        """What is different from example to example besides the numbers in the arrays."""
        options = any(a.meaning.role is Role.OPTION for a in self.arguments)
        return "random shapes and options" if options else "random shapes"

    @property
    def asked(self) -> frozenset[str]:
        """The tensors that the function is given."""
        return frozenset(a.meaning.name for a in self.arguments if a.meaning.role is Role.TENSOR)

    @cached_property
    def absent(self) -> frozenset[str]:
        """The optional inputs that the function does not know of."""
        return frozenset(t.name for t in self.program.inputs if t.optional and t.name not in self.asked)

    @property
    def raveled(self) -> Symbol | None:
        """The extent of the axis written ``...``; None where the layer has none."""
        return next((t.shape[t.ravel] for t in self.program.inputs if t.ravel is not None), None)

    @property
    def seeds(self) -> tuple[Tensor, ...]:
        """The gradients that arrive from above."""
        return tuple(self.gradient.seeds.values())

    def tensor(self, name: str) -> Tensor:
        """A tensor of the forward pass, or a seed."""
        return self.gradient.program.tensors[name]

    def option_value(self, option: Option, sizes: Mapping[Symbol, Any], given: Argument) -> Any:
        """The value of an option as the function is given it: one number, or a tuple where it wants one per axis."""
        values = [sizes[shown] if (shown := self.mapping.get(s, s)).is_Symbol else shown for s in option.symbols]
        if option.kind is Kind.FLAG:
            return bool(values[0])
        if option.kind is Kind.NUMBER:
            return float(values[0])
        numbers = [int(v) for v in (values[::2] if option.kind is Kind.PADDING else values)]
        if given.meaning.axis is not None:
            return numbers[given.meaning.axis]
        return tuple(numbers) if given.per_axis else numbers[0]


def problem(
    function: Callable[..., Any],
    layer: Layer,
    returns: str | None,
    layout: str,
    axes: int,
    given: Mapping[str, str],
    bind: Mapping[str, str],
    cache: str | None,
) -> Problem:
    """Find out what `function` takes and returns, and set the layer's options accordingly.

    Raises:
        CheckError: when the function does not fit the layer.
        EquationError: when a setting is unknown or out of range.
    """
    plain = replace(layer, display=())
    gradient = differentiate(layer.program)
    wanted = arguments(function, layer, gradient, bind, cache)
    display = displayed(plain, settings(layer, gradient, wanted, dict(given)))
    raveled = any(t.ravel is not None for t in layer.program.inputs)
    if axes < 1 or (axes != 1 and not raveled):
        raise CheckError(f"{layer.name}: --axes {axes}: expected 1{' or more' if raveled else ', it has no axis ...'}")
    taken = {a.meaning.name for a in wanted}
    numbers = [o for o in layer.options if o.kind is Kind.NUMBER and o.name not in taken and o.name not in given]
    missing = [o.name for o in numbers if o.default is None]
    if missing:
        raise CheckError(f"{layer.name}: {missing[0]} has no default; expected the function to take it, or --set")
    whole = differentiate(display.program)
    short = written_out(whole).shown  # as the derivation is printed
    gradient = short if taken <= set(short.forward.tensors) | _known(layer, wanted) else whole
    return Problem(
        function=function,
        layer=replace(display.layer, program=gradient.forward),
        mapping=display.mapping,
        gradient=_settled(gradient),
        arguments=wanted,
        results=returned(layer, returns),
        layout=checked_layout(layer, layout, axes),
        axes=axes,
        fixed={s: float(o.default) for o in numbers for s in o.symbols},
    )


def _known(layer: Layer, wanted: tuple[Argument, ...]) -> set[str]:
    """What is asked for that is neither computed in the forward pass nor may vanish from it."""
    computed = {s.target.name for s in layer.program.statements}
    return {a.meaning.name for a in wanted} - computed


def _settled(gradient: Gradient) -> Gradient:
    """The gradient with scattered axes of the forward equations written as expressions: dy[n, K*g + k]."""

    def rewritten(contribution: Contribution) -> Contribution:
        strand = settled(contribution, gradient.program)
        return replace(contribution, term=strand.term, by_value=strand.by_value)

    adjoints = tuple(replace(a, contributions=tuple(map(rewritten, a.contributions))) for a in gradient.adjoints)
    terms = {a.gradient.name: iter(a.contributions) for a in adjoints}
    copies = {a.gradient.name for a in adjoints if a.tensor.name in gradient.seeds}
    statements = []
    for statement in gradient.program.statements:
        name = statement.target.name
        if name in copies:  # an output that is read again starts from the gradient given for it
            copies.remove(name)
        else:
            statement = replace(statement, term=next(terms[name]).computed)
        statements.append(statement)
    return replace(gradient, adjoints=adjoints, program=replace(gradient.program, statements=tuple(statements)))
