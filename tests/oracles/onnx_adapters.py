"""ONNX's operators in terms of our layers, for tests/oracles/test_onnx_cases.py.

An adapter takes a case's inputs, attributes and outputs and says which of our layers computes the same; a string
instead is the reason why no layer of ours computes that.
"""

import math
from typing import Any

import numpy as np

from tests.cases.kernel_calls import forward
from tests.oracles.onnx_case import Adapter, Array, Call, Case, last, vectors
from tests.oracles.onnx_windows import convolution, global_pool, pool, transposed


def elementwise(name: str, **options: tuple[str, float]) -> Adapter:
    """An activation; `options` are ONNX's name and default of ours."""

    def adapter(case: Case) -> Call | str:
        taken = {ours: case.attributes.get(theirs, default) for ours, (theirs, default) in options.items()}
        return Call(name, {"x": case.inputs[0]}, taken, {"y": case.outputs[0]})

    return adapter


def selu(case: Case) -> Call | str:
    return "constants of its own" if case.attributes else elementwise("selu")(case)


def hard_sigmoid(case: Case) -> Call | str:
    """ONNX's slope is 0.2 unless it is given, ours 1/6: the line alpha*x + beta is translated into x/6 + 1/2."""
    line = case.attributes.get("alpha", 0.2) * case.inputs[0] + case.attributes.get("beta", 0.5)
    return Call("hard_sigmoid", {"x": (6 * line - 3).astype(np.float32)}, {}, {"y": case.outputs[0]})


def clip(case: Case) -> Call | str:
    least, most = case.given(1), case.given(2)
    if least is None or most is None:
        return "a limit on one side"
    if least > most:
        return "limits that leave nothing, which our layer refuses"
    return Call("hard_tanh", {"x": case.inputs[0]}, {"min_val": least, "max_val": most}, {"y": case.outputs[0]})


def gelu(case: Case) -> Call | str:
    return elementwise("gelu_tanh" if case.attributes.get("approximate") == "tanh" else "gelu")(case)


def swish(case: Case) -> Call | str:
    return elementwise("silu")(case) if case.attributes.get("alpha", 1.0) == 1 else "a slope of its own"


def prelu(case: Case) -> Call | str:
    """ONNX stretches the slopes along the last axes; a slope per element is a vector of channels."""
    x, slope = case.inputs
    axis = x.ndim - slope.ndim
    return Call("prelu", {"x": vectors(x, axis), "a": slope.reshape(-1)}, {}, {"y": vectors(case.outputs[0], axis)})


def softmax(name: str) -> Adapter:
    def adapter(case: Case) -> Call | str:
        axis = case.attributes.get("axis", -1)
        return Call(name, {"x": last(case.inputs[0], axis)}, {}, {"y": last(case.outputs[0], axis)})

    return adapter


def dropout(case: Case) -> Call | str:
    if not case.given(2) or len(case.outputs) < 2:
        return "no training, or no mask given"
    y, mask = case.outputs
    return Call("dropout", {"x": case.inputs[0], "mask": mask.astype(np.float32)}, {"p": case.inputs[1]}, {"y": y})


def batch_norm(case: Case) -> Call | str:
    """ONNX's momentum is the weight of the old statistics, and its running variance is not the unbiased one."""
    x, gamma, beta, mean, variance = case.inputs
    arrays = {"x": last(x), "gamma": gamma, "beta": beta, "running_mean": mean, "running_var": variance}
    options = {"eps": case.attributes.get("epsilon", 1e-5)}
    if not case.attributes.get("training_mode", 0):
        return Call("batch_norm_inference", arrays, options, {"y": last(case.outputs[0])})
    y, new_mean, new_variance = case.outputs
    kept, count = case.attributes.get("momentum", 0.9), x.size // x.shape[1]
    unbiased = kept * variance + (new_variance - kept * variance) * count / (count - 1)
    expected = {"y": last(y), "new_mean": new_mean, "new_var": unbiased}
    return Call("batch_norm", arrays, options | {"momentum": 1 - kept}, expected)


def channel_norm(name: str) -> Adapter:
    def adapter(case: Case) -> Call | str:
        x, gamma, beta = case.inputs
        options = {"eps": case.attributes.get("epsilon", 1e-5)}
        options |= {"num_groups": case.attributes["num_groups"]} if name == "group_norm" else {}
        return Call(name, {"x": last(x), "gamma": gamma, "beta": beta}, options, {"y": last(case.outputs[0])})

    return adapter


def vector_norm(name: str) -> Adapter:
    def adapter(case: Case) -> Call | str:
        x, axis = case.inputs[0], case.attributes.get("axis", -1) % case.inputs[0].ndim
        arrays = {"x": vectors(x, axis), "gamma": case.inputs[1].reshape(-1)}
        arrays |= {"beta": case.inputs[2].reshape(-1)} if name == "layer_norm" else {}
        options = {"eps": case.attributes.get("epsilon", 1e-5)}
        return Call(name, arrays, options, {"y": vectors(case.outputs[0], axis)})

    return adapter


def local_response_norm(case: Case) -> Call | str:
    defaults = {"alpha": ("alpha", 1e-4), "beta": ("beta", 0.75), "k": ("bias", 1.0)}
    options = {ours: case.attributes.get(theirs, default) for ours, (theirs, default) in defaults.items()}
    options["size"] = case.attributes["size"]
    return Call("local_response_norm", {"x": last(case.inputs[0])}, options, {"y": last(case.outputs[0])})


def labels(name: str) -> Adapter:
    def adapter(case: Case) -> Call | str:
        if (reduction := case.attributes.get("reduction", "mean")) != "mean":
            return f"reduction {reduction}"
        x, t, w = case.inputs[0], case.inputs[1], case.given(2)
        arrays = {"x": last(x), "t": t, "w": np.ones(x.shape[1], np.float32) if w is None else w}
        options = {"ignore_index": case.attributes.get("ignore_index", -100)}
        return Call(name, arrays, options, {"y": case.outputs[0]})

    return adapter


def pad(case: Case) -> Call | str:
    x, pads, axes = case.inputs[0], case.inputs[1].tolist(), case.given(3)
    axes = [a % x.ndim for a in (range(x.ndim) if axes is None else axes.tolist())]
    padding = dict(zip(axes, zip(pads[: len(axes)], pads[len(axes) :], strict=True), strict=True))
    if any(padding.get(a, (0, 0)) != (0, 0) for a in range(x.ndim - 2)):
        return "padding of the batch or the channels"
    mode = case.attributes["mode"]
    name = {"constant": "constant", "reflect": "reflection", "edge": "replication", "wrap": "circular"}[mode]
    options: dict[str, Any] = {"padding": tuple(padding.get(a, (0, 0)) for a in (x.ndim - 2, x.ndim - 1))}
    options |= {"value": case.inputs[2]} if mode == "constant" else {}
    return Call(f"{name}_pad2d", {"x": last(x).astype(np.float32)}, options, {"y": last(case.outputs[0])})


def channels_first_digit(t: Array, blocks: int) -> Array:
    """DCR order, in which the channel is the last digit, to CRD, PyTorch's and ours, in which it is the first."""
    n, c, *image = t.shape
    return np.moveaxis(t.reshape(n, blocks, blocks, c // blocks**2, *image), 3, 1).reshape(t.shape)


def depth_to_space(case: Case) -> Call | str:
    x, s = case.inputs[0], case.attributes["blocksize"]
    x = x if case.attributes.get("mode", "DCR") == "CRD" else channels_first_digit(x, s)
    return Call("pixel_shuffle", {"x": last(x)}, {"upscale_factor": s}, {"y": last(case.outputs[0])})


def space_to_depth(case: Case) -> Call | str:
    y, s = case.outputs[0], case.attributes["blocksize"]
    y = y if case.attributes.get("mode", "DCR") == "CRD" else channels_first_digit(y, s)
    return Call("pixel_unshuffle", {"x": last(case.inputs[0])}, {"downscale_factor": s}, {"y": last(y)})


def resize(case: Case) -> Call | str:
    """Only whole factors, between whose pixels the nearest one is not in question."""
    x, y, a = case.inputs[0], case.outputs[0], case.attributes
    if a["mode"] != "nearest":
        return "interpolation"
    if {"nearest_mode", "coordinate_transformation_mode"} & {*a}:
        return "a rounding of its own"
    if any(after % before for before, after in zip(x.shape, y.shape, strict=True)):
        return "a factor that is not whole"
    factors = tuple(after // before for before, after in zip(x.shape[2:], y.shape[2:], strict=True))
    return Call(f"upsample_nearest{len(factors)}d", {"x": last(x)}, {"scale_factor": factors}, {"y": last(y)})


def gather(case: Case) -> Call | str:
    data, indices = case.inputs
    if (indices < 0).any():
        return "labels from the end"
    axis = case.attributes.get("axis", 0)
    expected = np.moveaxis(case.outputs[0], range(axis, axis + indices.ndim), range(indices.ndim))
    table = np.moveaxis(data, axis, 0)
    rows = expected.reshape(*indices.shape, -1)
    return Call("embedding", {"t": indices, "w": table.reshape(len(table), -1)}, {}, {"y": rows})


def flatten(case: Case) -> Call | str:
    if case.attributes.get("axis", 1) % 4 != 1:
        return "another axis than the second"
    return Call("flatten", {"x": case.inputs[0]}, {}, {"y": case.outputs[0]})


def gemm(case: Case) -> Call | str:
    a, b, c = case.inputs[0], case.inputs[1], case.given(2)
    attributes = case.attributes
    a = a.T if attributes.get("transA") else a
    b = b.T if attributes.get("transB") else b
    if c is not None and c.ndim == 2 and len(c) > 1:
        return "a bias per example"
    a = np.float32(attributes.get("alpha", 1)) * a
    bias = None if c is None else np.float32(attributes.get("beta", 1)) * np.broadcast_to(c, (1, b.shape[1]))[0]
    return Call("dense", {"x": a, "w": b, "b": bias}, {}, {"u": case.outputs[0]})


def matmul(case: Case) -> Call | str:
    a, b = case.inputs
    if b.ndim != 2:
        return "not one matrix for all"
    return Call("dense", {"x": a, "w": b}, {}, {"u": case.outputs[0]})


def concat(case: Case) -> Call | str:
    axis = case.attributes["axis"]
    x, z = (last(t, axis) for t in case.inputs)
    return Call("concatenation", {"x": x, "z": z}, {}, {"y": last(case.outputs[0], axis)})


def add(case: Case) -> Call | str:
    x, z = case.inputs
    if x.shape != z.shape or x.dtype != np.float32:
        return "shapes that are stretched, or integers"
    return Call("residual_add", {"x": x, "z": z}, {}, {"y": case.outputs[0]})


def attention(case: Case) -> Call | str:
    """Heads are an axis; a scale of its own goes into the queries."""
    a, (q, k, v), mask = case.attributes, case.inputs[:3], case.given(3)
    known = {"is_causal", "scale", "q_num_heads", "kv_num_heads"}
    if {*a} - known or any(t is not None for t in case.inputs[4:]):
        return "a cache, a window or a cap"
    y = case.outputs[0]
    if a.get("q_num_heads") != a.get("kv_num_heads") or (q.ndim == 4 and q.shape[1] != k.shape[1]):
        return "grouped queries"
    if q.ndim == 3:
        q, k, v, y = (np.moveaxis(t.reshape(*t.shape[:2], a["q_num_heads"], -1), 2, 1) for t in (q, k, v, y))
    if mask is not None and mask.ndim > 2:
        return "a mask per example"
    if mask is not None and mask.dtype == bool:
        mask = np.where(mask, np.float32(0), np.float32(-math.inf))
    scale = a.get("scale", 1 / math.sqrt(q.shape[-1])) * math.sqrt(q.shape[-1])
    arrays = {"q": (q * scale).astype(np.float32), "k": k, "v": v, "m": mask}
    return Call("scaled_dot_product_attention", arrays, {"is_causal": bool(a.get("is_causal", 0))}, {"y": y})


def recurrent(name: str, order: tuple[int, ...], *states: str) -> Adapter:
    """Steps of a cell; `order` are the places of our gates among ONNX's."""

    def adapter(case: Case) -> Call | str:
        x, w, r = (np.asarray(t) for t in case.inputs[:3])
        units, gates = case.attributes["hidden_size"], len(order)
        x = np.moveaxis(x, 1, 0) if case.attributes.get("layout") else x
        x = x[::-1] if case.attributes.get("direction") == "reverse" else x
        if len(w) > 1 or any(t is not None for t in case.inputs[4:]):
            return "two directions, states or peepholes"
        split = [t[0].reshape(gates, units, -1)[[*order]] for t in (w, r)]
        kernels = [t[0].T if gates == 1 else np.moveaxis(t, -1, 0) for t in split]
        bias = np.zeros((1, 2 * gates * units), np.float32) if case.given(3) is None else case.given(3)
        b, d = (t[0] if gates == 1 else t[[*order]] for t in bias.reshape(2, gates, units))
        if name == "gru_cell" and (d.any() or len(x) > 1) and not case.attributes.get("linear_before_reset"):
            return "a reset gate before the product with the state"  # as in the paper; ours is behind, as in cuDNN
        biases = {"b": b, "d": d} if name == "gru_cell" else {"b": b + d}
        arrays = {"w": kernels[0], "r": kernels[1], **biases}
        arrays |= {state: np.zeros((x.shape[1], units), np.float32) for state in states}
        for step in x[:-1]:
            arrays |= zip(states, forward(name, {"x": step, **arrays}, {}).values(), strict=False)
        arrays["x"] = x[-1]
        results = zip(("y", "z"), case.outputs[1:], strict=False)
        return Call(name, arrays, {}, {ours: t.reshape(x.shape[1], units) for ours, t in results if t is not None})

    return adapter


ADAPTERS: dict[str, tuple[Adapter, int]] = {
    "Relu": (elementwise("relu"), 1),
    "LeakyRelu": (elementwise("leaky_relu", negative_slope=("alpha", 0.01)), 3),
    "PRelu": (prelu, 2),
    "Elu": (elementwise("elu", alpha=("alpha", 1.0)), 3),
    "Selu": (selu, 1),
    "Celu": (elementwise("celu", alpha=("alpha", 1.0)), 1),
    "Softplus": (elementwise("softplus"), 2),
    "Sigmoid": (elementwise("sigmoid"), 2),
    "HardSigmoid": (hard_sigmoid, 3),
    "HardSwish": (elementwise("hard_swish"), 1),
    "Gelu": (gelu, 4),
    "Mish": (elementwise("mish"), 1),
    "Swish": (swish, 1),
    "Softsign": (elementwise("softsign"), 2),
    "Tanh": (elementwise("tanh"), 2),
    "Clip": (clip, 4),
    "Softmax": (softmax("softmax"), 7),
    "LogSoftmax": (softmax("log_softmax"), 7),
    "Dropout": (dropout, 3),
    "Conv": (convolution, 6),
    "ConvTranspose": (transposed, 10),
    "MaxPool": (pool("max"), 14),
    "AveragePool": (pool("avg"), 14),
    "LpPool": (pool("lp"), 6),
    "GlobalMaxPool": (global_pool("global_max_pool"), 2),
    "GlobalAveragePool": (global_pool("global_avg_pool"), 2),
    "BatchNormalization": (batch_norm, 4),
    "InstanceNormalization": (channel_norm("instance_norm"), 2),
    "GroupNormalization": (channel_norm("group_norm"), 2),
    "LayerNormalization": (vector_norm("layer_norm"), 15),
    "RMSNormalization": (vector_norm("rms_norm"), 15),
    "LRN": (local_response_norm, 2),
    "NegativeLogLikelihoodLoss": (labels("nll_loss"), 6),
    "SoftmaxCrossEntropyLoss": (labels("cross_entropy"), 12),
    "Pad": (pad, 3),
    "DepthToSpace": (depth_to_space, 2),
    "SpaceToDepth": (space_to_depth, 2),
    "Resize": (resize, 2),
    "Upsample": (resize, 1),
    "Gather": (gather, 3),
    "Flatten": (flatten, 3),
    "Gemm": (gemm, 8),
    "MatMul": (matmul, 1),
    "Concat": (concat, 8),
    "Add": (add, 1),
    "Attention": (attention, 16),
    "RNN": (recurrent("simple_rnn_cell", (0,), "h"), 4),
    "LSTM": (recurrent("lstm_cell", (0, 2, 3, 1), "h", "c"), 3),
    "GRU": (recurrent("gru_cell", (1, 0, 2), "h"), 2),
}
"""ONNX's operator -> adapter, and the least number of cases that must really be compared."""
