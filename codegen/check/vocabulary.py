"""What a parameter of somebody's backward may be called, and what it then is given.

A parameter is matched by its name: with a tensor of the layer (an input, a result, what the forward pass keeps), with
the gradient that arrives from above, with the shape of an input, or with an option. The usual other names are known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from inspect import Parameter, signature
from typing import Any

from derive.differentiate import Gradient
from derive.interface import ROLES, Kind, Layer, Option
from derive.quote import listed, quoted, shown
from derive.term import EquationError


class CheckError(EquationError):
    """A function that cannot be checked as asked; the message says what was expected."""


class Role(Enum):
    """What an argument is."""

    TENSOR = "an array"
    SHAPE = "the shape of an array"
    OPTION = "an option"


@dataclass(frozen=True)
class Meaning:
    """What a name stands for: a tensor, the shape of one, or an option, by the name that the layer has for it."""

    role: Role
    name: str


@dataclass(frozen=True)
class Argument:
    """A parameter of the function and what it is given.

    Attributes:
        parameter: its name.
        meaning: what it is given.
        positional: it cannot be given by name.
        per_axis: an option given as a tuple, one number per axis; else as one number for all axes.
    """

    parameter: str
    meaning: Meaning
    positional: bool = False
    per_axis: bool = False


TENSORS = {
    "x": "input inputs inp data logits pred y_pred",
    "w": "weight weights kernel kernels filter filters",
    "b": "bias biases",
    "t": "target targets label labels y_true",
    "gamma": "weight scale",
    "beta": "bias shift",
}
OUTPUT = "y out output outputs"
SEED = "dy dout d_out grad_output grad_out grad_y gy delta upstream dz dL_dy"
OPTIONS = {
    "stride": "strides s",
    "padding": "pad pads p",
    "dilation": "dilations dilate d",
    "groups": "group g",
    "kernel_size": "ksize kernel_shape pool_size k",
    "eps": "epsilon",
}


def vocabulary(layer: Layer, gradient: Gradient) -> dict[str, Meaning]:
    """Every name that a parameter may have; the layer's own names go before other ones."""
    found: dict[str, Meaning] = {}
    for name, meaning in (*_own(layer, gradient), *_others(layer, gradient)):
        found.setdefault(name, meaning)
    for name, meaning in _others(layer, gradient):
        found.setdefault(name.upper(), meaning)
        found.setdefault(name[0] + name[1:].upper(), meaning)  # dY
    return found


def _own(layer: Layer, gradient: Gradient) -> Iterator[tuple[str, Meaning]]:
    if not layer.output.shape and "t" in layer.program.tensors:
        yield "y", Meaning(Role.TENSOR, "t")  # who writes the gradient of a loss means the target
    tensors = [*layer.program.tensors, *(seed.name for seed in gradient.seeds.values())]
    yield from ((name, Meaning(Role.TENSOR, name)) for name in tensors)
    yield from ((o.name, Meaning(Role.OPTION, o.name)) for o in layer.options)
    yield from ((f"{t.name}_shape", Meaning(Role.SHAPE, t.name)) for t in layer.program.inputs)


def _others(layer: Layer, gradient: Gradient) -> Iterator[tuple[str, Meaning]]:
    for output, seed in gradient.seeds.items():
        yield f"d{output}", Meaning(Role.TENSOR, seed.name)
    if len(gradient.seeds) == 1:
        (seed,) = gradient.seeds.values()
        yield from ((alias, Meaning(Role.TENSOR, seed.name)) for alias in SEED.split())
    yield from ((alias, Meaning(Role.TENSOR, layer.output.name)) for alias in OUTPUT.split())
    for tensor in layer.program.inputs:
        for alias in (tensor.name, *TENSORS.get(tensor.name, "").split()):
            yield alias, Meaning(Role.TENSOR, tensor.name)
            yield f"{alias}_shape", Meaning(Role.SHAPE, tensor.name)
    for option in layer.options:
        yield from ((alias, Meaning(Role.OPTION, option.name)) for alias in OPTIONS.get(option.name, "").split())


def arguments(function: Any, layer: Layer, gradient: Gradient) -> tuple[Argument, ...]:
    """What each parameter of `function` is given; an unknown one that has a default is left alone.

    Raises:
        CheckError: for an unknown parameter without default.
    """
    known = vocabulary(layer, gradient)
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):
        raise CheckError(f"{called(function)}: its parameters cannot be read; expected a Python function") from None
    found = []
    for p in parameters:
        if p.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            continue
        if p.name in known:
            found.append(Argument(p.name, known[p.name], p.kind is Parameter.POSITIONAL_ONLY, _per_axis(p)))
        elif p.default is Parameter.empty:
            raise CheckError(
                f"{called(function)}: parameter {quoted(p.name)} is unknown for {layer.name}; expected some of "
                f"{_offered(layer, gradient)}, or a default"
            )
    if not any(a.meaning.role is Role.TENSOR for a in found):
        raise CheckError(f"{called(function)}: takes no array; expected some of {_offered(layer, gradient)}")
    return tuple(found)


def _offered(layer: Layer, gradient: Gradient) -> str:
    seeds = [seed.name for seed in gradient.seeds.values()]
    shapes = [f"{t.name}_shape" for t in layer.program.inputs if t.shape]
    return ", ".join([*seeds, *layer.program.tensors, *shapes, *(o.name for o in layer.options)])


def _per_axis(parameter: Parameter) -> bool:
    """Whether the annotation or the default says that an option is a tuple."""
    annotation = parameter.annotation
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    is_sequence = text.lower().removeprefix("typing.").startswith(("tuple", "list", "sequence"))
    return is_sequence or isinstance(parameter.default, tuple | list)


def called(function: Any) -> str:
    """The name of the function."""
    return str(getattr(function, "__name__", type(function).__name__))


def gradient_name(tensor: str) -> str:
    """What the gradient of an input is called in reports."""
    return f"d{tensor}"


def gradients(layer: Layer) -> dict[str, str]:
    """Every name that a gradient may have, such as dx, grad_input or x, and the input that it belongs to."""
    found: dict[str, str] = {}
    for name in layer.differentiable:
        words = (name, name.upper(), ROLES.get(name, name), *TENSORS.get(name, "").split())
        for pattern in ("d{}", "{}", "grad_{}", "d_{}"):
            for word in words:
                found.setdefault(pattern.format(word), name)
    return found


def returned(layer: Layer, names: str | None) -> tuple[str, ...]:
    """The inputs whose gradients the function returns, in order: those named, or all that have one.

    Raises:
        CheckError: for a name that is no gradient of the layer.
    """
    if not layer.differentiable:
        raise CheckError(f"{layer.name}: no input is differentiable; there is no backward to check")
    if names is None:
        return layer.differentiable
    known = gradients(layer)
    found = []
    for part in names.split(","):
        if part.strip() not in known:
            raise CheckError(f"{layer.name}: --returns {shown(part.strip())}: {expected_gradients(layer)}")
        found.append(known[part.strip()])
    if len(set(found)) < len(found):
        raise CheckError(f"{layer.name}: --returns {shown(names)}: names a gradient twice")
    return tuple(found)


def expected_gradients(layer: Layer) -> str:
    """What a gradient may be called, for messages."""
    return f"expected one of {listed(gradient_name(name) for name in layer.differentiable)}"


def settings(layer: Layer, gradient: Gradient, asked: tuple[Argument, ...], given: dict[str, str]) -> dict[str, str]:
    """What the layer's options are set to for the check, as `derive.derivation.settings` reads it.

    An option that the function takes stays a symbol, one for all axes unless the function takes one per axis; any
    other is at its default. A real number stays a symbol in any case.

    Raises:
        CheckError: when an option has no default, no array says what it is and the function does not take it.
    """
    found = dict(given)
    wanted = {a.meaning.name: a for a in asked if a.meaning.role is Role.OPTION}
    arrays = {a.meaning.name for a in asked if a.meaning.role is Role.TENSOR}
    seen = (*layer.program.inputs, *(t for n, t in gradient.program.tensors.items() if n in arrays))
    extents = {e for t in seen for e in t.shape}
    for option in layer.options:
        if option.name in found or option.kind is Kind.NUMBER:
            continue
        argument = wanted.get(option.name)
        if argument is not None and option.kind is not Kind.FLAG:
            found[option.name] = _symbols(option, argument, layer)
        elif argument is None and option.default is not None:
            default = option.default
            found[option.name] = str(default).lower() if isinstance(default, bool) else str(default)
        elif argument is None and not set(option.symbols) <= extents:
            raise CheckError(
                f"{layer.name}: {option.name} has no default; expected the function to take it, "
                f"or --set {option.name}=2"
            )
    return found


def _symbols(option: Option, argument: Argument, layer: Layer) -> str:
    names = [s.name for s in option.symbols]
    if argument.per_axis:
        return ",".join(names[::2] if option.kind is Kind.PADDING else names)
    letter = names[0].partition("_")[0]
    taken = layer.program.names() - set(names)
    return names[0] if letter in taken else letter
