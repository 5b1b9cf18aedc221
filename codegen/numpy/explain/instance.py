"""One instance of a layer: every size, and random arrays of the shapes that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import prod
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from gradscribe.codegen.kernel.calling import option_value
from gradscribe.codegen.numpy.explain.solve import Equation, ExplainError, Sizes, solved
from gradscribe.codegen.python.scalars.scalar import size_text
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.interpret import number
from gradscribe.derive.ir.quote import listed, quoted, shown
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.sampling import label_limits

EXAMPLES = {Kind.PADDING: 0, Kind.COUNT: 2, Kind.SIZE: 3, Kind.FLAG: 1, Kind.NUMBER: 1}
"""Values of options in examples."""
EXAMPLE = 16
"""An extent in examples."""


FLOATS = ("float32", "float64")


@dataclass(frozen=True)
class Instance:
    """A layer with sizes and values.

    Attributes:
        layer: the layer.
        sizes: every size symbol, derived ones included.
        options: the options by name, as the functions take them.
        values: the inputs by name; None for one that is left out.
        dtype: of real numbers.
    """

    layer: Layer
    sizes: Sizes
    options: dict[str, Any]
    values: dict[str, Any]
    dtype: np.dtype[Any]


def real_type(layer: Layer, dtype: str) -> np.dtype[Any]:
    """The type of real numbers that a user names.

    Raises:
        ExplainError: when there are no functions for it.
    """
    if dtype not in FLOATS:
        raise ExplainError(f"{layer.name}: dtype: expected one of {', '.join(FLOATS)}; received {quoted(dtype)}")
    return np.dtype(dtype)


def instance(
    layer: Layer, shapes: Mapping[str, Sequence[int] | None], settings: Mapping[str, str], dtype: np.dtype[Any]
) -> Instance:
    """The layer at given shapes and settings, with random numbers.

    Args:
        layer: the layer; of a network its concrete form.
        shapes: of some inputs by name, weights of networks by their keys too; None leaves an optional input out.
        settings: options, features and sizes by name.
        dtype: of real numbers.

    Raises:
        ExplainError: when shapes do not fit the layer or are missing.
    """
    inputs = {t.name: t for t in layer.program.inputs if t.name not in _constants(layer)}
    given = {_tensor(layer, inputs, name): shape for name, shape in shapes.items()}
    for name, shape in given.items():
        if shape is None and not inputs[name].optional:
            raise ExplainError(f"{layer.name}: --shape {name}=none: expected a shape, {name} is not optional")
    known = {name: tuple(shape) for name, shape in given.items() if shape is not None}
    absent = {name for name, shape in given.items() if shape is None}
    equations = [e for name, shape in known.items() for e in _equations(layer, inputs[name], shape)]
    sizes = solved(layer, equations, settings)
    inner = {e: _raveled(inputs[n], shape) for n, shape in known.items() for e in _ravel_extent(inputs[n])}
    missing = [t for n, t in inputs.items() if n not in known and n not in absent and _unknown(t, sizes, inner)]
    needed = [t for t in missing if not t.optional]
    left = {s for s in layer.program.symbols() | _symbols(layer) if s not in sizes}
    if needed or left:
        raise _incomplete(layer, needed, left, sizes)
    absent |= {t.name for t in missing}
    rng = np.random.default_rng(0)
    values = {
        n: None if n in absent else _values(layer, t, known.get(n) or _shape(t, sizes, inner), sizes, dtype, rng)
        for n, t in inputs.items()
    }
    options = {o.name: option_value(o, sizes) for o in layer.options}
    return Instance(layer, sizes, options, values, dtype)


def _constants(layer: Layer) -> set[str]:
    return set(dict(layer.constants)) if isinstance(layer, Network) else set()


def _symbols(layer: Layer) -> set[Symbol]:
    return {s for o in layer.options for s in o.symbols}


def _tensor(layer: Layer, inputs: Mapping[str, Tensor], name: str) -> str:
    """The input called `name`; a weight of a network may be called by its key."""
    keys = {layer.key(n): n for n in inputs if n in layer.part} if isinstance(layer, Network) else {}
    found = keys.get(name, name)
    if found not in inputs:
        every = [*inputs, *keys]
        close = get_close_matches(name, every, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ExplainError(f"{layer.name}: --shape {shown(name)}: expected one of {listed(every)}{hint}")
    return found


def _equations(layer: Layer, tensor: Tensor, shape: tuple[int, ...]) -> list[Equation]:
    """What a shape says of the sizes."""
    axes = len(tensor.shape)
    words = f"{_shape_words(tensor)}"
    if tensor.ravel is None and len(shape) != axes:
        raise ExplainError(
            f"{layer.name}: argument {tensor.name}: expected {axes} axes, {words}; "
            f"received {len(shape)}, {shown(shape)}"
        )
    if tensor.ravel is not None and len(shape) < axes - 1:
        raise ExplainError(
            f"{layer.name}: argument {tensor.name}: expected at least {axes - 1} axes, {words}; "
            f"received {len(shape)}, {shown(shape)}"
        )
    names = dict(layer.axes)
    found = []
    for axis, (extent, value) in enumerate(zip(tensor.shape, _as_rows(tensor, shape), strict=True)):
        word = names.get(extent, size_text(extent))
        found.append(Equation(extent, value, f"argument {tensor.name}, axis {axis} ({word})"))
    return found


def _shape_words(tensor: Tensor) -> str:
    inner = ["..." if axis == tensor.ravel else size_text(e) for axis, e in enumerate(tensor.shape)]
    return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"


def _raveled(tensor: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The extents that ``...`` stands for."""
    assert tensor.ravel is not None
    return shape[tensor.ravel : len(shape) - (len(tensor.shape) - 1 - tensor.ravel)]


def _as_rows(tensor: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape with one extent for ``...``."""
    if tensor.ravel is None:
        return shape
    inner = _raveled(tensor, shape)
    return (*shape[: tensor.ravel], prod(inner), *shape[tensor.ravel + len(inner) :])


def _ravel_extent(tensor: Tensor) -> list[Expr]:
    return [] if tensor.ravel is None else [tensor.shape[tensor.ravel]]


def _unknown(tensor: Tensor, sizes: Sizes, inner: Mapping[Expr, Any]) -> set[Symbol]:
    found: set[Symbol] = set()
    for axis, extent in enumerate(tensor.shape):
        found |= set() if axis == tensor.ravel and extent in inner else extent.free_symbols - set(sizes)
    return found


def _shape(tensor: Tensor, sizes: Sizes, inner: Mapping[Expr, tuple[int, ...]]) -> tuple[int, ...]:
    parts: list[int] = []
    for axis, extent in enumerate(tensor.shape):
        if axis == tensor.ravel:
            parts += inner.get(extent) or (number(extent, sizes),)
        else:
            parts.append(number(extent, sizes))
    return tuple(parts)


def _values(
    layer: Layer, tensor: Tensor, shape: tuple[int, ...], sizes: Sizes, dtype: np.dtype[Any], rng: np.random.Generator
) -> Any:
    """Random numbers between 0 and 1, where every function is defined; labels that are positions."""
    if tensor.integer:
        low, high = label_limits(layer.program, tensor.name, sizes) or (0, 1)
        return rng.integers(low, max(low, high) + 1, shape)
    found = rng.random(shape, np.float32 if dtype == np.float32 else np.float64)
    return np.asarray(found * dtype.type(0.9) + dtype.type(0.05))


# ----- what is missing ------------------------------------------------------------------------------------------------
def _incomplete(layer: Layer, needed: Sequence[Tensor], left: set[Symbol], sizes: Sizes) -> ExplainError:
    """Which argument or option is missing, and an example."""
    options = [o for o in layer.options if set(o.symbols) & left]
    known = {**{s: EXAMPLES[o.kind] for o in options for s in o.symbols}, **sizes}
    if needed:
        tensor = needed[0]
        shape = [number(e, {s: known.get(s, EXAMPLE) for s in e.free_symbols}) for e in tensor.shape]
        example = f"--shape {tensor.name}={','.join(map(str, shape))}"
        return ExplainError(
            f"{layer.name}: the shape of argument {tensor.name}, {_shape_words(tensor)}, does not follow; "
            f"give it, such as {example}"
        )
    if options:
        return ExplainError(f"{layer.name}: option {options[0].name} is missing; give it, such as {_set(options[0])}")
    names = ", ".join(sorted(s.name for s in left))
    return ExplainError(f"{layer.name}: {names} does not follow; give it, such as --set {min(names.split(', '))}=4")


def _set(option: Option) -> str:
    return f"--set {option.name}={EXAMPLES[option.kind]}"
