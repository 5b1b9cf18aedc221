"""The first statements of a generated function: check the arguments, name the sizes. Nothing is computed before.

How sizes are bound between, `sizes` beside it says: from options, axes of arrays and shapes, then derived extents.
"""

from collections.abc import Iterator, Sequence

from sympy import Mul

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.function.labels import label_statements
from gradscribe.codegen.python.expression import (
    Call,
    Choice,
    Dictionary,
    Expression,
    Literal,
    Name,
    absent,
    call,
    unpacked,
)
from gradscribe.codegen.python.scalars.scalar import DTYPE, shape, size, size_text
from gradscribe.codegen.python.statement import Assign, Do, If, Statement, let
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import Layer

NONE = Literal(None)
FULL = Name("full_shape")
"""What a raveled axis stands for."""


def given_statements(kernel: Kernel) -> list[Statement]:
    """The statements that check the kinds of what `kernel` is given, and name the type of its arrays."""
    layer = kernel.layer
    real = {t.name for t in kernel.arguments if t.shape and not t.integer}
    arrays = [t for t in kernel.arguments if t.shape or t.integer] if real else []
    others = [_alone(t, layer) for t in kernel.arguments if t not in arrays]
    shapes = [_shape(t, layer) for t in kernel.shaped]
    if not real:
        numbers = (Name(t.name) for t in kernel.arguments if not t.integer)
        return [let("dtype", call("rt.scalar_type", *numbers)), *others, *shapes]
    return [arrays_statement(sorted(arrays, key=lambda t: _setting(t, kernel)), layer), *others, *shapes]


def _setting(tensor: Tensor, kernel: Kernel) -> tuple[bool, ...]:
    """Sorts arrays: the layer's own ones set the type that others must have."""
    return tensor.integer, tensor.name in dict(kernel.seeds), tensor.name not in kernel.layer.weights


def arrays_statement(tensors: Sequence[Tensor], layer: Layer) -> Statement:
    """``w, x, dtype = rt.arrays("dense", "w 2, x any", w, x)``: check arrays, and name their type."""
    names = [t.name for t in tensors]
    spec = ", ".join(_spec(t) for t in tensors)
    value = call("rt.arrays", Literal(layer.name), Literal(spec), *map(Name, names))
    return Assign(unpacked([*names, DTYPE.text]), value)


def _spec(tensor: Tensor) -> str:
    words = (tensor.name, "any" if tensor.ravel is not None else str(len(tensor.shape)))
    return " ".join([*words, *["optional"] * tensor.optional, *["integers"] * tensor.integer])


def value_statements(kernel: Kernel) -> list[Statement]:
    """The statements that fill what is absent and check values, once sizes have names."""
    filled = [made for t in kernel.filled for made in _filled(t)]
    return [*filled, *label_statements(kernel), *_positions(kernel)]


def _named(layer: Layer, name: str) -> tuple[Expression, Expression, Expression]:
    """What a check is told of an argument: the layer, its name, its value."""
    return Literal(layer.name), Literal(name), Name(name)


def _rank(tensor: Tensor) -> Expression:
    return Literal(len(tensor.shape)) if tensor.ravel is None else NONE


def _alone(tensor: Tensor, layer: Layer) -> Statement:
    """A number, or an array beside which there is none of floats."""
    head = _named(layer, tensor.name)
    value = call("rt.number", *head)
    if tensor.integer:
        value = Call(Name("rt.array"), (*head, _rank(tensor)), (("integer", Literal(True)),))
    return let(tensor.name, Choice(NONE, absent(tensor.name), value) if tensor.optional else value)


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


def raveled_text(tensor: Tensor) -> str:
    """The shape of an array whose axes are raveled: ``(N, ..., C)``."""
    axes = ", ".join("..." if axis == tensor.ravel else size_text(e) for axis, e in enumerate(tensor.shape))
    return f"({axes})"


def _positions(kernel: Kernel) -> Iterator[Statement]:
    """Positions that the forward function recorded must be within their windows, or -1."""
    known = kernel.program.symbols()
    for statement in kernel.layer.program.statements:
        recorded, count = statement.argument, Mul(*(r.extent for r in statement.term.bound))
        if recorded is not None and recorded in kernel.arguments and count.free_symbols <= known:
            yield Do(call("rt.recorded", *_named(kernel.layer, recorded.name), size(count)))
