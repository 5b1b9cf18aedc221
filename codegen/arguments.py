"""The first lines of a generated function: check the arguments, name the sizes. Nothing is computed before they pass.

Sizes are bound from what is known: options, axes of arrays and shapes, then derived extents. Axes that one axis of a
tensor stands for are raveled first.
"""

import re
from collections.abc import Iterator, Sequence

from sympy import Mul

from gradscribe.codegen.binder import Binder, Source, axis_number, guarded
from gradscribe.codegen.kernel import Kernel, role
from gradscribe.codegen.labels import label_lines
from gradscribe.codegen.literal import string
from gradscribe.codegen.scalar import size_text
from gradscribe.derive.interface import Layer
from gradscribe.derive.term import Tensor


def argument_lines(kernel: Kernel) -> list[str]:
    """The lines that check and bind everything `kernel` is given."""
    layer = kernel.layer
    arrays = [line for t in kernel.arguments for line in _array_lines(t, layer)]
    shapes = [_shape_line(t, layer) for t in kernel.shaped]
    inputs = {t.name for t in layer.program.inputs}
    sources = [Source(shape_argument(t), shape_argument(t), t) for t in kernel.shaped]
    ordered = sorted(kernel.arguments, key=lambda t: t.name not in inputs)
    sources += [Source(f"{t.name}.shape", t.name, t) for t in ordered if t.shape]
    sources.sort(key=lambda s: s.called not in layer.weights)  # the weights are the layer's own: they set what fits
    binder = Binder(layer, kernel.program)
    binder.known |= {s.tensor.shape[s.tensor.ravel] for s in sources if s.tensor.ravel is not None}
    known = [s for s in sources if s.tensor.ravel is None or len(s.tensor.shape) > 1]
    binding = binder.lines(kernel.options, [s for s in known if s.tensor.name in inputs], known)
    dtype = _dtype_line(kernel)
    checked = [dtype, *arrays] if "scalar_type" in dtype else [*arrays, dtype]
    filling = [line for t in kernel.filled for line in _fill_lines(t)]
    return [
        *checked,
        *shapes,
        *_ravel_lines(layer, sources),
        *binding,
        *size_lines(kernel, binder),
        *filling,
        *label_lines(kernel),
        *_position_lines(kernel),
    ]


def shape_argument(tensor: Tensor) -> str:
    """The argument that gives the shape of `tensor`."""
    return f"{role(tensor.name)}_shape"


def _array_lines(tensor: Tensor, layer: Layer) -> list[str]:
    name = tensor.name
    rank = str(len(tensor.shape)) if tensor.ravel is None else "None"
    kind = ", integer=True" if tensor.integer else ""
    line = f"{name} = rt.array({string(layer.name)}, {string(name)}, {name}, {rank}{kind})"
    if not tensor.shape and not tensor.integer:
        line = f"{name} = rt.number({string(layer.name)}, {string(name)}, {name})"
    return [f"if {name} is not None:", f"    {line}"] if tensor.optional else [line]


def size_lines(kernel: Kernel, binder: Binder) -> list[str]:
    """Refuse results that no memory holds, where options or shapes given decide how large they are."""
    read = {s for t in kernel.arguments if not t.optional for e in t.shape for s in e.free_symbols}
    results = [kernel.program.tensors[name] for name in kernel.results]
    found = [
        f"{string(t.name)}: {_shape_text(t)}"
        for t in results
        if not t.integer and not (own := set().union(*(e.free_symbols for e in t.shape), set())) <= read
        if own <= binder.known
    ]
    return [f"rt.affordable({string(kernel.layer.name)}, dtype, {{{', '.join(found)}}})"] if found else []


def _shape_text(tensor: Tensor) -> str:
    inner = ", ".join(size_text(e) for e in tensor.shape)
    return f"({inner},)" if len(tensor.shape) == 1 else f"({inner})"


def _fill_lines(tensor: Tensor) -> list[str]:
    """Zeros or ones for an absent array, as a view of one number."""
    kind = "np.intp" if tensor.integer else "dtype"
    shape = _shape_text(tensor)
    number = f"{kind}({int(tensor.absent)})"
    value = f"np.broadcast_to({number}, {shape})" if tensor.shape else number
    return [f"if {tensor.name} is None:", f"    {tensor.name} = {value}"]


def _shape_line(tensor: Tensor, layer: Layer) -> str:
    name = shape_argument(tensor)
    rank = str(len(tensor.shape)) if tensor.ravel is None else "None"
    return f"{name} = rt.shape({string(layer.name)}, {string(name)}, {name}, {rank})"


def _dtype_line(kernel: Kernel) -> str:
    real = [t.name for t in kernel.arguments if t.shape and not t.integer]
    if not real:
        scalars = ", ".join(t.name for t in kernel.arguments if not t.integer)
        return f"dtype = rt.scalar_type({scalars})"
    seeds, held = dict(kernel.seeds), kernel.layer.weights
    real.sort(key=lambda n: (n in seeds, n not in held))  # the layer's own arrays set the type that others must have
    given = ", ".join(f"{n}={n}" for n in real)
    return f"dtype = rt.float_type({string(kernel.layer.name)}, {given})"


def raveled_text(tensor: Tensor) -> str:
    """The shape of an array whose axes are raveled: ``(N, ..., C)``."""
    axes = ", ".join("..." if axis == tensor.ravel else size_text(e) for axis, e in enumerate(tensor.shape))
    return f"({axes})"


def _ravel_lines(layer: Layer, sources: Sequence[Source]) -> Iterator[str]:
    """`full_shape` is what the raveled axis stands for: that of the first array, and all others must agree."""
    raveled = sorted((s for s in sources if s.tensor.ravel is not None), key=lambda s: s.optional)
    for k, source in enumerate(raveled):
        name = source.called
        lines = _full_shape(layer, source) if k == 0 else [_same_axes(layer, source)]
        if source.is_array:
            lines.append(f"{name} = {name}.reshape({_raveled_extents(source.tensor)})")
        yield from guarded(name, lines) if source.optional else lines


def _full_shape(layer: Layer, source: Source) -> list[str]:
    tensor = source.tensor
    extent = tensor.shape[tensor.ravel or 0]
    if len(tensor.shape) > 1:
        line = f"full_shape = rt.raveled_axes({_raveled_head(layer, source)})"
        return [line, f"{extent} = rt.elements(full_shape)"]
    size = f"{source.called}.size" if source.is_array else "rt.elements(full_shape)"
    return [f"full_shape = {source.text}", f"{extent} = {size}"]


def _same_axes(layer: Layer, source: Source) -> str:
    if len(source.tensor.shape) == 1:
        return f"rt.same_shape({string(layer.name)}, {string(source.called)}, {source.text}, full_shape)"
    return f"rt.same_axes({_raveled_head(layer, source)}, full_shape)"


def _raveled_head(layer: Layer, source: Source) -> str:
    before = source.tensor.ravel or 0
    after = len(source.tensor.shape) - before - 1
    words = string(raveled_text(source.tensor))
    return f"{string(layer.name)}, {string(source.called)}, {source.text}, {before}, {after}, {words}"


def _raveled_extents(tensor: Tensor) -> str:
    if len(tensor.shape) == 1:
        return "-1"
    texts = [f"{tensor.name}.shape[{axis_number(tensor, axis)}]" for axis in range(len(tensor.shape))]
    return ", ".join(str(e) if axis == tensor.ravel else texts[axis] for axis, e in enumerate(tensor.shape))


def _position_lines(kernel: Kernel) -> Iterator[str]:
    """Positions that the forward function recorded must be within their windows, or -1."""
    known = kernel.program.symbols()
    for statement in kernel.layer.program.statements:
        recorded, count = statement.argument, Mul(*(r.extent for r in statement.term.bound))
        if recorded is not None and recorded in kernel.arguments and count.free_symbols <= known:
            name = recorded.name
            yield f"rt.recorded({string(kernel.layer.name)}, {string(name)}, {name}, {size_text(count)})"


def used(lines: Sequence[str], later: Sequence[str]) -> list[str]:
    """`lines` without assignments to names that no later line reads; a call that checks something stays."""
    kept: list[str] = []
    text = "\n".join(later)
    for line in reversed(lines):
        name, _, value = line.partition(" = ")
        if value and name.isidentifier() and not re.search(rf"\b{name}\b", text):
            if not value.startswith("rt."):
                continue
            line = value
        kept.append(line)
        text += "\n" + line
    return kept[::-1]
