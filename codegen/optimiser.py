"""An optimiser's update equations -> its module: the update of one weight as a function, and on top of it the class."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from codegen.constructor import constructor_arguments, constructor_lines, constructor_signature
from codegen.docstring import equations, paragraph, wrapped
from codegen.function import function_source, signature
from codegen.kernel import Kernel, kernels
from codegen.layout import fit
from codegen.module import check_names
from codegen.render import FunctionContext, header, render
from derive.interface import Layer
from derive.quote import quoted
from derive.term import EquationError, accesses
from derive.update import STEP, Optimiser

TEMPLATE = "numpy/optimiser.py.jinja"
TAKEN = {"name", "params", "kept", "state", "steps", "step"}
"""Attributes that every optimiser has; no setting can be called so."""


@dataclass(frozen=True)
class OptimiserContext:
    """All fields of ``numpy/optimiser.py.jinja``."""

    header: str
    title: str
    equations: str
    source: str
    imports: tuple[str, ...]
    function: FunctionContext
    class_name: str
    class_description: str
    class_init: str
    setup: tuple[str, ...]
    update: tuple[str, ...]


def update_kernel(optimiser: Optimiser) -> Kernel:
    """The function ``{name}_update``: p, g and the state -> new_p and the new state."""
    (kernel,) = kernels(optimiser.layer)  # nothing is differentiable, so that there is no other
    return replace(kernel, name=f"{optimiser.name}_update")


def optimiser_source(optimiser: Optimiser) -> str:
    """The text of the module of `optimiser`.

    Raises:
        EquationError: when a name cannot be one in Python code, or is taken.
    """
    check_names(optimiser.layer)
    layer = replace(optimiser.layer, options=optimiser.settings)
    for option in optimiser.settings:
        if option.name in TAKEN:
            raise EquationError(
                f"{layer.name}: {quoted(option.name)} is an attribute of every optimiser; rename the option"
            )
    kernel = update_kernel(optimiser)
    function = replace(function_source(kernel), summary=f"Compute an update of a weight by {layer.words}.")
    setup = _setup(optimiser, layer)
    update = _update(optimiser, kernel)
    init = signature(
        "def __init__", ["self", "params: Mapping[str, rt.Array]", *constructor_signature(layer)], "None", 1
    )
    return render(
        TEMPLATE,
        OptimiserContext(
            header=header(f"the equations of {layer.name}", TEMPLATE),
            title=layer.words[0].upper() + layer.words[1:],
            equations=paragraph(equations(layer.program), ""),
            source="\n".join(wrapped(f"Source: {layer.source}.", "")) if layer.source else "",
            imports=tuple(_imports(f"{function.signature}\n{init}", [*function.lines, *setup, *update])),
            function=function,
            class_name=layer.class_name,
            class_description=_class_description(layer),
            class_init=init,
            setup=tuple(fit(setup, 2)),
            update=tuple(fit(update, 2)),
        ),
    )


def _setup(optimiser: Optimiser, layer: Layer) -> list[str]:
    words = ", ".join(f'"{word}"' for _, word in optimiser.state)
    kept = f"({words},)" if len(optimiser.state) == 1 else f"({words})"
    pointwise = ", pointwise=True" if _is_pointwise(layer) else ""
    return [f'super().__init__("{layer.name}", params, {kept}{pointwise})', *constructor_lines(layer)]


def _is_pointwise(layer: Layer) -> bool:
    """Whether every element of a weight is updated by itself, so that weights may be joined."""
    terms = [s.term for s in layer.program.statements]
    joint = all(a.indices == tuple(r.index for r in term.free) for term in terms for a in accesses(term.body))
    return joint and all(not term.bound and not term.guards and not term.deltas for term in terms)


def _update(optimiser: Optimiser, kernel: Kernel) -> list[str]:
    names = [name for name, _ in optimiser.state]
    options = [f"{o.name}=self.{o.name}" for o in kernel.options if o.name != STEP]
    options += [f"{STEP}=self.steps + 1"] if optimiser.counts_steps else []
    call = f"{kernel.name}({', '.join(['p', 'g', *names, *options])})"
    if not names:
        return [f"return ({call},)"]
    return [f"{f'({names[0]},)' if len(names) == 1 else ', '.join(names)} = state", f"return {call}"]


def _class_description(layer: Layer) -> str:
    arguments: Sequence[tuple[str, str]] = constructor_arguments(layer)
    lines = [
        "Args:",
        "    params: the weights by name, such as a network's `params`; their arrays are changed in place.",
        *(f"    {name}: {text}" for name, text in arguments),
        "",
        "Raises:",
        "    TypeError: when an argument has a wrong type.",
        "    ValueError: when an option is out of range.",
    ]
    return paragraph(lines, "    ")


def _imports(signatures: str, lines: Sequence[str]) -> list[str]:
    sequence = ", Sequence" if "Sequence[" in signatures else ""
    numpy = ["import numpy as np", ""] if any("np." in line for line in lines) else []
    found = [f"from collections.abc import Mapping{sequence}", "from typing import Any", "", *numpy]
    return [*found, "from . import runtime as rt"]
