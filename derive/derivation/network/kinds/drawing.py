"""The layers of a network on a line, and its branches: ``conv2d -> [conv2d -> relu -> conv2d] + id -> relu``."""

from collections.abc import Mapping, Sequence

from sympy import Add

from gradscribe.derive.calculus.passes.inline import inline, is_pointwise
from gradscribe.derive.composition.network import Network, Node
from gradscribe.derive.derivation.network.kinds.repeated import Run, runs
from gradscribe.derive.ir.term import Access
from gradscribe.derive.layer.interface import Layer

ARROW = " -> "
IDENTITY = "id"
"""A branch without layers."""
TIMES = "\N{MULTIPLICATION SIGN}"


def drawn(network: Network) -> str:
    """The layers from the input to the output; of a chain, and where branches do not close one by one, in order."""
    if not is_branched(network):
        return ARROW.join(n.layer.name for n in network.nodes)
    nodes = {node.name: node for node in network.nodes}
    tokens = _tokens(network.nodes[-1].name, "", nodes, _sources(network))
    return ARROW.join(_repeated(tokens) if tokens is not None else [n.layer.name for n in network.nodes])


def is_branched(network: Network) -> bool:
    """Whether any layer reads several others, or one and what it reads."""
    return any(len(sources) > 1 for sources in _sources(network).values())


def _sources(network: Network) -> dict[str, list[str]]:
    """The layers and inputs that every layer reads."""
    names = {node.name for node in network.nodes} | {t.name for t in network.given}
    return {node.name: [name for name in node.sources if name in names] for node in network.nodes}


def _tokens(name: str, start: str, nodes: Mapping[str, Node], reads: Mapping[str, Sequence[str]]) -> list[str] | None:
    """What lies between `start`, "" for the inputs, and a node, that one included; None where `start` is not met."""
    found: list[str] = []
    while name != start:
        if name not in nodes:
            return None if start else found
        sources = reads[name]
        if len(sources) == 1:
            found.insert(0, nodes[name].layer.name)
        else:
            before = _before(sources, reads)
            branches = [_tokens(source, before, nodes, reads) for source in sources]
            found[:0] = _joined([b for b in branches if b is not None], nodes[name].layer)
            if None in branches:
                return None
            sources = [before]
        name = sources[0] if sources else ""
    return found


def _before(sources: Sequence[str], reads: Mapping[str, Sequence[str]]) -> str:
    """The last value that all of `sources` come from; "" where they come from several inputs."""
    order = {name: place for place, name in enumerate(reads)}
    common = set.intersection(*(_origins(source, reads) for source in sources))
    return max(common, key=lambda name: order.get(name, -1), default="")


def _origins(name: str, reads: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += reads.get(name, ())
    return found


def _joined(branches: Sequence[Sequence[str]], layer: Layer) -> list[str]:
    parts = [_bracketed(branch) for branch in branches]
    return [" + ".join(parts)] if _is_sum(layer) else [f"({' | '.join(parts)})", layer.name]


def _bracketed(branch: Sequence[str]) -> str:
    return f"[{ARROW.join(_repeated(branch))}]" if branch else IDENTITY


def _is_sum(layer: Layer) -> bool:
    """Whether a layer adds its inputs element by element."""
    program = inline(layer.program)
    if len(program.statements) != 1 or not is_pointwise(program.statements[0]):
        return False
    body = program.statements[0].term.body
    return isinstance(body, Add) and all(isinstance(e, Access) for e in body.args)


def _repeated(tokens: Sequence[str]) -> list[str]:
    """What stands several times in a row once, and how often; what stands there most often first, from a sum on."""

    def merit(run: Run) -> tuple[int, ...]:
        start, length, times = run
        return times, length * times, int(" " in tokens[start])

    found, at = [], 0
    for start, length, times in runs(tokens, 0, len(tokens), merit):
        block = ARROW.join(_repeated(tokens[start : start + length]))
        found += [*tokens[at:start], f"({block}){TIMES}{times}"]
        at = start + length * times
    return [*found, *tokens[at:]]
