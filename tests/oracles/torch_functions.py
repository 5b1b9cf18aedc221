"""PyTorch's activations, linear layers, losses, attention and cells in terms of our layers."""

from typing import Any

import numpy as np
import pytest

from tests.oracles.torch_calls import Adapter, Call, additive, axis_last, batch_of, channels_last, one_channel, same

torch = pytest.importorskip("torch")


def elementwise(name: str) -> Adapter:
    """An activation whose options have the same names."""

    def adapter(input: Any, inplace: bool = False, **options: float) -> Call | str:
        return Call(name, {"x": (input, same)}, options)

    return adapter


def hard_sigmoid(input: Any, inplace: bool = False) -> Call | str:
    """PyTorch's derivative is 1/6 in float32, also for float64 (2.13)."""
    return Call("hard_sigmoid", {"x": (input, same)}, tolerance=1e-7)


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Call | str:
    """PyTorch continues as the identity above a threshold, ours needs none: compared below it."""
    below = input * beta <= threshold
    return Call("softplus", {"x": (input, lambda t: t[below])}, {"beta": beta}, (lambda t: t[below],))


def gelu(input: Any, approximate: str = "none") -> Call | str:
    return Call("gelu" if approximate == "none" else "gelu_tanh", {"x": (input, same)})


def prelu(input: Any, weight: Any) -> Call | str:
    layout = one_channel if weight.numel() == 1 else channels_last
    return Call("prelu", {"x": (input, layout), "a": (weight, lambda t: t.reshape(-1))}, {}, (layout,))


def softmax(name: str) -> Adapter:
    def adapter(input: Any, dim: int, dtype: Any = None) -> Call | str:
        return Call(name, {"x": (input, axis_last(dim))}, {}, (axis_last(dim),))

    return adapter


def linear(input: Any, weight: Any, bias: Any = None) -> Call | str:
    if weight.ndim != 2:
        return "a weight that is a vector"
    return Call("dense", {"x": (input, same), "w": (weight, lambda t: t.mT), "b": (bias, same)})


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Call | str:
    w = (weight, lambda t: t.movedim(0, -1))
    return Call("bilinear", {"x": (input1, same), "z": (input2, same), "w": w, "b": (bias, same)})


def embedding(weight: Any, input: Any, **options: Any) -> Call | str:
    return "options " + ", ".join(options) if options else Call("embedding", {"t": (input, same), "w": (weight, same)})


def cat(tensors: Any, dim: int = 0) -> Call | str:
    if len(tensors) != 2 or tensors[0].ndim != tensors[1].ndim:
        return "not two tensors of one rank"
    layout = axis_last(dim)
    return Call("concatenation", {"x": (tensors[0], layout), "z": (tensors[1], layout)}, {}, (layout,))


def loss(name: str) -> Adapter:
    """A mean over all elements; its options have the same names."""

    def adapter(input: Any, target: Any, reduction: str = "mean", **options: Any) -> Call | str:
        if reduction != "mean":
            return f"reduction {reduction}"
        if any(torch.is_tensor(value) for value in options.values()):
            return "weights " + ", ".join(options)
        if input.shape != target.shape:
            return "shapes that are stretched"
        return Call(name, {"x": (input, same), "t": (target, same)}, options)

    return adapter


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Call | str:
    """The mean over the batch; logarithms of the target become probabilities, as ours are."""
    if reduction != "batchmean":
        return f"reduction {reduction}"
    return Call("kl_divergence", {"x": (input, same), "t": (target, torch.exp if log_target else same)})


def labels(name: str) -> Adapter:
    """Classes are PyTorch's axis 1, and our last one."""

    def adapter(input: Any, target: Any, weight: Any = None, reduction: str = "mean", **options: float) -> Call | str:
        if reduction != "mean":
            return f"reduction {reduction}"
        if target.is_floating_point():
            return "probabilities as labels"
        arrays = {"x": (input, channels_last), "t": (target, same), "w": (weight, same)}
        classes = channels_last(input).shape[-1]
        return Call(name, arrays, options, constants={"w": np.ones(classes)} if weight is None else {})

    return adapter


def attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **rest: Any,
) -> Call | str:
    if dropout_p or any(rest.values()):
        return "dropout, a scale or grouped queries"
    if len({t.shape[:-2] for t in (query, key, value)}) > 1:
        return "shapes that are stretched"
    if attn_mask is not None and attn_mask.ndim > 2:
        return "a mask per example"
    arrays = {"q": (query, same), "k": (key, same), "v": (value, same), "m": (attn_mask, additive)}
    return Call("scaled_dot_product_attention", arrays, {"is_causal": is_causal})


def recurrent(name: str, gates: int, *states: str) -> Adapter:
    """One step of a module whose weights have the axes (gates*H, C), ours (C, gates, H)."""

    def adapter(module: Any, input: Any, given: Any = None) -> Call | str:
        if getattr(module, "nonlinearity", "tanh") != "tanh":
            return "relu instead of tanh"

        def split(t: Any) -> Any:
            return t.unflatten(0, (gates, module.hidden_size)) if gates > 1 else t

        def rows(t: Any) -> Any:
            return batch_of(1, t)

        w, r = ((t, lambda t: split(t).movedim(-1, 0)) for t in (module.weight_ih, module.weight_hh))
        arrays = {"x": (input, rows), "w": w, "r": r, "b": (module.bias_ih, split)}
        if name == "gru_cell":
            arrays["d"] = (module.bias_hh, split)
        elif module.bias:  # both biases are added, and ours is their sum
            with torch.no_grad():
                module.bias_hh.zero_()
        begin = given if isinstance(given, tuple) else (given,) * len(states)
        arrays |= {state: (t, rows) for state, t in zip(states, begin, strict=True)}
        zeros = np.zeros((len(rows(input)), module.hidden_size))
        return Call(name, arrays, {}, (rows,) * len(states), {} if given is not None else dict.fromkeys(states, zeros))

    return adapter
