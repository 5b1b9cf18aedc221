"""Blocks of a network's text -> functions that their places share, and what is left of the network's own program.

What a block makes at a place, its tensors and the gradients that follow from theirs, is computed by a function. Places
share one if their statements are the same but for names: these are compared, nobody relies on the text. A function has
the names of its block: ``conv1_u`` is ``stage1_block1_conv1_u`` at place stage1_block1, and x what the block is given.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import groupby

from sympy import Add

from gradscribe.derive.calculus.passes.inline import is_pointwise
from gradscribe.derive.composition import Network, Node
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, accesses


@dataclass(frozen=True)
class BlockKernel:
    """What a block computes in one of the network's functions, under its own names.

    Attributes:
        program: its inputs are all that it reads, its outputs what is read elsewhere.
        given: the inputs that are arrays of their own.
        weights: the inputs that are read by name of the weights.
        state: the inputs that are read by name of the state.
        saved: the inputs that forward keeps in one tuple.
        made: the outputs that are arrays of their own.
        named: the outputs that are returned by name, (output, weight or state): gradients of weights, new state.
        kept: the outputs that are kept for backward in one tuple.
    """

    program: Program
    given: tuple[str, ...]
    weights: tuple[str, ...]
    state: tuple[str, ...]
    saved: tuple[str, ...]
    made: tuple[str, ...]
    named: tuple[tuple[str, str], ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A place of the network where a block stands.

    Attributes:
        name: what it is called.
        block: the block.
        names: tensor of the network, or gradient -> what the block calls it.
        inner: what it computes and nothing outside of it reads.
    """

    name: str
    block: str
    names: Mapping[str, str]
    inner: frozenset[str]

    @property
    def tensors(self) -> dict[str, str]:
        """The block's name -> the network's."""
        return {own: name for name, own in self.names.items()}


@dataclass(frozen=True)
class Part:
    """Consecutive statements of the network's own."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class PlacedPart(Part):
    """The statements of a place, which a function computes."""

    place: Place
    kernel: BlockKernel


@dataclass(frozen=True)
class Roles:
    """What the tensors of one of a network's functions are for.

    Attributes:
        results: what the function returns or keeps.
        returned: those of them that the caller is given as arrays: their memory is his.
        kept: what forward keeps.
        weights: weights.
        state: running statistics.
        named: what is returned by name -> the weight or state: gradients of weights, new state.
    """

    results: frozenset[str]
    returned: frozenset[str]
    kept: tuple[str, ...]
    weights: frozenset[str]
    state: frozenset[str]
    named: Mapping[str, str]


@dataclass(frozen=True)
class Whole:
    """The program of one of a network's functions, and to which place every statement belongs; "" is none."""

    program: Program
    homes: tuple[str, ...]
    roles: Roles


def whole(program: Program, network: Network, gradients: Mapping[str, str], roles: Roles) -> Whole:
    """Statements belong to the place of their tensor, or of the gradients that they read.

    Args:
        program: the program.
        network: its network.
        gradients: tensor -> its gradient.
        roles: what its tensors are for.
    """
    node = {n.name: n.instance for n in network.nodes}
    instance = {t: node[p.node] for t, p in network.parts}
    origin = {gradient: tensor for tensor, gradient in gradients.items()}

    def home(statement: Statement) -> str:
        slopes = [origin[name] for name in read(statement) if name in origin]
        about = slopes or [origin.get(statement.target.name, statement.target.name)]
        found = {instance.get(t, "") for t in about}
        return found.pop() if len(found) == 1 else ""

    return Whole(program, tuple(home(s) for s in program.statements), roles)


def crossing(network: Network) -> set[str]:
    """The tensors that are read across the border of a place: they are computed, whatever could be put in for them."""
    results, instance = dict(network.results), {node.name: node.instance for node in network.nodes}
    found = {
        source
        for node in network.nodes
        for source in node.inputs
        if source in results and instance.get(source, "") != node.instance
    }
    ends = {name for name, tensor in network.results if tensor in network.program.outputs and instance[name]}
    return {results[source] for source in found | ends}


def places(network: Network, gradients: Mapping[str, str]) -> tuple[Place, ...]:
    """Where blocks stand in a network.

    Args:
        network: the network.
        gradients: tensor -> its gradient.
    """
    results, border = dict(network.results), crossing(network)
    computed = set(network.program.tensors) - {t.name for t in network.program.inputs}
    nodes: dict[str, list[Node]] = {}
    for node in network.nodes:
        if node.block:
            nodes.setdefault(node.instance, []).append(node)
    made = []
    for name, inside in nodes.items():
        called = {node.name for node in inside}
        own = {t: f"{p.node.removeprefix(f'{name}_')}_{p.name}" for t, p in network.parts if p.node in called}
        outer = dict.fromkeys(source for node in inside for source in node.inputs if source not in called)
        around = {results.get(source, source): f"x{k}" if k > 1 else "x" for k, source in enumerate(outer, 1)}
        names = {**around, **own}
        slopes = {gradients[t]: f"d{word}" for t, word in names.items() if t in gradients}
        made.append(Place(name, inside[0].block, {**names, **slopes}, frozenset(own) & computed - border))
    return tuple(made)


def alike(found: Sequence[Place], functions: Sequence[Whole]) -> list[list[Place]]:
    """The places that every one of the network's functions computes alike, but for names, together.

    None where one reads what it gave back from outside, so that they have no order.
    """
    groups: dict[tuple[BlockKernel, ...], list[Place]] = {}
    for place in found:
        kernels = [k for k in (_kernel(function, place) for function in functions) if k is not None]
        if len(kernels) == len(functions):
            groups.setdefault(tuple(kernels), []).append(place)
    apart = {place.name for group in groups.values() for place in group}
    in_order = all(_ordered(f.program.statements, _groups(f, apart)) is not None for f in functions)
    return list(groups.values()) if in_order else []


def parts(function: Whole, apart: Collection[Place]) -> tuple[Part, ...]:
    """A program in parts, in an order in which each comes after what it reads.

    Args:
        function: the program.
        apart: the places that have parts of their own.
    """
    by_name = {place.name: place for place in apart}
    statements, groups = function.program.statements, _groups(function, set(by_name))
    order = _ordered(statements, groups)
    assert order is not None  # or they would not be apart
    made: list[Part] = []
    for numbers in (groups[k] for k in order):
        own, where = tuple(statements[n] for n in numbers), function.homes[numbers[0]]
        kernel = _kernel(function, by_name[where]) if where in by_name else None
        if kernel is not None:
            made.append(PlacedPart(own, by_name[where], kernel))
        elif made and not isinstance(made[-1], PlacedPart):
            made[-1] = Part((*made[-1].statements, *own))
        else:
            made.append(Part(own))
    return tuple(replace(part, statements=_summed_first(part.statements)) for part in made)


def _groups(function: Whole, apart: Collection[str]) -> list[list[int]]:
    """The numbers of statements that stay together: those of each of the places `apart`, every other one alone."""
    found: list[list[int]] = []
    mine: dict[str, list[int]] = {}
    for number, where in enumerate(function.homes):
        if where in mine:
            mine[where].append(number)
        else:
            found.append([number])
            if where in apart:
                mine[where] = found[-1]
    return found


def _kernel(function: Whole, place: Place) -> BlockKernel | None:
    """The function of a place; None where what it computes cannot be one.

    It cannot where a tensor has no name in the block, where others add to what it makes or read what is within it, and
    where it makes an array that the network's caller is given.
    """
    names, roles, program = place.names, function.roles, function.program
    mine = [s for s, where in zip(program.statements, function.homes, strict=True) if where == place.name]
    others = [s for s, where in zip(program.statements, function.homes, strict=True) if where != place.name]
    made = dict.fromkeys(name for s in mine for name in _written(s))
    needed = {name for s in mine for name in read(s)} - set(made)
    asked = {name for s in others for name in read(s)}
    results = [t for t in made if t in asked | roles.results]
    known = {*made, *needed} <= set(names)
    alone = not {name for s in others for name in _written(s)} & set(made)
    if not (mine and known and alone) or asked & place.inner or roles.returned & set(results):
        return None
    kept = [t for t in roles.kept if t in place.inner]
    saved = kept if needed & set(kept) else []
    given = sorted({*needed, *saved}, key=list(names).index)
    inputs = (replace(program.tensors[t], name=names[t], optional=False) for t in given)
    apart = {*roles.named, *(kept if not saved else [])}

    def own(found: Iterable[str]) -> tuple[str, ...]:
        return tuple(names[t] for t in found)

    return BlockKernel(
        program=Program(tuple(inputs), tuple(_renamed(s, names) for s in _summed_first(mine)), own(results)),
        given=own(t for t in given if t not in {*roles.weights, *roles.state, *saved}),
        weights=own(t for t in given if t in roles.weights),
        state=own(t for t in given if t in roles.state),
        saved=own(saved),
        made=own(t for t in results if t not in apart),
        named=tuple((names[t], names[roles.named[t]]) for t in results if t in roles.named),
        kept=own(t for t in kept if t in results),
    )


def _ordered(statements: Sequence[Statement], groups: Sequence[Sequence[int]]) -> list[int] | None:
    """The groups so that each comes after what it reads, otherwise as they stand; None where they read each other."""
    owner = {number: k for k, numbers in enumerate(groups) for number in numbers}
    before: list[set[int]] = [set() for _ in groups]
    writers: dict[str, list[int]] = {}
    for number, statement in enumerate(statements):
        for name in (*read(statement), *_written(statement)):
            before[owner[number]] |= {owner[w] for w in writers.get(name, ())} - {owner[number]}
        for name in _written(statement):
            writers.setdefault(name, []).append(number)
    after: list[list[int]] = [[] for _ in groups]
    for k, needed in enumerate(before):
        for other in needed:
            after[other].append(k)
    waiting = [len(needed) for needed in before]
    ready = [k for k, count in enumerate(waiting) if not count]
    heapify(ready)
    order = []
    while ready:
        k = heappop(ready)
        order.append(k)
        for other in after[k]:
            waiting[other] -= 1
            if not waiting[other]:
                heappush(ready, other)
    return order if len(order) == len(groups) else None


def read(statement: Statement) -> list[str]:
    """The tensors that a statement reads."""
    term = statement.term
    values = (term.body, *term.deltas, *(g.value for g in term.guards))
    ties = [statement.ties.name] if statement.ties else []
    return [*dict.fromkeys(a.tensor for value in values for a in accesses(value)), *ties]


def _written(statement: Statement) -> tuple[str, ...]:
    """The tensors that it writes."""
    return (statement.target.name, *([statement.argument.name] if statement.argument else []))


def _renamed(statement: Statement, names: Mapping[str, str]) -> Statement:
    """The statement about tensors of other names."""
    term = statement.term
    found = {a for value in (term.body, *term.deltas, *(g.value for g in term.guards)) for a in accesses(value)}
    mapping = {a: Access(names[a.tensor], *a.indices) for a in found}

    def tensor(t: Tensor | None) -> Tensor | None:
        return replace(t, name=names[t.name]) if t is not None else None

    target = replace(statement.target, name=names[statement.target.name])
    return Statement(target, term.substitute(mapping), tensor(statement.argument), tensor(statement.ties))


def _summed_first(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Neighbouring statements with one target: what is pointwise as one expression, behind what sums.

    So a GEMM writes its result where it belongs.
    """
    groups = groupby(statements, key=lambda s: s.target.name)
    return tuple(s for _, group in groups for s in _merged(list(group)))


def _merged(group: Sequence[Statement]) -> list[Statement]:
    pointwise = [s for s in group if is_pointwise(s)]
    rest = [s for s in group if not is_pointwise(s)]
    if not pointwise:
        return rest
    first = pointwise[0]
    names = [r.index for r in first.term.free]
    renamed = [s.term.rename(dict(zip((r.index for r in s.term.free), names, strict=True))) for s in pointwise]
    body = Add(*(t.body for t in renamed))
    return [*rest, replace(first, term=replace(first.term, body=body))]
