"""Network -> its module."""

from collections.abc import Sequence
from typing import Any

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.kernel.network_kernels import network_kernels
from gradscribe.codegen.numpy.function.function_text import function_source
from gradscribe.codegen.numpy.layer.layer_names import check_globals, check_names
from gradscribe.codegen.numpy.network.functions.draft import functions_of
from gradscribe.codegen.numpy.network.functions.network_arguments import constant_names
from gradscribe.codegen.numpy.network.functions.network_functions import (
    backward_functions,
    double_backward_functions,
    forward_functions,
    hessian_vector_functions,
    predict_functions,
)
from gradscribe.codegen.numpy.network.network_class import block_constants, network_class
from gradscribe.codegen.numpy.network.network_header import network_doc
from gradscribe.codegen.numpy.network.planning.network_plans import OWN
from gradscribe.codegen.numpy.network.sharing.shared_functions import shared
from gradscribe.codegen.numpy.network.starts import starts_functions, starts_of
from gradscribe.codegen.numpy.package.module_text import emitted
from gradscribe.codegen.python.definition import Module
from gradscribe.codegen.python.expression import Expression, Literal, Table, call
from gradscribe.codegen.python.statement import Body, Comment, let
from gradscribe.codegen.python.text.literal import finite
from gradscribe.derive.composition import Network, NetworkError


def network_source(network: Network, order: int) -> Emitted:
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
    own = [*forward_functions(k), *predict_functions(k), *backward_functions(k)]
    own += double_backward_functions(k, k.double_backward) if k.double_backward else []
    own += hessian_vector_functions(k, k.hessian_vector) if k.hessian_vector else []
    names = constant_names(k.network)
    functions = (
        *functions_of(shared(k.network.name, own)),
        *(function_source(loss) for loss in k.loss),
        *starts_functions(k, starts_of(k)),
    )
    check_globals(k.network, [f.name for f in functions])
    constants = tuple(let(names[name], call("np.array", _numbers(data))) for name, data in k.network.constants)
    said = (*_as_they_are(constants), *block_constants(k))
    return emitted(Module(network.name, network_doc(k), functions, network_class(k), said))


def _as_they_are(constants: Body) -> Body:
    """Tables have full lines, whatever a formatter thinks of that."""
    return (Comment("fmt: off"), *constants, Comment("fmt: on")) if constants else ()


def _extents(data: Any) -> tuple[int, ...] | None:
    """The shape of numbers in nested tuples; None where these are of unequal length."""
    if not isinstance(data, Sequence) or isinstance(data, str):
        return ()
    inner = {_extents(part) for part in data}
    first = inner.pop() if inner else ()
    return None if inner or first is None else (len(data), *first)


def _numbers(data: Any) -> Expression:
    if isinstance(data, Sequence) and not isinstance(data, str):
        return Table(tuple(_numbers(part) for part in data))
    return Literal(finite(data, "a constant"))
