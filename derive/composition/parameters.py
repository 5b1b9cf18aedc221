"""How many numbers a network trains: a weight that a table of 0 and 1 switches off is none."""

import sympy
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.derive.composition.network import Data, Network
from gradscribe.derive.ir.term import Access, Statement, accesses


def parameters(network: Network) -> dict[str, Expr]:
    """The number of trained elements of every weight; an expression where the network leaves sizes open.

    Where each equation that reads a weight multiplies it by constants, such as LeNet-5's table of connections, only the
    elements count that these do not make 0.
    """
    return {name: sympy.expand(_count(network, name)) for name in network.weights}


def _count(network: Network, name: str) -> Expr:
    values: dict[Symbol, Expr] = dict(network.values)
    for symbol, definition in network.program.sizes:
        value = definition.xreplace(values)
        if value.is_Integer:
            values[symbol] = value
    shape = tuple(e.xreplace(values) for e in network.program.tensors[name].shape)
    readers = [s for s in network.program.statements if any(a.tensor == name for a in accesses(s.term.body))]
    switched = _switched(readers[0], name, network) if len(readers) == 1 else None
    if switched is None:
        return sympy.prod(shape, start=Integer(1))
    axes, ones = switched
    return sympy.prod((e for axis, e in enumerate(shape) if axis not in axes), start=Integer(ones))


def _switched(reader: Statement, name: str, network: Network) -> tuple[set[int], int] | None:
    """The axes of a weight that a table of constants belongs to, and how many entries of it are not 0."""
    factors = Mul.make_args(reader.term.body)
    weight = next((f for f in factors if isinstance(f, Access) and f.tensor == name), None)
    tables = [f for f in factors if isinstance(f, Access) and f.tensor in dict(network.constants)]
    if weight is None or len(tables) != 1 or not set(tables[0].indices) <= set(weight.indices):
        return None
    axes = {weight.indices.index(v) for v in tables[0].indices}
    return axes, _nonzero(dict(network.constants)[tables[0].tensor])


def _nonzero(data: Data | float) -> int:
    return sum(map(_nonzero, data)) if isinstance(data, tuple) else int(data != 0)
