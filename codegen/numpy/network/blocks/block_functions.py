"""A block of a network -> one function, which the places where it stands share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.kernel.blocks.block_kernel import BlockKernel
from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.blocks.places import Place
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.numpy.function.docstring import enumerated, long_doc
from gradscribe.codegen.numpy.function.pass_statements import NET, Named, put_statements, weight_statements
from gradscribe.codegen.numpy.lower import lower
from gradscribe.codegen.numpy.network.functions.draft import (
    Draft,
    origins,
    purpose_of,
    shapes_in_words,
    told_sizes,
    within_pass,
    written,
)
from gradscribe.codegen.numpy.network.planning.memory import Memory, planned
from gradscribe.codegen.numpy.print.fixed_names import FIXED, PASS
from gradscribe.codegen.python.expression import Attribute, Name, method, unpacked
from gradscribe.codegen.python.names import check_distinct
from gradscribe.codegen.python.scalars.scalar import DTYPE
from gradscribe.codegen.python.statement import Assign, Body, Do, Return, let
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.typeset.document.layer_cells import spans
from gradscribe.said import in_words

OWN = (PASS,)
"""Arguments that functions of blocks have themselves."""


@dataclass(frozen=True)
class BlockFunction:
    """A function of a block, and what calls of it need to know.

    Attributes:
        draft: the function.
        memory: the arrays in it.
        sizes: the sizes that it is given, as no array tells them.
        rows: the rows of the page at its statements, by what the block calls their tensors.
    """

    draft: Draft
    memory: Memory
    sizes: tuple[Symbol, ...]
    rows: Mapping[str, int]


def block_functions(k: NetworkKernels, kernel: Kernel, numbers: Mapping[str, int]) -> dict[str, BlockFunction]:
    """The functions that one of the network's functions calls, by what they are called after.

    Args:
        k: the functions of the network.
        kernel: that function.
        numbers: of the equations on the network's page, by tensor.
    """
    alike: dict[str, list[PlacedPart]] = {}
    for part in k.parts.get(kernel.name, ()):
        if isinstance(part, PlacedPart):
            alike.setdefault(k.blocks[part.place.name], []).append(part)
    in_rows = {word: sorted(found, key=lambda part: page_rows(part, numbers)) for word, found in alike.items()}
    return {word: _function(k, kernel, word, found, numbers) for word, found in sorted(in_rows.items())}


def _function(
    k: NetworkKernels, kernel: Kernel, word: str, alike: Sequence[PlacedPart], numbers: Mapping[str, int]
) -> BlockFunction:
    place, block = alike[0].place, alike[0].kernel
    network, program = k.network, block.program
    purpose = purpose_of(k, kernel)
    names = [("tensor", name) for name in program.tensors] + [("size", s.name) for s in program.symbols()]
    check_distinct(f"{network.name}, block {word}", [*(("argument", name) for name in OWN), *sorted(names)])
    told = own_rows(alike[0], numbers)
    taken = {*FIXED, *OWN, *program.names()}
    known = {symbol: [int(part.sizes[symbol]) for part in alike] for symbol in alike[0].sizes}
    named, kept = [t for t, _ in block.named], [*block.made, *block.kept]
    given, called = [t.name for t in program.inputs], f"{network.name}_{word}_{purpose}"
    plan = lower(program, called, given, taken, told, known, kept=[*named, *kept])
    memory = planned(plan, program, returned=named, kept=kept, apart=program.outputs, fixed=known)
    first, bound = _first(k, place, block)
    about, heading = origins(k), f"Compute block {word}, {purpose}; rows are those at {place.name}."
    draft = Draft(
        name=f"_{word}_{purpose}",
        purpose=purpose,
        signature=within_pass(block.given, block.made),
        doc=long_doc(heading, shapes_in_words(program.tensors, block.given, block.made)),
        first=first,
        plan=memory.plan,
        last=(
            *put_statements([Named(name, _key(k, place, t)) for name, t in block.named]),
            *([Do(method(NET, "keep", *map(Name, block.kept)))] if block.kept else []),
            *([Return(tuple(map(Name, block.made)))] if block.made else []),
        ),
        taken=frozenset(taken),
        tensors=program.tensors,
        origins={own: about[name] for name, own in place.names.items() if name in about},
        sizes=tuple(sorted(program.symbols() - bound, key=lambda s: s.name)),
    )
    asked = {p.name for p in written(draft).signature.keyword}
    sizes = tuple(s for s in draft.sizes if s.name in asked)
    return BlockFunction(replace(draft, sizes=sizes), memory, sizes, _computed(alike[0], numbers))


def _first(k: NetworkKernels, place: Place, block: BlockKernel) -> tuple[Body, set[Expr]]:
    """The first statements: what was kept, sizes, weights and state; and the sizes that these name."""
    tensors = block.program.tensors
    kept = [Assign(unpacked(block.saved), Attribute(NET, "kept"))] if block.saved else []
    told, known = told_sizes((tensors[name] for name in (*block.given, *block.saved)), block.program.symbols())
    read = [Named(name, _key(k, place, name), tensors[name].shape) for name in (*block.weights, *block.state)]
    return (let(DTYPE.text, Attribute(NET, DTYPE.text)), *kept, *told, *weight_statements(read)), known


def _key(k: NetworkKernels, place: Place, name: str) -> str:
    """What a weight or state of a block is called within the place: ``conv1.w``."""
    return place.within(k.network.key(place.tensors[name]))


def elements(tensors: Iterable[Tensor]) -> Expr:
    """How many numbers tensors have in all."""
    return sympy.Add(*(sympy.prod(t.shape, start=Integer(1)) for t in tensors))


def _computed(part: PlacedPart, numbers: Mapping[str, int]) -> dict[str, int]:
    """The rows of the page that a part computes, by what the block calls their tensors."""
    targets = {s.target.name for s in part.statements} & set(numbers)
    return {own: numbers[name] for name, own in part.place.names.items() if name in targets}


def page_rows(part: PlacedPart, numbers: Mapping[str, int]) -> list[int]:
    """The rows of the page that a part computes."""
    return sorted(set(_computed(part, numbers).values()))


def own_rows(part: PlacedPart, numbers: Mapping[str, int]) -> dict[str, int]:
    """The numbers of a place's equations by what the block calls their tensors."""
    return {own: numbers[name] for name, own in part.place.names.items() if name in numbers}


def other_words(part: PlacedPart, function: BlockFunction, numbers: Mapping[str, int]) -> str:
    """Which rows a place is, where they are others than those at the function's statements."""
    return words((part,), numbers) if _computed(part, numbers) != function.rows else ""


def words(alike: Sequence[PlacedPart], numbers: Mapping[str, int]) -> str:
    """Which rows of the page places are that all are the same ones."""
    own, called = page_rows(alike[0], numbers), enumerated([part.place.name for part in alike])
    return f"{in_words(spans(own))}, {called}" if own else called
