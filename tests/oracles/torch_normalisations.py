"""PyTorch's normalisations in terms of our layers."""

from typing import Any

import numpy as np

from tests.oracles.torch_calls import Arrays, Call, Layout, channels_last, same, vectors


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
