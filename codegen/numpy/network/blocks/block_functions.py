"""A block of a network -> one function, which the places where it stands share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.kernel.blocks.block_kernel import BlockKernel
from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.blocks.places import Place
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.numpy.function.binder import shape_of
from gradscribe.codegen.numpy.function.docstring import enumerated, long_doc
from gradscribe.codegen.numpy.function.pass_statements import NET, Named, put_statements, weight_statements
from gradscribe.codegen.numpy.lower import lower
from gradscribe.codegen.numpy.network.planning.memory import Memory, planned
from gradscribe.codegen.numpy.print.emit import Emitter
from gradscribe.codegen.numpy.print.fixed_names import ARRAY, FIXED, PASS, RUNTIME
from gradscribe.codegen.python.definition import ANY, INT, NONE, Function, Parameter, Signature, of
from gradscribe.codegen.python.expression import Attribute, Expression, Items, Literal, Name, method, unpacked
from gradscribe.codegen.python.expression import Part as Item
from gradscribe.codegen.python.names import check_distinct
from gradscribe.codegen.python.scalars.scalar import DTYPE, shape
from gradscribe.codegen.python.statement import Assign, Do, Return, Statement, let, live, used
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.typeset.document.layer_cells import spans

OWN = (PASS,)
"""Arguments that functions of blocks have themselves."""


@dataclass(frozen=True)
class BlockFunction:
    """A function of a block, and what calls of it need to know.

    Attributes:
        function: the function.
        memory: the arrays in it.
        sizes: the sizes that it is given, as no array tells them.
        rows: the rows of the page at its statements, by what the block calls their tensors.
    """

    function: Function
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
    purpose = kernel.name.removeprefix(f"{network.name}_")
    names = [("tensor", name) for name in program.tensors] + [("size", s.name) for s in program.symbols()]
    check_distinct(f"{network.name}, block {word}", [*(("argument", name) for name in OWN), *sorted(names)])
    told = own_rows(alike[0], numbers)
    taken = {*FIXED, *OWN, *program.names()}
    known = {symbol: [int(part.sizes[symbol]) for part in alike] for symbol in alike[0].sizes}
    named, kept = [t for t, _ in block.named], [*block.made, *block.kept]
    given, called = [t.name for t in program.inputs], f"{network.name}_{word}_{purpose}"
    plan = lower(program, called, given, taken, told, known, kept=[*named, *kept])
    memory = planned(plan, program, returned=named, kept=kept, apart=program.outputs, fixed=known)
    emitter = Emitter(taken, buffers=PASS)
    computed = (
        *emitter.statements(memory.plan),
        *put_statements([Named(name, _key(k, place, t)) for name, t in block.named]),
        *([Do(method(NET, "keep", *map(Name, block.kept)))] if block.kept else []),
        *([Return(tuple(map(Name, block.made)))] if block.made else []),
    )
    bound, sizes = _bound(k, place, block)
    asked = set().union(*map(used, (*bound, *computed)))
    sizes = [s for s in sizes if s.name in asked]
    signature = Signature(
        (
            Parameter(PASS, Name("rt.Pass")),
            *(Parameter(n, ARRAY) for n in block.given),
        ),
        tuple(Parameter(s.name, INT if s.is_integer else ANY) for s in sizes),
        result=_result(block),
    )
    return BlockFunction(
        Function(
            name=f"_{word}_{purpose}",
            signature=signature,
            doc=long_doc(f"Compute block {word}, {purpose}; rows are those at {place.name}.", _described(block)),
            body=(*live(tuple(bound), set().union(*map(used, computed)), RUNTIME), *computed),
            loops=tuple(emitter.nests),
            source=memory.plan,
        ),
        memory,
        tuple(sizes),
        _computed(alike[0], numbers),
    )


def _bound(k: NetworkKernels, place: Place, block: BlockKernel) -> tuple[list[Statement], list[Symbol]]:
    """The first statements: what was saved, sizes, weights and state; and the sizes that are arguments."""
    program, tensors = block.program, block.program.tensors
    found: list[Statement] = [let(DTYPE.text, Attribute(NET, DTYPE.text))]
    found += [Assign(unpacked(block.saved), Attribute(NET, "kept"))] if block.saved else []
    known: set[Symbol] = set()
    for name in (*block.given, *block.saved):
        found += _told(tensors[name], known)
    read = [Named(name, _key(k, place, name), tensors[name].shape) for name in (*block.weights, *block.state)]
    found += weight_statements(read)
    return found, sorted(program.symbols() - known, key=lambda s: s.name)


def _told(tensor: Tensor, known: set[Symbol]) -> list[Statement]:
    """Bind the sizes that the shape of an array tells, and add them to those `known`."""
    axes = [
        (axis, extent)
        for axis, extent in enumerate(tensor.shape)
        if isinstance(extent, Symbol) and extent not in {*known, *tensor.shape[:axis]}
    ]
    known |= {extent for _, extent in axes}
    if len(axes) < 2:
        return [let(extent.name, Item(shape_of(tensor.name), (Literal(axis),))) for axis, extent in axes]
    bound = dict(axes)
    names = (Name(bound[axis].name if axis in bound else "_") for axis in range(len(tensor.shape)))
    return [Assign(Items(tuple(names)), shape_of(tensor.name))]


def _key(k: NetworkKernels, place: Place, name: str) -> str:
    """What a weight or state of a block is called within the place: ``conv1.w``."""
    return place.within(k.network.key(place.tensors[name]))


def _result(block: BlockKernel) -> Expression:
    kinds = [ARRAY for _ in block.made]
    return NONE if not kinds else kinds[0] if len(kinds) == 1 else of("tuple", *kinds)


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
    return f"{spans(own)}, {called}" if own else called


def _described(block: BlockKernel) -> list[str]:
    """What a function is given and returns; what it reads, enters and keeps by name, its statements say."""
    given, made = (_shapes(block, names) for names in (block.given, block.made))
    return [f"Given {_are(block.given)} {given}." + (f" Returned {_are(block.made)} {made}." if made else "")]


def _shapes(block: BlockKernel, names: Sequence[str]) -> str:
    tensors = block.program.tensors
    return enumerated([f"{name}, shape {text(shape(tensors[name].shape))}" for name in names])


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
