"""A network with the numbers that it fixes, in place of the symbols by which its derivation is printed."""

from dataclasses import replace

from sympy import Expr, Symbol

from gradscribe.derive.composition.network import Network
from gradscribe.derive.ir.term import Program


def concrete(network: Network) -> Network:
    """Substitute `network.values` everywhere, and extents that become numbers by it; a general one keeps its sizes."""
    mapping: dict[Symbol, Expr] = {s: v for s, v in network.values if not (network.general and s.is_integer)}
    for symbol, definition in network.program.sizes:
        value = definition.xreplace(mapping)
        if value.is_Integer:
            mapping[symbol] = value

    def extents(shape: tuple[Expr, ...]) -> tuple[Expr, ...]:
        return tuple(e.xreplace(mapping) for e in shape)

    def program(source: Program) -> Program:
        return source.substitute(mapping, whole_axes=True)

    return replace(
        network,
        program=program(network.program),
        evaluation=program(network.evaluation) if network.evaluation else None,
        options=tuple(o for o in network.options if not set(o.symbols) <= set(mapping)),
        fans=tuple((name, e.xreplace(mapping)) for name, e in network.fans),
        flattened=tuple((name, extents(shape)) for name, shape in network.flattened),
        values=(),
    )
