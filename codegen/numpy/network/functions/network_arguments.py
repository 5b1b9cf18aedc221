"""The first statements of a network's functions: what is given and what was saved, checked and bound."""

from collections.abc import Sequence

from sympy import Symbol

from gradscribe.codegen.kernel.blocks.block_kernel import read
from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.numpy.function.arguments import arrays_statement
from gradscribe.codegen.numpy.function.binder import Binder, Source, shape_of
from gradscribe.codegen.numpy.function.labels import label_statements
from gradscribe.codegen.numpy.function.pass_statements import Named, weight_statements
from gradscribe.codegen.numpy.network.planning.network_plans import kept, layout, parts_of
from gradscribe.codegen.numpy.print.fixed_names import FIXED, PASS
from gradscribe.codegen.python.expression import (
    Call,
    Group,
    Items,
    Literal,
    Name,
    Part,
    call,
    item,
    texts,
)
from gradscribe.codegen.python.names import Names
from gradscribe.codegen.python.scalars.scalar import DTYPE, shape
from gradscribe.codegen.python.statement import Assign, Do, Statement, let
from gradscribe.derive.composition import Network

BUFFERS, BLOCKS = "buffers", "blocks"
"""The arguments of a pass that are called as they are."""


def array_statements(k: NetworkKernels, kernel: Kernel, given: Sequence[str], saved: bool = True) -> list[Statement]:
    """Check and bind what a function is given, each weight in one statement.

    Args:
        k: the functions of the network.
        kernel: the function.
        given: the names of the arrays among its arguments.
        saved: whether a function that is given gradients is also given what forward kept.
    """
    network = k.network
    binder = Binder(network, kernel.program)
    tensors = {t.name: t for t in kernel.program.inputs}
    found = [arrays_statement([tensors[n] for n in given], network)]
    if all(tensors[n].integer for n in given):
        found.append(let(DTYPE.text, call("rt.held_type", Name("params"))))
    found += [made for o in kernel.options for made in binder.option(o)]
    backward = bool(kernel.seeds) and saved
    shapes = [Source(Name(shape_argument(t)), t.name, t) for t in kernel.shaped]
    named = set(layout(k).own if kernel is k.backward else kept(k))
    shapes += [
        Source(shape_of(t.name), t.name, t)
        for t in k.kept
        if t.name in named and (t.name in network.part or t in network.given)
    ]
    sources = [Source(shape_of(n), n, tensors[n]) for n in given]
    if backward:
        found += [made for s in shapes if s.tensor in network.given for made in _given(k, binder, s)]
    else:
        found += [made for s in sources for made in _given(k, binder, s)]
    found += [_pass(k, kernel), *_held(k, kernel, binder, given)]
    found += binder.derived([] if backward else sources)
    found += label_statements(kernel)
    if backward:
        stored = {t.name for t in k.kept if t.name in named}
        missing = kernel.program.symbols() - binder.known
        free = {s.called: set().union(*(e.free_symbols for e in s.tensor.shape), set()) for s in shapes}
        found += binder.axes([s for s in shapes if s.tensor.name in stored and free[s.called] & missing])
        found += binder.axes(sources)
    return found


def _given(k: NetworkKernels, binder: Binder, source: Source) -> list[Statement]:
    """Bind what is open in the shape of an input, and check the rest under the names of its axes."""
    network, own, tensor = k.network, source.code, source.tensor
    if any(e.is_Mul and e.free_symbols - binder.known for e in tensor.shape):
        return binder.axes([source])  # multiples are divided
    new = {e: axis for axis, e in reversed([*enumerate(tensor.shape)]) if isinstance(e, Symbol)}
    new = {e: axis for e, axis in new.items() if e not in binder.known}
    binder.known |= set(new)
    found: list[Statement] = [let(e.name, Part(own, (Literal(axis),))) for e, axis in new.items()]
    if len(new) > 1:
        names = (Name(e.name if new.get(e) == axis else "_") for axis, e in enumerate(tensor.shape))
        found = [Assign(Items(tuple(names)), own)]
    words = dict(k.source.axes)
    shown = k.source.program.tensors.get(tensor.name, tensor).shape
    called = Literal(", ".join(words.get(e, str(e)) for e in shown))
    checked = call("rt.extents", Literal(network.name), Literal(source.called), own, shape(tensor.shape), called)
    return [*found, Do(checked)]


def _held(k: NetworkKernels, kernel: Kernel, binder: Binder, given: Sequence[str]) -> list[Statement]:
    """Read weights, state and constants: what the function reads, and weights that tell a size."""
    network = k.network
    found: list[Statement] = []
    together: list[Named] = []
    asked, state = _read(k, kernel), {s for s, _, _ in network.state}
    weights = (t for t in network.program.inputs if t.name in network.weights)
    for t in dict.fromkeys((*weights, *kernel.program.inputs)):
        if t.name in given or (t.name not in network.weights and t.name not in state):
            continue
        unknown = set().union(*(e.free_symbols for e in t.shape), set()) - binder.known
        if t.name not in asked and not unknown:  # what is not read may still tell a size
            continue
        derived = binder.derived([])
        if derived or unknown:
            found += [*weight_statements(together), *derived]
            together = []
        key = network.key(t.name)
        if all(e.free_symbols <= binder.known for e in t.shape):
            together.append(Named(t.name, key, t.shape))
        else:
            found += [*weight_statements([Named(t.name, key, len(t.shape))])]
            found += binder.axes([Source(shape_of(t.name), key, t)])
    found += weight_statements(together)
    tables = constant_names(network)
    constants = (t.name for t in kernel.program.inputs if t.name in tables and t.name in asked)
    return [*found, *(let(name, Call(Name("rt.constant"), (Name(tables[name]), DTYPE))) for name in constants)]


def _read(k: NetworkKernels, kernel: Kernel) -> set[str]:
    """The arrays that a function reads itself or hands to functions of blocks."""
    placed = [part for part in parts_of(k, kernel) if isinstance(part, PlacedPart)]
    own = (s for part in parts_of(k, kernel) if not isinstance(part, PlacedPart) for s in part.statements)
    return {name for s in own for name in read(s)} | {
        part.place.tensors[n] for part in placed for n in part.kernel.given
    }


def _pass(k: NetworkKernels, kernel: Kernel) -> Statement:
    """The pass that the function is."""
    state = {s for s, _, _ in k.network.state} & {t.name for t in kernel.program.inputs}
    named = [*(["state"] if state else []), BUFFERS, *([BLOCKS] if kernel is k.backward and layout(k).groups else [])]
    keywords = tuple((name, Name(name)) for name in named)
    return let(PASS, Call(Name("rt.Pass"), (Literal(k.network.name), DTYPE, Name("params")), keywords))


def constant_names(network: Network) -> dict[str, str]:
    """What the module calls the network's constants, by tensor."""
    taken = {*network.program.names(), network.class_name, *(o.name for o in network.options)}
    names = Names({*FIXED, *taken})
    return {name: names.own(name.upper(), name) for name, _ in network.constants}


def direction_statements(k: NetworkKernels, kernel: Kernel) -> list[Statement]:
    """Read what the first gradients are multiplied by."""
    part, tensors, head, given = k.network.part, kernel.program.tensors, Literal(k.network.name), Name("directions")
    keys = {direction: part[n].key if n in part else n for direction, n in kernel.directions}
    found: list[Statement] = [Do(call("rt.names", head, Literal("directions"), given, texts(keys.values())))]
    for direction, key in keys.items():
        value = call("rt.direction", head, given, Literal(key), DTYPE, shape(tensors[direction].shape))
        found.append(let(direction, value))
    return found


def saved_statements(k: NetworkKernels, kernel: Kernel) -> list[Statement]:
    """Name what forward has kept; what a place keeps stays together where its function takes it apart."""
    found = layout(k)
    names = [*found.own, *([BLOCKS] if found.groups else []), *(shape_argument(t) for t in k.shaped)]
    apart = found.groups if kernel is not k.backward else ()
    inner = (Assign(Group(tuple(map(Name, members))), item(Name(BLOCKS), place)) for _, place, members in apart)
    return [*([Assign(Group(tuple(map(Name, names))), Name("saved"))] if names else []), *inner]
