"""An optimiser's update equations -> its module: the update of one weight as a function, and on top of it the class."""

from collections.abc import Sequence
from dataclasses import replace

from gradscribe.codegen.constructor import constructor_arguments, constructor_lines, constructor_signature
from gradscribe.codegen.docstring import long_doc, module_doc, titled
from gradscribe.codegen.function import function_source
from gradscribe.codegen.kernel import Kernel, kernels
from gradscribe.codegen.literal import string
from gradscribe.codegen.module import RAISES, method
from gradscribe.codegen.names import check_globals, check_names
from gradscribe.codegen.render import MODULE, ClassContext, Emitted, ModuleContext, emitted, header
from gradscribe.derive.interface import Layer
from gradscribe.derive.term import accesses
from gradscribe.derive.update import STEP, Optimiser


def update_kernel(optimiser: Optimiser) -> Kernel:
    """The function ``{name}_update``: p, g and the state -> new_p and the new state."""
    (kernel,) = kernels(optimiser.layer)  # nothing is differentiable, so that there is no other
    return replace(kernel, name=f"{optimiser.name}_update")


def optimiser_source(optimiser: Optimiser) -> Emitted:
    """The module of `optimiser`.

    Raises:
        EquationError: when a name cannot be one in Python code, or is taken.
    """
    layer = replace(optimiser.layer, options=optimiser.settings)
    check_names(optimiser.layer, "Optimiser")
    kernel = update_kernel(optimiser)
    check_globals(layer, [kernel.name])
    function = function_source(replace(kernel, summary=f"Compute an update of a weight by {layer.words}."))
    init = method(
        "__init__",
        ["params: Mapping[str, rt.Array]", *constructor_signature(layer)],
        "None",
        "",
        _setup(optimiser, layer),
    )
    given = ["p: rt.Array", "g: rt.Array", "*state: rt.Array"]
    update = method("_updated", given, "tuple[rt.Array, ...]", "", _update(optimiser, kernel))
    context = ModuleContext(
        header=header(f"the equations of {layer.name}", MODULE),
        doc=module_doc(layer),
        imports=tuple(
            _imports(f"{function.signature}\n{init.signature}", [*function.lines, *init.lines, *update.lines])
        ),
        functions=(function,),
        cls=ClassContext(
            name=layer.class_name,
            base="Optimiser",
            doc=long_doc(f"{titled(layer)}: updates weights in place.", _class_description(layer)),
            facts=(),
            methods=(init, update),
        ),
    )
    return emitted(layer.name, context)


def _setup(optimiser: Optimiser, layer: Layer) -> list[str]:
    words = ", ".join(string(word) for _, word in optimiser.state)
    kept = f"({words},)" if len(optimiser.state) == 1 else f"({words})"
    pointwise = ", pointwise=True" if _is_pointwise(layer) else ""
    return [f"super().__init__({string(layer.name)}, params, {kept}{pointwise})", *constructor_lines(layer)]


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


def _class_description(layer: Layer) -> list[str]:
    arguments: Sequence[tuple[str, str]] = constructor_arguments(layer)
    return [
        "Args:",
        "    params: the weights by name, such as a network's `params`; their arrays are changed in place.",
        *(f"    {name}: {text}" for name, text in arguments),
        "",
        *RAISES,
    ]


def _imports(signatures: str, lines: Sequence[str]) -> list[str]:
    sequence = ", Sequence" if "Sequence[" in signatures else ""
    numpy = ["", "import numpy as np"] if any("np." in line for line in lines) else []
    return [f"from collections.abc import Mapping{sequence}", "from typing import Any", *numpy]
