"""A function of a network and a place -> what is computed there, under the names of its block."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from sympy import Add

from gradscribe.codegen.kernel.blocks.places import Place
from gradscribe.derive.calculus.passes.inline import is_pointwise
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, accesses


@dataclass(frozen=True)
class BlockKernel:
    """What a block computes in one of the network's functions, under its own names.

    Attributes:
        program: its inputs are all that it reads, its outputs what is read elsewhere.
        given: the inputs that are arrays of their own.
        weights: the inputs that are read by name of the weights.
        state: the inputs that are read by name of the state.
        saved: the inputs that forward keeps in one tuple, the block's own inputs and its value among them.
        made: the outputs that are arrays of their own.
        named: the outputs that are returned by name, (output, weight or state): gradients of weights, new state.
        kept: what is kept for backward in one tuple.
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
class Roles:
    """What the tensors of one of a network's functions are for.

    Attributes:
        results: what the function returns or keeps.
        returned: those of them that the caller is given as arrays: their memory is his.
        kept: what forward keeps, but for inputs.
        weights: weights.
        state: running statistics.
        named: what is returned by name -> the weight or state: gradients of weights, new state.
        keeps: whether it is the function that keeps.
    """

    results: frozenset[str]
    returned: frozenset[str]
    kept: tuple[str, ...]
    weights: frozenset[str]
    state: frozenset[str]
    named: Mapping[str, str]
    keeps: bool = False


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


def held(place: Place, forward: Whole, backward: Whole) -> tuple[str, ...]:
    """What forward keeps of a place in one tuple: what is within it, and what crosses its border and backward reads."""
    mine = [s for s, where in zip(forward.program.statements, forward.homes, strict=True) if where == place.name]
    there = {name for s in mine for name in (*written(s), *read(s))}
    asked = {
        name
        for s, where in zip(backward.program.statements, backward.homes, strict=True)
        if where == place.name
        for name in read(s)
    }
    return tuple(t for t in forward.roles.kept if t in place.inner | there & asked)


def block_kernel(function: Whole, place: Place, held: Sequence[str]) -> BlockKernel | None:
    """The function of a place; None where what it computes cannot be one.

    It cannot where a tensor has no name in the block, where others add to what it makes or read what is within it, and
    where it makes an array that the network's caller is given.

    Args:
        function: the network's function.
        place: the place.
        held: what forward keeps of it in one tuple.
    """
    names, roles, program = place.names, function.roles, function.program
    mine = [s for s, where in zip(program.statements, function.homes, strict=True) if where == place.name]
    others = [s for s, where in zip(program.statements, function.homes, strict=True) if where != place.name]
    made = dict.fromkeys(name for s in mine for name in written(s))
    needed = {name for s in mine for name in read(s)} - set(made)
    asked = {name for s in others for name in read(s)}
    results = [t for t in made if t in asked | roles.results]
    known = {*made, *needed} <= set(names)
    alone = not {name for s in others for name in written(s)} & set(made)
    if not (mine and known and alone) or asked & place.inner or roles.returned & set(results):
        return None
    kept = [t for t in held if roles.keeps]
    saved = [t for t in held if needed & {*held} and t in roles.kept and not roles.keeps]
    given = sorted({*needed, *saved}, key=list(names).index)
    inputs = (replace(program.tensors[t], name=names[t], optional=False) for t in given)
    apart = {*roles.named, *(t for t in kept if t in place.inner)}

    def own(found: Iterable[str]) -> tuple[str, ...]:
        return tuple(names[t] for t in found)

    return BlockKernel(
        program=Program(tuple(inputs), tuple(_renamed(s, names) for s in summed_first(mine)), own(results)),
        given=own(t for t in given if t not in {*roles.weights, *roles.state, *saved}),
        weights=own(t for t in given if t in roles.weights),
        state=own(t for t in given if t in roles.state),
        saved=own(saved),
        made=own(t for t in results if t not in apart),
        named=tuple((names[t], names[of]) for t, of in roles.named.items() if t in results),
        kept=own(kept),
    )


def read(statement: Statement) -> list[str]:
    """The tensors that a statement reads."""
    term = statement.term
    values = (term.body, *term.deltas, *(g.value for g in term.guards))
    ties = [statement.ties.name] if statement.ties else []
    return [*dict.fromkeys(a.tensor for value in values for a in accesses(value)), *ties]


def written(statement: Statement) -> tuple[str, ...]:
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


def summed_first(statements: Sequence[Statement]) -> tuple[Statement, ...]:
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
