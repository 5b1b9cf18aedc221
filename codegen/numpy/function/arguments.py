"""The first statements of a generated function: check the arguments, name the sizes. Nothing is computed before.

Sizes are bound from what is known: options, axes of arrays and shapes, then derived extents. Axes that one axis of a
tensor stands for are raveled first.
"""

from collections.abc import Iterator, Sequence

from sympy import Mul

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.function.binder import Binder, Source, axis_number, guarded, shape_of
from gradscribe.codegen.numpy.function.labels import label_statements
from gradscribe.codegen.python.expression import (
    Attribute,
    Call,
    Dictionary,
    Expression,
    Literal,
    Name,
    Part,
    absent,
    call,
    method,
)
from gradscribe.codegen.python.scalars.scalar import DTYPE, shape, size, size_text
from gradscribe.codegen.python.statement import Do, If, Statement, let
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import Layer

NONE = Literal(None)
FULL = Name("full_shape")
"""What a raveled axis stands for."""


def argument_statements(kernel: Kernel) -> list[Statement]:
    """The statements that check and bind everything `kernel` is given."""
    layer = kernel.layer
    arrays = [made for t in kernel.arguments for made in _array(t, layer)]
    shapes = [_shape(t, layer) for t in kernel.shaped]
    inputs = {t.name for t in layer.program.inputs}
    sources = [Source(Name(shape_argument(t)), shape_argument(t), t) for t in kernel.shaped]
    ordered = sorted(kernel.arguments, key=lambda t: t.name not in inputs)
    sources += [Source(shape_of(t.name), t.name, t) for t in ordered if t.shape]
    sources.sort(key=lambda s: s.called not in layer.weights)  # the weights are the layer's own: they set what fits
    binder = Binder(layer, kernel.program)
    binder.known |= {s.tensor.shape[s.tensor.ravel] for s in sources if s.tensor.ravel is not None}
    known = [s for s in sources if s.tensor.ravel is None or len(s.tensor.shape) > 1]
    binding = binder.statements(kernel.options, [s for s in known if s.tensor.name in inputs], known)
    real = [t.name for t in kernel.arguments if t.shape and not t.integer]
    dtype = let("dtype", _dtype(kernel, real))
    return [
        *([*arrays, dtype] if real else [dtype, *arrays]),
        *shapes,
        *_raveled(layer, sources),
        *binding,
        *size_statements(kernel, binder),
        *(made for t in kernel.filled for made in _filled(t)),
        *label_statements(kernel),
        *_positions(kernel),
    ]


def _named(layer: Layer, name: str) -> tuple[Expression, Expression, Expression]:
    """What a check is told of an argument: the layer, its name, its value."""
    return Literal(layer.name), Literal(name), Name(name)


def _rank(tensor: Tensor) -> Expression:
    return Literal(len(tensor.shape)) if tensor.ravel is None else NONE


def _array(tensor: Tensor, layer: Layer) -> list[Statement]:
    name = tensor.name
    kind = (("integer", Literal(True)),) if tensor.integer else ()
    value = Call(Name("rt.array"), (*_named(layer, name), _rank(tensor)), kind)
    if not tensor.shape and not tensor.integer:
        value = call("rt.number", *_named(layer, name))
    return guarded(name, [let(name, value)]) if tensor.optional else [let(name, value)]


def size_statements(kernel: Kernel, binder: Binder) -> list[Statement]:
    """Refuse results that no memory holds, where options or shapes given decide how large they are."""
    read = {s for t in kernel.arguments if not t.optional for e in t.shape for s in e.free_symbols}
    results = [kernel.program.tensors[name] for name in kernel.results]
    found = [
        (Literal(t.name), shape(t.shape))
        for t in results
        if not t.integer and not (own := set().union(*(e.free_symbols for e in t.shape), set())) <= read
        if own <= binder.known
    ]
    return [Do(affordable(kernel.layer, found))] if found else []


def affordable(layer: Layer, shapes: Sequence[tuple[Expression, Expression]]) -> Expression:
    """The check that memory holds arrays of these shapes."""
    return call("rt.affordable", Literal(layer.name), DTYPE, Dictionary(tuple(shapes)))


def _filled(tensor: Tensor) -> list[Statement]:
    """Zeros or ones for an absent array, as a view of one number."""
    number = call("np.intp" if tensor.integer else "dtype", Literal(int(tensor.absent)))
    value = call("np.broadcast_to", number, shape(tensor.shape)) if tensor.shape else number
    return [If(absent(tensor.name), (let(tensor.name, value),))]


def _shape(tensor: Tensor, layer: Layer) -> Statement:
    name = shape_argument(tensor)
    return let(name, call("rt.shape", *_named(layer, name), _rank(tensor)))


def _dtype(kernel: Kernel, real: list[str]) -> Expression:
    if not real:
        return call("rt.scalar_type", *(Name(t.name) for t in kernel.arguments if not t.integer))
    seeds, held = dict(kernel.seeds), kernel.layer.weights
    # the layer's own arrays set the type that others must have
    ordered = sorted(real, key=lambda n: (n in seeds, n not in held))
    return call("rt.float_type", Literal(kernel.layer.name), **{n: Name(n) for n in ordered})


def raveled_text(tensor: Tensor) -> str:
    """The shape of an array whose axes are raveled: ``(N, ..., C)``."""
    axes = ", ".join("..." if axis == tensor.ravel else size_text(e) for axis, e in enumerate(tensor.shape))
    return f"({axes})"


def _raveled(layer: Layer, sources: Sequence[Source]) -> Iterator[Statement]:
    """`full_shape` is what the raveled axis stands for: that of the first array, and all others must agree."""
    raveled = sorted((s for s in sources if s.tensor.ravel is not None), key=lambda s: s.optional)
    for k, source in enumerate(raveled):
        name = source.called
        found = _full_shape(layer, source) if k == 0 else _same_axes(layer, source)
        if source.is_array:
            found.append(let(name, method(Name(name), "reshape", *_raveled_extents(source.tensor))))
        yield from guarded(name, found) if source.optional else found


def _full_shape(layer: Layer, source: Source) -> list[Statement]:
    tensor = source.tensor
    extent = tensor.shape[tensor.ravel or 0].name
    elements = call("rt.elements", FULL)
    if len(tensor.shape) > 1:
        value = call("rt.raveled_axes", *_raveled_head(layer, source))
        return [let("full_shape", value), let(extent, elements)]
    size_of = Attribute(Name(source.called), "size") if source.is_array else elements
    return [let("full_shape", source.code), let(extent, size_of)]


def _same_axes(layer: Layer, source: Source) -> list[Statement]:
    if len(source.tensor.shape) == 1:
        return [Do(call("rt.same_shape", Literal(layer.name), Literal(source.called), source.code, FULL))]
    return [Do(call("rt.same_axes", *_raveled_head(layer, source), FULL))]


def _raveled_head(layer: Layer, source: Source) -> tuple[Expression, ...]:
    before = source.tensor.ravel or 0
    after = len(source.tensor.shape) - before - 1
    where = Literal(layer.name), Literal(source.called), source.code
    return (*where, Literal(before), Literal(after), Literal(raveled_text(source.tensor)))


def _raveled_extents(tensor: Tensor) -> list[Expression]:
    if len(tensor.shape) == 1:
        return [Literal(-1)]
    extents = [Part(shape_of(tensor.name), (Literal(axis_number(tensor, k)),)) for k in range(len(tensor.shape))]
    return [size(e) if k == tensor.ravel else extents[k] for k, e in enumerate(tensor.shape)]


def _positions(kernel: Kernel) -> Iterator[Statement]:
    """Positions that the forward function recorded must be within their windows, or -1."""
    known = kernel.program.symbols()
    for statement in kernel.layer.program.statements:
        recorded, count = statement.argument, Mul(*(r.extent for r in statement.term.bound))
        if recorded is not None and recorded in kernel.arguments and count.free_symbols <= known:
            yield Do(call("rt.recorded", *_named(kernel.layer, recorded.name), size(count)))
