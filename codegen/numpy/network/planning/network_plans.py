"""The plans of a network's functions: its own statements, and between them calls of the functions of its blocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Expr

from gradscribe.codegen.kernel.blocks.block_kernel import read
from gradscribe.codegen.kernel.blocks.parts import Part, PlacedPart
from gradscribe.codegen.kernel.blocks.places import Place
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.kernel.page.provenance import kernel_numbers
from gradscribe.codegen.numpy.lower import lower
from gradscribe.codegen.numpy.network.blocks.block_functions import (
    BlockFunction,
    block_functions,
    elements,
    other_words,
)
from gradscribe.codegen.numpy.network.planning.memory import Memory, from_buffers, planned
from gradscribe.codegen.numpy.plan import Allocate, Equation, Invoke, Plan, Record, Recur, walk
from gradscribe.codegen.numpy.print.fixed_names import FIXED, PASS
from gradscribe.codegen.python.names import Names
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.term import Program, accesses

OWN = frozenset({"params", "state", "saved", "buffers", "inputs", "directions", "blocks", PASS})
"""Arguments and variables that a network's functions have themselves."""


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
    entries = [*layout(k).own, *(name for name, _, _ in layout(k).groups)]
    crossing = [name for name in kept(k) if name in k.forward.program.outputs and name not in entries]
    return network_plan(k, k.forward, k.network.program.outputs, kept=[*entries, *crossing], within=crossing)


def predict_plan(k: NetworkKernels) -> NetworkPlan:
    """That of the evaluation."""
    return network_plan(k, k.predict, k.predict.results)


def backward_plan(k: NetworkKernels) -> NetworkPlan:
    """That of the backward function; the gradients of inputs come last."""
    results = k.backward.program.outputs
    return network_plan(k, k.backward, results, tail=results[len(k.trained) :])


def network_plan(
    k: NetworkKernels,
    kernel: Kernel,
    returned: Sequence[str],
    kept: Sequence[str] = (),
    tail: Sequence[str] = (),
    within: Sequence[str] = (),
) -> NetworkPlan:
    """The plan of a function.

    Args:
        k: the functions of the network.
        kernel: the function.
        returned: what the caller is given.
        kept: what must outlive the call.
        tail: what is wanted only where the caller says so.
        within: what is kept in what a place keeps.
    """
    numbers, found = kernel_numbers(kernel, k.source), parts_of(k, kernel)
    blocks = block_functions(k, kernel, numbers)
    calls = {
        n: _invoke(k, kernel, part, blocks[k.blocks[part.place.name]], numbers)
        for n, part in enumerate(found)
        if isinstance(part, PlacedPart)
    }
    own = own_program(k, kernel)
    made = {name for call in calls.values() for name in call.results}
    taken = FIXED | OWN | made | {o.name for o in kernel.options} | set(k.network.program.names())
    keys = [n for n, part in enumerate(found) if not isinstance(part, PlacedPart) for _ in part.statements]
    outside = {name for call in calls.values() for name in call.arrays} | {*kept, *returned}
    placed = (s for part in found if isinstance(part, PlacedPart) for s in part.statements)
    outside |= {a.tensor for s in placed for a in accesses(s.term.body)}
    lowered = lower(own, kernel.name, [t.name for t in own.inputs], taken, numbers, keys=keys, kept=outside)
    plan = _with_calls(lowered, found, calls)
    groups = tuple(name for call in calls.values() for name, _ in call.groups)
    whole = replace(kernel.program, outputs=(*own.outputs, *groups))
    return NetworkPlan(planned(plan, whole, returned=returned, kept=kept, tail=tail, within=within), blocks)


def own_program(k: NetworkKernels, kernel: Kernel) -> Program:
    """The statements of a function that no function of a block computes; what these return is given."""
    found, program = parts_of(k, kernel), kernel.program
    made = {name for part in found if isinstance(part, PlacedPart) for name in _made(part)}
    own = tuple(s for part in found if not isinstance(part, PlacedPart) for s in part.statements)
    there = made | {s.target.name for s in own}
    return replace(
        program,
        inputs=(*program.inputs, *(t for name, t in program.tensors.items() if name in made)),
        statements=own,
        outputs=tuple(name for name in program.outputs if name in there),
    )


def _made(part: PlacedPart) -> list[str]:
    """The arrays of its own that a place returns."""
    return [part.place.tensors[name] for name in part.kernel.made]


def parts_of(k: NetworkKernels, kernel: Kernel) -> tuple[Part, ...]:
    """What a function consists of."""
    return k.parts.get(kernel.name, (Part(kernel.program.statements),))


def group(network: Network, place: Place, what: str) -> str:
    """The variable of what a place keeps, or returns by name."""
    return Names(network.program.names()).own(f"{place.name}_{what}")


@dataclass(frozen=True)
class Layout:
    """What forward keeps.

    Attributes:
        own: arrays that it keeps by themselves, in order.
        groups: what places of blocks keep, (what plans call it, the place, the arrays in it).
    """

    own: tuple[str, ...]
    groups: tuple[tuple[str, str, tuple[str, ...]], ...]


def layout(k: NetworkKernels) -> Layout:
    """What forward keeps: arrays, and what places of blocks keep."""
    placed = [part for part in parts_of(k, k.forward) if isinstance(part, PlacedPart) and part.kernel.kept]
    groups = tuple(
        (group(k.network, p.place, "saved"), p.place.name, tuple(p.place.tensors[name] for name in p.kernel.kept))
        for p in placed
    )
    alone = _alone(k) | {t.name for t in k.kept} - {name for *_, members in groups for name in members}
    return Layout(tuple(t.name for t in k.kept if t.name in alone), groups)


def kept(k: NetworkKernels) -> list[str]:
    """The arrays in that, each where it stands first."""
    found = layout(k)
    return list(dict.fromkeys((*found.own, *(name for *_, members in found.groups for name in members))))


def _alone(k: NetworkKernels) -> set[str]:
    """What forward keeps by itself: what backward reads but not out of what a place keeps, and what tells a size."""
    found: set[str] = set()
    for part in parts_of(k, k.backward):
        if isinstance(part, PlacedPart):
            found |= {part.place.tensors[n] for n in part.kernel.given}
        else:
            found |= {name for s in part.statements for name in read(s)}
    kept = {t.name: t for t in k.kept}
    known = {e for t in (*k.shaped, *(kept[n] for n in found & set(kept))) for e in t.shape}
    missing, there = k.backward.program.symbols() - known, own_program(k, k.forward).tensors
    for tensor in k.kept:
        if tensor.name in there and missing & set(tensor.shape):  # what a place keeps to itself cannot be asked
            found.add(tensor.name)
            missing -= set(tensor.shape)
    return found


def _invoke(
    k: NetworkKernels, kernel: Kernel, part: PlacedPart, found: BlockFunction, numbers: Mapping[str, int]
) -> Invoke:
    """The record that calls a block's function at a place."""
    place, block = part.place, part.kernel
    tensors, names = block.program.tensors, place.tensors
    given = [names[t] for t in block.given]
    saved = [group(k.network, place, "saved")] if block.saved else []
    numbers_here = dict(part.sizes)
    buffered = set(from_buffers(found.memory.plan.records))
    inner = [t for t in block.kept if t in block.program.outputs and t not in block.made]
    by_name = "state" if kernel is k.forward else "gradients"
    groups = ((by_name, [n for n, _ in block.named], [n for n, _ in block.named]), ("saved", block.kept, inner))

    def here(amount: Expr) -> Expr:
        return amount.xreplace(numbers_here)

    outside = [*block.program.inputs, *(tensors[t] for t in block.program.outputs)]
    return Invoke(
        function=found.draft.name,
        place=place.name,
        arguments=tuple(given),
        arrays=(*given, *saved),
        made=tuple((names[t], tuple(map(here, tensors[t].shape)), t in buffered) for t in block.made),
        groups=tuple(
            (group(k.network, place, what), here(elements(tensors[t] for t in own)))
            for what, all_of_it, own in groups
            if all_of_it
        ),
        within=found.memory.peak_of(numbers_here) - here(elements(outside)),
        sizes=tuple((s.name, here(s)) for s in found.sizes),
        words=other_words(part, found, numbers),
    )


def _said(record: Record) -> list[Record]:
    """The equations that a record is about."""
    return [r for _, r in walk((record,)) if isinstance(r, Equation)]


def _start(records: Sequence[Record], place: int) -> int:
    """Where what belongs to a record begins: the arrays that a recurrence fills are allocated before its loop."""
    record = records[place]
    filled = {array for array, _, _ in record.made} if isinstance(record, Recur) else set[str]()
    while place and isinstance(before := records[place - 1], Allocate) and before.name in filled:
        place -= 1
    return place


def _with_calls(plan: Plan, parts: Sequence[Part], calls: Mapping[int, Invoke]) -> Plan:
    """The plan of a network's own statements with the calls of blocks between them, each where its part stands."""
    starts = [_start(plan.records, place) for place, record in enumerate(plan.records) for _ in _said(record)]
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
