"""Kernels -> the class of a layer: facts, constructor, methods with what they say. All of it follows from the data."""

from collections.abc import Sequence

from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.function.docstring import Section, enumerated, long_doc, method_doc, raises, titled
from gradscribe.codegen.numpy.layer.backward_methods import backward_body, double_backward_body
from gradscribe.codegen.numpy.layer.constructor import (
    check_constructor,
    constructor_arguments,
    constructor_signature,
    constructor_statements,
)
from gradscribe.codegen.numpy.layer.layer_methods import LayerKernels, call_body, predict_body
from gradscribe.codegen.python.definition import (
    ANY,
    NONE,
    Class,
    Function,
    Parameter,
    Signature,
    as_method,
    defaults_last,
    given,
    of,
)
from gradscribe.codegen.python.expression import Group, Literal, Name, call, method, texts
from gradscribe.codegen.python.names import check_distinct
from gradscribe.codegen.python.statement import Assign, Body, Do, let
from gradscribe.derive.ir.term import Tensor

RAISES = raises("the type or the value of an argument does not fit")
"""What every constructor may raise."""
CREATED = Do(method(call("super"), "__init__"))
"""What every constructor begins with."""
BY_NAME = of("Mapping", Name("str"), ANY)


def layer_class(k: LayerKernels) -> Class:
    """The class of a layer on top of its functions.

    Raises:
        EquationError: when two arguments of the constructor have one name, or `initial` names no weight.
    """
    check_constructor(k.layer)
    arguments = [("argument of double_backward", name) for name in ("seeds", "directions") if k.second]
    tensors = [("tensor", name) for name in k.layer.program.tensors]
    check_distinct(k.layer.name, [*arguments, *tensors, *(("shape kept", f"{name}_shape") for name in k.shapes)])
    return Class(
        name=k.layer.class_name,
        base="Layer",
        doc=long_doc(f"{titled(k.layer)}, with state.", _described(k)),
        facts=tuple(_facts(k)),
        methods=tuple(_methods(k)),
    )


def _described(k: LayerKernels) -> list[str | Section]:
    lines: list[str | Section] = []
    if k.after is not None:
        asked = enumerated([t.name for t in k.asked])
        lines = [f"Training takes {_inputs(k)}; `predict`, after training, takes {asked}."]
    arguments = constructor_arguments(k.layer)
    return [*lines, *([Section("Args", tuple(arguments))] if arguments else []), RAISES]


def _facts(k: LayerKernels) -> list[Assign]:
    """What the equations say and no signature does: which of the arrays of a call have gradients."""
    seeds = {output: name for name, output in k.seeds}
    outputs = (Group((Literal(output), Literal(seeds.get(output)))) for output in k.outputs)
    found = [
        let("layer", Literal(k.layer.name)),
        let("differentiable", texts(name for kernel in k.wanted for name in kernel.wrt)),
        let("outputs", Group(tuple(outputs))),
    ]
    return [*found, let("evaluation", texts(t.name for t in k.asked))] if k.after is not None else found


def _methods(k: LayerKernels) -> list[Function]:
    outputs = "output" if len(k.outputs) == 1 else f"outputs {enumerated(k.outputs)}"
    training = " in training" if k.after is not None else ""
    seeds = [name for name, _ in k.seeds] if k.gradients else ["dy"]
    default = Literal(1.0) if k.is_loss else None
    named = [name for kernel in k.wanted for name in kernel.wrt]
    each = " and ".join(f"the gradient of {name}" for name in named)
    result = each if len(named) < 4 else f"the gradients of {enumerated(named)}"
    found = [
        as_method("__init__", constructor_signature(k.layer), "", [CREATED, *constructor_statements(k.layer)]),
        _method("__call__", _arrays(k.inputs), f"The {outputs} for {_inputs(k)}{training}.", call_body(k)),
        _method(
            "backward",
            defaults_last(given(*seeds, default=default)),
            f"Return {result or 'nothing: no input is differentiable'}.",
            backward_body(k),
        ),
    ]
    if k.after is not None:
        asked = enumerated([t.name for t in k.asked])
        words = f"The {outputs} after training, for {asked}; nothing is kept."
        found.insert(2, _method("predict", _arrays(k.asked), words, predict_body(k, k.after)))
    return [*found, _double_backward(k, k.second[0])] if k.second else found


def _inputs(k: LayerKernels) -> str:
    return enumerated([t.name for t in k.inputs])


def _method(name: str, parameters: tuple[Parameter, ...], words: str, body: Body) -> Function:
    return as_method(name, Signature(parameters, result=ANY), method_doc(words), body)


def _arrays(tensors: Sequence[Tensor]) -> tuple[Parameter, ...]:
    return defaults_last(tuple(Parameter(t.name, ANY, NONE if t.optional else None) for t in tensors))


RETURNED = (
    "the gradient of S by the name of every seed, then of every differentiable input and weight, in the order of the "
    "forward function's arguments"
)


def _double_backward(k: LayerKernels, kernel: Kernel) -> Function:
    """The method; its arrays have the shapes of what they belong to."""
    first = "Return the gradient of S, the sum of direction * gradient over all gradients that backward computes."
    seeds = enumerated([name for name, _ in k.seeds])
    words = (
        f"the gradients given to backward by name, {seeds}, of the outputs' shapes",
        f"what the gradients of {enumerated(k.layer.differentiable)} are multiplied by, by name and of their shapes, "
        "0 for a missing one",
    )
    lines: list[str | Section] = [
        "It speaks of the last call, and of the weights as they are now.",
        Section("Args", (("seeds", words[0]), ("directions", words[1]))),
        Section("Returns", (("", RETURNED),)),
        Section("Raises", (("", "ValueError when a name or a shape does not fit"),)),
    ]
    signature = Signature(twice(), result=of("dict", Name("str"), ANY))
    return as_method("double_backward", signature, method_doc(first, lines), double_backward_body(k, kernel))


def twice() -> tuple[Parameter, ...]:
    """The parameters of double backward."""
    return Parameter("seeds", BY_NAME), Parameter("directions", BY_NAME)
