"""ONNX's operators of windows in terms of our layers: convolutions and pools."""

from typing import Any

import numpy as np

from tests.oracles.onnx_case import TOLERANCE, Adapter, Call, Case, kernel_first, last


def windows(case: Case, kernel: tuple[int, ...]) -> dict[str, Any]:
    """Our options; automatic padding is as in TensorFlow: as many windows as there are steps."""
    extents, a = case.inputs[0].shape[2:], case.attributes
    stride, dilation = a.get("strides", [1] * len(extents)), a.get("dilations", [1] * len(extents))
    pads = a.get("pads", [0] * 2 * len(extents))
    if a.get("auto_pad", "NOTSET").startswith("SAME"):
        steps = zip(extents, stride, dilation, kernel, strict=True)
        pads = ends(a["auto_pad"], [max((-(-e // s) - 1) * s + d * (k - 1) + 1 - e, 0) for e, s, d, k in steps])
    padding = tuple(zip(pads[: len(extents)], pads[len(extents) :], strict=True))
    return {"kernel_size": kernel, "stride": tuple(stride), "dilation": tuple(dilation), "padding": padding}


def ends(auto_pad: str, totals: list[int]) -> list[int]:
    """All starts, then all ends; an odd element goes to the end unless the word says LOWER."""
    more = [(t + 1) // 2 for t in totals]
    less = [t // 2 for t in totals]
    return more + less if auto_pad == "SAME_LOWER" else less + more


def convolution(case: Case) -> Call | str:
    x, w, b = case.inputs[0], case.inputs[1], case.given(2)
    options = windows(case, w.shape[2:]) | {"groups": case.attributes.get("group", 1)}
    return Call(
        f"conv{x.ndim - 2}d", {"x": last(x), "w": kernel_first(w), "b": b}, options, {"u": last(case.outputs[0])}
    )


def transposed(case: Case) -> Call | str:
    """A given or automatic output extent is what the padding follows from; beyond the full extent it is grown."""
    x, w, b = case.inputs[0], case.inputs[1], case.given(2)
    rank, a, y = x.ndim - 2, case.attributes, case.outputs[0]
    options = windows(Case(case.inputs, {k: v for k, v in a.items() if k != "auto_pad"}, ()), w.shape[2:])
    more = a.get("output_padding", [0] * rank)
    if "output_shape" in a or "auto_pad" in a:
        spans = zip(x.shape[2:], options["stride"], options["dilation"], w.shape[2:], more, y.shape[2:], strict=True)
        totals = [s * (e - 1) + o + d * (k - 1) + 1 - size for e, s, d, k, o, size in spans]
        pads = ends(a.get("auto_pad", "NOTSET"), [max(t, 0) for t in totals])
        options["padding"] = tuple(zip(pads[:rank], pads[rank:], strict=True))
        more = [o + max(-t, 0) for o, t in zip(more, totals, strict=True)]
    options |= {"output_padding": tuple(more), "groups": a.get("group", 1)}
    return Call(f"conv_transpose{rank}d", {"x": last(x), "w": kernel_first(w), "b": b}, options, {"u": last(y)})


def pool(kind: str) -> Adapter:
    def adapter(case: Case) -> Call | str:
        x, a = case.inputs[0], case.attributes
        options = windows(case, tuple(a["kernel_shape"])) | {"ceil_mode": bool(a.get("ceil_mode", 0))}
        spans = zip(options["padding"], options["kernel_size"], options["dilation"], strict=True)
        if any(2 * max(pair) > d * (k - 1) + 1 for pair, k, d in spans):
            return "padding beyond half of the kernel, which PyTorch and we refuse"
        if kind == "avg":  # ONNX leaves padding out of the mean unless told otherwise, PyTorch and we count it
            options["count_include_pad"] = bool(a.get("count_include_pad", 0))
        options |= {"norm_type": float(a.get("p", 2))} if kind == "lp" else {}
        arrays = {"x": last(x).astype(np.float32)}
        y = last(case.outputs[0])
        rounded = kind == "avg" and np.array_equal(y, y.round(4))  # one case has four digits in its text
        return Call(f"{kind}_pool{x.ndim - 2}d", arrays, options, {"y": y}, 1e-3 if rounded else TOLERANCE)

    return adapter


def global_pool(name: str) -> Adapter:
    def adapter(case: Case) -> Call | str:
        y = case.outputs[0]
        return Call(name, {"x": last(case.inputs[0])}, {}, {"y": y.reshape(y.shape[:2])})

    return adapter
