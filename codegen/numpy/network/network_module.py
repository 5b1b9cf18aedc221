"""Network -> its module."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.network_kernels import NetworkKernels, network_kernels
from gradscribe.codegen.numpy.function.docstring import WIDTH, enumerated, module_doc, wrapped
from gradscribe.codegen.numpy.function.function_text import function_source
from gradscribe.codegen.numpy.function.provenance import page, page_numbers
from gradscribe.codegen.numpy.layer.layer_names import check_globals, check_names
from gradscribe.codegen.numpy.network.block_functions import words
from gradscribe.codegen.numpy.network.network_arguments import constant_names
from gradscribe.codegen.numpy.network.network_class import network_class
from gradscribe.codegen.numpy.network.network_functions import (
    backward_functions,
    double_backward_functions,
    forward_functions,
    hessian_vector_functions,
    predict_functions,
)
from gradscribe.codegen.numpy.network.network_plans import OWN, parts_of
from gradscribe.codegen.numpy.package.module_text import emitted
from gradscribe.codegen.python.definition import Module
from gradscribe.codegen.python.expression import Expression, Literal, Table, call
from gradscribe.codegen.python.statement import Body, Comment, let
from gradscribe.codegen.python.text.literal import finite
from gradscribe.derive.composition import Network, NetworkError, with_loss
from gradscribe.derive.composition.level import levels
from gradscribe.derive.derivation.record import LayerTable
from gradscribe.derive.typeset.text.text_tables import layer_lines


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
    functions = (*own, *(function_source(loss) for loss in k.loss))
    check_globals(k.network, [f.name for f in functions])
    constants = tuple(let(names[name], call("np.array", _numbers(data))) for name, data in k.network.constants)
    doc = module_doc(_without_repetition(k), page_numbers(network), [*_head(network), *_repetition(k)])
    return emitted(Module(network.name, doc, functions, network_class(k), _as_they_are(constants)))


def _head(network: Network) -> list[str]:
    """The network as it was written, and the table of its layers, under the names and sizes that the code has."""
    written = [f"  {line}".rstrip() for line in network.text.split("\n")] if network.text else []
    table = next(block for block in page(network).blocks if isinstance(block, LayerTable))
    judged = with_loss(network) if network.loss is not None else network
    names = {level.label: level.nodes[0].name for level in levels(judged.nodes)}
    rows = tuple(
        replace(
            row,
            label=names[row.label],
            reads=tuple(names.get(source, source) for source in row.reads),
            shape=table.number(row.shape),
        )
        for row in table.rows
    )
    lines = [line.rstrip() for line in layer_lines(replace(table, rows=rows), WIDTH)]
    return [*written, *([""] if written else []), *lines]


def _without_repetition(k: NetworkKernels) -> Network:
    """The network with the equations of one place of those that are computed alike."""
    later = {part.place.name for parts in _alike(k) for part in parts[1:]}
    node = {n.name: n.instance for n in k.network.nodes}
    program, origin = k.network.program, {tensor: node[part.node] for tensor, part in k.network.parts}
    statements = tuple(s for s in program.statements if origin.get(s.target.name) not in later)
    given = tuple(s.target for s in program.statements if origin.get(s.target.name) in later)
    inputs = (*program.inputs, *dict.fromkeys(given))
    return replace(k.network, program=replace(program, inputs=inputs, statements=statements))


def _repetition(k: NetworkKernels) -> list[str]:
    """Which places these are."""
    numbers = page_numbers(k.source)
    found = [
        f"{words(first, numbers)}; the same is {enumerated([words(part, numbers) for part in others])}."
        for first, *others in _alike(k)
        if others
    ]
    return ["", *(line for sentence in found for line in wrapped(sentence, ""))] if found else []


def _alike(k: NetworkKernels) -> list[list[PlacedPart]]:
    """The places of the forward function by the function of a block that computes them, in order."""
    found: dict[str, list[PlacedPart]] = {}
    for part in parts_of(k, k.forward):
        if isinstance(part, PlacedPart):
            found.setdefault(k.blocks[part.place.name], []).append(part)
    return list(found.values())


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
