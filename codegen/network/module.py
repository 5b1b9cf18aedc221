"""Network -> the text of its module."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codegen.docstring import equations, paragraph, wrapped
from codegen.function import function_source, signature
from codegen.layout import fit
from codegen.module import check_names
from codegen.network.functions import (
    OWN,
    backward_function,
    double_backward_function,
    forward_function,
    hessian_vector_function,
    predict_function,
)
from codegen.network.kernels import network_kernels
from codegen.network.network_class import NetworkClass, network_class
from codegen.render import FunctionContext, header, render
from derive.composition import Network, NetworkError

TEMPLATE = "numpy/network.py.jinja"


@dataclass(frozen=True)
class NetworkContext:
    """All fields of ``numpy/network.py.jinja``; every part is finished text."""

    header: str
    title: str
    equations: str
    source: str
    imports: tuple[str, ...]
    constants: tuple[str, ...]
    functions: tuple[FunctionContext, ...]
    name: str
    description: str
    attributes: tuple[str, ...]
    init: str
    setup: tuple[str, ...]
    call: str
    forward: tuple[str, ...]
    predict_head: str
    predict: tuple[str, ...]
    loss_head: str
    loss: tuple[str, ...]
    backward_head: str
    backward: tuple[str, ...]
    double_backward: tuple[str, ...]


def network_source(network: Network, order: int = 1) -> str:
    """The text of the module of a network.

    Raises:
        NetworkError: when there is nothing to differentiate, and for an order other than 1 and 2.
    """
    check_names(network)
    taken = next((t.name for t in network.given if t.name in OWN), None)
    if taken is not None:
        raise NetworkError(f"{network.name}: input {taken}: that is an argument of its own; call the input otherwise")
    k = network_kernels(network, order)
    cls = network_class(k)
    own = [forward_function(k), predict_function(k), backward_function(k)]
    own += [double_backward_function(k, k.double_backward)] if k.double_backward else []
    own += [hessian_vector_function(k, k.hessian_vector)] if k.hessian_vector else []
    functions = (*own, *(function_source(loss) for loss in k.loss))
    return render(
        TEMPLATE,
        NetworkContext(
            header=header(f"the equations of {network.name}", TEMPLATE),
            title=network.words[0].upper() + network.words[1:],
            equations=paragraph(equations(k.network.program), ""),
            source="\n".join(wrapped(f"Source: {network.source}.", "")) if network.source else "",
            imports=("from collections.abc import Mapping, Sequence",)
            if _sequences(functions, cls)
            else ("from collections.abc import Mapping",),
            constants=tuple(line for name, data in network.constants for line in _constant(name, data)),
            functions=functions,
            name=cls.name,
            description=paragraph(_description(cls), "    "),
            attributes=tuple(fit(list(cls.attributes), 1)),
            init=signature("def __init__", ["self", *cls.signature], "None", 1),
            setup=tuple(fit(list(cls.setup), 2)),
            call=_method("__call__", cls.given, f"The output in training, for {_listed(cls.given)}."),
            forward=tuple(fit(list(cls.forward), 2)),
            predict_head=_method(
                "predict", cls.asked, f"The output after training, for {_listed(cls.asked)}; nothing is kept."
            ),
            predict=tuple(fit(list(cls.predict), 2)),
            loss_head=_method("loss", cls.judged, "The loss; `backward` without an argument starts from it."),
            loss=tuple(fit(list(cls.loss), 2)),
            backward_head=_backward_head(k.seeds[0]),
            backward=tuple(fit(list(cls.backward), 2)),
            double_backward=tuple(fit(list(cls.double_backward), 1)),
        ),
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _sequences(functions: Sequence[FunctionContext], cls: NetworkClass) -> bool:
    return "Sequence[" in "".join([*(f.signature for f in functions), *cls.signature])


def _backward_head(seed: str) -> str:
    doc = "Fill grads and return the gradient of the input; without an argument from the loss, and then None."
    return f"{signature('def backward', ['self', f'{seed}: Any = None'], 'Any', 1)}\n" + "\n".join(
        wrapped(f'"""{doc}"""', "        ")
    )


def _method(name: str, arrays: Sequence[str], doc: str) -> str:
    text = "\n".join(wrapped(f'"""{doc}"""', "        "))
    return f"{signature(f'def {name}', ['self', *(f'{a}: Any' for a in arrays)], 'Any', 1)}\n{text}"


def _description(cls: NetworkClass) -> list[str]:
    more = [n for n in cls.given if n not in cls.asked]
    lines = [f"Training takes {_listed(more)}, too; `predict`, after training, does not.", ""] if more else []
    lines += ["Weights and how they start:", *(f"    {w}" for w in cls.weights), ""] if cls.weights else []
    lines += ["Args:", *(f"    {n}: {text}" for n, text in cls.arguments), ""] if cls.arguments else []
    return [
        *lines,
        "Raises:",
        "    TypeError: when an argument has a wrong type.",
        "    ValueError: when an option is out of range.",
    ]


def _constant(name: str, data: Any) -> list[str]:
    """A table as a module constant, every row on lines of its own."""
    rows = data if isinstance(data, Sequence) else (data,)
    lines = [line for row in rows for line in wrapped(f"{_numbers(row)},", "        ")]
    return [f"{name.upper()} = np.array(", "    [", *lines, "    ]", ")"]


def _numbers(row: Any) -> str:
    if isinstance(row, Sequence):
        return f"[{', '.join(_numbers(r) for r in row)}]"
    return repr(row)
