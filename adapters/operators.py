"""The functions of a generated layer as operators of PyTorch: forward, backward, double backward where there is one.

Lists of tensors in a schema hold no None, as PyTorch would not differentiate the rest of the list: inputs that are
absent are left out, and a text names those that are there.

Source: PyTorch's documentation, "Custom Python operators" (custom_op, register_fake, register_autograd).
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import torch

from gradscribe.adapters.functional import Functional

Tensors = list[Any]

OWN = {"params", "state", "grads", "buffers"}  # what is no option, besides private names
GIVEN = "Tensor[] inputs, str names, Tensor[] params"

_numbers = count()
_known: dict[Any, "Operators"] = {}


def operators_of(layer: Any) -> "Operators":
    """The operators of a layer; they are registered once for all layers of a class with the same options."""
    options = {name: value for name, value in vars(layer).items() if name not in OWN and name[0] != "_"}
    if not all(map(_plain, options.values())):
        return Operators(layer)
    shapes = [(name, a.shape) for name, a in [*layer.params.items(), *layer.state.items()]]
    key = (type(layer), repr((sorted(options.items()), shapes)))
    if key not in _known:
        _known[key] = Operators(layer)
    return _known[key]


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_plain, value.values()))
    if isinstance(value, (tuple, list)):
        return all(map(_plain, value))
    return isinstance(value, (int, float, str, type(None)))


class Operators:
    """The operators of one layer with its options.

    Attributes:
        functions: what they compute.
        forward: (inputs, their names, weights, state) -> outputs, new state, what else is kept.
        evaluate: the same of `predict` -> outputs; None where that computes what forward does.
        backward: (gradients of outputs, inputs, their names, weights, results without the state) -> gradients of
            inputs and weights.
        double_backward: (directions, their names, and what backward takes) -> gradients of all that backward takes.
    """

    def __init__(self, layer: Any) -> None:
        self.functions = Functional(layer)
        self._twice = hasattr(layer, "double_backward")
        stem = f"gradscribe::{self.functions.name}_{next(_numbers)}"

        def operator(suffix: str, arguments: str, compute: Callable[..., Tensors], fake: Callable[..., Tensors]) -> Any:
            found = torch.library.custom_op(
                stem + suffix, compute, mutates_args=(), device_types="cpu", schema=f"({arguments}) -> Tensor[]"
            )
            found.register_fake(fake)
            return found

        self.forward = operator("", f"{GIVEN}, Tensor[] state", self._forward, self._forward_fake)
        self.forward.register_autograd(self._forward_gradient, setup_context=self._keep_forward)
        after = f"Tensor[] seeds, {GIVEN}, Tensor[] results"
        self.backward = operator("_backward", after, self._backward, self._backward_fake)
        self.backward.register_autograd(self._backward_gradient, setup_context=self._keep_backward)
        after = f"Tensor[] directions, str directed, {after}"
        self.double_backward = operator("_double_backward", after, self._double_backward, self._double_backward_fake)
        self.double_backward.register_autograd(self._refuse("a third derivative is not derived"))
        self.evaluate: Any = None
        if self.functions.asked is not None:
            self.evaluate = operator("_evaluate", f"{GIVEN}, Tensor[] state", self._evaluate, self._evaluate_fake)
            self.evaluate.register_autograd(self._refuse("evaluation has no gradient; call train() first"))

    def __deepcopy__(self, memo: Any) -> "Operators":
        return self

    def __reduce__(self) -> Any:
        return operators_of, (self.functions.layer,)

    def _refuse(self, reason: str) -> Callable[..., Any]:
        def gradient(ctx: Any, *grads: Any) -> Any:
            raise RuntimeError(f"{self.functions.name}: {reason}")

        return gradient

    # ----- forward ----------------------------------------------------------------------------------------------------
    def _forward(self, inputs: Tensors, names: str, params: Tensors, state: Tensors) -> Tensors:
        return _tensors(self.functions.forward(_given(names, inputs), _arrays(params), _arrays(state)))

    def _forward_fake(self, inputs: Tensors, names: str, params: Tensors, state: Tensors) -> Tensors:
        given = dict(zip(names.split(), map(_stand_in, inputs), strict=True))
        results = self.functions.structure(given, [_stand_in(p) for p in params]).results
        return [_empty(shape, dtype, [*inputs, *params]) for shape, dtype in results]

    def _evaluate(self, inputs: Tensors, names: str, params: Tensors, state: Tensors) -> Tensors:
        return _tensors(self.functions.evaluate(_given(names, inputs), _arrays(params), _arrays(state)))

    def _evaluate_fake(self, inputs: Tensors, names: str, params: Tensors, state: Tensors) -> Tensors:
        given = dict(zip(names.split(), map(_stand_in, inputs), strict=True))
        results = self.functions.evaluated(given, [_stand_in(p) for p in params])
        return [_empty(shape, dtype, [*inputs, *params]) for shape, dtype in results]

    def _keep_forward(self, ctx: Any, inputs: Any, output: Tensors) -> None:
        given, names, params, state = inputs
        outputs = len(self.functions.outputs)
        results = [*output[:outputs], *output[outputs + len(state) :]]
        unseeded = [t for t, (_, seed) in zip(output, self.functions.outputs, strict=False) if seed is None]
        ctx.mark_non_differentiable(*unseeded, *output[outputs:])
        ctx.set_materialize_grads(False)
        _keep(ctx, given, params, results)
        ctx.names, ctx.state = names, len(state)

    def _forward_gradient(self, ctx: Any, grads: Any) -> Any:
        given, params, results = _kept(ctx)
        seeded = [
            (grad, output)
            for grad, output, (_, seed) in zip(grads, results, self.functions.outputs, strict=False)
            if seed is not None
        ]
        if all(grad is None for grad, _ in seeded):
            return [None] * len(given), None, [None] * len(params), [None] * ctx.state
        seeds = [torch.zeros_like(output) if grad is None else grad for grad, output in seeded]
        found = self.backward(seeds, given, ctx.names, params, results)
        wanted = self.functions.wanted(ctx.names.split())
        of_inputs = dict(zip(wanted, found, strict=False))
        of_given = [of_inputs.get(name) for name in ctx.names.split()]
        return of_given, None, list(found[len(wanted) :]), [None] * ctx.state

    # ----- backward ---------------------------------------------------------------------------------------------------
    def _backward(self, seeds: Tensors, inputs: Tensors, names: str, params: Tensors, results: Tensors) -> Tensors:
        arrays = (_arrays(seeds), _given(names, inputs), _arrays(params), _arrays(results))
        return _tensors(self.functions.backward(*arrays))

    def _backward_fake(self, seeds: Tensors, inputs: Tensors, names: str, params: Tensors, results: Tensors) -> Tensors:
        given = dict(zip(names.split(), inputs, strict=True))
        return [t.new_empty(t.shape) for t in [*(given[n] for n in self.functions.wanted(list(given))), *params]]

    def _keep_backward(self, ctx: Any, inputs: Any, output: Tensors) -> None:
        seeds, given, names, params, results = inputs
        ctx.set_materialize_grads(False)
        _keep(ctx, seeds, given, params, results)
        ctx.names = names

    def _backward_gradient(self, ctx: Any, grads: Any) -> Any:
        seeds, given, params, results = _kept(ctx)
        names = ctx.names.split()
        wanted = self.functions.wanted(names)
        directions = {
            name: grad for name, grad in zip([*wanted, *self.functions.params], grads, strict=True) if grad is not None
        }
        if not directions:
            return [None] * len(seeds), [None] * len(given), None, [None] * len(params), [None] * len(results)
        if not self._twice:
            raise RuntimeError(
                f"{self.functions.name}: the layer has no second derivative; generate it with order 2 to have one"
            )
        found = self.double_backward(
            list(directions.values()), " ".join(directions), seeds, given, ctx.names, params, results
        )
        of_inputs = dict(zip(wanted, found[len(seeds) :], strict=False))
        of_given = [of_inputs.get(name) for name in names]
        of_params = list(found[len(seeds) + len(wanted) :])
        return list(found[: len(seeds)]), of_given, None, of_params, [None] * len(results)

    # ----- double backward --------------------------------------------------------------------------------------------
    def _double_backward(
        self,
        directions: Tensors,
        directed: str,
        seeds: Tensors,
        inputs: Tensors,
        names: str,
        params: Tensors,
        results: Tensors,
    ) -> Tensors:
        arrays = (_arrays(seeds), _given(names, inputs), _arrays(params), _arrays(results))
        return _tensors(self.functions.double_backward(_given(directed, directions), *arrays))

    def _double_backward_fake(
        self,
        directions: Tensors,
        directed: str,
        seeds: Tensors,
        inputs: Tensors,
        names: str,
        params: Tensors,
        results: Tensors,
    ) -> Tensors:
        return [t.new_empty(t.shape) for t in seeds] + self._backward_fake(seeds, inputs, names, params, results)


def _arrays(tensors: Sequence[Any]) -> list[Any]:
    """The tensors as arrays, in the same memory."""
    return [t.detach().numpy() for t in tensors]


def _given(names: str, tensors: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names.split(), _arrays(tensors), strict=True))


def _tensors(arrays: Sequence[Any]) -> Tensors:
    return [torch.from_numpy(a) for a in arrays]


def _stand_in(tensor: Any) -> Any:
    """An array of the shape and type of a tensor without values. Its sizes become numbers: kernels have no others."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    return np.broadcast_to(np.zeros((), dtype), tuple(int(size) for size in tensor.shape))


def _empty(shape: tuple[int, ...], dtype: Any, like: Sequence[Any]) -> Any:
    return like[0].new_empty(shape, dtype=getattr(torch, dtype.name))


def _keep(ctx: Any, *lists: Sequence[Any]) -> None:
    ctx.save_for_backward(*(t for tensors in lists for t in tensors))
    ctx.lengths = [len(tensors) for tensors in lists]


def _kept(ctx: Any) -> list[Tensors]:
    tensors = iter(ctx.saved_tensors)
    return [[next(tensors) for _ in range(length)] for length in ctx.lengths]
