"""onnxruntime: forward operations, one node each, in ONNX's layout (channels first)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

from benchmarks.rows import Array, Layer, Row
from benchmarks.sides import Prepared, Unsupported

OPSET = 21
FORMAT = 10  # of the file; newer ones are refused by older runtimes

chosen: list[int] = [1]
"""The number of threads of this process."""


def start(threads: int) -> None:
    """Choose threads, once per process."""
    chosen[0] = threads


def release() -> None:
    """Nothing is kept that can be given back."""


def prepare(row: Row, arrays: Mapping[str, Array]) -> Prepared:
    """The row's operation on these arrays.

    Raises:
        Unsupported: for all but forward operations of convolutions in float32.
    """
    layer = row.layer
    if not isinstance(layer, Layer) or layer.kind == "transposed":
        raise Unsupported("convolutions only")
    if row.operation != "forward":
        raise Unsupported("onnxruntime computes forward only")
    if arrays["x"].dtype != np.float32:
        raise Unsupported("onnxruntime has no convolution in float64")
    x = np.ascontiguousarray(np.moveaxis(arrays["x"], -1, 1))
    ends = (-2, -1) if layer.kind == "depthwise" else (-1, -2)
    w = np.ascontiguousarray(np.moveaxis(arrays["w"], ends, (0, 1)))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = chosen[0]
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        _model(layer, w).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return Prepared(
        lambda: session.run(None, {"x": x})[0], lambda found: {"forward": np.moveaxis(np.asarray(found), 1, -1)}
    )


def _model(layer: Layer, w: Array) -> Any:
    """A graph of one Conv whose weights are constant, so that they may be packed beforehand."""
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"],
        strides=[layer.stride] * layer.axes, pads=[layer.padding] * 2 * layer.axes,
        dilations=[layer.dilation] * layer.axes,
        group=layer.channels if layer.kind == "depthwise" else layer.groups,
    )  # fmt: skip
    image = [layer.batch, layer.channels, *[layer.size] * layer.axes]
    result = [layer.batch, layer.filters, *[layer.out] * layer.axes]
    graph = helper.make_graph(
        [node], "row",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        [numpy_helper.from_array(w, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT)
    checker.check_model(model)
    return model
