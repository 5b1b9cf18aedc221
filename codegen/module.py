"""Layer -> its module: the functions, and the class on top of them."""

from collections.abc import Sequence

from gradscribe.codegen.docstring import long_doc, method_doc, module_doc
from gradscribe.codegen.function import defaults_last, function_source, signature
from gradscribe.codegen.kernel import evaluation
from gradscribe.codegen.layer_class import LayerClass, layer_class
from gradscribe.codegen.layout import fit
from gradscribe.codegen.names import check_globals, check_names
from gradscribe.codegen.render import MODULE, ClassContext, Emitted, FunctionContext, ModuleContext, emitted, header
from gradscribe.codegen.second_order import kernels_of_order
from gradscribe.derive.interface import Layer

RAISES = (
    "Raises:",
    "    TypeError: when an argument has a wrong type.",
    "    ValueError: when an option is out of range.",
)
"""What every constructor may raise."""


def module_source(layer: Layer, order: int = 1) -> Emitted:
    """The module of `layer`; with order 2 also the functions of `codegen.second_order`.

    Raises:
        EquationError: when a name of the layer cannot be a Python name, and for an order other than 1 and 2.
    """
    check_names(layer)
    found, second = kernels_of_order(layer, order)
    after = evaluation(layer)
    every = (*found, *([after] if after else []), *second)
    check_globals(layer, [k.name for k in every])
    cls = layer_class(layer, found, second, after)
    functions = tuple(function_source(k) for k in every)
    context = ModuleContext(
        header=header(f"the equations of {layer.name}", MODULE),
        doc=module_doc(layer),
        imports=tuple(_imports(functions, cls)),
        functions=functions,
        cls=ClassContext(
            name=cls.name,
            base="Layer",
            doc=long_doc(f"{cls.title}, with state.", _class_description(cls)),
            facts=tuple(fit(list(cls.facts), 1)),
            methods=tuple(_methods(cls)),
        ),
    )
    return emitted(layer.name, context)


def _methods(cls: LayerClass) -> list[FunctionContext]:
    call, given = defaults_last(list(cls.call)), defaults_last(list(cls.given))
    about = f"The {_outputs(cls)} for {enumerated(cls.inputs)}{' in training' if cls.predict else ''}."
    found = [
        method("__init__", cls.signature, "None", "", ["super().__init__()", *cls.setup]),
        method("__call__", call, "Any", method_doc(about), cls.forward),
        method("backward", given, "Any", method_doc(f"Return {cls.result}."), cls.backward),
    ]
    if cls.predict:
        found.insert(
            2, method("predict", defaults_last(list(cls.asked)), "Any", method_doc(_predicted(cls)), cls.predict)
        )
    return [*found, _double_backward(cls)] if cls.double_backward else found


def method(name: str, parameters: Sequence[str], result: str, doc: str, lines: Sequence[str]) -> FunctionContext:
    """A method of a class; `doc` is its docstring, see `method_doc`."""
    head = signature(f"def {name}", ["self", *parameters], result, 1)
    return FunctionContext(name, head, doc, tuple(fit(list(lines), 2)))


def _double_backward(cls: LayerClass) -> FunctionContext:
    """The method; its arrays have the shapes of what they belong to."""
    parameters = ["seeds: Mapping[str, Any]", "directions: Mapping[str, Any]"]
    first = "Return the gradient of S, the sum of direction * gradient over all gradients that backward computes."
    lines = [
        "",
        "It speaks of the last call, and of the weights as they are now.",
        "",
        "Args:",
        f"    seeds: the gradients given to backward by name, {enumerated(cls.seeds)}, of the outputs' shapes.",
        f"    directions: what the gradients of {enumerated(cls.watched)} are multiplied by, by name and of their "
        "shapes; a missing one is 0.",
        "",
        "Returns:",
        "    The gradient of S by the name of every seed, differentiable input and weight.",
        "",
        "Raises:",
        "    ValueError: when a name or a shape does not fit.",
    ]
    return method("double_backward", parameters, "dict[str, Any]", method_doc(first, lines), cls.double_backward)


def _outputs(cls: LayerClass) -> str:
    return "output" if len(cls.outputs) == 1 else f"outputs {enumerated(cls.outputs)}"


def _predicted(cls: LayerClass) -> str:
    return f"The {_outputs(cls)} after training, for {enumerated(_asked(cls))}; nothing is kept."


def _asked(cls: LayerClass) -> list[str]:
    return [parameter.partition(":")[0] for parameter in cls.asked]


def enumerated(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _class_description(cls: LayerClass) -> list[str]:
    lines = []
    if cls.predict:
        asked = enumerated(_asked(cls))
        lines = [f"Training takes {enumerated(cls.inputs)}; `predict`, after training, takes {asked}.", ""]
    lines += ["Args:", *(f"    {n}: {text}" for n, text in cls.arguments), ""] if cls.arguments else []
    return [*lines, *RAISES]


def _imports(functions: Sequence[FunctionContext], cls: LayerClass) -> list[str]:
    text = "\n".join([f.signature for f in functions] + list(cls.signature))
    names = (["Mapping"] if cls.double_backward else []) + (["Sequence"] if "Sequence[" in text else [])
    lines = [f"from collections.abc import {', '.join(names)}"] if names else []
    body = "\n".join(line for f in functions for line in f.lines) + text + "\n".join([*cls.setup, *cls.forward])
    return [*lines, "from typing import Any", *(["", "import numpy as np"] if "np." in body else [])]
