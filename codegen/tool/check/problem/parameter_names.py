"""What the parameters and the results of somebody's backward may be called, and what each name stands for.

A name stands for a tensor of the layer (an input, a result, what the forward pass keeps), for the gradient that arrives
from above, for the shape of an input, or for an option. The usual other names are known; `binding` matches parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.ir.quote import listed, shown
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.interface import ROLES, Kind, Layer


class CheckError(EquationError):
    """A function that cannot be checked as asked; the message says what was expected."""


class Role(Enum):
    """What an argument is."""

    TENSOR = "an array"
    SHAPE = "the shape of an array"
    OPTION = "an option"


@dataclass(frozen=True)
class Meaning:
    """What a name stands for, by the name that the layer has for it.

    Attributes:
        role: what it is.
        name: the tensor or the option.
        axis: of an option with a number per axis the one that is meant, as `pool_height` does; None for all of it.
    """

    role: Role
    name: str
    axis: int | None = None


TENSORS = {
    "x": "input inputs inp data logits scores pred preds prediction predictions y_pred y_hat yhat",
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
AXES = {"kernel_size": "kernel pool", "stride": "stride", "padding": "pad padding", "dilation": "dilation"}
"""What stands before `_height` and `_width` where an option of two axes is given as two numbers."""


def vocabulary(layer: Layer, gradient: Gradient) -> dict[str, Meaning]:
    """Every name that a parameter may have; the layer's own names go before other ones.

    Who writes the gradient of a loss means the target by `y`; the loss itself is hardly ever asked for.
    """
    found = dict(names(layer, gradient))
    if not layer.output.shape and "t" in layer.program.tensors:
        found["y"] = Meaning(Role.TENSOR, "t")
    return found


def names(layer: Layer, gradient: Gradient) -> dict[str, Meaning]:
    """What a name stands for that is said by hand: as in the equations, or one of the other names."""
    found: dict[str, Meaning] = {}
    for name, meaning in (*_own(layer, gradient), *_others(layer, gradient)):
        found.setdefault(name, meaning)
    for name, meaning in _others(layer, gradient):
        found.setdefault(name.upper(), meaning)
        found.setdefault(name[0] + name[1:].upper(), meaning)  # dY
    return found


def _own(layer: Layer, gradient: Gradient) -> Iterator[tuple[str, Meaning]]:
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
        if len(option.symbols) == (4 if option.kind is Kind.PADDING else 2):
            for word in AXES.get(option.name, option.name).split():
                yield f"{word}_height", Meaning(Role.OPTION, option.name, 0)
                yield f"{word}_width", Meaning(Role.OPTION, option.name, 1)


def offered(layer: Layer, gradient: Gradient) -> str:
    """The layer's own names, for messages."""
    seeds = [seed.name for seed in gradient.seeds.values()]
    shapes = [f"{t.name}_shape" for t in layer.program.inputs if t.shape]
    return ", ".join([*seeds, *layer.program.tensors, *shapes, *(o.name for o in layer.options)])


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
    """The inputs whose gradients the function returns, in order: those named, or all that have one; "" for another.

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
        if part.strip() == "_":
            found.append("")
            continue
        if part.strip() not in known:
            raise CheckError(f"{layer.name}: --returns {shown(part.strip())}: {expected_gradients(layer)}")
        found.append(known[part.strip()])
    if not any(found):
        raise CheckError(f"{layer.name}: --returns {shown(names)}: {expected_gradients(layer)}")
    if any(found.count(name) > 1 for name in found if name):
        raise CheckError(f"{layer.name}: --returns {shown(names)}: names a gradient twice")
    return tuple(found)


def expected_gradients(layer: Layer) -> str:
    """What a gradient may be called, for messages."""
    return f"expected one of {listed(gradient_name(name) for name in layer.differentiable)}"
