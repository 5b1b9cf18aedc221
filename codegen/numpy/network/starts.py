"""How the weights and running statistics of a network start: a table in its constructor, of a block once."""

from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Integer

from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.blocks.unify import put
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.numpy.layer.constructor import real_type, size_statements
from gradscribe.codegen.numpy.network.blocks.block_tables import Entry, Run, Table, rows, table
from gradscribe.codegen.python.definition import INT, Function, Parameter, Signature, of
from gradscribe.codegen.python.expression import (
    Binary,
    Call,
    Dictionary,
    Expression,
    Literal,
    Name,
    call,
    member,
)
from gradscribe.codegen.python.scalars.scalar import DTYPE, shape, size
from gradscribe.codegen.python.statement import Assign, Do, Return, Statement, let
from gradscribe.codegen.python.text.literal import finite
from gradscribe.derive.composition import Network, Normal, Uniform
from gradscribe.derive.composition.network import Start
from gradscribe.derive.ir.quote import shown


def check_starts(network: Network) -> None:
    """Raise unless what starts are made of are numbers.

    Raises:
        EquationError: naming the weight.
    """
    for weight, start in network.starts:
        where = f"{network.name}, {shown(network.key(weight))}"
        found = {"start": start} if not isinstance(start, Uniform | Normal) else {"gain": start.gain}
        found |= {"power": start.power} if isinstance(start, Uniform) else {}
        for word, value in found.items():
            finite(value, f"{where}: {word}")


ONE = Integer(1)


@dataclass(frozen=True)
class Begun:
    """How a weight or a running statistic starts.

    Attributes:
        extents: its shape.
        start: as which number, or drawn from what.
        fan: how many products an output sums through it, for what is drawn.
        state: whether it is a running statistic.
    """

    extents: tuple[Expr, ...]
    start: Start
    fan: Expr = ONE
    state: bool = False


def starts_of(k: NetworkKernels) -> Table[Begun]:
    """The weights and running statistics of a network, each where its node stands."""
    network = k.network
    tensors, fans, part = network.program.tensors, dict(network.fans), network.part
    found = [
        Entry(network.key(w), part[w].node, Begun(tensors[w].shape, start, _fan(start, fans[w])))
        for w, start in network.starts
    ]
    found += [
        Entry(network.key(s), part[s].node, Begun(tensors[s].shape, value, state=True)) for s, _, value in network.state
    ]
    order = {node.name: number for number, node in enumerate(network.nodes)}
    by_node = sorted(found, key=lambda e: order[e.node])
    own = [e.key for e in found if not e.value.state]
    together = [e.key for e in by_node if not e.value.state] == own  # random numbers are drawn in the order of weights
    return table(k, by_node if together else found, lambda placed, entry: _general(k, placed, entry))


def _fan(start: Start, fan: Expr) -> Expr:
    return fan if isinstance(start, Uniform | Normal) else ONE


def _general(k: NetworkKernels, placed: PlacedPart, entry: Entry[Begun]) -> Begun:
    """That with the sizes of a block: a fan is the product of the first axes of a weight of its node."""
    network, tensors, names = k.network, placed.kernel.program.tensors, placed.place.names
    keys = {p.key: t for t, p in network.parts}
    own = tensors.get(names[keys[entry.key]])
    if own is None:
        return entry.value
    weights = [t for t, p in network.parts if p.node == entry.node and t in network.weights and names[t] in tensors]
    shapes = (tensors[names[t]].shape for t in weights)
    products = [sympy.prod(shape[:n], start=Integer(1)) for shape in shapes for n in range(1, len(shape) + 1)]
    fan = next((p for p in products if put(p, placed.sizes) == entry.value.fan), entry.value.fan)
    return replace(entry.value, extents=own.shape, fan=_fan(entry.value.start, fan))


def starts_functions(k: NetworkKernels, found: Table[Begun]) -> list[Function]:
    """What places of a block have in common: ``_basic_weights(C)`` for block basic."""
    sizes = {run.block: [*(run.sizes or {})] for run in found.runs if run.block}
    made = []
    for block, entries in found.blocks.items():
        read = set().union(*(e.free_symbols for entry in entries for e in (*entry.value.extents, entry.value.fan)))
        parameters = tuple(Parameter(s.name, INT) for s in sizes[block] if s in read)
        kind = of("dict", Name("str"), Name("rt.Start"))
        body = Dictionary(tuple((Literal(e.key), _value(k, e)) for e in entries))
        doc = f"How the weights and running statistics of block {block} start."
        made.append(Function(_starts_name(block), Signature(parameters, result=kind), doc, (Return((body,)),)))
    return made


def _starts_name(block: str) -> str:
    return f"_{block}_weights"


def constructor_statements(k: NetworkKernels, found: Table[Begun]) -> list[Statement]:
    """The body of the constructor."""
    network = k.network
    made = size_statements(network)
    if network.starts or network.state:
        given = {f.name: [p.name for p in f.signature.positional] for f in starts_functions(k, found)}

        def placed(run: Run[Begun]) -> Expression:
            sizes = {s.name: n for s, n in (run.sizes or {}).items()}
            name = _starts_name(run.block)
            return Call(Name(name), (), tuple((word, size(sizes[word])) for word in given[name]))

        entries = (
            (Literal(key) if key is not None else None, e) for key, e in rows(found, lambda e: _value(k, e), placed)
        )
        drawn = any(not isinstance(start, float) for _, start in network.starts)
        kind = let("dtype", real_type(network))
        arguments = (Name("self"), Literal(network.name), Dictionary(tuple(entries)), DTYPE)
        made += [kind, Do(call("rt.start", *arguments, *([Name("rng")] if drawn else [])))]
    if network.flattened:
        flattened = Dictionary(tuple((Literal(network.key(w)), shape(e)) for w, e in network.flattened))
        made.append(Assign(member("flattened"), flattened))
    return made


def _value(k: NetworkKernels, entry: Entry[Begun]) -> Expression:
    begun, extents = entry.value, shape(entry.value.extents)
    match begun.start:
        case Uniform(gain):
            return call("rt.Uniform", extents, Binary("/", Literal(finite(gain)), _fan_power(begun.start, begun.fan)))
        case Normal(gain):
            return call("rt.Normal", extents, Binary("/", Literal(finite(gain)), size(begun.fan)))
        case _:
            number = Literal(float(finite(begun.start, f"{k.network.name}, {entry.key}")))
            return call("rt.State" if begun.state else "rt.Constant", extents, number)


def _fan_power(start: Uniform, fan: Expr) -> Expression:
    """The power of the fan-in that bounds a uniform start."""
    if start.power == 0.5:
        return call("np.sqrt", size(fan))
    return size(fan) if start.power == 1 else Binary("**", size(fan), Literal(finite(start.power)))
