"""Network -> the text of its module."""

from collections.abc import Sequence
from typing import Any

from gradscribe.codegen.docstring import long_doc, method_doc, module_doc, wrapped
from gradscribe.codegen.function import function_source
from gradscribe.codegen.layout import fit
from gradscribe.codegen.literal import number
from gradscribe.codegen.module import RAISES, enumerated, method
from gradscribe.codegen.names import check_globals, check_names
from gradscribe.codegen.network.functions import (
    OWN,
    backward_function,
    double_backward_function,
    forward_function,
    hessian_vector_function,
    predict_function,
)
from gradscribe.codegen.network.kernels import NetworkKernels, network_kernels
from gradscribe.codegen.network.network_class import NetworkClass, network_class
from gradscribe.codegen.network.reading import constant_names
from gradscribe.codegen.render import MODULE, ClassContext, Emitted, FunctionContext, ModuleContext, emitted, header
from gradscribe.derive.composition import Network, NetworkError


def network_source(network: Network, order: int = 1) -> Emitted:
    """The module of a network.

    Raises:
        NetworkError: when there is nothing to differentiate, and for an order other than 1 and 2.
    """
    check_names(network, "Network")
    if network.loss is not None:
        check_names(network.loss)
    taken = next((t.name for t in network.given if t.name in OWN), None)
    if taken is not None:
        raise NetworkError(f"{network.name}: input {taken}: that is an argument of its own; call the input otherwise")
    for name, data in network.constants:
        if len(_extents(data) or ()) != len(network.program.tensors[name].shape):
            raise NetworkError(f"{network.name}: the data of {name}: expected numbers in tuples, one level per axis")
    k = network_kernels(network, order)
    cls = network_class(k)
    own = [forward_function(k), predict_function(k), backward_function(k)]
    own += [double_backward_function(k, k.double_backward)] if k.double_backward else []
    own += [hessian_vector_function(k, k.hessian_vector)] if k.hessian_vector else []
    names = constant_names(k.network)
    functions = (*own, *(function_source(loss) for loss in k.loss))
    check_globals(k.network, [f.name for f in functions])
    context = ModuleContext(
        header=f"{header(f'the equations of {network.name}', MODULE)}\n# fmt: off",
        doc=module_doc(k.network),
        imports=tuple(_imports(functions, cls)),
        functions=functions,
        cls=ClassContext(
            name=cls.name,
            base="Network",
            doc=long_doc(f"{cls.title}.", _description(cls)),
            facts=tuple(fit(list(cls.attributes), 1)),
            methods=tuple(_methods(k, cls)),
        ),
        constants=tuple(line for name, data in k.network.constants for line in _constant(names[name], data)),
    )
    return emitted(network.name, context)


def _imports(functions: Sequence[FunctionContext], cls: NetworkClass) -> list[str]:
    sequences = "Sequence[" in "".join([*(f.signature for f in functions), *cls.signature])
    lines = [f"from collections.abc import Mapping{', Sequence' if sequences else ''}"]
    return [*lines, "from typing import Any, ClassVar", "", "import numpy as np"]


def _methods(k: NetworkKernels, cls: NetworkClass) -> list[FunctionContext]:
    given, asked = ([f"{name}: Any" for name in names] for names in (cls.given, cls.asked))
    judged = [f"{name}: Any" for name in cls.judged]
    called = method_doc(f"The output in training, for {enumerated(cls.given)}.")
    predicted = method_doc(f"The output after training, for {enumerated(cls.asked)}; nothing is kept.")
    lost = method_doc("The loss; `backward` without an argument starts from it.")
    filled = "Fill grads and return the gradient of the input; without an argument from the loss, and then None."
    found = [
        method("__init__", cls.signature, "None", "", ["super().__init__()", *cls.setup]),
        method("__call__", given, "Any", called, cls.forward),
        method("predict", asked, "Any", predicted, cls.predict),
    ]
    found += [method("loss", judged, "Any", lost, cls.loss)] if cls.loss else []
    found.append(method("backward", [f"{k.seeds[0]}: Any = None"], "Any", method_doc(filled), cls.backward))
    if cls.double_backward:
        parameters = ["seeds: Mapping[str, Any]", "directions: Mapping[str, Any]"]
        doc = method_doc(
            "Return the gradient of S, the sum of direction * gradient, by name; see the function of this name."
        )
        found.append(method("double_backward", parameters, "dict[str, Any]", doc, cls.double_backward))
    return found


def _description(cls: NetworkClass) -> list[str]:
    more = [n for n in cls.given if n not in cls.asked]
    lines = [f"Training takes {enumerated(more)}, too; `predict`, after training, does not.", ""] if more else []
    lines += ["Weights and how they start:", *(f"    {w}" for w in cls.weights), ""] if cls.weights else []
    lines += ["Args:", *(f"    {n}: {text}" for n, text in cls.arguments), ""] if cls.arguments else []
    return [*lines, *RAISES]


def _constant(name: str, data: Any) -> list[str]:
    """A table as a module constant, every row on lines of its own."""
    rows = data if isinstance(data, Sequence) else (data,)
    lines = [line for row in rows for line in wrapped(f"{_numbers(row)},", "        ")]
    return [f"{name} = np.array(", "    [", *lines, "    ]", ")"]


def _extents(data: Any) -> tuple[int, ...] | None:
    """The shape of numbers in nested tuples; None where these are of unequal length."""
    if not isinstance(data, Sequence) or isinstance(data, str):
        return ()
    inner = {_extents(part) for part in data}
    first = inner.pop() if inner else ()
    return None if inner or first is None else (len(data), *first)


def _numbers(row: Any) -> str:
    if isinstance(row, Sequence) and not isinstance(row, str):
        return f"[{', '.join(_numbers(r) for r in row)}]"
    return number(row, "a constant")
