"""What the methods for gradients of a layer class do: backward and double backward."""

from collections.abc import Iterable, Sequence
from itertools import dropwhile

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.function.binder import shape_of
from gradscribe.codegen.numpy.layer.constructor import parameter
from gradscribe.codegen.numpy.layer.layer_methods import LayerKernels, argument, called
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

ROOM = 80
"""Characters of targets that a line has room for, before the name of what is called."""


def backward_body(k: LayerKernels) -> Body:
    """The body of backward: it keeps the gradients of weights and returns those of inputs."""
    if k.backward is not None:
        return _all_at_once(k, k.backward)
    found: list[Statement] = [_unpacked(k)]
    results: list[Expression] = []
    for kernel in k.gradients:
        (name,) = kernel.wrt
        gradient = _gradient(k, kernel, (argument(t.name, k.layer) for t in kernel.arguments))
        optional = k.layer.program.tensors[name].optional
        if kernel in k.wanted:
            results.append(_unless_absent(name, gradient) if optional else gradient)
            continue
        kept = Assign(item(member("grads"), name), gradient)
        found.append(_if_there(name, kept) if optional else kept)
    return (*found, Return(tuple(results) or (NONE,)))


def _all_at_once(k: LayerKernels, kernel: Kernel) -> Body:
    """That of one function; it yields None for what is absent, and no weight that is absent has a gradient.

    Gradients are kept in the order of the weights: those from the first weight on that may be absent one by one.
    """
    weights = {name: k.layer.program.tensors[name] for name in kernel.wrt if name in k.layer.weights}
    results = dict(zip(kernel.wrt, map(Name, kernel.results), strict=True))
    later = dropwhile(lambda name: not weights[name].optional, weights)
    kept = {name: Assign(item(member("grads"), name), results[name]) for name in later}
    targets = [
        item(member("grads"), name) if name in weights and name not in kept else value
        for name, value in results.items()
    ]
    value = _gradient(k, kernel, (argument(t.name, k.layer) for t in kernel.arguments))
    whole = Names({*FIXED, *_names(k), *(name for name, _ in kernel.seeds), *kernel.results}).own("found")
    return (
        _unpacked(k),
        *_taken_apart(targets, value, whole),
        *(_if_there(name, entry) if weights[name].optional else entry for name, entry in kept.items()),
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
    arguments = (looked_up.get(t.name) or argument(t.name, k.layer) for t in kernel.arguments)
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
    """The results as a dictionary, in the order of the function; that of an optional weight only where it is there."""
    keys = (*(name for name, _ in kernel.seeds), *k.layer.differentiable)
    values = {key: Name(result) for key, result in zip(keys, kernel.results, strict=True)}
    optional = [n for n in k.layer.weights if k.layer.program.tensors[n].optional]
    entries = [(key, _unless_absent(key, value) if key in absent else value) for key, value in values.items()]
    whole = next((n for n, key in enumerate(keys) if key in optional), len(keys))
    known = Dictionary(tuple((Literal(key), value) for key, value in entries[:whole]))
    if whole == len(keys):
        return [Return((known,))]
    found = Names({*FIXED, *_names(k), *kernel.results}).own("found")
    rest = ((key, Assign(item(Name(found), key), value)) for key, value in entries[whole:])
    conditioned = (_if_there(key, entry) if key in optional else entry for key, entry in rest)
    return [let(found, known), *conditioned, Return((Name(found),))]


def _names(k: LayerKernels) -> tuple[str, ...]:
    """What a call keeps, by name."""
    return (*k.kept, *(f"{name}_shape" for name in k.shapes))


def _unpacked(k: LayerKernels) -> Statement:
    value, kept = method(Name("self"), "_kept"), _names(k)
    if not kept:
        return Do(value)
    return Assign(unpacked(kept), value)


def _unless_absent(name: str, value: Expression) -> Expression:
    return Choice(NONE, absent(name), value)


def _if_there(name: str, statement: Statement) -> Statement:
    """A statement on an optional weight."""
    return If(Comparison((Literal(name), member("params")), ("in",)), (statement,))


def _gradient(k: LayerKernels, kernel: Kernel, arguments: Iterable[Expression]) -> Expression:
    """A call of `kernel` with arrays, shapes and the object's options."""
    shapes = ((shape_argument(t), _shape(t, k)) for t in kernel.shaped)
    return called(kernel, arguments, tuple(shapes))


def _shape(tensor: Tensor, k: LayerKernels) -> Expression:
    if tensor.name in k.layer.weights:
        return Attribute(parameter(tensor.name), "shape")
    return shape_of(tensor.name) if tensor.name in k.kept else Name(f"{tensor.name}_shape")
