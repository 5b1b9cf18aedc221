"""What the methods of a layer class do: call and predict; what those for gradients do is in `backward_methods`."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.function.binder import guarded, shape_of
from gradscribe.codegen.numpy.layer.constructor import parameter
from gradscribe.codegen.python.expression import (
    Call,
    Expression,
    Group,
    Literal,
    Name,
    Unary,
    call,
    item,
    member,
    method,
    names,
)
from gradscribe.codegen.python.statement import Assign, Body, Return, Statement, let
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import Layer

WORTH_RECORDING = 4
"""Statements of a function from which on it may be called by `rt.Layer._run`, which costs as much as one of them."""


@dataclass(frozen=True)
class LayerKernels:
    """The functions of a layer's module.

    Attributes:
        layer: the layer.
        forward: the forward function.
        gradients: a function for every input that is differentiable.
        backward: the function of all gradients; None where no two of them need the same.
        after: the function of what holds after training; None where that is the forward function.
        second: the double backward function and the Hessian-vector product; none at order 1.
    """

    layer: Layer
    forward: Kernel
    gradients: tuple[Kernel, ...]
    backward: Kernel | None = None
    after: Kernel | None = None
    second: tuple[Kernel, ...] = ()

    @property
    def every(self) -> tuple[Kernel, ...]:
        """All of them in the order of the module."""
        others = [kernel for kernel in (self.backward, self.after) if kernel is not None]
        return (self.forward, *self.gradients, *others, *self.second)

    @property
    def backwards(self) -> tuple[Kernel, ...]:
        """What the methods for gradients call."""
        first = self.gradients if self.backward is None else (self.backward,)
        return (*first, *self.second[:1])

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        """The arrays that a call takes."""
        held = {*self.layer.weights, *(name for name, _, _ in self.layer.state)}
        return tuple(t for t in self.layer.program.inputs if t.name not in held)

    @property
    def asked(self) -> tuple[Tensor, ...]:
        """The arrays that predict takes."""
        read = {t.name for t in self.after.arguments} if self.after is not None else set()
        return tuple(t for t in self.inputs if t.name in read)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What a call returns: the outputs that do not replace state."""
        replacing = {output for _, output, _ in self.layer.state}
        return tuple(name for name in self.layer.program.outputs if name not in replacing)

    @property
    def wanted(self) -> tuple[Kernel, ...]:
        """The gradients that backward returns; it keeps the others."""
        names = {t.name for t in self.inputs}
        return tuple(k for k in self.gradients if k.wrt[0] in names)

    @property
    def seeds(self) -> tuple[tuple[str, str], ...]:
        """The gradients that backward is given, with their outputs."""
        return self.gradients[0].seeds if self.gradients else ()

    @property
    def is_loss(self) -> bool:
        """Whether the output is one number: the gradient of a loss by itself is 1."""
        return len(self.layer.outputs) == 1 and not self.layer.output.shape

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """The arrays that a call keeps for backward."""
        needed = {t.name for k in self.backwards for t in k.arguments}
        optional = {t.name for t in self.layer.program.inputs if t.optional and t.name in self.layer.differentiable}
        needed |= optional  # an input that was absent has no gradient
        every = dict.fromkeys((*self.layer.program.tensors, *self.forward.results))
        return tuple(n for n in every if n in needed - set(self.layer.weights))

    @cached_property
    def shapes(self) -> tuple[str, ...]:
        """The inputs of which it keeps the shape only."""
        shaped = {t.name for k in self.backwards for t in k.shaped}
        shaped -= {*self.layer.weights, *self.kept}
        return tuple(t.name for t in self.layer.program.inputs if t.name in shaped)


def options(kernel: Kernel) -> tuple[tuple[str, Expression], ...]:
    """The options of a function, as the object has them."""
    return tuple((o.name, member(o.name)) for o in kernel.options)


def as_array(layer: Layer, tensor: Tensor) -> Statement:
    """An argument of a call becomes an array."""
    value = call("rt.as_array", Literal(layer.name), Literal(tensor.name), Name(tensor.name))
    return let(tensor.name, value)


def call_body(k: LayerKernels) -> Body:
    """The body of a call."""
    found: list[Statement] = []
    for t in k.inputs:
        seen = as_array(k.layer, t)
        found += guarded(t.name, [seen]) if t.optional else [seen]
    state = member("state")
    found += [let(name, item(state, name)) for name, _, _ in k.layer.state]
    arguments = tuple(argument(t.name, k.layer) for t in k.forward.arguments)
    found.append(Assign(names(k.forward.results), called(k.forward, arguments)))
    kept = (*(Name(n) for n in k.kept), *(shape_of(n) for n in k.shapes))
    found.append(Assign(member("_saved"), Group(kept)))
    found += [Assign(item(state, name), Name(output)) for name, output, _ in k.layer.state]
    return (*found, Return(tuple(Name(n) for n in k.outputs)))


def predict_body(k: LayerKernels, after: Kernel) -> Body:
    """The body of predict: the function of what holds after training, of the arrays given and the layer's own."""
    state = {name for name, _, _ in k.layer.state}
    own = (item(member("state"), t.name) if t.name in state else argument(t.name, k.layer) for t in after.arguments)
    return (Return((called(after, own),)),)


def argument(name: str, layer: Layer) -> Expression:
    """What a function is given for a tensor: the object's weight, or the variable of that name."""
    if name not in layer.weights:
        return Name(name)
    optional = layer.program.tensors[name].optional
    return method(member("params"), "get", Literal(name)) if optional else parameter(name)


def called(
    kernel: Kernel, arguments: Iterable[Expression], shapes: tuple[tuple[str, Expression], ...] = ()
) -> Expression:
    """A call of `kernel` with the object's options: one by its name, several as a dictionary taken apart.

    A function of several statements is called so that calls which come again are recorded.
    """
    given, named = tuple(arguments), (*shapes, *options(kernel))
    if len(kernel.options) > 1:
        own = Unary("**", method(Name("self"), "_options", *(Literal(o.name) for o in kernel.options)))
        given, named = (*given, own), shapes
    if len(kernel.program.statements) < WORTH_RECORDING:
        return Call(Name(kernel.name), given, named)
    return Call(member("_run"), (Name(kernel.name), *given), named)
