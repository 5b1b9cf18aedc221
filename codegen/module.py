"""Layer -> the text of its module: the functions, and the class on top of them."""

import keyword
from collections.abc import Sequence

from codegen.docstring import equations, paragraph, wrapped
from codegen.function import RESERVED, defaults_last, function_source, signature
from codegen.kernel import evaluation
from codegen.layer_class import LayerClass, layer_class
from codegen.layout import fit
from codegen.render import (
    ClassContext,
    FunctionContext,
    ModuleContext,
    header,
    render,
)
from codegen.second_order import kernels_of_order
from derive.interface import Layer
from derive.term import EquationError


def module_source(layer: Layer, order: int = 1) -> str:
    """The text of the module of `layer`; with order 2 also the functions of `codegen.second_order`.

    Raises:
        EquationError: when a name of the layer cannot be a Python name, and for an order other than 1 and 2.
    """
    check_names(layer)
    found, second = kernels_of_order(layer, order)
    after = evaluation(layer)
    cls = layer_class(layer, found, second, after)
    functions = tuple(function_source(k) for k in (*found, *([after] if after else []), *second))
    context = ModuleContext(
        header=header(f"the equations of {layer.name}", "numpy/module.py.jinja"),
        title=layer.words[0].upper() + layer.words[1:],
        equations=paragraph(equations(layer.program), ""),
        source="\n".join(wrapped(f"Source: {layer.source}.", "")) if layer.source else "",
        imports=tuple(_imports(functions, cls)),
        functions=functions,
        cls=ClassContext(
            cls.name,
            cls.title,
            tuple(fit(list(cls.facts), 1)),
            tuple(fit(list(cls.setup), 2)),
            tuple(fit(list(cls.forward), 2)),
            tuple(fit(list(cls.backward), 2)),
            tuple(fit(list(cls.double_backward), 2)),
            tuple(fit(list(cls.predict), 2)),
        ),
        class_description=_class_description(cls),
        class_init=signature("def __init__", ["self", *cls.signature], "None", 1),
        class_call=_method(
            "__call__",
            defaults_last(list(cls.call)),
            f"The {_outputs(cls)} for {_listed(cls.inputs)}{' in training' if cls.predict else ''}.",
        ),
        class_predict=_method("predict", defaults_last(list(cls.asked)), _predicted(cls)) if cls.predict else "",
        class_backward=_method("backward", defaults_last(list(cls.given)), f"Return {cls.result}."),
        class_double_backward=_double_backward(cls) if cls.double_backward else "",
    )
    return render("numpy/module.py.jinja", context)


def _method(name: str, parameters: Sequence[str], doc: str) -> str:
    text = "\n".join(wrapped(f'"""{doc}"""', "        "))
    return f"{signature(f'def {name}', ['self', *parameters], 'Any', 1)}\n{text}"


def _double_backward(cls: LayerClass) -> str:
    """The head of the method; its arrays have the shapes of what they belong to."""
    parameters = ["self", "seeds: Mapping[str, Any]", "directions: Mapping[str, Any]"]
    lines = [
        '"""Return the gradient of S, the sum of direction * gradient over all gradients that backward computes.',
        "",
        "It speaks of the last call, and of the weights as they are now.",
        "",
        "Args:",
        f"    seeds: the gradients given to backward by name, {_listed(cls.seeds)}, of the outputs' shapes.",
        f"    directions: what the gradients of {_listed(cls.watched)} are multiplied by, by name and of their shapes; "
        f"a missing one is 0.",
        "",
        "Returns:",
        "    The gradient of S by the name of every seed, differentiable input and weight.",
        "",
        "Raises:",
        "    ValueError: when a name or a shape does not fit.",
        '"""',
    ]
    return f"{signature('def double_backward', parameters, 'dict[str, Any]', 1)}\n{paragraph(lines, '        ')}"


def _outputs(cls: LayerClass) -> str:
    return "output" if len(cls.outputs) == 1 else f"outputs {_listed(cls.outputs)}"


def _predicted(cls: LayerClass) -> str:
    return f"The {_outputs(cls)} after training, for {_listed(_asked(cls))}; nothing is kept."


def _asked(cls: LayerClass) -> list[str]:
    return [parameter.partition(":")[0] for parameter in cls.asked]


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _class_description(cls: LayerClass) -> str:
    lines = []
    if cls.predict:
        lines = [f"Training takes {_listed(cls.inputs)}; `predict`, after training, takes {_listed(_asked(cls))}.", ""]
    lines += ["Args:", *(f"    {n}: {text}" for n, text in cls.arguments), ""] if cls.arguments else []
    lines += [
        "Raises:",
        "    TypeError: when an argument has a wrong type.",
        "    ValueError: when an option is out of range.",
    ]
    return paragraph(lines, "    ")


def _imports(functions: Sequence[FunctionContext], cls: LayerClass) -> list[str]:
    text = "\n".join([f.signature for f in functions] + list(cls.signature))
    names = (["Mapping"] if cls.double_backward else []) + (["Sequence"] if "Sequence[" in text else [])
    lines = [f"from collections.abc import {', '.join(names)}"] if names else []
    body = "\n".join(line for f in functions for line in f.lines) + text + "\n".join([*cls.setup, *cls.forward])
    lines += ["from typing import Any", ""]
    lines += ["import numpy as np", ""] if "np." in body else []
    return [*lines, "from . import runtime as rt"]


def check_names(layer: Layer) -> None:
    """Raise unless every name of the layer can be one in Python code."""
    names = sorted(layer.program.names() | {layer.name, layer.class_name} | {o.name for o in layer.options})
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name) or name in RESERVED:
            raise EquationError(f"{layer.name}: {name!r} cannot be a name in Python code; choose another")
