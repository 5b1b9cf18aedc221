"""Generated layers and networks as modules of PyTorch, whose forward and backward are the generated kernels.

    module = adapters.torch.as_module(Conv2D(1, 8, 3))

Channels stay last, names and layouts of weights stay ours; `adapters.to_torch` converts weights to PyTorch's. Modules
compute on the CPU, in float32 or float64.
"""

from functools import reduce
from typing import Any

import torch

from gradscribe.adapters.named import Array
from gradscribe.adapters.operators import operators_of
from gradscribe.derive.ir.quote import quoted


def as_module(layer: Any) -> Any:
    """A layer, network or `Sequential` as a `torch.nn.Module`.

    Its parameters are the layer's weights, its buffers the running statistics, under the same names ("c1.w"). They
    share the layer's memory: what PyTorch's optimiser changes, the layer has too, until the module is converted to
    another type.

    Args:
        layer: an object of a generated class.

    Returns:
        An `AdaptedLayer`, or a `torch.nn.Sequential` of them.
    """
    inner = getattr(layer, "layers", None)
    if isinstance(inner, (tuple, list)):
        return torch.nn.Sequential(*(as_module(part) for part in inner))
    return AdaptedLayer(layer)


class AdaptedLayer(torch.nn.Module):
    """A generated layer or network as a module; `as_module` makes it.

    Args:
        layer: an object of a generated class.

    Raises:
        ValueError: when a weight's name is one that a module has itself.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self._operators = operators_of(layer)
        self._predicts = self._operators.evaluate is not None
        for name, array in layer.params.items():
            holder, last = self._holder(name)
            holder.register_parameter(last, torch.nn.Parameter(_shared(array)))
        for name, array in layer.state.items():
            holder, last = self._holder(name)
            holder.register_buffer(last, _shared(array))

    def _holder(self, name: str) -> tuple[Any, str]:
        """Where the array called `name` is registered: "c1.w" in a module "c1"."""
        holder: Any = self
        *path, last = name.split(".")
        for step in path:
            if step not in dict(holder.named_children()):
                _check_free(holder, step, name)
                holder.add_module(step, torch.nn.Module())
            holder = getattr(holder, step)
        _check_free(holder, last, name)
        return holder, last

    def _held(self, name: str) -> Any:
        """Not `get_parameter`: `torch.func.functional_call` puts plain tensors there."""
        return reduce(getattr, name.split("."), self)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The outputs for the inputs that the layer takes, in its order or by name; None where one is absent.

        In evaluation (`eval()`) nothing is dropped and running statistics are used; what only training takes, such as
        a mask of dropout, may be left out then, and is ignored.

        Raises:
            TypeError: when an input is missing, not expected, or no tensor.
            ValueError: when shapes do not fit, or a tensor is not in the CPU's memory.
            RuntimeError: in evaluation, when the layer has running statistics and its equations do not say what holds
                after training.
        """
        functions = self._operators.functions
        evaluates = not self.training and self._predicts
        given = self._given(inputs, named, functions.asked if evaluates else None)
        params, state = ([self._held(name) for name in names] for names in (functions.params, functions.state))
        arguments = (list(given.values()), " ".join(given), params, state)
        count = len(functions.outputs)
        if evaluates:
            results = self._operators.evaluate(*arguments)
        elif not self.training and state:
            raise RuntimeError(
                f"{functions.name}: its equations do not say what holds in evaluation, where its running statistics "
                "have to be used; add lines such as evaluation m[c] = running_mean[c]"
            )
        else:
            results = self._operators.forward(*arguments)
            for held, new in zip(state, results[count:], strict=False):
                held.copy_(new.detach())
        return results[0] if count == 1 else tuple(results[:count])

    def _given(self, inputs: tuple[Any, ...], named: dict[str, Any], asked: tuple[str, ...] | None) -> dict[str, Any]:
        """The inputs by name; only those `asked` for are needed, if not all are."""
        functions = self._operators.functions
        if len(inputs) > len(functions.inputs):
            most = len(functions.inputs)
            raise TypeError(f"{functions.name}: expected at most {most} inputs, received {len(inputs)}")
        given = {**dict(zip(functions.inputs, inputs, strict=False)), **named}
        for name in given:
            if name not in functions.inputs or (name in named and functions.inputs.index(name) < len(inputs)):
                expected = ", ".join(functions.inputs)
                raise TypeError(f"{functions.name}: expected each of {expected} once, received a further {name}")
        for name in functions.inputs:
            value = given.get(name)
            if value is None and (name in functions.optional or (asked is not None and name not in asked)):
                given.pop(name, None)
            elif not isinstance(value, torch.Tensor):
                raise TypeError(f"{functions.name}: argument {name}: expected a tensor, received {quoted(value)}")
            elif value.device.type not in ("cpu", "meta"):
                raise ValueError(f"{functions.name}: argument {name}: expected a tensor on the CPU, on {value.device}")
        return {name: given[name] for name in functions.inputs if name in given}

    def extra_repr(self) -> str:
        """The layer's name."""
        return self._operators.functions.name


def _check_free(holder: Any, step: str, name: str) -> None:
    if hasattr(holder, step):
        raise ValueError(f"weight {name}: expected a name that modules of PyTorch do not have, found {step}")


def _shared(array: Array) -> Any:
    """A tensor in the memory of an array, which may be read only."""
    return torch.from_numpy(array if array.flags.writeable else array.copy())
