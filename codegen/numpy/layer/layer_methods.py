"""What the methods of a layer class do: call, predict, backward and double backward."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.function.binder import guarded, shape_of
from gradscribe.codegen.numpy.layer.constructor import parameter
from gradscribe.codegen.numpy.print.fixed_names import FIXED
from gradscribe.codegen.python.definition import NONE
from gradscribe.codegen.python.expression import (
    Attribute,
    Call,
    Choice,
    Comparison,
    Dictionary,
    Expression,
    Group,
    Items,
    Literal,
    Name,
    Part,
    Star,
    Unary,
    absent,
    call,
    item,
    member,
    method,
    names,
    texts,
    unpacked,
)
from gradscribe.codegen.python.names import Names
from gradscribe.codegen.python.statement import Assign, Body, Do, If, Return, Statement, let
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import Layer

ROOM = 80
"""Characters of targets that a line has room for, before the name of what is called."""


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
        return tuple(n for n in self.layer.program.tensors if n in needed - set(self.layer.weights))

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
    arguments = tuple(_argument(t.name, k.layer) for t in k.forward.arguments)
    found.append(Assign(names(k.forward.results), _called(k.forward, arguments)))
    kept = (*(Name(n) for n in k.kept), *(shape_of(n) for n in k.shapes))
    found.append(Assign(member("_saved"), Group(kept)))
    found += [Assign(item(state, name), Name(output)) for name, output, _ in k.layer.state]
    return (*found, Return(tuple(Name(n) for n in k.outputs)))


def predict_body(k: LayerKernels, after: Kernel) -> Body:
    """The body of predict: the function of what holds after training, of the arrays given and the layer's own."""
    state = {name for name, _, _ in k.layer.state}
    own = (item(member("state"), t.name) if t.name in state else _argument(t.name, k.layer) for t in after.arguments)
    return (Return((_called(after, own),)),)


def backward_body(k: LayerKernels) -> Body:
    """The body of backward: it keeps the gradients of weights and returns those of inputs."""
    if k.backward is not None:
        return _all_at_once(k, k.backward)
    found: list[Statement] = [_unpacked(k)]
    results: list[Expression] = []
    for kernel in k.gradients:
        (name,) = kernel.wrt
        gradient = _gradient(k, kernel, (_argument(t.name, k.layer) for t in kernel.arguments))
        optional = k.layer.program.tensors[name].optional
        if kernel in k.wanted:
            results.append(_unless_absent(name, gradient) if optional else gradient)
            continue
        kept = Assign(item(member("grads"), name), gradient)
        found.append(_if_there(name, kept) if optional else kept)
    return (*found, Return(tuple(results) or (NONE,)))


def _all_at_once(k: LayerKernels, kernel: Kernel) -> Body:
    """That of one function; it yields None for what is absent, and no weight that is absent has a gradient."""
    weights = {name: k.layer.program.tensors[name] for name in kernel.wrt if name in k.layer.weights}
    results = dict(zip(kernel.wrt, map(Name, kernel.results), strict=True))
    targets = [
        item(member("grads"), name) if name in weights and not weights[name].optional else value
        for name, value in results.items()
    ]
    value = _gradient(k, kernel, (_argument(t.name, k.layer) for t in kernel.arguments))
    optional = [name for name, t in weights.items() if t.optional]
    whole = Names({*FIXED, *_names(k), *(name for name, _ in kernel.seeds), *kernel.results}).own("found")
    return (
        _unpacked(k),
        *_taken_apart(targets, value, whole),
        *(_if_there(name, Assign(item(member("grads"), name), results[name])) for name in optional),
        Return(tuple(value for name, value in results.items() if name not in weights) or (NONE,)),
    )


def _taken_apart(targets: Sequence[Expression], value: Expression, whole: str) -> Sequence[Statement]:
    """Assign results to what becomes of them: in one statement, or, where no line has room for all, one by one."""
    together = Items(tuple(targets))
    if len(text(together)) < ROOM:
        return [Assign(together, value)]
    each = (Assign(target, Part(Name(whole), (Literal(n),))) for n, target in enumerate(targets))
    return [let(whole, value), *each]


def double_backward_body(k: LayerKernels, kernel: Kernel) -> Body:
    """The body of double_backward: the gradients of S by name; seeds and directions are looked up by name."""
    seeds, directions = Name("seeds"), Name("directions")
    looked_up: dict[str, Expression] = {
        name: method(seeds, "get", Literal(name), Literal(1.0)) if k.is_loss else item(seeds, name)
        for name, _ in kernel.seeds
    }
    looked_up |= {direction: method(directions, "get", Literal(name)) for direction, name in kernel.directions}
    arguments = (looked_up.get(t.name) or _argument(t.name, k.layer) for t in kernel.arguments)
    free = [t for t in k.inputs if t.name in k.layer.differentiable]
    watched = (*(Literal(t.name) for t in free), *((Star(member("params")),) if k.layer.weights else ()))
    given = texts(name for name, _ in kernel.seeds)
    every = () if k.is_loss else (("every", Literal(True)),)
    found = [
        _unpacked(k),
        Do(Call(Name("rt.names"), (Literal(k.layer.name), Literal("seeds"), seeds, given), every)),
        Do(call("rt.names", Literal(k.layer.name), Literal("directions"), directions, Group(watched))),
        Assign(names(kernel.results), _gradient(k, kernel, arguments)),
    ]
    return (*found, *_by_name(k, kernel, {t.name for t in free if t.optional}))


def _by_name(k: LayerKernels, kernel: Kernel, absent: set[str]) -> Sequence[Statement]:
    """The results as a dictionary; that of an optional weight only where there is one."""
    keys = (*(name for name, _ in kernel.seeds), *k.layer.differentiable)
    values = {key: Name(result) for key, result in zip(keys, kernel.results, strict=True)}
    optional = [n for n in k.layer.weights if k.layer.program.tensors[n].optional]
    entries = Dictionary(
        tuple(
            (Literal(key), _unless_absent(key, value) if key in absent else value)
            for key, value in values.items()
            if key not in optional
        )
    )
    if not optional:
        return [Return((entries,))]
    found = Names({*FIXED, *_names(k), *kernel.results}).own("found")
    rest = [_if_there(name, Assign(item(Name(found), name), values[name])) for name in optional]
    return [let(found, entries), *rest, Return((Name(found),))]


def _names(k: LayerKernels) -> tuple[str, ...]:
    """What a call keeps, by name."""
    return (*k.kept, *(f"{name}_shape" for name in k.shapes))


def _unpacked(k: LayerKernels) -> Statement:
    value, kept = method(Name("self"), "_kept"), _names(k)
    if not kept:
        return Do(value)
    return Assign(unpacked(kept), value)


def _argument(name: str, layer: Layer) -> Expression:
    if name not in layer.weights:
        return Name(name)
    optional = layer.program.tensors[name].optional
    return method(member("params"), "get", Literal(name)) if optional else parameter(name)


def _unless_absent(name: str, value: Expression) -> Expression:
    return Choice(NONE, absent(name), value)


def _if_there(name: str, statement: Statement) -> Statement:
    """A statement on an optional weight."""
    return If(Comparison((Literal(name), member("params")), ("in",)), (statement,))


def _gradient(k: LayerKernels, kernel: Kernel, arguments: Iterable[Expression]) -> Expression:
    """A call of `kernel` with arrays, shapes and the object's options."""
    shapes = ((shape_argument(t), _shape(t, k)) for t in kernel.shaped)
    return _called(kernel, arguments, tuple(shapes))


def _called(
    kernel: Kernel, arguments: Iterable[Expression], shapes: tuple[tuple[str, Expression], ...] = ()
) -> Expression:
    """A call of `kernel` with the object's options: one by its name, several as a dictionary taken apart."""
    if len(kernel.options) < 2:
        return Call(Name(kernel.name), tuple(arguments), (*shapes, *options(kernel)))
    own = Unary("**", method(Name("self"), "_options", *(Literal(o.name) for o in kernel.options)))
    return Call(Name(kernel.name), (*arguments, own), shapes)


def _shape(tensor: Tensor, k: LayerKernels) -> Expression:
    if tensor.name in k.layer.weights:
        return Attribute(parameter(tensor.name), "shape")
    return shape_of(tensor.name) if tensor.name in k.kept else Name(f"{tensor.name}_shape")
