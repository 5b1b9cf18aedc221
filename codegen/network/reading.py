"""The first lines of a network's functions: inputs, weights, directions and what was saved, checked and bound."""

from collections.abc import Sequence

from sympy import Symbol

from gradscribe.codegen.arguments import shape_argument
from gradscribe.codegen.binder import Binder, Source
from gradscribe.codegen.docstring import wrapped
from gradscribe.codegen.kernel import Kernel
from gradscribe.codegen.labels import label_lines
from gradscribe.codegen.layout import WIDTH
from gradscribe.codegen.literal import string
from gradscribe.codegen.names import Names
from gradscribe.codegen.network.kernels import NetworkKernels
from gradscribe.codegen.scalar import size_text
from gradscribe.derive.composition import Network
from gradscribe.derive.term import Tensor


def array_lines(k: NetworkKernels, kernel: Kernel, given: Sequence[str], saved: bool = True) -> list[str]:
    """Check and bind what a function is given, each weight in one line."""
    network = k.network
    binder = Binder(network, kernel.program)
    tensors = {t.name: t for t in kernel.program.inputs}
    name = string(network.name)
    lines: list[str] = []
    real = [n for n in given if not tensors[n].integer]
    for n in given:
        kind = ", integer=True" if tensors[n].integer else ""
        lines.append(f"{n} = rt.array({name}, {string(n)}, {n}, {len(tensors[n].shape)}{kind})")
    lines.append(f"dtype = rt.float_type({name}, {', '.join(f'{n}={n}' for n in real)})")
    lines += [line for o in kernel.options for line in binder.option(o)]
    backward = bool(kernel.seeds) and saved
    shapes = [Source(shape_argument(t), t.name, t) for t in kernel.shaped]
    shapes += [Source(f"{t.name}.shape", t.name, t) for t in k.kept if t.name in network.part or t in network.given]
    if backward:
        first = [s for s in shapes if s.tensor in network.given]
        lines += binder.axes(first)
    else:
        lines += [line for n in given for line in _given(k, binder, tensors[n])]
    state = {s for s, _, _ in network.state}
    constants = {n for n, _ in network.constants}
    for t in dict.fromkeys((*(t for t in network.program.inputs if t.name in network.weights), *kernel.program.inputs)):
        if t.name in given or (t.name not in network.weights and t.name not in state):
            continue
        unknown = set().union(*(e.free_symbols for e in t.shape), set()) - binder.known
        if t.name in tensors or unknown:  # what is not read may still tell a size
            lines += _weight(network, t, binder, "state" if t.name in state else "params")
    tables = constant_names(network)
    lines += [f"{t.name} = {tables[t.name]}.astype(dtype)" for t in kernel.program.inputs if t.name in constants]
    sources = [Source(f"{n}.shape", n, tensors[n]) for n in given]
    lines += binder.derived([] if backward else sources)
    lines += label_lines(kernel)
    if backward:
        kept = {t.name for t in k.kept}
        missing = kernel.program.symbols() - binder.known
        free = {s.called: set().union(*(e.free_symbols for e in s.tensor.shape), set()) for s in shapes}
        lines += binder.axes([s for s in shapes if s.tensor.name in kept and free[s.called] & missing])
        lines += binder.axes(sources)
    return lines


def _given(k: NetworkKernels, binder: Binder, tensor: Tensor) -> list[str]:
    """Bind what is open in the shape of an input, and check the rest under the names of its axes."""
    network, name = k.network, tensor.name
    lines = []
    for axis, extent in enumerate(tensor.shape):
        if isinstance(extent, Symbol) and extent not in binder.known:
            lines.append(f"{extent} = {name}.shape[{axis}]")
            binder.known.add(extent)
    extents = ", ".join(size_text(e) for e in tensor.shape)
    words = dict(k.source.axes)
    shown = k.source.program.tensors.get(name, tensor).shape
    called = ", ".join(words.get(e, str(e)) for e in shown)
    comma = "," if len(tensor.shape) == 1 else ""
    head = f"{string(network.name)}, {string(name)}, {name}.shape"
    return [*lines, f"rt.extents({head}, ({extents}{comma}), {string(called)})"]


def _weight(network: Network, tensor: Tensor, binder: Binder, where: str) -> list[str]:
    """Read a weight by its name; its extents are checked, or bound where they are open."""
    key = string(network.key(tensor.name))
    binder_lines = binder.derived([])
    head = f"{tensor.name} = rt.weight({string(network.name)}, {where}, {key}"
    if all(e.free_symbols <= binder.known for e in tensor.shape):
        inner = ", ".join(size_text(e) for e in tensor.shape)
        shape = f"({inner},)" if len(tensor.shape) == 1 else f"({inner})"
        return [*binder_lines, f"{head}, dtype, {shape})"]
    source = Source(f"{tensor.name}.shape", network.key(tensor.name), tensor)
    return [*binder_lines, f"{head}, dtype, (None,) * {len(tensor.shape)})", *binder.axes([source])]


def constant_names(network: Network) -> dict[str, str]:
    """What the module calls the network's constants, by tensor."""
    taken = {*network.program.names(), network.class_name, *(o.name for o in network.options)}
    names = Names(taken)
    return {name: names.own(name.upper(), name) for name, _ in network.constants}


def direction_lines(k: NetworkKernels, kernel: Kernel) -> list[str]:
    """Read what the first gradients are multiplied by."""
    part, tensors, head = k.network.part, kernel.program.tensors, string(k.network.name)
    keys = {direction: part[n].key if n in part else n for direction, n in kernel.directions}
    lines = [f'rt.names({head}, "directions", directions, {tuple_text([string(key) for key in keys.values()])})']
    for direction, key in keys.items():
        shape = tuple_text([size_text(e) for e in tensors[direction].shape])
        lines.append(f"{direction} = rt.direction({head}, directions, {string(key)}, dtype, {shape})")
    return lines


def saved_line(k: NetworkKernels) -> list[str]:
    """Name what forward has kept."""
    names = [*(t.name for t in k.kept), *(shape_argument(t) for t in k.shaped)]
    return [*_filled("(", names, ") = saved")] if names else []


def _filled(start: str, names: Sequence[str], stop: str) -> list[str]:
    """Names in brackets, as many on a line as fit."""
    line = f"{start}{_listed(names)}{stop}"
    if len(line) <= WIDTH - 8:
        return [line]
    return [start, *wrapped(f"{_listed(names)},", "    ", WIDTH - 8), stop]


def tuple_text(names: Sequence[str]) -> str:
    """A tuple in generated code."""
    return f"({_listed(names)})"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)}{',' if len(names) == 1 else ''}"
