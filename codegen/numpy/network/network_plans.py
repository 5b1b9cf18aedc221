"""The plans of a network's functions: its own statements, and between them calls of the functions of its blocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gradscribe.codegen.kernel.block_kernels import Part, Place, PlacedPart
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.numpy.function.provenance import page_numbers
from gradscribe.codegen.numpy.lower import lower
from gradscribe.codegen.numpy.network.block_functions import (
    BlockFunction,
    block_functions,
    elements,
    own_arguments,
    words,
)
from gradscribe.codegen.numpy.network.planning.memory import Memory, from_buffers, planned
from gradscribe.codegen.numpy.plan import Equation, Invoke, Plan, Record
from gradscribe.codegen.numpy.print.fixed_names import FIXED
from gradscribe.codegen.python.names import Names
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.term import Program

OWN = frozenset({"params", "state", "saved", "buffers", "inputs", "directions"})
"""Arguments that a network's functions have themselves."""


@dataclass(frozen=True)
class NetworkPlan:
    """The plan of one of a network's functions.

    Attributes:
        memory: the plan and what it needs.
        blocks: the functions of blocks that it calls, by what they are called after.
    """

    memory: Memory
    blocks: Mapping[str, BlockFunction] = field(default_factory=dict)


def forward_plan(k: NetworkKernels) -> NetworkPlan:
    """That of the forward function."""
    return network_plan(k, k.forward, k.network.program.outputs, kept=[name for name, _ in layout(k)])


def predict_plan(k: NetworkKernels) -> NetworkPlan:
    """That of the evaluation."""
    return network_plan(k, k.predict, k.network.program.outputs[:1])


def backward_plan(k: NetworkKernels) -> NetworkPlan:
    """That of the backward function; the gradients of inputs come last."""
    results = k.backward.program.outputs
    return network_plan(k, k.backward, results, tail=results[len(k.trained) :])


def network_plan(
    k: NetworkKernels, kernel: Kernel, returned: Sequence[str], kept: Sequence[str] = (), tail: Sequence[str] = ()
) -> NetworkPlan:
    """The plan of a function.

    Args:
        k: the functions of the network.
        kernel: the function.
        returned: what the caller is given.
        kept: what must outlive the call.
        tail: what is wanted only where the caller says so.
    """
    numbers, found = page_numbers(k.source), parts_of(k, kernel)
    blocks = block_functions(k, kernel, numbers)
    calls = {
        n: _invoke(k, kernel, part, blocks[k.blocks[part.place.name]], numbers)
        for n, part in enumerate(found)
        if isinstance(part, PlacedPart)
    }
    own = own_program(k, kernel)
    made = {name for call in calls.values() for name in call.results}
    taken = FIXED | OWN | made | {o.name for o in kernel.options} | set(k.network.program.names())
    plan = _with_calls(lower(own, kernel.name, [t.name for t in own.inputs], taken, numbers), found, calls)
    groups = tuple(name for call in calls.values() for name, _ in call.groups)
    whole = replace(kernel.program, outputs=(*own.outputs, *groups))
    return NetworkPlan(planned(plan, whole, returned=returned, kept=kept, tail=tail), blocks)


def own_program(k: NetworkKernels, kernel: Kernel) -> Program:
    """The statements of a function that no function of a block computes; what these return is given."""
    found, program = parts_of(k, kernel), kernel.program
    made = {part.place.tensors[name] for part in found if isinstance(part, PlacedPart) for name in part.kernel.made}
    own = tuple(s for part in found if not isinstance(part, PlacedPart) for s in part.statements)
    there = made | {s.target.name for s in own}
    return replace(
        program,
        inputs=(*program.inputs, *(t for name, t in program.tensors.items() if name in made)),
        statements=own,
        outputs=tuple(name for name in program.outputs if name in there),
    )


def parts_of(k: NetworkKernels, kernel: Kernel) -> tuple[Part, ...]:
    """What a function consists of."""
    return k.parts.get(kernel.name, (Part(kernel.program.statements),))


def group(network: Network, place: Place, what: str) -> str:
    """The variable of what a place keeps, or returns by name."""
    return Names(network.program.names()).own(f"{place.name}_{what}")


def layout(k: NetworkKernels) -> list[tuple[str, tuple[str, ...]]]:
    """What forward keeps, in order: an array, with (), or what a place keeps and the arrays in it."""
    placed = [part for part in parts_of(k, k.forward) if isinstance(part, PlacedPart) and part.kernel.kept]
    members = {p.place.name: tuple(p.place.tensors[name] for name in p.kernel.kept) for p in placed}
    groups = {
        t: (group(k.network, p.place, "saved"), members[p.place.name]) for p in placed for t in members[p.place.name]
    }
    return list(dict.fromkeys(groups.get(t.name, (t.name, ())) for t in k.kept))


def _invoke(
    k: NetworkKernels, kernel: Kernel, part: PlacedPart, found: BlockFunction, numbers: Mapping[str, int]
) -> Invoke:
    """The record that calls a block's function at a place."""
    place, block = part.place, part.kernel
    tensors, names = block.program.tensors, place.tensors
    given = [names[t] for t in block.given]
    saved = [group(k.network, place, "saved")] if block.saved else []
    buffered = set(from_buffers(found.memory.plan.records))
    by_name = "state" if kernel is k.forward else "gradients"
    groups = ((by_name, [n for n, _ in block.named]), ("saved", block.kept))
    return Invoke(
        function=found.function.name,
        place=place.name,
        arguments=(*given, *own_arguments(block), *saved, *(s.name for s in found.sizes), "dtype", "buffers"),
        arrays=(*given, *saved),
        made=tuple((names[t], tensors[t].shape, t in buffered) for t in block.made),
        groups=tuple((group(k.network, place, what), elements(tensors[t] for t in own)) for what, own in groups if own),
        within=found.memory.peak - elements([*block.program.inputs, *(tensors[t] for t in block.program.outputs)]),
        words=words(part, numbers),
    )


def _with_calls(plan: Plan, parts: Sequence[Part], calls: Mapping[int, Invoke]) -> Plan:
    """The plan of a network's own statements with the calls of blocks between them, each where its part stands."""
    starts = [place for place, record in enumerate(plan.records) if isinstance(record, Equation)]
    records: list[Record] = []
    done = 0
    for number, part in enumerate(parts):
        if number in calls:
            records.append(calls[number])
            continue
        first, done = done, done + len(part.statements)
        last = starts[done] if done < len(starts) else len(plan.records)
        records += plan.records[starts[first] : last]
    return replace(plan, records=tuple(records))
