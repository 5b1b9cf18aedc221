"""PyTorch's operators in terms of our layers, for tests/oracles/test_torch_samples.py.

An adapter has PyTorch's signature and says which of our layers computes the same, how its arrays are laid out and what
its options are called; a string instead is the reason why no layer of ours computes that.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from gradscribe.derive.catalogue.layers import LAYERS

torch = pytest.importorskip("torch")

TOLERANCE = 1e-9

Layout = Callable[[Any], Any]
"""From PyTorch's layout of a tensor to ours: linear, and one to one, so that it holds for gradients as well."""

Arrays = Mapping[str, tuple[Any, Layout]]
"""The tensors of a sample by our names, each with its layout; a tensor None is absent."""


def same(t: Any) -> Any:
    return t


@dataclass(frozen=True)
class Call:
    """A call of our layer.

    Attributes:
        layer: its name.
        arrays: the tensors of the sample.
        options: by our names.
        outputs: the layouts of the outputs to compare.
        constants: arrays that the sample leaves to a default.
        updated: tensors that PyTorch writes to, by the names of our outputs.
        tolerance: of gradients.
    """

    layer: str
    arrays: Arrays
    options: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[Layout, ...] = (same,)
    constants: dict[str, Any] = field(default_factory=dict)
    updated: dict[str, Any] = field(default_factory=dict)
    tolerance: float = TOLERANCE


def refused(call: Call) -> str:
    """The option of a sample that is out of the range which our layer declares, in words; "" where there is none."""
    for option in LAYERS[call.layer]().options:
        value = call.options.get(option.name)
        if option.values is not None and isinstance(value, int | float) and value not in option.values:
            return f"{option.name} out of range"
    return ""


Adapter = Callable[..., Call | str]


# ----- layouts --------------------------------------------------------------------------------------------------------
def channels_last(t: Any) -> Any:
    return t.movedim(1, -1) if t.ndim > 1 else t


def axis_last(axis: int) -> Layout:
    return lambda t: t.movedim(axis, -1) if t.ndim else t.reshape(1)


def one_channel(t: Any) -> Any:
    """Every element is an axis of one channel."""
    return t[..., None]


def kernel_first(t: Any) -> Any:
    """Both (K, C, ...) of a convolution and (C, K, ...) of a transposed one."""
    return t.movedim((0, 1), (-1, -2))


def batch_of(rank: int, t: Any) -> Any:
    """All axes but the last `rank` as one."""
    return t.reshape(math.prod(t.shape[: t.ndim - rank]), *t.shape[t.ndim - rank :])


def images(rank: int) -> Layout:
    """Channels last; an image without a batch is a batch of one."""
    return lambda t: batch_of(rank + 1, t).movedim(1, -1)


def planes(rank: int) -> Layout:
    """All axes but the last `rank` are a batch, and there is one channel."""
    return lambda t: batch_of(rank, t)[..., None]


def vectors(rank: int) -> Layout:
    """The last `rank` axes as one."""
    return lambda t: t.reshape(*t.shape[: t.ndim - rank], math.prod(t.shape[t.ndim - rank :]))


def additive(mask: Any) -> Any:
    """PyTorch also takes a mask of what is seen."""
    return torch.zeros(mask.shape).double().masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else mask


# ----- activations ----------------------------------------------------------------------------------------------------
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


# ----- images ---------------------------------------------------------------------------------------------------------
def image_call(name: str, rank: int, input: Any, options: dict[str, Any], **others: tuple[Any, Layout]) -> Call:
    """A layer over `rank` spatial axes. PyTorch takes (2,) for all of them, and None or () for a default."""
    given = {option: value for option, value in options.items() if value not in (None, ())}
    given = {o: v[0] if isinstance(v, (tuple, list)) and len(v) == 1 < rank else v for o, v in given.items()}
    return Call(f"{name}{rank}d", {"x": (input, images(rank)), **others}, given, (images(rank),))


def convolution(name: str, rank: int) -> Adapter:
    def adapter(input: Any, weight: Any, bias: Any = None, **options: Any) -> Call | str:
        options["kernel_size"] = tuple(weight.shape[2:])
        return image_call(name, rank, input, options, w=(weight, kernel_first), b=(bias, same))

    return adapter


def max_pool(rank: int) -> Adapter:
    def adapter(input: Any, return_indices: bool = False, **options: Any) -> Call | str:
        return "a sample again, with indices" if return_indices else image_call("max_pool", rank, input, options)

    return adapter


def avg_pool(rank: int) -> Adapter:
    def adapter(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Call | str:
        if divisor_override is not None:
            return "a divisor of its own"
        options = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
        return image_call("avg_pool", rank, input, options | {"count_include_pad": count_include_pad})

    return adapter


def lp_pool(rank: int) -> Adapter:
    def adapter(module: Any, input: Any) -> Call | str:
        if module.norm_type % 2:
            return "a power that is not even, of which PyTorch takes no absolute values"
        names = ("norm_type", "kernel_size", "stride", "ceil_mode")
        return image_call("lp_pool", rank, input, {name: getattr(module, name) for name in names})

    return adapter


def adaptive_pool(kind: str, rank: int) -> Adapter:
    def adapter(input: Any, output_size: Any, return_indices: bool = False) -> Call | str:
        sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * rank
        sizes = tuple(s or extent for s, extent in zip(sizes, input.shape[-rank:], strict=True))
        return image_call(f"adaptive_{kind}_pool", rank, input, {"output_size": sizes})

    return adapter


def pad(kind: str) -> Adapter:
    """Leading axes that are not padded join the batch; PyTorch's list of ends starts with the last axis."""

    def adapter(input: Any, pad: Any, mode: str = "", value: float | None = None) -> Call | str:
        if min(pad) < 0:
            return "cropping by negative padding"
        if kind == "constant" and len(pad) == 2:  # ours has two axes
            pad = (*pad, 0, 0)
        rank = len(pad) // 2
        if f"{kind}_pad{rank}d" not in LAYERS or rank > input.ndim:
            return f"{rank} padded axes"
        options: dict[str, Any] = {"padding": tuple(zip(pad[::2], pad[1::2], strict=True))[::-1]}
        options |= {"value": value or 0.0} if kind == "constant" else {}
        return Call(f"{kind}_pad{rank}d", {"x": (input, planes(rank))}, options, (planes(rank),))

    return adapter


def pixels(name: str) -> Adapter:
    def adapter(input: Any, **options: int) -> Call | str:
        return Call(name, {"x": (input, images(2))}, options, (images(2),))

    return adapter


# ----- linear layers, look-up and concatenation -----------------------------------------------------------------------
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


# ----- normalisation --------------------------------------------------------------------------------------------------
def normalised(
    name: str, input: Any, layout: Layout, affine: Arrays, options: dict[str, Any], statistics: Arrays | None = None
) -> Call:
    """A normalisation along our last axis; scale, shift and statistics that are not given are 1 and 0."""
    arrays = {"x": (input, layout), **affine, **(statistics or {})}
    absent = [array for array, (t, _) in arrays.items() if t is None]
    neutral = {"gamma": 1.0, "beta": 0.0, "running_mean": 0.0, "running_var": 1.0}
    channels = layout(input).shape[-1]
    return Call(name, arrays, options, (layout,), {array: np.full(channels, neutral[array]) for array in absent})


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Call | str:
    if input.ndim < 2:
        return "no channels"
    affine = {"gamma": (weight, same), "beta": (bias, same)}
    statistics = {"running_mean": (running_mean, same), "running_var": (running_var, same)}
    if not training:
        return normalised("batch_norm_inference", input, channels_last, affine, {"eps": eps}, statistics)
    options = {"momentum": momentum, "eps": eps}
    call = normalised("batch_norm", input, channels_last, affine, options, statistics)
    call.updated.update({} if running_mean is None else {"new_mean": running_mean, "new_var": running_var})
    return call


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Call | str:
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    affine = {"gamma": (weight, same), "beta": (bias, same)}
    return normalised("instance_norm", input, channels_last, affine, {"eps": eps})


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Call | str:
    affine = {"gamma": (weight, same), "beta": (bias, same)}
    return normalised("group_norm", input, channels_last, affine, {"num_groups": num_groups, "eps": eps})


def layer_norm(input: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Call | str:
    layout = vectors(len(shape))
    return normalised("layer_norm", input, layout, {"gamma": (weight, layout), "beta": (bias, layout)}, {"eps": eps})


def rms_norm(input: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Call | str:
    """PyTorch's default is the machine's epsilon of the tensor's type, ours is 1e-6."""
    layout, eps = vectors(len(shape)), float(np.finfo(np.float64).eps) if eps is None else eps
    return normalised("rms_norm", input, layout, {"gamma": (weight, layout)}, {"eps": eps})


def local_response_norm(input: Any, size: int, **options: float) -> Call | str:
    return normalised("local_response_norm", input, channels_last, {}, {"size": size, **options})


# ----- losses ---------------------------------------------------------------------------------------------------------
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


# ----- attention and recurrent cells ----------------------------------------------------------------------------------
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


F = "nn.functional."
ADAPTERS: dict[str, tuple[Adapter, int]] = {
    f"{F}relu": (elementwise("relu"), 4),
    f"{F}leaky_relu": (elementwise("leaky_relu"), 6),
    f"{F}elu": (elementwise("elu"), 3),
    f"{F}selu": (elementwise("selu"), 3),
    f"{F}celu": (elementwise("celu"), 3),
    f"{F}relu6": (elementwise("relu6"), 3),
    f"{F}hardtanh": (elementwise("hard_tanh"), 4),
    f"{F}hardsigmoid": (hard_sigmoid, 3),
    f"{F}hardswish": (elementwise("hard_swish"), 4),
    f"{F}logsigmoid": (elementwise("log_sigmoid"), 3),
    f"{F}softsign": (elementwise("softsign"), 3),
    f"{F}silu": (elementwise("silu"), 3),
    f"{F}mish": (elementwise("mish"), 3),
    "sigmoid": (elementwise("sigmoid"), 3),
    "tanh": (elementwise("tanh"), 1),
    f"{F}softplus": (softplus, 3),
    f"{F}gelu": (gelu, 6),
    f"{F}prelu": (prelu, 15),
    "softmax": (softmax("softmax"), 6),
    "log_softmax": (softmax("log_softmax"), 6),
    f"{F}conv1d": (convolution("conv", 1), 8),
    f"{F}conv2d": (convolution("conv", 2), 20),
    f"{F}conv3d": (convolution("conv", 3), 12),
    f"{F}conv_transpose1d": (convolution("conv_transpose", 1), 8),
    f"{F}conv_transpose2d": (convolution("conv_transpose", 2), 8),
    f"{F}conv_transpose3d": (convolution("conv_transpose", 3), 8),
    f"{F}max_pool1d": (max_pool(1), 300),
    f"{F}max_pool2d": (max_pool(2), 500),
    f"{F}max_pool3d": (max_pool(3), 200),
    f"{F}avg_pool1d": (avg_pool(1), 7),
    f"{F}avg_pool2d": (avg_pool(2), 2),
    f"{F}avg_pool3d": (avg_pool(3), 3),
    f"{F}adaptive_avg_pool1d": (adaptive_pool("avg", 1), 5),
    f"{F}adaptive_avg_pool2d": (adaptive_pool("avg", 2), 8),
    f"{F}adaptive_max_pool1d": (adaptive_pool("max", 1), 6),
    f"{F}adaptive_max_pool2d": (adaptive_pool("max", 2), 16),
    "LPPool1d": (lp_pool(1), 2),
    "LPPool2d": (lp_pool(2), 2),
    "LPPool3d": (lp_pool(3), 2),
    f"{F}pad constant": (pad("constant"), 25),
    f"{F}pad reflect": (pad("reflection"), 6),
    f"{F}pad replicate": (pad("replication"), 6),
    f"{F}pad circular": (pad("circular"), 4),
    f"{F}pixel_shuffle": (pixels("pixel_shuffle"), 4),
    f"{F}pixel_unshuffle": (pixels("pixel_unshuffle"), 4),
    f"{F}linear": (linear, 12),
    f"{F}bilinear": (bilinear, 10),
    f"{F}embedding": (embedding, 3),
    "cat": (cat, 5),
    f"{F}batch_norm": (batch_norm, 8),
    f"{F}instance_norm": (instance_norm, 6),
    f"{F}group_norm": (group_norm, 15),
    f"{F}layer_norm": (layer_norm, 5),
    f"{F}rms_norm": (rms_norm, 5),
    f"{F}local_response_norm": (local_response_norm, 8),
    f"{F}mse_loss": (loss("mean_squared_error"), 3),
    f"{F}l1_loss": (loss("l1_loss"), 3),
    f"{F}huber_loss": (loss("huber_loss"), 3),
    f"{F}smooth_l1_loss": (loss("smooth_l1_loss"), 3),
    f"{F}binary_cross_entropy": (loss("binary_cross_entropy"), 4),
    f"{F}binary_cross_entropy_with_logits": (loss("binary_cross_entropy_with_logits"), 4),
    f"{F}kl_div": (kl_div, 3),
    f"{F}cross_entropy": (labels("cross_entropy"), 5),
    f"{F}nll_loss": (labels("nll_loss"), 12),
    f"{F}scaled_dot_product_attention": (attention, 4),
    "RNNCell": (recurrent("simple_rnn_cell", 1, "h"), 2),
    "LSTMCell": (recurrent("lstm_cell", 4, "h", "c"), 2),
    "GRUCell": (recurrent("gru_cell", 3, "h"), 2),
}
"""PyTorch's operator (or module) -> adapter, and the least number of samples that must really be compared."""
